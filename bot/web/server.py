"""The server that people and vendors reach: waitress, since it is made for production and starts at once."""

from typing import TYPE_CHECKING

from flask import Flask

from bot.errors import Misconfigured
from bot.settings import Settings

if TYPE_CHECKING:
    from waitress.server import BaseWSGIServer, MultiSocketServer


def listen(app: Flask, chosen: Settings) -> "BaseWSGIServer | MultiSocketServer":
    """A server whose port is bound. Bodies over the cap are refused by the door, far larger ones here."""
    import waitress  # noqa: PLC0415 - only who serves needs it

    options = {"connection_limit": 1000, "channel_timeout": 30, "max_request_body_size": 4 * 1_048_576, "ident": ""}
    if chosen.trusted_proxy:
        options |= {"trusted_proxy": chosen.trusted_proxy, "trusted_proxy_headers": {"x-forwarded-for"}}
    try:
        return waitress.create_server(app, host=chosen.host, port=chosen.port, threads=8, **options)
    except (OSError, ValueError) as err:  # taken, not ours, or a host that nobody knows
        raise Misconfigured("PORT", f"cannot listen on {chosen.host}:{chosen.port}: {err}") from err
