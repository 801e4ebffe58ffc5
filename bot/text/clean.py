"""Text as people see it."""

import re
import unicodedata

UNSEEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e01ef]"
)
CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127])
MARKS = re.compile("([\u0300-\u036f]{4})[\u0300-\u036f]+")
DIGIT = re.compile(r"[^\D0-9]")  # of another script


def clean(text: str) -> str:
    """NFC, lines by `\\n`, without what is not seen: controls, zero-width, bidi and tag characters."""
    if text.isascii():  # which most text is, and it has no accents
        return text.replace("\r\n", "\n").replace("\r", "\n").translate(CONTROLS)
    text = UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    # A thousand accents on one letter make normalisation quadratic.
    return unicodedata.normalize("NFC", MARKS.sub(r"\1", text))


def plain(text: str) -> str:
    """Cleaned, in the simplest spelling of each character (NFKC): wide letters, odd blanks, digits of any script."""
    text = clean(text)
    if text.isascii():
        return text
    return DIGIT.sub(lambda digit: str(unicodedata.decimal(digit.group())), unicodedata.normalize("NFKC", text))
