"""Engines for tests: a time-skipping server per case, real dev servers, and a register and post that can be down.

No test sleeps: on the time-skipping server the clock is moved by hand, on a real one `until` polls with a deadline.
"""

import asyncio
import os
import socket
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from case_world import ZONE, day, wt2013_opening
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

import starter
from models import messages
from models.case import Case
from models.decisions import Decide, Decision, File
from models.events import Event, Fired, Opening
from models.letters import LetterReport
from models.messages import Answer, Carried, CaseInput, EventBatch, Mail
from models.timescale import at_hour
from payloads import converter
from register.sealed import Ring
from rehearsal import add_search_attributes
from sandbox import runner
from worker import attribute_types
from workflows.serious_case_review import SeriousCaseReview

BESIDE = Path(sys.executable).parent
SHA256 = "5" * 64
RING = Ring(None, {"testkey1": bytes(range(32))}, "testkey1")
"""The key of cases that no other process of ours must read."""
SEALING = converter(RING)
ROOT = Path(__file__).resolve().parents[1]
_T = TypeVar("_T")


class Office:
    """A register and a post that keep what arrives, and can be down."""

    def __init__(self) -> None:
        self.register_up = True
        self.post_up = True
        self.books: defaultdict[str, list[Event]] = defaultdict(list)
        self.confirmed: defaultdict[str, int] = defaultdict(int)
        self.batches: list[tuple[int, int]] = []
        self.mails: list[tuple[str, ...]] = []
        self.tries = 0

    @property
    def events(self) -> list[Event]:
        """The events of the one case there is."""
        assert len(self.books) <= 1, "say of which case"
        return next(iter(self.books.values()), [])

    @property
    def sent(self) -> list[str]:
        """The ids of the letters in the order in which they went, repetitions included."""
        return [letter for mail in self.mails for letter in mail]

    @activity.defn(name=messages.RECORD_EVENTS)
    async def record(self, batch: EventBatch) -> int:
        self.tries += 1
        if not self.register_up:
            raise ConnectionError("The register is down.")
        book = self.books[batch.reference]
        for event in batch.events:
            if event.seq <= len(book) and book[event.seq - 1] != event:
                certain = self.confirmed[batch.reference]
                assert event.seq > certain, "what is confirmed never changes"
                del book[event.seq - 1 :]
            if event.seq > len(book):
                assert event.seq == len(book) + 1, "no event is left out"
                book.append(event)
        confirmed = batch.events[-1].seq if batch.confirmed is None else batch.confirmed
        self.confirmed[batch.reference] = max(self.confirmed[batch.reference], confirmed)
        self.batches.append((batch.events[0].seq, batch.events[-1].seq))
        return len(book)

    @activity.defn(name=messages.SEND_LETTERS)
    async def send(self, mail: Mail) -> list[LetterReport]:
        self.tries += 1
        if not self.post_up:
            raise ApplicationError("The post is down.", next_retry_delay=timedelta(minutes=25))
        self.mails.append(tuple(order.id for order in mail.letters))
        return [LetterReport(letter=order.id, sha256=SHA256) for order in mail.letters]


def office_worker(client: Client, office: Office, **options: Any) -> Worker:
    """A worker with the sandbox of the real one, and the office in place of register and post."""
    return Worker(
        client,
        task_queue=messages.TASK_QUEUE,
        workflows=[SeriousCaseReview],
        activities=[office.record, office.send],
        workflow_runner=runner(),
        **options,
    )


class Play:
    """One case on a time-skipping server, its clock in the case's own year."""

    def __init__(self, env: WorkflowEnvironment, office: Office, start: CaseInput) -> None:
        opening = start.opening or (start.carried.case.opening if start.carried else None)
        assert opening is not None
        self.env = env
        self.office = office
        self.start = start
        self.reference = opening.reference
        self.number = 0

    @property
    def client(self) -> Client:
        return self.env.client

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(self.reference)

    def worker(self, **options: Any) -> Worker:
        return office_worker(self.client, self.office, **options)

    async def now(self) -> datetime:
        """The case's own time."""
        return await self.env.get_current_time() - self.start.behind

    async def go_to(self, moment: datetime | str, hour: int = 12) -> None:
        """Let time pass until a moment, or until an hour of a local day."""
        if isinstance(moment, str):
            moment = at_hour(day(moment), hour, ZONE)
        ahead = moment - await self.now()
        if ahead > timedelta():
            await self.env.sleep(ahead)

    async def play(self, *entries: tuple[str, str, str]) -> None:
        """Decide steps on their days: day, step, outcome."""
        for when, step, outcome in entries:
            await self.go_to(when)
            searched = await self.searched(step, outcome)
            await self.give(await self.decision(step, outcome, on=when, searched=searched))
            await self.settle()

    async def searched(self, step: str, outcome: str) -> list[dict[str, Any]]:
        """The documents that an outcome wants searched, filed by who manages the case and found to hold nothing."""
        case = await self.case()
        kinds = case.procedure.steps[step.partition("[")[0]].searches.get(outcome, ())
        for kind in kinds:
            await self.give(File(**self.by_manager(), document=kind, sha256=SHA256, media_type="text/plain", size=1))
            await self.settle()
        return [{"document": kind, "sha256": SHA256, "hits": 0} for kind in kinds]

    def by_manager(self, on: str = "2013-07-08") -> dict[str, Any]:
        """What every decision says, given by who manages the case."""
        self.number += 1
        said = {"id": f"managing-{self.number}", "by": "business-manager", "because": "It is so."}
        return {**said, "made_on": day(on)}

    async def case(self) -> Case:
        return (await self.ask()).case

    async def ask(self) -> Carried:
        """The living case. One that renews itself is asked between its tasks, and again if the query is lost.

        This server loses a query that meets a renewal; the real one does not.
        """
        if self.start.renew_after is None:
            return await starter.ask(self.client, self.reference)
        return await until(self._asked, "the case answers")

    async def _asked(self) -> Carried | None:
        last = (await self.history()).events[-1].event_type
        if last in (EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED):
            return None
        try:
            carried: Carried = await self.handle.query(
                messages.CASE, result_type=Carried, rpc_timeout=timedelta(seconds=5)
            )
        except RPCError as error:
            if error.status != RPCStatusCode.DEADLINE_EXCEEDED:
                raise
            return None
        return carried

    async def settle(self) -> Case:
        """Let time pass, seconds and then minutes, until register and post have caught up."""
        for tried in range(60):
            carried = await self.ask()
            await self.env.sleep(timedelta(seconds=1 if tried < 30 else 60))
            if not carried.unrecorded and not any(x.state == "owed" for x in carried.case.letters.values()):
                return await self.case()  # after a renewal that had waited for the quiet
        raise AssertionError("register and post did not catch up")

    async def decision(self, step: str, outcome: str = "done", on: str | None = None, **more: Any) -> Decide:
        """A decision on a step by who owes it, made today unless `on` says otherwise."""
        self.number += 1
        fields = {
            "id": f"decision-{self.number}",
            "by": (await self.case()).steps[step].owner,
            "made_on": day(on) if on else (await self.now()).date(),
            "because": "It is so.",
        }
        return Decide(**fields | {"step": step, "outcome": outcome} | more)

    async def say(self, decision: Decision | dict[str, Any], update_id: str | None = None) -> Answer:
        """Give a decision as an update."""
        plain = decision if isinstance(decision, dict) else decision.model_dump(mode="json")
        answer: Answer = await self.handle.execute_update(messages.DECIDE, plain, id=update_id, result_type=Answer)
        return answer

    async def give(self, decision: Decision) -> None:
        """Give a decision as an update, or as a signal to a case that renews itself.

        This server loses an update that meets a renewal; the real one does not (`test_engine.py`).
        """
        if self.start.renew_after is None:
            await self.say(decision)
        else:
            await self.signal(decision.model_dump(mode="json"))

    async def decide(self, step: str, outcome: str = "done", on: str | None = None, **more: Any) -> Decide:
        decision = await self.decision(step, outcome, on, **more)
        await self.say(decision)
        return decision

    async def signal(self, payload: Any) -> None:
        await self.handle.signal(messages.DECIDE, payload)

    async def history(self) -> WorkflowHistory:
        return await self.handle.fetch_history()

    async def counts(self) -> Counter[str]:
        """How many of each type of event the current run's history has."""
        return counted(await self.history())


def fired(play: Play, step: str | None = None) -> list[str]:
    """The rungs that the register knows of, in order: step, kind, day."""
    rungs = [event for event in play.office.events if isinstance(event, Fired)]
    return [f"{e.step} {e.kind} {e.on}" for e in rungs if step is None or e.step == step]


async def timers(history: WorkflowHistory) -> list[str]:
    """The summaries of the timers armed in a run."""
    started = [e for e in history.events if e.HasField("timer_started_event_attributes")]
    return [(await SEALING.decode([event.user_metadata.summary]))[0] for event in started]


def counted(history: WorkflowHistory) -> Counter[str]:
    return Counter(EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events)


@asynccontextmanager
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    """A time-skipping server of one's own that knows the search attributes."""
    path = str(BESIDE / "temporal-test-server")
    async with await WorkflowEnvironment.start_time_skipping(
        data_converter=SEALING, test_server_existing_path=path
    ) as env:
        await add_search_attributes(env.client)
        yield env


@asynccontextmanager
async def playing(
    opening: Opening | None = None, *, at: str = "2013-07-08", office: Office | None = None, **start: Any
) -> AsyncIterator[Play]:
    """A case that has begun at noon of a local day, on its own server; nobody works on it yet."""
    async with skipping() as env:
        behind = await env.get_current_time() - at_hour(day(at), 12, ZONE)
        case = CaseInput(opening=opening or wt2013_opening(), behind=behind, **start)
        play = Play(env, office or Office(), case)
        await starter.start(env.client, case)
        yield play


async def until(probe: Callable[[], Awaitable[_T | None]], what: str, seconds: float = 60) -> _T:
    """Ask again and again until the answer is neither None nor False; fail after a deadline (real engines only)."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        answer = await probe()
        if answer is not None and answer is not False:
            return answer
        assert asyncio.get_running_loop().time() < deadline, f"{what}: not within {seconds} seconds"
        await asyncio.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def dev_server_command(
    folder: Path, port: int, attributes: Sequence[str] | None = None, ui: Sequence[str] = ("--headless",)
) -> list[str]:
    """The real dev server on a file in `folder`; it does not wait for the disk, for no test cuts the power."""
    command = [str(BESIDE / "temporal"), "server", "start-dev", *ui, "--port", str(port), "--ip", "127.0.0.1"]
    command += ["--log-level", "error", "--db-filename", str(folder / "engine.db")]
    command += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=OFF"]
    known = attribute_types() if attributes is None else attributes
    return command + [word for attribute in known for word in ("--search-attribute", attribute)]


@contextmanager
def dev_server(
    folder: Path, port: int, attributes: Sequence[str] | None = None, ui: Sequence[str] = ("--headless",)
) -> Iterator[subprocess.Popen[bytes]]:
    """The real dev server; its output goes to a file in `folder`, beside its own. `ui`: options of its Web UI."""
    with (folder / "engine.log").open("ab") as log:
        process = subprocess.Popen(dev_server_command(folder, port, attributes, ui), stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


async def connected(port: int, data: Path | None = None) -> Client:
    """A client of a dev server, as soon as its namespace answers; with the keys of a data folder where one is named."""
    sealing = SEALING if data is None else converter(Ring.of(data))

    async def probe() -> Client | None:
        try:
            client = await Client.connect(f"127.0.0.1:{port}", data_converter=sealing)
            async for _ in client.list_workflows(limit=1):
                pass
        except Exception:  # noqa: BLE001 - whatever it says while it starts, it is asked again
            return None
        return client

    return await until(probe, "the dev server answers", 30)


def environment(port: int, data: Path) -> dict[str, str]:
    """What a process of ours needs to find a dev server and a data folder."""
    return {**os.environ, "TEMPORAL_ADDRESS": f"127.0.0.1:{port}", "SCR_DATA": str(data)}
