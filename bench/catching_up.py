"""Many deadlines at one second, the worker killed before it: how long until all have been dealt with.

The plain workflow keeps its worker, warm. Ours is killed when its cases wait, and a new one started at the deadline.
"""

import asyncio
import signal
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio.client import Client

import starter
from bench import story
from bench.engine import Engine, dev_server, start_worker
from bench.plain import PlainReview
from library import Library
from register.sealed import Ring
from register.store import Register


async def catch_up(folder: Path, rounds: int, cases: int) -> list[float]:
    """Time to deal with all deadlines, ours after a kill to the plain workflow's warm, one ratio a round."""
    folder.mkdir()  # noqa: ASYNC240 - nothing else runs here
    found = []
    for number in range(rounds):
        own = folder / str(number)
        own.mkdir()
        library = story.furnish(own / "ours")
        story.furnish(own / "plain")
        with dev_server(own) as engine:
            theirs = await _plain(engine, own, cases)
        with dev_server(own / "ours") as engine:
            mine = await _ours(engine, own, library, cases)
        found.append(mine / theirs)
    return found


def lead(cases: int) -> float:
    """Seconds from the first start to the deadline: enough to start all cases and have them quiet."""
    return 20 + cases * 0.06


async def _plain(engine: Engine, folder: Path, cases: int) -> float:
    worker = start_worker(engine, "plain", "plain", folder / "plain", 2 * cases)
    client = await Client.connect(engine.address)
    due = time.time() + lead(cases)
    for number in range(cases):
        given = [f"late-{number}", list(story.RECIPIENTS), due - time.time()]
        await client.start_workflow(PlainReview.run, args=given, id=f"late-{number}", task_queue="plain")
    _must_be_before(due)
    took = await _all_done(folder / "plain" / "plain.db", "SELECT count(*) FROM decisions", cases, due)
    worker.stop()
    return took


async def _ours(engine: Engine, folder: Path, library: Library, cases: int) -> float:
    data = folder / "ours"
    worker = start_worker(engine, "ours", "ours", data, 2 * cases)
    ring = Ring.of(data)
    client = await starter.connect(ring, engine.address)
    due = datetime.now(UTC) + timedelta(seconds=lead(cases))
    openings = [story.opening(library, f"LATE-2026-{number:05d}", datetime.now(UTC)) for number in range(cases)]
    behind = story.behind(openings[0], due)
    async with await Register.open(data / "register.db", ring) as register:
        for opening in openings:
            await starter.open_case(client, register, opening, datetime.now(UTC) - behind, behind, "ours")
    for opening in openings:  # the worker has taken it up when it answers
        await starter.ask(client, opening.reference)
    worker.stop(signal.SIGKILL)
    _must_be_before(due.timestamp())
    await asyncio.sleep(due.timestamp() - time.time())
    worker = start_worker(engine, "ours", "ours", data, 2 * cases)
    query = "SELECT count(*) FROM events WHERE kind = 'expired'"
    took = await _all_done(data / "register.db", query, cases, due.timestamp())
    worker.stop()
    return took


def _must_be_before(due: float) -> None:
    if time.time() > due:
        raise RuntimeError("The cases took too long to start; give them a longer lead.")


async def _all_done(path: Path, query: str, number: int, since: float) -> float:
    """Seconds from a moment until a query counts so many."""
    with closing(sqlite3.connect(path, timeout=30)) as db:
        while db.execute(query).fetchone()[0] < number:  # noqa: ASYNC110 - another process writes
            await asyncio.sleep(0.02)
    return time.time() - since
