"""How `python -m bench s2` counts, and a small team's tickets from end to end."""

import gzip
import json
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bench import forum, s2, scores
from bench.forum import Reply, Ticket
from bench.s2_report import Played, result
from bench.scores import Ranked
from bot.errors import Misconfigured

DAY = date(2031, 4, 1)
MAIL = {"slug": "mail", "title": "Send mail", "summary": "", "topics": "mail", "text": "Press the send button."}
PRINT = {"slug": "print", "title": "Print a page", "summary": "", "topics": "paper", "text": "Choose the printer."}
FOLDERS = {"slug": "Folders_2", "title": "Archive folders", "summary": "", "topics": "", "text": "Drag the archive."}


def ticket(id: int, at: str, title: str, *linked: str, role: str = "agent") -> dict[str, object]:
    text = "".join(f"See https://support.mozilla.org/en-US/kb/{slug}" for slug in linked)
    replies = [{"id": id * 10, "at": at, "role": role, "by": "a_1", "text": text, "kb": linked}]
    return {"id": id, "at": at, "title": title, "text": f"{title}, please?", "replies": replies}


TICKETS: list[object] = [
    ticket(4, "2031-05-02T10:00:00Z", "The printer, how do I choose it", "print"),
    ticket(1, "2031-04-01T10:00:00Z", "Where is the send button", "mail"),
    ticket(2, "2031-04-30T23:00:00Z", "How to drag the archive", "Folders_2"),
    ticket(3, "2031-05-01T10:00:00Z", "Which printer", "print", role="customer"),
    ticket(5, "2031-07-01T10:00:00Z", "How to drag the archive", "Folders_2"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three articles of which one comes in May, when another goes; five tickets, one of them in July."""
    kept: dict[str, list[object]] = {
        "kb-2031-04-10": [MAIL, PRINT],
        "kb-2031-05-01": [PRINT, FOLDERS],
        "tickets-2031": TICKETS,
    }
    for name, rows in kept.items():
        (tmp_path / f"{name}.jsonl.gz").write_bytes(gzip.compress("".join(f"{json.dumps(r)}\n" for r in rows).encode()))
    return tmp_path


def ranked(*ranks: int) -> list[Ranked]:
    """The first with the highest score."""
    return [Ranked(DAY, rank, 1 - at / 10) for at, rank in enumerate(ranks)]


def test_gold_is_what_agents_linked_that_is_an_article_and_answers_something() -> None:
    agents = Reply("agent", ("mail", "gone", "how-to-make-screenshots", "Folders_2"))
    at = datetime(2031, 4, 1, 10, tzinfo=UTC)
    asked = Ticket(1, at, "", replies=(agents,))

    assert forum.gold(asked, {"mail", "Folders_2", "how-to-make-screenshots"}) == {"mail", "folders_2"}


def test_an_askers_own_link_is_no_gold(folder: Path) -> None:
    assert [forum.gold(asked, {"print"}) for asked in forum.tickets(folder) if asked.id == 3] == [frozenset()]


@pytest.mark.parametrize(
    ("day", "newest"),
    [
        (date(2031, 4, 1), date(2031, 4, 10)),
        (date(2031, 4, 10), date(2031, 4, 10)),
        (date(2031, 4, 30), date(2031, 4, 10)),
        (date(2031, 5, 1), date(2031, 5, 1)),
        (date(2032, 1, 1), date(2031, 5, 1)),
    ],
)
def test_in_force_is_the_newest_that_had_come_and_before_all_the_first(day: date, newest: date) -> None:
    assert forum.in_force([date(2031, 4, 10), date(2031, 5, 1)], day) == newest


def test_a_rank_is_that_of_the_first_right_entry() -> None:
    assert scores.rank(["a", "b", "c"], {"c", "b"}) == 2
    assert scores.rank(["a"], {"c"}) == 0
    assert scores.rank([], {"c"}) == 0


def test_recall_and_reciprocal_rank() -> None:
    asked = ranked(1, 4, 0, 2)

    assert [scores.recall(asked, among) for among in (1, 3, 5)] == [0.25, 0.5, 0.75]
    assert scores.reciprocal(asked) == (1 + 1 / 4 + 1 / 2) / 4


def test_coverage_is_the_most_that_a_threshold_lets_through_at_that_precision() -> None:
    asked = ranked(1, 1, 2, 1, 1, 0, 3, 0, 0, 0)

    assert [scores.coverage(asked, percent) for percent in (70, 80, 90)] == [0.5, 0.5, 0.2]


def test_no_threshold_parts_equal_scores() -> None:
    asked = [Ranked(DAY, 1, 0.5), Ranked(DAY, 2, 0.5)]

    assert scores.coverage(asked, 70) == 0


def test_wilsons_interval_of_a_half() -> None:
    low, high = scores.interval(0.5, 100)

    assert (round(low, 4), round(high, 4)) == (0.4038, 0.5962)


def test_quarters_are_those_of_the_year() -> None:
    asked = [Ranked(date(2031, 7, 1), 0, 0.1), Ranked(date(2031, 6, 30), 1, 0.1), Ranked(date(2030, 12, 31), 2, 0.1)]

    assert {name: (part["gold_tickets"], part["r1"]) for name, part in scores.quarters(asked).items()} == {
        "2030Q4": (1, 0),
        "2031Q2": (1, 1),
        "2031Q3": (1, 0),
    }


def test_each_ticket_finds_the_articles_of_its_day(folder: Path) -> None:
    asked = s2.stream(folder, "2031-04", "2031-06")

    played = s2.played(asked, "words")

    made = result(asked.count, {"words": played}, played, played)
    assert (made["tickets"], made["gold_tickets"]) == (4, 3)
    assert (made["kb_only_r1"], made["kb_only_r5"]) == (0.6667, 0.6667)  # in April there was no article on archives
    assert made["kb_only_ceiling"] == 0.6667
    assert [(one.day, one.there, one.rank) for one in played.asked] == [
        (date(2031, 4, 1), True, 1),
        (date(2031, 4, 30), False, 0),
        (date(2031, 5, 2), True, 1),
    ]


def test_what_learning_will_do_beyond_memory_is_null(folder: Path) -> None:
    alone, live = Played(ranked(0, 1), 100), Played(ranked(1, 1), 100)

    made = result(7, {"words": alone}, live, alone)

    assert [name for name, value in made.items() if value is None] == ["outcome_auroc", "knowledge_p10"]
    assert [made[name] for name in ("r1", "frozen_r1", "live_r1_since_frozen", "kb_only_r1")] == [1, 0.5, 1, 0.5]


def test_a_link_is_known_a_day_after_it_was_given_and_not_where_learning_has_ended(folder: Path) -> None:
    """Nobody could tell that this is about the archive, but by what was linked before."""
    new = ticket(6, "2031-07-02T12:00:00Z", "Sweep it away, all of it", "Folders_2")
    soon, late = (ticket(id_, at, "Sweep it away, all of it", "Folders_2") for id_, at in
                  ((7, "2031-07-03T11:00:00Z"), (8, "2031-07-03T13:00:00Z")))  # fmt: skip
    (folder / "tickets-2032.jsonl.gz").write_bytes(
        gzip.compress("".join(f"{json.dumps(row)}\n" for row in (new, soon, late)).encode())
    )
    asked = s2.stream(folder, "2031-07", "2031-07")

    ranks = {until: [one.rank for one in s2.play(asked, "words", until)] for until in (s2.NEVER, s2.ALWAYS)}

    assert ranks == {s2.NEVER: [1, 0, 0, 0], s2.ALWAYS: [1, 0, 0, 1]}


def test_what_is_missing_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no ticket from 2030-01 to 2030-12 has an agent's link"):
        s2.stream(folder, "2030-01", "2030-12")
    (folder / "tickets-2032.jsonl.gz").write_bytes(gzip.compress(b'{"id": 7, "at": "yesterday", "title": ""}\n'))
    with pytest.raises(Misconfigured, match=r"tickets-2032\.jsonl\.gz: line 1: at: "):
        s2.stream(folder, "2031-04", "2031-06")
    for path in folder.glob("tickets-*"):
        path.unlink()
    with pytest.raises(Misconfigured, match=r"there is no tickets-<year>\.jsonl\.gz"):
        s2.stream(folder, "2031-04", "2031-06")
    with pytest.raises(Misconfigured, match=r"there is no kb-<date>\.jsonl\.gz"):
        s2.stream(tmp_path / "nowhere", "2031-04", "2031-06")


@pytest.mark.long
def test_the_command_prints_one_object_and_writes_a_report(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "s2", str(folder), "--embedder", "words", "--report", str(tmp_path / "r")]

    done = subprocess.run([*command, "--since", "2031-04"], capture_output=True, text=True, check=False)
    fine = subprocess.run(
        [*command, "--since", "2031-04", "--until", "2031-12"], capture_output=True, text=True, check=True
    )

    assert (done.returncode, done.stdout) == (1, "")  # 2024-12 comes before
    assert json.loads(fine.stdout)["kb_only_r1"] == 0.75
    assert "| ours, words | **0.750**" in (tmp_path / "r" / "s2.md").read_text()
    assert (tmp_path / "r" / "s2.svg").read_text().startswith("<svg")
