"""Hybrid search: words and vectors together, from files that the processes of a machine share."""

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from bot.backends.index import folding
from bot.backends.index.frozen import Arrays, Frozen
from bot.backends.index.growing import Growing, Kept, ends
from bot.backends.index.log import Damaged, Log, Place, Replaced, Row
from bot.backends.index.shelf import Listed, Shelf, put_aside
from bot.backends.index.space import Fusion, Space
from bot.backends.index.words import Asked
from bot.brains import Embedder, Floats, Hit, Passage
from bot.errors import Misconfigured, Unavailable
from bot.model import Scope, Source
from bot.ports import Fine
from bot.scope import Asker
from bot.text.thesaurus import topics

log = logging.getLogger(__name__)
FUSION = Fusion(0.6, 0.4)  # flat between .5 and .7 of words on our questions and on Thunderbird's tickets
GROWN = 4096  # passages of a source that are frozen together
LARGER = 4  # times that a segment is larger than the next; others are merged
Done = TypeVar("Done")


class HybridIndex:
    """One tenant's passages in `folder`. Any thread may read or write, and any process of the machine; a put is found
    by the next search of each. A folder that is damaged is emptied, and filled again by whoever follows its mark."""

    def __init__(self, embedder: Embedder, folder: Path, *, fusion: Fusion = FUSION, grown: int = GROWN) -> None:
        self._embedder, self._folder, self._fusion, self._grown = embedder, folder, fusion, grown
        self._lock = threading.RLock()
        self._log: Log | None = None
        self._shelf = Shelf(folder)
        self._folding: threading.Thread | None = None

    def put(self, items: Sequence[Passage], *, drop: Sequence[str] = (), mark: str = "") -> None:
        """All or nothing."""
        rows = self._rows(items)

        def act(opened: Log) -> None:
            opened.put(rows, drop, mark, self._embedder.name)
            self._follow(opened)

        self._in_turn(act)
        self._fold_when_grown()

    def mark(self) -> str:
        """Of the newest put, whoever made it."""
        return self._in_turn(lambda _: self._mark)

    def search(self, query: str, *, source: Source, limit: int, who: Asker | None = None) -> tuple[Hit, ...]:
        """Best first; passages that share nothing with the query are left out.

        `lexical` is the share of the query's words that the passage covers, weighted by rarity; `vector` the mean
        of the cosines to title and text; both, and so `score`, can be compared between queries.
        """
        asked = Asked.of(self._embedder.embed([query], query=True)[0], topics(query))
        return self._in_turn(lambda _: self._spaces[source].search(asked, limit, who, self._fusion))

    def compact(self) -> None:
        """Segments with something that has gone are written anew; SQLite has overwritten it in its own file."""
        self._finish_folding()
        with self._lock:
            self._followed().settle()
            stale = any(part.gone for space in self._spaces.values() for part in space.frozen)
        if stale:
            self._fold(tidy=True)

    def clear(self) -> None:
        """Forget everything, in every process."""
        with self._lock:
            self._close()
            put_aside(self._folder)

    def check(self) -> Fine:
        """Whether it can be read, and is of this embedder."""
        try:
            count = self._in_turn(lambda _: sum(len(space) for space in self._spaces.values()))
        except (Misconfigured, Unavailable) as err:
            return (("index", False, str(err)),)
        return ((f"index of {count:,} passages", True, ""),)

    def close(self) -> None:
        """Let what is being frozen come to its end, and give the files back."""
        self._finish_folding()
        with self._lock:
            self._close()

    def _finish_folding(self) -> None:
        if running := self._folding:
            running.join()

    def _close(self) -> None:
        if self._log:
            self._log.close()
        self._log = None

    def _rows(self, items: Sequence[Passage]) -> list[Row]:
        fields = [(p.title or p.text, p.text) for p in items]
        texts = list(dict.fromkeys(text for pair in fields for text in pair))
        vectors = dict(zip(texts, self._embedder.embed(texts, query=False), strict=True)) if texts else {}
        return [_row(p, (vectors[title] + vectors[text]) / 2) for p, (title, text) in zip(items, fields, strict=True)]

    def _in_turn(self, act: Callable[[Log], Done]) -> Done:
        """With the lock, and after all that anybody has put."""
        for _ in range(3):
            try:
                with self._lock:
                    return act(self._followed())
            except Replaced:
                with self._lock:
                    self._close()
            except Damaged as err:
                log.warning("index damaged", extra={"folder": str(self._folder), "error": str(err)})
                self.clear()
        raise Unavailable(f"the index in {self._folder} is damaged again and again", retry_after=5.0)

    def _followed(self) -> Log:
        if self._log is None:
            self._log = self._open()
        elif self._log.changed():
            self._follow(self._log)
        return self._log

    def _open(self) -> Log:
        opened = Log(self._folder / "passages.db")
        made, ours = opened.embedder(), self._embedder.name
        if made not in ("", ours):
            opened.close()
            fix = f"holds vectors of {made}, and the embedder is {ours}: `app.py reindex` makes them anew"
            raise Misconfigured(str(self._folder), fix)
        self._place, self._mark, self._frozen = Place(), "", 0
        self._spaces = {source: Space(self._embedder.dim) for source in Source}
        self._adopt(opened, check=True)
        self._follow(opened)
        return opened

    def _adopt(self, opened: Log, *, check: bool = False) -> None:
        """Take the segments that are listed, where they are of this log."""
        listed, state = self._shelf.listed(), opened.end()
        if listed.epoch != state.epoch or listed.seq > state.seq:
            return
        sums = {name: listed.sums[name] if check else None for name in listed.sums}
        for source in Source:
            found = tuple(self._shelf.load(name, sums[name]) for name in listed.segments.get(source, ()))
            self._spaces[source] = Space(self._embedder.dim, found)
        self._place, self._frozen = Place(listed.epoch, listed.seq, 0), listed.seq

    def _follow(self, opened: Log) -> None:
        news = opened.news(self._place)
        for seq, row in news.rows:
            title = Counter(topics(row.title))
            counts = title, title if row.text == row.title else Counter(topics(row.text))
            kept = Kept(seq, row.owner, _scope(row.scope), row.until)
            vector = np.frombuffer(row.vector, dtype=np.float16).astype(np.float32)
            self._spaces[Source(row.source)].add(kept, counts, vector)
        for seq in news.gone:
            for space in self._spaces.values():
                space.kill(seq)
        self._place, self._mark = news.place, news.mark

    def _fold_when_grown(self) -> None:
        """Freeze in the background; whoever puts faster than that waits for it."""
        with self._lock:
            most = max(len(space.growing) for space in self._spaces.values()) if self._log else 0
            busy = self._folding is not None and self._folding.is_alive()
            if most >= self._grown and not busy:
                self._folding = threading.Thread(target=self._fold, name="folding", daemon=True)
                self._folding.start()
        if busy and most >= 2 * self._grown and self._folding:
            self._folding.join()

    def _fold(self, *, tidy: bool = False) -> None:
        try:
            with self._shelf.alone() as alone:
                if alone:
                    self._freeze(tidy=tidy)
        except Exception as err:
            log.exception("index not folded", extra={"folder": str(self._folder), "error": str(err)})
            with self._lock:
                self._close()  # what was sealed is read again

    def _freeze(self, *, tidy: bool) -> None:
        with self._lock:
            opened, spaces = self._followed(), dict(self._spaces)
            before = self._shelf.listed()
            if before.epoch == self._place.epoch and before.seq > self._frozen:
                self._adopt(opened)  # another process was first
                return self._follow(opened)
            place, grown = self._place, {source: space.seal() for source, space in spaces.items()}
            opened.settle()
        listed = self._written(place, spaces, grown, dict(before.sums), tidy=tidy)
        with self._lock:
            if self._place.epoch != place.epoch:
                return None
            self._shelf.replace(listed)
            self._frozen = listed.seq
            for source, space in spaces.items():
                space.swap(tuple(self._shelf.load(name) for name in listed.segments[source]))
            for seq in opened.news(Place(place.epoch, self._place.seq, 0)).gone:
                for space in spaces.values():
                    space.kill(seq)
        return None

    def _written(
        self,
        place: Place,
        spaces: Mapping[Source, Space],
        grown: Mapping[Source, Growing],
        sums: dict[str, int],
        *,
        tidy: bool,
    ) -> Listed:
        """New segments, and those of before that stay. `sums`: of those of before; `tidy`: of what stays, nothing has
        gone."""
        segments = dict[str, Sequence[str]]()
        for source, space in spaces.items():
            parts = [self._tidied(part, sums) if tidy and part.gone else part for part in space.frozen]
            parts = [part for part in parts if len(part)]
            if grown[source].live:
                parts.append(self._add(*folding.frozen(grown[source]), sums))
            while (last := _mergeable(parts)) is not None:
                parts[last:] = [self._add(*folding.merged(parts[last:]), sums)]
            segments[source] = [part.name for part in parts]
        named = {name for names in segments.values() for name in names}
        return Listed(place.epoch, place.seq, segments, {name: sums[name] for name in named})

    def _tidied(self, part: Frozen, sums: dict[str, int]) -> Frozen:
        return self._add(*folding.merged([part]), sums)

    def _add(self, arrays: Arrays, scopes: list[Scope], sums: dict[str, int]) -> Frozen:
        name, sums[name] = self._shelf.add(arrays, scopes)
        return self._shelf.load(name)


def _mergeable(parts: Sequence[Frozen]) -> int | None:
    """From which segment on they are to be one; None where they are fine."""
    for at in range(len(parts) - 1):
        if len(parts[at]) < LARGER * len(parts[at + 1]) or 2 * parts[at].gone > len(parts[at]):
            return at
    return None


def _row(passage: Passage, vector: Floats) -> Row:
    until = passage.valid_until.timestamp() if passage.valid_until else None
    return Row(
        passage.owner, passage.source, passage.title or passage.text, passage.text,
        json.dumps(astuple(passage.scope)), ends(until), vector.astype(np.float16).tobytes(),
    )  # fmt: skip


@lru_cache(maxsize=1000)
def _scope(told: str) -> Scope:
    return Scope(*json.loads(told))
