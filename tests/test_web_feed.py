"""The calendar feed: due dates for a calendar program, with nothing personal in them. All people are invented."""

import re
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar
from register_stories import stored
from test_web_exports import ongoing
from visitor import Browser, kept, office_at, signed_in

from models.decisions import Recuse
from register import accounts
from register.store import Register
from web.app import build
from web.frame import Office


@pytest.fixture
def pages(register: Register, tmp_path: Path) -> Office:
    return office_at(register, tmp_path)


async def address(browser: Browser) -> str:
    """Make an address for the feed; its path."""
    await browser.get("/feed")
    said = await browser.post("/feed")
    [path] = re.findall(r"http://pages\.example(/feed/[\w-]+\.ics)", said.text)
    assert path not in (await browser.get("/feed")).text, "it is shown once"
    return str(path)


async def entries(office: Office, path: str) -> dict[str, Any]:
    """What a calendar program that is not signed in finds at an address, by summary."""
    said = await Browser(build(office)).get(path)
    assert (said.status_code, said.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    assert "set-cookie" not in said.headers
    found = Calendar.from_ical(said.text)
    return {str(event["summary"]): event for event in found.walk("VEVENT")}


async def test_the_feed_holds_what_waits_for_its_owner(pages: Office) -> None:
    story = ongoing()
    await kept(pages.register, story)
    await kept(pages.register, ongoing("DEMO-2013-003", chair=("somebody-else",)))
    path = await address(await signed_in(pages, "chair"))
    found = await entries(pages, path)
    [decide] = [event for summary, event in found.items() if "Decide whether to initiate" in summary]
    assert decide["summary"] == "DEMO-2013-002: Decide whether to initiate a Serious Case Review"
    assert decide.decoded("dtstart") == story.case.steps["decide"].due == date(2013, 8, 8)
    assert not isinstance(decide.decoded("dtstart"), datetime), "a whole day"
    assert "Due on Thursday 8 August 2013." in decide["description"]
    assert "Row 002-4 of the guidance." in decide["description"]
    assert not [summary for summary in found if "DEMO-2013-003" in summary]


async def test_the_last_working_day_is_said_where_it_is_another(pages: Office) -> None:
    story = ongoing()
    story.extend("decide", "2013-07-31", to=date(2013, 9, 1), by="chair")  # a Sunday
    record = story.case.steps["decide"]
    assert (record.due, record.act_by) == (date(2013, 9, 1), date(2013, 8, 30))
    await kept(pages.register, story)
    found = await entries(pages, await address(await signed_in(pages, "chair")))
    description = next(str(event["description"]) for summary, event in found.items() if "Decide whether" in summary)
    assert "Due on Sunday 1 September 2013. Act by Friday 30 August 2013, the last working day for it." in description


async def test_an_entry_stays_the_same_when_its_date_moves_and_goes_when_it_is_done(pages: Office) -> None:
    story = ongoing()
    await kept(pages.register, story)
    path = await address(await signed_in(pages, "chair"))
    [before] = [event for summary, event in (await entries(pages, path)).items() if "Decide whether" in summary]
    story.extend("decide", "2013-08-01", to=date(2013, 9, 2), by="chair")
    await kept(pages.register, story)
    [after] = [event for summary, event in (await entries(pages, path)).items() if "Decide whether" in summary]
    assert (before["uid"], after.decoded("dtstart")) == (after["uid"], date(2013, 9, 2))
    story.decide("decide", "initiate", "2013-08-05")
    await kept(pages.register, story)
    assert not [summary for summary in await entries(pages, path) if "Decide whether to initiate" in summary]


async def test_an_address_leads_nowhere_when_another_is_made_it_is_revoked_or_the_account_closed(pages: Office) -> None:
    browser, stranger = await signed_in(pages, "chair"), Browser(build(pages))
    first = await address(browser)
    second = await address(browser)
    assert (await stranger.get(first)).status_code == 404
    assert (await stranger.get(second)).status_code == 200
    await browser.get("/feed")
    await browser.post("/feed/revoke")
    assert (await stranger.get(second)).status_code == 404
    third = await address(browser)
    await accounts.close_account(pages.register, "chair", datetime.now(UTC))
    assert (await stranger.get(third)).status_code == 404
    await accounts.invite(pages.register, "chair", "demo", "chair", datetime.now(UTC))
    assert (await stranger.get(third)).status_code == 404, "it does not come back with the account"
    for path in ("/feed/guessed.ics", "/feed/.ics", "/feed/%2e%2e.ics"):
        assert (await stranger.get(path)).status_code == 404


async def test_a_conflict_of_interest_empties_the_feed(pages: Office) -> None:
    story = ongoing()
    await kept(pages.register, story)
    path = await address(await signed_in(pages, "chair"))
    assert await entries(pages, path)
    recuse = Recuse(id="recuse-1", by="chair", made_on=date(2013, 8, 1), because="A friend.", person="chair")
    story.take(recuse, "2013-08-01")
    await kept(pages.register, story)
    assert await entries(pages, path) == {}


async def test_the_address_is_kept_as_a_hash(pages: Office, where: Path | str) -> None:
    path = await address(await signed_in(pages, "chair"))
    token = path.removeprefix("/feed/").removesuffix(".ics").encode()
    assert token not in stored(where)
    assert sha256(token).hexdigest().encode() in stored(where)
