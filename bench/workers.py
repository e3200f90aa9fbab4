"""The worker of one variant, as its own process: `python -m bench.workers ours|plain TASK_QUEUE CACHE [STICKY]`."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.worker import Interceptor, Worker

import starter
from bench.deeds import SENDS, count_sends, make_database, note_send
from bench.plain import PlainReview
from bench.plain_activities import send_letter, write_down
from library import Library
from mail.carriers import Letter, Stage
from register.sealed import Ring
from register.store import Register
from worker import build_worker

TRY = "BENCH_TRY"
"""The environment variable with the seconds that a try of an activity may take."""


class Counting:
    """A carrier that takes every letter and counts it, as a mail server would that does not look at Message-IDs."""

    name = "counting"

    async def carry(self, letter: Letter) -> Stage:
        """Take a letter."""
        await asyncio.to_thread(note_send, letter.key)
        return Stage("handed over")

    async def ask(self, key: str) -> None:
        """There is never more to say."""


async def ours(stack: AsyncExitStack, queue: str, options: dict[str, Any]) -> Worker:
    """The product's worker as it stands, but for the options that the benchmark needs."""
    data = Path(os.environ["SCR_DATA"])
    ring = Ring.of(data)
    client = await starter.connect(ring)
    register = await stack.enter_async_context(await Register.open(data / "register.db", ring))
    library = Library(data)
    carrier = Counting() if SENDS in os.environ else None
    return build_worker(client, register, library, data / "outbox", queue, carrier, **options)


async def plain(_: AsyncExitStack, queue: str, options: dict[str, Any]) -> Worker:
    """A worker as the samples write it, its sandbox on."""
    data = Path(os.environ["SCR_DATA"])
    make_database(data)
    count_sends()
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    activities: list[Callable[..., Any]] = [write_down, send_letter]
    return Worker(client, task_queue=queue, workflows=[PlainReview], activities=activities, **options)


def hurried() -> list[Interceptor]:
    """What ends the tries of activities after the seconds that the environment names, if it does.

    A try that was killed with its worker is made again when its time is up, minutes later: too long for a benchmark.
    """
    if TRY not in os.environ:
        return []
    sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
    from faults.hurried import RETRY, Patience

    return [Patience(RETRY, timedelta(seconds=float(os.environ[TRY])))]


async def main(variant: str, queue: str, cache: int, sticky: float | None = None) -> None:
    """Run until SIGTERM. `sticky`: seconds that its cases wait for it when it has died."""
    options: dict[str, Any] = {"max_cached_workflows": cache, "interceptors": hurried()}
    if sticky is not None:
        options["sticky_queue_schedule_to_start_timeout"] = timedelta(seconds=sticky)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with AsyncExitStack() as stack:
        worker = await (ours if variant == "ours" else plain)(stack, queue, options)
        await stack.enter_async_context(worker)
        print("ready", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *map(float, sys.argv[4:])))
