"""The workflow on the real dev server: visibility, restarts of worker and engine, the worker as a process."""

import asyncio
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from case_world import noon, wt2013_opening
from engine import ROOT, SEALING, Office, connected, counted, dev_server, environment, free_port, office_worker, until
from postgres import Place
from stories import closing
from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError

import starter
from library import Library
from models import messages
from models.decisions import Assign, Decide, Reconsider
from models.events import Fired
from models.messages import CaseInput
from models.referral import Referral
from models.timescale import end_of_day
from register.store import Register
from rehearsal import read_scenario
from web.engine import needing_somebody
from worker import build_worker, missing_attributes

pytestmark = pytest.mark.slow
EXPIRES = end_of_day(noon("2013-07-22").date(), "Europe/London")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    number = free_port()
    with dev_server(tmp_path_factory.mktemp("engine"), number):
        yield number


@pytest.fixture(scope="module")
def place() -> Place:
    """Registers on SQLite alone: the engine's references would be taken the second time."""
    return lambda folder: nullcontext(folder / "register.db")


@pytest.fixture
async def client(port: int) -> Client:
    return await connected(port)


async def begun(client: Client, reference: str, at: datetime, **start: int) -> CaseInput:
    """A case whose own time is `at` now."""
    opening = wt2013_opening().model_copy(update={"reference": reference})
    case = CaseInput(opening=opening, behind=datetime.now(UTC) - at, **start)
    await starter.start(client, case)
    return case


async def quiet(client: Client, reference: str) -> bool:
    carried = await starter.ask(client, reference)
    return not carried.unrecorded and not any(x.state == "owed" for x in carried.case.letters.values())


def recommend(made_on: str, number: int = 1) -> Decide:
    return Decide(
        id=f"recommend-{number}",
        by="sub-group",
        made_on=noon(made_on).date(),
        because="It is so.",
        step="recommend",
        outcome="scr",
    )


async def test_late_or_on_time_is_decided_by_dates_with_the_worker_down_across_the_deadline(client: Client) -> None:
    office, references = Office(), [f"A-2013-{number:03}" for number in (1, 2, 3)]

    async def all_quiet() -> bool:
        return all([await quiet(client, reference) for reference in references])

    async def passed() -> bool:
        histories = [await client.get_workflow_handle(reference).fetch_history() for reference in references]
        return all(counted(history)["TIMER_FIRED"] for history in histories)

    async with office_worker(client, office):
        for reference in references:
            await begun(client, reference, EXPIRES - timedelta(seconds=3))
        await until(all_quiet, "the cases are quiet")
    await until(passed, "the deadlines pass")  # nobody works
    for reference, made_on in zip(references, ("2013-07-22", "2013-07-23"), strict=False):
        handle = client.get_workflow_handle(reference)
        await handle.signal(messages.DECIDE, recommend(made_on).model_dump(mode="json"))
    found = []
    async with office_worker(client, office):
        await until(all_quiet, "the cases are quiet")
        for reference in references:
            case = (await starter.ask(client, reference)).case
            rungs = [e.kind for e in office.books[reference] if isinstance(e, Fired) and e.step == "recommend"]
            found.append((case.steps["recommend"].late_by, "expired" in rungs))
    assert found == [(0, False), (1, False), (None, True)]


async def test_the_engine_started_again_on_its_file_keeps_the_deadlines(tmp_path: Path) -> None:
    port, office = free_port(), Office()
    with dev_server(tmp_path, port):
        client = await connected(port)
        await begun(client, "B-2013-001", EXPIRES - timedelta(seconds=6))
        async with office_worker(client, office):
            await until(lambda: quiet(client, "B-2013-001"), "the case is quiet")
    with dev_server(tmp_path, port):  # the first one was killed
        client = await connected(port)
        async with office_worker(client, office):

            async def expired() -> Fired | None:
                rungs = [e for e in office.events if isinstance(e, Fired) and e.step == "recommend"]
                return next((rung for rung in rungs if rung.kind == "expired"), None)

            event = await until(expired, "the deadline fires")
    assert timedelta() <= event.at - EXPIRES < timedelta(seconds=10)


async def test_decisions_survive_renewal_however_fast_they_come(client: Client) -> None:
    office = Office()
    await begun(client, "C-2013-001", noon("2013-07-08"), renew_after=12)
    async with office_worker(client, office):
        given = [
            Assign(
                id=f"assign-{n:04}",
                by="chair",
                made_on=noon("2013-07-08").date(),
                because="It is so.",
                person=f"person-{n}",
                role="panel",
            )
            for n in range(40)
        ]
        handle = client.get_workflow_handle("C-2013-001")
        plain = [decision.model_dump(mode="json") for decision in given]
        answers = await asyncio.gather(
            *(handle.execute_update(messages.DECIDE, decision, id=decision["id"]) for decision in plain),
            return_exceptions=True,
        )
        assert [answer for answer in answers if isinstance(answer, BaseException)] == []
        await until(lambda: quiet(client, "C-2013-001"), "the case is quiet")
        taken = [e.kind for e in office.books["C-2013-001"]].count("assigned")
        assert taken == len(given)
        first = (await client.get_workflow_handle("C-2013-001").describe()).raw_description
        assert first.workflow_execution_info.first_run_id != first.workflow_execution_info.execution.run_id


async def test_cases_are_found_and_shown_in_the_engines_own_ui(client: Client) -> None:
    office = Office()
    await begun(client, "D-2013-001", EXPIRES + timedelta(hours=1))
    handle = client.get_workflow_handle("D-2013-001")
    async with office_worker(client, office):
        await until(lambda: quiet(client, "D-2013-001"), "the case is quiet")

        async def found(query: str) -> bool:
            listed = client.list_workflows(f"{query} AND WorkflowId = 'D-2013-001'")
            return [found.id async for found in listed] == ["D-2013-001"]

        for query in (
            "ScrStage = 'Consideration'",
            "ScrWaitingFor = 'LSCB SCR sub-group'",
            "ScrBoard = 'demo' AND ScrProcedure = 'wt2013'",
            "ScrNextDue <= '2014-01-01T00:00:00Z'",
            "ScrLettersFailed = 0",
            dict(needing_somebody(datetime.now(UTC)))["Overdue"],
        ):
            await until(lambda q=query: found(q), query)  # type: ignore[misc]
        description = await handle.describe()
        assert await description.static_summary() == "Serious Case Review (Working Together 2013)"
        assert "D-2013-001" in (await description.static_details() or "")
        details = await handle.query("__temporal_workflow_metadata")
        shown = details["currentDetails"] if isinstance(details, dict) else details.current_details
        assert "Waits for" in shown
        assert "LSCB SCR sub-group: Consider the case against the criteria" in shown
        assert "Monday 22 July 2013" in shown
        assert "1 day overdue" in shown
        history = await handle.fetch_history()
        updates = [e.upsert_workflow_search_attributes_event_attributes.search_attributes for e in history.events]
        changed = [sorted(update.indexed_fields) for update in updates if update.indexed_fields]
        at_first = ["ScrLettersFailed", "ScrNextDue", "ScrStage", "ScrWaitingFor"]
        assert changed == [at_first, ["ScrWaitingFor"]], "that a deadline has passed is not written to the index"
        told = [event.user_metadata for event in history.events if event.user_metadata.HasField("summary")]
        summaries = await SEALING.decode([metadata.summary for metadata in told])
        assert not [told for told in summaries if told.encode() in history_bytes(history)]
        assert any("Letters: " in summary for summary in summaries)
        assert any("overdue" in summary for summary in summaries)


SECRETS = ("Tamsin", "Vale-Example", "2012-11-02", "2 November 2012", "Nowhere Lane", "Perpetua", "Quill", "referrer@")


async def test_nothing_personal_reaches_the_engine_or_the_logs(
    client: Client, register: Register, tmp_path: Path, library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.INFO, "httpcore")
    path = ROOT / "scenarios" / "2013-on-time.toml"
    scenario = read_scenario(path.read_text(encoding="utf-8"), path.name)
    referral = Referral.model_validate({"board": "demo", "procedure": "wt2013", **scenario.referral})
    behind = datetime.now(UTC) - noon("2013-07-08")
    async with build_worker(client, register, library, tmp_path / "outbox"):
        reference = await starter.refer(client, register, library, referral, behind)
        await until(lambda: quiet(client, reference), "the case is quiet")
        said = {"made_on": noon("2013-07-08").date(), "because": "It is so."}
        for number, (step, outcome, by) in enumerate(
            [("recommend", "scr", "sg-lead"), ("decide", "initiate", "chair")]
        ):  # the letters to the Chief Executives name the child
            decision = Decide(id=f"decision-{number}", by=by, step=step, outcome=outcome, **said)
            await starter.decide(client, register, reference, decision, behind)
            await until(lambda: quiet(client, reference), "the case is quiet")
        close = closing("2013-07-08", "withdrawn")
        await starter.decide(client, register, reference, close, behind)
        handle = client.get_workflow_handle(reference)
        await handle.result()
    letters = [message_from_bytes(p.read_bytes()) for p in (tmp_path / "outbox" / reference).iterdir()]
    written = "".join(str(part.get_payload(decode=True)) for m in letters for part in m.walk())
    assert "Tamsin" in written, "the letters do hold what must not be elsewhere"
    raw = await raw_history(client, reference)
    info = (await handle.describe()).raw_description
    assert not [secret for secret in SECRETS if secret.encode() in raw + info.SerializeToString()]
    assert not [secret for secret in SECRETS if secret in caplog.text]
    reconsider = Reconsider(id="reconsider-1", by="chair", step="decide", **said)
    async with build_worker(client, register, library, tmp_path / "outbox"):
        answer = await starter.decide(client, register, reference, reconsider, behind)
        assert answer.last > answer.first
        case = (await starter.ask(client, reference)).case
        assert case.facts.closed is None
        assert case.steps["decide"].state == "open"
        assert case.fired == ()  # its clock is where it was


async def raw_history(client: Client, reference: str) -> bytes:
    """Every byte of the payloads of a history."""
    return history_bytes(await client.get_workflow_handle(reference).fetch_history())


def history_bytes(history: WorkflowHistory) -> bytes:
    return b"".join(event.SerializeToString() for event in history.events)


async def test_a_worker_without_its_search_attributes_refuses_to_start(tmp_path: Path) -> None:
    port = free_port()
    with dev_server(tmp_path, port, attributes=["ScrBoard=Keyword"]):
        client = await connected(port)
        missing = await missing_attributes(client)
        assert "ScrBoard" not in missing
        assert "ScrStage" in missing
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "worker", cwd=ROOT, env=environment(port, tmp_path), stderr=subprocess.PIPE
        )
        _, stderr = await process.communicate()
        assert process.returncode not in (0, None)
        assert "does not know the search attributes" in stderr.decode()
        assert "Traceback" not in stderr.decode()


async def test_a_worker_told_to_stop_drains_and_another_goes_on(port: int, tmp_path: Path) -> None:
    client = await connected(port, tmp_path)
    await begun(client, "E-2013-001", noon("2013-07-08"))

    async def start() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "worker", cwd=ROOT, env=environment(port, tmp_path), stderr=subprocess.PIPE
        )

    async def answers() -> bool:
        try:
            return (await starter.ask(client, "E-2013-001")).unrecorded == ()
        except (starter.Unreachable, RPCError):
            return False

    for number in (1, 2):  # the second one resumes in mid-wait
        process = await start()
        assert process.stderr is not None
        async with asyncio.timeout(20):
            while b"is ready" not in await process.stderr.readline():
                pass
        await until(answers, "the worker answers")
        before = (await starter.ask(client, "E-2013-001")).case.seq
        decision = recommend("2013-07-08", number)
        if number == 2:
            decision = Decide(**decision.model_dump() | {"by": "chair", "step": "decide", "outcome": "initiate"})
        await client.get_workflow_handle("E-2013-001").execute_update(messages.DECIDE, decision.model_dump(mode="json"))
        assert (await starter.ask(client, "E-2013-001")).case.seq > before
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            _, stderr = await process.communicate()
        assert process.returncode == 0, stderr.decode()
        assert "finishes what it has begun" in stderr.decode()
