"""What the brains in memory follow in the store: nothing is missed, and the nearest are found without reading all."""

from concurrent.futures import ThreadPoolExecutor, wait

from bot.model import Signal
from bot.store import Store, reviews
from bot.store.migrate import migrate
from tests.learning.cases import NOW


def signal(id: str) -> Signal:
    return Signal(id, NOW, "returns", "returns-window", good=1.0, weight=1.0, confidence=0.5)


def test_a_signal_is_never_numbered_below_one_that_was_read_already(database_url: str) -> None:
    store = Store(database_url)
    migrate(store)

    def append() -> None:
        with store.write() as conn:
            reviews.add_signal(conn, signal("s-late@1"))

    with ThreadPoolExecutor(1) as pool:
        with store.write() as conn:
            reviews.add_signal(conn, signal("s-early@1"))
            late = pool.submit(append)
            overtook, _ = wait([late], timeout=0.3)
        late.result()

    assert not overtook
    with store.read() as conn:
        assert [s.id for _, s in reviews.signals_after(conn, 0)] == ["s-early@1", "s-late@1"]
    store.close()
