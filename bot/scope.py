"""For whom an entry holds, and in which words it is kept back from everybody else."""

from dataclasses import dataclass, replace
from datetime import datetime

from bot.model import Conversation, Entry, Page, Scope
from bot.text import typed
from bot.text.terms import language


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, where and when, as far as it is known: what is unknown matches no scope. `products`: the brand and the
    tags of the conversation; `now` aware UTC."""

    now: datetime
    plan: str = ""
    language: str = ""
    audience: str = ""
    page: str = ""
    products: frozenset[str] = frozenset()

    def speaking(self, text: str) -> "Asker":
        """With the language of what they say; where that does not tell, the one that the vendor knows, else English."""
        return replace(self, language=language(text) or self.language[:2].lower() or "en")


def asker(conversation: Conversation, now: datetime) -> Asker:
    """Whoever opened it."""
    customer, page = conversation.customer, (conversation.page or Page("")).url
    products = frozenset({conversation.brand, *conversation.tags})
    return Asker(now, customer.plan, customer.language, customer.segment, page, products)


def kept_back(entry: Entry, who: Asker) -> str:
    """Why an entry is not for this customer, here and now; "" when it is."""
    if not entry.in_force(who.now):
        return f"valid until {typed.until(entry.valid_until)}" if entry.valid_until and not entry.retired else "retired"
    return out_of_scope(entry.scope, who)


def out_of_scope(scope: Scope, who: Asker) -> str:
    """Why what holds for `scope` does not hold for whoever asks; "" when it does."""
    for field, holds in (
        ("plan", scope.plan == who.plan),
        ("language", scope.language == who.language),
        ("audience", scope.audience == who.audience),
        ("page", scope.page in who.page),
        ("product", scope.product in who.products),
    ):
        if (value := getattr(scope, field)) and not holds:
            return f"only for the {field} {value}"
    return ""
