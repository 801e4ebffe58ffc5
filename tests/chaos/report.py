"""A run as a line, a table and a picture."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.scenarios import Outcome

WIDTH, HEIGHT, LEFT = 900, 120, 130  # pixels of one timeline, and of its names
LEGEND = "grey: questions asked · green: writes in the fakes' ledgers · red strokes: faults · green strokes: at rest"


@dataclass(frozen=True, slots=True)
class Row:
    """One run. `events`: (seconds, what was done); `samples`: (seconds, questions asked, writes in the ledgers)."""

    name: str
    outcome: Outcome
    events: tuple[tuple[float, str], ...]
    samples: tuple[tuple[float, int, int], ...]
    planted: tuple[str, ...] = ()


def cells(row: Row) -> tuple[str, ...]:
    """Of the table."""
    found, drained = row.outcome.judgement, row.outcome.drained
    return (
        row.name,
        _state(row.outcome),
        ", ".join(f"{much} {what}" for what, much in row.outcome.facts),
        str(found.answered),
        str(len(found.asked)),
        str(len(found.lost)),
        str(len(found.twice)),
        str(len(found.wrong)),
        "never" if drained is None else f"{drained:.0f} s",
        f"{row.outcome.seconds:.0f} s",
    )


def _state(outcome: Outcome) -> str:
    if not outcome.fine:
        return "FAILED"
    return "skipped" if "skipped" in dict(outcome.facts) else "held"


HEAD = ("run", "", "what", "answered", "asked a person", "lost", "twice", "wrong person", "drained in", "took")


def line(row: Row) -> str:
    """For the terminal."""
    name, held, *rest = cells(row)
    return f"{name}: {held}. " + ", ".join(f"{head} {cell}" for head, cell in zip(HEAD[2:], rest, strict=True))


def complaints(row: Row) -> list[str]:
    """What went wrong, the first few of each kind."""
    found = row.outcome.judgement
    kinds = {"lost": found.lost, "twice": found.twice, "wrong": found.wrong, "not as planned": row.outcome.wrong}
    return [f"  {kind}: {what}" for kind, lines in kinds.items() for what in lines[:5]]


def faults(rows: Sequence[Row]) -> str:
    """Which planted fault was found by which run, and how; that one was not, says so."""
    return "\n".join(f"{' and '.join(row.planted)}: {_found(row)}" for row in rows)


def _found(row: Row) -> str:
    if row.outcome.fine:
        return f"NOT FOUND by {row.name}"
    said = [line.strip() for line in complaints(row)[:2]] + ["it never came to rest"] * (row.outcome.drained is None)
    return f"found by {row.name}: {'; '.join(said)}"


def write(folder: Path, name: str, seed: int, rows: Sequence[Row]) -> None:
    """`name` as a table in Markdown and a picture."""
    folder.mkdir(parents=True, exist_ok=True)
    told = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    commit = subprocess.run(told, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
    table = [HEAD, ("---",) * len(HEAD), *map(cells, rows)]
    text = "\n".join(f"| {' | '.join(row)} |" for row in table)
    said = f"Seed {seed}, commit {commit}. Judged by the fakes' ledgers; leases of 10 s instead of 90.\n\n"
    (folder / f"{name}.md").write_text(f"# Killed, robbed and silenced\n\n{said}{text}\n\n![Timeline]({name}.svg)\n")
    (folder / f"{name}.svg").write_text(picture(rows))


def picture(rows: Sequence[Row]) -> str:
    """Questions asked (grey) and writes in the ledgers (green) over time, with a red stroke for each fault and a green
    one where nothing waited any more."""
    drawn = "".join(_timeline(row, number * (HEIGHT + 30) + 40) for number, row in enumerate(rows))
    size = f'width="{WIDTH}" height="{len(rows) * (HEIGHT + 30) + 40}"'
    paper = f'<rect width="100%" height="100%" fill="#fff"/><text x="{LEFT}" y="20">{LEGEND}</text>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    return f"{svg}{paper}{drawn}</svg>\n"


def _timeline(row: Row, top: int) -> str:
    end, most = row.outcome.seconds, max((max(asked, wrote) for _, asked, wrote in row.samples), default=1)

    def x(seconds: float) -> float:
        return LEFT + (WIDTH - LEFT - 10) * seconds / end

    def curve(values: Sequence[tuple[float, int]], colour: str) -> str:
        points = " ".join(f"{x(at):.1f},{top + HEIGHT * (1 - value / most):.1f}" for at, value in values)
        return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'

    strokes = (
        f'<line x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{top}" y2="{top + HEIGHT}" '
        f'stroke="{"#282" if what == "drained" else "#c33"}" stroke-opacity="0.5">'
        f"<title>{at:.1f} s: {what}</title></line>"
        for at, what in row.events
    )
    asked, wrote = [(t, a) for t, a, _ in row.samples], [(t, w) for t, _, w in row.samples]
    name = f'<text x="5" y="{top + 15}">{row.name}</text><text x="5" y="{top + 32}">{end:.0f} s, {most}</text>'
    return "".join((name, *strokes, curve(asked, "#888"), curve(wrote, "#282")))
