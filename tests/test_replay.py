"""Every kept history replays under the code as it is: no change may strand a running case."""

from pathlib import Path
from typing import Any

import pytest
from engine import SEALING
from temporalio.client import WorkflowHistory
from temporalio.worker import (
    Interceptor,
    Replayer,
    StartActivityInput,
    UnsandboxedWorkflowRunner,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)
from temporalio.workflow import ActivityHandle

from models.messages import RECORD_EVENTS, EventBatch
from worker import runner
from workflows.serious_case_review import SeriousCaseReview

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))


def history(path: Path, **changes: str) -> WorkflowHistory:
    text = path.read_text(encoding="utf-8")
    for was, now in changes.items():
        text = text.replace(was, now)
    return WorkflowHistory.from_json("DEMO-2013-001", text)


def replayer() -> Replayer:
    return Replayer(workflows=[SeriousCaseReview], workflow_runner=runner(), data_converter=SEALING)


def test_there_is_a_history_of_every_stage() -> None:
    assert [path.stem.partition("-")[0] for path in HISTORIES] == [str(n) for n in range(1, 10)]


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_kept_history_replays(path: Path) -> None:
    await replayer().replay_workflow(history(path))


@pytest.mark.parametrize("path", HISTORIES[1:5], ids=lambda path: path.stem)
async def test_a_changed_command_is_noticed(path: Path) -> None:
    result = await replayer().replay_workflow(history(path, send_letters="post_letters"), raise_on_replay_failure=False)
    assert result.replay_failure is not None


REPLAYED: list[EventBatch] = []
"""The writes to the register that the code as it is asks for while a history replays."""


class _Outbound(WorkflowOutboundInterceptor):
    def start_activity(self, input: StartActivityInput) -> ActivityHandle[Any]:  # noqa: A002 - Temporal's own name
        if input.activity == RECORD_EVENTS:
            REPLAYED.append(input.args[0])
        return super().start_activity(input)


class _Inbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Outbound(outbound))


class _Watching(Interceptor):
    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:  # noqa: A002
        return _Inbound


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_the_rules_make_the_same_events_of_a_kept_history(path: Path) -> None:
    """The commands may agree while the events differ: the register would then refuse every later one of that case.

    Where a rule must change, keep the old one for cases whose opening has the earlier number under `rules`.
    """
    REPLAYED.clear()
    kept = history(path)
    watching = Replayer(
        workflows=[SeriousCaseReview],
        workflow_runner=UnsandboxedWorkflowRunner(),
        data_converter=SEALING,
        interceptors=[_Watching()],
    )
    await watching.replay_workflow(kept)
    written = [
        (await SEALING.decode(scheduled.input.payloads, [EventBatch]))[0]
        for event in kept.events
        if (scheduled := event.activity_task_scheduled_event_attributes).activity_type.name == RECORD_EVENTS
    ]
    assert written or "renewed" in path.stem  # the run before it has written everything
    assert REPLAYED[: len(written)] == written
