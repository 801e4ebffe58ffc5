"""One person behind a vendor's agent, a Slack user and an e-mail address."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from bot.model import Person
from bot.ports import Agent
from bot.store import audit, people


def link(conn: Connection, connector: str, agents: tuple[Agent, ...], now: datetime) -> list[Person]:
    """Give everyone on the team their id at this vendor, by e-mail address; whom we do not know stays unknown.

    An id that was set by hand for somebody else stays theirs.
    """
    linked = []
    for agent in agents:
        vendor_id = f"{connector}:{agent.id}"
        who = people.by_email(conn, agent.email) if agent.email else None
        if who is None or vendor_id in who.vendor_ids or people.person_of(conn, vendor_id) is not None:
            continue
        who = replace(who, vendor_ids=(*who.vendor_ids, vendor_id))
        people.save_person(conn, who)
        audit.record(conn, now, "understudy", "linked", who.id, "same e-mail address", also=vendor_id)
        linked.append(who)
    return linked
