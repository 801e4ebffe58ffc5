"""The server that people and vendors reach: waitress, since it is made for production and starts at once."""

import resource

from flask import Flask
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from bot.errors import Misconfigured
from bot.settings import Settings

MOST = 5_000  # connections at a time, as those that dawdle cost little; more than that is for a proxy in front
OWN = 200  # files that the line itself may have open


class Server(TcpWSGIServer):  # type: ignore[misc] # it carries no types
    """Lets in all who wait at each turn. Waitress (3.0.2) lets in one, and a turn takes long while many others send: a
    flood on open connections kept everybody else waiting for seconds."""

    def handle_accept(self) -> None:
        """Until nobody waits."""
        before = -1
        while before < len(self.active_channels) < self.adj.connection_limit:
            before = len(self.active_channels)
            super().handle_accept()


def listen(app: Flask, chosen: Settings) -> Server:
    """A server whose ports are bound. Bodies over the cap are refused by the door, far larger ones here."""
    options = {"connection_limit": _room(), "channel_timeout": 30, "max_request_body_size": 4 * 1_048_576, "ident": ""}
    if chosen.trusted_proxy:
        options |= {"trusted_proxy": chosen.trusted_proxy, "trusted_proxy_headers": {"x-forwarded-for"}}
    try:
        # by poll, since select knows no more than 1,024 files
        adjusted = Adjustments(host=chosen.host, port=chosen.port, threads=8, asyncore_use_poll=True, **options)
        threads, made = ThreadedTaskDispatcher(), dict[int, object]()
        threads.set_thread_count(adjusted.threads)
        # a host may have several addresses; whichever runs serves all of the map
        servers = [Server(app, made, dispatcher=threads, adj=adjusted, sockinfo=at) for at in adjusted.listen]
    except (OSError, ValueError) as err:  # taken, not ours, or a host that nobody knows
        raise Misconfigured("PORT", f"cannot listen on {chosen.host}:{chosen.port}: {err}") from err
    return servers[0]


def _room() -> int:
    """How many connections may be open: as many files as the system lets us have, without our own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST + OWN if hard == resource.RLIM_INFINITY else min(hard, MOST + OWN)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return max(100, most - OWN)
