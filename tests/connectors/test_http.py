"""What our sessions do to a request and its answer, on a real wire."""

import gzip
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.http import Drift, session
from connectors.intercom.client import Whole

Answer = tuple[int, dict[str, str], bytes]
ANSWERS: dict[str, Answer] = {
    "/plain": (200, {"Set-Cookie": "a=1"}, b'{"ok": true}'),
    "/moved": (302, {"Location": "/plain"}, b""),
    "/short": (200, {"Content-Length": "99"}, b"half"),
    "/wrapped": (422, {"Content-Encoding": "gzip"}, gzip.compress(b'{"ok": false}')),
    "/odd": (200, {"Content-Encoding": "gzip"}, b"not gzip"),
}


class _Vendor(BaseHTTPRequestHandler):
    protocol_version, seen = "HTTP/1.1", list[tuple[str, str, dict[str, str]]]()

    def do_GET(self) -> None:
        self.seen.append((self.command, self.path, dict(self.headers)))
        status, headers, body = ANSWERS[self.path.partition("?")[0]]
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = "short" in self.path

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def vendor(tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Vendor)
    server.block_on_close = False
    _Vendor.seen.clear()
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def unknown(tmp_path: Path) -> ssl.SSLContext:
    """A server's half of TLS, under a certificate that only it has signed."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    (tmp_path / "pem").write_bytes(
        made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pem")
    return context


def whole() -> httpx.Client:
    """As Intercom's SDK gets it."""
    return httpx.Client(transport=Whole(Drift(), 5))


@pytest.mark.parametrize("ours", [session, whole])
def test_a_vendor_whose_certificate_nobody_vouches_for_is_told_nothing(
    ours: Callable[[], Any], unknown: ssl.SSLContext
) -> None:
    with vendor(unknown) as url, pytest.raises((requests.exceptions.SSLError, httpx.ConnectError)):
        ours().get(f"{url}/plain", headers={"Authorization": "Bearer secret"})

    assert _Vendor.seen == []


def test_an_answer_is_handed_on_as_it_came_and_no_cookie_is_kept() -> None:
    with vendor() as url:
        ours = session()
        with ours.get(f"{url}/plain", params={"role[]": ["agent", "admin"], "q": "a b&c", "none": None}) as answer:
            pass
        ours.get(f"{url}/plain?page=2", params={"q": "é"})

    assert (answer.status_code, answer.reason, answer.json(), answer.text) == (200, "OK", {"ok": True}, '{"ok": true}')
    paths = ["/plain?role%5B%5D=agent&role%5B%5D=admin&q=a+b%26c", "/plain?page=2&q=%C3%A9"]
    assert [path for _, path, _ in _Vendor.seen] == paths
    assert [headers.get("Cookie") for _, _, headers in _Vendor.seen] == [None, None]


@pytest.mark.parametrize("ours", [session, whole])
def test_a_redirect_is_not_followed(ours: Callable[[], Any]) -> None:
    with vendor() as url:
        answer = ours().get(f"{url}/moved")

    assert (answer.status_code, answer.headers["location"], len(_Vendor.seen)) == (302, "/plain", 1)


@pytest.mark.parametrize("ours", [session, whole])
def test_what_a_refusal_says_is_unwrapped(ours: Callable[[], Any]) -> None:
    with vendor() as url:
        answer = ours().get(f"{url}/wrapped")

    assert (answer.status_code, answer.json()) == (422, {"ok": False})


@pytest.mark.parametrize("ours", [session, whole])
@pytest.mark.parametrize("path", ["/short", "/odd"])
def test_an_answer_that_breaks_off_is_an_error_and_is_not_asked_for_again(ours: Callable[[], Any], path: str) -> None:
    with vendor() as url, pytest.raises((requests.ConnectionError, httpx.ReadError)):
        ours().get(f"{url}{path}")

    assert len(_Vendor.seen) == 1


@pytest.mark.parametrize("ours", [session, whole])
def test_where_nobody_listens_there_is_no_connection(ours: Callable[[], Any]) -> None:
    with vendor() as url:
        pass

    with pytest.raises((requests.ConnectionError, httpx.ConnectError)) as said:
        ours().get(url)

    assert said.type in (requests.ConnectionError, httpx.ConnectError)
