"""Every kept history replays under the code as it is: no change may strand a running case.

`docs/code-changes.md` says what may change, and how.
"""

import difflib
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import pytest
from engine import SEALING, Office, playing
from kept import PATHS, SHORT, Kept, changed, commands, kept, name_of, to_decision
from temporalio.client import Client
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker

from library import Library
from models.events import Event, Met, Opened, Opening, Taken
from models.messages import TASK_QUEUE
from models.turn import opened
from sandbox import runner
from workflows import living_case
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


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> dict[int, Event]:
    """The events that the code as it is makes while a history replays, whoever writes them to the register."""
    found: dict[int, Event] = {}
    packed = living_case._packed

    def noting(event: Event) -> bytes | Event:
        found[event.seq] = event
        return packed(event)

    def opening(given: Opening, at: datetime) -> list[Event]:
        events = opened(given, at)
        found.update({event.seq: event for event in events})
        return events

    monkeypatch.setattr(living_case, "_packed", noting)
    monkeypatch.setattr(living_case, "opened", opening)
    return found


def unsandboxed(workflow: type = SeriousCaseReview) -> Replayer:
    return Replayer(workflows=[workflow], workflow_runner=UnsandboxedWorkflowRunner(), data_converter=SEALING)


async def the_same_events(found: Kept, made: dict[int, Event]) -> None:
    """Replay a case; the events of it that the register had must be made again, each with its number."""
    await replay(found, unsandboxed())
    other = [number for number, event in found.events.items() if made.get(number) != event]
    assert not other, (
        f"{found.name}: the rules make other events of it, the first with number {other[0]}.\n{WHAT_TO_DO}"
    )


@every_history
async def test_the_rules_make_the_same_events_of_a_kept_history(path: Path, made: dict[int, Event]) -> None:
    """The commands may agree while the events differ: the register would then refuse every later one of that case."""
    found = kept(path)
    assert found.events or found.name == "7-renewed"  # the run before it has written everything
    await the_same_events(found, made)


# ---- a change that is not gated -----------------------------------------------------------------------------------

OLD, NEW = "2-decision", "writes-locally/register-down"
UNGATED = {
    "the new way for cases of the old": (OLD, " or not self._start.writes_locally", ""),
    "the old way for cases of the new": (NEW, "await self._written_at_once() or ", ""),
    "another activity, old": (OLD, "messages.SEND_LETTERS,", '"post_letters",'),
    "another activity, new": (NEW, "messages.SEND_LETTERS,", '"post_letters",'),
    "no timer, old": (OLD, "timeout=armed.at - self._now() if armed else None,", ""),
    "no timer, new": (NEW, "timeout=armed.at - self._now() if armed else None,", ""),
    "one search attribute update less, new": (NEW, "if changes:", "if False:"),
    "overdue steps not counted for cases where they were": (
        NEW,
        "None if self._start.counts_no_overdue else ",
        "None and ",
    ),
}


def named(name: str) -> Kept:
    return next(kept(path) for path in PATHS if name_of(path) == name)


@pytest.mark.parametrize("what", UNGATED)
async def test_a_change_that_is_not_gated_is_noticed_and_the_message_says_what_to_do(what: str) -> None:
    name, was, now = UNGATED[what]
    with pytest.raises(AssertionError) as failed:
        await replay(named(name), unsandboxed(changed(was, now)))
    said = str(failed.value)
    assert said.startswith(f"{name} does not replay: ")
    assert "Nondeterminism" in said
    assert all(words in said for words in ("`writes_locally`", "workflow.patched", "docs/code-changes.md"))


@pytest.mark.parametrize("name", [OLD, NEW])
async def test_a_rule_that_makes_other_events_is_noticed(name: str, made: dict[int, Event]) -> None:
    events = {**named(name).events}
    events[5] = events[5].model_copy(update={"on": "2013-07-09"})
    with pytest.raises(AssertionError, match=r"other events of it, the first with number 5\.(.|\n)*`rules`"):
        await the_same_events(named(name)._replace(events=events), made)


@pytest.mark.parametrize("name", [OLD, NEW])
async def test_the_workflow_broken_in_nothing_replays(name: str) -> None:
    await replay(named(name), unsandboxed(changed("if changes:", "if changes:")))


# ---- a new way needs a history ------------------------------------------------------------------------------------

NOT_KEPT = """New cases do not give the commands of any kept history, so the next change could strand them unnoticed.
Where the tests above pass, the old cases are safe: now add the histories of the new way beside theirs, with
`python -m tests.histories NAME` (docs/code-changes.md). Where they fail, mend that first.
"""


def office_worker(client: Client, office: Office, workflow: type) -> Worker:
    return Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[workflow],
        activities=[office.record, office.send],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )


async def new_cases_do_as_a_kept_one(workflow: type) -> None:
    """Play the short story anew; the fingerprint of its commands must be that of a kept history of it."""
    async with playing() as play, office_worker(play.client, play.office, workflow):
        await to_decision(play)
        made = commands(await play.history())
    known = {path: commands(kept(path).runs[0]) for path in PATHS if path.name == f"{SHORT}.json.gz"}
    assert known, "no short story is kept"
    if made not in known.values():
        diffs = [list(difflib.unified_diff(was, made, name_of(path), "now", n=2)) for path, was in known.items()]
        closest: list[str] = min(diffs, key=len)
        raise AssertionError(NOT_KEPT + "\n".join(closest))


async def test_new_cases_give_the_commands_of_a_kept_history() -> None:
    await new_cases_do_as_a_kept_one(SeriousCaseReview)


async def test_a_new_way_that_is_gated_replays_and_is_noticed_until_its_history_is_kept() -> None:
    gated = changed(
        "        self._show()\n\n    def note",
        '        workflow.patched("what-changed")\n        self._show()\n\n    def note',
    )
    for name in (OLD, NEW):
        await replay(named(name), unsandboxed(gated))
    with pytest.raises(AssertionError, match=r"tests\.histories NAME(.|\n)*\+marker core_patch what-changed"):
        await new_cases_do_as_a_kept_one(gated)


# ---- every stage --------------------------------------------------------------------------------------------------


def passed() -> dict[str, set[str | None]]:
    """The stages, by procedure, of which some kept history has completed a step."""
    found: defaultdict[str, set[str | None]] = defaultdict(set)
    for events in (kept(path).events for path in PATHS):
        if not isinstance(opened := events.get(1), Opened):
            continue  # carried on from a run that is not kept
        procedure = opened.opening.procedure
        for event in events.values():
            step = procedure.steps.get((event.step or "").partition("[")[0])
            if step is not None and isinstance(event, Taken | Met):
                found[procedure.id].add(step.stage)
    return found


@pytest.mark.parametrize("procedure", sorted(Library().procedures()))
def test_some_kept_history_passes_every_stage(procedure: str) -> None:
    stages = dict.fromkeys(step.stage for step in Library().procedure(procedure).step)
    lacking = [stage for stage in stages if stage not in passed()[procedure]]
    assert not lacking, (
        f"No kept history completes a step of {procedure} in the stages {lacking}: add a scenario, or a way in "
        "tests/histories/__main__.py, and `python -m tests.histories NAME`."
    )
