# mypy: disable-error-code="import-not-found, untyped-decorator"
"""DBOS on PostgreSQL: a workflow for each case, steps for what it does, `recv` with a timeout for each deadline."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from dbos import DBOS, DBOSClient, DBOSConfig, EnqueueOptions

from bench import deeds, story
from bench.peers.process import Client, server

QUEUE = "cases"
YEAR = 365 * 86400.0
"""Seconds that an overdue decision is waited for."""


@DBOS.step()
async def keep(reference: str, number: int, text: str) -> None:
    """Keep a decision."""
    await asyncio.to_thread(deeds.insert, deeds.Write(reference, number, text))


@DBOS.step()
async def send_letter(reference: str, number: int, recipient: str) -> None:
    """Send a letter."""
    await asyncio.to_thread(deeds.send, deeds.Letter(reference, number, recipient))


@DBOS.workflow()
async def review(reference: str, deadline: float) -> None:
    """One case: take decisions until all are taken, each with a deadline."""
    for number in range(1, story.STEPS + 1):
        decision: dict[str, Any] | None = await DBOS.recv_async(timeout_seconds=deadline)
        if decision is None:
            await keep(reference, number, "overdue")
            decision = await DBOS.recv_async(timeout_seconds=YEAR)
            assert decision is not None
        await keep(reference, number, decision["because"])
        for recipient in story.RECIPIENTS if number in story.WITH_LETTERS else ():
            await send_letter(reference, number, recipient)


@asynccontextmanager
async def work() -> AsyncIterator[None]:
    """Run workflows. Those that a killed worker of this name left are taken up at once."""
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": server(),
        "application_version": "1",
        "console_log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()
    await DBOS.register_queue_async(QUEUE)
    try:
        yield
    finally:
        DBOS.destroy()


class Sender:
    """Reaches the worker by its database alone."""

    def __init__(self, client: DBOSClient) -> None:
        self.client = client

    async def begin(self, reference: str, deadline: float) -> None:
        """Enqueue the workflow of a case, and wait until it runs."""
        options: EnqueueOptions = {"queue_name": QUEUE, "workflow_name": "review", "workflow_id": reference}
        handle = await self.client.enqueue_async(options, reference, deadline)
        while (await handle.get_status()).status == "ENQUEUED":  # noqa: ASYNC110 - there is nothing to wait on
            await asyncio.sleep(0.1)

    async def decide(self, reference: str, number: int, because: str) -> None:
        """Send a message to the workflow."""
        message = {"because": because}
        await self.client.send_async(reference, message, idempotency_key=f"{reference}-{number}")


@asynccontextmanager
async def client() -> AsyncIterator[Client]:
    """Open a client."""
    opened = DBOSClient(system_database_url=server())
    yield Sender(opened)
    opened.destroy()
