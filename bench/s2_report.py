"""What `bench.s2` prints and draws: pure but for the files that it writes."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import scores
from bench.plot import plot
from bench.scores import Ranked

FROZEN = datetime(2024, 1, 1, tzinfo=UTC)
PEERS = {
    "BM25": (0.21, 0.41),
    "MiniLM, the best chunk": (0.32, 0.57),
    "MiniLM, mean of the three best chunks": (0.36, 0.60),
    "**to be reached**": (0.38, 0.63),
}
Result = dict[str, object]


@dataclass(frozen=True, slots=True)
class Played:
    """By one embedder."""

    asked: list[Ranked]
    peak_mb: int


def result(count: int, by: dict[str, Played], live: Played, frozen: Played) -> Result:
    """What is printed; the first embedder's figures count. `frozen`: learned nothing more from 2024 on."""
    each = {name: of_one(one) for name, one in by.items()}
    name, first = next(iter(each.items()))
    asked = by[name].asked
    return {
        "tickets": count,
        "gold_tickets": len(asked),
        **rounded(scores.figures(live.asked)),
        "frozen_r1": since_frozen(frozen),
        "live_r1_since_frozen": since_frozen(live),
        "by_quarter": by_quarter(live),
        **dict.fromkeys(("outcome_auroc", "knowledge_p10")),
        **first,
        "kb_only_ceiling": round(statistics.fmean(one.there for one in asked), 4),
        "kb_only_by_quarter": by_quarter(by[name]),
        "embedder": name,
        "by_embedder": each,
    }


def since_frozen(one: Played) -> float | None:
    """R@1 of the tickets from 2024 on, None where there are none."""
    late = [asked for asked in one.asked if asked.day >= FROZEN.date()]
    return round(scores.recall(late, 1), 4) if late else None


def by_quarter(one: Played) -> dict[str, scores.Figures]:
    """To four digits."""
    return {quarter: rounded(part) for quarter, part in scores.quarters(one.asked).items()}


def of_one(one: Played) -> Result:
    """An embedder's figures."""
    found = {f"kb_only_{name}": value for name, value in rounded(scores.figures(one.asked)).items()}
    a_ticket = round(statistics.fmean(asked.seconds for asked in one.asked), 5)
    return {**found, "seconds_per_ticket": a_ticket, "peak_mb": one.peak_mb}


def rounded(figures: scores.Figures) -> scores.Figures:
    """To four digits."""
    return {name: round(value, 4) for name, value in figures.items()}


def report(count: int, by: dict[str, Played], live: Played, frozen: Played, to: Path) -> None:
    """As Markdown with a picture."""
    to.mkdir(parents=True, exist_ok=True)
    runs = by | {"with memory": live, "memory frozen at 2024": frozen}
    (to / "s2.svg").write_text(drawn(runs))
    asked = next(iter(by.values())).asked
    first, last = min(one.day for one in asked), max(one.day for one in asked)
    ceiling = statistics.fmean(one.there for one in asked)
    text = (
        f"`python -m bench s2 FOLDER {' '.join(f'--embedder {name}' for name in by)}`: {len(asked):,} tickets from "
        f"{first} to {last} in which an agent linked an article, of {count:,}. Only the articles in force are "
        f"searched; of {ceiling:.1%} one that was linked is among them. In brackets Wilson's "
        "interval of 95 %. Coverage: the share of tickets, by the score of what is found first, of which so many "
        "percent are right. MRR is of the first ten. With memory: what agents linked in replies is known a day later, "
        f"from 2023 on; frozen, only what they linked before 2024. Of the tickets since then the first is right for "
        f"{since_frozen(live)} with memory and {since_frozen(frozen)} with what was frozen."
    )
    rows = ["| | R@1 | R@5 |", "|---|---|---|", *(f"| {name} | {a:.2f} | {b:.2f} |" for name, (a, b) in PEERS.items())]
    rows += [f"| ours, {name} | {among(one.asked, 1)} | {among(one.asked, 5)} |" for name, one in runs.items()]
    parts = (f"# A real support stream\n\n{text}", "\n".join(rows), table(runs), "![By quarter](s2.svg)")
    (to / "s2.md").write_text("\n\n".join(parts) + "\n")


def among(asked: Sequence[Ranked], many: int) -> str:
    """R@k with its interval."""
    share = scores.recall(asked, many)
    low, high = scores.interval(share, len(asked))
    return f"**{share:.3f}** ({low:.3f} to {high:.3f})"


def table(by: dict[str, Played]) -> str:
    """All figures by embedder."""
    each = {name: of_one(one) for name, one in by.items()}
    rows = [f"| | {' | '.join(each)} |", f"|---|{'---|' * len(each)}"]
    for what in next(iter(each.values())):
        name = what.removeprefix("kb_only_").replace("_", " ")
        rows.append(f"| {name} | {' | '.join(f'{one[what]:.4g}' for one in each.values())} |")
    return "\n".join(rows)


def drawn(by: dict[str, Played]) -> str:
    """R@1 and R@5 by quarter, in percent."""
    of = {name: scores.quarters(one.asked) for name, one in by.items()}
    lines = {
        f"@{k} {name}": [(float(at), 100 * part[f"r{k}"]) for at, part in enumerate(parts.values())]
        for name, parts in of.items()
        for k in (1, 5)
    }
    steps = tuple(next(iter(of.values())))
    return plot("Articles found: R@1 and R@5 by quarter", "quarter", "percent", lines, plain=True, steps=steps)
