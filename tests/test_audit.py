"""The audit's chain: whatever is done to it is found, by one file that needs Python alone."""

import json
import random
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from bot.store import Store, audit
from bot.store.tables import audit as rows
from bot.store.verify_audit import ANCHOR, FIELDS, Broken, Row, check, digest, plain, read, seal, verdict

NOON = datetime(2026, 5, 3, 12, 0, 0, 123456, tzinfo=UTC)
VERIFIER = Path(audit.__file__).with_name("verify_audit.py")
MANY = 400  # entries in the everyday suite; the heavy test has the 10,000 of the specification


def filled(count: int) -> list[Row]:
    """A chain as it is exported, without a database."""
    made, previous = list[Row](), "0" * 64
    for seq in range(1, count + 1):
        salt, why = f"{seq:032x}", f"because {seq}"
        at = (NOON + timedelta(seconds=seq)).isoformat(timespec="microseconds")
        row = {
            "seq": seq,
            "at": at,
            "who": "ines",
            "what": "accept",
            "about": f"a-{seq}",
            "detail": {"ref": "zendesk:7"},
        }
        row |= {"why": why, "salt": salt, "words": digest(salt, why), "previous": previous}
        previous = seal(previous, row)
        made.append(row | {"hash": previous})
    return made


def written(folder: Path, chain: list[Row], anchors: list[Row]) -> tuple[Path, Path]:
    """The two files that the stand-alone verifier is given."""
    export, beside = folder / "audit.jsonl", folder / "anchors.jsonl"
    for file, objects in ((export, chain), (beside, anchors)):
        file.write_text("".join(plain(one) + "\n" for one in objects))
    return export, beside


def head(chain: list[Row]) -> Row:
    """The anchor of a chain's end."""
    return {"date": "2026-05-03", "seq": chain[-1]["seq"], "hash": chain[-1]["hash"]}


def resealed(chain: list[Row]) -> list[Row]:
    """What somebody writes who owns the database and knows how to seal."""
    made, previous = list[Row](), "0" * 64
    for seq, row in enumerate(chain, 1):
        new = {**row, "seq": seq, "previous": previous}
        previous = seal(previous, new)
        made.append({**new, "hash": previous})
    return made


def broken(chain: list[Row], anchors: list[Row]) -> str:
    """What is found."""
    with pytest.raises(Broken) as found:
        check(chain, anchors)
    return str(found.value)


def test_an_untouched_chain_holds(tmp_path: Path) -> None:
    chain = filled(12)
    export, anchors = written(tmp_path, chain, [head(chain[:5]), head(chain)])

    assert verdict(lambda: read(export, FIELDS), anchors) == (
        True,
        "12 entries follow from each other and from 2 anchors, the last of 2026-05-03.",
    )
    assert verdict(lambda: read(export, FIELDS), None) == (
        True,
        "12 entries follow from each other. Without an anchor, a chain written anew is not found.",
    )


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_a_field_that_was_changed_is_found_whichever_it_is(field: str) -> None:
    chain = filled(9)
    new = {"seq": 99, "detail": {"ref": "zendesk:8"}}.get(field, "x")

    chain[4] = {**chain[4], field: new}

    assert "audit entry 5 " in broken(chain, [])


def test_salt_that_was_given_to_an_entry_without_words_is_found() -> None:
    bare = {"why": "", "salt": "", "words": ""}
    chain = resealed([{**row, **bare} if row["seq"] == 5 else row for row in filled(9)])
    assert check(chain) == 9

    chain[4] = {**chain[4], "salt": "x"}

    assert broken(chain, []) == "the words of audit entry 5 were changed"


def test_words_that_were_moved_into_the_salt_are_found() -> None:
    chain = resealed([{**row, "why": "not wrong", "words": digest(row["salt"], "not wrong")} for row in filled(9)])
    assert check(chain) == 9

    chain[4] = {**chain[4], "salt": chain[4]["salt"] + "not ", "why": "wrong"}

    assert broken(chain, []) == "the words of audit entry 5 were changed"


def tampered(chain: list[Row], at: int) -> dict[str, list[Row]]:
    """What can be done to one entry; the first of a chain cannot change places."""
    other = {**chain[at], "who": "nobody"}
    return {
        "changed": [*chain[:at], other, *chain[at + 1 :]],
        "sealed anew alone": [*chain[:at], {**other, "hash": seal(other["previous"], other)}, *chain[at + 1 :]],
        "deleted": [*chain[:at], *chain[at + 1 :]],
        "doubled": [*chain[: at + 1], *chain[at:]],
        "moved": [*chain[: at - 1], chain[at], chain[at - 1], *chain[at + 1 :]] if at else [*chain[1:], chain[0]],
        "cut off": chain[:at],
        "deleted and all sealed anew": resealed([*chain[:at], *chain[at + 1 :]]),
    }


def test_whatever_is_done_to_any_entry_is_found() -> None:
    chain = filled(60)

    unnoticed = [
        (at, what) for at in range(60) for what, made in tampered(chain, at).items() if holds(made, [head(chain)])
    ]

    assert unnoticed == []


def holds(chain: list[Row], anchors: list[Row]) -> bool:
    """Is nothing found?"""
    try:
        check(chain, anchors)
    except Broken:
        return False
    return True


def test_a_chain_that_was_written_anew_as_a_whole_is_found_by_its_anchor() -> None:
    chain = filled(20)
    other = resealed([{**row, "who": "nobody"} for row in chain])

    assert check(other) == 20
    assert broken(other, [head(chain[:7])]) == (
        "the chain up to audit entry 7 was written anew: an anchor knows it otherwise"
    )
    assert broken(other, [head(chain[:7]), head(other[:7])]) == (
        "two anchors of entry 7 differ: the chain was written anew between them"
    )


def test_an_end_that_is_missing_is_found_by_its_anchor() -> None:
    chain = filled(20)

    assert broken(chain[:15], [head(chain[:7]), head(chain)]) == (
        "the end is missing: there are 15 entries, and an anchor knows entry 20"
    )
    assert "an anchor knows entry 20" in broken([], [head(chain)])


def test_any_byte_of_an_export_that_is_changed_is_found(tmp_path: Path) -> None:
    chain = filled(2)
    export, anchors = written(tmp_path, chain, [head(chain)])
    whole = export.read_bytes()

    for at, byte in enumerate(whole):
        export.write_bytes(whole[:at] + bytes([byte ^ 1]) + whole[at + 1 :])
        assert verdict(lambda: read(export, FIELDS), anchors)[0] is False


@pytest.mark.parametrize("line", [b"", b"null\n", b"[]\n", b"{\n", b'{"seq":1}\n', b"\xff\n", b"[" * 100_000 + b"\n"])
def test_a_line_that_is_no_entry_is_named(tmp_path: Path, line: bytes) -> None:
    chain = filled(3)
    export, _ = written(tmp_path, chain, [])
    export.write_bytes(export.read_bytes() + (line or b"\n"))

    assert verdict(lambda: read(export, FIELDS), None) == (
        False,
        "The audit does not hold: line 4 of audit.jsonl was changed or cut off.",
    )


@pytest.mark.parametrize(("field", "value"), [("seq", "1"), ("seq", True), ("why", 7), ("detail", "x"), ("salt", None)])
def test_a_field_of_another_kind_is_no_crash(tmp_path: Path, field: str, value: object) -> None:
    export, _ = written(tmp_path, [{**filled(1)[0], field: value}], [])

    assert verdict(lambda: read(export, FIELDS), None)[0] is False


def test_what_is_sealed_cannot_be_read_in_two_ways() -> None:
    one = filled(1)[0]

    seals = {
        seal("0" * 64, {**one, "who": who, "what": what, "detail": detail})
        for who, what, detail in [
            ("a", "bc", {}), ("ab", "c", {}), ('a","b', "c", {}), ("a", 'b","c', {}),
            ("a", "b", {"c": "d"}), ("a", "b", {"c": "d", "e": ""}), ("a", "b", {'c":"d': ""}),
        ]
    }  # fmt: skip

    assert len(seals) == 7


def test_a_moment_is_sealed_alike_in_every_zone_and_by_every_database(store: Store, tmp_path: Path) -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    with store.write() as conn:
        audit.record(conn, elsewhere, "ines", "accept", "a-1", "Aiko's strap: ‘ü’", ref="zendesk:7")
        audit.record(conn, NOON.replace(microsecond=0), "ines", "accept", "a-2")

    with store.read() as conn:
        assert audit.export(conn, tmp_path / "audit.jsonl") == 2
        assert [row["at"] for row in audit.chain(conn)] == [
            "2026-05-03T12:00:00.123456+00:00",
            "2026-05-03T12:00:00.000000+00:00",
        ]
    assert check(read(tmp_path / "audit.jsonl", FIELDS)) == 2


@pytest.mark.parametrize("values", [{"detail": "no JSON"}, {"who": "nobody"}, {"why": "another"}, {"salt": "0"}])
def test_a_row_that_was_changed_in_the_database_is_found(store: Store, values: dict[str, str]) -> None:
    with store.write() as conn:
        for about in ("a-1", "a-2", "a-3"):
            audit.record(conn, NOON, "ines", "accept", about, "so")
        set_ = ", ".join(f"{name} = '{value}'" for name, value in values.items())
        conn.exec_driver_sql(f"UPDATE audit SET {set_} WHERE seq = 2")

    with store.read() as conn, pytest.raises(Broken, match=r"entry 2 (was|cannot)|words of audit entry 2"):
        audit.verify(conn)


def test_words_can_be_forgotten_only_where_an_entry_says_so(store: Store) -> None:
    with store.write() as conn:
        audit.record(conn, NOON, "ines", "reject", "a-1", "Maria has it already")
        audit.record(conn, NOON, "ines", "reject", "a-2", "wrong")
        assert audit.erase_words(conn, rows.c.about == "a-1", keep=()) == [1]

    with store.read() as conn, pytest.raises(Broken, match="the words of audit entry 1 were taken out"):
        audit.verify(conn)
    with store.write() as conn:
        audit.record(conn, NOON, "command line", "forgot", "a customer's wish", entries="1")
    with store.read() as conn:
        assert audit.verify(conn) == 3


def test_an_anchor_is_added_and_never_changed(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "elsewhere" / "anchors.jsonl"
    for day in range(2):
        with store.write() as conn:
            audit.record(conn, NOON, "ines", "accept", f"a-{day}")
        with store.read() as conn:
            audit.anchor(audit.head(conn), file, NOON + timedelta(days=day))

    kept = list(read(file, ANCHOR))

    assert [(a["date"], a["seq"]) for a in kept] == [("2026-05-03", 1), ("2026-05-04", 2)]
    with store.read() as conn:
        assert check(audit.chain(conn), kept) == 2


def run(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    """The file on its own: another folder, no packages."""
    return subprocess.run([sys.executable, "-I", "-S", *argv], check=False, capture_output=True, text=True, timeout=60)


def test_the_verifier_stands_alone(tmp_path: Path) -> None:
    alone = shutil.copy(VERIFIER, tmp_path / "elsewhere.py")
    chain = filled(MANY)
    export, anchors = written(tmp_path, chain, [head(chain)])

    fine = run(alone, export, "--anchors", anchors)
    export.write_bytes(export.read_bytes().replace(b'"a-77"', b'"a-78"'))
    wrong, nowhere = run(alone, export), run(alone, tmp_path / "none.jsonl")

    assert (fine.returncode, fine.stdout) == (0, verdict(lambda: chain, anchors)[1] + "\n")
    assert (wrong.returncode, wrong.stdout) == (
        1,
        "The audit does not hold: audit entry 77 was changed, moved, added or taken out.\n",
    )
    assert (nowhere.returncode, "Traceback" in nowhere.stderr) == (2, False)


@pytest.mark.heavy
def test_of_ten_thousand_entries_whatever_is_done_to_any_is_found(tmp_path: Path) -> None:
    chain, chance = filled(10_000), random.Random(18)
    places = [0, 1, 9_998, 9_999, *chance.sample(range(2, 9_998), 12)]
    alone = shutil.copy(VERIFIER, tmp_path / "elsewhere.py")

    found = {
        run(alone, *_with_anchors(tmp_path, made, chain)).returncode
        for at in places
        for made in tampered(chain, at).values()
    }

    assert found == {1}
    assert run(alone, *_with_anchors(tmp_path, chain, chain)).returncode == 0


def _with_anchors(folder: Path, made: list[Row], chain: list[Row]) -> list[str | Path]:
    export, anchors = written(folder, made, [head(chain)])
    return [export, "--anchors", anchors]


def test_lines_of_an_export_are_json(store: Store, tmp_path: Path) -> None:
    with store.write() as conn:
        audit.record(conn, NOON, "ines", "accept", "a-1", ref="zendesk:7")
    with store.read() as conn:
        audit.export(conn, tmp_path / "audit.jsonl")

    row = json.loads((tmp_path / "audit.jsonl").read_text())

    assert (row["seq"], row["who"], row["detail"], row["previous"]) == (1, "ines", {"ref": "zendesk:7"}, "0" * 64)
