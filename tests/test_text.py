"""What a person wrote, in words and sentences, with nothing personal."""

import time

import pytest

from bot.text.markup import from_html, from_mrkdwn, link
from bot.text.said import (
    asks_for_person,
    clean,
    is_thanks,
    language,
    links,
    redact,
    said,
    sentences,
    words,
)
from bot.text.thesaurus import topics

QUOTE = "> Dear Maria,\n> your order is on its way.\n"

SAID = [
    ("Where is my order?", "Where is my order?"),
    ("", ""),
    (QUOTE, ""),
    (f"It is not.\n\nOn Tue, 3 Nov 2026 at 10:12, Fernweh <help@fernweh.example> wrote:\n{QUOTE}", "It is not."),
    (f"Nein.\n\nAm 03.11.2026 um 10:12 schrieb Fernweh <help@fernweh.example>:\n{QUOTE}", "Nein."),
    (f"Non.\n\nLe mar. 3 nov. 2026 à 10:12, Fernweh <help@fernweh.example> a écrit :\n{QUOTE}", "Non."),
    (f"No.\n\nEl mar, 3 nov 2026 a las 10:12, Fernweh (<help@fernweh.example>) escribió:\n{QUOTE}", "No."),
    ("No.\n\nOn Tue, 3 Nov 2026 at 10:12, Fernweh\n<help@fernweh.example>\nwrote:\n\nDear Maria, it is.", "No."),
    (f"On 3 Nov 2026 Fernweh wrote:\n{QUOTE}\nMy answer is below.", "My answer is below."),
    ("> Which size?\nM/L please.\n> Which colour?\nGreen.", "M/L please.\nGreen."),
    ("See below.\n\n---------- Forwarded message ---------\nFrom: A\n\nOld text", "See below."),
    ("Kaputt.\n\nVon: Fernweh\nGesendet: Dienstag\nAn: Maria\nBetreff: Ihre Bestellung\n\nAlter Text", "Kaputt."),
    ("It broke.\n\n-- \nMaria Keller\n+49 40 1234567", "It broke."),
    ("It broke.\n\nBest regards,\nMaria Keller\nKeller GmbH", "It broke."),
    ("Kaputt.\n\nMit freundlichen Grüßen\nMaria Keller", "Kaputt."),
    ("It broke.\n\nKind regards\nMaria\n\nP.S. It was a gift.", "It broke.\n\nP.S. It was a gift."),
    ("It broke.\n\nSent from my iPhone", "It broke."),
    ("Kaputt.\n\nVon meinem iPhone gesendet", "Kaputt."),
    ("Can you help?\n\nThanks,\nMaria", "Can you help?\n\nThanks,"),
    ("Thanks,\nit still does not work", "Thanks,\nit still does not work"),
    ("My wife wrote: the bag is torn.", "My wife wrote: the bag is torn."),
    (
        "My mother, 70 in 2026, wrote: it is torn.\nPlease help",
        "My mother, 70 in 2026, wrote: it is torn.\nPlease help",
    ),
    ("Still broken\n\n##- Please type your reply above this line -##\nOld text", "Still broken"),
]


@pytest.mark.parametrize(("text", "own"), SAID)
def test_only_what_the_person_wrote_is_kept(text: str, own: str) -> None:
    assert said(text) == own


@pytest.mark.parametrize(("text", "own"), SAID)
def test_reading_twice_changes_nothing(text: str, own: str) -> None:
    assert said(own) == own


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("It is done.\n\nTomasz", "It is done."),
        ("It is done.\n\n- Tomasz Wilk", "It is done."),
        ("It is done.\nCheers Tomasz", "It is done."),
        ("It is done.\n\nThanks,\nTomasz\n", "It is done."),
        ("Done, best regards, Tomasz", "Done, best regards, Tomasz"),
        ("Ask our colleague\nInes", "Ask our colleague\nInes"),
        ("Tomasz", "Tomasz"),
    ],
)
def test_a_last_line_of_a_closing_and_the_authors_own_name_is_a_signature(text: str, own: str) -> None:
    assert said(text, "Tomasz Wilk") == own


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\u200bb\u202ec\ufeffd", "abcd"),
        ("line\r\nline\rline", "line\nline\nline"),
        ("tab\there\x00\x07", "tab\there"),
        ("hidden\U000e0041\U000e0042", "hidden"),
        ("Cafe\u0301", "Café"),
        ("soft\u00adhyphen", "softhyphen"),
    ],
)
def test_what_is_not_seen_is_taken_out(text: str, seen: str) -> None:
    assert clean(text) == seen


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("One. Two! Three?", ("One.", "Two!", "Three?")),
        ("It costs 4.90 euros. That is all.", ("It costs 4.90 euros.", "That is all.")),
        ("See https://a.example/x.html?b=1. Then go on.", ("See https://a.example/x.html?b=1.", "Then go on.")),
        ("Ask Dr. Keller, e.g. Monday. Or me.", ("Ask Dr. Keller, e.g. Monday.", "Or me.")),
        ("Das geht z.B. am 3. Mai. Oder später.", ("Das geht z.B. am 3. Mai.", "Oder später.")),
        ("It is order no. 5 of 7. Thanks.", ("It is order no. 5 of 7.", "Thanks.")),
        ("No. That is wrong.", ("No.", "That is wrong.")),
        ("From 9 a.m. to 5 p.m. at most.", ("From 9 a.m. to 5 p.m. at most.",)),
        ("We open at 9 a.m. Ring the bell.", ("We open at 9 a.m.", "Ring the bell.")),
        ("1. Open the app. Wait.\n2. Sign in.", ("Open the app. Wait.", "Sign in.")),
        ("Do this:\n- one\n- two", ("Do this:", "one", "two")),
        ("Really?! Yes… Fine.", ("Really?!", "Yes…", "Fine.")),
        ('She said "stop." Then left.', ('She said "stop."', "Then left.")),
        ("届きません。返金できますか？", ("届きません。", "返金できますか？")),
        ("no dots here\nnew line", ("no dots here", "new line")),
        (
            "This line was broken by a mail program that cuts\nat seventy characters. Yes.",
            ("This line was broken by a mail program that cuts", "at seventy characters.", "Yes."),
        ),
        (
            "This longer line was broken by a mail program that cuts\nat seventy characters. Yes.",
            ("This longer line was broken by a mail program that cuts at seventy characters.", "Yes."),
        ),
    ],
)
def test_text_is_split_into_sentences(text: str, parts: tuple[str, ...]) -> None:
    assert sentences(text) == parts


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ships shipped shipping shipment", ("ship", "ship", "ship", "ship")),
        ("cancel cancelled cancellation", ("cancel", "cancel", "cancel")),
        ("charge charged charging", ("charg", "charg", "charg")),
        ("delivery deliveries delivered", ("deliver", "deliver", "deliver")),
        ("bought buy", ("buy", "buy")),
        ("address addresses", ("addres", "addres")),
        ("Rückgabe Café Łódź", ("ruckgab", "caf", "lodz")),
        ("STRASSE Straße", ("stras", "stras")),
        ("I don't, it's l'article", ("i", "dont", "it", "l", "articl")),
        ("FW-10234 4.90", ("fw", "10234", "4.90")),
        ("e-mail email", ("email", "email")),
        ("返金", ("返金",)),
        ("返金したい", ("返金", "金し", "した", "たい")),
        ("배송 언제", ("배송", "언제")),
        ("мой заказ", ("мои", "заказ")),
        ("[email] and [card]", ("and",)),
        ("", ()),
    ],
)
def test_words_are_folded_for_finding(text: str, found: tuple[str, ...]) -> None:
    assert words(text) == found


def test_other_words_for_the_same_thing_are_one_topic() -> None:
    assert topics("Please reimburse my package") == topics("refund the parcel")
    assert "return" in topics("I sent it back")
    assert topics("where is it") == []


def test_links_are_found_once_and_without_the_full_stop() -> None:
    assert links("See https://a.example/x. And (https://b.example/y), https://a.example/x!") == (
        "https://a.example/x",
        "https://b.example/y",
    )


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("Write to maria.keller+shop@mail.example.com.", "Write to [email]."),
        ("Call +49 40 1234567 now", "Call [phone] now"),
        ("Call (040) 123-4567 now", "Call [phone] now"),
        ("Call 0176 1234567", "Call [phone]"),
        ("Card 4111 1111 1111 1111 please", "Card [card] please"),
        ("Card 4111-1111-1111-1111", "Card [card]"),
        ("IBAN DE89 3704 0044 0532 0130 00 IS MINE", "IBAN [iban] IS MINE"),
        ("gb82west12345698765432", "[iban]"),
        ("From 192.168.10.20 today", "From [ip] today"),
        ("From 2001:db8::8a2e:370:7334", "From [ip]"),
        ("id 550e8400-e29b-41d4-a716-446655440000", "id [id]"),
        ("token abcdef0123456789abcdef", "token [id]"),
        ("parcel 340434161094021", "parcel [number]"),
        ("Order FW-10234 of 2026-11-03 at 10:30", "Order FW-10234 of 2026-11-03 at 10:30"),
        ("It cost 1.299,00 euros on 03.11.2026", "It cost 1.299,00 euros on 03.11.2026"),
        ("Version 4.2.1 and 16 inches", "Version 4.2.1 and 16 inches"),
    ],
)
def test_personal_numbers_and_addresses_are_masked(text: str, safe: str) -> None:
    assert redact(text) == safe
    assert redact(safe) == safe


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        (
            "See https://x.zendesk.example/hc/en-us/articles/360012345678-Reset.",
            "See https://x.zendesk.example/hc/en-us/articles/360012345678-Reset.",
        ),
        ("https://fernweh.example/search?q=returns#top", "https://fernweh.example/search?q=returns#top"),
        ("https://fernweh.example/o?mail=maria%40mail.example", "https://fernweh.example/o"),
        ("https://fernweh.example/track?parcel=340434161094021 here", "https://fernweh.example/track here"),
        ("https://fernweh.example/u/maria%40mail.example", "https://fernweh.example/u/[email]"),
        ("https://fernweh.example/p, 340434161094021", "https://fernweh.example/p, [number]"),
    ],
)
def test_a_link_still_leads_to_its_page_when_what_is_personal_is_masked(text: str, safe: str) -> None:
    assert redact(text) == safe
    assert redact(safe) == safe


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Where is my order? I have been waiting for two weeks.", "en"),
        ("Wo ist mein Paket? Ich warte schon zwei Wochen.", "de"),
        ("Bonjour, où est mon colis ? Je ne l'ai pas reçu.", "fr"),
        ("Hola, ¿dónde está mi pedido? No lo he recibido.", "es"),
        ("Buongiorno, dove è il mio pacco? Non è arrivato.", "it"),
        ("Olá, onde está o meu pedido? Não recebi.", "pt"),
        ("Hallo, waar is mijn pakket? Ik heb het niet ontvangen.", "nl"),
        ("Dzień dobry, gdzie jest moja paczka? Nie dotarła.", "pl"),
        ("Kann ich den Rucksack waschen?", "de"),
        ("Can I wash it?", "en"),
        ("My bag is broken", "en"),
        ("FW-10234", ""),
        ("OK", ""),
        ("荷物はどこですか", ""),
        ("", ""),
    ],
)
def test_the_language_is_told_by_function_words(text: str, code: str) -> None:
    assert language(text) == code


@pytest.mark.parametrize(
    "unit", ["a", "1 ", "a@", "\n", "thanks\n", "a\u0301", "On 10:00\n", "DE89 ", "(", "漢", "> ", "a'"]
)
def test_hostile_text_of_100_kb_is_read_in_time(unit: str) -> None:
    text = unit * (100_000 // len(unit))

    started = time.thread_time()
    for read in (clean, said, sentences, words, links, redact, language, asks_for_person, is_thanks):
        read(text)

    assert time.thread_time() - started < 5.0


def test_what_a_mail_program_quotes_in_html_is_left_out() -> None:
    html = (
        "<p>My answers:</p><blockquote><p>Which size?</p></blockquote><p>M/L</p><blockquote>Colour?</blockquote>Green"
    )

    assert said(from_html(html)) == "My answers:\n\nM/L\n\nGreen"


@pytest.mark.parametrize(
    "unit",
    ["<a ", "</a ", "<!--", "<![CDATA[", "<?", "<li>", "<blockquote>", "<a href='x'>y", "<div>", "<b><p>", "&lt;"],
)
def test_hostile_html_of_50_kb_is_read_in_time(unit: str) -> None:
    started = time.thread_time()
    from_html(unit * (50_000 // len(unit)))

    assert time.thread_time() - started < 5.0


def test_html_of_any_length_is_read_up_to_a_limit() -> None:
    assert len(from_html("<p>" + "word " * 1_000_000)) < 100_000


@pytest.mark.parametrize("unit", ["<https://", "<https://a|", "<mailto:a|", "<@a", "<#a|"])
def test_hostile_mrkdwn_is_read_in_time(unit: str) -> None:
    started = time.thread_time()
    from_mrkdwn(unit * (40_000 // len(unit)))

    assert time.thread_time() - started < 1.0


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hello,<br>world</p><p>Bye</p>", "Hello,\nworld\n\nBye"),
        ("<ul><li>one</li><li>two</li></ul><ol><li>a</li><li>b</li></ol>", "- one\n- two\n\n1. a\n2. b"),
        ('See <a href="https://a.example/?x=1&amp;y=2">here</a>.', "See here (https://a.example/?x=1&y=2)."),
        ('<a href="https://a.example/">https://a.example</a>', "https://a.example"),
        ('<a href="javascript:alert(1)">here</a> <a href="/x">there</a>', "here there"),
        ("<style>p{}</style><title>No</title><script>no()</script><template>no</template>Yes<!-- no -->", "Yes"),
        ("<html><head><style>no</style></head><body>Yes</body></html>", "Yes"),
        ("2 &lt; 3 &amp; 4 &#62; 1 &quot;so&quot;", '2 < 3 & 4 > 1 "so"'),
        ("<p>a < b and c > d</p>", "a < b and c > d"),
        ('<p title="a > b" onclick=\'x("<p>")\'>kept</p>', "kept"),
        ("<p>&amp;lt;p&amp;gt; is a tag</p>", "&lt;p&gt; is a tag"),
        ("<p>never closed", "never closed"),
        ("<table><tr><td>1</td></tr><tr><td>2</td></tr></table>", "1\n2"),
    ],
)
def test_html_is_read_as_people_see_it(html: str, text: str) -> None:
    assert from_html(html) == text


@pytest.mark.parametrize(
    "url",
    [
        "https://ok.example@evil.example/",
        "https:\\\\evil.example",
        "https://exa%6dple.com/",
        "javascript:x",
        "https://",
        "//x",
    ],
)
def test_an_odd_address_is_no_link(url: str) -> None:
    assert link("Terms", url) == "Terms"
    assert (
        link("Terms", "https://help.fernweh.example/terms") == '<a href="https://help.fernweh.example/terms">Terms</a>'
    )
