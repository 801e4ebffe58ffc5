"""The app manifest is what the code uses: no scope and no event more or less."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from connectors.slack.web import SCOPES

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "connectors" / "slack"
SCHEMA = ROOT.parent / "shared" / "specs" / "slack.manifest.schema.2.0.0.json"
READS = {"channels:history", "groups:history"}  # public and private channels
NAMES = {"users:read", "users:read.email"}
METHODS: dict[str, set[str]] = {  # with the bot scopes they need
    "auth.test": set(),
    "chat.postEphemeral": {"chat:write"},
    "chat.postMessage": {"chat:write"},
    "chat.update": {"chat:write"},
    "conversations.history": READS,
    "conversations.replies": READS,
    "users.info": NAMES,
    "users.list": NAMES,
    "views.open": set(),
}
EVENT_SCOPES = {"message.channels": "channels:history", "message.groups": "groups:history"}


@pytest.fixture
def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yml").read_text())
    return loaded


def called() -> Iterator[str]:
    """The first argument of every `ask` and `pages` in the connector."""
    for file in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("ask", "pages")
            ):
                yield from (a.value for a in node.args[:1] if isinstance(a, ast.Constant) and isinstance(a.value, str))


def test_the_manifest_is_valid(manifest: dict[str, Any]) -> None:
    if not SCHEMA.exists():
        pytest.skip(f"{SCHEMA.name} is not here")

    jsonschema.validate(manifest, json.loads(SCHEMA.read_text()))


def test_the_methods_called_are_the_methods_declared() -> None:
    assert set(called()) == set(METHODS)


def test_the_scopes_are_those_of_the_methods_called_and_the_events_heard(manifest: dict[str, Any]) -> None:
    needed = set().union(*METHODS.values(), EVENT_SCOPES.values())

    assert needed == SCOPES
    assert manifest["oauth_config"]["scopes"] == {"bot": sorted(needed)}


def test_the_events_are_those_the_code_hears_and_go_to_our_doors(manifest: dict[str, Any]) -> None:
    settings = manifest["settings"]

    assert settings["event_subscriptions"]["bot_events"] == list(EVENT_SCOPES)
    assert settings["event_subscriptions"]["request_url"].endswith("/webhooks/slack")
    assert settings["interactivity"]["request_url"].endswith("/panels/slack")
    assert 'app.event("message")' in (FOLDER / "panel.py").read_text()
    assert set(manifest["features"]) == {"bot_user"}
