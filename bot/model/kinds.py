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
    """Why a decision fell as it did: one of these, always. `words` say so to people, after "because"."""

    words: str

    def __new__(cls, value: str, words: str = "") -> "Reason":
        """A member from its value and its words; a look-up gives the value alone."""
        made = str.__new__(cls, value)
        made._value_, made.words = value, words
        return made

    LICENSED = "licensed", "the topic is licensed"
    NOT_LICENSED = "not_licensed", "the topic has no licence to answer alone"
    LOW_CONFIDENCE = "low_confidence", "not sure enough to answer alone"
    TOO_SHORT = "too_short", "a question of so few words is not answered alone"
    PAST_REPLY_ONLY = "past_reply_only", "it rests on a colleague's past reply, not on an approved entry"
    FROM_MEMORY = "from_memory", "people sent or linked it when the like was asked; its own words are far"
    DISPUTED = "disputed", "two entries on this topic contradict each other, and no lead has settled it yet"
    UNCOMPARED = "uncompared", "not all that was published has been taken in and held against the rest yet"
    OTHER_LANGUAGE = "other_language", "the knowledge is in another language"
    DRAFT_ONLY = "draft_only", "this helpdesk is set to drafts only"
    CANNOT_REPLY = "cannot_reply", "replies cannot be sent here"
    OTHER_BOT = "other_bot", "another bot is answering"
    THIN_EVIDENCE = "thin_evidence", "nothing approved answers this well enough"
    NEVER_TOPIC = "never_topic", "the policy keeps this topic for people"
    ASKED_FOR_PERSON = "asked_for_person", "the customer asked for a person"
    ONLY_ATTACHMENT = "only_attachment", "the message is only an attachment, which a person has to look at"
    TOO_LONG = "too_long", "the draft was longer than a reply may be"
    ACTIVE_CONTENT = "active_content", "the draft held markup or an address that does something when it is shown"
    INTERNAL_TEXT = "internal_text", "the draft repeated what is for the team only"
    FOREIGN_DETAILS = "foreign_details", "the draft named a person, number or address that is not this customer's"
    WRITER_UNAVAILABLE = "writer_unavailable", "the writer was away, so this is the plain fallback"
    OUTSIDE_PILOT = "outside_pilot", "outside the pilot"
    OVERTAKEN = "overtaken", "somebody has answered, or the customer wrote again"
    STALE = "stale", "the message is too old"
    NOT_OPEN = "not_open", "the conversation is not open"
    THANKS = "thanks", "the customer says thanks"
    AUTO_REPLY = "auto_reply", "an automatic reply"
    NOTHING_ASKED = "nothing_asked", "nothing was asked"


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
    """A person's answer on a draft or a proposal; approving a proposal is `ACCEPT`. The last three settle a pair of
    entries: which of them stays."""

    ACCEPT = "accept"
    EDIT = "edit"
    REJECT = "reject"
    KEEP_ONE = "keep_one"
    KEEP_OTHER = "keep_other"
    KEEP_BOTH = "keep_both"


ON_WORDS = (VerdictKind.ACCEPT, VerdictKind.EDIT, VerdictKind.REJECT)
ON_PAIRS = (VerdictKind.KEEP_ONE, VerdictKind.KEEP_OTHER, VerdictKind.KEEP_BOTH)


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
    """Where evidence comes from; only an entry may carry a reply that no person reads. Of what was asked before it is
    only remembered what came of it."""

    ENTRY = "entry"
    PAST = "past"
    ASKED = "asked"


class Taint(StrEnum):
    """Whose words an entry holds beside those that a lead has typed here: a question as a customer asked it, or all
    of it as it stood elsewhere."""

    NONE = "none"
    CUSTOMER = "customer"
    OUTSIDE = "outside"


class ProposalState(StrEnum):
    """A proposal waits for a card, is open on one, and ends."""

    WAITING = "waiting"
    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


class Clash(StrEnum):
    """How two entries stand to each other that speak about one question: they say the same twice, or one says what the
    other denies."""

    SAME = "same"
    CONTRADICTION = "contradiction"
