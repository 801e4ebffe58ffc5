"""Hybrid search: words and vectors together, from files that the processes of a machine share."""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from bot.backends.index import folding
from bot.backends.index.folding import Sealed
from bot.backends.index.harm import Damaged, Lost, Replaced
from bot.backends.index.log import Log, News, Row, emptied, expect
from bot.backends.index.owners import Fusion
from bot.backends.index.rows import rows
from bot.backends.index.shelf import Held, Listed, Shelf, patient, put_aside
from bot.backends.index.space import Spaces
from bot.backends.index.words import Asked
from bot.brains import Embedder, Hit, Passage
from bot.errors import Misconfigured, Unavailable
from bot.model import Source
from bot.ports import Fine
from bot.scope import Asker
from bot.text.thesaurus import topics

log = logging.getLogger(__name__)
GROWN = 4096  # passages of a source that are frozen together
LITTLE = 512  # that grow on when an index is closed
NAME = "passages.db"
TRIES = 3  # where another process is in the way, or a file is damaged
PATIENCE = 30.0  # seconds that tidying waits for another process
PAUSE = 0.2  # seconds between two tries of it, in which the others can write
WAIT = 5.0  # seconds that a put waits for another, which may hang, before it goes on beside it
EMPTY = Listed()
Done = TypeVar("Done")


class HybridIndex:
    """One tenant's passages in `folder`. Any thread may read or write, and any process of the machine; a put is found
    by the next search of each. A folder that is damaged is emptied, and filled again by whoever follows its mark."""

    def __init__(self, embedder: Embedder, folder: Path, *, fusion: Fusion | None = None, grown: int = GROWN) -> None:
        self._embedder, self._folder, self._wanted, self._grown = embedder, folder, fusion, grown
        self._lock = threading.RLock()
        self._log: Log | None = None
        self._shelf = Shelf(folder)
        self._folding: threading.Thread | None = None

    def put(self, items: Sequence[Passage], *, drop: Sequence[str] = (), mark: tuple[str, str] | None = None) -> bool:
        """All or nothing. Of processes that follow one writer only one embeds, as what the others made would be of no
        use."""
        with self._shelf.alone("putting", WAIT) if mark else nullcontext():
            if mark and self.mark() != mark[1]:
                return False
            made = rows(items, self._embedder)
            done = self._in_turn(lambda opened: self._put(opened, made, drop, mark))
        self._look_after()
        return done

    def _put(self, opened: Log, made: list[Row], drop: Sequence[str], mark: tuple[str, str] | None) -> bool:
        done = opened.put(made, drop, mark, self._embedder.name)
        self._follow(opened)
        return done

    def mark(self) -> str:
        """Of the newest put, whoever made it."""
        return self._in_turn(lambda _: self._mark)

    def search(self, query: str, *, source: Source, limit: int, who: Asker | None = None) -> tuple[Hit, ...]:
        """Best first; what shares nothing with the query is left out.

        `lexical` is the share of the query's words that a passage covers, weighted by rarity; `vector` how like it is;
        each the mean of the owner's best passages. Both, and so `score`, can be compared between queries.
        """
        if self._log and not self._spaces[source].live and not self._in_turn(lambda _: self._spaces[source].live):
            return ()  # which costs no vector
        asked = Asked.of(self._embedder.embed([query], query=True)[0], topics(query))
        fusion = self._fusion()
        return self._in_turn(lambda _: self._spaces[source].search(asked, limit, who, fusion))

    def _fusion(self) -> Fusion:
        read = self._embedder.likeness
        return self._wanted or Fusion(1.0 - read.weight, read.weight, read.chance)

    def compact(self) -> None:
        """Segments with something that has gone are written anew; SQLite has overwritten it in its own file. Raises
        Unavailable where others keep it busy."""
        self._finish_folding()
        with self._shelf.alone(patience=PATIENCE) as held:
            if not (held and patient(partial(self._tidied, held), PATIENCE, PAUSE)):
                raise Unavailable(f"the index in {self._folder} is busy", retry_after=60.0)

    def _tidied(self, held: Held) -> bool:
        self._in_turn(lambda opened: self._tidy_up(opened, held))
        if self._spaces.gone or self._gone() >= self._grown:
            return self._freeze(held, tidy=True)
        return self._in_turn(lambda opened: opened.settle())

    def _gone(self) -> int:
        """How much has gone since no segment had any of it: whoever opens the index reads that."""
        return self._place.gone - self._listed.gone

    def _tidy_up(self, opened: Log, held: Held) -> None:
        """Before segments are written."""
        self._adopt_newer(opened)
        self._shelf.sweep(held, self._listed.sums)

    def clear(self) -> None:
        """Forget everything, in every process; those with another embedder can neither read nor write it any more."""
        with self._lock:
            self._close()
            try:
                emptied(self._folder / NAME, self._embedder.name)
            except Damaged:
                put_aside(self._folder)
                emptied(self._folder / NAME, self._embedder.name)

    def check(self) -> Fine:
        """Whether it can be read, and is of this embedder. Makes none."""
        if not self._log and not self._folder.exists():
            return (("no index yet, it is made when it is needed", True, ""),)
        try:
            count = self._in_turn(lambda _: self._spaces.live)
        except (Misconfigured, Unavailable) as err:
            return (("index", False, str(err)),)
        return ((f"index of {count:,} passages", True, ""),)

    def close(self) -> None:
        """Let what is being frozen come to its end, with what has grown since, unless it is little, and give the files
        back: whoever opens them next has less to read."""
        self._finish_folding()
        self._grown = min(self._grown, LITTLE)
        self._look_after()
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

    def _in_turn(self, act: Callable[[Log], Done]) -> Done:
        """With the lock, and after all that anybody has put."""
        for _ in range(TRIES):
            with self._lock:
                try:
                    return act(self._followed())
                except (Replaced, Lost):
                    self._close()
                except Damaged as err:
                    log.warning("index damaged", extra={"folder": str(self._folder), "error": str(err)})
                    self._close()
                    put_aside(self._folder)
        raise Unavailable(f"the index in {self._folder} is damaged again and again", retry_after=5.0)

    def _followed(self) -> Log:
        if self._log is None:
            self._log = self._open()
        version = self._log.changed()
        if version is not None:
            end = self._log.end()
            if end.epoch != self._place.epoch or end.seq - self._place.seq >= self._grown:
                self._adopt_newer(self._log)  # rather than read all of it word by word while others wait
            self._follow(self._log)
            self._log.seen(version)
            if self._spaces.most >= self._grown:
                self._adopt_newer(self._log)
        return self._log

    def _open(self) -> Log:
        opened = Log(self._folder / NAME)
        try:
            expect(self._folder, opened.embedder(), self._embedder.name)  # before all is read
            self._begin()
            self._adopt(opened, check=True)
            self._follow(opened)
        except BaseException:
            opened.close()
            raise
        return opened

    def _begin(self, epoch: str = "", listed: Listed = EMPTY, *, check: bool = False) -> None:
        """With the segments that are listed, and nothing that grows."""
        self._spaces = Spaces(self._embedder.dim, self._shelf.loaded(listed, check=check))
        self._place, self._mark, self._listed = replace(listed.place, epoch=epoch), "", listed

    def _adopt(self, opened: Log, *, check: bool = False) -> None:
        """Take the segments that are listed, where they are of this file; where they are damaged, all is read from the
        file itself."""
        for _ in range(TRIES):
            listed, harm = self._shelf.listed(), ""
            try:
                if opened.knows(listed.place):
                    return self._begin(listed.epoch, listed, check=check)
            except Lost as err:
                harm = str(err)
            if self._shelf.listed() == listed:  # else it was replaced meanwhile
                if harm:
                    log.warning("index damaged", extra={"folder": str(self._folder), "error": harm})
                break
        return self._shelf.forget()

    def _adopt_newer(self, opened: Log) -> None:
        """Take what another process has frozen."""
        listed = self._shelf.listed()
        if listed != self._listed and listed.epoch == opened.end().epoch and not self._spaces.sealed:
            self._adopt(opened)
            self._follow(opened)

    def _follow(self, opened: Log) -> None:
        try:
            news = opened.news(self._place)
            expect(self._folder, news.embedder, self._embedder.name)
            if news.place.epoch != self._place.epoch and self._place.epoch:
                self._begin(news.place.epoch)
            self._take(news)
            if self._spaces.mostly_gone and not self._spaces.sealed:
                self._begin_anew(opened)
        except BaseException:
            self._close()  # it may have been taken in half
            raise

    def _begin_anew(self, opened: Log) -> None:
        """From what is listed now: segments that were listed when this process began may be merged and gone."""
        self._begin()
        self._adopt(opened)
        self._take(opened.news(self._place))

    def _take(self, news: News) -> None:
        self._spaces.take(news)
        self._place, self._mark = news.place, news.mark

    def _look_after(self) -> None:
        """Freeze and write back in the background; whoever puts faster than that waits for it."""
        with self._lock:
            most = self._most()
            busy = self._folding is not None and self._folding.is_alive()
            if self._log and not busy and (most >= self._grown or self._log.behind):
                act = self._fold if most >= self._grown else self._log.write_back
                self._folding = threading.Thread(target=act, name="folding", daemon=True)
                self._folding.start()
        if busy and most >= 2 * self._grown and self._folding:
            self._folding.join()

    def _most(self) -> int:
        """Passages of a source that grow."""
        return self._spaces.most if self._log else 0

    def _fold(self) -> None:
        try:
            with self._shelf.alone() as held:
                before = self._most() + 1
                while held and self._grown <= (most := self._most()) < before:  # more may have come meanwhile
                    self._freeze(held, tidy=self._gone() >= folding.MANY)
                    before = most
        except Exception as err:
            log.exception("index not folded", extra={"folder": str(self._folder), "error": str(err)})

    def _freeze(self, held: Held, *, tidy: bool) -> bool:
        """Whether it is done. What was sealed is read again where that fails."""
        try:
            self._in_turn(lambda opened: self._tidy_up(opened, held))
            if opened := self._log:
                opened.write_back()  # so that there is little to settle while searches wait
            sealed = self._in_turn(self._seal)
            if not sealed:
                return False
            listed = folding.written(self._shelf, sealed, tidy=tidy)
            return self._in_turn(lambda opened: self._swap(opened, held, sealed.spaces, listed))
        except BaseException:
            with self._lock:
                self._close()
            raise

    def _seal(self, opened: Log) -> Sealed | None:
        """Nothing where the file cannot be made sure of: segments must not know more than it."""
        if not opened.settle():
            return None
        return Sealed(self._place, self._spaces, self._spaces.seal(), self._listed)

    def _swap(self, opened: Log, held: Held, spaces: Spaces, listed: Listed) -> bool:
        if self._place.epoch != listed.epoch or self._spaces is not spaces:
            return False  # it was emptied or opened anew meanwhile
        loaded = self._shelf.loaded(listed)
        held.sure()
        self._shelf.replace(listed)
        self._listed = listed
        gone = opened.news(replace(self._place, gone=listed.gone)).gone
        spaces.swap(loaded)
        spaces.kill(gone)
        opened.prune(listed.place)
        return True
