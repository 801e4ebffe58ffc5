"""What any reranker does, as small functions run over every implementation of the port."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bot.brains import Reranker

ASKED = "Where is my parcel?"
PASSAGES = (
    "Our shops open at nine.",
    "The zip of the bag can be replaced.",
    "Where your parcel is: the carrier tells you where your parcel is.",
    "A parcel takes five days.",
)
ODD = (
    "",
    " \n\t",
    "🧳",
    "?!",
    "\0",
    "a\ud800b",
    "Где мой заказ?",
    "荷物はどこですか",
    "x" * 100_000,
    "parcel " * 20_000,
)
BLANK = (0, 1)  # places in ODD


def the_best_comes_first(reranker: Reranker) -> None:
    """By score, from 0 to 1."""
    ranked = reranker.rerank(ASKED, PASSAGES, limit=4)

    scores = [score for _, score in ranked]
    assert ranked[0][0] == 2
    assert scores == sorted(scores, reverse=True)
    assert all(0.0 <= score <= 1.0 for score in scores)


def places_are_those_of_the_passages_given(reranker: Reranker) -> None:
    """Each once, wherever the best stands."""
    for turn in range(4):
        turned = (*PASSAGES[turn:], *PASSAGES[:turn])

        ranked = reranker.rerank(ASKED, turned, limit=4)

        assert turned[ranked[0][0]] == PASSAGES[2]
        assert sorted(place for place, _ in ranked) == [0, 1, 2, 3]


def no_more_come_than_are_wanted_or_there(reranker: Reranker) -> None:
    """The best of them."""
    whole = reranker.rerank(ASKED, PASSAGES, limit=4)

    assert [len(reranker.rerank(ASKED, PASSAGES, limit=limit)) for limit in (0, 1, 3, 4, 99)] == [0, 1, 3, 4, 4]
    assert reranker.rerank(ASKED, PASSAGES, limit=1)[0][0] == whole[0][0]
    assert reranker.rerank(ASKED, [], limit=3) == ()
    assert [place for place, _ in reranker.rerank(ASKED, ["The shop."], limit=3)] == [0]


def passages_that_say_the_same_all_come(reranker: Reranker) -> None:
    """With the same score."""
    ranked = reranker.rerank(ASKED, [PASSAGES[3]] * 5, limit=5)

    assert sorted(place for place, _ in ranked) == [0, 1, 2, 3, 4]
    assert len({round(score, 4) for _, score in ranked}) == 1


def whatever_is_said_has_a_score(reranker: Reranker) -> None:
    """Blank, huge, in any script, half a surrogate pair; what is blank is never before what answers."""
    ranked = reranker.rerank(ASKED, [*ODD, PASSAGES[2]], limit=99)

    places = [place for place, _ in ranked]
    assert sorted(places) == [*range(len(ODD) + 1)]
    assert all(0.0 <= score <= 1.0 for _, score in ranked)
    assert places.index(len(ODD)) < min(places.index(BLANK[0]), places.index(BLANK[1]))


def whatever_is_asked_is_answered(reranker: Reranker) -> None:
    """Places and scores, as ever."""
    for asked in ODD:
        ranked = reranker.rerank(asked, PASSAGES, limit=2)

        assert len({place for place, _ in ranked}) == 2
        assert all(0.0 <= score <= 1.0 for _, score in ranked)


def the_same_is_ranked_the_same(reranker: Reranker) -> None:
    """Twice."""
    assert reranker.rerank(ASKED, PASSAGES, limit=4) == reranker.rerank(ASKED, PASSAGES, limit=4)


def many_passages_are_ranked_in_one(reranker: Reranker) -> None:
    """As many as a search brings, and more than a vendor takes at a time."""
    many = [f"Part {number} of the frame costs {number} euros." for number in range(1_200)]
    many[777] = PASSAGES[2]

    ranked = reranker.rerank(ASKED, many, limit=1_200)

    assert ranked[0][0] == 777
    assert sorted(place for place, _ in ranked) == [*range(1_200)]


def threads_may_share_it(reranker: Reranker) -> None:
    """Each gets the order of its own passages."""
    turns = [(*PASSAGES[turn % 4 :], *PASSAGES[: turn % 4]) for turn in range(20)]

    with ThreadPoolExecutor(4) as pool:
        ranked = list(pool.map(lambda turned: reranker.rerank(ASKED, turned, limit=1), turns))

    assert [turned[best[0][0]] for turned, best in zip(turns, ranked, strict=True)] == [PASSAGES[2]] * 20


def it_says_how_it_is(reranker: Reranker) -> None:
    """In a line for `app.py doctor`."""
    assert [(bool(what), fine) for what, fine, _ in reranker.check()] == [(True, True)]


CHECKS: tuple[Callable[[Reranker], None], ...] = (
    the_best_comes_first,
    places_are_those_of_the_passages_given,
    no_more_come_than_are_wanted_or_there,
    passages_that_say_the_same_all_come,
    whatever_is_said_has_a_score,
    whatever_is_asked_is_answered,
    the_same_is_ranked_the_same,
    many_passages_are_ranked_in_one,
    threads_may_share_it,
    it_says_how_it_is,
)
