"""What surrounds an answer, by language."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Manners:
    """`named` takes the first name; `more` stands before the source's address."""

    named: str
    unnamed: str
    more: str
    also: str
    close: str


MANNERS = {
    "en": Manners(
        "Hi {name},", "Hello,", "More about this:", "As to your other question:", "If anything is unclear, just reply."
    ),
    "de": Manners(
        "Hallo {name},",
        "Guten Tag,",
        "Mehr dazu:",
        "Zur zweiten Frage:",
        "Ist etwas unklar? Einfach auf diese Nachricht antworten.",
    ),
    "fr": Manners(
        "Bonjour {name},",
        "Bonjour,",
        "En savoir plus :",
        "Pour votre autre question :",
        "Si quelque chose n'est pas clair, répondez simplement à ce message.",
    ),
    "es": Manners(
        "Hola, {name}:",
        "Hola:",
        "Más información:",
        "Sobre su otra pregunta:",
        "Si algo no queda claro, basta con responder a este mensaje.",
    ),
    "it": Manners(
        "Ciao {name},",
        "Buongiorno,",
        "Maggiori informazioni:",
        "Per l'altra domanda:",
        "Se qualcosa non è chiaro, basta rispondere a questo messaggio.",
    ),
    "pt": Manners(
        "Olá, {name},",
        "Olá,",
        "Mais informações:",
        "Sobre a outra pergunta:",
        "Se algo não estiver claro, basta responder a esta mensagem.",
    ),
    "nl": Manners(
        "Hallo {name},",
        "Hallo,",
        "Meer hierover:",
        "Over uw andere vraag:",
        "Is er iets onduidelijk? Antwoord dan gewoon op dit bericht.",
    ),
    "pl": Manners(
        "Dzień dobry, {name},",
        "Dzień dobry,",
        "Więcej na ten temat:",
        "W sprawie drugiego pytania:",
        "Jeśli coś jest niejasne, proszę po prostu odpowiedzieć.",
    ),
}
