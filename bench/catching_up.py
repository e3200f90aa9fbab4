"""Many deadlines at one second, the worker killed before it: how long until all have been dealt with.

The plain workflow keeps its worker, warm. Ours is killed when its cases wait, and a new one started at the deadline.
"""

import asyncio
import signal
import sqlite3
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
    return [await _round(folder / str(number), cases) for number in range(rounds)]


def lead(cases: int) -> float:
    """Seconds from the first start to the first deadline: enough to start all cases of both and have them quiet."""
    return 20 + cases * 0.12


def apart(cases: int) -> float:
    """Seconds from one's deadline to the other's: enough to deal with the first, and no more."""
    return 10 + cases * 0.015


async def _round(folder: Path, cases: int) -> float:
    """Both wait, each in an engine of its own, before the first deadline: the machine's pace changes by the minute."""
    folder.mkdir()  # noqa: ASYNC240 - as above
    library = story.furnish(folder / "ours")
    story.furnish(folder / "plain")
    with dev_server(folder / "plain") as theirs, dev_server(folder / "ours") as mine:
        due = datetime.now(UTC) + timedelta(seconds=lead(cases))
        later = due + timedelta(seconds=apart(cases))
        warm = start_worker(theirs, "plain", "plain", folder / "plain", 2 * cases)
        await _begin_plain(theirs, cases, due)
        await _begin_ours(mine, folder / "ours", library, cases, later)
        await _until(due)
        overdue = "SELECT count(*) FROM decisions"
        plain = await _all_done(folder / "plain" / "plain.db", overdue, cases, due)
        await _until(later)
        cold = start_worker(mine, "ours", "ours", folder / "ours", 2 * cases)
        expired = "SELECT count(*) FROM events WHERE kind = 'expired'"
        ours = await _all_done(folder / "ours" / "register.db", expired, cases, later)
        warm.stop()
        cold.stop()
    return ours / plain


async def _begin_plain(engine: Engine, cases: int, due: datetime) -> None:
    client = await Client.connect(engine.address)
    for number in range(cases):
        seconds = (due - datetime.now(UTC)).total_seconds()
        given = [f"late-{number}", list(story.RECIPIENTS), seconds]
        await client.start_workflow(PlainReview.run, args=given, id=f"late-{number}", task_queue="plain")


async def _begin_ours(engine: Engine, data: Path, library: Library, cases: int, due: datetime) -> None:
    """Open the cases, and kill their worker when they wait."""
    worker = start_worker(engine, "ours", "ours", data, 2 * cases)
    ring = Ring.of(data)
    client = await starter.connect(ring, engine.address)
    openings = [story.opening(library, f"LATE-2026-{number:05d}", datetime.now(UTC)) for number in range(cases)]
    behind = story.behind(openings[0], due)
    async with await Register.open(data / "register.db", ring) as register:
        for opening in openings:
            await starter.open_case(client, register, opening, datetime.now(UTC) - behind, behind, "ours")
    for opening in openings:  # the worker has taken it up when it answers
        await starter.ask(client, opening.reference)
    worker.stop(signal.SIGKILL)


async def _until(due: datetime) -> None:
    seconds = (due - datetime.now(UTC)).total_seconds()
    if seconds < 0:
        raise RuntimeError("The cases took too long to start, or to be dealt with; give them longer.")
    await asyncio.sleep(seconds)


async def _all_done(path: Path, query: str, number: int, since: datetime) -> float:
    """Seconds from a moment until a query counts so many."""
    with closing(sqlite3.connect(path, timeout=30)) as db:
        while db.execute(query).fetchone()[0] < number:  # noqa: ASYNC110 - another process writes
            await asyncio.sleep(0.02)
    return (datetime.now(UTC) - since).total_seconds()
