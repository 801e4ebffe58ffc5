"""What a person changed in a draft, sentence by sentence: what is material and what is not."""

import pytest

from bot.model import CorrectionKind, SentenceEdit
from learning.compare import compare

PERIOD = "You can return anything unused within 60 days of delivery."
TAGS = "Tags should still be attached."
CODE = "Enter the code without spaces at checkout."
LINK = "Start the return at https://returns.fernweh.example with your order number."
RESET = "1. Set the dials to 0-0-0.\n2. Press the reset button with a pen.\n3. Turn the dials to your own number."

NOTHING: list[str] = []
TONE, WORDING = ["tone"], ["wording"]
WRONG, MISSING, RULE, TOOL = ["fact_wrong"], ["fact_missing"], ["rule_misapplied"], ["needed_tool"]

ROWS = [
    ("the same", PERIOD, PERIOD, NOTHING),
    ("a number word", "They are valid for three years.", "They are valid for 5 years.", WRONG),
    ("a number word with a condition", "They are valid for three years.", "They are only valid for 5 years.", WRONG),
    ("a greeting added", PERIOD, f"Hi Maria,\n\n{PERIOD}", NOTHING),
    ("a greeting on the same line", PERIOD, f"Hello Maria, {PERIOD[0].lower()}{PERIOD[1:]}", NOTHING),
    ("a greeting changed", f"Hi Maria,\n\n{PERIOD}", f"Dear Mrs Keller,\n\n{PERIOD}", NOTHING),
    ("a sign-off changed", f"{PERIOD}\n\nBest regards\nInes", f"{PERIOD}\n\nKind regards\nTomasz", NOTHING),
    ("another sign-off with thanks", f"{PERIOD}\n\nBest regards\nInes", f"{PERIOD}\n\nCheers,\nTomasz", TONE),
    ("a quote below", PERIOD, f"{PERIOD}\n\nOn 3 May 2026 at 10:02, Maria wrote:\n> Can I return it?", NOTHING),
    ("punctuation and case", PERIOD, "You can return anything unused, within 60 days of delivery!", NOTHING),
    ("a moved sentence", f"{PERIOD} {TAGS}", f"{TAGS} {PERIOD}", NOTHING),
    ("please added", "Enter the code at checkout.", "Please enter the code at checkout.", TONE),
    ("a kind word added", PERIOD, f"Sorry for the trouble! {PERIOD}", TONE),
    ("a closing line added", PERIOD, f"{PERIOD} Let me know if you have any other questions.", TONE),
    ("a closing line dropped", f"{PERIOD}\n\nIf anything is unclear, just reply.", PERIOD, TONE),
    ("a contraction", "We do not swap items directly.", "We don't swap items directly.", WORDING),
    ("can't for cannot", "We cannot reserve items.", "We can't reserve items.", WORDING),
    ("a spelling put right", "Tags should stil be atached.", TAGS, WORDING),
    ("a synonym", "The parcel is still moving.", "The package is still moving.", WORDING),
    (
        "the same in other words",
        "You get an e-mail when the refund has left us.",
        "We will send you an email once your refund has left us.",
        WORDING,
    ),
    ("a number as a word", "Wait five days for it.", "Please wait 5 days for it.", WORDING),
    ("a time of day in other words", "We open at 9 am.", "We open at 09:00 a.m.", WORDING),
    ("the hours of the afternoon", "We close at 5 pm.", "We close at 17:00.", WORDING),
    ("another time of day", "We open at 9 am.", "We open at 9 pm.", WRONG),
    ("days cut short", "We are there Mon-Fri.", "We are there Monday-Friday.", WORDING),
    ("another day, cut short", "We are there Mon-Fri.", "We are there Mon-Sat.", WRONG),
    ("business for working days", "It takes 3 working days.", "It takes 3 business days.", WORDING),
    ("free of charge", "We repair the bag free of charge.", "We repair the bag for free.", WORDING),
    ("two sentences joined", f"{PERIOD} {TAGS}", f"{PERIOD[:-1]}, and tags should still be attached.", WORDING),
    ("the pointer to the source dropped", f"{PERIOD}\n\nMore about this: https://x.example/a", PERIOD, WORDING),
    ("5 for 7 days", "Refunds take 5 days.", "Refunds take 7 days.", WRONG),
    ("7 for 5 days, and polite", "Refunds take 7 days.", "Please note that refunds take 5 days.", WRONG),
    ("hours for days", "Refunds take 5 days.", "Refunds take 5 hours.", WRONG),
    ("days for working days", "Refunds take 5 working days.", "Refunds take 5 days.", WRONG),
    ("another amount", "Express delivery costs 12.90 euros.", "Express delivery costs 14.90 euros.", WRONG),
    ("another currency", "Express delivery costs 12.90 euros.", "Express delivery costs 12.90 dollars.", WRONG),
    ("another link", LINK, LINK.replace("returns.", "back."), WRONG),
    ("another address", "Write to help@fernweh.example.", "Write to care@fernweh.example.", WRONG),
    ("another code", "Use the code TRAVEL10 today.", "Use the code TRAVEL20 today.", WRONG),
    ("another weekday", "Your store opens on Monday.", "Your store opens on Tuesday.", WRONG),
    ("do for do not", "Do not use a washing machine.", "Do use a washing machine.", WRONG),
    ("can for cannot", "Gift cards cannot be paid out in cash.", "Gift cards can be paid out in cash.", WRONG),
    ("another button", 'Press "Cancel order" in your account.', 'Press "Edit address" in your account.', WRONG),
    ("another menu", "Open it and press Invite there.", "Open it and press Export there.", WRONG),
    ("another step", "Disable the plugin and try again.", "Enable the plugin and try again.", WRONG),
    ("before for after", "Sign out before the update.", "Sign out after the update.", WRONG),
    ("at least for at most", "Use at least ten characters.", "Use at most ten characters.", WRONG),
    ("a promise taken back", "We refund it in full, as always.", "We look at it in full, as always.", WRONG),
    ("another place", "The workshop is in Hamburg now.", "The workshop is in Porto now.", WRONG),
    ("one thing for another", "The zip is covered by the warranty.", "The lining is covered by the warranty.", WRONG),
    ("a claim dropped", f"{PERIOD} Outlet items can be returned as well.", PERIOD, WRONG),
    ("a fact added", PERIOD, f"{PERIOD} Returns from Austria cost 4.90 euros.", MISSING),
    ("a fact added inside", "Use a mild soap.", "Use a mild soap at 30 degrees in lukewarm water.", MISSING),
    ("a question added", CODE, f"{CODE} Which error does the page show?", MISSING),
    ("a link added", PERIOD, f"{PERIOD} Here is the form for it: https://returns.fernweh.example", MISSING),
    ("a condition added", PERIOD, f"{PERIOD} This holds only if the original box is there.", RULE),
    ("a condition inside", PERIOD, "You can only return anything unused within 60 days of delivery.", RULE),
    ("an offer refused", PERIOD, f"{PERIOD} We cannot offer a discount on top.", RULE),
    ("this customer's parcel", PERIOD, f"{PERIOD} Your order FW-10234 was shipped on Monday.", TOOL),
    ("something done for them", PERIOD, f"{PERIOD} I have refunded the shipping to your card.", TOOL),
    ("German: another number", "Du hast 60 Tage Zeit.", "Du hast 30 Tage Zeit.", WRONG),
    ("German: not", "Wir verschicken das nicht nach Island.", "Wir verschicken das nach Island.", WRONG),
    ("German: please", "Lade das Etikett herunter.", "Lade bitte das Etikett herunter.", TONE),
]


@pytest.mark.parametrize(("draft", "sent", "kinds"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_change_is_named_for_what_it_changed(draft: str, sent: str, kinds: list[str]) -> None:
    assert [e.kind.value for e in compare(draft, sent)] == kinds


def test_each_change_stands_beside_what_it_replaced() -> None:
    edits = compare(f"Hi Maria,\n\n{PERIOD} {TAGS}", f"Hi Maria,\n\n{PERIOD.replace('60', '30')} {TAGS} Keep the box.")

    assert edits == (
        SentenceEdit(CorrectionKind.FACT_WRONG, PERIOD, "You can return anything unused within 30 days of delivery."),
        SentenceEdit(CorrectionKind.FACT_MISSING, "", "Keep the box."),
    )


def test_steps_in_another_order_are_one_edit_of_the_list() -> None:
    other = "1. Press the reset button with a pen.\n2. Set the dials to 0-0-0.\n3. Turn the dials to your own number."

    assert compare(RESET, f"Hi Maria,\n{other}") == (SentenceEdit(CorrectionKind.FACT_WRONG, RESET, other),)


def test_a_step_put_in_between_is_one_edit_of_the_list() -> None:
    longer = RESET.replace("3. Turn", "3. Wait for the click.\n4. Turn")

    assert compare(RESET, longer) == (SentenceEdit(CorrectionKind.FACT_MISSING, RESET, longer),)


def test_a_changed_step_in_the_same_list_is_an_edit_of_that_step_alone() -> None:
    edits = compare(RESET, RESET.replace("0-0-0", "9-9-9"))

    assert edits == (SentenceEdit(CorrectionKind.FACT_WRONG, "Set the dials to 0-0-0.", "Set the dials to 9-9-9."),)


def test_another_answer_altogether_is_one_edit_with_both_whole() -> None:
    sent = "Backpacks are guaranteed for ten years. Zips and wheels are covered."

    assert compare(f"{PERIOD} {TAGS}", sent) == (SentenceEdit(CorrectionKind.WRONG_TOPIC, f"{PERIOD} {TAGS}", sent),)


def test_an_answer_from_the_customers_own_order_needed_a_tool() -> None:
    edits = compare(PERIOD, "I have checked with the carrier, and your parcel was delivered to a neighbour.")

    assert [e.kind for e in edits] == [CorrectionKind.NEEDED_TOOL]


def test_a_persons_name_is_no_fact() -> None:
    draft, sent = "Thanks, we mend the strap for you.", "We mend the strap for you, Maria Keller."

    assert [e.material for e in compare(draft, sent, names=("Maria Keller",))] == [False]


def test_a_quoted_name_with_a_hyphen_that_stayed_is_no_lost_fact() -> None:
    draft = 'Switch it off in "My account" under "E-mails" at the bottom.'

    edits = compare(draft, draft.replace("at the bottom", "down at the bottom"))

    assert [e.kind for e in edits] == [CorrectionKind.WORDING]


def test_comparing_a_text_with_itself_or_with_nothing_never_fails() -> None:
    assert compare("", "") == ()
    assert compare(RESET, RESET) == ()
    assert [e.kind for e in compare(PERIOD, "")] == [CorrectionKind.WRONG_TOPIC]


def test_a_text_of_many_sentences_is_compared_as_far_as_a_reply_goes() -> None:
    endless = "The parcel is still moving. " * 2_000

    assert compare(endless, endless) == ()
