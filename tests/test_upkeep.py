"""What a worker does beside its work: done again and again, tried again when it fails, told without anybody's words."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from desk import Desk
from engine import connected, until
from sqlalchemy import update

import upkeep
from logs import Plain
from models.events import Met
from models.refusal import Refusal
from register import queries
from register.sealed import Ring
from register.store import Register
from register.tables import CaseRow
from upkeep import Job, keeping
from worker import confirming

AT_ONCE = timedelta(0)


class Work:
    """Work that fails as it is told, each time in its own way, and then no more."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.done = 0

    async def __call__(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.done += 1

    async def was_done(self) -> bool:
        return self.done > 1


async def test_it_is_done_again_and_again_whatever_became_of_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.setFormatter(Plain())
    work, other = Work(ValueError("Alex Example"), Refusal("Name a folder.")), Work()
    failed = upkeep.FAILURES.labels("Reading")
    before = failed._value.get()
    async with keeping(Job("Reading", AT_ONCE, work), Job("Writing", timedelta(days=1), other)):
        await until(work.was_done, "it is done again")
    assert failed._value.get() - before == 2
    assert "Reading failed and is tried again in 0:00:00." in caplog.text
    assert "builtins.ValueError" in caplog.text
    assert "Reading: Name a folder." in caplog.text
    assert "Alex Example" not in caplog.text
    assert other.done == 1, "at once, and then when its time has come"


async def test_at_the_end_nothing_goes_on() -> None:
    broken_off = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            broken_off.set()

    begun = asyncio.all_tasks()
    work = Work()
    async with keeping(Job("Endless", AT_ONCE, endless), Job("Quick", AT_ONCE, work)):
        await until(work.was_done, "both have begun")
    assert broken_off.is_set()
    assert asyncio.all_tasks() == begun


@pytest.mark.slow
class TestTheWorker:
    """What the worker looks after."""

    @pytest.fixture
    async def register(self, desk: Desk) -> AsyncIterator[Register]:
        async with await Register.open(desk.data / "register.db", Ring.of(desk.data)) as opened:
            yield opened

    async def test_it_settles_a_case_whose_last_events_the_engine_has_not(
        self, office: tuple[Path, int], case: str, register: Register
    ) -> None:
        kept = await queries.events(register, case)
        lost = Met(seq=len(kept) + 1, at=kept[-1].at, on=kept[-1].at.date(), step="recommend")
        await register.append(case, [lost], confirmed=len(kept))
        old = update(CaseRow).where(CaseRow.reference == case).values(written_at=datetime.now(UTC) - timedelta(hours=1))
        await register.write(lambda db: db.execute(old))
        await confirming(await connected(office[1], office[0]), register).work()
        assert await queries.events(register, case) == kept
        assert await register.unsettled(datetime.now(UTC)) == []
