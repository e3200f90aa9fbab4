"""Every kept history replays under the code as it is: no change may strand a running case."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from worker import runner
from workflows.serious_case_review import SeriousCaseReview

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))


def history(path: Path, **changes: str) -> WorkflowHistory:
    text = path.read_text(encoding="utf-8")
    for was, now in changes.items():
        text = text.replace(was, now)
    return WorkflowHistory.from_json("DEMO-2013-001", text)


def replayer() -> Replayer:
    return Replayer(workflows=[SeriousCaseReview], workflow_runner=runner(), data_converter=pydantic_data_converter)


def test_there_is_a_history_of_every_stage() -> None:
    assert [path.stem.partition("-")[0] for path in HISTORIES] == [str(n) for n in range(1, 9)]


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_kept_history_replays(path: Path) -> None:
    await replayer().replay_workflow(history(path))


@pytest.mark.parametrize("path", HISTORIES[1:5], ids=lambda path: path.stem)
async def test_a_changed_command_is_noticed(path: Path) -> None:
    result = await replayer().replay_workflow(history(path, send_letters="post_letters"), raise_on_replay_failure=False)
    assert result.replay_failure is not None
