"""What a worker does again and again beside its work: named jobs, each tried again whatever became of it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import NamedTuple

from prometheus_client import Counter

from models.refusal import Refusal

log = logging.getLogger("upkeep")
FAILURES = Counter("scr_upkeep_failures_total", "How often a job of the worker's upkeep has failed.", ["job"])


class Job(NamedTuple):
    """Something to be done, at once and then again `every` so often after it has ended."""

    name: str
    every: timedelta
    work: Callable[[], Awaitable[object]]


@asynccontextmanager
async def keeping(*jobs: Job) -> AsyncIterator[None]:
    """Do jobs in the background. At the end those that are under way are broken off: each can be begun again."""
    tasks = [asyncio.create_task(_keep(job), name=job.name) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep(job: Job) -> None:
    failures = FAILURES.labels(job.name)
    while True:
        try:
            await job.work()
        except Refusal as refusal:
            failures.inc()
            log.warning("%s: %s", job.name, refusal)
        except Exception as error:  # no job may end the worker; it is told, and tried again
            failures.inc()
            log.error("%s failed and is tried again in %s.", job.name, job.every, exc_info=error)
        await asyncio.sleep(job.every.total_seconds())
