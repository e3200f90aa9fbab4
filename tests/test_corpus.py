"""All that the engine was ever given of a case can still be read: every payload of every kept history."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine import RING, SEALING
from google.protobuf.message import Message
from kept import HISTORIES, PATHS, Kept, kept, name_of
from pydantic import TypeAdapter
from temporalio.api.common.v1 import Payload, SearchAttributes
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from models.decisions import Decision
from models.events import Refused
from models.letters import LetterReport
from models.messages import RECORD_EVENTS, SEND_LETTERS, SENDER_RECORDS, Answer, CaseEnd, CaseInput, EventBatch, Mail
from payloads import ENCODING, converter, inflated
from register.sealed import Ring, SealError

ACTIVITIES: dict[str, tuple[Any, Any]] = {RECORD_EVENTS: (EventBatch, int), SEND_LETTERS: (Mail, list[LetterReport])}
MODELS: dict[str, Any] = {
    "workflow_execution_started.input": CaseInput,
    "workflow_execution_continued_as_new.input": CaseInput,
    "workflow_execution_completed.result": CaseEnd,
    "workflow_execution_signaled.input": Decision,
    "workflow_execution_update_accepted.accepted_request.input.args": Decision,
    "workflow_execution_update_completed.outcome.success": Answer,
    "marker_recorded.details.data": dict[str, Any],
    "marker_recorded.details.result": int,
    "user_metadata.summary": str,
    "user_metadata.details": str,
}
"""By which model the payloads of each place are read; those of activities by `ACTIVITIES`."""


def places(message: Message, *path: str) -> Iterator[tuple[str, Payload | Failure]]:
    """Every payload of a message with the place where it is; search attributes are plain and typed by themselves."""
    if isinstance(message, Payload) or (isinstance(message, Failure) and message.HasField("encoded_attributes")):
        yield ".".join(path), message
    elif not isinstance(message, SearchAttributes):
        for field, value in message.ListFields():
            if field.message_type is not None:
                for name, part in parts(field.name.removesuffix("_event_attributes"), value):
                    yield from places(part, *path, *name)


def parts(name: str, value: Any) -> Iterator[tuple[tuple[str, ...], Message]]:
    """The messages that a field holds; `payloads` is a mere wrapper."""
    own = () if name == "payloads" else (name,)
    if isinstance(value, Message):
        yield own, value
    elif hasattr(value, "items"):
        yield from (((*own, key), part) for key, part in value.items() if isinstance(part, Message))
    else:
        yield from ((own, part) for part in value)


def model(place: str, event: HistoryEvent, run: WorkflowHistory) -> Any:
    """By which model a payload is read; None where nobody has said."""
    if place == "activity_task_scheduled.input":
        return ACTIVITIES[event.activity_task_scheduled_event_attributes.activity_type.name][0]
    if place == "activity_task_completed.result":
        scheduled = run.events[event.activity_task_completed_event_attributes.scheduled_event_id - 1]
        return ACTIVITIES[scheduled.activity_task_scheduled_event_attributes.activity_type.name][1]
    return MODELS.get(place)


def lost(was: Any, now: Any, place: str) -> list[str]:
    """What stood in a payload and does not come back from its model: a field that was renamed or dropped."""
    if isinstance(was, dict) and isinstance(now, dict):
        return [x for key in was for x in lost(was[key], now.get(key, "(nothing)"), f"{place}.{key}")]
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        return [x for old, new in zip(was, now, strict=True) for x in lost(old, new, place)]
    return [] if was == now else [f"{place}: {was!r} is read as {now!r}"]


async def faults(found: Kept) -> list[str]:
    """What of a kept case today's models do not read, or read otherwise."""
    said, refused = [], sum(isinstance(event, Refused) for event in found.events.values())
    for run in found.runs:
        for event in run.events:
            for place, held in places(event):
                if isinstance(held, Failure):
                    await SEALING.decode_failure(held)
                    continue
                reader = model(place, event, run)
                if reader is None:
                    said.append(f"{place}: say in MODELS by which model this is read")
                    continue
                [opened] = await SEALING.payload_codec.decode([held]) if SEALING.payload_codec else [held]
                plain = inflated(opened)
                try:
                    said.extend(again(plain, reader, place))
                except ValueError as error:
                    if place != "workflow_execution_signaled.input" or not (refused := refused - 1) >= 0:
                        said.append(f"{place}: {error}")
    return said


def again(plain: Payload, reader: Any, place: str) -> list[str]:
    """Read a payload by its model and write it anew."""
    adapter: TypeAdapter[Any] = TypeAdapter(reader)
    given = json.loads(plain.data)
    if isinstance(given, dict):
        given.pop(SENDER_RECORDS, None)  # stands beside a decision, and is taken out before it is read
    read = adapter.validate_json(json.dumps(given))
    return lost(given, adapter.dump_python(read, mode="json", by_alias=True), place)


@pytest.mark.parametrize("path", PATHS, ids=name_of)
async def test_every_payload_of_a_kept_history_is_read_whole(path: Path) -> None:
    assert await faults(kept(path)) == []


def test_there_are_payloads_of_every_place_sealed_and_plain() -> None:
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for event in (event for path in PATHS for run in kept(path).runs for event in run.events):
        for place, held in places(event):
            if isinstance(held, Payload):
                found[held.metadata.get("encoding") == ENCODING].add(place)
    given = {"workflow_execution_started.input", "activity_task_scheduled.input", "activity_task_completed.result"}
    assert found[True] >= given
    assert found[False] >= given
    assert found[True] | found[False] == {*MODELS, *given}, "what no history holds is not proved to be read"


async def test_a_field_that_a_model_does_not_know_any_more_is_noticed() -> None:
    sealed = Payload(data=b'{"reference": "DEMO-2013-001", "closed": "completed", "events": 7, "ended": "2013-10-11"}')
    assert again(sealed, CaseEnd, "end") == ["end.ended: '2013-10-11' is read as '(nothing)'"]


async def test_a_payload_under_an_unknown_key_says_which_key_is_missing() -> None:
    [run] = kept(HISTORIES / "writes-locally" / "to-decision.json.gz").runs
    given = run.events[0].workflow_execution_started_event_attributes.input.payloads
    other = converter(Ring(None, {"otherkey": bytes(32)}, "otherkey"))
    with pytest.raises(SealError, match=f"sealed with the key {RING.current}, which is not in SCR_KEYS: put that key"):
        await other.decode(given, [CaseInput])
