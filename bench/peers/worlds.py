"""What is compared, each with servers of its own: the product and the plain workflow on an engine, and the peers."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio.client import Client

import starter
from bench import story
from bench.bare import Ours, Plain, Variant
from bench.engine import Engine, WorkerProcess, dev_server, start_worker
from bench.peers.peer import KINDS, peer
from bench.peers.servers import file_size
from models.messages import CaseInput
from register.sealed import Ring
from register.store import Register

BEGUN = 4
"""Cases whose deadline strikes while the worker is dead."""
DECIDED = "SELECT reference, number FROM decisions WHERE text != 'overdue'"
OVERDUE = "SELECT reference, number FROM decisions WHERE text = 'overdue'"


@dataclass
class World:
    """A variant of the story, the servers it needs, and what its files say."""

    variant: Variant
    servers: tuple[int, ...]
    start: Callable[[], WorkerProcess]
    """Starts its worker again."""
    size: Callable[[], int]
    """The bytes of its databases."""
    late: Callable[[timedelta], Awaitable[Sequence[str]]]
    """Begins cases whose first deadline is so far away."""
    rest: float = 0.0
    """Seconds until a case that waits is at rest."""

    @property
    def processes(self) -> tuple[int, ...]:
        """All whose cost is this variant's."""
        return (self.variant.worker.process.pid, *self.servers)

    def decided(self) -> list[tuple[str, int]]:
        """The decisions that are kept, case and number."""
        return self._read(DECIDED, "decided")

    def overdue(self) -> list[tuple[str, int]]:
        """The deadlines of which it is kept that they have passed."""
        return self._read(OVERDUE, "expired")

    def _read(self, plain: str, kind: str) -> list[tuple[str, int]]:
        ours = isinstance(self.variant, Ours)
        # A register numbers all events of a case; what is wanted is the how manieth of its kind one is.
        numbered = "SELECT reference, row_number() OVER (PARTITION BY reference ORDER BY seq) FROM events"
        file = self.variant.worker.data / ("register.db" if ours else "plain.db")
        with closing(sqlite3.connect(file, timeout=30)) as db:
            return db.execute(f"{numbered} WHERE kind = '{kind}'" if ours else plain).fetchall()


@asynccontextmanager
async def world(name: str, folder: Path) -> AsyncIterator[World]:
    """The world of a variant: `ours`, `plain` (any name that begins so) or a peer."""
    folder.mkdir()  # noqa: ASYNC240 - nothing else runs here
    if name in KINDS:
        async with _of_peer(name, folder) as found:
            yield found
    else:
        with dev_server(folder) as engine:
            async with (_ours if name == "ours" else _plain)(engine, folder) as found:
                yield found
                found.variant.worker.stop()


@asynccontextmanager
async def _of_peer(name: str, folder: Path) -> AsyncIterator[World]:
    async with peer(name, folder) as found:

        async def late(after: timedelta) -> Sequence[str]:
            return await found.begin(BEGUN, after)

        def size() -> int:
            return found.server.size() + file_size(folder / "plain.db")

        yield World(found, found.server.processes, found.start, size, late, found.kind.rest)


@asynccontextmanager
async def _plain(engine: Engine, folder: Path) -> AsyncIterator[World]:
    story.furnish(folder)

    def start() -> WorkerProcess:
        return start_worker(engine, "plain", "plain", folder)

    variant = Plain(await Client.connect(engine.address), start())

    async def late(after: timedelta) -> Sequence[str]:
        return await variant.begin(BEGUN, after)

    def size() -> int:
        return file_size(folder / "engine.db") + file_size(folder / "plain.db")

    yield World(variant, (engine.process,), start, size, late)


@asynccontextmanager
async def _ours(engine: Engine, folder: Path) -> AsyncIterator[World]:
    library, ring = story.furnish(folder), Ring.of(folder)

    def start() -> WorkerProcess:
        return start_worker(engine, "ours", "ours", folder)

    async with await Register.open(folder / "register.db", ring) as register:
        client = await starter.connect(ring, engine.address)
        variant = Ours(client, register, library, start())

        async def late(after: timedelta) -> Sequence[str]:
            now = datetime.now(UTC)
            references = [f"LATE-2026-{number:05d}" for number in range(BEGUN)]
            for reference in references:
                opening = story.opening(library, reference, now)
                case = CaseInput(opening=opening, behind=story.behind(opening, now + after))
                await starter.start(client, case, "ours")
            await variant.settled(references, 0, 0)
            return references

        def size() -> int:
            return file_size(folder / "engine.db") + file_size(folder / "register.db")

        yield World(variant, (engine.process,), start, size, late)
