"""Letters that need a person: in My work, on the letter's page, in `scr letters`; and what a person does about them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, refused
from engine import connected, dev_server, free_port, until
from filling import person
from mail_server import MailServer, mail_server
from reading_world import CASE, OWN, Reader, post, read_by, told
from sqlalchemy import delete
from test_mail_smtp import smtp

import starter
from library import Library
from models.events import LetterFailed, LetterOwed, LetterSent
from models.referral import Referral
from register import deliveries
from register.errors import DatabaseError
from register.queries import events
from register.sealed import Ring
from register.store import Register
from register.tables import DeliveryRow
from web.frame import Office
from worker import build_worker

AT = datetime(2026, 7, 24, 9, tzinfo=UTC)
HELD = "The mail server does not answer (SMTPConnectError)."


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[Reader]:
    story = told()
    post(story, tmp_path / "outbox")
    async with read_by(tmp_path, story) as opened:
        yield opened


async def letter_of(reader: Reader) -> str:
    known = await events(reader.register, CASE)
    return next(event.letter for event in known if isinstance(event, LetterSent))


async def note(reader: Reader, letter: str, *stages: tuple[deliveries.State, str | None]) -> None:
    said = [("smtp", state, detail) for state, detail in stages]
    await deliveries.note(reader.register, CASE, letter, *said, at=AT)


async def seen_to(reader: Reader, at: datetime = AT) -> list[str]:
    return [one.what for one in await deliveries.concerns(reader.register, at)]


async def test_a_letters_page_shows_its_journey_to_those_who_see_the_whole_case(reader: Reader) -> None:
    letter = await letter_of(reader)
    await note(reader, letter, ("written", None), ("waiting", HELD), ("handed over", None), ("delivered", None))
    page = (await reader.get(f"/cases/{CASE}/letters/{letter}")).text
    places = [page.index(words) for words in ("Its journey", ">Written", HELD, ">Handed over", ">Delivered")]
    assert places == sorted(places)
    assert "Delivered, Friday 24 July 2026" in (await reader.get(f"/cases/{CASE}/letters")).text
    assert "posted" not in page, "nothing is left to do"


async def test_how_our_mail_does_is_not_for_an_agency(reader: Reader) -> None:
    known = await events(reader.register, CASE)
    theirs = next(event.letter for event in known if isinstance(event, LetterSent) and event.recipient == OWN[0])
    await note(reader, theirs, ("written", None), ("waiting", HELD), ("bounced", None))
    for path in ("letters", f"letters/{theirs}"):
        page = await reader.get(f"/cases/{CASE}/{path}", OWN[0])
        assert page.status_code == 200
        assert not [words for words in (HELD, "Came back", "came back", "journey") if words in page.text]
    assert "Letters to see to" not in (await reader.get("/", OWN[0])).text
    assert (await reader.post(f"/cases/{CASE}/letters/{theirs}/posted", OWN[0])).status_code == 404
    assert await seen_to(reader) == ["bounced"]


@pytest.mark.parametrize(("state", "words"), [("bounced", "came back"), ("to post", "to be printed and posted")])
async def test_what_came_back_or_has_no_address_waits_for_a_person(
    reader: Reader, state: deliveries.State, words: str
) -> None:
    letter = await letter_of(reader)
    assert "Letters to see to" not in (await reader.get("/")).text
    await note(reader, letter, ("written", None), (state, None))
    assert await seen_to(reader) == [state]
    work = (await reader.get("/")).text
    assert words in work
    assert f"/cases/{CASE}/letters/{letter}" in work
    assert "Letters to see to" not in (await reader.get("/", "lead-reviewer")).text, "it is for who manages the case"
    path = f"/cases/{CASE}/letters/{letter}"
    assert words in (await reader.get(path)).text
    answer = await reader.post(f"{path}/posted", "bm")
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert "Entered by bm." in (await reader.get(path)).text
    assert "Letters to see to" not in (await reader.get("/")).text
    again = await reader.post(f"{path}/posted", "bm")
    assert (again.status_code, "Nothing was changed" in again.text) == (409, True)
    assert [stage.state for stage in (await deliveries.journeys(reader.register, CASE))[letter]][-1] == "posted"


async def test_a_letter_that_waits_is_shown_after_an_hour(tmp_path: Path) -> None:
    story = told()
    async with read_by(tmp_path, story) as reader:
        owed = [event for event in story.log if isinstance(event, LetterOwed)]
        first, other = owed[0], owed[1]
        await note(reader, first.letter.id, ("written", None), ("waiting", HELD))
        await note(reader, other.letter.id, ("written", None), ("handed over", None))
        hour = timedelta(hours=1)
        at = max(event.at for event in owed)
        assert not await deliveries.concerns(reader.register, first.at + hour - timedelta(seconds=1))
        late = await deliveries.concerns(reader.register, at + hour)
        assert {one.letter for one in late} == {event.letter.id for event in owed} - {other.letter.id}
        one = next(known for known in late if known.letter == first.letter.id)
        assert (one.what, one.since, one.because) == ("waiting", first.at, HELD)
        assert "waits to be sent" in (await reader.get("/")).text
        assert (
            "It is tried again and again by itself"
            in (await reader.get(f"/cases/{CASE}/letters/{first.letter.id}")).text
        )


async def test_what_a_person_has_to_see_to_is_asked_of_each_database(register: Register) -> None:
    story = told()
    await register.append(CASE, story.log)
    at = max(event.at for event in story.log) + timedelta(hours=2)
    waiting = [letter.id for letter in story.case.letters.values() if letter.state == "owed"]
    assert sorted(one.letter for one in await deliveries.concerns(register, at)) == sorted(waiting)
    of: dict[str, Any] = {"board": "demo", "managed": [("wt2013", "business-manager")]}
    assert len(await deliveries.concerns(register, at, **of, person="bm")) == len(waiting)
    assert await deliveries.concerns(register, at, **of, person="lead-reviewer") == []
    assert await deliveries.concerns(register, at, **{**of, "managed": []}, person="bm") == []
    assert await deliveries.concerns(register, at, **{**of, "board": "milton-keynes"}, person="bm") == []
    await deliveries.note(register, CASE, waiting[0], ("smtp", "written", None), at=at)
    with pytest.raises(DatabaseError, match="append-only"):
        await register.write(lambda db: db.execute(delete(DeliveryRow)))


def test_the_journey_and_what_waits_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async def begin() -> str:
        story = told()
        post(story, tmp_path / "outbox")
        async with read_by(tmp_path, story) as reader:
            letter = await letter_of(reader)
            await note(reader, letter, ("written", None), ("bounced", "It came back (5.1.1)."))
            return letter

    letter = asyncio.run(begin())
    desk = Desk(monkeypatch, capfd, tmp_path)
    known = {one["letter"]: one["journey"] for one in desk("letters", CASE, "--json").json}
    assert [stage["state"] for stage in known[letter]] == ["written", "bounced"]
    assert "Came back (smtp): It came back (5.1.1)." in desk("letters", CASE).out
    assert [one["letter"] for one in desk("letters", "--waiting", "--json").json] == [letter]
    assert "It came back (5.1.1)." in desk("letters", "--waiting").out
    refused(desk("letters"), "Name a case")
    refused(desk("letters", CASE, "--posted", letter), "Say with --by")
    refused(desk("letters", CASE, "--posted", letter, "--by", "sg-lead"), "'sg-lead' does not hold")
    refused(desk("letters", CASE, "--posted", "nothing", "--by", "bm"), "those are: " + letter)
    assert desk("letters", CASE, "--posted", letter, "--by", "bm").code == 0
    assert desk("letters", "--waiting").out == "No letter waits for a person.\n"


# ---- from the case to the mail server and back ----------------------------------------------------------------------


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[tuple[Office, MailServer]]:
    """Engine, worker, pages and a mail server that refuses the first letter for now and then one for good."""
    port = free_port()
    register = await Register.open(tmp_path / "register.db", Ring.of(tmp_path))
    with dev_server(tmp_path, port):
        async with register, mail_server() as smtpd:
            smtpd.rcpt = ["451 Later", "550 5.1.1 <somebody@nowhere.example>: unknown"]
            client = await connected(port, tmp_path)
            carrier = smtp(smtpd, security="none", user="", password="")
            outbox = tmp_path / "outbox"
            async with build_worker(client, register, Library(tmp_path), outbox, carrier=carrier):
                yield Office(register, Library(tmp_path), tmp_path, client=client), smtpd


async def test_a_letter_that_was_refused_is_sent_again_by_a_form(running: tuple[Office, MailServer]) -> None:
    office, smtpd = running
    engine = await office.engine()
    referrer = {"name": "R. Ferrer", "email": "referrer@health.demoshire.example"}
    given = {"board": "demo", "received": f"{datetime.now(UTC):%Y-%m-%d}", "agencies": ["health"], "why": "Invented."}
    referral = Referral.model_validate({**given, "child": {"name": "Invented Child"}, "referrer": referrer})
    reference = await starter.refer(engine, office.register, office.library, referral)

    async def settled() -> set[str] | None:
        known = await events(office.register, reference)
        case = (await starter.ask(engine, reference)).case
        states = {str(letter.state) for letter in case.letters.values()}
        return states if known and known[-1].seq == case.seq and states and "owed" not in states else None

    states = await until(settled, "the letters go or fail")
    assert states == {"failed", "sent"}
    failed = [e for e in await events(office.register, reference) if isinstance(e, LetterFailed)]
    assert [event.because for event in failed] == [
        "The mail server refuses the recipient's address for good (550 5.1.1)."
    ]
    letter, before = failed[0].letter, len(smtpd.got)
    manager = await person(office, "bm")
    assert await manager.get("/") == 200
    assert "could not be sent" in manager.text
    assert await manager.get(f"/cases/{reference}/letters/{letter}") == 200
    assert f"/cases/{reference}/change/resend?letter={letter.replace('[', '%5B').replace(']', '%5D')}" in manager.text
    path = f"/cases/{reference}/change/resend"
    today = datetime.now(UTC)
    on = {"made_on-day": f"{today.day}", "made_on-month": f"{today.month}", "made_on-year": f"{today.year}"}
    assert await manager.check(path, {**on, "letter": letter, "because": "The address is mended.", "by": "bm"}) == 200
    assert await manager.confirm(path) == 303, manager.text
    assert await until(settled, "the letter goes") == {"sent"}
    assert len(smtpd.got) == before + 1
    stages = [stage.state for stage in (await deliveries.journeys(office.register, reference))[letter]]
    assert [stage for stage in stages if stage != "waiting"] == ["written", "refused", "written", "handed over"]
    assert await manager.get("/") == 200
    assert "Letters to see to" not in manager.text
