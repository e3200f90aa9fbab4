"""A service with its pages, and a browser that works in it as one of the board's people would."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from engine import environment, free_port
from playwright.sync_api import Page
from processes import process

from library import Library
from register import accounts
from register.sealed import Ring
from register.store import Register

CHROMIUM = os.environ.get("SCR_CHROMIUM", "/usr/bin/chromium" if Path("/usr/bin/chromium").exists() else "")
PASSWORD = "correct horse battery staple"


@contextmanager
def serving(data: Path, engine: int) -> Iterator[str]:
    """The pages of a data folder, with an engine at a port of this machine; their address."""
    port = free_port()
    known = environment(engine, data) | {"SCR_WEB_PORT": str(port), "SCR_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    with process("web.app", known, data / "web.log", "ready at"):
        yield f"http://127.0.0.1:{port}"


def let_in(data: Path, board: str) -> None:
    """Give everybody of a board an account of their own id with the same password; the Business Manager runs them."""

    async def run() -> None:
        now = datetime.now(UTC)
        async with await Register.open(data / "register.db", Ring.load_or_make(data / "register.key")) as register:
            for person in Library(data).board(board).people:
                token = await accounts.invite(register, person, board, person, now, administrator=person == "bm")
                await accounts.set_password(register, token, PASSWORD, now)

    asyncio.run(run())


def sign_in(page: Page, base: str, person: str) -> None:
    """Sign in as one of the board's people, whoever was signed in before."""
    page.context.clear_cookies()
    page.goto(f"{base}/sign-in")
    page.get_by_label("Name of your account").fill(person)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
