"""What moves dates in many cases or all of one: a new holiday and another version of the procedure, by forms.

With the real engine and worker. All people and cases are invented.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from engine import connected
from filling import person

import starter
from commands.cases import today
from library import Library
from models.case import Case
from register.sealed import Ring
from register.store import Register
from web.frame import Office

pytestmark = pytest.mark.slow
HOLIDAY = "/records/holiday"


@pytest.fixture
async def pages(office: tuple[Path, int], case: str) -> AsyncIterator[Office]:
    """The pages on the office's register and engine."""
    folder, port = office
    async with await Register.open(folder / "register.db", Ring.load_or_make(folder / "register.key")) as register:
        yield Office(register, Library(folder), folder, client=await connected(port, folder))


async def living(pages: Office, case: str) -> Case:
    return (await starter.ask(await pages.engine(), case)).case


async def test_a_new_holiday_says_what_it_moves_before_it_moves_it(pages: Office, case: str) -> None:
    before = await living(pages, case)
    day = next(day for n in range(1, 9) if before.calendar.is_working_day(day := today() + timedelta(days=n)))
    typed = {"day-day": str(day.day), "day-month": str(day.month), "day-year": str(day.year), "name": "Day of mourning"}
    browser = await person(pages, "bm")
    assert await browser.check(HOLIDAY, typed) == 200, browser.text
    assert "of 1 open case." in browser.text
    assert f"{case}: " in browser.text
    assert await living(pages, case) == before, "nothing is sent yet"
    assert await browser.confirm(HOLIDAY) == 200
    assert "Open cases that counted their dates anew: 1." in browser.text
    after = await living(pages, case)
    assert not after.calendar.is_working_day(day)
    assert after.steps["recommend"].due > before.steps["recommend"].due  # type: ignore[operator]
    assert await browser.check(HOLIDAY, typed) == 200
    assert "Open cases that count by this calendar: 0." in browser.text, "the case has it"


async def test_what_is_no_working_day_anyhow_is_refused_with_what_was_typed(pages: Office) -> None:
    browser = await person(pages, "bm")
    typed = {"day-day": "25", "day-month": "12", "day-year": "2026", "name": "A second Christmas"}
    assert await browser.check(HOLIDAY, typed) == 422
    assert "A second Christmas" in browser.text
    assert "A second Christmas" not in [*(await pages.register.proclaimed("england-and-wales")).values()]


async def test_a_case_goes_on_under_another_version(pages: Office, office: tuple[Path, int], case: str) -> None:
    source = (Path(__file__).parents[1] / "procedures" / "wt2013.toml").read_text(encoding="utf-8")
    assert source.count('within = "10 working days"')
    own = office[0] / "procedures"
    own.mkdir(exist_ok=True)
    longer = source.replace('within = "10 working days"', 'within = "15 working days"')
    (own / "wt2013.toml").write_text(longer.replace('version = "', 'version = "later than ', 1), encoding="utf-8")
    before = await living(pages, case)
    browser = await person(pages, "bm")
    path = f"/cases/{case}/change/adopt"
    now = {"made_on-day": str(today().day), "made_on-month": str(today().month), "made_on-year": str(today().year)}
    typed = {"procedure": "wt2013", "because": "The guidance has changed.", "by": "bm", **now}
    assert await browser.check(path, typed) == 200, browser.text
    assert "Dates that move" in browser.text
    assert await browser.confirm(path) == 303, browser.text
    after = await living(pages, case)
    assert after.procedure != before.procedure
    assert after.steps["recommend"].due > before.steps["recommend"].due  # type: ignore[operator]
    await asyncio.to_thread((own / "wt2013.toml").unlink)
