"""Decisions by forms that are taken in, with the real engine and worker: form, check, confirmation, what followed."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from engine import connected, until
from filling import person

import starter
from commands.cases import today
from library import Library
from models.case import Case
from models.decisions import Decide
from models.events import Taken
from register import papers, queries
from register.sealed import Ring
from register.store import Register
from web import whatif
from web.frame import Office

NAMING = b"Ottilie was born on 9 March 2024. What two agencies knew was never put together."
WAY = (
    ("written-notification", "received"),
    ("recommend", "scr"),
    ("decide", "initiate"),
    ("commission-reviewer", "done"),
    ("set-terms", "done"),
    ("agency-review[health]", "submitted"),
    ("agency-review[police]", "submitted"),
    ("consider-draft", "done"),
    ("sign-off", "done"),
    ("decide-publication", "publish"),
    ("copy-to-panel", "sent"),
    ("copy-to-dfe", "sent"),
)
"""All that comes before publication."""


@pytest.fixture
async def pages(office: tuple[Path, int], case: str) -> AsyncIterator[Office]:
    """The pages on the office's register and engine."""
    folder, port = office
    async with await Register.open(folder / "register.db", Ring.load_or_make(folder / "register.key")) as register:
        yield Office(register, Library(folder), folder, client=await connected(port, folder))


def on(day: date, name: str = "made_on") -> dict[str, str]:
    return {f"{name}-day": str(day.day), f"{name}-month": str(day.month), f"{name}-year": str(day.year)}


def scr() -> dict[str, str]:
    return {**on(today()), "outcome": "scr", "because": "It is so."}


async def living(pages: Office, case: str) -> Case:
    return (await starter.ask(await pages.engine(), case)).case


async def taken(pages: Office, case: str, kind: str = "decided") -> list[Any]:
    """The decisions of a kind that the register has, when it has caught up with the living case."""

    async def caught_up() -> list[Any] | None:
        events = await queries.events(pages.register, case)
        return events if events[-1].seq >= (await living(pages, case)).seq else None

    return [
        e.decision for e in await until(caught_up, "the register catches up") if isinstance(e, Taken) if e.kind == kind
    ]


async def test_from_the_form_to_the_case(pages: Office, case: str) -> None:
    one = await person(pages, "sg-lead")
    path = f"/cases/{case}/decide/recommend"
    assert await one.check(path, scr()) == 200
    foreseen = re.findall("Chair of the LSCB: Decide whether[^<]*", one.text)
    assert foreseen
    sent = one.hidden
    assert await one.confirm(path) == 303
    where = one.page.headers["location"]
    assert await one.follow() == 200  # at once, whether or not the register has it yet
    for words in ("Taken in", "Recommend a Serious Case Review", "Solveig Thornquist", *foreseen):
        assert words in one.text
    assert await one.send(path, "confirm", sent) == 303, one.text  # a second click, or the back button
    assert one.page.headers["location"] == where
    assert [said.id for said in await taken(pages, case)] == [sent["id"]]
    assert await one.send(path, "confirm", sent) == 303
    assert await one.send(path, "confirm", {**sent, "because": "Something else."}) == 422
    assert "sent before, with other answers" in one.text
    assert await one.get(f"/cases/{case}") == 200
    assert await one.get(path) == 200
    assert "decided already" in one.text
    assert [said.id for said in await taken(pages, case)] == [sent["id"]]


async def test_a_double_click_has_one_effect(pages: Office, case: str) -> None:
    one = await person(pages, "sg-lead")
    path = f"/cases/{case}/decide/recommend"
    assert await one.check(path, scr()) == 200
    fields = {**one.hidden, "stage": "confirm"}
    said = await asyncio.gather(*(one.client.post(path, data=fields) for _ in range(3)))
    assert {(answer.status_code, answer.headers.get("location")) for answer in said} == {
        (303, f"/cases/{case}/taken/{fields['id']}")
    }
    assert len(await taken(pages, case)) == 1


async def test_two_people_decide_the_same_step(pages: Office, case: str) -> None:
    one, other = await person(pages, "sg-lead"), await person(pages, "bm")
    path = f"/cases/{case}/decide/recommend"
    assert await one.check(path, scr()) == 200
    assert await other.check(path, {**scr(), "outcome": "none", "by": "sg-lead"}) == 200
    assert await one.confirm(path) == 303
    assert await other.confirm(path) == 409
    for words in ("decided already", "changed nothing", "Recommend a Serious Case Review", "Solveig Thornquist"):
        assert words in other.text
    assert [(said.by, said.recorded_by, said.outcome) for said in await taken(pages, case)] == [
        ("sg-lead", None, "scr")
    ]


async def test_one_records_it_for_another(pages: Office, case: str) -> None:
    one = await person(pages, "bm")
    path = f"/cases/{case}/decide/recommend"
    assert await one.check(path, {**scr(), "by": "sg-lead"}) == 200
    assert await one.confirm(path) == 303
    await one.follow()
    assert (
        "Solveig Thornquist, Lead of the Serious Case Review sub-group; recorded by Quentin Appleyard-Fox" in one.text
    )
    assert [(said.by, said.recorded_by) for said in await taken(pages, case)] == [("sg-lead", "bm")]


async def test_what_if_tells_the_dates_that_come(pages: Office, case: str) -> None:
    await decide(pages, case, "recommend", "scr")
    before = await living(pages, case)
    after, _ = whatif.thought(before, "decide", "initiate", today(), datetime.now(UTC))
    await decide(pages, case, "decide", "initiate")
    real = await living(pages, case)
    assert {key: r.due for key, r in after.steps.items()} == {key: r.due for key, r in real.steps.items()}
    assert real.steps["review"].due is not None


async def decide(pages: Office, case: str, step: str, outcome: str) -> None:
    """Decide a step by whoever owes it, without a form."""
    known = await living(pages, case)
    by = known.facts.holders[known.steps[step].owner][0]
    decision = Decide(step=step, outcome=outcome, by=by, made_on=today(), because="It is so.")
    await starter.decide(await pages.engine(), pages.register, case, decision)


async def test_documents_are_filed_by_a_form(pages: Office, case: str) -> None:
    one = await person(pages, "health-imr-author")
    path = f"/cases/{case}/change/file"
    typed = {**on(today()), "document": "imr", "agency": "health", "because": "It is ready."}
    for name, content, words in (
        ("report.pdf", b"MZ\x90\x00" + b"\x00" * 200, "program"),
        ("report.txt", b"\x89PNG\r\n\x1a\n", "a picture"),
        ("report.pdf", b"Plain text.", "ends in .pdf"),
        ("report.txt", b"", "empty"),
    ):
        assert await one.check(path, typed, (name, content)) == 422
        assert words in one.text
        assert "It is ready." in one.text
    assert await one.check(path, typed, (r"C:\reports\imr.txt", NAMING)) == 303
    where, sent = one.page.headers["location"], one.page
    assert await one.follow() == 200
    assert "Filed: imr of Demoshire Health Trust" in one.text
    assert await one.check(path, typed, ("imr.txt", NAMING)) == 422
    assert "version 1" in one.text
    (filed,) = await taken(pages, case, "filed")
    assert where.endswith(filed.id), sent
    assert await papers.content(pages.register, case, filed.sha256) == NAMING
    assert await papers.name(pages.register, case, filed.sha256) == "imr.txt"


async def test_a_report_is_published_when_somebody_has_looked_at_what_the_search_finds(
    pages: Office, case: str
) -> None:
    for step, outcome in WAY:
        await until(lambda s=step: _owed(pages, case, s), f"{step} is owed")  # type: ignore[misc]
        await decide(pages, case, step, outcome)
    await taken(pages, case)
    one = await person(pages, "bm")
    path = f"/cases/{case}/decide/publish"
    typed = {**on(today()), "outcome": "done", "because": "It is ready.", "by": "bm"}
    assert await one.check(path, typed) == 422
    assert "overview-report' is filed" in one.text
    more = [{"kind": "name", "text": "Ottilie Example-Marsh"}]
    await papers.add_identifiers(pages.register, case, more)
    filing = {**on(today()), "document": "overview-report", "because": "It is ready.", "by": "bm"}
    assert await one.check(f"/cases/{case}/change/file", filing, ("report.txt", NAMING)) == 303
    await taken(pages, case, "filed")
    assert await one.check(path, typed) == 200
    assert "I have looked at these 2 places" in one.text
    assert one.text.count(">Ottilie<") == 1
    shown = one.hidden
    assert shown["found"] == "2"
    assert await one.confirm(path) == 422
    assert "Look at each of the places" in one.text
    assert await one.send(path, "confirm", {**shown, "found": "0", "looked": "yes"}) == 409
    assert "look again" in one.text
    assert await one.send(path, "confirm", {**shown, "looked": "yes"}) == 303
    assert await one.send(path, "confirm", {**shown, "looked": "yes"}) == 303, one.text  # again: one effect
    (published,) = [said for said in await taken(pages, case) if said.step == "publish"]
    assert [searched.hits for searched in published.searched] == [2]


async def _owed(pages: Office, case: str, step: str) -> bool:
    return step in (await living(pages, case)).steps


async def test_people_come_and_go(pages: Office, case: str) -> None:
    one = await person(pages, "bm")
    common = {**on(today()), "because": "It is so.", "by": "bm"}
    assert (
        await one.check(f"/cases/{case}/change/assign", {**common, "role": "panel", "person": "panel-chair-2"}) == 200
    )
    assert await one.confirm(f"/cases/{case}/change/assign") == 303
    await taken(pages, case, "assigned")
    assert await one.check(f"/cases/{case}/change/stand-down", {**common, "holder": "panel panel-chair-2"}) == 200
    assert await one.confirm(f"/cases/{case}/change/stand-down") == 303
    first, second = await taken(pages, case, "assigned")
    assert (first.board_member, first.stands_down, second.stands_down) == (True, False, True)
    author = await person(pages, "police-imr-author")
    mine = {**on(today()), "because": "It is so.", "person": "police-imr-author"}
    assert await author.check(f"/cases/{case}/change/recuse", mine) == 200
    assert await author.confirm(f"/cases/{case}/change/recuse") == 200
    assert "Taken in" in author.text
    assert (await taken(pages, case, "recused"))[0].by == "police-imr-author"
    assert await author.get(f"/cases/{case}") == 404


async def test_dates_decisions_and_entries_are_changed(pages: Office, case: str) -> None:
    one = await person(pages, "bm")
    common = {**on(today()), "because": "It is so.", "by": "bm"}
    for kind, typed, event in (
        ("extend", {"step": "recommend", "period": "4 weeks", "agreed_with": "The Chair"}, "extended"),
        ("involve", {"agency": "school"}, "involved"),
        ("agree", {"action": "a1", "title": "Share records", "agency": "health", **on(today(), "due")}, "agreed"),
        ("plan", {"what": "publication", **on(today(), "day")}, "planned"),
    ):
        path = f"/cases/{case}/change/{kind}"
        assert await one.check(path, {**common, **typed}) == 200, one.text
        assert await one.confirm(path) == 303, one.text
        assert await one.follow() == 200
        assert len(await taken(pages, case, event)) == 1
    await decide(pages, case, "recommend", "scr")
    (mistaken,) = await taken(pages, case)
    lead = await person(pages, "sg-lead")
    again = {**on(today()), "because": "There is news.", "step": "recommend"}
    assert await lead.check(f"/cases/{case}/change/reconsider", again) == 200
    assert "owed no more" in lead.text
    assert await one.check(f"/cases/{case}/change/correct", {**common, "decision": mistaken.id}) == 200
    assert await one.confirm(f"/cases/{case}/change/correct") == 303
    assert (await living(pages, case)).steps["recommend"].state == "open"
    assert await one.check(f"/cases/{case}/change/close", {**common, "how": "withdrawn"}) == 200
    assert await one.confirm(f"/cases/{case}/change/close") == 303
    await taken(pages, case, "closed")
    assert await one.get(f"/cases/{case}/decide/recommend") == 200
    assert "The case is closed" in one.text
