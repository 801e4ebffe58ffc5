"""From what grows to what is frozen, and from small segments to large ones; each row is written a few times in all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.backends.index.frozen import Arrays, Frozen, signs
from bot.backends.index.growing import Growing
from bot.backends.index.log import Place
from bot.backends.index.shelf import Listed, Shelf
from bot.backends.index.space import Spaces
from bot.backends.index.words import Rows, number
from bot.brains import Floats
from bot.model import Scope, Source

CHUNK = 2_000_000  # postings that are moved at a time
GONE = -1
MANY = 65_536  # passages that have gone for which segments are tidied at once
LARGER = 4  # times that a segment is larger than the next; others are merged


@dataclass(frozen=True, slots=True)
class Sealed:
    """What is to be written: all that `spaces` had at `place`, in segments that are `listed` and what has `grown`."""

    place: Place
    spaces: Spaces
    grown: Mapping[Source, Growing]
    listed: Listed


@dataclass(frozen=True, slots=True)
class Postings:
    """As in `Arrays`."""

    terms: NDArray[np.uint64]
    starts: NDArray[np.int64]
    rows: Rows
    shares: Floats


def frozen(growing: Growing) -> tuple[Arrays, list[Scope]]:
    """What a space has that grows, without what has gone."""
    here = growing.columns()
    alive, keep = ~here.dead, np.flatnonzero(~here.dead)
    told = [growing.owners[row].encode() for row in keep]
    postings = _kept(_postings(growing), _renumbered(alive, 0))
    columns = Arrays(
        here.seqs[keep], here.parts[keep], np.frombuffer(b"".join(told), np.uint8),
        np.cumsum([len(name) for name in told], dtype=np.int64),
        here.scope_of[keep], here.until[keep], here.vectors[keep].astype(np.float16), signs(here.vectors[keep]),
        postings.terms, postings.starts, postings.rows, postings.shares, np.array(growing.words.totals()),
    )  # fmt: skip
    return columns, list(growing.scopes)


def _postings(growing: Growing) -> Postings:
    numbered = sorted((number(term), term) for term in growing.words.terms())
    shares = [growing.words.share(term) for _, term in numbered]
    ends = np.cumsum([0, *(len(rows) for rows, _ in shares)], dtype=np.int64)
    rows = np.concatenate([np.zeros(0, np.int32), *(rows for rows, _ in shares)]).astype(np.int32)
    covered = np.concatenate([np.zeros(0, np.float32), *(share for _, share in shares)]).astype(np.float32)
    return Postings(np.array([n for n, _ in numbered], dtype=np.uint64), ends, rows, covered)


def _renumbered(alive: NDArray[np.bool_], first: int) -> Rows:
    """Each row's new number, from `first` on; GONE where it has gone."""
    return np.where(alive, np.cumsum(alive) - 1 + first, GONE).astype(np.int32)


def _kept(postings: Postings, rows: Rows) -> Postings:
    """With new numbers, without the rows that have gone."""
    anew = rows[postings.rows]
    there = anew != GONE
    before = np.concatenate([[0], np.cumsum(there)])
    return Postings(postings.terms, before[postings.starts], anew[there], postings.shares[there])


def merged(parts: Sequence[Frozen]) -> tuple[Arrays, list[Scope]]:
    """One segment of several, which follow one another, without what has gone."""
    scopes = list(dict.fromkeys(scope for part in parts for scope in part.scopes))
    moved, first = list[_Moved](), 0
    for part in parts:
        alive = ~part.dead()
        moved.append(_Moved(part.arrays, alive, _renumbered(alive, first)))
        first += int(alive.sum())
    places = [np.array([scopes.index(scope) for scope in part.scopes], dtype=np.int32) for part in parts]
    names = [_owners(one) for one in moved]
    postings = _joined(moved)
    arrays = Arrays(
        np.concatenate([one.arrays.seqs[one.alive] for one in moved]),
        np.concatenate([one.arrays.parts[one.alive] for one in moved]),
        np.concatenate([blob for blob, _ in names]),
        np.cumsum(np.concatenate([lengths for _, lengths in names]), dtype=np.int64),
        np.concatenate([place[one.arrays.scope_of[one.alive]] for one, place in zip(moved, places, strict=True)]),
        np.concatenate([one.arrays.until[one.alive] for one in moved]),
        np.concatenate([one.arrays.vectors[one.alive] for one in moved]),
        np.concatenate([one.arrays.bits[:, one.alive] for one in moved], axis=1),
        postings.terms, postings.starts, postings.rows, postings.shares,
        np.sum([one.arrays.totals for one in moved], axis=0),
    )  # fmt: skip
    return arrays, scopes


@dataclass(frozen=True, slots=True)
class _Moved:
    """A segment, which rows of it are alive, and each row's new number."""

    arrays: Arrays
    alive: NDArray[np.bool_]
    rows: Rows


def _owners(one: _Moved) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Names of the rows that are alive, one after the other, and how long each is."""
    lengths = np.diff(one.arrays.owner_ends, prepend=0)
    return one.arrays.owners[np.repeat(one.alive, lengths)], lengths[one.alive]


def _joined(parts: Sequence[_Moved]) -> Postings:
    """Each word's rows of all parts, one part after the other."""
    terms = np.unique(np.concatenate([one.arrays.terms for one in parts]))
    counts = [_counts(one.arrays, one.rows, terms) for one in parts]
    starts = np.concatenate([[0], np.cumsum(np.sum(counts, axis=0))]).astype(np.int64)
    made = Postings(terms, starts, np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32))
    free = starts[:-1].copy()
    for one, count in zip(parts, counts, strict=True):
        for span in _chunks(one.arrays.starts):
            _move(one.arrays, one.rows, span, made, free)
        free += count
    return made


def _counts(arrays: Arrays, rows: Rows, terms: NDArray[np.uint64]) -> NDArray[np.int64]:
    """How many rows of a part that are alive say each of `terms`."""
    many = np.zeros(len(terms), dtype=np.int64)
    before = np.zeros(len(arrays.starts), dtype=np.int64)
    for first, last in _chunks(arrays.starts):
        at = slice(int(arrays.starts[first]), int(arrays.starts[last]))
        there = np.concatenate([[0], np.cumsum(rows[arrays.rows[at]] != GONE)])
        before[first + 1 : last + 1] = before[first] + there[arrays.starts[first + 1 : last + 1] - at.start]
    many[np.searchsorted(terms, arrays.terms)] = np.diff(before)
    return many


def _chunks(starts: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Words, from and to, that have about CHUNK postings together."""
    first, terms = 0, len(starts) - 1
    while first < terms:
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + CHUNK)))
        yield first, min(last, terms)
        first = min(last, terms)


def _move(arrays: Arrays, rows: Rows, span: tuple[int, int], to: Postings, free: NDArray[np.int64]) -> None:
    """The postings of some words to their new places, from `free` of their word on."""
    first, last = span
    at = slice(int(arrays.starts[first]), int(arrays.starts[last]))
    anew = rows[arrays.rows[at]]
    there = anew != GONE
    before = np.concatenate([[0], np.cumsum(there)])[arrays.starts[first : last + 1] - at.start]
    places = np.searchsorted(to.terms, arrays.terms[first:last])
    shift = np.repeat(free[places] - before[:-1], np.diff(before))
    targets = np.arange(int(before[-1])) + shift
    to.rows[targets], to.shares[targets] = anew[there], arrays.shares[at][there]


def written(shelf: Shelf, sealed: Sealed, *, tidy: bool) -> Listed:
    """New segments, and those of before that stay. `tidy`: of none has any gone."""
    segments, sums, gone = dict[str, Sequence[str]](), dict(sealed.listed.sums), sealed.place.gone

    def add(arrays: Arrays, scopes: list[Scope]) -> Frozen:
        name, sums[name] = shelf.add(arrays, scopes)
        return shelf.load(name)

    for source, space in sealed.spaces.of.items():
        parts = [add(*merged([part])) if tidy and part.gone else part for part in space.frozen]
        parts = [part for part in parts if len(part)]
        if sealed.grown[source].live:
            parts.append(add(*frozen(sealed.grown[source])))
        while (last := _mergeable(parts)) is not None:
            parts[last:] = [add(*merged(parts[last:]))]
        segments[source] = [part.name for part in parts]
        if any(part.gone for part in parts):
            gone = sealed.listed.gone
    named = {name for names in segments.values() for name in names}
    return Listed(sealed.place.epoch, sealed.place.seq, segments, {name: sums[name] for name in named}, gone)


def _mergeable(parts: Sequence[Frozen]) -> int | None:
    """From which segment on they are to be one; None where they are fine."""
    for at in range(len(parts) - 1):
        if len(parts[at]) < LARGER * len(parts[at + 1]) or 2 * parts[at].gone > len(parts[at]):
            return at
    return None
