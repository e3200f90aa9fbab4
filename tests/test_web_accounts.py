"""Signing in and out, sessions, links and accounts, as a browser meets them. All people are invented."""

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from closed_cases import done, reviewed
from desk import Desk, refused
from visitor import PASSWORD, Browser, account, kept, office_at, signed_in

from models.refusal import Refusal
from register import accounts
from register.store import Register
from web import signing, tries
from web.app import build
from web.frame import COOKIE, Office


@pytest.fixture
def office(register: Register, tmp_path: Path) -> Office:
    return office_at(register, tmp_path)


@pytest.fixture
def browser(office: Office) -> Browser:
    return Browser(build(office))


# ---- signing in and out


async def test_a_person_signs_in_and_out(office: Office, browser: Browser) -> None:
    await account(office.register, "bm")
    assert (await browser.get("/")).headers["location"] == "/sign-in?next=/"
    said = await browser.sign_in("bm", next="/cases")
    assert (said.status_code, said.headers["location"]) == (303, "/cases")
    token = browser.client.cookies[COOKIE]
    assert "Business Manager" in (await browser.get("/")).text
    said = await browser.post("/sign-out")
    assert said.headers["location"] == "/sign-in"
    assert (await browser.get("/")).status_code == 303
    browser.client.cookies.set(COOKIE, token)  # what a thief has kept is worth nothing any more
    assert (await browser.get("/")).status_code == 303


@pytest.mark.parametrize("name", ["bm", "nobody"])
async def test_a_wrong_password_is_refused_without_saying_what_is_wrong(
    office: Office, browser: Browser, name: str
) -> None:
    await account(office.register, "bm")
    said = await browser.sign_in(name, "wrong wrong wrong")
    assert said.status_code == 422
    assert "Name or password is wrong" in said.text
    assert "wrong wrong wrong" not in said.text
    assert COOKIE not in browser.client.cookies


def test_a_password_costs_whoever_guesses_it_much_time_and_memory(hasher: PasswordHasher) -> None:
    found = extract_parameters(hasher.hash(PASSWORD))
    assert found.type is Type.ID
    assert found.memory_cost >= 19 * 1024, "KiB; OWASP's least, with two passes"
    assert found.time_cost >= 2


async def test_ten_wrong_tries_are_enough(office: Office, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    await account(office.register, "bm")
    for _ in range(10):
        assert (await browser.sign_in("bm", "wrong wrong wrong")).status_code == 422
    said = await browser.sign_in("bm")
    assert (said.status_code, COOKIE in browser.client.cookies) == (429, False)
    assert "Wait a quarter of an hour" in said.text
    later = time.monotonic() + tries.WINDOW + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert (await browser.sign_in("bm")).status_code == 303


async def test_after_half_an_hour_without_a_click_somebody_is_signed_out(
    office: Office, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await account(office.register, "bm")
    await browser.sign_in("bm")
    start = datetime.now(UTC)
    for minutes, is_in in ((29, True), (58, True), (89, False)):
        moment = start + timedelta(minutes=minutes)
        monkeypatch.setattr(signing, "now", lambda moment=moment: moment)
        assert ((await browser.get("/")).status_code == 200) is is_in, minutes


async def test_a_session_cannot_be_fixed_beforehand(office: Office, browser: Browser) -> None:
    await account(office.register, "bm")
    browser.client.cookies.set(COOKIE, "chosen-by-somebody-else")
    await browser.sign_in("bm")
    given = [one for one in browser.client.cookies.jar if one.name == COOKIE]
    assert "chosen-by-somebody-else" not in [one.value for one in given if one.domain == "pages.example"]
    other = Browser(build(office))
    other.client.cookies.set(COOKIE, "chosen-by-somebody-else")
    assert (await other.get("/")).status_code == 303


@pytest.mark.parametrize("secure", [True, False])
async def test_the_cookie_is_out_of_reach(register: Register, tmp_path: Path, secure: bool) -> None:
    await account(register, "bm")
    browser = Browser(build(office_at(register, tmp_path, secure=secure)))
    if secure:
        browser.client.base_url = "https://pages.example"
    said = await browser.sign_in("bm")
    [cookie] = [value for name, value in said.headers.multi_items() if name == "set-cookie" and COOKIE in value]
    flags = {flag.strip().casefold() for flag in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= flags
    assert ("secure" in flags) is secure
    assert not {flag for flag in flags if flag.startswith(("max-age", "expires"))}, "it ends with the browser"


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "",
        "evil",
        "/\t/evil.example",
    ],
)
async def test_signing_in_sends_nobody_elsewhere(office: Office, browser: Browser, path: str) -> None:
    await account(office.register, "bm")
    said = await browser.sign_in("bm", next=path)
    assert (said.status_code, said.headers["location"]) == (303, "/")


async def test_a_form_of_somebody_elses_is_refused(office: Office, browser: Browser) -> None:
    await account(office.register, "bm")
    await browser.get("/sign-in")
    said = await browser.client.post("/sign-in", data={"csrf": "guessed", "name": "bm", "password": PASSWORD})
    assert (said.status_code, COOKIE in browser.client.cookies) == (403, False)
    await browser.sign_in("bm")
    for path in ("/sign-out", "/accounts", "/feed", "/feed/revoke", "/refer"):
        for csrf in ("", "guessed"):
            assert (await browser.client.post(path, data={"csrf": csrf})).status_code in (403, 404), path
    assert (await browser.get("/")).status_code == 200


async def test_every_page_is_kept_to_itself(office: Office, browser: Browser) -> None:
    headers = (await browser.get("/sign-in")).headers
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"


# ---- links


async def test_a_link_sets_a_password_once(office: Office, browser: Browser) -> None:
    token = await accounts.invite(office.register, "bm", "demo", "bm", datetime.now(UTC))
    path = f"/welcome/{token}"
    await browser.get(path)
    assert (await browser.post(path, password="short", again="short")).status_code == 422
    assert "at least 12 characters" in browser.text
    assert (await browser.post(path, password=PASSWORD, again="another four words")).status_code == 422
    assert (await browser.post(path, password=PASSWORD, again=PASSWORD)).headers["location"] == "/sign-in"
    await browser.get(path)
    said = await browser.post(path, password="what a thief would like", again="what a thief would like")
    assert (said.status_code, "has been used or has expired" in said.text) == (422, True)
    assert (await browser.sign_in("bm")).status_code == 303


async def test_a_link_expires_after_three_days(office: Office) -> None:
    start = datetime.now(UTC)
    for late, works in ((timedelta(days=3), True), (timedelta(days=3, seconds=1), False)):
        token = await accounts.invite(office.register, "bm", "demo", "bm", start)
        if works:
            assert await accounts.set_password(office.register, token, PASSWORD, start + late) == "bm"
        else:
            with pytest.raises(Refusal, match="has expired"):
                await accounts.set_password(office.register, token, PASSWORD, start + late)


async def test_a_new_link_makes_the_old_one_worthless_and_signs_out(office: Office, browser: Browser) -> None:
    old = await accounts.invite(office.register, "bm", "demo", "bm", datetime.now(UTC))
    await account(office.register, "bm")
    with pytest.raises(Refusal):
        await accounts.set_password(office.register, old, PASSWORD, datetime.now(UTC))
    await browser.sign_in("bm")
    await account(office.register, "bm")
    assert (await browser.get("/")).status_code == 303


# ---- accounts


async def test_an_administrator_invites_and_closes(office: Office) -> None:
    admin = await signed_in(office, "bm", administrator=True)
    await admin.get("/accounts")
    said = await admin.post("/accounts", person="chair")
    [link] = re.findall(r"http://pages\.example(/welcome/[\w-]+)", said.text)
    assert link not in (await admin.get("/accounts")).text, "it is shown once"
    chair = Browser(build(office))
    await chair.get(link)
    await chair.post(link, password=PASSWORD, again=PASSWORD)
    await chair.sign_in("chair")
    assert (await chair.get("/accounts")).status_code == 404
    assert (await chair.get("/")).status_code == 200
    await admin.get("/accounts/chair/close")
    assert (await admin.post("/accounts/chair/close")).status_code == 303
    assert (await chair.get("/")).status_code == 303, "signed out at once"
    assert (await chair.sign_in("chair")).status_code == 422
    assert "Closed" in (await admin.get("/accounts")).text


async def test_a_closed_account_that_is_opened_anew_needs_its_new_link(office: Office, browser: Browser) -> None:
    await account(office.register, "chair")
    await accounts.close_account(office.register, "chair", datetime.now(UTC))
    token = await accounts.invite(office.register, "chair", "demo", "chair", datetime.now(UTC))
    assert (await browser.sign_in("chair")).status_code == 422
    await accounts.close_account(office.register, "chair", datetime.now(UTC))
    with pytest.raises(Refusal, match="has been used"):
        await accounts.set_password(office.register, token, PASSWORD, datetime.now(UTC))


@pytest.mark.parametrize("person", ["", "nobody", "bm"])
async def test_an_administrator_cannot_invite_nobody_or_themselves(office: Office, person: str) -> None:
    admin = await signed_in(office, "bm", administrator=True)
    await admin.get("/accounts")
    assert (await admin.post("/accounts", person=person)).status_code == 422
    assert (await admin.get("/accounts/bm/close")).status_code == 404
    assert [one.administrator for one in await accounts.accounts(office.register, "demo")] == [True]


async def test_an_administrator_has_nothing_to_do_with_another_board(office: Office) -> None:
    await account(office.register, "bm", board="milton-keynes", name="bm")
    admin = await signed_in(office, "chair", administrator=True)
    assert (await admin.get("/accounts/bm/close")).status_code == 404
    await admin.get("/accounts")
    said = await admin.post("/accounts", person="bm")
    assert "sign in as <strong>bm.demo</strong>" in said.text
    [other] = await accounts.accounts(office.register, "milton-keynes")
    assert (other.name, other.board, other.open) == ("bm", "milton-keynes", True)
    with pytest.raises(Refusal, match="somebody else's"):
        await accounts.invite(office.register, "bm", "demo", "bm", datetime.now(UTC))


async def test_an_administrator_without_a_role_sees_no_case(office: Office) -> None:
    reference = await kept(office.register, reviewed())
    admin = await signed_in(office, "panel-chair-3", administrator=True)
    for path in (f"/cases/{reference}", f"/cases/{reference}/bundle"):
        assert (await admin.get(path)).status_code == 404
    for path in ("/", "/cases", "/exports/cases.csv", "/exports/waiting.csv"):
        assert reference not in (await admin.get(path)).text


def test_the_command_line_invites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(monkeypatch, capfd, tmp_path / "data")
    said = done(desk, "account", "invite", "bm", "--board", "demo", "--administrator", "--json")
    assert (said["account"], said["link"].startswith("/welcome/")) == ("bm", True)
    assert "/welcome/" in done(desk, "account", "invite", "chair", "--board", "demo")
    found = done(desk, "account", "list", "--board", "demo", "--json")
    assert [(one["name"], one["administrator"]) for one in found] == [("bm", True), ("chair", False)]
    refused(desk("account", "invite", "nobody", "--board", "demo"), "nobody of Demoshire")


def test_the_command_line_lists_and_closes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(monkeypatch, capfd, tmp_path / "data")
    assert done(desk, "account", "list", "--json") == []
    for person, board in (("bm", "demo"), ("chair", "demo"), ("bm", "milton-keynes")):
        done(desk, "account", "invite", person, "--board", board)
    assert "is closed and signed out" in done(desk, "account", "close", "chair")
    assert done(desk, "account", "close", "bm.milton-keynes", "--json") == {
        "account": "bm.milton-keynes",
        "open": False,
    }
    found = done(desk, "account", "list", "--json")
    whole = {"name": "bm", "board": "demo", "person": "bm", "administrator": False, "open": True, "linked": False}
    assert found[0] == whole
    assert [(one["name"], one["open"]) for one in found[1:]] == [("chair", False), ("bm.milton-keynes", False)]
    assert [one["name"] for one in done(desk, "account", "list", "--board", "milton-keynes", "--json")] == [
        "bm.milton-keynes"
    ]
    assert "closed" in done(desk, "account", "list")
    refused(desk("account", "close", "nobody"), "no account 'nobody'", "scr account list")
    refused(desk("account", "close", "chair"), "closed already")
    done(desk, "account", "invite", "chair", "--board", "demo")
    assert done(desk, "account", "list", "--board", "demo", "--json")[1]["open"] is True


async def test_a_closed_account_is_signed_out_wherever_it_was_closed(office: Office) -> None:
    chair = await signed_in(office, "chair")
    await accounts.close_account(office.register, "chair", datetime.now(UTC))
    assert (await chair.get("/")).status_code == 303
    assert (await chair.sign_in("chair")).status_code == 422
