"""What became of a draft, told from the text a person sent: nobody has to press our buttons."""

from bot.model import CorrectionKind, Draft, Message, OutcomeKind, SentenceEdit
from learning.compare import compare, replaced
from learning.facts import teaching


def match(draft: Draft, sent: Message, names: tuple[str, ...] = ()) -> tuple[OutcomeKind, tuple[SentenceEdit, ...]]:
    """The kind, and the edits it rests on. Other manners keep a draft; a reply that teaches nothing ("I am looking
    into it") leaves it unused."""
    edits = compare(draft.text, sent.text, names)
    if replaced(edits):
        answered = edits[0].kind is CorrectionKind.NEEDED_TOOL or teaching(sent.text)
        return (OutcomeKind.REPLACED if answered else OutcomeKind.UNUSED), edits
    kept = all(e.kind is CorrectionKind.TONE for e in edits)
    return (OutcomeKind.KEPT if kept else OutcomeKind.EDITED), edits
