"""The worker of one variant, as a process of its own: `python -m bench.workers ours|plain TASK_QUEUE CACHE`."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker

import starter
from bench.plain import PlainReview
from bench.plain_activities import make_database, send_letter, write_down
from library import Library
from register.sealed import Ring
from register.store import Register
from worker import build_worker


async def ours(stack: AsyncExitStack, queue: str, cache: int) -> Worker:
    """The product's worker as it stands; only its cache is as large as the benchmark needs."""
    data = Path(os.environ["SCR_DATA"])
    ring = Ring.of(data)
    client = await starter.connect(ring)
    register = await stack.enter_async_context(await Register.open(data / "register.db", ring))
    library = Library(data)
    return build_worker(client, register, library, data / "outbox", queue, max_cached_workflows=cache)


async def plain(_: AsyncExitStack, queue: str, cache: int) -> Worker:
    """A worker as the samples write it, its sandbox on."""
    data = Path(os.environ["SCR_DATA"])
    if not (data / "plain.db").exists():
        make_database(data)
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    activities: list[Callable[..., Any]] = [write_down, send_letter]
    return Worker(client, task_queue=queue, workflows=[PlainReview], activities=activities, max_cached_workflows=cache)


async def main(variant: str, queue: str, cache: int) -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with AsyncExitStack() as stack:
        worker = await (ours if variant == "ours" else plain)(stack, queue, cache)
        await stack.enter_async_context(worker)
        print("ready", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
