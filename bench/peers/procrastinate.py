# mypy: disable-error-code="import-not-found, untyped-decorator"
"""Procrastinate on PostgreSQL: a job for each decision, each letter and each deadline, a lock for each case."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued

from bench import deeds, story
from bench.peers.process import Client, server

SIDE_BY_SIDE = 10
"""Jobs at once; the default is one."""
HEARTBEAT, SILENCE = 1.0, 5.0
"""Seconds between a worker's signs of life, and after how many its jobs are tried again (default 10 and 30)."""

app = App(connector=PsycopgConnector(conninfo=server()))


@app.task(queue="decisions")
async def decide(reference: str, number: int, because: str, deadline: float) -> None:
    """Keep a decision, replace the deadline, have the letters sent."""
    await asyncio.to_thread(deeds.insert, deeds.Write(reference, number, because))
    await disarm(reference)
    if number < story.STEPS:
        await arm(reference, number + 1, deadline)
    for recipient in story.RECIPIENTS if number in story.WITH_LETTERS else ():
        job = send_letter.configure(queueing_lock=f"{reference}-{number}-{recipient}")
        with suppress(AlreadyEnqueued):
            await job.defer_async(reference=reference, number=number, recipient=recipient)


@app.task(queue="letters")
async def send_letter(reference: str, number: int, recipient: str) -> None:
    """Send a letter."""
    await asyncio.to_thread(deeds.send, deeds.Letter(reference, number, recipient))


@app.task(queue="deadlines")
async def overdue(reference: str, number: int) -> None:
    """Keep that a deadline has passed."""
    await asyncio.to_thread(deeds.insert, deeds.Write(reference, number, "overdue"))


@app.periodic(cron="* * * * * */5")
@app.task(queueing_lock="retry_stalled_jobs", pass_context=True)
async def retry_stalled_jobs(context: object, timestamp: int) -> None:
    """Try the jobs of a worker that has died again: nobody else does."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=SILENCE):
        await app.job_manager.retry_job(job)


async def arm(reference: str, number: int, deadline: float) -> None:
    """Schedule a deadline; without the case's lock, for that would hold up its decisions until then."""
    job = overdue.configure(schedule_in={"seconds": deadline}, queueing_lock=f"{reference}-deadline")
    with suppress(AlreadyEnqueued):
        await job.defer_async(reference=reference, number=number)


async def disarm(reference: str) -> None:
    """Cancel the deadline of a case."""
    for job in await app.job_manager.list_jobs_async(queueing_lock=f"{reference}-deadline", status="todo"):
        await app.job_manager.cancel_job_by_id_async(job.id, delete_job=True)


@asynccontextmanager
async def work() -> AsyncIterator[None]:
    """Do jobs."""
    async with app.open_async():
        if not await app.check_connection_async():
            await app.schema_manager.apply_schema_async()
        running = asyncio.create_task(
            app.run_worker_async(
                concurrency=SIDE_BY_SIDE,
                install_signal_handlers=False,
                update_heartbeat_interval=HEARTBEAT,
                stalled_worker_timeout=SILENCE,
            )
        )
        yield
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


class Deferrer:
    """Defers jobs."""

    def __init__(self) -> None:
        self.deadlines: dict[str, float] = {}

    async def begin(self, reference: str, deadline: float) -> None:
        """Set the first deadline of a case."""
        self.deadlines[reference] = deadline
        await arm(reference, 1, deadline)

    async def decide(self, reference: str, number: int, because: str) -> None:
        """Defer the job of a decision, one of a case at a time."""
        job = decide.configure(lock=reference, queueing_lock=f"{reference}-{number}")
        with suppress(AlreadyEnqueued):
            deadline = self.deadlines[reference]
            await job.defer_async(reference=reference, number=number, because=because, deadline=deadline)


@asynccontextmanager
async def client() -> AsyncIterator[Client]:
    """Open the app."""
    async with app.open_async():
        yield Deferrer()
