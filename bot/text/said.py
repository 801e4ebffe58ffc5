"""What a person wrote, and what kind of message it is. Every pattern is linear-time, without look-around."""

import re

from bot.text.clean import clean
from bot.text.markup import URL
from bot.text.phrases import PATTERNS, WORDS
from bot.text.redact import redact
from bot.text.sentences import sentences
from bot.text.terms import language, words

__all__ = ["clean", "language", "redact", "sentences", "words"]

QUOTED = re.compile(r"^[ \t]{0,8}[>|]")
DATED = re.compile(r"\d{1,2}:\d{2}|\b(?:19|20)\d\d\b|@")
PROPER = r"(?:[A-ZÀ-ÖØ-ÞŁŚŻ][\w'’.-]{0,30}|von|van|de|da|di)"
NAME = re.compile(rf"^{PROPER}(?: {PROPER}){{0,3}}$")

TOKEN = re.compile("[\\w'-]+|[\u2600-\u27bf\U0001f300-\U0001faff]")
SMTP = re.compile(r"\b(?:[45]\.\d\.\d{1,3}\b|55[0-4][ -](?:user|mailbox|recipient))", re.I)


def said(text: str, name: str = "") -> str:
    """What the person of this name wrote themselves: no quotes, forwarded mail, signatures; "" when nothing is left."""
    lines = [line.rstrip() for line in clean(text).split("\n")]
    kept = [line for line in _own(lines) if not PATTERNS["sent_from"].match(line)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(_nameless(_unsigned(kept), name))).strip()


def _own(lines: list[str]) -> list[str]:
    """The lines up to the first forwarded block, without quotes and the lines that announce them."""
    own: list[str] = []
    at = 0
    while at < len(lines):
        if _forwarded(lines, at):
            break
        span = _announces(lines, at)
        if span and not QUOTED.match(next(filter(None, lines[at + span :]), "")):
            break
        if not span and not QUOTED.match(lines[at]):
            own.append(lines[at])
        at += span or 1
    return own


def _forwarded(lines: list[str], at: int) -> bool:
    if PATTERNS["forward"].match(lines[at]) or PATTERNS["above"].search(lines[at]):
        return True
    return all(PATTERNS["header"].match(line) for line in lines[at : at + 3]) and len(lines) >= at + 3


def _announces(lines: list[str], at: int) -> int:
    """How many lines "On … wrote:" takes here (mail programs wrap it), 0 when it is none."""
    if not PATTERNS["opens"].search(lines[at]):
        return 0
    for span in (1, 2, 3):
        joined = " ".join(lines[at : at + span])
        if len(joined) > 300 or not all(lines[at : at + span]):
            return 0
        if PATTERNS["wrote"].search(joined) and DATED.search(joined):
            return span
    return 0


def _unsigned(lines: list[str]) -> list[str]:
    """Without the signature; a postscript behind it stays."""
    for at, line in enumerate(lines):
        if line.strip() in ("--", "—") and any(lines[:at]):
            return lines[:at]
        if PATTERNS["closing"].match(line.strip()):
            starts = (n for n in range(at + 1, len(lines)) if PATTERNS["postscript"].match(lines[n].strip()))
            return lines[:at] + lines[next(starts, len(lines)) :]
        if len(lines) - at <= 6 and PATTERNS["thanks_closing"].match(line.strip()) and _names(lines[at + 1 :]):
            return lines[: at + 1]
    return lines


def _nameless(lines: list[str], name: str) -> list[str]:
    """Without last lines that are a closing, the author's own name or both; a name alone is an answer."""
    end = len(lines)
    while name and end and _signs(lines[end - 1], name.casefold().split()):
        end -= 1
    return lines[:end] if any(lines[:end]) else lines


def _signs(line: str, name: list[str]) -> bool:
    spoken = line.strip(" -–—").split()
    while spoken and spoken[-1].casefold().strip(",.!") in name:
        spoken.pop()
    rest = " ".join(spoken)
    return not rest or any(PATTERNS[kind].match(rest) for kind in ("closing", "thanks_closing"))


def _names(lines: list[str]) -> bool:
    """Nothing but one or two lines that look like a name."""
    rest = [line.strip() for line in lines if line.strip()]
    return 0 < len(rest) <= 2 and all(NAME.match(line) for line in rest)


def links(text: str) -> tuple[str, ...]:
    """Web addresses in order, each once."""
    return tuple(dict.fromkeys(URL.findall(text)))


def asks_for_person(text: str) -> bool:
    """Wants to be served by a person."""
    own = said(text)[:4000].replace("’", "'")
    return any(PATTERNS["person"].search(line.strip()) for line in own.split("\n"))


def is_thanks(text: str) -> bool:
    """Thanks or praise and nothing else: every word asks for nothing, but for a name right behind another."""
    own = said(text)
    tokens = TOKEN.findall(own.casefold().replace("’", "'"))
    if "?" in own or len(tokens) > 40 or not any(token in WORDS["thanks"] for token in tokens):
        return False
    odd = [token for token in tokens if token not in WORDS["thanks"] | WORDS["beside_thanks"]]
    return not odd or (len(odd) == 1 and bool(re.search(rf"\w {re.escape(odd[0].capitalize())}\b", own)))


def is_auto_reply(subject: str, text: str) -> bool:
    """An absence note or another machine's answer; a person's reply to one (`Re: …`) is not."""
    own = said(text)
    absent = "?" not in own and PATTERNS["auto_text"].search(own[:300])
    return bool(absent or PATTERNS["auto_subject"].match(subject.strip()))


def is_bounce(author: str, subject: str, text: str) -> bool:
    """A mail system says that a mail could not be delivered; a parcel that could not be is none."""
    if PATTERNS["daemon"].search(author) or PATTERNS["bounce"].search(subject):
        return True
    return bool(SMTP.search(text[:4000]) and PATTERNS["refused"].search(text[:4000]))
