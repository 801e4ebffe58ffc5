"""The team: one person behind a vendor's agent, a Slack user and an e-mail address."""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import BindParameter, Connection, bindparam, delete, select

from bot.model import Person
from bot.store.prepared import Prepared
from bot.store.statements import put
from bot.store.tables import person, vendor_person

OF: BindParameter[str] = bindparam("of")
LINKED = select(vendor_person.c.person_id).where(vendor_person.c.vendor_id == OF).scalar_subquery()
PERSON = Prepared(select(person.c.value).where((person.c.id == LINKED) | (person.c.id == OF)))
BY_LINK = "link:"  # before a person's id: for whom somebody acted who had a note's link and was not signed in


def save_person(conn: Connection, who: Person) -> None:
    """Add or change; a vendor id belongs to one person, the last one said."""
    email = who.email.lower()
    put(conn, person, "id", id=who.id, email=email, value=replace(who, email=email))
    conn.execute(delete(vendor_person).where(vendor_person.c.person_id == who.id))
    for vendor_id in who.vendor_ids:
        _take_back(conn, vendor_id, who.id)
        put(conn, vendor_person, "vendor_id", vendor_id=vendor_id, person_id=who.id)


def remove_person(conn: Connection, id: str) -> None:
    """Nobody is known by this id or its vendor ids any more; what they did stays recorded."""
    conn.execute(delete(vendor_person).where(vendor_person.c.person_id == id))
    conn.execute(delete(person).where(person.c.id == id))


def _take_back(conn: Connection, vendor_id: str, new: str) -> None:
    """Whoever had it so far forgets it: else the next change of them would take it away again."""
    owner = select(vendor_person.c.person_id).where(vendor_person.c.vendor_id == vendor_id).scalar_subquery()
    old: Person | None = conn.scalar(select(person.c.value).where(person.c.id == owner, person.c.id != new))
    if old is not None:
        kept = tuple(v for v in old.vendor_ids if v != vendor_id)
        put(conn, person, "id", id=old.id, email=old.email, value=replace(old, vendor_ids=kept))


def person_of(conn: Connection, vendor_id: str) -> Person | None:
    """Who `slack:U1`, `zendesk:7` or a person's own id is, also behind BY_LINK."""
    vendor_id = vendor_id.removeprefix(BY_LINK)
    found: Person | None = PERSON.value(conn, of=vendor_id)
    return found


def called(conn: Connection, ids: Iterable[str]) -> tuple[str, ...]:
    """Their names, and who of them acted by a link; of whoever nobody knows, the id."""
    known = [(by, person_of(conn, by)) for by in ids]
    return tuple(f"{who.name}{' by link' * by.startswith(BY_LINK)}" if who else by for by, who in known)


def by_email(conn: Connection, email: str) -> Person | None:
    """Whoever has this address."""
    found: Person | None = conn.scalar(select(person.c.value).where(person.c.email == email.lower()))
    return found


def team(conn: Connection) -> list[Person]:
    """Everyone, by id."""
    return list(conn.scalars(select(person.c.value).order_by(person.c.id)))
