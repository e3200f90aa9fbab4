"""The sandbox that cases share: it forbids what Temporal's own does, to each of them at any moment."""

import asyncio
import sys
import threading
from pathlib import Path

import pytest
from asking import FORBIDDEN, Asking
from engine import connected, dev_server, free_port
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import RestrictedWorkflowAccessError
from temporalio.workflow import _Definition

from sandbox import _OfThisThread, _Runner, runner
from workflows.serious_case_review import SeriousCaseReview


async def test_what_is_forbidden_is_forbidden_to_each_of_many_cases(tmp_path: Path) -> None:
    with dev_server(tmp_path, port := free_port()):
        client = await connected(port)
        async with Worker(
            client,
            task_queue="asking",
            workflows=[Asking],
            workflow_runner=runner(),
            workflow_failure_exception_types=[RestrictedWorkflowAccessError],
        ):
            asked = [(what, number) for number in range(5) for what in FORBIDDEN]
            ids = [f"asking-{number}" for number in range(len(asked))]
            started = [
                client.execute_workflow(Asking.run, what, id=name, task_queue="asking")
                for name, (what, _) in zip(ids, asked, strict=True)
            ]
            answers = await asyncio.gather(*started, return_exceptions=True)
    for (what, _), found in zip(asked, answers, strict=True):
        assert isinstance(found, WorkflowFailureError), f"{what} is not forbidden"
        assert isinstance(found.cause, ApplicationError)
        assert found.cause.type == "RestrictedWorkflowAccessError"


def test_a_case_that_ends_its_turn_does_not_end_that_of_another_thread() -> None:
    """The SDK notes whether a case is run in an object of its own for each case; ours is one for all."""
    context = _OfThisThread()
    context.is_runtime = context.in_activation = True

    def other() -> None:
        assert not context.is_runtime
        context.is_runtime = context.in_activation = True
        context.is_runtime = context.in_activation = False

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert context.is_runtime
    assert context.in_activation


@pytest.mark.parametrize("name", ["living_case", "attributes", "serious_case_review"])
async def test_the_code_of_a_case_is_watched_by_the_sandbox(name: str) -> None:
    made = runner()
    assert isinstance(made, _Runner)
    made.prepare_workflow(_Definition.must_from_class(SeriousCaseReview))
    assert made._sandbox.new_modules[f"workflows.{name}"] is not sys.modules[f"workflows.{name}"]
