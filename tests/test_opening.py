"""Whoever opens a case writes its first events; the workflow writes them where nobody has."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from case_world import noon, wt2013_opening
from desk import REFERRAL
from engine import RING, connected, dev_server, fired, free_port, playing, until
from temporalio.api.enums.v1 import EventType

import recording
import recovery
import starter
from library import Library
from models.referral import read_referral
from models.turn import opened
from register import queries
from register.store import Register
from worker import build_worker

AT = noon("2013-07-08") - timedelta(seconds=3)
LATER = timedelta(days=36500)


async def test_a_case_that_somebody_opens_begins_without_a_write_and_with_all_its_search_attributes() -> None:
    async with playing(opened_at=AT) as play, play.worker():
        await play.case()
        first = opened(wt2013_opening(), AT)
        assert (await starter.ask(play.client, play.reference, "events")).events[: len(first)] == tuple(first)
        types = [EventType.Name(event.event_type) for event in (await play.history()).events]
        begun = types[types.index("EVENT_TYPE_WORKFLOW_TASK_COMPLETED") + 1 :][:2]
        assert begun == ["EVENT_TYPE_TIMER_STARTED", "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED"]  # the first rung, letters


async def test_where_nobody_wrote_the_first_events_the_workflow_does_before_its_own() -> None:
    async with playing(opened_at=AT) as play, play.worker():
        await play.go_to("2013-07-12")
        case = await play.settle()
        assert fired(play)
        assert [event.seq for event in play.office.events] == list(range(1, case.seq + 1))
        assert play.office.events[: len(opened(wt2013_opening(), AT))] == opened(wt2013_opening(), AT)


async def test_a_first_decision_stands_behind_an_opening_that_is_made_again() -> None:
    async with playing(opened_at=AT) as play, play.worker():
        await play.decide("recommend", "scr")
        case = await play.settle()
        assert [event.seq for event in play.office.events] == list(range(1, case.seq + 1))


async def test_a_case_renewed_before_anything_was_written_still_knows_its_first_events() -> None:
    async with playing(opened_at=AT, renew_after=8) as play, play.worker():
        await play.give(await play.decision("recommend", "scr"))
        case = await play.settle()
        kept = (await starter.ask(play.client, play.reference, "events")).events
        assert [event.seq for event in kept] == list(range(1, case.seq + 1))
        assert kept[: len(opened(wt2013_opening(), AT))] == tuple(opened(wt2013_opening(), AT))


@pytest.mark.slow
async def test_the_worker_looks_after_whoever_died_after_opening_and_forgets_what_never_began(tmp_path: Path) -> None:
    referral, library, port = read_referral(REFERRAL, "referral.toml"), Library(), free_port()
    async with await Register.open(tmp_path / "register.db", RING) as register:
        with dev_server(tmp_path, port):
            client = await connected(port)
            async with build_worker(client, register, library, tmp_path / "outbox"):
                with patch.object(recording, "write", side_effect=InterruptedError), pytest.raises(InterruptedError):
                    await starter.refer(client, register, library, referral)
                [reference] = await register.unsettled(datetime.now(UTC) + LATER)
                await register.begin("DEMO-2026-999", "DEMO-2026-999/opened")  # the engine never heard of it

                async def settled() -> bool:  # what is written meanwhile, letters that went, is looked at again
                    await recovery.confirm(client, register, datetime.now(UTC) + LATER)
                    has = (await starter.ask(client, reference, "events")).events
                    written = tuple(await queries.events(register, reference)) == has
                    return written and await register.unsettled(datetime.now(UTC) + LATER) == []

                await until(settled, "the register has what the engine has, and no note is left")
