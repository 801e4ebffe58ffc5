"""What is remembered for a question: what came of drafts for questions like it, and what people linked then."""

from collections.abc import Sequence

from sqlalchemy import Connection

from bot.brains import Hit
from bot.memory import NEAR, recalled
from bot.store.knowledge import latest, past_of
from bot.store.memory import about, linked_in, outcomes_of

NEAREST = 20  # questions that are looked at


def recall(conn: Connection, asked: Sequence[Hit]) -> dict[str, float]:
    """How far it speaks for each entry (up to 1) or against it (down to -1). Who changed a draft has said by that what
    to think of the entry that it cites, not by the link it had; who wrote another reply, by its links."""
    alike = {hit.owner: hit.vector for hit in asked if hit.vector > NEAR}
    replies = past_of(conn, list(alike))
    near = {about(replies[id_]) if id_ in replies else id_: like for id_, like in alike.items()}
    outcomes = {(one.about, one.entry_id): one for one in outcomes_of(conn, near)}
    for one in linked_in(conn, replies.values()):
        said = outcomes.get((one.about, one.entry_id))
        if said is None or said.good == 0:
            outcomes[one.about, one.entry_id] = one
    known = (latest(conn, id_) for id_ in dict.fromkeys(entry_id for _, entry_id in outcomes))
    versions = {entry.id: entry.version for entry in known if entry and not entry.retired}
    return recalled(((one, near[one.about]) for one in outcomes.values()), versions)
