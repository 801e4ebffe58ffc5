"""Where the bot may be sent by an address from outside: a hundred ways to point it at its own network, none of which it
takes, and no connection begun for any."""

import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask import Flask, redirect, request
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema, TooManyRedirects

from bot.outside import NotPublic, guarded
from bot.settings import Oidc, read
from connectors.stage import Server

REFUSED = (NotPublic, InvalidURL, InvalidSchema, MissingSchema)
LOOPBACK = (
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433", "017700000001", "0x7f000001", "0x7f.1",
    "0177.0.0.1", "0x7f.0x0.0x0.0x1", "127.0.0.01", "127.0.0.1.", "0", "0.0.0.0", "[::1]", "[0:0:0:0:0:0:0:1]", "[::]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "localhost", "LOCALHOST", "localhost.",
    "a.localhost", "localhost.localdomain", "１２７.０.０.１", "127。0。0。1", "127．0．0．1", "127｡0｡0｡1",
    "①②⑦.⓪.⓪.①", "١٢٧.٠.٠.١", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "ｌｏｃａｌｈｏｓｔ", "lo\u00adcalhost", "127.0.0.1%00.example.com",
    "[::1%25lo]",
)  # fmt: skip
METADATA = (
    "169.254.169.254", "169.254.170.2", "2852039166", "0xa9fea9fe", "0xA9.0xFE.0xA9.0xFE", "0251.0376.0251.0376",
    "025177524776", "169.254.43518", "169.16689662", "169.254.169.254.", "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]", "[::a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]", "[fd00:ec2::254]",
    "[fe80::a9fe:a9fe]", "metadata.google.internal", "metadata", "instance-data", "instance-data.ec2.internal",
    "100.100.100.200", "192.0.0.192", "１６９.２５４.１６９.２５４", "169。254。169。254",
)  # fmt: skip
PRIVATE = (
    "10.0.0.1", "10.1", "167772161", "0x0a000001", "012.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "3232235777", "192.168.257", "100.64.0.1", "198.18.0.1", "192.0.2.1", "203.0.113.7", "192.88.99.1", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "[fc00::1]", "[fd12:3456::1]", "[fe80::1]", "[fec0::1]", "[ff02::1]",
    "[2001:db8::1]", "[::ffff:10.0.0.1]", "[2002:0a00:0001::]", "[100::1]", "[5f00::1]", "printer.local", "nas.lan",
    "db.internal", "wiki.corp", "router.home", "router.home.arpa", "intranet", "kubernetes.default.svc.cluster.local",
    "redis", "app.intranet", "1.0.0.10.in-addr.arpa",
)  # fmt: skip
TRICKS = (
    "https://help.example.com@127.0.0.1/", "https://help.example.com:443@169.254.169.254/",
    "https://a@help.example.com/", "https://127.0.0.1\\@help.example.com/", "https://127.0.0.1#@help.example.com/",
    "https://127.0.0.1?@help.example.com/", "https://127.0.0.1:443:80/", "https:///127.0.0.1/", "https:127.0.0.1/",
    "//127.0.0.1/", "http://93.184.215.14/", "http://help.example.com/", "ftp://93.184.215.14/", "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL", "dict://127.0.0.1:11211/", "unix:///run/docker.sock", "data:text/plain,x",
    "jar:https://127.0.0.1!/", "https://", "https://help..example.com/", "https://-/", "https://[::1/",
    "https://[v1.x]/", "https://%31%32%37.0.0.1/", "https://help.example.com./", "https://\t127.0.0.1/",
    "https://127.0.0.1\r\nX: y/",
)  # fmt: skip
FORMS = [*(f"https://{host}:9/x" for host in (*LOOPBACK, *METADATA, *PRIVATE)), *TRICKS]
WATCHED: list[Any] = []
CONNECTS = ("socket.connect", "socket.sendto", "socket.sendmsg")


@pytest.fixture(scope="session")
def watch() -> None:
    """See every connection that this thread begins; what is watched once is watched for good."""
    us = threading.get_ident()  # and not what a thread of an earlier test still has to do

    def see(what: str, told: Any) -> None:
        if what in CONNECTS and threading.get_ident() == us:
            WATCHED.append(told)

    sys.addaudithook(see)


@pytest.fixture
def begun(watch: None) -> list[Any]:
    """Connections begun since, none so far."""
    WATCHED.clear()
    return WATCHED


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the resolver will answer, one address at a time; a test that gives none fails when a name is looked up."""
    answers: list[str] = []

    def resolve(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        address = answers.pop(0) if answers else host  # an address is looked up on this machine
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port or 443))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return answers


@pytest.mark.parametrize("url", FORMS)
def test_whatever_leads_to_our_own_network_is_refused_before_a_packet_leaves(
    url: str, begun: list[Any], names: list[str]
) -> None:
    with pytest.raises(REFUSED):
        guarded(requests.Session()).get(url, timeout=1)

    assert begun == []


def test_there_are_more_than_a_hundred_forms() -> None:
    assert len(set(FORMS)) == len(FORMS) == 133


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.7", "::1", "fe80::1", "::ffff:10.0.0.7"])
def test_a_public_name_of_an_inner_address_is_refused(address: str, names: list[str], begun: list[Any]) -> None:
    names.append(address)

    with pytest.raises(NotPublic):
        guarded(requests.Session()).get("https://help.example.com/", timeout=1)

    assert begun == []


def pinned(url: str) -> tuple[str, str]:
    """(where a connection would go, the name that its certificate must have)."""
    made = guarded(requests.Session())
    ready = made.prepare_request(requests.Request("GET", url))
    place, tls = made.get_adapter(url).build_connection_pool_key_attributes(ready, True)  # type: ignore[attr-defined]
    assert tls["server_hostname"] == tls["assert_hostname"]
    return place["host"], tls["server_hostname"]


def test_a_name_is_looked_up_once_and_what_was_checked_is_connected_to(names: list[str]) -> None:
    names.extend(["93.184.215.14", "127.0.0.1"])

    assert pinned("https://rebinding.example.com/") == ("93.184.215.14", "rebinding.example.com")
    assert names == ["127.0.0.1"]
    with pytest.raises(NotPublic):
        pinned("https://rebinding.example.com/")


@pytest.mark.parametrize(
    "url",
    [
        "https://help.example.com/?next=https://127.0.0.1/",
        "https://help.example.com\\@127.0.0.1/",
        "https://help.example.com/@127.0.0.1/",
        "https://HELP.example.com:443/#@127.0.0.1",
    ],
)
def test_what_only_looks_like_it_goes_where_it_reads(url: str, names: list[str]) -> None:
    names.append("93.184.215.14")

    assert pinned(url) == ("93.184.215.14", "help.example.com")


@pytest.fixture
def inner() -> Iterator[tuple[Server, list[str]]]:
    """A server of our own network, and what it was asked; it sends everybody on to another one."""
    asked: list[str] = []
    app = Flask("inner")
    app.add_url_rule("/on", "on", lambda: redirect("http://127.0.0.2:9/"))
    app.add_url_rule("/here", "here", lambda: "yes")
    app.before_request(lambda: asked.append(request.path))
    made = Server(app)
    yield made, asked
    made.close()


def test_a_host_that_the_operator_named_may_be_asked_and_sends_us_nowhere_else(
    inner: tuple[Server, list[str]], begun: list[Any]
) -> None:
    server, asked = inner
    made = guarded(requests.Session(), inside=["127.0.0.1"])

    assert made.get(f"{server.url}/here", timeout=5).text == "yes"
    with pytest.raises(TooManyRedirects):
        made.get(f"{server.url}/on", timeout=5)
    with pytest.raises(NotPublic):
        made.get("http://127.0.0.2:9/", timeout=5)

    assert asked == ["/here", "/on"]
    assert {told[1][0] for told in begun} == {"127.0.0.1"}


def test_hosts_of_our_own_network_are_named_in_the_settings() -> None:
    provider = {"OIDC_ISSUER": "https://login.corp", "OIDC_CLIENT_ID": "c", "OIDC_CLIENT_SECRET": "s"}
    env = {"SECRET_KEY": "0" * 32, **provider}

    assert read(env).oidc == Oidc("https://login.corp", "c", "s")
    named = read({**env, "INSIDE_HOSTS": "Login.corp, 10.0.0.7"}).oidc
    assert named == Oidc("https://login.corp", "c", "s", frozenset({"login.corp", "10.0.0.7"}))
