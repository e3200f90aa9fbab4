"""Forms filled in without a browser, for tests: somebody is signed in, asks for pages and sends their forms."""

import re
from datetime import UTC, datetime
from html import unescape

import httpx

from register import accounts
from web.app import build
from web.frame import Office

PASSWORD = "four words to remember"


class Person:
    """Somebody of Demoshire who is signed in; `page` is what they see."""

    def __init__(self, office: Office) -> None:
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(build(office)), base_url="http://pages.example")
        self.page = httpx.Response(200)

    @property
    def text(self) -> str:
        """The page as its reader sees it."""
        return unescape(self.page.text)

    @property
    def hidden(self) -> dict[str, str]:
        """What the page's form sends without being asked."""
        found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', self.page.text)
        return {name: unescape(value) for name, value in found}

    async def get(self, path: str) -> int:
        self.page = await self.client.get(path)
        return self.page.status_code

    async def send(self, path: str, stage: str, typed: dict[str, str], file: tuple[str, bytes] | None = None) -> int:
        """Send the page's form at a stage."""
        fields = {**self.hidden, "stage": stage, **typed}
        self.page = await self.client.post(path, data=fields, files={"file": file} if file else None)
        return self.page.status_code

    async def check(self, path: str, typed: dict[str, str], file: tuple[str, bytes] | None = None) -> int:
        """Open a form, fill it in and have it checked."""
        assert await self.get(path) == 200, self.text
        return await self.send(path, "check", typed, file)

    async def confirm(self, path: str, **more: str) -> int:
        """Confirm the page that shows what will follow."""
        return await self.send(path, "confirm", more)

    async def follow(self) -> int:
        """Go where the page sends on to."""
        assert self.page.status_code == 303, self.text
        return await self.get(self.page.headers["location"])


async def person(office: Office, name: str) -> Person:
    """Somebody of Demoshire, signed in."""
    now = datetime.now(UTC)
    token = await accounts.invite(office.register, name, "demo", name, now)
    await accounts.set_password(office.register, token, PASSWORD, now)
    one = Person(office)
    await one.get("/sign-in")
    assert await one.send("/sign-in", "", {"name": name, "password": PASSWORD}) == 303
    return one
