"""Providers of single sign-on: what they say is checked, what goes wrong there is told, their settings.

One can be made to lie; the mock that others have written is used as it is, also in a real browser. All people are
invented.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from browsing import CHROMIUM, serving
from playwright.sync_api import expect, sync_playwright
from providers import (
    CLIENT,
    EMAIL,
    SECRET,
    Liar,
    back,
    by_another,
    by_everybody,
    invited,
    lying,
    mocked,
    provided,
    sign_on,
    told,
    unsigned,
)
from visitor import PASSWORD, Browser, account, office_at

from models.refusal import Refusal
from register.sealed import Ring
from register.store import Register
from web import single_sign_on
from web.app import build
from web.frame import Office
from web.provider import Provider


@pytest.fixture
def where(tmp_path: Path) -> Path:
    """Where the register is: one database will do for what is tested here."""
    return tmp_path / "register.db"


@pytest.fixture
def liar() -> Iterator[Liar]:
    with lying() as started:
        yield started


@pytest.fixture
def office(register: Register, tmp_path: Path, liar: Liar) -> Office:
    return provided(register, tmp_path, liar.issuer)


@pytest.fixture
def browser(office: Office) -> Browser:
    return Browser(build(office))


def answered(there: str, **form: str) -> str:
    """Where the mock sends somebody who answers its form."""
    return str(httpx.post(there, data=form).headers["location"])


def shown(there: str) -> str:
    """A page of the mock."""
    return httpx.get(there).text


# ---- what it says of somebody


@pytest.mark.parametrize(
    "lie",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "somebody else's pages"},
        {"aud": [CLIENT, "somebody else's pages"]},
        {"aud": "somebody else's pages", "azp": CLIENT},
        {"azp": "somebody else's pages"},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 1},
        {"exp": int(time.time()) - 120},
        {"exp": None},
        {"iat": int(time.time()) + 86_400},
        {"nonce": "of another sign-on"},
        {"nonce": None},
        {"at_hash": "of-another-token"},
        {"signed": by_another},
        {"signed": unsigned},
        {"signed": by_everybody},
        {"signed": lambda _: "no token"},
        {"signed": lambda _: None},
    ],
    ids=lambda lie: " ".join(  # without a moment: two processes would not collect the same names
        key if isinstance(value, int) and value > 1 else f"{key}={getattr(value, '__name__', value)}"[:40]
        for key, value in lie.items()
    ),
)
async def test_an_identity_token_that_is_not_true_lets_nobody_in(
    office: Office, browser: Browser, liar: Liar, caplog: pytest.LogCaptureFixture, lie: dict[str, Any]
) -> None:
    await invited(office.register, "bm")
    liar.metadata = {"id_token_signing_alg_values_supported": ["RS256", "HS256", "none"]}
    liar.signed = lie.get("signed", liar.signed)
    liar.claims |= {key: value for key, value in lie.items() if key != "signed"}
    await sign_on(browser)
    told(browser, caplog, "cannot be trusted")


@pytest.mark.parametrize(
    "keys",
    [{}, {"keys": None}, {"keys": []}, {"keys": [{"kty": "RSA"}]}, {"keys": [{"kty": "EC", "crv": "odd"}]}],
)
async def test_keys_that_are_none_let_nobody_in(
    office: Office, browser: Browser, liar: Liar, caplog: pytest.LogCaptureFixture, keys: dict[str, Any]
) -> None:
    await invited(office.register, "bm")
    liar.keys = keys
    await sign_on(browser)
    told(browser, caplog, "cannot be trusted")


# ---- what goes wrong at the provider


@pytest.mark.parametrize(
    ("error", "sentence"),
    [("access_denied", "you broke off the sign-on"), ("server_error", "did not work"), ("", "did not work")],
)
async def test_an_error_of_the_provider_is_told(
    browser: Browser, caplog: pytest.LogCaptureFixture, error: str, sentence: str
) -> None:
    state = parse_qs(urlsplit((await browser.get("/sign-on")).headers["location"]).query)["state"][0]
    script = "<script>bm@x</script>"
    await browser.get(f"/sign-on/back?error={error}&error_description={script}&state={state}")
    told(browser, caplog, sentence)
    assert script not in browser.page.text


async def test_a_provider_that_is_down_is_told_and_passwords_still_work(
    office: Office, browser: Browser, liar: Liar, caplog: pytest.LogCaptureFixture
) -> None:
    await account(office.register, "bm")
    liar.server.socket.close()
    await browser.get("/sign-on?next=/cases")
    told(browser, caplog, "does not answer as it should", status=503)
    assert (await browser.post("/sign-in", name="bm", password=PASSWORD, next="/cases")).status_code == 303


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/jwks"])
async def test_a_provider_that_goes_down_meanwhile_is_told(
    office: Office, browser: Browser, liar: Liar, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    await invited(office.register, "bm")
    there = back(await browser.get("/sign-on"))
    liar.broken = {path}
    await browser.get(there)
    told(browser, caplog, "does not answer as it should", status=503)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": "http://evil.example/jwks"},
        {"token_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
async def test_a_provider_that_says_of_itself_what_cannot_be_is_not_used(
    browser: Browser, liar: Liar, caplog: pytest.LogCaptureFixture, metadata: dict[str, Any]
) -> None:
    liar.metadata = metadata
    await browser.get("/sign-on")
    told(browser, caplog, "does not answer as it should", status=503)


async def test_a_provider_that_refuses_is_told(
    register: Register, tmp_path: Path, liar: Liar, caplog: pytest.LogCaptureFixture
) -> None:
    provider = Provider(liar.issuer, CLIENT, "another secret", "demo", "http://pages.example")
    browser = Browser(build(office_at(register, tmp_path, provider=provider)))
    await sign_on(browser)
    told(browser, caplog, "was not accepted")


async def test_nobody_can_have_the_provider_asked_without_end(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_sign_on, "MOST_BEGUN", 3)
    assert [(await browser.get("/sign-on")).status_code for _ in range(4)] == [303, 303, 303, 429]


# ---- settings


async def test_without_a_provider_there_is_no_single_sign_on(register: Register, tmp_path: Path) -> None:
    browser = Browser(build(office_at(register, tmp_path)))
    for path in ("/sign-on", "/sign-on/back", "/sign-on/ended"):
        assert (await browser.get(path)).status_code == 404
    assert "/sign-on" not in (await browser.get("/sign-in")).text
    assert Provider.of({"SCR_LOCAL_SIGN_IN": "off"}) is None


SETTINGS = {
    "SCR_OIDC_ISSUER": "https://login.demoshire.example",
    "SCR_OIDC_CLIENT": CLIENT,
    "SCR_OIDC_SECRET": SECRET,
    "SCR_PUBLIC_URL": "https://reviews.demoshire.example/",
}


def test_the_settings_of_a_provider(tmp_path: Path) -> None:
    found = Provider.of(SETTINGS)
    public = "https://reviews.demoshire.example"
    assert found == Provider("https://login.demoshire.example", CLIENT, SECRET, "demo", public)
    assert SECRET not in repr(found)
    (tmp_path / "secret").write_text("from a file\n")
    more = {"SCR_BOARD": "milton-keynes", "SCR_OIDC_SECRET_FILE": str(tmp_path / "secret"), "SCR_OIDC_CLAIM": "upn"}
    found = Provider.of(SETTINGS | more | {"SCR_OIDC_LABEL": "Sign in with Demoshire", "SCR_LOCAL_SIGN_IN": "off"})
    assert found is not None
    assert (found.board, found.secret, found.claim) == ("milton-keynes", "from a file", "upn")
    assert (found.label, found.passwords) == ("Sign in with Demoshire", False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SCR_OIDC_ISSUER", "http://login.demoshire.example"),
        ("SCR_OIDC_ISSUER", "login.demoshire.example"),
        ("SCR_PUBLIC_URL", ""),
        ("SCR_PUBLIC_URL", "http://reviews.demoshire.example"),
        ("SCR_OIDC_CLIENT", ""),
        ("SCR_OIDC_SECRET", ""),
        ("SCR_OIDC_SECRET_FILE", "/nowhere/secret"),
        ("SCR_LOCAL_SIGN_IN", "no"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(name: str, value: str) -> None:
    with pytest.raises(Refusal, match=name):
        Provider.of(SETTINGS | {name: value})


# ---- the mock that others have written, and a real browser


PEOPLE = ({"sub": "7f1c", "email": EMAIL, "email_verified": True}, {"sub": "8a2d", "email": EMAIL})


async def test_a_login_at_the_mock(register: Register, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    await invited(register, "bm")
    with mocked(tmp_path, *PEOPLE) as issuer:
        app = build(provided(register, tmp_path, issuer))
        browser = Browser(app)
        there = (await browser.get("/sign-on?next=/cases")).headers["location"]
        said = await browser.get(answered(there, sub="7f1c"))
        assert said.headers["location"] == "/cases"
        assert "Business Manager" in (await browser.get("/cases")).text
        await browser.post("/sign-out")
        ends = (await browser.follow()).headers["refresh"].removeprefix("0; url=")
        assert "http://pages.example/sign-in" in shown(ends)
        stranger = Browser(app)
        await stranger.get(answered((await stranger.get("/sign-on")).headers["location"], sub="8a2d"))
        told(stranger, caplog, "has not verified")
        caplog.clear()
        there = (await stranger.get("/sign-on")).headers["location"]
        denied = answered(there, action="deny")
        state = parse_qs(urlsplit(there).query)["state"][0]
        await stranger.get(denied if "state=" in denied else f"{denied}&state={state}")  # the mock forgets it
        told(stranger, caplog, "You were not let in")


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM, reason="no Chromium")
def test_browser_signs_on_and_out_at_the_mock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def invite() -> None:
        async with await Register.open(tmp_path / "register.db", Ring.load_or_make(tmp_path / "register.key")) as kept:
            await invited(kept, "bm")

    asyncio.run(invite())
    with mocked(tmp_path, *PEOPLE) as issuer:
        for name, value in (("ISSUER", issuer), ("CLIENT", CLIENT), ("SECRET", SECRET), ("LABEL", "Sign in at work")):
            monkeypatch.setenv(f"SCR_OIDC_{name}", value)
        with serving(tmp_path, 1) as base, sync_playwright() as playwright:
            started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = started.new_page()
            page.goto(f"{base}/cases")
            page.get_by_role("button", name="Sign in at work").click()
            page.get_by_role("button", name="7f1c").click()
            expect(page.get_by_role("heading", name="Cases")).to_be_visible()
            page.get_by_role("button", name="Sign out").click()
            expect(page).to_have_url(f"{issuer}/oauth2/end_session?client_id=the+pages&post_logout_redirect_uri=" + (
                f"{base}/sign-in".replace(":", "%3A").replace("/", "%2F")))  # fmt: skip
            page.goto(f"{base}/cases")
            expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
            page.get_by_role("button", name="Sign in at work").click()
            page.get_by_role("button", name="8a2d").click()
            expect(page.get_by_role("alert")).to_contain_text("has not verified your e-mail address")
            started.close()
    said = (tmp_path / "web.log").read_text()
    assert "single sign-on refused: The sign-on has not verified" in said
    assert (EMAIL in said, "8a2d" in said, "Traceback" in said) == (False, False, False)
