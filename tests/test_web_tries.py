"""The limit on guessing passwords: it stops who guesses, and does not keep out whose name is guessed at.

All people are invented.
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from visitor import PASSWORD, Browser, account, office_at

from register import accounts
from register.store import Register
from web import signing
from web.app import build, served
from web.frame import COOKIE
from web.tries import Tries

WRONG = "wrong wrong wrong"


@pytest.fixture
def where(tmp_path: Path) -> Path:
    """Where the register is: one database will do for what is tested here."""
    return tmp_path / "register.db"


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three tries in place of ten: each takes its time to be found wrong."""
    monkeypatch.setattr(signing, "MOST_TRIES", 3)


@pytest.fixture
def app(register: Register, tmp_path: Path) -> Starlette:
    return build(office_at(register, tmp_path))


def browser_at(app: Any, address: str = "192.0.2.1", **headers: str) -> Browser:
    """A browser at an address."""
    browser = Browser(app)
    transport = httpx.ASGITransport(app, client=(address, 1))
    browser.client = httpx.AsyncClient(transport=transport, base_url="http://pages.example", headers=headers)
    return browser


async def tries(browser: Browser, name: str, number: int) -> list[int]:
    return [(await browser.sign_in(name, WRONG)).status_code for _ in range(number)]


async def test_guessing_elsewhere_keeps_nobody_out(app: Starlette, register: Register) -> None:
    await account(register, "chair")
    assert await tries(browser_at(app, "203.0.113.9"), "chair", 4) == [422] * 3 + [429]
    assert (await browser_at(app, "192.0.2.1").sign_in("chair")).status_code == 303


async def test_guessing_beside_somebody_does_not_keep_them_out_of_their_own_browser(
    app: Starlette, register: Register
) -> None:
    await account(register, "chair")
    own = browser_at(app)
    assert (await own.sign_in("chair")).status_code == 303
    await own.get("/")
    await own.post("/sign-out")
    assert await tries(browser_at(app), "chair", 4) == [422] * 3 + [429]
    assert (await browser_at(app).sign_in("chair")).status_code == 429, "a browser that does not know them"
    assert (await own.sign_in("chair")).status_code == 303


async def test_the_browser_in_which_a_password_was_set_is_their_own(app: Starlette, register: Register) -> None:
    token = await accounts.invite(register, "chair", "demo", "chair", datetime.now(UTC))
    own = browser_at(app)
    await own.get(f"/welcome/{token}")
    await own.post(f"/welcome/{token}", password=PASSWORD, again=PASSWORD)
    await tries(browser_at(app), "chair", 3)
    assert (await own.sign_in("chair")).status_code == 303


async def test_their_own_browser_guesses_no_longer_than_another(app: Starlette, register: Register) -> None:
    await account(register, "chair")
    own = browser_at(app)
    await own.sign_in("chair")
    await own.get("/")
    await own.post("/sign-out")
    assert await tries(own, "chair", 4) == [422] * 3 + [429]


async def test_a_browser_is_known_for_one_name_and_by_our_own_cookie(app: Starlette, register: Register) -> None:
    for person in ("bm", "chair"):
        await account(register, person)
    browser = browser_at(app)
    await browser.sign_in("bm")
    real = browser.client.cookies[signing.KNOWN]
    await tries(browser_at(app), "chair", 3)
    for cookie in (real, f"{real[:-6]}AAAA==", "chair", "====", ""):
        other = browser_at(app)
        other.client.cookies.set(signing.KNOWN, cookie)
        assert (await other.sign_in("chair")).status_code == 429, cookie


async def test_the_cookie_of_a_known_browser_tells_nothing(app: Starlette, register: Register) -> None:
    await account(register, "chair")
    browser = browser_at(app)
    said = await browser.sign_in("chair")
    [cookie] = [one for one in said.headers.get_list("set-cookie") if one.startswith(signing.KNOWN)]
    assert {"HttpOnly", "SameSite=lax"} <= {flag.strip() for flag in cookie.split(";")}
    assert "chair" not in cookie
    stranger = browser_at(app)
    stranger.client.cookies.set(signing.KNOWN, browser.client.cookies[signing.KNOWN])
    assert (await stranger.get("/")).status_code == 303, "it signs nobody in"


async def test_an_address_guesses_at_all_names_together(
    app: Starlette, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "MOST_FROM_ADDRESS", 3)
    browser = browser_at(app)
    assert [(await tries(browser, name, 1))[0] for name in ("a", "b", "c", "d")] == [422, 422, 422, 429]
    assert await tries(browser_at(app, "192.0.2.2"), "a", 1) == [422]


async def test_many_addresses_guess_at_one_name_together(
    app: Starlette, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "MOST_AS_NAME", 3)
    found = [(await tries(browser_at(app, f"192.0.2.{number}"), "chair", 1))[0] for number in range(4)]
    assert found == [422, 422, 422, 429]
    assert await tries(browser_at(app, "192.0.2.9"), "bm", 1) == [422]


async def test_what_was_right_does_not_count(app: Starlette, register: Register) -> None:
    await account(register, "chair")
    for _ in range(4):
        browser = browser_at(app)
        assert (await browser.sign_in("chair")).status_code == 303


async def test_guesses_at_once_are_counted_too(app: Starlette, register: Register) -> None:
    browsers = [browser_at(app) for _ in range(5)]
    found = await asyncio.gather(*(browser.sign_in("chair", WRONG) for browser in browsers))
    assert sorted(one.status_code for one in found) == [422] * 3 + [429] * 2


def test_tries_that_have_passed_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    found, clock = Tries(), [0.0]
    monkeypatch.setattr("web.tries.time.monotonic", lambda: clock[0])
    for number in range(1000):
        assert found.take({f"as {number}": 1})
    assert not found.take({"as 1": 1, "as nobody": 1})
    clock[0] = 901
    assert found.take({"as 1": 1})
    assert len(found._at) == 1


@pytest.mark.parametrize("trusted", ["127.0.0.1", "", "192.0.2.77"])
async def test_only_a_trusted_proxy_says_where_a_try_comes_from(
    app: Starlette, register: Register, monkeypatch: pytest.MonkeyPatch, trusted: str
) -> None:
    monkeypatch.setenv("SCR_TRUSTED_PROXIES", trusted)
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # uvicorn's own, which must not open what we keep shut
    config = served(app, 1)
    config.load()
    behind = [
        browser_at(config.loaded_app, "127.0.0.1", **{"X-Forwarded-For": f"made-up, 192.0.2.{number}"})
        for number in (1, 2)
    ]
    await tries(behind[0], "chair", 3)
    believed = trusted == "127.0.0.1"
    assert await tries(behind[1], "chair", 1) == [422 if believed else 429]
    lying = browser_at(config.loaded_app, "127.0.0.1", **{"X-Forwarded-For": "192.0.2.5, 192.0.2.1"})
    assert await tries(lying, "chair", 1) == [429], "what a client itself has put before is not believed"


async def test_too_many_tries_sign_nobody_in(app: Starlette, register: Register) -> None:
    await account(register, "chair")
    browser = browser_at(app)
    await tries(browser, "chair", 3)
    assert (await browser.sign_in("chair")).status_code == 429
    assert COOKIE not in browser.client.cookies
