"""What became of a draft, told from the text a person sent: nobody has to press our buttons."""

from bot.model import CorrectionKind, Draft, Message, OutcomeKind, SentenceEdit
from learning.compare import align, compare
from learning.facts import content, own_words, teaching

NEARLY_ALL = 0.9  # share of a draft's carrying words, 0 to 1
WHOLE = (CorrectionKind.WRONG_TOPIC, CorrectionKind.NEEDED_TOOL)


def match(draft: Draft, sent: Message, names: tuple[str, ...] = ()) -> tuple[OutcomeKind, tuple[SentenceEdit, ...]]:
    """The kind, and the edits it rests on. A reply that teaches nothing ("I am looking into it") leaves it unused."""
    edits = compare(draft.text, sent.text, names)
    if any(e.kind in WHOLE and e.before for e in edits):
        return (OutcomeKind.REPLACED if teaching(sent.text) or _own(edits) else OutcomeKind.UNUSED), edits
    if any(e.material for e in edits) or kept_share(draft.text, sent.text) < NEARLY_ALL:
        return OutcomeKind.EDITED, edits
    return OutcomeKind.KEPT, edits


def _own(edits: tuple[SentenceEdit, ...]) -> bool:
    return any(e.kind is CorrectionKind.NEEDED_TOOL for e in edits)


def kept_share(draft_text: str, sent_text: str) -> float:
    """The share of the draft's carrying words that were sent, 0 to 1; 1 for a draft without any."""
    old, common = 0, 0
    for pair in align(own_words(draft_text), own_words(sent_text)):
        carrying = content(" ".join(pair.before))
        old += carrying.total()
        common += (carrying & content(" ".join(pair.after))).total()
    return common / old if old else 1.0
