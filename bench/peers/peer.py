"""A peer as the benchmark meets it: its server, its worker process and the process that gives it decisions."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, NamedTuple

from bench import story
from bench.bare import CASES, DEADLINE, rows_and_letters
from bench.engine import ROOT, WorkerProcess
from bench.environments import environment
from bench.peers.process import SERVER
from bench.peers.restate_server import restate
from bench.peers.servers import Server, Start, no_server, postgresql

HERE = Path(__file__).parent


class Kind(NamedTuple):
    """A peer: its module here and what that imports, its environment's requirements, its server.

    `rest`: seconds until a case that waits is at rest.
    """

    module: str
    imports: str
    requirements: str = "requirements.txt"
    start: Start = no_server
    rest: float = 0.0

    @property
    def python(self) -> Path:
        """The Python that has its packages, made if it is not there. Raises NoEnvironment."""
        name = self.requirements.removesuffix(".txt").removeprefix("requirements").strip("-")
        return environment(name or "peers", HERE / self.requirements)


KINDS = {
    "dbos": Kind("dbos", "dbos", start=postgresql),
    "spiff": Kind("spiff", "SpiffWorkflow"),
    "procrastinate": Kind("procrastinate", "procrastinate", start=postgresql),
    "poller": Kind("poller", "apscheduler, sqlalchemy"),
    "dbosify": Kind("dbosify", "dbosify.worker", "requirements-dbosify.txt", postgresql),
    "restate": Kind("restate", "restate, hypercorn", start=restate, rest=70.0),
}


class Peer:
    """A variant of the story (`bench.bare.Variant`)."""

    def __init__(self, kind: Kind, data: Path, server: Server) -> None:
        self.kind, self.data, self.server = kind, data, server
        self.number, self.asked = 0, 0
        self.answers: dict[int, asyncio.Future[None]] = {}
        self.worker = self.start()

    def start(self) -> WorkerProcess:
        """Start its worker; it is ready on return."""
        with self._log() as log:
            process = subprocess.Popen(
                self._command("work"), cwd=ROOT, env=self._environment(), stdout=subprocess.PIPE, stderr=log
            )
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"The worker of {self.kind.module} does not start: see {self.data / 'worker.log'}.")
        return WorkerProcess(self.kind.module, self.kind.module, self.data, process)

    @property
    def processes(self) -> tuple[int, ...]:
        """The processes whose cost is the peer's: its worker and its server, not who gives decisions."""
        return (self.worker.process.pid, *self.server.processes)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Have the process that gives decisions, for a while."""
        pipe = asyncio.subprocess.PIPE
        with self._log() as log:
            giver = await asyncio.create_subprocess_exec(
                *self._command("give"), cwd=ROOT, env=self._environment(), stdin=pipe, stdout=pipe, stderr=log
            )
        assert giver.stdin is not None
        assert giver.stdout is not None
        self.giver, self.lines = giver.stdin, giver.stdout
        if await self.lines.readline() != b"ready\n":
            raise RuntimeError(f"{self.kind.module} takes no decisions: see {self.data / 'worker.log'}.")
        reading = asyncio.create_task(self._read())
        yield
        self.giver.close()
        await giver.wait()
        await reading

    async def begin(self, cases: int = CASES, deadline: timedelta = DEADLINE) -> list[str]:
        """Begin cases and give their references."""
        self.number += cases
        references = [f"{self.kind.module}-{n}" for n in range(self.number - cases, self.number)]
        await asyncio.gather(*(self._ask("begin", each, deadline.total_seconds()) for each in references))
        return references

    async def decide(self, reference: str, number: int) -> None:
        """Give a decision."""
        await self._ask("decide", reference, number, story.REASON)

    async def settled(self, references: Sequence[str], decisions: int, letters: int) -> None:
        """Wait until the database has all decisions and the outbox all letters."""
        await rows_and_letters(self.data, references, decisions, letters)

    async def _ask(self, verb: str, *given: str | float) -> None:
        self.asked += 1
        answer = self.answers[self.asked] = asyncio.get_running_loop().create_future()
        self.giver.write(json.dumps([self.asked, verb, *given]).encode() + b"\n")
        await answer

    async def _read(self) -> None:
        while line := await self.lines.readline():
            number, problem = json.loads(line)
            answer = self.answers.pop(number)
            if problem is None:
                answer.set_result(None)
            else:
                answer.set_exception(RuntimeError(f"{self.kind.module}: {problem}"))
        for answer in self.answers.values():  # it has ended, and answers nobody any more
            answer.set_exception(
                RuntimeError(f"{self.kind.module} takes no decisions: see {self.data / 'worker.log'}.")
            )

    def _command(self, what: str) -> list[str]:
        return [str(self.kind.python), "-m", "bench.peers.process", self.kind.module, what]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCR_", "TEMPORAL_"))}
        return kept | {"SCR_DATA": str(self.data), "PYTHONPATH": str(ROOT), SERVER: self.server.url}

    def _log(self) -> BinaryIO:
        return (self.data / "worker.log").open("ab")


@asynccontextmanager
async def peer(name: str, data: Path) -> AsyncIterator[Peer]:
    """A peer that runs, for a while."""
    kind = KINDS[name]
    story.furnish(data)
    with kind.start(data) as server:
        found = Peer(kind, data, server)
        try:
            async with found.open():
                yield found
        finally:
            found.worker.stop(signal.SIGKILL)  # they all say that they bear it, and some take long to end by themselves
