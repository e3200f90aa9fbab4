"""Every kept history replays under the code as it is: no change may strand a running case.

`docs/code-changes.md` says what may change, and how.
"""

import difflib
import inspect
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from engine import SEALING, playing
from kept import PATHS, Kept, by_number, commands, kept, name_of
from stories import REVIEW
from temporalio.client import WorkflowHistory
from temporalio.worker import (
    Interceptor,
    Replayer,
    StartActivityInput,
    StartLocalActivityInput,
    UnsandboxedWorkflowRunner,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)
from temporalio.workflow import ActivityHandle

from library import Library
from models.events import Event, Met, Opened, Taken
from models.messages import RECORD_EVENTS, EventBatch
from worker import runner
from workflows import serious_case_review
from workflows.serious_case_review import SeriousCaseReview

WHAT_TO_DO = """
A running case like this one would stop at the next release. If the change is meant, gate it (docs/code-changes.md):
- a change of commands: take the new way only for runs that begin with a new field of `CaseInput`, as `writes_locally`
  does, or behind `workflow.patched("what-changed")`;
- a change of the events that the rules make: only for cases whose opening has the next number under `rules`.
Leave the kept histories as they are; `python -m tests.histories NAME` adds those of the new way beside them.
"""

every_history = pytest.mark.parametrize("path", PATHS, ids=name_of)


async def replay(found: Kept, replayer: Replayer) -> None:
    """Replay all runs of a case; if one fails, say what to do."""
    for run in found.runs:
        result = await replayer.replay_workflow(run, raise_on_replay_failure=False)
        if result.replay_failure is not None:
            raise AssertionError(f"{found.name} does not replay: {result.replay_failure}\n{WHAT_TO_DO}")


@every_history
async def test_a_kept_history_replays(path: Path) -> None:
    sandboxed = Replayer(workflows=[SeriousCaseReview], workflow_runner=runner(), data_converter=SEALING)
    await replay(kept(path), sandboxed)


# ---- the same events ----------------------------------------------------------------------------------------------

REPLAYED: list[EventBatch] = []
"""The writes to the register that the code as it is asks for while a history replays."""


class _Outbound(WorkflowOutboundInterceptor):
    def start_activity(self, input: StartActivityInput) -> ActivityHandle[Any]:  # noqa: A002 - Temporal's own name
        _note(input)
        return super().start_activity(input)

    def start_local_activity(self, input: StartLocalActivityInput) -> ActivityHandle[Any]:  # noqa: A002
        _note(input)
        return super().start_local_activity(input)


def _note(started: StartActivityInput | StartLocalActivityInput) -> None:
    if started.activity == RECORD_EVENTS:
        REPLAYED.append(started.args[0])


class _Inbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Outbound(outbound))


class _Watching(Interceptor):
    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:  # noqa: A002
        return _Inbound


def watching(workflow: type = SeriousCaseReview) -> Replayer:
    return Replayer(
        workflows=[workflow],
        workflow_runner=UnsandboxedWorkflowRunner(),
        data_converter=SEALING,
        interceptors=[_Watching()],
    )


async def the_same_events(found: Kept, replayer: Replayer) -> None:
    """Replay a case; the register's events of it must come out again, each with its number."""
    REPLAYED.clear()
    await replay(found, replayer)
    made = by_number(event for batch in REPLAYED for event in batch.events)
    other = [number for number, event in found.events.items() if made.get(number) != event]
    assert not other, (
        f"{found.name}: the rules make other events of it, the first with number {other[0]}.\n{WHAT_TO_DO}"
    )


@every_history
async def test_the_rules_make_the_same_events_of_a_kept_history(path: Path) -> None:
    """The commands may agree while the events differ: the register would then refuse every later one of that case."""
    found = kept(path)
    assert found.events or found.name == "7-renewed"  # the run before it has written everything
    await the_same_events(found, watching())


# ---- a change that is not gated -----------------------------------------------------------------------------------

OLD, NEW = "2-decision", "writes-locally/register-down"
UNGATED = {
    "the new way for cases of the old": (OLD, " or not self._start.writes_locally", ""),
    "the old way for cases of the new": (NEW, "if not await self._written_at_once(batch):", "if True:"),
    "another activity, old": (OLD, "messages.SEND_LETTERS,", '"post_letters",'),
    "another activity, new": (NEW, "messages.SEND_LETTERS,", '"post_letters",'),
    "no timer, old": (OLD, "timeout=armed.at - self._now() if armed else None,", ""),
    "no timer, new": (NEW, "timeout=armed.at - self._now() if armed else None,", ""),
    "one search attribute update less, new": (NEW, "if changes:", "if False:"),
}


def changed(was: str, now: str) -> type:
    """The workflow with a change in its source."""
    source = inspect.getsource(serious_case_review)
    assert was in source, f"{was!r} is not in the workflow any more: break it in another way here"
    names: dict[str, Any] = {"__name__": serious_case_review.__name__}
    exec(compile(source.replace(was, now), serious_case_review.__file__, "exec"), names)
    workflow: type = names["SeriousCaseReview"]
    return workflow


def named(name: str) -> Kept:
    return next(kept(path) for path in PATHS if name_of(path) == name)


@pytest.mark.parametrize("what", UNGATED)
async def test_a_change_that_is_not_gated_is_noticed_and_the_message_says_what_to_do(what: str) -> None:
    name, was, now = UNGATED[what]
    with pytest.raises(AssertionError) as failed:
        await replay(named(name), watching(changed(was, now)))
    said = str(failed.value)
    assert said.startswith(f"{name} does not replay: ")
    assert "Nondeterminism" in said
    assert all(words in said for words in ("`writes_locally`", "workflow.patched", "docs/code-changes.md"))


@pytest.mark.parametrize("name", [OLD, NEW])
async def test_a_rule_that_makes_other_events_is_noticed(name: str) -> None:
    events = {**named(name).events}
    events[5] = events[5].model_copy(update={"on": "2013-07-09"})
    with pytest.raises(AssertionError, match=r"other events of it, the first with number 5\.(.|\n)*`rules`"):
        await the_same_events(named(name)._replace(events=events), watching())


@pytest.mark.parametrize("name", [OLD, NEW])
async def test_the_workflow_broken_in_nothing_replays(name: str) -> None:
    await replay(named(name), watching(changed("if changes:", "if changes:")))


# ---- a new way needs a history ------------------------------------------------------------------------------------


def newest() -> set[str]:
    return {name_of(path) for path in PATHS if path.parent.name == FOLDER}
