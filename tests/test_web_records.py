"""A board's records on the pages: publication register, learning, bulletins, identifiers, hold, disposal. No engine.

All people, places and reviews are invented.
"""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from case_world import Story, wt2013_opening
from closed_cases import CASE, REFERRAL, REPORT, reviewed
from filling import Person, person

from library import Library
from models.journal import Held
from register import journal, papers
from register.store import Register
from web.frame import Office, today

HOME = f"/cases/{CASE}/records"
WHY = {"because": "It is so."}
CHILD_N = {"review": "Child N", "sort": "Serious Case Review", "document-0": "yes", **WHY}
LESSON = {
    "source": "Another Board (invented)",
    "review": "Child Z",
    "where": "https://www.example.org/child-z",
    "lesson": "Ask who else knows the child.",
    "relevance": "Schools here are asked late.",
    **WHY,
}


@pytest.fixture
def where(tmp_path: Path) -> Path:
    """These are about pages; the register's own tests are on both databases."""
    return tmp_path / "register.db"


@pytest.fixture
def pages(register: Register, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    return Office(register, Library(tmp_path), tmp_path)


async def keep(register: Register, story: Story) -> None:
    """Have the register hold a case, its referral and its report."""
    assert await register.file_referral("DEMO", 2013, "demo", REFERRAL) == CASE
    await register.append(CASE, story.log)
    await papers.keep(register, CASE, REPORT, "report.pdf")
    for content in story.contents[1:]:
        await papers.keep(register, CASE, content, "")


@pytest.fixture
async def bm(pages: Office) -> Person:
    """The Business Manager of Demoshire, and a case that was closed on 1 November 2013."""
    await keep(pages.register, reviewed())
    return await person(pages, "bm")


async def enter(browser: Person, path: str, typed: dict[str, str]) -> str:
    """Fill in a form, check it and confirm it; what the check said."""
    assert await browser.check(path, typed) == 200, browser.text
    told = browser.text
    assert "What will follow" in told
    assert await browser.confirm(path) == 303, browser.text
    await browser.follow()
    return told


async def entries_of(pages: Office) -> list[str]:
    """The kinds of the entries of the journal, in order."""
    known = await journal.hashes(pages.register, "demo")
    read = await journal.journal(pages.register, "demo")
    assert len(known) == read.seq
    return [str(seq) for seq in known]


# ---- the publication register


async def test_a_review_is_entered_replaced_and_taken_off(pages: Office, bm: Person) -> None:
    await bm.get(HOME)
    assert "The report may be published and is not in the register yet" in bm.text
    told = await enter(bm, f"{HOME}/publish", CHILD_N | {"presented_on-month": "9", "presented_on-year": "2013"})
    assert "Everybody can read: Overview report (PDF" in told
    assert "“Child N”, Serious Case Review, October 2013: Overview report." in bm.text
    await bm.get("/records/publications")
    assert CASE in bm.text
    assert "Child N" in bm.text
    await bm.get(f"{HOME}/publish")
    assert 'value="Child N"' in bm.text
    assert 'value="2013"' in bm.text, "what stands is what one begins with"
    told = await enter(bm, f"{HOME}/publish", CHILD_N | {"review": "Child O"})
    assert "“Child N”, as it is now, is taken off" in told
    known = await journal.journal(pages.register, "demo")
    assert (known.seq, known.published[CASE].review, known.published[CASE].presented_on) == (3, "Child O", None)
    await enter(bm, f"{HOME}/withdraw", WHY)
    known = await journal.journal(pages.register, "demo")
    assert (known.seq, known.published) == (4, {})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"review": "Child Ottoline"}, "may identify somebody"),
        ({"review": ""}, "Public title: this is missing"),
        ({"document-0": "no"}, "Choose at least one document"),
        ({"presented_on-year": "x"}, "no such day"),
        ({"because": ""}, "Reason: this is missing"),
    ],
)
async def test_what_is_refused_stays_as_it_was_typed(
    pages: Office, bm: Person, change: dict[str, str], words: str
) -> None:
    typed = CHILD_N | {"because": "As agreed <on Monday>."} | change
    assert await bm.check(f"{HOME}/publish", typed) == 422
    assert words in bm.text
    assert all(value in bm.text for value in typed.values())
    assert await entries_of(pages) == []


async def test_a_form_that_is_sent_twice_has_one_effect(pages: Office, bm: Person) -> None:
    forms = [(f"{HOME}/publish", CHILD_N), (f"{HOME}/hold", WHY), ("/records/learning/add", LESSON)]
    for path, typed in [*forms, (f"{HOME}/release", WHY), ("/records/learning/3/withdraw", WHY)]:
        assert await bm.check(path, typed) == 200, (path, bm.text)
        checked, before = bm.page, len(await entries_of(pages))
        for _ in range(2):
            bm.page = checked
            assert await bm.confirm(path) == 303, (path, bm.text)
        assert len(await entries_of(pages)) == before + 1, path


# ---- learning


async def test_lessons_are_entered_go_into_a_bulletin_and_are_withdrawn(
    pages: Office, bm: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.board_records.today", lambda: date(2026, 9, 30))
    told = await enter(bm, "/records/learning/add", LESSON)
    assert "goes into the bulletin of 2026-Q3" in told
    assert LESSON["relevance"] in bm.text
    assert await bm.get("/records/bulletins/2026-Q3") == 404, "its quarter is not over"
    monkeypatch.setattr("web.board_records.today", lambda: date(2026, 10, 1))
    assert "It holds 1 entry" in await enter(bm, "/records/bulletins/2026-Q3", WHY)
    for form, begins in (("pdf", b"%PDF"), ("html", b"<!doctype html>"), ("md", b"# Learning bulletin")):
        assert await bm.get(f"/records/bulletins/2026-Q3.{form}") == 200
        assert bm.page.content.startswith(begins)
    assert LESSON["lesson"] in bm.page.text
    await enter(bm, "/records/learning/1/withdraw", WHY)
    assert LESSON["relevance"] not in bm.text
    assert await bm.get("/records/bulletins/2026-Q3.md") == 200
    assert LESSON["lesson"] not in bm.page.text
    assert await bm.get("/records/learning/1/withdraw") == 404
    await bm.get("/records")
    assert "1 written" in bm.text


async def test_a_lesson_that_no_bulletin_could_show_is_refused_with_what_was_typed(pages: Office, bm: Person) -> None:
    assert await bm.check("/records/learning/add", LESSON | {"lesson": "Ask 愛."}) == 422
    assert "holds a sign that the font cannot show" in bm.text
    assert "Ask 愛." in bm.text
    assert await entries_of(pages) == []


# ---- what identifies people


async def test_identifiers_are_added_counted_and_never_shown(pages: Office, bm: Person) -> None:
    told = await enter(bm, f"{HOME}/identifiers", {"kind": "name", "text": "Perpetua Unheard\nOttoline Nobody-Here\n"})
    assert "looks for 1 more" in told
    assert "1 of them the search knows already" in told
    assert "Perpetua" not in bm.text
    await enter(bm, f"{HOME}/identifiers", {"kind": "date", "text": "9 3 2024\n2024-03-10"})
    assert 'key">Other dates</dt><dd class="govuk-summary-list__value">2<' in bm.text
    assert [one["text"] for one in await papers.identifiers(pages.register, CASE)] == [
        "Perpetua Unheard",
        "2024-03-09",
        "2024-03-10",
    ]
    assert await bm.check(f"{HOME}/publish", CHILD_N | {"review": "Child Perpetua Unheard"}) == 422


async def test_a_line_that_is_no_date_is_named_by_its_number(pages: Office, bm: Person) -> None:
    assert await bm.check(f"{HOME}/identifiers", {"kind": "born", "text": "9 3 2024\n2024-03\nSomebody"}) == 422
    for words in ("Line 2: write a whole date", "Line 3: write a whole date", "Somebody"):
        assert words in bm.text
    assert await papers.identifiers(pages.register, CASE) == []


async def test_identifiers_are_counted_when_the_referral_is_gone(pages: Office, bm: Person) -> None:
    story = reviewed()
    other = "DEMO-2013-002"
    await pages.register.append(other, [story.log[0].model_copy(update={
        "opening": story.log[0].opening.model_copy(update={"reference": other})})])  # type: ignore[union-attr]  # fmt: skip
    assert await bm.get(f"/cases/{other}/records") == 200
    assert "The referral cannot be read" in bm.text


# ---- how long records are kept


def outbox(pages: Office) -> Path:
    folder = pages.data / "outbox" / CASE
    folder.mkdir(parents=True)
    (folder / "decide-1.eml").write_text("Dear Sir", encoding="utf-8")
    return folder


async def test_records_are_held_released_disposed_of_and_certified(pages: Office, bm: Person) -> None:
    folder = outbox(pages)
    await bm.get("/records/retention")
    assert CASE in bm.text
    assert "Letters (1): Wednesday 1 November 2023" in bm.text
    await enter(bm, f"{HOME}/hold", WHY)
    await bm.get("/records/retention")
    assert CASE not in bm.text, "what is held is not due"
    await bm.get("/records/retention?show=all")
    assert "Legal hold" in bm.text
    assert await bm.check(f"{HOME}/dispose", WHY) == 422
    assert "is under a legal hold since" in bm.text
    await enter(bm, f"{HOME}/release", WHY)
    told = await enter(bm, f"{HOME}/dispose", WHY)
    assert "Letters: 1 deleted for good, kept until Wednesday 1 November 2023" in told
    assert not folder.exists()
    assert "letters (1)" in bm.text
    number = (await journal.journal(pages.register, "demo")).disposals_of(CASE)[0].seq
    assert await bm.send(f"{HOME}/certificate/{number}", "", {}) == 200
    assert bm.page.content.startswith(b"%PDF")
    await bm.get(HOME)
    assert await bm.send(f"{HOME}/certificate/{number + 1}", "", {}) == 404
    await bm.get("/records/retention")
    assert CASE not in bm.text, "what is left is kept longer"


async def test_nothing_is_disposed_of_before_its_time_or_in_an_open_case(pages: Office) -> None:
    await keep(pages.register, reviewed(closed=str(today())))
    browser = await person(pages, "bm")
    assert await browser.check(f"{HOME}/dispose", WHY) == 422
    assert "may be disposed of before" in browser.text


async def test_a_certificate_waits_until_nothing_is_left_in_the_files(
    pages: Office, bm: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox(pages)

    async def never(register: Register) -> bool:
        return False

    monkeypatch.setattr(Register, "purge", never)
    assert await bm.check(f"{HOME}/dispose", WHY) == 200
    assert await bm.confirm(f"{HOME}/dispose") == 503
    assert "the certificate is given when nothing of them is left" in bm.text
    await bm.get(HOME)
    assert await bm.send(f"{HOME}/certificate/1", "", {}) == 503
    monkeypatch.undo()
    await bm.get(HOME)
    assert await bm.send(f"{HOME}/certificate/1", "", {}) == 200


# ---- who may


async def test_whoever_does_not_manage_a_case_does_not_find_its_records(pages: Office, bm: Person) -> None:
    board = ("/records", "/records/learning", "/records/retention", "/records/holiday")
    for name, hidden in (("chair", board), ("sg-lead", (HOME, f"{HOME}/publish", f"{HOME}/dispose", *board))):
        browser = await person(pages, name)
        for path in hidden:
            assert await browser.get(path) == 404, (name, path)
        await browser.get("/")
        assert 'href="/records"' not in browser.text


async def test_a_case_that_is_not_ones_own_is_not_named(pages: Office, bm: Person) -> None:
    await enter(bm, f"{HOME}/publish", CHILD_N)
    opening = wt2013_opening()
    reference = "DEMO-2013-009"
    holders = opening.holders | {"business-manager": ("mina",)}
    other = Story(opening.model_copy(update={"reference": reference, "holders": holders}))
    await pages.register.append(reference, other.log)
    held = Held(by="mina", on=today(), because="It is so.", reference=reference)
    await journal.append(pages.register, "demo", held, datetime.now(UTC))
    for path in ("/records", "/records/publications", "/records/retention?show=all"):
        await bm.get(path)
        assert reference not in bm.text
    assert await bm.get(f"/cases/{reference}/records") == 404
