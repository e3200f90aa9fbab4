"""Every kept history replays under the code as it is: no change may strand a running case."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from worker import runner
from workflows.serious_case_review import SeriousCaseReview

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))


async def replay(path: Path) -> None:
    replayer = Replayer(workflows=[SeriousCaseReview], workflow_runner=runner(), data_converter=pydantic_data_converter)
    await replayer.replay_workflow(WorkflowHistory.from_json("DEMO-2013-001", path.read_text(encoding="utf-8")))


def test_there_is_a_history_of_every_stage() -> None:
    assert [path.stem.partition("-")[0] for path in HISTORIES] == [str(n) for n in range(1, 9)]


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_kept_history_replays(path: Path) -> None:
    await replay(path)


@pytest.mark.parametrize("path", HISTORIES[2:5], ids=lambda path: path.stem)
async def test_a_changed_order_of_commands_is_noticed(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace('"name": "send_letters"', '"name": "post_letters"')
    history = WorkflowHistory.from_json("DEMO-2013-001", text)
    replayer = Replayer(workflows=[SeriousCaseReview], workflow_runner=runner(), data_converter=pydantic_data_converter)
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    assert result.replay_failure is not None
