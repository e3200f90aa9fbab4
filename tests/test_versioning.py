"""Builds of the worker side by side on the real dev server: which of them a case goes on with."""

import asyncio
import subprocess
import tomllib
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from case_world import noon, wt2013_opening
from engine import BESIDE, ROOT, Office, connected, dev_server, environment, free_port, until
from kept import changed, commands
from processes import worker
from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentVersionRequest
from temporalio.client import Client, WorkflowHistory
from temporalio.common import VersioningBehavior
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

import starter
from models import messages
from models.decisions import Decide
from models.messages import Answer, CaseInput
from models.refusal import Refusal
from sandbox import runner
from worker import DEPLOYMENT, deployment_of
from workflows.serious_case_review import SeriousCaseReview

OLD_CODE = changed("await self._written_at_once() or ", "")
"""The workflow as it was before `writes_locally`: the register is written to by an activity alone."""
BY_ACTIVITY, LOCALLY = "activity record_events", "marker core_local_activity record_events"


def test_a_build_is_named_in_the_environment_and_cases_go_on_with_the_current_one() -> None:
    found = deployment_of({"SCR_BUILD": "2026-11-22.1"})
    assert (found.version.deployment_name, found.version.build_id) == (DEPLOYMENT, "2026-11-22.1")
    assert found.use_worker_versioning
    assert found.default_versioning_behavior is VersioningBehavior.AUTO_UPGRADE


@pytest.mark.parametrize("given", [{}, {"SCR_BUILD": ""}])
def test_a_worker_without_a_build_is_named_by_its_release(given: dict[str, str]) -> None:
    found = deployment_of(given)
    assert found.version.build_id == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert not found.use_worker_versioning


async def test_the_list_of_the_engine_names_the_release_and_not_the_start_of_a_worker(tmp_path: Path) -> None:
    """The engine lists which builds have had a case: with a new name at each start that is a write for each case."""
    release = deployment_of({}).version.build_id
    with dev_server(tmp_path, port := free_port()):
        office = Builds(await connected(port, tmp_path), port)
        with worker(environment(port, tmp_path), tmp_path / "worker.log"):
            await office.begin("A-2013-001")
            await office.quiet("A-2013-001")
            listed = await office.client.get_workflow_handle("A-2013-001").describe()
    assert listed.search_attributes["BuildIds"] == ["unversioned", f"unversioned:{release}"]


@pytest.mark.parametrize("name", ["a build", "-1", "a/b", "b" * 101])
def test_what_is_no_name_of_a_build_is_refused(name: str) -> None:
    with pytest.raises(Refusal, match="give letters, digits, dots, hyphens and underscores"):
        deployment_of({"SCR_BUILD": name})


class Builds(Office):
    """The register and the post of all builds, and the engine that they work for."""

    def __init__(self, client: Client, port: int) -> None:
        super().__init__()
        self.client, self.port = client, port

    def worker(self, build: str, workflow: type = SeriousCaseReview) -> Worker:
        """A worker of a build, "" for one without version."""
        return Worker(
            self.client,
            task_queue=messages.TASK_QUEUE,
            workflows=[workflow],
            activities=[self.record, self.send],
            workflow_runner=runner() if workflow is SeriousCaseReview else UnsandboxedWorkflowRunner(),
            deployment_config=deployment_of({"SCR_BUILD": build}),
        )

    async def begin(self, reference: str, *, by_old_code: bool = False) -> None:
        opening = wt2013_opening().model_copy(update={"reference": reference})
        case = CaseInput(opening=opening, behind=datetime.now(UTC) - noon("2013-07-09"))
        if by_old_code:
            queue = messages.TASK_QUEUE
            await self.client.start_workflow(messages.WORKFLOW, case, id=reference, task_queue=queue)
        else:
            await starter.start(self.client, case)

    async def decide(self, reference: str, step: str, outcome: str) -> Answer:
        owner = (await starter.ask(self.client, reference)).case.steps[step].owner
        given = {"id": step, "by": owner, "made_on": noon("2013-07-09").date(), "because": "It is so."}
        decision = Decide(**given, step=step, outcome=outcome).model_dump(mode="json")
        handle = self.client.get_workflow_handle(reference)
        async with asyncio.timeout(30):
            answer: Answer = await handle.execute_update(messages.DECIDE, decision, result_type=Answer)
        return answer

    async def quiet(self, reference: str) -> WorkflowHistory:
        """The history of a case, when register and post have caught up."""

        async def probe() -> bool:
            carried = await starter.ask(self.client, reference)
            return not carried.unrecorded and not any(x.state == "owed" for x in carried.case.letters.values())

        await until(probe, f"{reference} is quiet")
        return await self.client.get_workflow_handle(reference).fetch_history()

    async def make_current(self, build: str) -> None:
        """What `docs/code-changes.md` says to do, as soon as the engine knows the build."""
        command = f"worker deployment set-current-version --deployment-name {DEPLOYMENT} --build-id {build} --yes"

        async def probe() -> bool:
            where = ("--address", f"127.0.0.1:{self.port}")
            told = await asyncio.create_subprocess_exec(
                str(BESIDE / "temporal"), *command.split(), *where, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            return await told.wait() == 0

        await until(probe, f"build {build} is current", 20)

    async def knows(self, build: str) -> bool:
        version = WorkerDeploymentVersion(deployment_name=DEPLOYMENT, build_id=build)
        request = DescribeWorkerDeploymentVersionRequest(namespace=self.client.namespace, deployment_version=version)
        try:
            await self.client.workflow_service.describe_worker_deployment_version(request)
        except RPCError:
            return False
        return True


def builds(history: WorkflowHistory) -> list[str]:
    """Which build did each workflow task; "" is a worker without version."""
    done = [e.workflow_task_completed_event_attributes for e in history.events]
    return [x.deployment_version.build_id for x in done if x.started_event_id]


@pytest.mark.slow
async def test_a_case_goes_on_with_the_current_build_and_a_gated_change_leaves_it_its_way(tmp_path: Path) -> None:
    with ExitStack() as house:
        house.enter_context(dev_server(tmp_path, port := free_port()))
        office = Builds(await connected(port), port)
        house.enter_context(worker(environment(port, tmp_path) | {"SCR_BUILD": "unknown"}, tmp_path / "worker.log"))
        async with office.worker("", OLD_CODE):
            await office.begin("A-2013-001", by_old_code=True)
            await office.quiet("A-2013-001")
        async with office.worker("one", OLD_CODE):
            await office.make_current("one")
            await office.begin("A-2013-002", by_old_code=True)
            async with office.worker("two"):
                await until(lambda: office.knows("two"), "the engine knows build two")
                await until(lambda: office.knows("unknown"), "the engine knows the build of the process")
                for reference in ("A-2013-001", "A-2013-002"):
                    await office.decide(reference, "recommend", "scr")
                    assert builds(await office.quiet(reference))[-1] == "one"
                await office.make_current("two")
        async with office.worker("two"):
            await office.begin("A-2013-003")
            for reference in ("A-2013-001", "A-2013-002", "A-2013-003"):
                await office.decide(reference, "written-notification", "received")
            old, between, new = [await office.quiet(f"A-2013-00{number}") for number in (1, 2, 3)]
    assert list(dict.fromkeys(builds(old))) == ["", "one", "two"]
    assert list(dict.fromkeys(builds(between))) == ["one", "two"]
    assert set(builds(new)) == {"two"}
    for history, way, other in (
        (old, BY_ACTIVITY, LOCALLY),
        (between, BY_ACTIVITY, LOCALLY),
        (new, LOCALLY, BY_ACTIVITY),
    ):
        assert way in commands(history)
        assert other not in commands(history)
