"""Adds the histories of the code as it is: `python -m tests.histories NAME` plays them into a folder of that name.

NAME says in what the new way differs from the ways before it. What is there already is never written anew.
"""

import argparse
import asyncio
import base64
import json
import re
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal
from unittest.mock import patch

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHistory, WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # where the tests' own modules are

from case_world import noon, wt2013_opening  # noqa: E402
from engine import RING, ROOT, Office, Play, connected, dev_server, free_port, playing  # noqa: E402
from kept import SHORT, keep, to_decision  # noqa: E402
from stories import REVIEW  # noqa: E402
from test_branches import begun  # noqa: E402

import rehearsal  # noqa: E402
import starter  # noqa: E402
from library import Library  # noqa: E402
from models.case import Case  # noqa: E402
from models.decisions import Close  # noqa: E402
from models.events import Event  # noqa: E402
from models.messages import CaseInput  # noqa: E402
from models.timescale import Day  # noqa: E402

Told = tuple[list[WorkflowHistory], list[Event]]


class _Runs:
    """The runs of one case, in the order in which they were seen."""

    def __init__(self, client: Client, reference: str) -> None:
        self._client, self._reference = client, reference
        self._ids: list[str] = []

    async def note(self) -> None:
        # Not `describe()` of the handle: see `starter`.
        execution = WorkflowExecution(workflow_id=self._reference)
        request = DescribeWorkflowExecutionRequest(namespace=self._client.namespace, execution=execution)
        found = await self._client.workflow_service.describe_workflow_execution(request)
        run = found.workflow_execution_info.execution.run_id
        if run not in self._ids:
            self._ids.append(run)

    async def histories(self) -> list[WorkflowHistory]:
        """Of all runs, also of those that renewed themselves between two looks."""
        await self.note()
        found: list[WorkflowHistory] = []
        for run in self._ids:
            found.extend(await self._back_from(run))
        return found

    async def _back_from(self, run: str) -> list[WorkflowHistory]:
        history = await self._client.get_workflow_handle(self._reference, run_id=run).fetch_history()
        earlier = history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
        return [*(await self._back_from(earlier) if earlier else ()), history]


async def rehearsed(scenario: rehearsal.Scenario) -> Told:
    """Play a scenario to its end; its histories are fetched before its server closes."""
    histories: list[WorkflowHistory] = []

    class Stage(rehearsal._Stage):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            self.runs = _Runs(self._env.client, self._reference)

        async def play(self, *given: Any) -> None:
            await super().play(*given)
            await self.runs.note()

        async def finish(self, until: Day | None) -> Case:
            case = await super().finish(until)
            await self._env.client.get_workflow_handle(self._reference).result()
            histories.extend(await self.runs.histories())
            return case

    with TemporaryDirectory() as folder, patch.object(rehearsal, "_Stage", Stage):
        _write_ring(Path(folder) / "register.key")
        told = await rehearsal.rehearse(scenario, Library(), Path(folder))
    return histories, list(told.events)


def _write_ring(path: Path) -> None:
    keys = {key: base64.b64encode(RING._keys[key]).decode() for key in RING.key_ids}
    path.write_text(json.dumps({"current": RING.current, "keys": keys}), encoding="utf-8")


async def short() -> Told:
    """What the tests play anew, to compare its commands with these."""
    async with playing() as play, play.worker():
        await to_decision(play)
        return [await play.history()], play.office.events


async def register_down() -> Told:
    """The register is down when a decision comes: written at the second try, by an activity."""
    async with playing() as play, play.worker():
        await play.settle()
        play.office.register_up = False
        await play.signal({"kind": "wish"})
        await play.decide("recommend", "scr")
        play.office.register_up = True
        await play.settle()
        await play.go_to("2013-08-12")  # a step expires
        await play.settle()
        return await _ended(play)


async def renewed() -> Told:
    """The case continues as new, again and again, on the real server: the other one loses what meets a renewal."""
    with TemporaryDirectory() as folder, dev_server(Path(folder), port := free_port()):
        env = WorkflowEnvironment.from_client(await connected(port))
        behind = await env.get_current_time() - noon("2013-08-12")
        play = Play(env, Office(), CaseInput(opening=wt2013_opening(), behind=behind, renew_after=20))
        await starter.start(play.client, play.start)
        async with play.worker():
            await play.play(*REVIEW[:4])
            return await _ended(play)


async def branch(procedure: str, way: str) -> Told:
    """One way through a procedure that no scenario takes, all on one day; of each other step the first outcome."""
    async with playing(begun(Library().procedure(procedure))) as play, play.worker():
        while await _one_more(play, way):
            pass
        return await _ended(play, how="completed")


async def _one_more(play: Play, way: str) -> bool:
    """Decide one step that is owed and not held up by a gate; False where there is none."""
    case = await play.settle()
    for record in case.open_steps:
        step = case.procedure.steps.get(record.step)
        if step is None or step.done != "decision":
            continue
        outcome = way if way in step.outcomes else next(iter(step.outcomes))
        try:
            await play.decide(record.key, outcome, searched=await play.searched(record.key, outcome))
        except WorkflowUpdateFailedError as refused:
            if "must wait for" not in str(refused.cause):
                raise
        else:
            return True
    return False


async def _ended(play: Play, how: Literal["completed", "withdrawn"] = "withdrawn") -> Told:
    today = (await play.now()).date()
    await play.give(Close(**play.by_manager(str(today)), how=how))
    await play.handle.result()
    return await _Runs(play.client, play.reference).histories(), play.office.events


BRANCHES = {
    "wt2015-milton-keynes": ("learning-review", "individual-imrs"),
    "wt2015-buckinghamshire": ("learning-review", "wider-review", "individual-imrs"),
}
STORIES: dict[str, Callable[[], Awaitable[Told]]] = {
    SHORT: short,
    "register-down": register_down,
    "renewed": renewed,
}
STORIES |= {f"{name}-{way}": partial(branch, name, way) for name, ways in BRANCHES.items() for way in ways}


def scenarios() -> dict[str, rehearsal.Scenario]:
    files = sorted((ROOT / "scenarios").glob("*.toml"))
    return {file.stem: rehearsal.read_scenario(file.read_text(encoding="utf-8"), file.name) for file in files}


async def make(folder: Path) -> None:
    """Play what the folder does not have yet."""
    plays = dict(STORIES)
    plays |= {name: partial(rehearsed, scenario) for name, scenario in scenarios().items()}
    for name, play in plays.items():
        file = folder / f"{name}.json.gz"
        if not file.exists():
            keep(file, *await play())
            print(f"{file.relative_to(ROOT)}: {file.stat().st_size // 1024} kB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="what is new, such as writes-locally")
    name = parser.parse_args().name
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        parser.error("NAME must be small letters, digits and hyphens.")
    asyncio.run(make(HERE / name))
