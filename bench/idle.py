"""What a case that waits costs the worker in memory: two fresh workers, each with the same number of idle cases."""

import asyncio
import gc
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio.client import Client

import starter
from bench import story
from bench.engine import WorkerProcess, dev_server, memory, start_worker
from bench.plain import PlainReview
from library import Library
from register.sealed import Ring
from register.store import Register

WAITING = 5
"""How many events a case has, ours or plain, that waits for its first deadline."""
YEAR = timedelta(days=365).total_seconds()


async def idle_memory(folder: Path, rounds: int, cases: int) -> list[float]:
    """Memory a case, ours to the plain workflow's, one ratio a round; each round has workers of its own."""
    folder.mkdir()  # noqa: ASYNC240 - nothing else runs here
    found = []
    for number in range(rounds):
        own = folder / str(number)
        own.mkdir()
        with dev_server(own) as engine:
            library = story.furnish(own / "ours")
            story.furnish(own / "plain")
            ours = start_worker(engine, "ours", "ours", own / "ours")
            plain = start_worker(engine, "plain", "plain", own / "plain")
            ring = Ring.of(own / "ours")
            sealed, client = await starter.connect(ring, engine.address), await Client.connect(engine.address)
            async with await Register.open(own / "ours" / "register.db", ring) as register:
                mine = await _grown(ours, lambda s, e: _begin_ours(sealed, register, library, s, e), cases)  # noqa: B023
            theirs = await _grown(plain, lambda s, e: _begin_plain(client, s, e), cases)  # noqa: B023
            found.append(mine / theirs)
            ours.stop()
            plain.stop()
    return found


async def _grown(worker: WorkerProcess, begin: object, cases: int) -> float:
    """By how many bytes a worker grows for each case, the first few left out: with them all is loaded."""
    assert callable(begin)
    warm = cases // 4
    await begin(0, warm)
    gc.collect()
    before = memory(worker.process.pid)
    await begin(warm, warm + cases)
    return (memory(worker.process.pid) - before) / cases


async def _begin_ours(client: Client, register: Register, library: Library, first: int, end: int) -> None:
    now = datetime.now(UTC)
    openings = [story.opening(library, f"IDLE-2026-{number:05d}", now) for number in range(first, end)]
    for opening in openings:
        await starter.open_case(client, register, opening, now, task_queue="ours")
    await _wait(client, [opening.reference for opening in openings])


async def _begin_plain(client: Client, first: int, end: int) -> None:
    references = [f"idle-{number}" for number in range(first, end)]
    for reference in references:
        given = [reference, list(story.RECIPIENTS), YEAR]
        await client.start_workflow(PlainReview.run, args=given, id=reference, task_queue="plain")
    await _wait(client, references)


async def _wait(client: Client, references: list[str]) -> None:
    """Until each case has armed its timer; nobody asks it anything, or it would keep the answer."""
    for reference in references:
        while (await client.get_workflow_handle(reference).describe()).history_length < WAITING:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
