"""A cold worker with many open cases: how long until its first decision, and until the last of a hundred.

Each time the old worker has just had the cases that decisions are given to: the engine still knows them as its own.
"""

import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import starter
from bench import story
from bench.engine import WorkerProcess, dev_server, start_worker
from bench.growing import IN_FLIGHT, QUEUE, decide, grow, references
from bench.report import plain_table
from register.sealed import Ring
from register.store import Register
from worker import STICKY

CASES, QUICK_CASES = 10_000, 400
DECISIONS = 100
SDK_STICKY = 10.0
"""Seconds for which a case waits for the worker that had it, by the SDK's own default."""
ENDS = {"killed": signal.SIGKILL, "told to stop": signal.SIGTERM}


class Restart(NamedTuple):
    """How the old worker ended, how long cases wait for it; seconds until the new one was ready, then to answers."""

    ended: str
    sticky: float
    ready: float
    first: float
    last: float


async def restart(cases: int, decisions: int = DECISIONS) -> list[Restart]:
    """End and start a worker in each manner, with each time of waiting, in an engine with so many open cases."""
    manners = [(ended, sticky) for sticky in (STICKY.total_seconds(), SDK_STICKY) for ended in ENDS]
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        data = Path(name) / "ours"
        library, ring = story.furnish(data), Ring.of(data)
        with dev_server(Path(name)) as engine:
            worker = start_worker(engine, "ours", QUEUE, data, 2 * cases)
            client = await starter.connect(ring, engine.address)
            await grow(client, library, data, 0, cases)
            worker.stop()
            async with await Register.open(data / "register.db", ring) as register:
                found = []
                for number, (ended, sticky) in enumerate(manners):
                    chosen = references(0, cases)[number :: max(len(manners), cases // decisions)][:decisions]
                    begin = partial(start_worker, engine, "ours", QUEUE, data, 2 * cases, sticky)
                    found.append(Restart(ended, sticky, *await _again(client, register, begin, ENDS[ended], chosen)))
    return found


async def _again(
    client: starter.Engine,
    register: Register,
    begin: Callable[[], WorkerProcess],
    ended: signal.Signals,
    chosen: Sequence[str],
) -> tuple[float, float, float]:
    """Seconds until a new worker was ready, then to the first and to the last answer, all given at once."""
    worker = begin()
    await decide(client, register, chosen, 1, IN_FLIGHT)
    worker.stop(ended)
    begun = time.monotonic()
    worker = begin()
    ready = time.monotonic()
    answered = await decide(client, register, chosen, 2, len(chosen))
    worker.stop()
    return ready - begun, answered[0] - ready, answered[-1] - ready


def table(found: Sequence[Restart]) -> str:
    """The restarts as a table."""
    head = ("the old worker was", "cases wait for it, s", "new one ready, s", "first decision, s", "last of all, s")
    rows = [(of.ended, f"{of.sticky:g}", *(f"{seconds:.2f}" for seconds in of[2:])) for of in found]
    return plain_table(head, rows)


def said(found: Sequence[Restart]) -> dict[str, object]:
    """The figures for `--json`: seconds, by how the old worker ended and how long cases wait for it."""
    names = ("ready", "first", "last")
    return {f"{of.ended}, {of.sticky:g} s": {name: round(getattr(of, name), 3) for name in names} for of in found}
