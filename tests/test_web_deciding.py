"""Decisions by forms: what a form asks, what it refuses, what stays on the page. No engine answers here."""

import re
from pathlib import Path
from typing import Any

import pytest
from case_world import AGENCIES, Story, day, wt2013_opening
from filling import person

from library import Library
from models import access
from models.access import Viewer
from models.decisions import Assign, Recuse
from models.events import Affiliation
from models.refusal import Refusal
from register.store import Register
from web import fields, following, whatif
from web.fields import Faults, Field
from web.frame import Office

HOME = "/cases/DEMO-2013-001"
ON = {"made_on-day": "19", "made_on-month": "7", "made_on-year": "2013"}
SAID = {**ON, "outcome": "scr", "because": "It is so."}
SCRIPT = '"><script>alert(1)</script>'


def story(*done: tuple[str, str, str]) -> Story:
    """A case of Demoshire of July 2013, everybody appointed; day, step and outcome of what is decided."""
    board = Library().board("demo")
    holders = {role: people for role, people in board.roles.items() if role.partition("[")[2][:-1] in ("", *AGENCIES)}
    known = {
        who: Affiliation(employer=one.employer, board_member=one.board_member) for who, one in board.people.items()
    }
    told = Story(wt2013_opening().model_copy(update={"holders": holders, "affiliations": known}))
    for on, step, outcome in done:
        told.decide(step, outcome, on=on)
    return told


async def kept(register: Register, told: Story) -> None:
    await register.append(told.case.opening.reference, told.log)


@pytest.fixture
def where(tmp_path: Path) -> Path:  # these are about pages; the register's own tests are on both databases
    return tmp_path / "register.db"


@pytest.fixture
def pages(register: Register, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    return Office(register, Library(), tmp_path)


# ---- fields


DAY = Field("on", "Day", "day")


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (("5", "8", "2013"), day("2013-08-05")),
        (("05", "08", "2013"), day("2013-08-05")),
        (("", "8", "2013"), "2013-08"),
        (("", "", "2013"), "2013"),
        (("", "", ""), None),
    ],
)
def test_a_day_is_read_as_far_as_it_is_known(typed: tuple[str, ...], read: Any) -> None:
    optional = Field("on", "Day", "day", needed=False)
    found = fields.read([optional], dict(zip(DAY.inputs, typed, strict=True)))
    assert found.get("on") == read


@pytest.mark.parametrize(
    "typed",
    [("", "", ""), ("31", "2", "2013"), ("5", "", "2013"), ("5", "8", ""), ("5", "13", "2013"), ("x", "y", "z")],
)
def test_a_day_that_is_none_is_refused(typed: tuple[str, ...]) -> None:
    with pytest.raises(Faults, match="Day"):
        fields.read([DAY], dict(zip(DAY.inputs, typed, strict=True)))


def test_a_whole_day_is_not_a_month() -> None:
    with pytest.raises(Faults, match="day, month and year"):
        fields.read([Field("on", "Day", "whole day")], {"on-day": "", "on-month": "8", "on-year": "2013"})


def test_every_fault_is_told_at_once_and_only_what_is_asked_is_read() -> None:
    asked = [Field("a", "First"), Field("b", "Second", "select", choices={"x": "X"}), Field("c", "Third", "text")]
    with pytest.raises(Faults) as refused:
        fields.read(asked, {"b": "y", "c": "c" * 4001})
    assert [name for name, _ in refused.value.faults] == ["a", "b", "c"]
    assert fields.typed_of([asked[0]], {"a": "1\r\n2", "by": "somebody"}.__getitem__) == {"a": "1\n2"}


# ---- the form of a step


async def test_a_form_has_the_outcomes_in_their_own_words_and_checks_what_will_follow(pages: Office) -> None:
    await kept(pages.register, story())
    browser = await person(pages, "sg-lead")
    await browser.get(f"{HOME}/decide/recommend")
    for words in ("Recommend a Serious Case Review", "Monday 22 July 2013", "LSCB SCR sub-group", "Name nobody"):
        assert words in browser.text
    assert "Who decided it" not in browser.text  # only who manages the case records for others
    assert await browser.check(f"{HOME}/decide/recommend", SAID) == 200
    for words in ("Check your answers", "Friday 19 July 2013", "Decide whether to initiate", "Thursday 8 August 2013"):
        assert words in browser.text


async def test_the_check_names_letters_with_their_people(pages: Office) -> None:
    await kept(pages.register, story(("2013-07-19", "recommend", "scr")))
    browser = await person(pages, "chair")
    assert await browser.check(f"{HOME}/decide/decide", {**SAID, "outcome": "initiate", "by": "chair"}) == 200
    assert "Referral outcome to Senior manager, Demo Police (Yusuf Linnetwood)" in browser.text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"outcome": "publish"}, "choose one of those"),
        ({"outcome": ""}, "Outcome: choose one"),
        ({"because": ""}, "Reason: this is missing"),
        ({"made_on-year": "2113"}, "lies in the future"),
        ({"made_on-month": "6"}, "is before"),
        ({"made_on-day": "32"}, "no such day"),
    ],
)
async def test_a_refusal_stands_on_the_form_and_nothing_typed_is_lost(
    pages: Office, change: dict[str, str], words: str
) -> None:
    await kept(pages.register, story())
    browser = await person(pages, "sg-lead")
    typed = {"because": "Because of this.", **SAID, **change}
    assert await browser.check(f"{HOME}/decide/recommend", typed) == 422
    assert "There is a problem" in browser.text
    assert words in browser.text
    assert typed["because"] in browser.text
    assert f'value="{typed["made_on-day"]}"' in browser.text


async def test_a_form_of_another_session_is_refused(pages: Office) -> None:
    await kept(pages.register, story())
    browser = await person(pages, "sg-lead")
    for forged in ({"csrf": "x"}, {"id": "not-an-id"}):
        await browser.get(f"{HOME}/decide/recommend")
        assert await browser.send(f"{HOME}/decide/recommend", "check", {**SAID, **forged}) == 403


async def test_who_decides_is_who_is_signed_in_whatever_the_form_says(pages: Office) -> None:
    await kept(pages.register, story())
    browser = await person(pages, "sg-lead")
    path = f"{HOME}/decide/recommend"
    assert await browser.check(path, {**SAID, "by": "chair", "recorded_by": "bm", "kind": "close"}) == 200
    assert not {"by", "recorded_by", "kind"} & set(browser.hidden)
    other = await person(pages, "panel-chair-1")  # sees the case, and neither decides nor manages
    await other.get(path)
    assert "not yours to decide" in other.text
    await other.get(f"{HOME}/change/file")
    assert await other.send(path, "check", {**SAID, "by": "sg-lead"}) == 422
    assert "does not hold the role LSCB SCR sub-group" in other.text


async def test_who_manages_the_case_records_for_those_who_decide(pages: Office) -> None:
    await kept(pages.register, story())
    browser = await person(pages, "bm")
    path = f"{HOME}/decide/recommend"
    await browser.get(path)
    assert '<option value="sg-lead" selected>' in browser.page.text
    assert await browser.check(path, {**SAID, "by": "chair"}) == 422
    assert await browser.check(path, {**SAID, "by": "sg-lead"}) == 200
    assert "Solveig Thornquist" in browser.text


async def test_without_sight_there_is_no_page(pages: Office) -> None:
    await kept(pages.register, story())
    agency = await person(pages, "health-senior-manager")
    nobody = await person(pages, "school-imr-author")
    for path in ("decide/recommend", "decide/nonsense", "change/close", "change/nonsense"):
        assert await agency.get(f"{HOME}/{path}") == 404 or path == "decide/recommend"
        assert await nobody.get(f"{HOME}/{path}") == 404
    assert await nobody.get(f"{HOME}/what-if") == 404


async def test_a_role_withdrawn_while_the_form_is_open(pages: Office) -> None:
    told = story()
    told.take(Assign(**_by_chair(told), person="chair", role="sub-group"))
    await kept(pages.register, told)
    browser = await person(pages, "sg-lead")
    path = f"{HOME}/decide/recommend"
    assert await browser.check(path, SAID) == 200
    told.take(Assign(**_by_chair(told), person="sg-lead", role="panel"))
    told.take(Assign(**_by_chair(told), person="sg-lead", role="sub-group", stands_down=True))
    await kept(pages.register, told)
    assert await browser.confirm(path) == 422
    assert "Solveig Thornquist does not hold the role LSCB SCR sub-group" in browser.text
    told.take(Recuse(**_by_chair(told), person="sg-lead"))
    await kept(pages.register, told)
    assert await browser.send(path, "confirm", {}) == 404


def _by_chair(told: Story) -> dict[str, Any]:
    return {"id": f"by-chair-{told.case.seq}", "by": "chair", "made_on": day("2013-07-08"), "because": "It is so."}


async def test_a_step_decided_meanwhile_says_by_whom_when_and_how(pages: Office) -> None:
    told = story()
    await kept(pages.register, told)
    browser = await person(pages, "sg-lead")
    path = f"{HOME}/decide/recommend"
    assert await browser.check(path, SAID) == 200
    told.decide("recommend", "none", on="2013-07-18")
    await kept(pages.register, told)
    assert await browser.confirm(path) == 409
    for words in ("Recommend no Serious Case Review", "Thursday 18 July 2013", "Solveig", "changed nothing"):
        assert words in browser.text
    assert await browser.get(path) == 200


async def test_what_is_typed_is_shown_and_never_run(pages: Office) -> None:
    await kept(pages.register, story())
    browser = await person(pages, "bm")
    for kind in ("agree", "extend", "involve", "plan", "file", "assign", "stand-down", "recuse", "correct", "close"):
        await browser.get(f"{HOME}/change/{kind}")
        names = re.findall(r'<(?:input|textarea|select)[^>]* name="([^"]+)"', browser.page.text)
        typed = {name: SCRIPT for name in names if name not in ("csrf", "id", "stage", "file")}
        assert await browser.send(f"{HOME}/change/{kind}", "check", typed) == 422
        assert "<script>alert" not in browser.page.text
    typed = {**ON, "title": SCRIPT, "because": SCRIPT, "action": "a1", "agency": "health", "by": "bm"}
    due = {"due-day": "1", "due-month": "8", "due-year": "2013"}
    assert await browser.check(f"{HOME}/change/agree", {**typed, **due}) == 200
    assert "<script>alert" not in browser.page.text
    assert browser.text.count("<script>alert") == 4  # both as they are read, and as they go on


# ---- without an engine


async def test_the_engine_is_down_and_everything_stays_on_the_page(pages: Office) -> None:
    await kept(pages.register, story())
    browser = await person(pages, "sg-lead")
    path = f"{HOME}/decide/recommend"
    assert await browser.check(path, {**SAID, "because": "A long reason."}) == 200
    before = browser.hidden
    assert await browser.confirm(path) == 503
    assert "engine does not answer" in browser.text
    assert browser.hidden == before
    assert await browser.get(HOME) == 200
    assert await browser.get(f"{HOME}/taken/{before['id']}") == 503
    assert await browser.send(path, "form", before) == 200
    assert "A long reason." in browser.text


async def test_a_document_needs_a_file_and_keeps_the_rest(pages: Office) -> None:
    await kept(pages.register, story())
    browser = await person(pages, "bm")
    typed = {**ON, "document": "overview-report", "because": "It is ready.", "by": "bm"}
    assert await browser.check(f"{HOME}/change/file", typed) == 422
    assert "File: choose one" in browser.text
    assert await browser.send(f"{HOME}/change/file", "check", typed, ("report.txt", b"Plain text.")) == 503
    assert "Choose the file again" in browser.text
    assert "It is ready." in browser.text


async def test_agency_people_file_for_their_agency_alone(pages: Office) -> None:
    await kept(pages.register, story())
    browser = await person(pages, "health-imr-author")
    path = f"{HOME}/change/file"
    await browser.get(path)
    assert "Demo Health Trust" in browser.text
    assert "Demo Police" not in browser.text
    assert "Overview report" not in browser.text
    typed = {**ON, "because": "It is ready."}
    for forged in ({"document": "overview-report"}, {"document": "imr", "agency": "police"}):
        assert await browser.check(path, {**typed, **forged}, ("imr.txt", b"Plain text.")) == 422
        assert "choose one of those" in browser.text


# ---- changes


async def test_the_changes_offered_are_those_that_one_may_make(pages: Office) -> None:
    await kept(pages.register, story(("2013-07-19", "recommend", "scr")))
    offered = {}
    for who in ("bm", "sg-lead", "health-imr-author", "pct-commissioner"):
        browser = await person(pages, who)
        await browser.get(f"{HOME}/change")
        offered[who] = re.findall(rf'href="{HOME}/change/([a-z-]+)"', browser.page.text)
    assert len(offered["bm"]) == 11
    assert offered["sg-lead"] == ["file", "reconsider", "recuse"]
    assert offered["health-imr-author"] == ["file", "recuse"]


@pytest.mark.parametrize(
    ("kind", "typed", "words"),
    [
        ("extend", {"step": "recommend", "agreed_with": "The Chair"}, "either until which day"),
        ("extend", {"step": "recommend", "period": "soon", "agreed_with": "The Chair"}, "soon"),
        ("assign", {"role": "chair", "person": "somebody"}, "choose one of those"),
        ("stand-down", {"holder": "lscb chair"}, ""),
        ("close", {"how": "completed"}, "Still owed"),
        ("correct", {"decision": "made-up"}, "choose one of those"),
        ("involve", {"agency": "health"}, "choose one of those"),
        ("plan", {"what": "publication", "day-day": "1", "day-month": "7", "day-year": "2013"}, "lies ahead"),
        ("agree", {"action": "A 1", "title": "x", "agency": "health", "due-day": "1", "due-month": "8",
                   "due-year": "2013"}, "Short name of the action"),
    ],
)  # fmt: skip
async def test_a_change_is_refused_in_words(pages: Office, kind: str, typed: dict[str, str], words: str) -> None:
    await kept(pages.register, story())
    browser = await person(pages, "bm")
    status = await browser.check(f"{HOME}/change/{kind}", {**ON, "because": "It is so.", "by": "bm", **typed})
    assert status == (422 if words else 200), browser.text
    assert words in browser.text


# ---- what if


def test_what_if_sees_the_day_itself_and_changes_nothing() -> None:
    told = story(("2013-07-19", "recommend", "scr"))
    before = told.case
    after, events = whatif.thought(before, "decide", "initiate", day("2013-08-05"), told.at)
    assert told.case == before
    assert (after.steps["review"].due, after.steps["notify-decision"].due) == (day("2014-02-05"), day("2013-08-06"))
    sight = access.sight(before, Viewer("bm", "demo", "bm"))
    assert sight is not None
    lines = {line.title: line for line in whatif.compared(before, after, events, sight)}
    decided = lines["Decide whether to initiate a Serious Case Review"]
    assert (decided.now, decided.then) == ("Thursday 8 August 2013", "Done")
    real = story(("2013-07-19", "recommend", "scr"), ("2013-08-05", "decide", "initiate")).case
    assert {k: r.due for k, r in after.steps.items()} == {k: r.due for k, r in real.steps.items()}


def test_what_if_does_not_pass_a_gate() -> None:
    told = story()
    with pytest.raises(Refusal):
        whatif.thought(told.case, "recommend", "scr", day("2013-07-01"), told.at)


async def test_the_page_of_what_if(pages: Office) -> None:
    await kept(pages.register, story(("2013-07-19", "recommend", "scr")))
    browser = await person(pages, "bm")
    on = "&on-day=5&on-month=8&on-year=2013"
    assert await browser.get(f"{HOME}/what-if?choice=decide+initiate{on}") == 200
    assert "Wednesday 5 February 2014" in browser.text
    assert await browser.get(f"{HOME}/what-if?choice=decide+nonsense{on}") == 422
    assert await browser.get(f"{HOME}/what-if?choice=decide+initiate") == 422
    assert await browser.get(f"{HOME}/what-if?choice={SCRIPT}{on}") == 422
    assert "<script>alert" not in browser.page.text


SET = (("2013-07-19", "recommend", "scr"), ("2013-08-05", "decide", "initiate"), ("2013-08-09", "set-terms", "done"))


async def test_agency_people_see_their_own_part_alone(pages: Office) -> None:
    told = story(*SET)
    await kept(pages.register, told)
    browser = await person(pages, "health-senior-manager")
    assert await browser.get(f"{HOME}/what-if") == 200
    assert set(re.findall(r'<option value="([^" ]+) ', browser.page.text)) <= {
        key for key, record in told.case.steps.items() if record.item == "health" or "health" in record.owner
    }
    on = "&on-day=9&on-month=8&on-year=2013"
    assert await browser.get(f"{HOME}/what-if?choice=agency-review[health]+submitted{on}") == 200
    assert "Demo Police" not in browser.text
    assert "Consider the draft" not in browser.text
    assert await browser.get(f"{HOME}/what-if?choice=agency-review[police]+submitted{on}") == 422
    decided = told.case.log[-1].decision.id
    assert await browser.get(f"{HOME}/decide/consider-draft") == 404
    assert await browser.get(f"{HOME}/taken/{decided}") == 404
    assert await (await person(pages, "bm")).get(f"{HOME}/taken/{decided}") == 200


def test_what_follows_is_told_as_far_as_it_is_seen() -> None:
    told, board = story(SET[0]), Library().board("demo")
    case, events = following.trial(
        told.case, told.deciding("decide", "initiate", "2013-08-05"), told.at.replace(month=8)
    )
    seen = {
        who: following.consequences(case, events, found, board)
        for who in ("bm", "health-senior-manager", "referrer")
        if (found := access.sight(case, Viewer(who, "demo", who)))
    }
    whole = "Chair of the LSCB: Ask every Chief Executive to secure all records (Demo Police) by Tuesday 6 August 2013"
    assert whole in seen["bm"]["What is owed from now on"]
    assert "Police" not in str(seen["health-senior-manager"])
    assert "referrer" not in seen


def test_refusals_name_people_and_steps() -> None:
    told, board = story(), Library().board("demo")
    words = following.plainly(told.case, board, Refusal("'recommend' is not for 'bm' nor 'nobody'."))
    assert words == "“Consider the case against the criteria and recommend to the Chair” is not for Quentin " \
        "Appleyard-Fox nor 'nobody'."  # fmt: skip
