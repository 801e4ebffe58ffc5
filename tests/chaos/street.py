"""The vendors' side: fakes in processes of their own, whose couriers bring every webhook often and in any order."""

import threading
from functools import partial
from random import Random
from typing import Any

from bench.elsewhere import Elsewhere
from connectors.stage import Courier

AGAIN = 0.1  # seconds between two attempts at one webhook


class Street(Courier):
    """Brings each webhook `least` (1) to `copies` times, shuffled, and tries each time until it is acknowledged."""

    def __init__(self, theirs: Courier, random: Random, copies: int) -> None:
        self.random, self.least, self.copies = random, 1, copies
        self.sent = self.lost = self.put_off = self.refused = 0
        self._pause = threading.Event()
        super().__init__(theirs.knobs, theirs.sign, tries=1)

    def send(self, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Queue one webhook, unless the vendor is silent or loses it."""
        if not self.url or self.knobs.chance(self.knobs.lose):
            self.lost += 1
            return
        with self._changed:
            self.sent += 1
            for _ in range(self.random.randint(self.least, self.copies)):
                self._queue.insert(self.random.randint(0, len(self._queue)), (body, headers or {}))
            self._changed.notify_all()

    def post(self, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """Signed anew at each attempt, as vendors do for hours."""
        while True:
            answer = super().post(body, headers)
            if 0 < answer[0] < 500:
                self.refused += answer[0] >= 400
                return answer
            self.put_off += 1
            self._pause.wait(AGAIN)


def _move_in(fake: Any, seed: str, copies: int) -> None:
    fake.courier = Street(fake.courier, Random(seed), copies)
    fake.knobs.random, fake.knobs.writes_only = Random(seed), True


def vendor(name: str, seed: int, copies: int) -> Elsewhere:
    """A fake in its own process."""
    return Elsewhere(name, partial(_move_in, seed=f"{seed} {name}", copies=copies))
