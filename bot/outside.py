"""Asking an address that came from outside: public hosts, by https, at the address that was checked, no redirect.

requests-hardened resolves a name once, refuses what is not public, and connects to what it has checked, so that no name
can lead elsewhere a moment later. What is added here is what it lets through.
"""

import re
from collections.abc import Collection
from ipaddress import IPv6Address, ip_address
from typing import Any, TypeVar
from urllib.parse import urlsplit

from requests import PreparedRequest, Session
from requests.adapters import HTTPAdapter
from requests_hardened.ip_filter import InvalidIPAddress as NotPublic
from requests_hardened.ip_filter_adapter import IPFilterAdapter

__all__ = ["NotPublic", "guarded"]

NAME = re.compile(r"([a-z0-9_-]{1,63}\.)+[a-z][a-z0-9-]{1,62}", re.I)  # no dot at its end, and more than one label
INNER = re.compile(r".*\.(local|localhost|localdomain|internal|intranet|lan|home|corp|private|arpa)", re.I)
Made = TypeVar("Made", bound=Session)


def guarded(made: Made, inside: Collection[str] = ()) -> Made:
    """A session that asks public hosts alone, beside `inside`: hosts of our own network that the operator named.

    Its calls raise NotPublic for any other, before a name is looked up where the name tells, and TooManyRedirects.
    """
    made.max_redirects = 0
    for scheme in ("https", "http"):
        made.mount(f"{scheme}://", _Outside(scheme, frozenset(inside)))
    return made


class _Outside(IPFilterAdapter):  # type: ignore[misc] # it carries no types
    """What is asked is decided where the host is read that is then connected to: no second reading can differ."""

    def __init__(self, scheme: str, inside: frozenset[str]) -> None:
        super().__init__(is_https_proto=scheme == "https")
        self._inside = inside

    def build_connection_pool_key_attributes(self, request: PreparedRequest, verify: Any, cert: Any = None) -> Any:
        """Where to connect. Raises NotPublic."""
        plain = HTTPAdapter.build_connection_pool_key_attributes(self, request, verify, cert)
        host = str(plain[0]["host"] or "")
        if host in self._inside:
            return plain
        if not self._is_https_proto or "@" in urlsplit(request.url or "").netloc or not _may_be_public(host):
            raise NotPublic(host)
        checked = super().build_connection_pool_key_attributes(request, verify, cert)
        if not _is_public(checked[0]["host"].strip("[]")):
            raise NotPublic(host)
        return checked


def _may_be_public(host: str) -> bool:
    """Is it an address as it is usually written, or a name that is not known to be of somebody's own network?"""
    try:
        return _is_public(host)
    except ValueError:
        return bool(NAME.fullmatch(host)) and not INNER.fullmatch(host)


def _is_public(address: str) -> bool:
    """Neither private nor one of the ranges that lead on to private ones. Raises ValueError for a name."""
    ip = ip_address(address)
    leads_on = isinstance(ip, IPv6Address) and bool(ip.ipv4_mapped or ip.sixtofour or ip.teredo or ip.is_site_local)
    return ip.is_global and not (ip.is_reserved or ip.is_multicast or leads_on)
