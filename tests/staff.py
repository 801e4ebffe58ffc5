"""Somebody at the bot's pages, as a browser without scripts has it: cookies, and forms with the token they show."""

import re
from dataclasses import dataclass, field
from typing import Any

import requests

from bot import passwords
from bot.line import Line
from bot.model import Person

TOKEN = re.compile(r'name="token" value="([^"]+)"')


@dataclass
class Visitor:
    """A browser with its cookies; nobody has signed in yet."""

    url: str
    browser: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str = "/", *, follow: bool = True, **query: str) -> requests.Response:
        """Open a page."""
        return self.browser.get(f"{self.url}{path}", params=query, allow_redirects=follow, timeout=10)

    def post(self, path: str, *, page: str = "/control", **form: Any) -> requests.Response:
        """Open `page`, take the token of its forms, and send this one."""
        found = TOKEN.search(self.get(page).text)
        return self.send(path, **{"token": found[1] if found else "", **form})

    def send(self, path: str, **form: object) -> requests.Response:
        """A form as it is given."""
        return self.browser.post(f"{self.url}{path}", form, headers={"Origin": self.url}, timeout=10)

    def sign_in(self, email: str, password: str) -> requests.Response:
        """With a password that works once."""
        return self.post("/login", page="/login", email=email, password=password)


def staff(line: Line, url: str, who: Person) -> Visitor:
    """Somebody of the team, signed in."""
    with line.store.write() as conn:
        password = passwords.give(conn, who, "test", line.now())
    made = Visitor(url)
    assert made.sign_in(who.email, password).status_code == 200
    return made
