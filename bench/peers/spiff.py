# mypy: disable-error-code="import-not-found, misc"
"""SpiffWorkflow on SQLite: a BPMN process with a user task and a timer, read and saved around each step.

It is a library: who keeps the state, looks for timers that are due and takes decisions in is written by hand, as its
example application does it (the process is kept apart from the state of its instances).
"""

import asyncio
import json
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from SpiffWorkflow import TaskState
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine, TaskDataEnvironment
from SpiffWorkflow.bpmn.serializer import DEFAULT_CONFIG, BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.serializer.default.workflow import BpmnWorkflowConverter

from bench import deeds
from bench.peers.process import Client

LOOK = 1.0
"""Seconds from one look for timers that are due to the next."""


def process() -> Any:
    """The process."""
    parser = BpmnParser()
    parser.add_bpmn_file(str(Path(__file__).with_name("review.bpmn")))
    return parser.get_spec("review")


class StateOnly(BpmnWorkflowConverter):
    """Leaves the process out of what is saved for each instance."""

    spec = process()

    def to_dict(self, workflow: Any) -> Any:
        """What is particular to this instance."""
        return super(BpmnWorkflowConverter, self).to_dict(workflow) | {"subprocesses": {}}

    def from_dict(self, dct: Any) -> Any:
        """The instance, with the process."""
        return super().from_dict(dct | {"spec": self.spec})


class Instance:
    """A case, read from the database and saved again; whoever has it holds its lock."""

    def __init__(self, engine: "Engine", reference: str, workflow: Any) -> None:
        self.engine, self.reference, self.workflow = engine, reference, workflow
        scripts = {"send": deeds.send, "Letter": deeds.Letter, "overdue": self._overdue}
        workflow.script_engine = PythonScriptEngine(TaskDataEnvironment(scripts))
        self.overdue: int | None = None

    def decide(self, number: int, because: str) -> None:
        """Complete the user task that a decision is for; once it has been, do nothing."""
        self.workflow.do_engine_steps(did_complete_task=self._saved)  # what a killed worker may have left
        for task in self.workflow.get_tasks(state=TaskState.READY, spec_name="decide"):
            if task.data["number"] == number - 1:
                task.data |= {"number": number, "because": because}
                task.run()
                self.save((self.reference, number, because))

    def go_on(self) -> None:
        """Do what needs nobody: letters and timers. The state is saved after each."""
        self.workflow.refresh_timers()
        self.workflow.do_engine_steps(did_complete_task=self._saved)
        self.save()

    def _saved(self, task: Any) -> None:
        if task.task_spec.name.startswith("letter"):
            self.save()
        elif task.task_spec.name == "late":
            self.save((self.reference, task.data["number"] + 1, "overdue"))

    def _overdue(self) -> None:
        """What the script of a timer does: nothing, its row is kept together with the state."""

    def save(self, row: tuple[str, int, str] | None = None) -> None:
        """Keep the state, and a row of what has been done with it."""
        timers = [task.internal_data.get("event_value") for task in self.workflow.get_tasks(state=TaskState.WAITING)]
        due = min((timer for timer in timers if timer), default=None)
        state = json.dumps(self.engine.serializer.to_dict(self.workflow))
        with self.engine.connect() as db:
            if row is not None:
                db.execute("INSERT INTO decisions VALUES (?, ?, ?)", row)
            given = (self.reference, state, due, self.workflow.is_completed())
            db.execute("INSERT OR REPLACE INTO instances VALUES (?, ?, ?, ?)", given)


class Engine:
    """Instances in a database."""

    def __init__(self) -> None:
        self.serializer = BpmnWorkflowSerializer(
            BpmnWorkflowSerializer.configure(DEFAULT_CONFIG | {BpmnWorkflow: StateOnly})
        )
        self.locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.tasks: set[asyncio.Task[None]] = set()
        with self.connect() as db:
            db.execute("CREATE TABLE IF NOT EXISTS instances (reference PRIMARY KEY, state, due, done)")

    @staticmethod
    def connect() -> Any:
        """The database, in a transaction."""
        return _Transaction()

    def begin(self, reference: str, deadline: float) -> None:
        """Begin a case."""
        workflow = BpmnWorkflow(StateOnly.spec)
        (start,) = workflow.get_tasks(spec_name="begin")
        start.data |= {"reference": reference, "number": 0, "deadline": f"PT{deadline}S"}
        Instance(self, reference, workflow).go_on()

    def load(self, reference: str) -> Instance:
        """Read a case."""
        with self.connect() as db:
            (state,) = db.execute("SELECT state FROM instances WHERE reference = ?", (reference,)).fetchone()
        return Instance(self, reference, self.serializer.from_dict(json.loads(state)))

    async def decide(self, reference: str, number: int, because: str) -> None:
        """Take a decision in; what follows from it is begun."""
        async with self.locks[reference]:
            instance = await asyncio.to_thread(self.load, reference)
            await asyncio.to_thread(instance.decide, number, because)
        self._soon(reference)

    async def look(self) -> None:
        """Go on with all that were left half done, then with those whose timer is due, again and again."""
        where = "NOT done"
        while True:
            with self.connect() as db:
                now = datetime.now(UTC).isoformat()
                found = db.execute(f"SELECT reference FROM instances WHERE {where}", (now,) if "?" in where else ())
                references = [reference for (reference,) in found]
            for reference in references:
                self._soon(reference)
            where = "NOT done AND due <= ?"
            await asyncio.sleep(LOOK)

    def _soon(self, reference: str) -> None:
        task = asyncio.create_task(self._go_on(reference))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _go_on(self, reference: str) -> None:
        async with self.locks[reference]:
            instance = await asyncio.to_thread(self.load, reference)
            await asyncio.to_thread(instance.go_on)


class _Transaction:
    """A connection for one transaction, with the same care for what was acknowledged as everybody's."""

    def __enter__(self) -> sqlite3.Connection:
        self.db = sqlite3.connect(deeds.folder() / "plain.db", timeout=30)
        self.db.execute("PRAGMA synchronous=FULL")
        return self.db

    def __exit__(self, kind: object, *_: object) -> None:
        with closing(self.db):
            if kind is None:
                self.db.commit()


def _socket() -> str:
    return str(deeds.folder() / "spiff")


@asynccontextmanager
async def work() -> AsyncIterator[None]:
    """Take cases and decisions in, at a socket."""
    engine = Engine()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        verb, *given = json.loads(await reader.readline())
        if verb == "begin":
            await asyncio.to_thread(engine.begin, *given)
        else:
            await engine.decide(*given)
        writer.write(b"done\n")
        await writer.drain()
        writer.close()

    Path(_socket()).unlink(missing_ok=True)  # noqa: ASYNC240 - nothing else runs here
    async with await asyncio.start_unix_server(answer, _socket()):
        looking = asyncio.create_task(engine.look())
        yield
        looking.cancel()


class Caller:
    """Asks the worker, and asks again when it does not answer."""

    async def begin(self, reference: str, deadline: float) -> None:
        """Begin a case."""
        await self._ask("begin", reference, deadline)

    async def decide(self, reference: str, number: int, because: str) -> None:
        """Have a decision taken in."""
        await self._ask("decide", reference, number, because)

    async def _ask(self, *given: str | float) -> None:
        async with asyncio.timeout(60):
            while True:
                try:
                    reader, writer = await asyncio.open_unix_connection(_socket())
                    writer.write(json.dumps(given).encode() + b"\n")
                    answer = await reader.readline()
                    writer.close()
                except OSError:
                    answer = b""
                if answer == b"done\n":
                    return
                await asyncio.sleep(0.1)


@asynccontextmanager
async def client() -> AsyncIterator[Client]:
    """Nothing is held open."""
    yield Caller()
