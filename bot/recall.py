"""What is remembered for a question: what came of drafts for questions like it, and what people linked then."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from bot.brains import Hit
from bot.memory import NEAR, about, linked, pages, recalled
from bot.model import Entry
from bot.store.knowledge import newest_of, past_of
from bot.store.memory import outcomes_of
from bot.text.page import page_of

NEAREST = 20  # questions that are looked at


def recall(conn: Connection, asked: Sequence[Hit], sees: Callable[[Entry], bool]) -> dict[str, float]:
    """How far it speaks for each entry (up to 1) or against it (down to -1), of those that whoever asks `sees`.

    Who changed a draft has said by that what to think of the entry that it cites, not by the link it had; who wrote
    another reply, by its links.
    """
    alike = {hit.owner: hit.vector for hit in asked if hit.vector > NEAR}
    if not alike:
        return {}
    replies, near = past_of(conn, list(alike)), defaultdict[str, float](float)
    for id_, like in alike.items():
        key = about(replies[id_]) if id_ in replies else id_
        near[key] = max(near[key], like)
    outcomes = {(one.about, one.entry_id): one for one in outcomes_of(conn, list(near))}
    linking = {page for reply in replies.values() for page in pages(reply)}
    known = [e for e in newest_of(conn, {id_ for _, id_ in outcomes}, linking) if sees(e)]
    there = defaultdict[str, list[Entry]](list)
    for entry in known:
        there[page_of(entry.url)].append(entry)
    for one in linked(replies.values(), there):
        said = outcomes.get((one.about, one.entry_id))
        if said is None or said.good == 0:
            outcomes[one.about, one.entry_id] = one
    return recalled(((one, near[one.about]) for one in outcomes.values()), {e.id: e.version for e in known})
