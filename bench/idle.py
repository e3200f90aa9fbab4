"""What a case that waits costs the worker in memory: two fresh workers, each with the same number of idle cases."""

import gc
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio.client import Client

import starter
from bench import story
from bench.catching_up import all_done
from bench.engine import WorkerProcess, dev_server, memory, start_worker
from bench.plain import PlainReview
from library import Library
from models.messages import CaseInput
from register.sealed import Ring

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
            sealed = await starter.connect(Ring.of(own / "ours"), engine.address)
            client = await Client.connect(engine.address)
            mine = await _grown(ours, lambda s, e: _begin_ours(sealed, library, own / "ours", s, e), cases)  # noqa: B023
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


async def _begin_ours(client: Client, library: Library, data: Path, first: int, end: int) -> None:
    for number in range(first, end):
        opening = story.opening(library, f"IDLE-2026-{number:05d}", datetime.now(UTC))
        await starter.start(client, CaseInput(opening=opening), "ours")
    await all_done(data / "register.db", "SELECT count(*) FROM cases", end, time.time())


async def _begin_plain(client: Client, first: int, end: int) -> None:
    references = [f"idle-{number}" for number in range(first, end)]
    for reference in references:
        given = [reference, list(story.RECIPIENTS), YEAR]
        await client.start_workflow(PlainReview.run, args=given, id=reference, task_queue="plain")
    for reference in references:
        await client.get_workflow_handle(reference).query(PlainReview.decided)
