"""Histories of cases that are kept beside the code, and changes of the code that they must meet."""

import gzip
import inspect
import json
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from unittest.mock import patch

from engine import Play
from stories import REVIEW
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from models.events import Event, EventAdapter
from models.messages import RECORD_EVENTS, EventBatch
from workflows import living_case, serious_case_review

HISTORIES = Path(__file__).resolve().parent / "histories"
PATHS = sorted([*HISTORIES.glob("*.json"), *HISTORIES.glob("*/*.json.gz")])
"""Plain ones of cases that wrote by activities alone, and the later ones: a folder for each way of the workflow."""


class Kept(NamedTuple):
    """The runs of a case, the first one first, and the events that the register had of it, by their numbers."""

    name: str
    runs: tuple[WorkflowHistory, ...]
    events: dict[int, Event]


@cache
def kept(path: Path) -> Kept:
    if path.suffix == ".json":
        return _plain(path)
    read = json.loads(gzip.decompress(path.read_bytes()))
    runs = tuple(WorkflowHistory.from_json(read["workflow"], run) for run in read["runs"])
    return Kept(name_of(path), runs, by_number(map(EventAdapter.validate_python, read["events"])))


def _plain(path: Path) -> Kept:
    history = WorkflowHistory.from_json("DEMO-2013-001", path.read_text(encoding="utf-8"))
    found = [event.activity_task_scheduled_event_attributes for event in history.events]
    written = [x.input.payloads[0] for x in found if x.activity_type.name == RECORD_EVENTS]
    return Kept(name_of(path), (history,), by_number(event for payload in written for event in _batch(payload)))


def _batch(payload: Payload) -> tuple[Event, ...]:
    return EventBatch.model_validate_json(payload.data).events


def by_number(events: Any) -> dict[int, Event]:
    return {event.seq: event for event in events}


def name_of(path: Path) -> str:
    return path.relative_to(HISTORIES).as_posix().partition(".json")[0]


def keep(path: Path, runs: list[WorkflowHistory], events: list[Event] | tuple[Event, ...]) -> None:
    """Write the history of a case that has come to rest."""
    content = {
        "workflow": runs[0].workflow_id,
        "runs": [run.to_json_dict() for run in runs],
        "events": [event.model_dump(mode="json", by_alias=True) for event in events],
    }
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(json.dumps(content).encode(), mtime=0))


def commands(history: WorkflowHistory) -> list[str]:
    """What the workflow told the engine to do, in order: the fingerprint of its code."""
    found = []
    for event in history.events:
        kind = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").lower()
        if kind == "activity_task_scheduled":
            found.append(f"activity {event.activity_task_scheduled_event_attributes.activity_type.name}")
        elif kind == "marker_recorded":
            marker = event.marker_recorded_event_attributes
            found.append(f"marker {marker.marker_name} {_marked(marker.details)}")
        elif kind in COMMANDS:
            found.append(kind.replace("_", " "))
    return found


def _marked(details: Any) -> str:
    """Which activity the marker of a local activity is about, which change that of `workflow.patched`."""
    if "patch-data" in details:
        return str(json.loads(details["patch-data"].payloads[0].data)["id"])
    return str(json.loads(details["data"].payloads[0].data)["activity_type"])


COMMANDS = (
    "timer_started",
    "timer_canceled",
    "upsert_workflow_search_attributes",
    "workflow_properties_modified",
    "activity_task_cancel_requested",
    "workflow_execution_update_accepted",
    "workflow_execution_update_completed",
    "workflow_execution_continued_as_new",
    "workflow_execution_completed",
    "workflow_execution_failed",
)
"""The events that a command of the workflow leaves in a history, activities and markers apart."""


SHORT = "to-decision"
"""The name of the story that is played anew by the tests."""


async def to_decision(play: Play) -> None:
    """A review under Working Together 2013 until the Chair has decided."""
    await play.settle()
    await play.play(*REVIEW[:3])


def changed(was: str, now: str) -> type:
    """The workflow with a change in the source of a living case; for a runner without sandbox."""
    source = inspect.getsource(living_case)
    assert was in source, f"{was!r} is not in the living case any more: break it in another way here"
    module = ModuleType(living_case.__name__)
    exec(compile(source.replace(was, now), living_case.__file__, "exec"), module.__dict__)
    names: dict[str, Any] = {"__name__": serious_case_review.__name__}
    with patch.dict(sys.modules, {module.__name__: module}):
        exec(compile(inspect.getsource(serious_case_review), serious_case_review.__file__, "exec"), names)
    workflow: type = names["SeriousCaseReview"]
    return workflow
