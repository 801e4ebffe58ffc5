"""What any embedder does, as small functions run over every implementation of the port."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from bot.brains import Embedder, Floats

TEXTS = ("Where is my parcel?", "The zip of my backpack is broken.", "Refund, please", "I cannot sign in")
SCRIPTS = ("🧳", "Где мой заказ?", "荷物はどこですか", "أين طردي", "e\u0301te\u0301")
ODD = (*SCRIPTS, "\0", "\u200b\u202e", "a\ud800b", "?!", "<s>[CLS][PAD]")
CLOSE = 1e-5


@dataclass(frozen=True)
class Subject:
    """An embedder, and Python that makes the same one in another process, as the value of `made`."""

    embedder: Embedder
    again: str


def lengths(rows: Floats) -> list[float]:
    """Of each row, rounded."""
    return [round(float(length), 3) for length in np.linalg.norm(rows, axis=1)]


def it_says_what_it_is(s: Subject) -> None:
    """A name and a size; it works."""
    assert s.embedder.name
    assert s.embedder.dim > 0
    assert [fine for _, fine, _ in s.embedder.check()] == [True]


def it_takes_any_number_of_texts(s: Subject) -> None:
    """Also none, and many at once."""
    for number in (0, 1, 7, 100):
        rows = s.embedder.embed([f"Parcel {at} is late" for at in range(number)], query=False)

        assert rows.shape == (number, s.embedder.dim)
        assert rows.dtype == np.float32
        assert lengths(rows) == [1.0] * number


def an_empty_text_is_a_zero_row(s: Subject) -> None:
    """Wherever it stands, for queries and for passages."""
    for query in (True, False):
        rows = s.embedder.embed(["", "parcel", " \n\t"], query=query)

        assert lengths(rows) == [0.0, 1.0, 0.0]


def a_text_has_the_same_row_alone_and_among_others(s: Subject) -> None:
    """In any order, and however often."""
    texts = [*TEXTS, "long " * 300, TEXTS[0]] * 3

    together = s.embedder.embed(texts, query=False)

    alone = np.concatenate([s.embedder.embed([text], query=False) for text in texts])
    np.testing.assert_allclose(together, alone, atol=CLOSE)


def what_it_gives_is_the_callers_own(s: Subject) -> None:
    """Writing to it changes no later answer."""
    first = s.embedder.embed(TEXTS, query=True)
    kept = first.copy()
    first[:] = 0

    np.testing.assert_allclose(s.embedder.embed(TEXTS, query=True), kept, atol=CLOSE)


def the_same_words_are_nearest(s: Subject) -> None:
    """A question finds the passage that says the same."""
    passages = s.embedder.embed(TEXTS, query=False)

    questions = s.embedder.embed(TEXTS, query=True)

    assert np.argmax(questions @ passages.T, axis=1).tolist() == [0, 1, 2, 3]


def whatever_is_asked_has_a_row(s: Subject) -> None:
    """Unit or zero, finite, whatever the script, also half a surrogate pair."""
    rows = s.embedder.embed(ODD, query=True)

    assert np.isfinite(rows).all()
    assert set(lengths(rows)) <= {0.0, 1.0}


def a_very_long_text_has_a_row(s: Subject) -> None:
    """Of one word, and of many."""
    rows = s.embedder.embed(["a" * 100_000, "where is my parcel " * 5_000, " " * 50_000 + "parcel"], query=True)

    assert lengths(rows) == [1.0, 1.0, 1.0]


def threads_may_share_it(s: Subject) -> None:
    """Each gets its own texts' rows."""
    texts = [f"{text} {number}" for number in range(5) for text in TEXTS]
    right = s.embedder.embed(texts, query=True)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: s.embedder.embed([text], query=True)[0], texts))

    np.testing.assert_allclose(np.stack(found), right, atol=CLOSE)


def another_process_gives_the_same_rows_and_name(s: Subject) -> None:
    """Or what one process has put into an index, another does not find."""
    show = f"{s.again}\nprint(made.name, *made.embed({TEXTS!r}, query=False).ravel().tolist())"

    name, *numbers = subprocess.run(
        [sys.executable, "-c", show], capture_output=True, text=True, check=True
    ).stdout.split()

    assert name == s.embedder.name
    np.testing.assert_allclose(np.array(numbers, dtype=float), s.embedder.embed(TEXTS, query=False).ravel(), atol=CLOSE)


CHECKS: tuple[Callable[[Subject], None], ...] = (
    it_says_what_it_is,
    it_takes_any_number_of_texts,
    an_empty_text_is_a_zero_row,
    a_text_has_the_same_row_alone_and_among_others,
    what_it_gives_is_the_callers_own,
    the_same_words_are_nearest,
    whatever_is_asked_has_a_row,
    a_very_long_text_has_a_row,
    threads_may_share_it,
    another_process_gives_the_same_rows_and_name,
)
