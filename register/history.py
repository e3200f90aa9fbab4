"""Events in words: one line each, as people read a case's history."""

from datetime import datetime
from typing import NamedTuple

from models import events as ev
from models.decisions import (
    Adopt,
    Agree,
    Assign,
    Close,
    Correct,
    Decide,
    Decision,
    Extend,
    Involve,
    Plan,
    Proclaim,
    Reconsider,
    Resend,
)
from models.timescale import Day, say


class HistoryRow(NamedTuple):
    """A line of a case's history: the aware moment of writing, the local day it happened, and what happened."""

    seq: int
    at: datetime
    on: Day
    kind: str
    step: str | None
    text: str


def history_row(event: ev.Event) -> HistoryRow:
    """The line of an event."""
    return HistoryRow(event.seq, event.at, event.on, event.kind, event.step, in_words(event))


def in_words(event: ev.Event) -> str:
    """An event in a sentence, without the step's key and the day, which have columns of their own."""
    match event:
        case ev.Opened():
            return f"The case was opened under {event.opening.procedure.title}."
        case ev.Taken():
            said = event.decision
            late = f", {_days(event.late_by)} late" if event.late_by else ""
            recorded = f" (recorded by {said.recorded_by})" if said.recorded_by else ""
            return f"{_decided(said)}{late}. Decided by {said.by}{recorded}: {said.because}"
        case ev.Started():
            return f"{event.record.title}: {_due(event.record)}. {event.because}"
        case ev.Moved():
            before = f", before that {say(event.was)}" if event.was else ""
            return f"{event.record.title}: {_due(event.record)}{before}. {event.because}"
        case ev.Met():
            return f"Done, {_days(event.late_by)} late." if event.late_by else "Done."
        case ev.Withdrawn():
            return f"No longer owed. {event.because}"
        case ev.Restored():
            return "Set back to what it was." if event.record else "Not owed after all."
        case ev.Fired():
            return f"Due {say(event.due)}: {event.rung.words}; for {', '.join(event.rung.to)}."
        case ev.LetterOwed():
            return f'Letter "{event.letter.template}" to {event.letter.recipient} must go.'
        case ev.LetterSent():
            return f"Letter {event.letter} to {event.recipient} went out."
        case ev.LetterFailed():
            return f"Letter {event.letter} to {event.recipient} did not go: {event.because}"
        case ev.LetterWithdrawn():
            return f"Letter {event.letter} is no longer wanted."
        case ev.Refused():
            return f"A decision was refused: {event.because}"


def _due(record: ev.StepRecord) -> str:
    return f"due {say(record.due)}" if record.due else "no date"


def _days(days: int) -> str:
    return f"{days} {'day' if days == 1 else 'days'}"


def _decided(said: Decision) -> str:
    match said:
        case Decide():
            return f"Outcome: {said.outcome}"
        case Extend():
            until = f"to {say(said.to)}" if said.to else f"by {said.period}"
            return f"Timescale extended {until}, agreed with {said.agreed_with}"
        case Reconsider():
            return "Opened again because of new information"
        case Correct():
            return "A mistaken entry was taken back"
        case Assign():
            role = f"{said.role} for {said.agency}" if said.agency else said.role
            return f"{said.person} {'stood down as' if said.stands_down else 'is now'} {role}"
        case Involve():
            return f"{said.name} is involved"
        case Plan():
            return f"Planned for {say(said.day)}: {said.what}"
        case Agree():
            return f"Action agreed, due {say(said.due)}: {said.title}"
        case Proclaim():
            return f"{say(said.day)} became a non-working day, {said.name}"
        case Adopt():
            return f"The case goes on under {said.procedure.title}, version {said.procedure.version}"
        case Resend():
            return f"Letter {said.letter} is to be tried again"
        case Close():
            return f"The case was closed as {said.how}"
