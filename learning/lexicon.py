"""Word lists by which a sentence is read, as data. English first, the commonest German beside it."""

import re

from bot.text.terms import stem


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _stems(words: str) -> frozenset[str]:
    return frozenset(stem(word) for word in words.split())


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.I)


# One way to write what is written in several; done before anything is compared.
SAME = tuple(
    (re.compile(rf"\b(?:{pattern})\b", re.I), instead)
    for pattern, instead in (
        (r"can['’]?t|can ?not|unable to|kann nicht", "can not"),
        (r"won['’]?t", "will not"),
        (r"n['’]t", " not"),
        (r"(\w+)n['’]t", r"\1 not"),
        (r"(\w+)['’]ll", r"\1 will"),
        (r"(\w+)['’]ve", r"\1 have"),
        (r"(\w+)['’]re", r"\1 are"),
        (r"(it|that|there|he|she|what|here)['’]s", r"\1 is"),
        (r"i['’]m", "I am"),
        (r"let['’]s", "let us"),
        (r"e-?mails?|mails?", "email"),
        (r"euros?|eur", "€"),
        (r"us dollars?|dollars?|usd", "$"),
        (r"pounds?|gbp", "£"),
        (r"per ?cent|prozent", "%"),
        (r"business days?|working days?|werktagen?|arbeitstagen?", "workday"),
        (r"tag(?:en?)?|days?", "day"),
        (r"free of charge|at no (?:extra )?(?:cost|charge)|without charge|for free|kostenlos|kostenfrei", "free"),
        (r"money back", "refund"),
        (r"(?:send|bring|ship) (it|them|this|the \w+)? ?back", r"return \1"),
        (r"(?:log|sign)(?:ging|ing)? ?(in|out|on|off)", r"sign\1"),
        (r"(?:turn|switch)(?:ing)? (on|off)", r"switch\1"),
        (r"at (?:the )?most|up to|no more than|not more than|no later than|within|maximum|höchstens|bis zu", "maximal"),
        (r"at least|no less than|minimum|mindestens", "minimal"),
        (r"no (?:problem|worries|longer needed)|(?:do not|don['’]t) (?:hesitate|worry)|not only", ""),
    )
)

NOT = _words(
    "not no never none nothing neither nor without nicht kein keine keinen keinem keiner nie niemals ohne weder pas "
    "jamais sans nunca sin senza sem niet geen nie bez"
)
UNITS = _stems(
    "day workday hour minute second week month year € $ £ % ° kg g cm mm m km inch litre liter gb mb am pm o'clock "
    "uhr stunde stunden minute minuten woche wochen monat monate monaten jahr jahre jahren"
)
NUMBERS = {
    word: str(value)
    for names in (
        "zero one two three four five six seven eight nine ten eleven twelve",
        "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    )
    for value, word in enumerate(names.split())
} | {"fifteen": "15", "twenty": "20", "thirty": "30", "sixty": "60", "ninety": "90", "a": "1", "an": "1", "eine": "1"}
ONLY_WITH_UNIT = frozenset({"a", "an", "one", "ein", "eine", "acht", "second"})
DATES = _stems(
    "january february march april june july august september october november december monday tuesday wednesday "
    "thursday friday saturday sunday today tomorrow yesterday tonight weekend januar februar märz mai juni juli "
    "oktober dezember montag dienstag mittwoch donnerstag freitag samstag sonntag heute morgen gestern"
)
# A step or a promise: another one is another answer.
ACTS = _stems(
    "close delete remove erase uninstall install enable disable activate deactivate switchon switchoff signin signout "
    "restart reboot upload download export import block unblock upgrade downgrade reset cancel renew subscribe "
    "unsubscribe lock unlock pause resume return refund replace repair exchange guarantee promise free compensate "
    "discount voucher löschen installieren aktivieren deaktivieren stornieren erstatten umtauschen ersetzen kündigen"
)
OPPOSITES = (
    ("before", "after"), ("minimal", "maximal"), ("inside", "outside"), ("online", "offline"), ("above", "below"),
    ("more", "less"), ("must", "can"), ("on", "off"), ("old", "new"), ("first", "last"), ("left", "right"),
    ("always", "sometimes"), ("all", "some"), ("same", "different"), ("vor", "nach"), ("mit", "ohne"),
)  # fmt: skip
TONE = _stems(
    "please kindly just simply really very quite sorry unfortunately course sure gladly happy happily glad hope thank "
    "thanks appreciate hesitate apologize apologise apologies apology inconvenience understand wonderful great nice "
    "lovely certainly absolutely definitely actually basically quickly feel dear hi hello hey well indeed kind also "
    "bitte gerne leider natürlich danke vielen freundlich herzlich einfach good pleasure assist reach"
)
SYNONYMS = tuple(
    _stems(group)
    for group in (
        "parcel package shipment delivery",
        "press click tap select choose hit pick",
        "open visit go see find",
        "buy purchase order",
        "get receive obtain",
        "help assist support",
        "begin start",
        "use utilise utilize",
        "bag backpack rucksack",
        "suitcase trolley case luggage",
        "phone mobile smartphone telephone",
        "write reply answer respond contact message email tell inform",
        "send mail ship",
        "fix mend repair solve",
        "need require want",
        "enter type fill",
        "item product article thing piece",
        "show display",
        "page site website",
        "account profile",
        "quick fast soon prompt",
        "usual normal typical general",
        "take last",
        "make do",
        "keep hold store",
        "allow let permit",
        "paket sendung lieferung",
        "senden schicken",
    )
)

GREETING = re.compile(
    r"^(?:hi|hiya|hello|hey|dear|good (?:morning|afternoon|evening|day)|greetings|hallo|"
    r"guten (?:tag|morgen|abend)|moin|liebe[rs]?|sehr geehrte[rs]?|bonjour|salut|hola|buenos días|ciao|buongiorno|olá|"
    r"goedendag|dzień dobry|cześć)\b"
    r"(?: (?!to\b|the\b|we\b|you\b|i\b|this\b|it\b)[\w.'’-]{1,30}){0,4} ?(?:[,!.:–-]+ ?|$)",
    re.I,
)
COURTESY = _any(
    r"\blet (?:me|us) know\b",
    r"\bfeel free\b",
    r"\bhesitate\b",
    r"\bhappy to (?:help|assist)\b",
    r"\bhope (?:this|that)\b",
    r"\bhave a (?:\w+ )?(?:day|weekend|evening|trip)\b",
    r"\bunclear\b",
    r"\b(?:any|more|further|other) questions?\b",
    r"\bthank(?:s| you)\b",
    r"\bsorry\b",
    r"\bapologi[sz]e\b",
    r"\bapolog(?:y|ies)\b",
    r"\banything else\b",
    r"\bgood question\b",
    r"\bunderstand (?:how|that|your|the)\b",
    r"\bcheers\b",
    r"\b(?:kind|best|warm) (?:regards|wishes)\b",
    r"\bof course\b",
    r"\bmore about this\b",
    r"\bweitere[n]? fragen\b",
    r"\bmelden sie sich\b",
    r"\bschönen (?:tag|abend)\b",
    r"\bdanke\b",
    r"\bentschuldig",
    r"\btut (?:mir|uns) leid\b",
    r"\bgrüße?n?\b",
    r"\bclear(?:,| is)? just reply\b",
    r"\bclair, répondez\b",
    r"\bquede? claro\b",
    r"\bè chiaro\b",
    r"\bestiver claro\b",
    r"\bonduidelijk\b",
    r"\bniejasne\b",
    r"\bmehr dazu\b",
    r"\ben savoir plus\b",
    r"\bmás información\b",
    r"\bmaggiori informazioni\b",
    r"\bmais informações\b",
)
HOLDING = _any(
    r"\blook(?:ing)? into (?:this|it|that)\b",
    r"\bget back to you\b",
    r"\b(?:i|we)(?:['’]ll| will| am| are|['’]m|['’]re)? check",
    r"\bforward(?:ed|ing)?\b.{0,40}\b(?:team|colleague|department)",
    r"\bescalat",
    r"\bkeep you (?:posted|updated)\b",
    r"\bbear with\b",
    r"\bone moment\b",
    r"\bpassed (?:this|it|your)\b",
    r"\bwill (?:update|inform) you\b",
    r"\bkümmer\w* (?:mich|uns)\b",
    r"\bprüfe[n]?\b.{0,30}\b(?:das|es|ihr)",
    r"\bmelde[n]? (?:mich|uns)\b",
)
DONE = (
    "refunded|cancell?ed|changed|updated|sent|issued|checked|reset|extended|credited|applied|removed|added|escalated|"
    "shipped|resent|unlocked|merged|deleted|found|arranged|ordered|booked|reactivated|confirmed|asked|corrected"
)
THINGS = (
    "order|parcel|package|shipment|refund|return|account|subscription|invoice|payment|ticket|case|booking|replacement|"
    "request|plan|label|claim"
)
OWN = _any(
    rf"\b(?:i|we)(?:['’]ve| have)?(?: \w+ly| now| just| already){{0,2}} (?:{DONE})\b",
    rf"\byour (?:{THINGS})\b[^.!?]{{0,60}}\b(?:was|has|have been|is now|is on its way|"
    r"is currently|were|got|left|arrived)\b",
    r"\bich habe\b[^.!?]{0,80}\b(?:erstattet|storniert|geändert|geschickt|geprüft|veranlasst)\b",
    r"\bihre? (?:bestellung|paket|rechnung|rücksendung|konto)\b[^.!?]{0,60}\b(?:wurde|ist)\b",
)
SUPPOSED = _any(r"\b(?:if|when|whenever|once|as soon as|after|until|unless|whether|that|wenn|sobald|falls|ob|dass)\b")
CONDITION = _any(
    r"\bonly\b",
    r"\bunless\b",
    r"\bexcept\b",
    r"\bprovided (?:that|you|it)\b",
    r"\bas long as\b",
    r"\bmust (?:first|be|have)\b",
    r"\b(?:need|have) to first\b",
    r"\bfirst (?:need|have) to\b",
    r"\b(?:can ?not|can['’]t|not able to|unable to) (?:offer|grant|make an exception|refund|accept)\b",
    r"\bnot (?:allowed|permitted|eligible|possible)\b",
    r"\bexception\b",
    r"\b(?:needs?|requires?) (?:approval|permission)\b",
    r"\bnur (?:wenn|für|bei|mit)\b",
    r"\bes sei denn\b",
    r"\baußer\b",
    r"\bausnahm",
    r"\bvorausgesetzt\b",
    r"\bsolange\b",
)
