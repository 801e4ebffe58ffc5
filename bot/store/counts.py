"""How much there is of what, for pages and `/health`: counted by the database, never fetched."""

from collections.abc import Collection

from sqlalchemy import Connection, Table, func, select

from bot.model import DeliveryState
from bot.store.pairs import mark
from bot.store.tables import conversation, delivery, draft, outcome, used
from bot.store.tables import entry as version

OPEN = (DeliveryState.APPROVED, DeliveryState.SENDING, DeliveryState.UNKNOWN)
TOTALS: dict[str, Table] = {"conversations": conversation, "drafts": draft, "outcomes": outcome}


def totals(conn: Connection) -> dict[str, int]:
    """How many conversations, drafts and outcomes, and versions of entries that nothing was held against yet."""
    found = {name: conn.scalar(select(func.count()).select_from(table)) or 0 for name, table in TOTALS.items()}
    return {**found, "uncompared": conn.scalar(select(func.count()).where(version.c.seq > mark(conn))) or 0}


def undelivered(conn: Connection) -> dict[str, int]:
    """Deliveries that are neither done nor given up, by state; every state is named."""
    query = select(delivery.c.state, func.count()).where(delivery.c.state.in_([s.value for s in OPEN]))
    found = {r[0]: r[1] for r in conn.execute(query.group_by(delivery.c.state))}
    return {state.value: found.get(state.value, 0) for state in OPEN}


def uses(conn: Connection, entries: Collection[str]) -> dict[str, dict[str, int]]:
    """By entry: how many drafts rest on any version of it, by what became of them; `open` where nothing has yet."""
    kind = func.coalesce(outcome.c.kind, "open")
    drafts = used.outerjoin(outcome, outcome.c.draft_id == used.c.draft_id)
    query = select(used.c.entry_id, kind, func.count()).select_from(drafts).where(used.c.entry_id.in_(entries))
    found: dict[str, dict[str, int]] = {}
    for entry, what, many in conn.execute(query.group_by(used.c.entry_id, kind).order_by(func.count().desc())):
        found.setdefault(entry, {})[what] = many
    return found
