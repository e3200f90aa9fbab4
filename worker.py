"""The worker: puts workflow and activities together and runs them until it is told to stop."""

import argparse
import asyncio
import logging
import os
import re
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeIndexedValueType, VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker, WorkerDeploymentConfig

import health
import logs
import recovery
import starter
import telemetry
from activities.letters import LetterActivities
from activities.register import RegisterActivities
from inline import Inline
from library import Library, data_folder
from mail import settings, watching
from mail.carriers import Carrier
from models.messages import TASK_QUEUE
from models.refusal import Refusal
from register import database
from register.errors import RegisterDown
from register.sealed import Ring
from register.state import UNSETTLED
from register.store import Register
from sandbox import Forgetting, runner
from upkeep import Job, keeping
from workflows.attributes import REGISTRY
from workflows.serious_case_review import SeriousCaseReview

DRAIN = timedelta(seconds=20)
"""How long running activities may take to finish when the worker is told to stop."""
CACHED = 10_000
"""How many cases are kept in memory, about 100 KB each; one that is not is read from its history at each decision."""

STICKY = timedelta(seconds=2)
"""How long a case waits for a worker that has died before another takes it over."""

POLLS = 10
"""How many calls ask for the tasks of cases at a time, half of them for cases that no worker keeps.

After an outage those are all cases, and the SDK's own setting would fetch their tasks one by one.
"""

PAUSE = timedelta(seconds=5)
"""After how long a database that does not answer is tried again."""

CONFIRMING = timedelta(minutes=1)
"""How often events are settled that are not known to be in the engine."""

DEPLOYMENT = "serious-case-reviews"
"""The name of the worker deployment whose builds `SCR_BUILD` names."""

DISTRIBUTION = "serious-case-review"
"""The name of the project as a package; its version names the workers of a release that `SCR_BUILD` does not name."""

TYPES = {
    SearchAttributeIndexedValueType.KEYWORD: "Keyword",
    SearchAttributeIndexedValueType.KEYWORD_LIST: "KeywordList",
    SearchAttributeIndexedValueType.DATETIME: "Datetime",
    SearchAttributeIndexedValueType.INT: "Int",
}

log = logging.getLogger("worker")


def build_worker(
    client: Client,
    register: Register,
    library: Library,
    outbox: Path,
    task_queue: str = TASK_QUEUE,
    carrier: Carrier | None = None,
    **options: Any,
) -> Worker:
    """A worker for cases. It does not run yet; the register stays open for as long as it does.

    `options` are those of Temporal's own Worker, for what differs from the defaults here.
    """
    letters = LetterActivities(library, register, outbox, carrier)
    return Worker(
        client,
        task_queue=task_queue,
        workflows=[SeriousCaseReview],
        activities=[letters.send, RegisterActivities(register).record],
        workflow_runner=runner(),
        workflow_task_executor=Inline(),
        interceptors=[Forgetting(), *options.pop("interceptors", ())],
        **{
            "graceful_shutdown_timeout": DRAIN,
            "max_cached_workflows": CACHED,
            "sticky_queue_schedule_to_start_timeout": STICKY,
            "workflow_task_poller_behavior": PollerBehaviorSimpleMaximum(POLLS),
            "nonsticky_to_sticky_poll_ratio": 0.5,
            **options,
            "deployment_config": options.get("deployment_config") or deployment_of({}),
        },
    )


def deployment_of(environment: Mapping[str, str]) -> WorkerDeploymentConfig:
    """The build of the worker deployment that `SCR_BUILD` names; if it is not set, this release without versioning.

    Cases go on with the current build. Pinned to the build that they began with, they would need its workers, and
    keep its faults, for two years. Raises Refusal for what cannot be a build's name.
    """
    build = environment.get("SCR_BUILD")
    if not build:
        # The SDK would make a name up from the modules that happen to be loaded, another one at each start; and to note
        # a new name for a case costs the engine a quarter of what a passing deadline does.
        return WorkerDeploymentConfig(WorkerDeploymentVersion(DEPLOYMENT, version(DISTRIBUTION)), False)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", build):
        raise Refusal(f"SCR_BUILD is {build!r}; give letters, digits, dots, hyphens and underscores, 100 at most.")
    return WorkerDeploymentConfig(WorkerDeploymentVersion(DEPLOYMENT, build), True, VersioningBehavior.AUTO_UPGRADE)


async def missing_attributes(client: Client) -> list[str]:
    """The search attributes of the registry that the engine does not have: cases would hang without them."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    known = (await client.operator_service.list_search_attributes(request)).custom_attributes
    return [key.name for key in REGISTRY if key.name not in known]


def attribute_types() -> list[str]:
    """The registry as `Name=Type` lines, as the Temporal CLI takes them."""
    return [f"{key.name}={TYPES[key.indexed_value_type]}" for key in REGISTRY]


async def opened(folder: Path, stop: asyncio.Event) -> Register | None:
    """The register of a data folder, as soon as its database answers; None where it is told to stop before."""
    while not stop.is_set():
        try:
            return await Register.open(database.where(folder), Ring.of(folder))
        except RegisterDown as error:
            log.warning("%s It is tried again in %d seconds.", error, PAUSE.seconds)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), PAUSE.total_seconds())
    return None


@asynccontextmanager
async def watched(client: Client, register: Register, port: int | None) -> AsyncIterator[None]:
    """Answer those who run this, at a port, if one is given."""

    async def engine() -> Client:
        return client

    if port is None:
        yield
        return
    async with health.serving(health.build(register, engine), health.host_of(os.environ), port):
        yield


def confirming(client: Client, register: Register) -> Job:
    """Settling the cases whose last events were written by a workflow task that may have been lost."""
    return Job(
        "Confirming events",
        CONFIRMING,
        lambda: recovery.confirm(client, register, datetime.now(UTC) - UNSETTLED),
    )


async def main() -> None:
    """Run until SIGINT or SIGTERM, then drain."""
    carrier, bounces = settings.carrier_of(os.environ), settings.bounces_of(os.environ)
    build = deployment_of(os.environ)
    port = health.port_of(os.environ, "SCR_METRICS_PORT")
    clients = health.port_of(os.environ, "SCR_ENGINE_METRICS_PORT")
    telemetry.measure(f"{health.host_of(os.environ)}:{clients}" if clients else None)
    client = await starter.connect()
    missing = await missing_attributes(client)
    if missing:
        raise SystemExit(f"The engine does not know the search attributes {', '.join(missing)}; create them first.")
    folder = data_folder()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    register = await opened(folder, stop)
    if register is None:
        return
    async with (
        register,
        watched(client, register, port),
        build_worker(client, register, Library(folder), folder / "outbox", carrier=carrier, deployment_config=build),
        keeping(watching.job(register, carrier, bounces), confirming(client, register)),
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
        try:
            logs.set_up(os.environ)
            asyncio.run(main())
        except (ConnectionError, Refusal) as error:
            raise SystemExit(str(error)) from error
