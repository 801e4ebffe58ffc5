"""What a person wrote, and what kind of message it is. Every pattern is linear-time, without look-around."""

import re
import unicodedata

from bot.text import phrases
from bot.text.markup import URL
from bot.text.redact import redact
from bot.text.sentences import sentences
from bot.text.terms import language, words

__all__ = ["language", "redact", "sentences", "words"]

UNSEEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e01ef]"
)
MARKS = re.compile("([\u0300-\u036f]{4})[\u0300-\u036f]+")
QUOTED = re.compile(r"^[ \t]{0,8}[>|]")
WROTE = re.compile(rf"\b(?:{phrases.WROTE})(?: [^:\n]{{1,80}})?[ \u00a0]?:$", re.I)
OPENS = re.compile(r"^(?:on|am|le|el|il|em|op|w dniu|dnia)\b|^[0-9]|@", re.I)
DATED = re.compile(r"\d{1,2}:\d{2}|\b(?:19|20)\d\d\b|@")
HEADER = re.compile(rf"^[ \t]?\*?(?:{phrases.HEADERS})[ \u00a0]?:\*?[ \u00a0]\S", re.I)
FORWARD = re.compile(rf"^[-_ \t]{{0,40}}(?:{phrases.FORWARDS})[ :]{{0,3}}[-_ \t]{{0,40}}$", re.I)
ABOVE = re.compile(r"(?:type|write) your reply above this line|antworten sie bitte oberhalb dieser zeile", re.I)
CLOSING = re.compile(rf"^(?:{phrases.CLOSINGS})[ ,.!]{{0,3}}$", re.I)
THANKS_CLOSING = re.compile(rf"^(?:{phrases.THANKS_CLOSINGS})[ ,.!]{{0,3}}$", re.I)
SENT_FROM = re.compile(rf"^(?:{phrases.SENT_FROM}) [^.!?\n]{{1,40}}[.!]?$", re.I)
PROPER = r"(?:[A-ZÀ-ÖØ-ÞŁŚŻ][\w'’.-]{0,30}|von|van|de|da|di)"
NAME = re.compile(rf"^{PROPER}(?: {PROPER}){{0,3}}$")
POSTSCRIPT = re.compile(r"^p\. ?s\.|^ps\b", re.I)

TOKEN = re.compile("[\\w'-]+|[\u2600-\u27bf\U0001f300-\U0001faff]")
PERSON = re.compile("|".join(phrases.PERSON), re.I)
AUTO_SUBJECT = re.compile(rf"^\W{{0,3}}(?:{phrases.AUTO_SUBJECT})", re.I)
AUTO_TEXT = re.compile("|".join(phrases.AUTO_TEXT), re.I)
DAEMON = re.compile(r"\b(?:mailer-daemon|postmaster|mail delivery (?:sub)?system)\b", re.I)
BOUNCE = re.compile(rf"\b(?:{phrases.BOUNCE})\b", re.I)
SMTP = re.compile(r"\b[45]\.\d\.\d{1,3}\b")
REFUSED = re.compile(
    r"recipient address rejected|user unknown|mailbox (?:is )?(?:full|unavailable)|does not exist|diagnostic-code", re.I
)


def clean(text: str) -> str:
    """NFC, lines by `\\n`, without what is not seen: controls, zero-width, bidi and tag characters."""
    text = UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    # A thousand accents on one letter make normalisation quadratic.
    return unicodedata.normalize("NFC", MARKS.sub(r"\1", text))


def said(text: str) -> str:
    """What the person wrote themselves: no quotes, forwarded mail, signatures; "" when nothing is left."""
    lines = [line.rstrip() for line in clean(text).split("\n")]
    kept = [line for line in _own(lines) if not SENT_FROM.match(line)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(_unsigned(kept))).strip()


def _own(lines: list[str]) -> list[str]:
    """The lines up to the first forwarded block, without quotes and the lines that announce them."""
    own: list[str] = []
    at = 0
    while at < len(lines):
        if _forwarded(lines, at):
            break
        span = _announces(lines, at)
        if span and not _quote_follows(lines, at + span):
            break
        if not span and not QUOTED.match(lines[at]):
            own.append(lines[at])
        at += span or 1
    return own


def _forwarded(lines: list[str], at: int) -> bool:
    if FORWARD.match(lines[at]) or ABOVE.search(lines[at]):
        return True
    return all(HEADER.match(line) for line in lines[at : at + 3]) and len(lines) >= at + 3


def _announces(lines: list[str], at: int) -> int:
    """How many lines "On … wrote:" takes here (mail programs wrap it), 0 when it is none."""
    if not OPENS.search(lines[at]):
        return 0
    for span in (1, 2, 3):
        joined = " ".join(lines[at : at + span])
        if len(joined) > 300 or not all(lines[at : at + span]):
            return 0
        if WROTE.search(joined) and DATED.search(joined):
            return span
    return 0


def _quote_follows(lines: list[str], at: int) -> bool:
    after = next((line for line in lines[at:] if line), "")
    return bool(QUOTED.match(after))


def _unsigned(lines: list[str]) -> list[str]:
    """Without the signature; a postscript behind it stays."""
    for at, line in enumerate(lines):
        if line.strip() in ("--", "—") and any(lines[:at]):
            return lines[:at]
        if CLOSING.match(line.strip()):
            return lines[:at] + _postscript(lines[at + 1 :])
        if len(lines) - at <= 6 and THANKS_CLOSING.match(line.strip()) and _names(lines[at + 1 :]):
            return lines[: at + 1]
    return lines


def _names(lines: list[str]) -> bool:
    """Nothing but one or two lines that look like a name."""
    rest = [line.strip() for line in lines if line.strip()]
    return 0 < len(rest) <= 2 and all(NAME.match(line) for line in rest)


def _postscript(lines: list[str]) -> list[str]:
    starts = [at for at, line in enumerate(lines) if POSTSCRIPT.match(line.strip())]
    return lines[starts[0] :] if starts else []


def links(text: str) -> tuple[str, ...]:
    """Web addresses in order, each once."""
    return tuple(dict.fromkeys(URL.findall(text)))


def asks_for_person(text: str) -> bool:
    """Wants to be served by a person."""
    own = said(text)[:4000].replace("’", "'")
    return any(PERSON.search(line.strip()) for line in own.split("\n"))


def is_thanks(text: str) -> bool:
    """Thanks or praise and nothing else: every word asks for nothing, but for a name right behind another."""
    own = said(text)
    tokens = _tokens(own)
    if "?" in own or len(tokens) > 40 or not any(token in phrases.THANKS for token in tokens):
        return False
    odd = [token for token in tokens if token not in phrases.THANKS | phrases.BESIDE_THANKS]
    return not odd or (len(odd) == 1 and bool(re.search(rf"\w {re.escape(odd[0].capitalize())}\b", own)))


def _tokens(text: str) -> list[str]:
    return TOKEN.findall(text.casefold().replace("’", "'"))


def is_auto_reply(subject: str, text: str) -> bool:
    """An absence note or another machine's answer; a person's reply to one (`Re: …`) is not."""
    if AUTO_SUBJECT.match(subject.strip()):
        return True
    own = said(text)
    return "?" not in own and bool(AUTO_TEXT.search(own[:300]))


def is_bounce(author: str, subject: str, text: str) -> bool:
    """A mail system says that a mail could not be delivered; a parcel that could not be is none."""
    if DAEMON.search(author) or BOUNCE.search(subject):
        return True
    return bool(SMTP.search(text[:4000]) and REFUSED.search(text[:4000]))
