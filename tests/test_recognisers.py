"""What kind of message it is: one to answer, one for a person, or one to leave alone."""

import pytest

from bot.text.said import asks_for_person, is_auto_reply, is_bounce, is_thanks


@pytest.mark.parametrize(
    ("text", "wants"),
    [
        ("I want to speak to a human", True),
        ("Please let me talk to someone", True),
        ("Can I chat with a real person?", True),
        ("Connect me with an agent now", True),
        ("I need a real person!", True),
        ("Agent please", True),
        ("human", True),
        ("Ich möchte mit einem Menschen sprechen", True),
        ("Kann ich mit einem Mitarbeiter telefonisch sprechen?", True),
        ("Je veux parler à un conseiller", True),
        ("Je voudrais parler à quelqu'un", True),
        ("Quiero hablar con una persona", True),
        ("Vorrei parlare con un operatore", True),
        ("The agent told me to wash it by hand", False),
        ("Your cleaning agent damaged the coating", False),
        ("How many people can share a list?", False),
        ("Is there a person in the store on Sunday?", False),
        ("Where is my order?", False),
        ("> I want to speak to a human", False),
    ],
)
def test_asking_for_a_person_is_recognised(text: str, wants: bool) -> None:
    assert asks_for_person(text) is wants


@pytest.mark.parametrize(
    ("text", "thanks"),
    [
        ("Thanks!", True),
        ("Thank you so much, it works now.", True),
        ("Great, that solved it. Thank you!", True),
        ("Thank you Ines", True),
        ("Perfect, thanks for the quick reply.\n\nBest regards,\nMaria Keller", True),
        ("Vielen Dank für die schnelle Hilfe!", True),
        ("Merci beaucoup", True),
        ("Muchas gracias por su ayuda", True),
        ("👍", True),
        ("Ok danke", True),
        ("thanks, but it still does not work", False),
        ("Thanks. When will it ship?", False),
        ("Thanks, please cancel my order", False),
        ("Thanks for nothing, I want my money back", False),
        ("Danke, aber es geht nicht", False),
        ("No thanks, cancel it", False),
        ("Thanks\nMy order is FW-10234", False),
        ("Thank you in advance for a refund", False),
        ("It works", False),
        ("", False),
    ],
)
def test_thanks_is_thanks_only_when_nothing_else_is_said(text: str, thanks: bool) -> None:
    assert is_thanks(text) is thanks


@pytest.mark.parametrize(
    ("subject", "text", "automatic"),
    [
        ("Automatic reply: Your order", "I am away.", True),
        ("Out of Office", "", True),
        ("Abwesenheitsnotiz", "", True),
        ("Automatische Antwort: Bestellung", "", True),
        ("Réponse automatique : commande", "", True),
        ("Respuesta automática", "", True),
        ("Your order", "I am currently out of the office until Monday.", True),
        ("Your order", "Ich bin bis Montag nicht im Büro.", True),
        ("Your order", "This is an automated message, please do not reply.", True),
        ("Your order", "Je suis actuellement en congé.", True),
        ("Re: Automatic reply: Your order", "But where is my order", False),
        ("Delivery", "I am out of the office next week, can you deliver later?", False),
        ("Holiday", "Where is my order?", False),
        ("", "", False),
        ("Lost bag", "I lost it at the office", False),
    ],
)
def test_automatic_replies_are_recognised(subject: str, text: str, automatic: bool) -> None:
    assert is_auto_reply(subject, text) is automatic


@pytest.mark.parametrize(
    ("author", "subject", "text", "bounce"),
    [
        ("MAILER-DAEMON@mx.example", "", "", True),
        ("postmaster@mx.example", "Hello", "", True),
        ("Mail Delivery Subsystem", "", "", True),
        ("mx@example.com", "Undeliverable: Your order", "", True),
        ("mx@example.com", "Delivery Status Notification (Failure)", "", True),
        ("mx@example.com", "Returned mail: see transcript", "", True),
        ("mx@example.com", "Unzustellbar: Bestellung", "", True),
        ("mx@example.com", "", "550 5.1.1 recipient address rejected: user unknown", True),
        ("mx@example.com", "", "Delivery has failed to these recipients: 550 user unknown", True),
        ("maria@example.com", "", "Order 550 does not exist, says your site", False),
        ("maria@example.com", "Delivery failed", "The courier did not come.", False),
        ("maria@example.com", "Parcel returned to sender", "Why?", False),
        ("maria@example.com", "App 4.2.1 does not exist in the store", "", False),
        ("maria@example.com", "Where is my order", "", False),
        ("maria@example.com", "Failure of the zip", "", False),
        ("", "", "", False),
        ("maria@example.com", "", "My mailbox is full of your newsletters", False),
    ],
)
def test_a_bounced_mail_is_recognised_and_a_failed_parcel_is_none(
    author: str, subject: str, text: str, bounce: bool
) -> None:
    assert is_bounce(author, subject, text) is bounce
