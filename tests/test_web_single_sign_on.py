"""Single sign-on: who is let in, who is not and what they are told, the link to an account, signing out.

The provider answers by HTTP. All people are invented.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from providers import CLIENT, EMAIL, Liar, back, invited, lying, provided, sign_on, told
from sqlalchemy import Connection, select
from visitor import Browser, account

from models.refusal import Refusal
from register import accounts
from register import single_sign_on as kept
from register.store import Register
from register.tables import Base
from web import signing, single_sign_on
from web.app import build
from web.frame import COOKIE, Office


def everything(db: Connection) -> str:
    """All that the register's tables hold."""
    return repr([db.execute(select(table)).all() for table in Base.metadata.sorted_tables])


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


# ---- letting in


async def test_somebody_signs_on_and_works_as_with_a_password(office: Office, browser: Browser, liar: Liar) -> None:
    await invited(office.register, "bm")
    page = await browser.get("/sign-in?next=/cases")
    assert 'href="/sign-on?next=/cases"' in page.text
    said = await sign_on(browser, "/sign-on?next=/cases")
    assert (said.status_code, said.headers["location"]) == (303, "/cases")
    [cookie] = [one for one in said.headers.get_list("set-cookie") if one.startswith(COOKIE)]
    assert {"httponly", "samesite=lax", "path=/"} <= {flag.strip().casefold() for flag in cookie.split(";")}
    assert "max-age" not in cookie.casefold(), "it ends with the browser"
    assert "Business Manager" in (await browser.get("/cases")).text
    assert liar.asked["redirect_uri"] == "http://pages.example/sign-on/back"
    assert liar.asked["response_type"] == "code"
    assert "openid" in liar.asked["scope"].split()
    assert (await browser.client.post("/feed", data={"csrf": "guessed"})).status_code == 403
    assert (await browser.post("/feed")).status_code == 200


async def test_a_session_of_single_sign_on_ends_like_any_other(
    office: Office, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await invited(office.register, "bm")
    await sign_on(browser)
    late = datetime.now(UTC) + timedelta(minutes=31)
    monkeypatch.setattr(signing, "now", lambda: late)
    assert (await browser.get("/")).headers["location"].startswith("/sign-in")


async def test_each_sign_on_has_secrets_of_its_own(browser: Browser) -> None:
    asked = [parse_qs(urlsplit((await browser.get("/sign-on")).headers["location"]).query) for _ in range(2)]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
        assert len(asked[0][name][0]) == 43
    assert len({asked[0][name][0] for name in ("state", "nonce", "code_challenge")}) == 3


async def test_signing_on_sends_nobody_elsewhere(office: Office, browser: Browser) -> None:
    await invited(office.register, "bm")
    assert (await sign_on(browser, "/sign-on?next=//evil.example")).headers["location"] == "/"


async def test_what_the_identity_token_lacks_is_asked_for(office: Office, browser: Browser, liar: Liar) -> None:
    await invited(office.register, "bm")
    liar.userinfo = liar.claims | {"sub": "somebody-else"}
    liar.claims = {"sub": "subject-1"}
    assert "cannot be trusted" in (await sign_on(browser)).text
    liar.userinfo["sub"] = "subject-1"
    assert (await sign_on(browser)).status_code == 303


async def test_another_claim_can_name_people(register: Register, tmp_path: Path, liar: Liar) -> None:
    await invited(register, "bm")
    browser = Browser(build(provided(register, tmp_path, liar.issuer, claim="upn")))
    liar.claims = {"sub": "subject-1", "upn": EMAIL.upper()}
    assert (await sign_on(browser)).status_code == 303


# ---- letting nobody else in


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({"email_verified": None}, "has not verified your e-mail address"),
        ({"email_verified": False}, "has not verified your e-mail address"),
        ({"email_verified": "true"}, "has not verified your e-mail address"),
        ({"email": None}, "did not say who you are: it sent no email"),
        ({"email": ""}, "did not say who you are: it sent no email"),
        ({"email": "nobody@demoshire-lscb.example.org"}, "You have no account here"),
        ({"email": "chair@demoshire-lscb.example.org"}, "You have no account here"),
    ],
)
async def test_only_the_verified_e_mail_of_somebody_invited_lets_in(
    office: Office,
    browser: Browser,
    liar: Liar,
    caplog: pytest.LogCaptureFixture,
    claims: dict[str, Any],
    sentence: str,
) -> None:
    await invited(office.register, "bm")
    liar.claims |= claims
    await sign_on(browser)
    told(browser, caplog, sentence)
    assert not any(one.linked for one in await accounts.accounts(office.register))


async def test_a_closed_account_is_not_let_in(
    office: Office, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    await invited(office.register, "bm")
    await sign_on(browser)
    await accounts.close_account(office.register, "bm", datetime.now(UTC))
    browser.client.cookies.clear()
    await sign_on(browser)
    told(browser, caplog, "Your account is closed")


async def test_two_accounts_of_one_person_are_not_told_apart(
    office: Office, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    await invited(office.register, "bm")
    await invited(office.register, "bm", name="bm-2")
    await sign_on(browser)
    told(browser, caplog, "More than one account has this address")


async def test_the_provider_vouches_for_its_own_board_alone(
    register: Register, tmp_path: Path, liar: Liar, caplog: pytest.LogCaptureFixture
) -> None:
    await invited(register, "bm")
    browser = Browser(build(provided(register, tmp_path, liar.issuer, board="milton-keynes")))
    await sign_on(browser)
    told(browser, caplog, "You have no account here")
    assert (await sign_on(Browser(build(provided(register, tmp_path, liar.issuer))))).status_code == 303
    caplog.clear()
    await sign_on(browser)  # linked, but of the other board
    told(browser, caplog, "You have no account here")


async def test_a_sign_on_ends_once(office: Office, browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    await invited(office.register, "bm")
    left = await browser.get("/sign-on")
    token = browser.client.cookies[single_sign_on.SIGN_ON]
    there = back(left)
    assert (await browser.get(there)).status_code == 303
    browser.client.cookies.clear()
    browser.client.cookies.set(single_sign_on.SIGN_ON, token)
    await browser.get(there)
    told(browser, caplog, "has been used or took too long")


async def test_a_sign_on_that_took_too_long_is_refused(
    office: Office, browser: Browser, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await invited(office.register, "bm")
    there = back(await browser.get("/sign-on"))
    late = datetime.now(UTC) + timedelta(minutes=11)
    monkeypatch.setattr(single_sign_on, "now", lambda: late)
    await browser.get(there)
    told(browser, caplog, "has been used or took too long")


@pytest.mark.parametrize("state", ["theirs", "none", "no letters: é"])
async def test_what_another_browser_has_begun_does_not_end_here(
    office: Office, browser: Browser, caplog: pytest.LogCaptureFixture, state: str
) -> None:
    await invited(office.register, "bm")
    theirs = back(await Browser(build(office)).get("/sign-on"))
    await browser.get("/sign-on")
    path = {"theirs": theirs, "none": "/sign-on/back?code=once"}.get(state, f"/sign-on/back?code=once&state={state}")
    await browser.get(path)
    told(browser, caplog, "was not begun in this browser")


async def test_a_browser_that_has_begun_nothing_is_refused(
    office: Office, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    await browser.get("/sign-on/back?code=once&state=any")
    told(browser, caplog, "was not begun in this browser")


# ---- the link between an account and a subject


async def test_after_the_first_time_only_the_subject_counts(
    office: Office, browser: Browser, liar: Liar, caplog: pytest.LogCaptureFixture
) -> None:
    await invited(office.register, "bm")
    await sign_on(browser)
    liar.claims = {"sub": "subject-1", "email": "married@elsewhere.example", "email_verified": False}
    again = Browser(build(office))
    assert (await sign_on(again)).status_code == 303
    assert "Business Manager" in (await again.get("/")).text
    liar.claims = {"sub": "subject-2", "email": EMAIL, "email_verified": True}  # the address is somebody else's now
    other = Browser(build(office))
    await sign_on(other)
    told(other, caplog, "belongs to another sign-on")


async def test_an_account_that_is_closed_and_opened_anew_is_linked_anew(
    office: Office, browser: Browser, liar: Liar
) -> None:
    await invited(office.register, "bm")
    await sign_on(browser)
    assert [one.linked for one in await accounts.accounts(office.register)] == [True]
    await accounts.close_account(office.register, "bm", datetime.now(UTC))
    await accounts.invite(office.register, "bm", "demo", "bm", datetime.now(UTC))
    assert [one.linked for one in await accounts.accounts(office.register)] == [False]
    liar.claims["sub"] = "subject-2"
    assert (await sign_on(browser)).status_code == 303
    liar.claims["sub"] = "subject-1"
    assert "belongs to another sign-on" in (await sign_on(browser)).text


async def test_another_provider_links_accounts_of_its_own(office: Office, browser: Browser, tmp_path: Path) -> None:
    await invited(office.register, "bm")
    await sign_on(browser)
    with lying() as other:
        other.claims["sub"] = "subject-9"
        moved = Browser(build(provided(office.register, tmp_path, other.issuer)))
        assert (await sign_on(moved)).status_code == 303
        other.claims = {"sub": "subject-1"}  # the same subject of another issuer is somebody else
        assert "did not say who you are" in (await sign_on(moved)).text


async def test_a_subject_has_one_account(office: Office) -> None:
    for person in ("bm", "chair"):
        await invited(office.register, person)
    await kept.link(office.register, "demo", ["bm"], "https://login.example", "subject-1")
    with pytest.raises(Refusal, match="belongs to another sign-on"):
        await kept.link(office.register, "demo", ["chair"], "https://login.example", "subject-1")


async def test_the_subject_is_kept_as_a_hash(office: Office, browser: Browser) -> None:
    await invited(office.register, "bm")
    await sign_on(browser)
    found = await office.register.read(everything)
    assert office.provider is not None
    assert office.provider.issuer in found
    for secret in ("subject-1", EMAIL, browser.client.cookies[COOKIE]):
        assert secret not in found


async def test_a_linked_account_can_be_refused_its_password(register: Register, tmp_path: Path, liar: Liar) -> None:
    await account(register, "bm")
    await account(register, "chair")
    browser = Browser(build(provided(register, tmp_path, liar.issuer, passwords=False)))
    assert "Only for accounts" in (await browser.get("/sign-in")).text
    assert (await browser.sign_in("bm")).status_code == 303, "not linked yet"
    await sign_on(browser)
    other = Browser(build(provided(register, tmp_path, liar.issuer, passwords=False)))
    assert (await other.sign_in("bm")).status_code == 422
    assert (await other.sign_in("chair")).status_code == 303
    allowed = Browser(build(provided(register, tmp_path, liar.issuer)))
    assert (await allowed.sign_in("bm")).status_code == 303


# ---- signing out


async def test_signing_out_goes_on_to_the_provider(office: Office, browser: Browser, liar: Liar) -> None:
    await invited(office.register, "bm")
    await sign_on(browser)
    token = browser.client.cookies[COOKIE]
    await browser.get("/")
    assert (await browser.post("/sign-out")).headers["location"] == "/sign-on/ended"
    said = await browser.follow()
    after, _, there = said.headers["refresh"].partition("; url=")
    assert (after, there.startswith(f"{liar.issuer}/end?it=1&")) == ("0", True)
    sent = parse_qs(urlsplit(there).query)
    assert (sent["client_id"], sent["post_logout_redirect_uri"]) == ([CLIENT], ["http://pages.example/sign-in"])
    assert "You are signed out" in said.text
    browser.client.cookies.set(COOKIE, token)
    assert (await browser.get("/")).status_code == 303, "ours has ended"


async def test_signing_out_of_a_password_stays_here(office: Office, browser: Browser) -> None:
    await account(office.register, "bm")
    await browser.sign_in("bm")
    await browser.get("/")
    assert (await browser.post("/sign-out")).headers["location"] == "/sign-in"


async def test_signing_out_where_the_provider_has_no_end_or_is_down(
    office: Office, browser: Browser, liar: Liar
) -> None:
    liar.metadata = {"end_session_endpoint": None}
    assert (await browser.get("/sign-on/ended")).headers["location"] == "/sign-in"
    liar.broken = {"/.well-known/openid-configuration"}
    assert (await browser.get("/sign-on/ended")).status_code == 503
