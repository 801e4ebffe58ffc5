"""Personal numbers and addresses made up by a seed, spelled as people spell them."""

from collections.abc import Callable
from random import Random
from string import ascii_letters, ascii_uppercase, digits, hexdigits

MIXED = ascii_letters + digits
SENTENCES = (
    "It is {}.",
    "Please use {} for this",
    "{}",
    "My number: {}, thanks",
    "({})",
    "Order FW-10234, {} since 03.11.2026",
    "Ref AB12 {} now",
    "x={}",
    "«{}»",
    "\n{}\n",
)


def some(random: Random, count: int, of: str = digits) -> str:
    """So many characters."""
    return "".join(random.choice(of) for _ in range(count))


def like(random: Random, *shapes: str) -> str:
    """One of these shapes with digits for its `#`."""
    return "".join(random.choice(digits) if c == "#" else c for c in random.choice(shapes))


def email(random: Random) -> str:
    """With dots, a plus, an apostrophe, umlauts, capitals."""
    user = random.choice(("maria.k", "m_keller", "jonas+shop", "o'brien", "jürgen", "AIKO", "a.t-1"))
    host = random.choice(("mail.example", "post.co.example", "bücher.example", "ab-cd.example.com"))
    return f"{user}{some(random, 3)}@{host}"


def card(random: Random) -> str:
    """Of 13 to 19 digits by Luhn; blanks of two kinds, dots, dashes, or nothing between."""
    start, length = random.choice(
        (("4", 16), ("51", 16), ("2221", 16), ("34", 15), ("6011", 16), ("4", 13), ("62", 19))
    )
    body = start + some(random, length - len(start) - 1)
    doubled = (int(c) * (2 if at % 2 == 0 else 1) for at, c in enumerate(reversed(body)))
    number = f"{body}{-sum(d - 9 if d > 9 else d for d in doubled) % 10}"
    if length == 15:
        return f"{number[:4]} {number[4:10]} {number[10:]}"
    return random.choice(("", " ", "-", ".", "\u00a0")).join(number[at : at + 4] for at in range(0, length, 4))


def iban(random: Random) -> str:
    """Of ten countries, with right check digits; in fours or in one."""
    lengths = {"DE": 18, "FR": 23, "NO": 11, "ES": 20, "AT": 16, "PL": 24, "BE": 12}
    named = {"GB": ("WEST", 14), "NL": ("ABNA", 10), "MT": ("MALT", 23)}
    country = random.choice((*lengths, *named))
    body = named[country][0] + some(random, named[country][1]) if country in named else some(random, lengths[country])
    rest = int("".join(str(int(c, 36)) for c in f"{body}{country}00")) % 97
    number = f"{country}{98 - rest:02d}{body}"
    spelled = random.choice(("", " ", "-")).join(number[at : at + 4] for at in range(0, len(number), 4))
    return spelled.lower() if random.random() < 0.1 else spelled


def phone(random: Random) -> str:
    """International or national, of several countries."""
    international = ("+49##########", "+49 ## #######", "+1 (2##) ###-####", "+44 (0)20 #### ####", "+33 1 ## ## ## ##")
    national = ("(3##) ###-####", "4##-###-####", "5##.###.####", "0### #######", "0###/#######", "0###-######")
    more = ("01 ## ## ## ##", "0##########", "6## ## ## ##", "0049 ### ######", "1-800-###-####", "3## #######")
    return like(random, *international, *national, *more, "+81-90-####-####", "+49\u00a0###\u2011######")


def ip(random: Random) -> str:
    """Version 4, or 6 in full or shortened."""
    if random.random() < 0.5:
        return ".".join(str(random.randint(0, 255)) for _ in range(4))
    groups = [f"{random.randint(1, 65535):x}" for _ in range(8)]
    shapes = (":".join(groups), f"2001:db8:{groups[0]}::", f"::1:{groups[1]}", f"fe80::{':'.join(groups[4:])}")
    return random.choice(
        (*shapes, f"{':'.join(groups[:3])}::{groups[7]}", "::ffff:192.0.2." + some(random, 2, "123456789"))
    )


def key(random: Random) -> str:
    """As cloud, payment, chat and code services issue them; also plain hexadecimal, base64 and JWT."""
    hexadecimal = hexdigits[:16]
    made: tuple[Callable[[], str], ...] = (
        lambda: f"AKIA{some(random, 16, ascii_uppercase + '234567')}",
        lambda: f"sk_live_{some(random, 24, MIXED)}",
        lambda: f"sk-{some(random, 48, MIXED)}",
        lambda: f"ghp_{some(random, 36, MIXED)}",
        lambda: f"glpat-{some(random, 20, MIXED)}",
        lambda: f"xoxb-{some(random, 11)}-{some(random, 12)}-{some(random, 24, MIXED)}",
        lambda: f"AIza{some(random, 35, MIXED + '_-')}a",
        lambda: f"eyJhbGciOiJIUzI1NiJ9.{some(random, 40, MIXED)}.{some(random, 42, MIXED)}",
        lambda: some(random, random.choice((32, 40, 64)), hexadecimal),
        lambda: f"{some(random, 40, MIXED + '/+')}",
        lambda: "-".join(some(random, size, hexadecimal) for size in (8, 4, 4, 4, 12)),
    )
    return random.choice(made)()


KINDS: dict[str, Callable[[Random], str]] = {
    "email": email, "card": card, "iban": iban, "phone": phone, "ip": ip, "key": key
}  # fmt: skip


def left(value: str, redacted: str) -> bool:
    """Is the value, or four characters of it in a row, still there?"""
    kept = redacted.replace("FW-10234", "").replace("03.11.2026", "").replace("AB12", "").replace("[email]", "")
    return value in kept or any(
        value[at : at + 4] in kept for at in range(len(value) - 3) if value[at : at + 4].isalnum()
    )
