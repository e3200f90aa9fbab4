"""One memory is lost and the other makes it again: the same events and deadlines, however often it is broken off."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from case_world import noon
from desk import REFERRAL
from engine import RING, Office, connected, dev_server, free_port, office_worker, until
from sqlalchemy import select
from temporalio.client import Client

import recovery
import starter
from library import Library
from models import events as ev
from models import messages
from models.decisions import Close, Decide
from models.referral import Referral, read_referral
from models.refusal import Refusal
from register import queries
from register.audit import verify
from register.store import Register
from register.tables import CaseRow, EventRow, LetterRow, MemberRow, StepRow
from worker import build_worker

pytestmark = pytest.mark.slow
SAID: dict[str, Any] = {"because": "It is so."}


class Broken(Exception):
    """Somebody broke it off."""


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    port = free_port()
    with dev_server(tmp_path, port):
        yield await connected(port)


def referral(number: int) -> Referral:
    """The example's referral, of another invented child."""
    return read_referral(REFERRAL.replace("Example", f"Example-{number}"), "referral.toml")


async def live(client: Client, register: Register, outbox: Path) -> list[str]:
    """Three cases: one just referred, one decided upon, one closed."""
    async with build_worker(client, register, Library(), outbox):
        references = [await starter.refer(client, register, Library(), referral(number)) for number in range(3)]
        said = {**SAID, "made_on": date.today()}
        decide = Decide(id="decision-1", by="sg-lead", step="recommend", outcome="scr", **said)
        await starter.decide(client, register, references[1], decide)
        close = Close(id="decision-2", by="bm", how="withdrawn", **said)
        await starter.decide(client, register, references[2], close)
        await client.get_workflow_handle(references[2]).result()
        for reference in references[:2]:
            await until(lambda of=reference: quiet(client, of), "the case is quiet")  # type: ignore[misc]
    return references


async def quiet(client: Client, reference: str) -> bool:
    carried = await starter.ask(client, reference)
    return not carried.unrecorded and not any(x.state == "owed" for x in carried.case.letters.values())


async def kept(register: Register, references: list[str]) -> dict[str, list[Any]]:
    """Every row that a register has of some cases, but when it was written."""
    tables = (CaseRow, EventRow, StepRow, LetterRow, MemberRow)
    found = {}
    for table in tables:
        own = {"confirmed", "written_at"}
        columns = [column for column in table.__table__.columns if column.name not in own]
        query = select(*columns).where(table.reference.in_(references)).order_by(*table.__table__.primary_key)
        found[table.__tablename__] = await register.read(lambda db, q=query: [tuple(r) for r in db.execute(q)])  # type: ignore[misc]
    return found


async def test_a_lost_register_is_written_again_from_the_living_workflows(client: Client, tmp_path: Path) -> None:
    async with await Register.open(tmp_path / "lost.db", RING) as lost:
        first, second, closed = await live(client, lost, tmp_path / "outbox")
        before = await kept(lost, [first, second])
    told: list[str] = []

    def progress(reference: str, _: int | Refusal) -> None:
        told.append(reference)
        if len(told) == 1:
            raise Broken

    async with (
        await Register.open(tmp_path / "new.db", RING) as register,
        office_worker(client, Office()),  # a worker answers; the new register is written by the command alone
    ):
        with pytest.raises(Broken):
            await recovery.rebuild(client, register, progress)
        assert await queries.has_case(register, first)
        assert not await queries.has_case(register, second)
        written = await recovery.rebuild(client, register, progress)
        assert set(written) == set(told[1:]) == {first, second}
        assert await kept(register, [first, second]) == before
        assert await verify(register) == []
        assert not await queries.has_case(register, closed)


async def test_a_case_whose_register_says_otherwise_keeps_no_other_from_being_written(
    client: Client, tmp_path: Path
) -> None:
    async with await Register.open(tmp_path / "lost.db", RING) as lost:
        first, second, _ = await live(client, lost, tmp_path / "outbox")
        events = await queries.events(lost, first)
    async with await Register.open(tmp_path / "new.db", RING) as register, office_worker(client, Office()):
        other = events[0].model_copy(update={"at": events[0].at - timedelta(days=1)})
        await register.append(first, [other])
        written = await recovery.rebuild(client, register)
        assert isinstance(written[first], Refusal)
        assert isinstance(written[second], int)


async def test_a_lost_engine_starts_every_open_case_again_with_the_same_deadlines(tmp_path: Path) -> None:
    ports = [free_port(), free_port()]
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    async with await Register.open(tmp_path / "register.db", RING) as register:
        with dev_server(folders[0], ports[0]):
            client = await connected(ports[0])
            first, second, closed = await live(client, register, tmp_path / "outbox")
            async with office_worker(client, Office()):
                before = [await starter.ask(client, of, messages.EVENTS) for of in (first, second)]
        letters = sorted((tmp_path / "outbox").rglob("*.eml"))

        def progress(_reference: str, started: bool) -> None:
            if started:
                raise Broken

        with dev_server(folders[1], ports[1]):
            client = await connected(ports[1])
            with pytest.raises(Broken):
                await recovery.restore(client, register, progress)
            assert await recovery.restore(client, register) == [second]
            async with build_worker(client, register, Library(), tmp_path / "outbox"):
                after = [await starter.ask(client, of, messages.EVENTS) for of in (first, second)]
                assert [carried.case.steps for carried in after] == [carried.case.steps for carried in before]
                assert [carried.events for carried in after] == [carried.events for carried in before]
                with pytest.raises(Refusal):
                    await starter.ask(client, closed)
                decide = Decide(
                    id="decision-9", by="chair", step="decide", outcome="initiate", made_on=date.today(), **SAID
                )
                assert (await starter.decide(client, register, second, decide)).follows
                await until(lambda: quiet(client, second), "the case is quiet")
            assert set(letters) < set((tmp_path / "outbox").rglob("*.eml")), "no letter went twice, new ones did"
            assert await verify(register) == []


async def test_what_a_lost_task_left_in_the_register_of_a_quiet_case_is_taken_away(
    client: Client, tmp_path: Path
) -> None:
    async with await Register.open(tmp_path / "register.db", RING) as register:
        first, second, _ = await live(client, register, tmp_path / "outbox")
        before = await queries.events(register, first)
        number = len(before) + 1
        phantom = ev.Met(seq=number, at=noon("2026-01-01"), on=date(2026, 1, 1), step="recommend")
        await register.append(first, [phantom], confirmed=number - 1)
        later = datetime.now(UTC) + timedelta(minutes=1)
        async with office_worker(client, Office()):
            settled = await recovery.confirm(client, register, later)
        assert first in settled
        assert await queries.events(register, first) == before
        assert await register.unsettled(later) == []
        assert second
