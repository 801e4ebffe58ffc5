"""The closed lists."""

from enum import StrEnum


class Role(StrEnum):
    """Who speaks in a conversation."""

    CUSTOMER = "customer"
    AGENT = "agent"
    SELF = "self"
    OTHER_BOT = "other_bot"


class Status(StrEnum):
    """How far a conversation is; a vendor's own states are folded into these."""

    OPEN = "open"
    PENDING = "pending"
    SOLVED = "solved"
    CLOSED = "closed"
    OTHER = "other"


class EventKind(StrEnum):
    """What was not seen before. Handled by the table in `app.py`."""

    CUSTOMER_MESSAGE = "customer_message"
    AGENT_MESSAGE = "agent_message"
    NOTE = "note"
    BOT_MESSAGE = "bot_message"
    CHANGE = "change"


class DeliveryKind(StrEnum):
    """What can be put into the world."""

    REPLY = "reply"
    NOTE = "note"
    HANDOFF = "handoff"
    CARD = "card"


class Action(StrEnum):
    """How far a draft may go."""

    REPLY = "reply"
    SUGGEST = "suggest"
    HANDOFF = "handoff"
    IGNORE = "ignore"


class Reason(StrEnum):
    """Why a decision fell as it did: one of these, always."""

    LICENSED = "licensed"
    NOT_LICENSED = "not_licensed"
    LOW_CONFIDENCE = "low_confidence"
    PAST_REPLY_ONLY = "past_reply_only"
    OTHER_LANGUAGE = "other_language"
    DRAFT_ONLY = "draft_only"
    CANNOT_REPLY = "cannot_reply"
    OTHER_BOT = "other_bot"
    THIN_EVIDENCE = "thin_evidence"
    NEVER_TOPIC = "never_topic"
    ASKED_FOR_PERSON = "asked_for_person"
    ONLY_ATTACHMENT = "only_attachment"
    WRITER_UNAVAILABLE = "writer_unavailable"
    OUTSIDE_PILOT = "outside_pilot"
    OVERTAKEN = "overtaken"
    STALE = "stale"
    NOT_OPEN = "not_open"
    THANKS = "thanks"
    AUTO_REPLY = "auto_reply"
    NOTHING_ASKED = "nothing_asked"


class DeliveryState(StrEnum):
    """`approved -> sending (committed) -> sent | unknown`; the rest are ends without a send."""

    APPROVED = "approved"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    VOID = "void"
    REFUSED = "refused"
    ASKED = "asked"


class VerdictKind(StrEnum):
    """A person's answer on a draft or a proposal; approving a proposal is `ACCEPT`."""

    ACCEPT = "accept"
    EDIT = "edit"
    REJECT = "reject"


class OutcomeKind(StrEnum):
    """What became of a draft."""

    KEPT = "kept"
    EDITED = "edited"
    REPLACED = "replaced"
    REJECTED = "rejected"
    UNUSED = "unused"


class CorrectionKind(StrEnum):
    """What a changed sentence changed. The first two are never material."""

    TONE = "tone"
    WORDING = "wording"
    FACT_WRONG = "fact_wrong"
    FACT_MISSING = "fact_missing"
    RULE_MISAPPLIED = "rule_misapplied"
    NEEDED_TOOL = "needed_tool"
    WRONG_TOPIC = "wrong_topic"


class PersonRole(StrEnum):
    """What someone on the team may do; each includes the one before."""

    AGENT = "agent"
    LEAD = "lead"
    ADMIN = "admin"


class Source(StrEnum):
    """Where evidence comes from; only an entry may carry a reply that no person reads."""

    ENTRY = "entry"
    PAST = "past"


class ProposalState(StrEnum):
    """A proposal waits for a card, is open on one, and ends."""

    WAITING = "waiting"
    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
