"""What events change in the tables that are read: no database here, only values.

`Projection` gathers the changes of a run of events; `summary` says what a case waits for, from its open steps.
Nothing here judges: what a case makes of a decision was settled in `models/` before the event was written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, NamedTuple

from models import events as ev
from models.decisions import Adopt, Close, Decide, Reconsider, Resend
from models.letters import LetterOrder
from models.procedure import DONE, Procedure
from models.timescale import Day

Outline = dict[str, list[str | None]]
"""Of a procedure, in the order of its file: step or group -> [row of the guidance, stage]."""

CLOSED = {"completed": "Closed", "withdrawn": "Withdrawn"}
NOTHING_OWED = "Nothing owed"


@dataclass
class Change:
    """The change to one row: put it (all columns), patch it (some) if it is there, or drop it."""

    act: Literal["put", "patch", "drop"]
    values: dict[str, Any] = field(default_factory=dict)


class OpenStep(NamedTuple):
    """What `summary` needs to know of a step that is owed."""

    step: str
    owner: str
    due: date | None


class Projection:
    """The changes that events make, one for each row that changes.

    `outline` is that of the procedure in force before them; `original` is the procedure the case opened with, to
    which a correction may return (needed only where a correction is among the events).
    """

    def __init__(self, outline: Outline, original: Procedure | None = None) -> None:
        self.outline = outline
        self.original = original
        self.case: dict[str, Any] = {}
        self.steps: dict[str, Change] = {}
        self.letters: dict[str, Change] = {}

    def add(self, event: ev.Event) -> None:
        """Take in the next event."""
        match event:
            case ev.Opened():
                self._open(event)
            case ev.Taken():
                self._take(event)
            case ev.Started() | ev.Moved():
                self._put_step(event.record)
            case ev.Restored():
                if event.record is not None:
                    self._put_step(event.record)
                elif event.step is not None:
                    _merge(self.steps, event.step, Change("drop"))
            case ev.Met():
                self._complete(event.step, DONE, event.on, event.late_by)
            case ev.Withdrawn():
                self._patch_step(event.step, state="withdrawn")
            case ev.LetterOwed():
                self._put_letter(event.letter, event.step)
            case ev.LetterSent():
                self._patch_letter(event.letter, state="sent", sha256=event.sha256, sent_at=event.at, because=None)
            case ev.LetterFailed():
                self._patch_letter(event.letter, state="failed", because=event.because)
            case ev.LetterWithdrawn():
                self._patch_letter(event.letter, state="withdrawn")
            case ev.Fired() | ev.Refused():
                pass  # they happened, and leave what is owed as it was

    def _open(self, event: ev.Opened) -> None:
        opening = event.opening
        self.case |= {
            "board": opening.board,
            "notified_on": str(opening.notified_on),
            "opened_at": event.at,
            "state": "open",
            "how": None,
        }
        self._follow(opening.procedure)

    def _take(self, event: ev.Taken) -> None:
        match event.decision:
            case Decide() as said:
                self._complete(said.step, said.outcome, said.made_on, event.late_by)
            case Close() as said:
                self._close(said.how)
            case Reconsider():
                self._close(None)
            case Adopt() as said:
                self._follow(said.procedure)
            case Resend() as said:
                self._patch_letter(said.letter, state="owed", because=None)
        if event.facts is not None:  # what a correction leaves
            self._close(event.facts.closed)
            self._follow(event.facts.adopted or self.original)

    def _close(self, how: str | None) -> None:
        self.case |= {"state": "closed" if how else "open", "how": how}

    def _follow(self, procedure: Procedure | None) -> None:
        if procedure is None:
            return
        self.outline = outline_of(procedure)
        self.case |= {"procedure": procedure.id, "procedure_title": procedure.title, "outline": self.outline}

    def _complete(self, key: str | None, outcome: str, on: Day, late_by: int | None) -> None:
        self._patch_step(key, state="done", outcome=outcome, met_on=str(on), late_by=late_by)

    def _put_step(self, record: ev.StepRecord) -> None:
        values = record.model_dump(exclude={"cause", "rungs", "extension", "since", "met_on"})
        values["since"] = str(record.since)
        values["met_on"] = None if record.met_on is None else str(record.met_on)
        values["row"] = self.outline.get(record.step, [None])[0]
        _merge(self.steps, record.key, Change("put", values))

    def _patch_step(self, key: str | None, **values: Any) -> None:
        if key is not None:
            _merge(self.steps, key, Change("patch", values))

    def _put_letter(self, order: LetterOrder, step: str | None) -> None:
        values = {
            "letter": order.id,
            "template": order.template,
            "recipient": order.recipient,
            "sender": order.sender,
            "step": step,
            "on": order.on,
            "state": "owed",
            "sha256": None,
            "because": None,
            "sent_at": None,
        }
        _merge(self.letters, order.id, Change("put", values))

    def _patch_letter(self, letter: str, **values: Any) -> None:
        _merge(self.letters, letter, Change("patch", values))


def _merge(changes: dict[str, Change], key: str, new: Change) -> None:
    """Let one change stand for two to the same row, the later one last."""
    old = changes.get(key)
    if old is None or new.act != "patch":
        changes[key] = new
    elif old.act != "drop":  # there is no row left to patch after a drop
        old.values |= new.values


def outline_of(procedure: Procedure) -> Outline:
    """The row and the stage of every step and group; an optional step says nothing about the stage of a case."""
    steps = {step.id: [step.row, None if step.optional else step.stage] for step in procedure.step}
    return steps | {name: [group.row, None] for name, group in procedure.group.items()}


def summary(how: str | None, outline: Mapping[str, list[str | None]], steps: Iterable[OpenStep]) -> dict[str, Any]:
    """The columns of a case that follow from its open steps: stage, the roles waited for, the next due date.

    `how` is how it was closed; nothing is owed in a closed case. The stage is that of the furthest step owed, as in
    `models.case.stage`.
    """
    owed = [] if how else list(steps)
    names = {step.step for step in owed}
    stages = [stage for step, (_, stage) in outline.items() if stage and step in names]
    return {
        "stage": CLOSED[how] if how else stages[-1] if stages else NOTHING_OWED,
        "waiting_for": sorted({step.owner for step in owed}),
        "next_due": min((step.due for step in owed if step.due is not None), default=None),
    }
