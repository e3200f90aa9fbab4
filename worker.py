"""The worker: puts workflow and activities together and runs them until it is told to stop."""

import argparse
import asyncio
import logging
import signal
from datetime import timedelta
from pathlib import Path

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeIndexedValueType
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

import starter
from activities.letters import LetterActivities
from activities.register import RegisterActivities
from library import Library, data_folder
from models.messages import TASK_QUEUE
from models.refusal import Refusal
from register.sealed import Ring
from register.store import Register
from workflows.attributes import REGISTRY
from workflows.serious_case_review import SeriousCaseReview

DRAIN = timedelta(seconds=20)
"""How long running activities may take to finish when the worker is told to stop."""

TYPES = {
    SearchAttributeIndexedValueType.KEYWORD: "Keyword",
    SearchAttributeIndexedValueType.KEYWORD_LIST: "KeywordList",
    SearchAttributeIndexedValueType.DATETIME: "Datetime",
    SearchAttributeIndexedValueType.INT: "Int",
}

log = logging.getLogger("worker")


def build_worker(
    client: Client, register: Register, library: Library, outbox: Path, task_queue: str = TASK_QUEUE
) -> Worker:
    """A worker for cases. It does not run yet; the register stays open for as long as it does."""
    letters = LetterActivities(library, register, outbox)
    return Worker(
        client,
        task_queue=task_queue,
        workflows=[SeriousCaseReview],
        activities=[letters.send, RegisterActivities(register).record],
        workflow_runner=runner(),
        graceful_shutdown_timeout=DRAIN,
    )


def runner() -> SandboxedWorkflowRunner:
    """The sandbox; it re-imports for every run what is not passed through, so the pure modules are."""
    passed = SandboxRestrictions.default.with_passthrough_modules("models", "pydantic", "pydantic_core", "dateutil")
    return SandboxedWorkflowRunner(restrictions=passed)


async def missing_attributes(client: Client) -> list[str]:
    """The search attributes of the registry that the engine does not have: cases would hang without them."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    known = (await client.operator_service.list_search_attributes(request)).custom_attributes
    return [key.name for key in REGISTRY if key.name not in known]


def attribute_types() -> list[str]:
    """The registry as `Name=Type` lines, as the Temporal CLI takes them."""
    return [f"{key.name}={TYPES[key.indexed_value_type]}" for key in REGISTRY]


async def main() -> None:
    """Run until SIGINT or SIGTERM, then drain."""
    client = await starter.connect()
    missing = await missing_attributes(client)
    if missing:
        raise SystemExit(f"The engine does not know the search attributes {', '.join(missing)}; create them first.")
    folder = data_folder()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    ring = Ring.of(folder)
    async with (
        await Register.open(folder / "register.db", ring) as register,
        build_worker(client, register, Library(folder), folder / "outbox"),
    ):
        log.info("The worker is ready on task queue %s.", TASK_QUEUE)
        await stop.wait()
        log.info("The worker finishes what it has begun.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Run the worker, or print the search attributes it needs.")
    parser.add_argument("--search-attributes", action="store_true")
    if parser.parse_args().search_attributes:
        print("\n".join(attribute_types()))
    else:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
        try:
            asyncio.run(main())
        except (ConnectionError, Refusal) as error:
            raise SystemExit(str(error)) from error
