"""What a good connector does, as small functions run over every helpdesk found: a new one is tested by existing."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import cast
from urllib.parse import parse_qs

import pytest

from bot.errors import Forged, Malformed, Misconfigured, Refused, Unavailable
from bot.model import DeliveryKind, Ref, Role
from bot.ports import Articles, Connector, History, Panel, Team, Views
from connectors.stage import Fault
from tests.attacks import ALLOWED, SPELLINGS, reached
from tests.helpdesk import (
    AGENT,
    CUSTOMER,
    DEEP,
    ODD_BODIES,
    ODD_HEADERS,
    QUESTION,
    TEAM,
    TEXT,
    Shelf,
    Subject,
    complaint,
    fault,
    reachable,
    read_back,
    sealing,
)


def it_has_its_four_parts(s: Subject) -> None:
    """Connector, fake, README and samples that are JSON."""
    samples = list((s.folder / "samples").rglob("*.json"))

    assert {p.name for p in s.folder.iterdir()} >= {"connector.py", "fake.py", "README.md", "samples"}
    assert samples
    for sample in samples:
        json.loads(sample.read_text(encoding="utf-8"))


def it_explains_every_setting(s: Subject) -> None:
    """The README names what `settings` holds."""
    readme = (s.folder / "README.md").read_text(encoding="utf-8")

    assert [name for name in s.fake.settings() if f"`{name}`" not in readme] == []


def it_is_a_connector_named_like_its_folder(s: Subject) -> None:
    """Discovery and refs agree."""
    assert isinstance(s.connector, Connector)
    assert s.connector.name == s.fake.name == s.folder.name == s.name
    assert s.connector.can <= set(DeliveryKind)


def it_names_the_setting_that_is_missing(s: Subject) -> None:
    """No settings at all, or all but one: the error names one and the fix; what is optional may be left out."""
    env = s.fake.settings()

    with pytest.raises(Misconfigured) as nothing:
        s.connect({})

    assert nothing.value.setting.isupper()
    assert nothing.value.fix
    complaints = {name: complaint(s, {k: v for k, v in env.items() if k != name}) for name in env}
    assert {name: said for name, said in complaints.items() if said and name not in said} == {}


def it_keeps_its_secrets_to_itself(s: Subject) -> None:
    """No `repr` shows anything of a secret setting: of the connector, or of what it holds once it has worked."""
    secret = [v for k, v in s.fake.settings().items() if re.search("SECRET|TOKEN|KEY|PASSWORD", k)]
    s.connector.fetch(s.ask())

    assert secret
    held = reachable(s.connector)
    assert {type(thing).__name__ for thing in held for value in secret if value in repr(thing)} == set()


def it_takes_a_genuine_request(s: Subject) -> None:
    """Finds the conversation in it, and reads it the same way twice: `id` is the delivery's identity."""
    received = s.connector.receive(s.genuine)

    assert s.connector.receive(s.genuine) == received
    assert [ref.connector for ref in received.refs] == [s.name]
    assert s.connector.fetch(received.refs[0]).messages[0].text == QUESTION


def it_refuses_what_is_not_signed(s: Subject) -> None:
    """Without any seal, or with one of its headers missing."""
    for gone in (s.seals, *({name} for name in s.seals)):
        headers = {k: v for k, v in s.genuine.headers.items() if k not in gone}
        with pytest.raises(Forged):
            s.connector.receive(replace(s.genuine, headers=headers))


def it_refuses_a_body_that_was_changed(s: Subject) -> None:
    """Flipped in one bit, cut, lengthened, empty or another's."""
    body = s.genuine.body
    flipped = [body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :] for at in (0, len(body) // 2, len(body) - 1)]
    for changed in (*flipped, body[:-1], body[: len(body) // 2], body + b" ", body + body, b"", b"\xff" * 64):
        with pytest.raises(Forged):
            s.connector.receive(replace(s.genuine, body=changed))


def it_refuses_a_seal_that_is_odd(s: Subject) -> None:
    """Cut, lengthened, flipped, or with characters and numbers that no vendor sends."""
    for name in s.seals:
        value = s.genuine.headers[name]
        middle = len(value) // 2
        flipped = value[:middle] + ("1" if value[middle] == "0" else "0") + value[middle + 1 :]
        for odd in (value[:-1], value + "0", f"{value}\n", f" {value}", f"{value[:-1]}é", flipped, *ODD_HEADERS):
            with pytest.raises(Forged):
                s.connector.receive(s.with_header(name, odd))


def it_refuses_what_comes_too_late_or_too_early(s: Subject) -> None:
    """Ten minutes off, where the vendor stamps its requests."""
    if not any("timestamp" in name for name in s.seals):
        pytest.skip("this vendor does not stamp its requests")
    for off in (timedelta(minutes=10), timedelta(minutes=-10)):
        with pytest.raises(Forged):
            s.connector.receive(replace(s.genuine, at=s.genuine.at + off))


def it_takes_the_current_and_the_previous_secret(s: Subject) -> None:
    """While a secret is changed, requests signed with either are genuine, and with a third they are not."""
    env = s.fake.settings()
    name = sealing(s)

    for secrets in (
        {name: env[name], f"{name}_PREVIOUS": env[name] + "x"},
        {name: env[name] + "x", f"{name}_PREVIOUS": env[name]},
    ):
        assert s.connect(env | secrets).receive(s.genuine).refs
    with pytest.raises(Forged):
        s.connect(env | {name: env[name] + "x", f"{name}_PREVIOUS": env[name] + "y"}).receive(s.genuine)


def it_calls_malformed_what_is_signed_but_cannot_be_read(s: Subject) -> None:
    """Never a traceback of another kind."""
    for body in ODD_BODIES:
        with pytest.raises(Malformed):
            s.connector.receive(s.signed(body))


def it_refuses_deep_json_before_parsing_it(s: Subject) -> None:
    """Nested deeper than Python can follow."""
    for body in DEEP:
        with pytest.raises((Malformed, Forged)):
            s.connector.receive(s.signed(body))


def it_guards_its_panel_like_its_door(s: Subject) -> None:
    """Where it has one."""
    if not isinstance(s.connector, Panel):
        return
    views = cast("Views", None)  # nothing may be looked up for a caller who has not proved anything
    for name in s.seals:
        with pytest.raises(Forged):
            s.connector.panel(s.with_header(name, "0" * 64), views)
    for body in ODD_BODIES:
        with pytest.raises(Malformed):
            s.connector.panel(s.signed(body), views)


def it_fetches_what_was_said_in_order(s: Subject) -> None:
    """Oldest first, aware UTC, ids unique, roles right; and a look changes nothing."""
    ref = s.ask()
    s.answer(ref, "Yes, with the buckle from the repair kit.")
    s.fake.customer_says("Where do I get that kit?", customer=CUSTOMER, conversation=ref.id)

    conversation = s.connector.fetch(ref)

    said = [m for m in conversation.messages if m.public]
    assert [(m.role, m.text) for m in said] == [
        (Role.CUSTOMER, QUESTION),
        (Role.AGENT, "Yes, with the buckle from the repair kit."),
        (Role.CUSTOMER, "Where do I get that kit?"),
    ]
    assert conversation.ref == ref
    assert s.connector.fetch(ref) == conversation
    times = [m.at for m in conversation.messages] + [c.at for c in conversation.changes]
    assert {at.utcoffset() for at in times} == {timedelta(0)}
    assert [m.at for m in conversation.messages] == sorted(m.at for m in conversation.messages)
    assert len({m.id for m in conversation.messages}) == len(conversation.messages)


def it_tells_who_wrote_beside_whoever_asked(s: Subject) -> None:
    """By id, and by address where it tells the asker's: else what they wrote could not be forgotten."""
    ref = s.ask()
    s.fake.customer_says("Mine came off, too.", customer="jonas@example.com", conversation=ref.id)

    conversation = s.connector.fetch(ref)

    asked, beside = (m for m in conversation.messages if m.role is Role.CUSTOMER)
    assert (asked.author, asked.email) == (conversation.customer.id, conversation.customer.email)
    assert beside.author not in ("", asked.author)
    assert beside.email == ("jonas@example.com" if asked.email else "")


def it_finds_what_was_touched(s: Subject) -> None:
    """A new conversation, and an old one with a new answer."""
    old = s.ask()
    s.answer(old, "Yes.")
    since = s.connector.fetch(old).messages[-1].at
    new = s.ask("Is the rain cover included?")

    assert {old, new} <= set(s.connector.changed(since))
    assert list(s.connector.changed(datetime.now(UTC) + timedelta(hours=1))) == []


def it_delivers_each_kind_once(s: Subject) -> None:
    """What it can deliver is applied once, and what it returns is an id."""
    ref = s.ask()
    for kind in sorted(s.connector.can):
        delivery, before = s.delivery(ref, kind, "once"), s.applied()

        assert s.connector.deliver(delivery), kind
        assert s.applied(delivery.key) - before == 1, kind


def it_shows_a_reply_to_the_customer_as_it_was_written(s: Subject) -> None:
    """Angle brackets, ampersands and lists survive the way there and back, and the speaker is us."""
    if DeliveryKind.REPLY not in s.connector.can:
        return
    ref = s.ask()

    s.connector.deliver(s.delivery(ref, DeliveryKind.REPLY, "shown"))

    last = s.connector.fetch(ref).messages[-1]
    assert (last.role, last.public, last.text) == (Role.SELF, True, TEXT)


def it_shows_customers_nothing_that_is_for_the_team(s: Subject) -> None:
    """Notes, hand-offs and cards stay inside."""
    ref = s.ask()
    for kind in s.connector.can - {DeliveryKind.REPLY}:
        s.connector.deliver(s.delivery(ref, kind, "inside"))

    assert [m.text for m in s.connector.fetch(ref).messages if m.public] == [QUESTION]


def it_leads_nowhere_that_it_may_not(s: Subject) -> None:
    """The bytes that the vendor gets, of each kind, whatever way a link that leads away is spelled."""
    spelled, ref = list(SPELLINGS.values()), s.ask()
    for kind, at in product(sorted(s.connector.can), range(0, len(spelled), 50)):
        text = "\n\n".join([f"See https://{ALLOWED}/returns", *spelled[at : at + 50]])
        s.connector.deliver(replace(s.delivery(ref, kind, f"away-{at}"), text=text, hosts=(ALLOWED,)))

        said = list(leaves(s.fake.knobs.bodies[-1]))
        assert {host for part in said for host in reached(part)} == {ALLOWED}, (kind, at)


def leaves(body: bytes) -> Iterator[str]:
    """Every text in a body, be it JSON or a form with JSON in it."""
    try:
        read = json.loads(body)
    except ValueError:
        read = [leaf for values in parse_qs(body.decode()).values() for leaf in values]
        read = [json.loads(leaf) if leaf[:1] in "[{" else leaf for leaf in read]
    open_ends = [read]
    while open_ends:
        part = open_ends.pop()
        if isinstance(part, dict | list):
            open_ends += part.values() if isinstance(part, dict) else part
        elif isinstance(part, str):
            yield part


def it_does_not_send_again_when_the_answer_is_lost(s: Subject) -> None:
    """The vendor applied it and the line broke: `maybe`, and reading back finds it."""
    for kind in sorted(s.connector.can):
        ref, since = s.ask(), datetime.now(UTC) - timedelta(minutes=1)
        delivery, before = s.delivery(ref, kind, "drop"), s.applied()
        fault(s, Fault("drop"))

        with pytest.raises(Unavailable) as lost:
            s.connector.deliver(delivery)

        assert lost.value.maybe, kind
        assert s.applied(delivery.key) - before == 1, kind
        assert read_back(s, ref, delivery, since), kind


def it_sends_nothing_that_comes_too_late(s: Subject) -> None:
    """Asked right before the wire: nothing is applied, surely, and the next one goes out."""
    for kind in sorted(s.connector.can):
        delivery, before = s.delivery(s.ask(), kind, "too-late"), s.applied()

        with pytest.raises(Unavailable) as late:
            s.connector.deliver(delivery, lambda: True)

        assert (late.value.maybe, s.applied(delivery.key) - before) == (False, 0), kind
        s.connector.deliver(delivery)
        assert s.applied(delivery.key) - before == 1, kind


def it_knows_what_was_never_applied(s: Subject) -> None:
    """The line broke before the vendor did anything: `maybe`, and reading back finds nothing."""
    for kind in sorted(s.connector.can):
        ref, since = s.ask(), datetime.now(UTC) - timedelta(minutes=1)
        delivery, before = s.delivery(ref, kind, "lost"), s.applied()
        fault(s, Fault("lost"))

        with pytest.raises(Unavailable) as lost:
            s.connector.deliver(delivery)

        assert lost.value.maybe, kind
        assert s.applied(delivery.key) - before == 0, kind
        assert not read_back(s, ref, delivery, since), kind


def it_waits_as_long_as_the_vendor_says(s: Subject) -> None:
    """429 with its seconds: nothing was applied, for reads and for writes."""
    ref = s.ask()
    for kind in sorted(s.connector.can):
        delivery, before = s.delivery(ref, kind, "later"), s.applied()
        fault(s, Fault("status", 429, "7"))

        with pytest.raises(Unavailable) as later:
            s.connector.deliver(delivery)

        assert (round(later.value.retry_after) in (6, 7), later.value.maybe) == (True, False), kind
        assert s.applied(delivery.key) - before == 0, kind

    fault(s, Fault("status", 429, "7"), writes_only=False)
    with pytest.raises(Unavailable) as read:
        s.connector.fetch(ref)
    assert (round(read.value.retry_after) in (6, 7), read.value.maybe) == (True, False)


def it_says_unavailable_when_the_vendor_is_broken(s: Subject) -> None:
    """A 500 may have been applied."""
    ref = s.ask()
    fault(s, Fault("status", 500))
    with pytest.raises(Unavailable) as write:
        s.connector.deliver(s.delivery(ref, sorted(s.connector.can)[0], "broken"))
    fault(s, Fault("status", 500), writes_only=False)
    with pytest.raises(Unavailable) as read:
        s.connector.fetch(ref)

    assert (write.value.maybe, read.value.maybe) == (True, False)


def it_says_refused_when_the_conversation_is_gone(s: Subject) -> None:
    """For good: reading it and writing into it."""
    gone = Ref(s.name, s.ask().id[:-3] + "998")

    with pytest.raises(Refused):
        s.connector.fetch(gone)
    for kind in s.connector.can & {DeliveryKind.REPLY}:
        with pytest.raises(Refused):
            s.connector.deliver(s.delivery(gone, kind, "gone"))


def it_names_the_team_by_e_mail_and_not_the_bot(s: Subject) -> None:
    """Where it can say who works there: everyone once, under the id that their messages carry."""
    if not isinstance(s.connector, Team):
        return
    ref = s.ask()
    s.answer(ref, "Yes.")
    s.connector.deliver(s.delivery(ref, DeliveryKind.REPLY, "team"))

    team = s.connector.team()

    by_email = {agent.email: agent for agent in team}
    assert {email: by_email[email].name for email in TEAM} == TEAM
    assert len({agent.id for agent in team}) == len(team)
    said = s.connector.fetch(ref).messages
    assert [m.author for m in said if m.role is Role.AGENT] == [by_email[AGENT].id]
    assert {m.author for m in said if m.role is Role.SELF} & {agent.id for agent in team} == set()


def shelf(s: Subject) -> tuple[Articles, Shelf] | None:
    """The help centre as the connector reads it and as its people fill it, None where there is none."""
    if not isinstance(s.connector, Articles):
        return None
    assert isinstance(s.fake, Shelf)
    return s.connector, s.fake


def it_lists_every_article_however_many_pages_there_are(s: Subject) -> None:
    """Once each, with title, text, address, language and an aware time."""
    if not (found := shelf(s)):
        return
    connector, fake = found
    written = {fake.article(f"Question {n}?", f"<p>Answer {n}.</p>") for n in range(230)}

    listed = [article for article in connector.articles() if article.id in written]

    assert sorted(article.id for article in listed) == sorted(written)
    assert {article.withheld for article in listed} == {""}
    for article in listed:
        [text] = article.texts
        assert (text.title[:8], text.html[:9]) == ("Question", "<p>Answer")
        assert text.url.startswith("http")
        assert article.updated_at.utcoffset() == timedelta(0)


def it_withholds_what_is_not_for_every_customer(s: Subject) -> None:
    """Drafts, and what only some people may see; without a word of it."""
    if not (found := shelf(s)):
        return
    connector, fake = found
    draft = fake.article("A draft?", "<p>Not yet.</p>", draft=True)
    inner = fake.article("For some?", "<p>A secret.</p>", restricted=True)
    shown = fake.article("For all?", "<p>Yes.</p>")

    listed = {article.id: article for article in connector.articles()}

    assert listed[draft].withheld
    assert listed[inner].withheld
    assert (listed[draft].texts, listed[inner].texts) == ((), ())
    assert not listed[shown].withheld


def it_tells_when_an_article_is_not_for_everybody_any_more(s: Subject) -> None:
    """By what was touched since, too: whoever took it in has to let it go at once."""
    if not (found := shelf(s)):
        return
    connector, fake = found
    before = fake.article("Open?", "<p>Yes.</p>")
    [since] = [article.updated_at for article in connector.articles() if article.id == before]
    fake.article("Open?", "<p>Yes.</p>", id=before, restricted=True)

    assert all(article.withheld for article in connector.articles(since) if article.id == before)
    assert before in {article.id for article in connector.articles(since)}


def it_tells_languages_apart(s: Subject) -> None:
    """Each published one as it stands there; one that is a draft is left out."""
    if not (found := shelf(s)):
        return
    connector, fake = found
    both = fake.article("Returns?", "<p>30 days.</p>", locale="en")
    fake.article("Rückgabe?", "<p>30 Tage.</p>", id=both, locale="de")
    fake.article("Retour ?", "<p>30 jours.</p>", id=both, locale="fr", draft=True)

    [texts] = [article.texts for article in connector.articles() if article.id == both]

    assert {text.language: text.title for text in texts} == {"en": "Returns?", "de": "Rückgabe?"}


def it_lists_what_was_touched_since_and_not_what_is_gone(s: Subject) -> None:
    """A new article and a changed one; the rest only where all are asked for."""
    if not (found := shelf(s)):
        return
    connector, fake = found
    old, gone = fake.article("Old?", "<p>Yes.</p>"), fake.article("Gone?", "<p>Yes.</p>")
    since = max(article.updated_at for article in connector.articles()) + timedelta(seconds=2)
    fake.archive(gone)

    assert {old, gone} & {article.id for article in connector.articles()} == {old}
    assert list(connector.articles(datetime.now(UTC) + timedelta(hours=1))) == []
    assert {old, gone} & {article.id for article in connector.articles(since)} == set()


def it_ends_a_list_of_articles_with_an_error_when_not_all_came(s: Subject) -> None:
    """429 with its seconds, and a vendor that breaks off in the middle: whoever heard half must not think it all."""
    if not (found := shelf(s)):
        return
    connector, fake = found
    for n in range(230):
        fake.article(f"Question {n}?", f"<p>Answer {n}.</p>")

    fault(s, Fault("status", 429, "7"), writes_only=False)
    with pytest.raises(Unavailable) as later:
        list(connector.articles())
    assert (round(later.value.retry_after) in (6, 7), later.value.crowded) == (True, True)
    half = connector.articles()
    next(half)
    fault(s, Fault("cut"), writes_only=False)
    with pytest.raises(Unavailable):
        list(half)


def it_tells_its_resolved_conversations_from_open_ones(s: Subject) -> None:
    """Where its history may be learned from; each with a version of it."""
    if not isinstance(s.connector, History):
        return
    open_, done = s.ask(), s.ask("Is the rain cover included?")
    s.fake.agent_says("Yes, it is in the lid.", agent=AGENT, conversation=done.id, status="closed")

    found = dict(s.connector.history(datetime.now(UTC) - timedelta(minutes=5)))

    assert {open_, done} & found.keys() == {done}
    assert found[done]
    assert dict(s.connector.history(datetime.now(UTC) + timedelta(hours=2))) == {}


CHECKS: tuple[Callable[[Subject], None], ...] = tuple(v for k, v in globals().items() if k.startswith("it_"))
