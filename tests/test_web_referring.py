"""A referral on the pages: question by question, put aside, taken up again, sent, and what an engine that is down does.

All children, families and agencies are invented.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from register_stories import stored
from visitor import Browser, office_at, signed_in

import starter
from commands.cases import today
from library import Library
from register import drafts, queries
from register.sealed import Ring
from register.store import Register
from web.frame import Office
from web.questions import questions, referral_of

TODAY = today()
DAY = {"day": str(TODAY.day), "month": str(TODAY.month), "year": str(TODAY.year)}


def on(name: str, day: dict[str, str] = DAY) -> dict[str, str]:
    """A date as its three fields."""
    return {f"{name}-{part}": value for part, value in day.items()}


def parts(day: str, month: str, year: str) -> dict[str, str]:
    """The three fields of a date."""
    return {"day": day, "month": month, "year": year}


BEFORE = "before-tell-designated-person"
FUTURE = DAY | {"year": "2099"}
NURSE = {"name": "Percival Invented", "title": "Nurse", "organisation": "Trust"}


def answers(child: str = "Ottoline Nobody-Here") -> dict[str, dict[str, Any]]:
    """Every question of wt2013 with an answer, in order."""
    facts = ("concern_how_agencies_worked", "died_in_custody", "died_while_detained", "deprived_of_liberty")
    return {
        "procedure": {"procedure": "wt2013"},
        "received": on("received"),
        "why": {"why": "A child died; three agencies had known the family."},
        "agencies": {"agencies": ["health", "police"]},
        BEFORE: on("day"),
        "child": {"name": child, **on("born", parts("9", "3", "2024"))},
        "referrer": {
            "name": "Percival Invented",
            "title": "Nurse",
            "organisation": "Trust",
            "email": "p@trust.example",
        },
        "family": {"name": "Leopold Nobody-Here", "address": "1 Invented Row\nDemoshire", "email": ""},
        "abuse_or_neglect": {"abuse_or_neglect": "yes"},
        "died": {"died": "yes"},
        "seriously_harmed": {"seriously_harmed": "no"},
        **{fact: {fact: "not known"} for fact in facts},
    }


@pytest.fixture
def pages(register: Register, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """The pages with no engine."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    return office_at(register, tmp_path)


async def begun(browser: Browser) -> str:
    """Begin a referral; the path of its draft."""
    await browser.get("/refer")
    await browser.post("/refer")
    path = str(browser.page.headers["location"])
    await browser.follow()
    return path


async def answered(browser: Browser, given: dict[str, dict[str, Any]] | None = None) -> str:
    """Begin a referral and answer every question, each page leading to the next."""
    path = await begun(browser)
    asked = given or answers()
    await browser.get(f"{path}/ask/procedure")
    for number, (question, fields) in enumerate(asked.items()):
        await browser.post(f"{path}/ask/{question}", fields)
        follows = [*[f"/ask/{name}" for name in asked], "/check"][number + 1]
        assert browser.page.headers["location"] == f"{path}{follows}", browser.text
        await browser.follow()
    return path


async def test_a_referral_is_put_aside_and_taken_up_again(pages: Office, where: Path | str) -> None:
    browser = await signed_in(pages, "bm")
    path = await begun(browser)
    assert "0 of 15 questions are answered" in browser.text
    await browser.get(f"{path}/ask/child")
    typed = {"name": "Ottoline Nobody-Here", **on("born", parts("31", "2", "2024")), "then": "later"}
    said = await browser.post(f"{path}/ask/child", typed)
    assert said.headers["location"] == path
    await browser.follow()
    assert ("0 of 15" in browser.text, "To be mended" in browser.text) == (True, True)
    again = await signed_in(pages, "bm")
    assert path in (await again.get("/refer")).text
    shown = (await again.get(f"{path}/ask/child")).text
    assert ('value="Ottoline Nobody-Here"' in shown, 'value="31"' in shown) == (True, True)
    assert b"Ottoline" not in stored(where)
    assert not any("Ottoline" in str(cookie.value) for cookie in again.client.cookies.jar)


async def test_a_draft_belongs_to_one_account_and_can_be_thrown_away(pages: Office) -> None:
    browser, other = await signed_in(pages, "bm"), await signed_in(pages, "chair", administrator=True)
    path = await begun(browser)
    assert path not in (await other.get("/refer")).text
    for page in ("", "/check", "/ask/why", "/throw-away"):
        assert (await other.get(f"{path}{page}")).status_code == 404
    await other.get("/refer")
    for page in ("/check", "/ask/why", "/throw-away"):
        assert (await other.post(f"{path}{page}", why="Somebody else's words")).status_code == 404
        await other.get("/refer")
    await browser.get(f"{path}/throw-away")
    assert (await browser.post(f"{path}/throw-away")).headers["location"] == "/refer"
    assert (await browser.get(path)).status_code == 404
    assert await drafts.drafts(pages.register, "bm") == []


@pytest.mark.parametrize(
    ("question", "fields", "says", "anchor"),
    [
        ("procedure", {"procedure": "wt1066"}, "Choose one of the answers", "procedure"),
        ("received", {}, "This cannot be left empty", "received-day"),
        ("received", on("received", FUTURE), "lies in the future", "received-day"),
        ("received", on("received", parts("30", "2", "2026")), "no day of the calendar", "received-day"),
        ("received", on("received", parts("1", "", "2026")), "no day of the calendar", "received-day"),
        ("why", {"why": "  "}, "This cannot be left empty", "why"),
        ("agencies", {}, "Name at least one agency", "agencies"),
        ("agencies", {"agencies": ["health", "<b>"]}, "is no agency here", "agencies"),
        (BEFORE, on("day", FUTURE), "after the referral was received", "day-day"),
        ("child", {"name": ""}, "This cannot be left empty", "name"),
        ("child", {"name": "Ottoline", **on("born", FUTURE)}, "lies in the future", "born-day"),
        ("child", {"name": "Ottoline", **on("born", parts("", "3", "2020"))}, "whole date", "born-day"),
        ("referrer", NURSE | {"email": "nowhere"}, "no e-mail address", "email"),
        ("died", {}, "Choose one of the answers", "died"),
        ("died", {"died": "perhaps"}, "Choose one of the answers", "died"),
    ],
)  # fmt: skip
async def test_an_answer_that_cannot_be_right_is_asked_for_again(
    pages: Office, question: str, fields: dict[str, Any], says: str, anchor: str
) -> None:
    browser = await signed_in(pages, "bm")
    path = await begun(browser)
    await browser.get(f"{path}/ask/{question}")
    said = await browser.post(f"{path}/ask/{question}", fields)
    assert said.status_code == 422
    assert "<title>Error: " in said.text
    assert says in browser.text
    assert f'href="#{anchor}"' in browser.text
    assert f'id="{anchor}"' in browser.text, "the summary leads to the field"
    for value in fields.values():
        if isinstance(value, str) and value.strip() and value not in ("wt1066", "perhaps"):
            assert f'value="{value}"' in browser.text, "what was typed is kept"
    [draft] = await drafts.drafts(pages.register, "bm")
    assert draft.content == {}


async def test_what_is_not_known_may_be_left_out(pages: Office) -> None:
    browser = await signed_in(pages, "bm")
    month = on("received", parts("", "1", "2026"))
    await answered(browser, answers() | {"received": month, BEFORE: on("day", dict.fromkeys(DAY, ""))})
    assert "January 2026" in browser.text


def unindented(text: str) -> str:
    """A page without the space at the beginning of its lines."""
    return re.sub(r"\n +", "\n", text)


async def test_no_id_is_given_twice_on_a_page(pages: Office) -> None:
    browser = await signed_in(pages, "bm")
    path = await answered(browser)
    for page in ("", "/check", *(f"/ask/{question}" for question in answers())):
        ids = re.findall(r'\sid="([^"]*)"', (await browser.get(f"{path}{page}")).text)
        assert len(ids) == len(set(ids)), page


async def test_what_is_typed_is_shown_as_text(pages: Office) -> None:
    browser = await signed_in(pages, "bm")
    path = await answered(browser, answers("<script>alert(1)</script>") | {"why": {"why": "<b>Bold</b>\nwords"}})
    page = await browser.get(f"{path}/check")
    assert '<span class="scr-answer">&lt;script&gt;alert(1)&lt;/script&gt;</span>' in page.text
    assert '<span class="scr-answer">&lt;b&gt;Bold&lt;/b&gt;\nwords</span>' in unindented(page.text)


async def test_the_family_may_be_left_out_but_not_its_name_alone(pages: Office) -> None:
    browser = await signed_in(pages, "bm")
    given = answers() | {"family": {"name": "", "address": "", "email": ""}}
    path = await answered(browser, given)
    board, asked = Library().board("demo"), questions(Library(), Library().board("demo"), TODAY, given)
    assert referral_of(board, asked, given).family is None
    family = referral_of(board, asked, answers()).family
    assert family is not None
    assert (family.name, family.address) == ("Leopold Nobody-Here", ("1 Invented Row", "Demoshire"))
    await browser.get(f"{path}/ask/family")
    said = await browser.post(f"{path}/ask/family", name="", address="1 Invented Row", email="")
    assert said.status_code == 422
    assert "Give the name too" in browser.text
    assert "1 Invented Row" in browser.text


async def test_all_is_looked_through_and_a_person_decides(pages: Office) -> None:
    browser = await signed_in(pages, "bm")
    path = await answered(browser)
    for words in ("Ottoline Nobody-Here", "Demoshire Health Trust\nDemoshire Police", "Saturday 9 March 2024"):
        assert words in unindented(browser.text)
    assert "Whether a review is held is for a person to decide." in browser.text
    assert browser.text.count("<strong>Yes</strong>") == 3, "limb (a), limb (b)(i), and all together"
    await browser.get(f"{path}/ask/died?then=check")
    await browser.post(f"{path}/ask/died", died="no", again="check")
    assert browser.page.headers["location"] == f"{path}/check"
    await browser.follow()
    assert browser.text.count("<strong>Yes</strong>") == 1


async def test_what_is_not_finished_cannot_be_sent(pages: Office) -> None:
    browser = await signed_in(pages, "bm")
    path = await begun(browser)
    await browser.get(f"{path}/check")
    assert "Send the referral" not in browser.text
    said = await browser.post(f"{path}/check")
    assert (said.status_code, "Not answered yet: Who is the child?" in browser.text) == (422, True)


async def test_a_procedure_that_concerns_no_child_asks_for_none(pages: Office) -> None:
    browser = await signed_in(pages, "bm")
    path = await begun(browser)
    await browser.get(f"{path}/ask/procedure")
    await browser.post(f"{path}/ask/procedure", procedure="learning-year")
    assert "of 5 questions" in (await browser.get(path)).text
    assert (await browser.get(f"{path}/ask/child")).status_code == 404


async def test_with_the_engine_down_the_draft_stays(pages: Office) -> None:
    browser = await signed_in(pages, "bm")
    path = await answered(browser)
    said = await browser.post(f"{path}/check")
    assert said.status_code == 503
    assert "Your answers are kept" in browser.text
    assert "Ottoline Nobody-Here" in browser.text
    [draft] = await drafts.drafts(pages.register, "bm")
    assert len(draft.content["answers"]) == 15
    assert (await browser.get(f"{path}/ask/why")).status_code == 200, "nothing was filed: it can still be changed"


async def test_what_may_have_been_filed_is_changed_no_more_and_sent_again(
    pages: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connect(*_: Any) -> Any:
        return object()

    async def start(*_: Any) -> bool:
        raise starter.Unreachable("The engine was lost after the referral had been filed.")

    monkeypatch.setattr(starter, "connect", connect)
    monkeypatch.setattr(starter, "start", start)
    browser = await signed_in(pages, "bm")
    path = await answered(browser)
    assert (await browser.post(f"{path}/check")).status_code == 503
    assert (await browser.get(f"{path}/ask/why")).status_code == 404
    assert (await browser.get(f"{path}/throw-away")).status_code == 404
    assert (await browser.get(path)).headers["location"] == f"{path}/check"
    await browser.get(f"{path}/check")
    assert "Send it again" in browser.text

    async def started(*_: Any) -> bool:
        return True

    monkeypatch.setattr(starter, "start", started)
    await browser.post(f"{path}/check")
    await browser.follow()
    assert f"DEMO-{TODAY.year}-001" in browser.text, "one referral, and no second one"
    await browser.get("/refer")
    [draft] = await drafts.drafts(pages.register, "bm")
    assert draft.content == {"filed": f"DEMO-{TODAY.year}-001"}, "nothing of the child is kept with the account"


# ---- with an engine


@pytest.fixture
async def living(office: tuple[Path, int], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    """The pages beside a running engine and worker."""
    data, port = office
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{port}")
    async with await Register.open(data / "register.db", Ring.load_or_make(data / "register.key")) as register:
        yield office_at(register, data)


async def test_a_referral_is_sent_once_and_its_case_opens(living: Office) -> None:
    browser = await signed_in(living, "bm")
    path = await answered(browser)
    assert (await browser.post(f"{path}/check")).headers["location"] == path
    await browser.follow()
    [draft] = await drafts.drafts(living.register, "bm")
    reference = draft.content["filed"]
    assert reference in browser.text
    await browser.get("/refer")
    assert (await browser.post(f"{path}/check")).headers["location"] == path, "sent twice is sent once"
    referral = await living.register.referral(reference)
    assert (referral["child"]["name"], referral["facts"]["died"]) == ("Ottoline Nobody-Here", True)
    assert referral["stated"] == {"tell-designated-person": str(TODAY)}
    for _ in range(200):
        if await queries.has_case(living.register, reference):
            break
        await asyncio.sleep(0.05)
    assert (await browser.get(f"/cases/{reference}")).status_code == 200
