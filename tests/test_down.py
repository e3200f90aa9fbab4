"""Down is not lost: mail that is down for a week, an engine that is down over a deadline.

A register that is down is in `test_workflow_keeping.py`, a worker that is down over a deadline in `test_engine.py`.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from case_world import ZONE, day
from engine import ROOT, Office, connected, dev_server, free_port, office_worker, skipping, until
from faults.hurried import Patience
from mail_server import mail_server
from temporalio.client import Client
from temporalio.common import RetryPolicy
from test_engine import EXPIRES, begun, quiet, recommend

import starter
from library import Library
from mail.smtp import Smtp
from models import messages
from models.case import Case
from models.events import Fired
from models.referral import Referral
from models.timescale import at_hour
from register import deliveries, queries
from register.sealed import Ring
from register.store import Register
from rehearsal import read_scenario
from worker import build_worker

pytestmark = pytest.mark.slow
SELDOM = Patience(RetryPolicy(maximum_interval=timedelta(hours=6)), timedelta(minutes=5))
"""Every ten minutes, as the product tries, would be a thousand tries in the week."""
SCENARIO = ROOT / "scenarios" / "2013-on-time.toml"


async def test_while_mail_is_down_for_a_week_letters_wait_a_person_is_told_and_timers_go_on(tmp_path: Path) -> None:
    scenario = read_scenario(SCENARIO.read_text(encoding="utf-8"), SCENARIO.name)
    referral = Referral.model_validate({"board": "demo", "procedure": "wt2013", **scenario.referral})
    port, library, ring = free_port(), Library(), Ring.load_or_make(tmp_path / "register.key")
    post = Smtp("127.0.0.1", port, "none", None)
    async with skipping() as env, await Register.open(tmp_path / "register.db", ring) as register:
        behind = await env.get_current_time() - at_hour(day("2013-07-08"), 12, ZONE)
        reference = await starter.refer(env.client, register, library, referral, behind)

        async def told() -> dict[str, str | None]:
            """The letters that a person is told of, with what is said."""
            now = await env.get_current_time() - behind
            concerns = await deliveries.concerns(register, now, reference=reference)
            return {one.letter: one.because for one in concerns if one.what == "waiting"}

        worker = build_worker(env.client, register, library, tmp_path / "outbox", carrier=post, interceptors=[SELDOM])
        async with worker:
            await env.sleep(timedelta(minutes=30))
            assert await told() == {}, "half an hour is nothing"
            await env.sleep(timedelta(days=7))
            case = (await starter.ask(env.client, reference)).case
            assert {letter.state for letter in case.letters.values()} == {"owed"}
            assert await rungs(register, reference) == [
                ("written-notification", "expired"),
                ("written-notification", "escalated"),
                ("recommend", "reminded"),
            ]
            assert len(case.letters) > 3, "what timers owe waits with the rest"
            assert (await told()).keys() == case.letters.keys()
            assert "The mail server does not answer (SMTPConnectError)." in (await told()).values()
            async with mail_server(port=port) as smtpd:
                await env.sleep(timedelta(hours=7))
                case = await at_rest(env.client, reference)
                assert {letter.state for letter in case.letters.values()} == {"sent"}
                assert len(smtpd.got) == len({content for *_, content in smtpd.got}) == with_address(case)
            assert await told() == {}


def with_address(case: Case) -> int:
    """How many letters of a case go by e-mail; in the story the family alone has none."""
    return sum(letter.recipient != "family" for letter in case.letters.values())


async def rungs(register: Register, reference: str) -> list[tuple[str | None, str]]:
    """What fired in a case, in order, as the register has it."""
    events = await queries.events(register, reference)
    return [(event.step, event.kind) for event in events if isinstance(event, Fired)]


async def at_rest(client: Client, reference: str) -> Case:
    await until(lambda: quiet(client, reference), "the case is quiet")
    return (await starter.ask(client, reference)).case


async def test_with_the_engine_down_over_a_deadline_the_rungs_fire_once_when_it_is_back(tmp_path: Path) -> None:
    port, office, references = free_port(), Office(), ["A-2013-001", "A-2013-002"]
    with dev_server(tmp_path, port):
        client = await connected(port)
        async with office_worker(client, office):
            for reference in references:
                await begun(client, reference, EXPIRES - timedelta(seconds=5))
                await at_rest(client, reference)
        down = datetime.now(UTC)
    behind = down - EXPIRES

    async def passed() -> bool:
        return datetime.now(UTC) > down + timedelta(seconds=6)

    await until(passed, "the deadline passes")  # the engine was killed
    before = {reference: len(office.books[reference]) for reference in references}
    assert behind < timedelta.max
    with dev_server(tmp_path, port):
        client = await connected(port)
        async with office_worker(client, office):

            async def expired() -> bool:
                new = [e for of in references for e in office.books[of][before[of] :] if isinstance(e, Fired)]
                return len(new) >= len(references)

            await until(expired, "the deadline fires")
            handle = client.get_workflow_handle(references[0])
            await handle.execute_update(messages.DECIDE, recommend("2013-07-22").model_dump(mode="json"))
            on_paper, late = [await at_rest(client, reference) for reference in references]
    for reference in references:
        new = [event for event in office.books[reference][before[reference] :] if isinstance(event, Fired)]
        assert [(event.step, event.kind) for event in new] == [("recommend", "expired")]
        assert new[0].at > EXPIRES
    assert on_paper.steps["recommend"].late_by == 0, "decided in time on paper counts as in time"
    assert late.steps["recommend"].state == "open"
