# mypy: disable-error-code="import-not-found"
"""DBOSify on PostgreSQL: the plain workflow itself, unchanged, with `dbosify` in the place of `temporalio`."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib import import_module
from typing import Any

import dbos._migration
import dbosify
from dbosify import activity, workflow
from dbosify.client import Client as Opened
from dbosify.worker import Worker

from bench import story
from bench.peers.process import Client, server

QUEUE = "cases"

sys.modules |= {"temporalio": dbosify, "temporalio.workflow": workflow, "temporalio.activity": activity}
migration_one = dbos._migration.get_dbos_migration_one
# It makes an extension that is not used and that the PostgreSQL of the tests comes without.
dbos._migration.get_dbos_migration_one = lambda *given: migration_one(*given).replace(
    'CREATE EXTENSION IF NOT EXISTS "uuid-ossp";', ""
)
plain: Any = import_module("bench.plain")
activities: Any = import_module("bench.plain_activities")


@asynccontextmanager
async def work() -> AsyncIterator[None]:
    """Run workflows and activities. Those that a killed worker left are taken up at once."""
    given = [activities.write_down, activities.send_letter]
    async with Worker(server(), task_queue=QUEUE, workflows=[plain.PlainReview], activities=given):
        yield


class Signaller:
    """Reaches the worker as a Temporal client would."""

    def __init__(self, client: Opened) -> None:
        self.client = client

    async def begin(self, reference: str, deadline: float) -> None:
        """Start the workflow of a case."""
        given = [reference, list(story.RECIPIENTS), deadline]
        handle = await self.client.start_workflow(plain.PlainReview.run, args=given, id=reference, task_queue=QUEUE)
        await handle.query(plain.PlainReview.decided, rpc_timeout=timedelta(minutes=1))

    async def decide(self, reference: str, number: int, because: str) -> None:
        """Send a signal."""
        await self.client.get_workflow_handle(reference).signal(plain.PlainReview.decide, {"because": because})


@asynccontextmanager
async def client() -> AsyncIterator[Client]:
    """Open a client."""
    async with await Opened.connect(server()) as opened:
        yield Signaller(opened)
