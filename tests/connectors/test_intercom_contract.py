"""What we send to Intercom and what our fake answers, held against the vendor's own description of its API.

The description requires next to nothing, so the fields we rely on stand here too, with their types.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from bot.errors import Refused
from bot.model import Delivery, Ref
from bot.ports import Articles, Checks, Team
from connectors.intercom.connector import connect
from connectors.intercom.fake import Exchange, Fake

SPEC = Path(__file__).parents[3] / "shared/specs/api.intercom.io.2.14.yaml"
MARIA, INES = "maria@example.com", "ines@fernweh.example"
AUTHOR = {"type": str, "id": str, "name": str, "email": str}
PART = {"id": str, "part_type": str, "created_at": int, "redacted": bool, "attachments": list}
CONVERSATION = {
    "id": str,
    "created_at": int,
    "updated_at": int,
    "state": str,
    "ai_agent_participated": bool,
    **{f"source.{name}": str for name in ("id", "type", "delivered_as", "body", "subject")},
    **{f"source.author.{name}": kind for name, kind in AUTHOR.items()},
    "contacts.contacts[].id": str,
    "tags.tags": list,
    **{f"conversation_parts.conversation_parts[].{name}": kind for name, kind in PART.items()},
    **{f"conversation_parts.conversation_parts[].author.{name}": kind for name, kind in AUTHOR.items()},
}
ARTICLE = {"id": str, "title": str, "body": str, "state": str, "updated_at": int, "parent_id": int, "parent_ids": list}
TEXT = {f"data[].translated_content.de.{name}": str for name in ("title", "body", "state", "url")}
RELIED_ON: dict[str, dict[str, type]] = {
    "GET /articles": {
        **{f"data[].{name}": kind for name, kind in ARTICLE.items()},
        "total_count": int,
        "pages.total_pages": int,
    },
    "GET /conversations/{conversation_id}": CONVERSATION,
    "POST /conversations/{conversation_id}/reply": CONVERSATION,
    "POST /conversations/search": {
        "conversations[].id": str,
        "conversations[].state": str,
        "conversations[].updated_at": int,
        "pages.next.starting_after": str,
    },
    "GET /me": {"id": str, "app.id_code": str, "app.region": str},
    "GET /admins": {"admins[].has_inbox_seat": bool, **{f"admins[].{name}": str for name in ("id", "name", "email")}},
}
# Null until it happens, so an answer may lack them; the description must know them all the same.
SOMETIMES: dict[str, dict[str, type]] = {
    "GET /articles": {"data[].url": str, "data[].default_locale": str, **TEXT},
    "GET /conversations/{conversation_id}": {
        "title": str,
        "source.url": str,
        "admin_assignee_id": int,
        "team_assignee_id": int,
        "ai_agent.resolution_state": str,
        "conversation_rating.rating": int,
        "conversation_rating.updated_at": int,
        "conversation_rating.contact.id": str,
        "source.author.from_ai_agent": bool,
        "conversation_parts.conversation_parts[].body": str,
        "conversation_parts.conversation_parts[].assigned_to.id": str,
        "conversation_parts.conversation_parts[].attachments[].name": str,
        "conversation_parts.conversation_parts[].attachments[].content_type": str,
        "conversation_parts.conversation_parts[].attachments[].filesize": int,
    },
}
JSON_TYPE = {str: "string", int: "integer", bool: "boolean", list: "array"}


@cache
def spec() -> dict[str, Any]:
    if not SPEC.exists():
        pytest.skip(f"the vendor's description is not here: {SPEC}")
    found: dict[str, Any] = modern(yaml.load(SPEC.read_bytes(), Loader=yaml.CSafeLoader))
    return found


def modern(node: Any) -> Any:
    """OpenAPI 3.0's `nullable` as JSON Schema says it; examples are data and stay as they are."""
    if isinstance(node, list):
        return [modern(item) for item in node]
    if not isinstance(node, dict):
        return node
    new = {k: modern(v) for k, v in node.items() if k not in ("nullable", "example", "examples")}
    return {"anyOf": [{"type": "null"}, new]} if node.get("nullable") is True else new


@pytest.fixture(scope="module")
def played() -> Iterator[list[Exchange]]:
    """Every call we make, in most of the ways it can go."""
    fake = Fake()
    intercom = connect(fake.settings())
    ref = Ref("intercom", fake.customer_says("Where is it?", customer=MARIA, subject="Order 7"))
    for n in range(151):
        fake.customer_says(f"Question {n}", customer=MARIA)
    fake.fin_answers("Soon.", conversation=ref.id)
    fake.attach(ref.id, "label.png", customer=MARIA)
    fake.agent_says("On its way.", agent=INES, conversation=ref.id, status="solved")
    for kind in sorted(intercom.can):
        intercom.deliver(Delivery(f"d-{kind}", ref, kind, "It is on its way.", title="Draft", facts=(("Order", "7"),)))
    intercom.fetch(ref)
    list(intercom.changed(datetime.now(UTC)))
    article = fake.article("Returns?", "<p>30 days.</p>")
    fake.article("Rückgabe?", "<p>30 Tage.</p>", id=article, locale="de")
    fake.article("Not yet?", "<p>No.</p>", draft=True)
    assert isinstance(intercom, Articles)
    assert len(list(intercom.articles())) == 2
    with pytest.raises(Refused):
        intercom.fetch(Ref("intercom", "404404"))
    assert isinstance(intercom, Checks)
    assert all(fine for _, fine, _ in intercom.check())
    assert isinstance(intercom, Team)
    assert len(intercom.team()) == 3
    yield list(fake.exchanges)
    fake.close()


def operation(exchange: Exchange) -> tuple[str, dict[str, Any]]:
    """The call's name, such as `GET /me`, and its description; fixed paths before templates."""
    for path in sorted(spec()["paths"], key=lambda p: p.count("{")):
        pattern = re.sub(r"\{\w+\}", "[^/]+", path)
        if re.fullmatch(pattern, exchange.path) and exchange.method.lower() in spec()["paths"][path]:
            return f"{exchange.method} {path}", spec()["paths"][path][exchange.method.lower()]
    raise AssertionError(f"the vendor has no {exchange.method} {exchange.path}")


def validate(body: bytes, content: dict[str, Any]) -> None:
    schema = {**content["application/json"]["schema"], "components": spec()["components"]}
    jsonschema.Draft202012Validator(schema).validate(json.loads(body))


def described(schema: dict[str, Any], path: list[str]) -> set[str]:
    """The JSON types that the description gives to a field."""
    if "$ref" in schema:
        return described(spec()["components"]["schemas"][schema["$ref"].rpartition("/")[2]], path)
    for inner in ("anyOf", "allOf", "oneOf"):
        if inner in schema:
            return set[str]().union(*(described(one, path) for one in schema[inner]))
    if not path:
        return {schema["type"]} if "type" in schema else set()
    if path[0] == "[]":
        return described(schema["items"], path[1:]) if "items" in schema else set()
    known = schema.get("properties", {})
    return described(known[path[0]], path[1:]) if path[0] in known else set()


def steps(field: str) -> list[str]:
    return field.replace("[]", ".[]").split(".")


def values(data: Any, path: list[str]) -> list[Any]:
    """What an answer holds at a path, in all its lists."""
    if not path:
        return [data]
    if path[0] == "[]":
        return [found for item in data for found in values(item, path[1:])]
    assert path[0] in data, f"{path[0]} is missing"
    return values(data[path[0]], path[1:])


def test_every_call_of_ours_is_one_that_the_vendor_knows(played: list[Exchange]) -> None:
    assert {operation(e)[0] for e in played} == set(RELIED_ON)


def test_what_we_send_is_what_the_vendor_describes(played: list[Exchange]) -> None:
    sent = [e for e in played if e.sent]

    assert {e.method for e in sent} == {"POST"}
    for exchange in sent:
        validate(exchange.sent, operation(exchange)[1]["requestBody"]["content"])


def test_what_the_fake_answers_is_what_the_vendor_describes(played: list[Exchange]) -> None:
    assert {e.status for e in played} == {200, 404}
    for exchange in played:
        validate(exchange.answered, operation(exchange)[1]["responses"][str(exchange.status)]["content"])


def test_the_fields_we_rely_on_are_in_every_answer_of_the_fake(played: list[Exchange]) -> None:
    for exchange in (e for e in played if e.status == 200):
        name, answer = operation(exchange)[0], json.loads(exchange.answered)
        for field, kind in RELIED_ON[name].items():
            if field.startswith("pages.next") and answer["pages"]["next"] is None:
                continue
            assert {type(v) for v in values(answer, steps(field))} <= {kind}, f"{name}: {field}"


@pytest.mark.parametrize("relied_on", [RELIED_ON, SOMETIMES], ids=["always", "sometimes"])
def test_the_fields_we_rely_on_are_in_the_description(relied_on: dict[str, dict[str, type]]) -> None:
    for name, fields in relied_on.items():
        method, path = name.split()
        content = spec()["paths"][path][method.lower()]["responses"]["200"]["content"]
        for field, kind in fields.items():
            assert JSON_TYPE[kind] in described(content["application/json"]["schema"], steps(field)), f"{name}: {field}"


def test_a_reply_says_who_writes_and_nothing_else_than_the_vendor_asks_for(played: list[Exchange]) -> None:
    replies = [json.loads(e.sent) for e in played if e.path.endswith("/reply")]

    assert [r["message_type"] for r in replies] == ["note", "note", "comment"]
    for sent in replies:
        assert (sent["type"], sent["admin_id"], sorted(sent)) == (
            "admin",
            "900",
            ["admin_id", "body", "message_type", "type"],
        )
        assert sent["body"].startswith("<p>")
