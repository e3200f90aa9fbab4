"""The sandbox that cases share: it forbids what Temporal's own does, to each of them at any moment."""

import asyncio
import gc
import sys
import threading
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest
from asking import FORBIDDEN, Asking
from engine import connected, dev_server, free_port, until
from google.protobuf.message import Message
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import RestrictedWorkflowAccessError
from temporalio.workflow import _Definition

from sandbox import Forgetting, _OfThisThread, _Runner, runner
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


async def test_a_case_that_waits_keeps_nothing_of_the_messages_it_was_given(tmp_path: Path) -> None:
    """A small piece of one keeps the whole of it: tens of kilobytes a case."""
    with dev_server(tmp_path, port := free_port()):
        client = await connected(port)
        async with Worker(
            client, task_queue="asking", workflows=[Asking], workflow_runner=runner(), interceptors=[Forgetting()]
        ) as worker:
            handle = await client.start_workflow(Asking.run, "nothing", id="waiting", task_queue="asking")

            async def waits() -> bool:
                return any(event.HasField("timer_started_event_attributes") for event in await _events(handle))

            await until(waits, "it waits")
            assert worker._workflow_worker is not None
            (running,) = worker._workflow_worker._running_workflows.values()
            kept = {type(message).__name__ for message in _messages(running.instance)}
            assert kept <= {"Payloads", "UserMetadata", "WorkflowActivationCompletion"}  # made here, and small
            await handle.terminate()


async def _events(handle: WorkflowHandle[Any, Any]) -> list[HistoryEvent]:
    return list((await handle.fetch_history()).events)


def _messages(root: object) -> list[object]:
    """The messages, and pieces of such, that can be reached from an object by way of others of its own."""
    found, seen, to_see = [], set[int](), [root]
    while to_see:
        each = to_see.pop()
        if id(each) in seen or isinstance(each, type | ModuleType | FunctionType | Client | Worker):
            continue
        seen.add(id(each))
        if isinstance(each, Message) or "Container" in type(each).__name__:
            found.append(each)
        else:
            to_see += gc.get_referents(each)
    return found


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
