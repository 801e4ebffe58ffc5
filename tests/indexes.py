"""What a good index does, as small functions run over every implementation: a new one is tested by being listed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.brains import Index, Passage
from bot.model import EVERYONE, Scope, Source
from bot.scope import Asker

Make = Callable[[str], Index]  # an index of the tenant that is named; the same name gives what was put before
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def passage(owner: str, text: str, source: Source = Source.ENTRY, scope: Scope = EVERYONE) -> Passage:
    return Passage(owner, source, text, scope=scope)


def find(
    index: Index, query: str, *, source: Source = Source.ENTRY, limit: int = 3, who: Asker | None = None
) -> list[str]:
    return [hit.owner for hit in index.search(query, source=source, limit=limit, who=who)]


def it_finds_at_once_what_was_put_and_never_what_was_dropped(make: Make) -> None:
    index = make("one")
    index.put([passage("zip", "The zip is broken"), passage("wheel", "The wheel is broken")])
    assert find(index, "my zipper")[0] == "zip"

    index.put([], drop=["zip", "never was"])

    assert "zip" not in find(index, "my zipper")


def it_replaces_all_that_an_owner_had(make: Make) -> None:
    index = make("one")
    index.put([passage("a", "how to wash"), passage("a", "how to dry"), passage("b", "opening hours")])
    index.put([passage("a", "engraving initials")])

    assert find(index, "wash and dry") == []
    assert find(index, "engraving") == ["a"]


def it_puts_and_drops_in_one(make: Make) -> None:
    index = make("one")
    index.put([passage("old", "how to wash")], mark="1")
    index.put([passage("new", "how to wash")], drop=["old"], mark="2")

    assert (find(index, "wash"), index.mark()) == (["new"], "2")


def it_keeps_sources_apart(make: Make) -> None:
    index = make("one")
    index.put([passage("e", "wash by hand"), passage("p", "wash by hand", Source.PAST)])

    assert find(index, "wash") == ["e"]
    assert find(index, "wash", source=Source.PAST) == ["p"]


def it_keeps_tenants_apart(make: Make) -> None:
    one, other = make("one"), make("other")
    one.put([passage("a", "wash by hand")], mark="7")

    assert (find(other, "wash"), other.mark()) == ([], "")
    other.clear()
    assert (find(one, "wash"), one.mark()) == (["a"], "7")


def it_keeps_what_it_has_and_its_mark(make: Make) -> None:
    make("one").put([passage("a", "wash by hand")], mark="7")
    make("one").put([passage("b", "wash at sixty degrees")])

    again = make("one")

    assert (sorted(find(again, "wash")), again.mark()) == (["a", "b"], "7")


def it_takes_nothing_and_much(make: Make) -> None:
    index = make("one")
    index.put([])
    index.put([passage(f"n{number}", f"part number {number} of the frame") for number in range(700)], mark="700")

    assert find(index, "part number 654")[0] == "n654"
    assert len(find(index, "part of the frame", limit=50)) == 50


def it_replaces_a_hundred_times(make: Make) -> None:
    index = make("one")
    for turn in range(100):
        index.put([passage(f"k{turn % 3}", f"wash it {turn} times")])

    assert find(index, "wash 99 times", limit=10)[0] == "k0"
    assert sorted(find(index, "wash 99 times", limit=10)) == ["k0", "k1", "k2"]


def it_scores_from_0_to_1_best_first(make: Make) -> None:
    index = make("one")
    index.put(
        [passage("a", "How do I wash my backpack?"), passage("b", "Where can I wash?"), passage("c", "the stores")]
    )

    hits = index.search("wash my backpack", source=Source.ENTRY, limit=3)

    assert hits[0].owner == "a"
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(0 <= value <= 1 for hit in hits for value in (hit.score, hit.lexical, hit.vector))


def it_finds_next_to_nothing_for_what_says_nothing(make: Make) -> None:
    index = make("one")
    assert find(index, "wash") == []
    index.put([passage("a", "How do I wash my backpack?")])

    for query in ("", "?!", "🙂", "\0", "\ud83d", "x" * 100_000, "где моя посылка " * 7000):
        assert len(find(index, query)) <= 1


def it_filters_inside_the_search(make: Make) -> None:
    index = make("one")
    index.put([passage(f"pro{n}", "wash by hand with soap", scope=Scope(plan="pro")) for n in range(300)])
    index.put([passage("free", "wash", scope=Scope(plan="free")), passage("all", "a wash")])

    assert sorted(find(index, "wash by hand with soap", who=Asker(NOW, plan="free"))) == ["all", "free"]
    assert find(index, "wash by hand with soap", who=Asker(NOW)) == ["all"]
    assert len(find(index, "wash by hand with soap")) == 3


def it_knows_every_part_of_a_scope(make: Make) -> None:
    index = make("one")
    scopes = {"plan": "pro", "language": "de", "audience": "staff", "page": "/checkout", "product": "trolley"}
    index.put([passage(name, "wash by hand", scope=Scope(**{name: value})) for name, value in scopes.items()])

    for name, value in scopes.items():
        known = {"products": frozenset({value})} if name == "product" else {name: value}
        assert find(index, "wash", who=replace(Asker(NOW), **known), limit=9) == [name]
    assert find(index, "wash", who=Asker(NOW, page="https://shop.example/checkout?step=2")) == ["page"]


def it_forgets_what_is_out_of_date(make: Make) -> None:
    index = make("one")
    index.put([Passage("sale", Source.ENTRY, "the summer sale", valid_until=NOW)])

    assert find(index, "summer sale", who=Asker(NOW - timedelta(seconds=1))) == ["sale"]
    assert find(index, "summer sale", who=Asker(NOW)) == []


def it_is_emptied(make: Make) -> None:
    index = make("one")
    index.put([passage("a", "wash by hand")], mark="7")
    index.clear()
    assert (find(index, "wash"), index.mark()) == ([], "")

    index.put([passage("a", "wash by hand")])
    index.compact()
    assert find(index, "wash") == ["a"]


def it_says_how_it_is(make: Make) -> None:
    index = make("one")
    index.put([passage("a", "wash by hand")])

    assert [(fine, fix) for _, fine, fix in index.check()] == [(True, "")]


def it_is_for_many_threads(make: Make) -> None:
    index = make("one")
    index.put([passage("fixed", "engraving initials on the lid")])

    def write(turn: int) -> list[str]:
        index.put([passage(f"k{turn % 40}", f"wash the bag number {turn}")])
        index.put([], drop=[f"k{(turn + 7) % 40}"])
        return ["fixed"]

    with ThreadPoolExecutor(4) as pool:
        writes = [pool.submit(write, turn) for turn in range(100)]
        reads = [pool.submit(find, index, "engraving initials", limit=1) for _ in range(100)]

    assert all(done.result() == ["fixed"] for done in (*writes, *reads))


EVERY = [check for name, check in list(globals().items()) if name.startswith("it_")]
