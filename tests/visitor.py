"""A browser without JavaScript, in this process: it keeps cookies, sends forms, and is signed in at will."""

import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import httpx
from case_world import Story
from starlette.applications import Starlette

from library import Library
from register import accounts
from register.store import Register
from web.app import build
from web.frame import Office

PASSWORD = "four words to remember"


def office_at(register: Register, data: Path, **more: Any) -> Office:
    """The office of a register; no engine answers unless one is given."""
    return Office(register, Library(data), data, **more)


class Browser:
    """One person at the pages."""

    def __init__(self, app: Starlette) -> None:
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://pages.example")
        self.page = httpx.Response(200)

    @property
    def text(self) -> str:
        """The page that is shown, as a reader of its source sees it."""
        return unescape(self.page.text)

    @property
    def csrf(self) -> str:
        """What the forms of the page carry."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.page.text)
        assert found, self.page.text
        return unescape(found.group(1))

    async def get(self, path: str) -> httpx.Response:
        self.page = await self.client.get(path)
        return self.page

    async def post(self, path: str, form: dict[str, Any] | None = None, **fields: Any) -> httpx.Response:
        """Send a form that carries what the page's own forms carry."""
        self.page = await self.client.post(path, data={"csrf": self.csrf, **(form or {}), **fields})
        return self.page

    async def follow(self) -> httpx.Response:
        """Go where the answer to a form sends one."""
        assert self.page.status_code == 303, self.page.text
        return await self.get(self.page.headers["location"])

    async def sign_in(self, name: str, password: str = PASSWORD, **fields: Any) -> httpx.Response:
        await self.get("/sign-in")
        return await self.post("/sign-in", name=name, password=password, **fields)


async def account(
    register: Register, person: str, board: str = "demo", name: str | None = None, *, administrator: bool = False
) -> str:
    """An account that can sign in; its name."""
    now = datetime.now(UTC)
    token = await accounts.invite(register, name or person, board, person, now, administrator=administrator)
    return await accounts.set_password(register, token, PASSWORD, now)


async def signed_in(office: Office, person: str, **more: Any) -> Browser:
    """A browser in which somebody of Demoshire is signed in."""
    name = await account(office.register, person, **more)
    browser = Browser(build(office))
    assert (await browser.sign_in(name)).status_code == 303
    await browser.follow()
    return browser


async def kept(register: Register, story: Story) -> str:
    """Have the register hold a case; its reference."""
    reference = story.case.opening.reference
    await register.append(reference, story.log)
    return reference
