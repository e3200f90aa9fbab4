"""When a step of a case is due, why on that day, and on which moments its ladder reminds and escalates.

It asks `models/timescale.py` for every date; it counts nothing itself.
"""

from datetime import date, datetime
from typing import Any, NamedTuple

from models.calendar import BeyondCalendar
from models.case import Case
from models.events import Rung, StepRecord
from models.procedure import Group, RungSpec, Step
from models.timescale import (
    Counted,
    Day,
    OnNonWorkingDay,
    at_hour,
    count,
    count_before,
    days_between,
    earliest,
    exact,
    latest,
    named_day,
    parse_period,
    say,
)

REMINDERS_GO_AT = 8
"""The local hour at which reminders and escalations go out; expiry itself is the end of the due day."""


class Reckoned(NamedTuple):
    """The date of a step, or None where there is no computable one, and the reasoning in words."""

    counted: Counted | None
    because: str


def reckon(case: Case, record: StepRecord) -> Reckoned:
    """The due date of a step as the case stands, an agreed extension included (domain part 4)."""
    base = _statutory(case, record)
    if record.extension is None or base.counted is None:
        return base
    if record.extension.to is not None:
        extended = named_day(record.extension.to, case.calendar)
    else:
        plain = _statutory(case, record, rolled=False).counted or base.counted
        period = parse_period(record.extension.period or "")
        extended = count(period, plain.due, case.calendar, on_non_working_day=_roll(case, record))
    return Reckoned(extended, f"Extended from {say(base.counted.due)}. {extended.because}")


def _roll(case: Case, record: StepRecord) -> OnNonWorkingDay:
    timed = case.procedure.timed(record.step)
    return timed.on_non_working_day if isinstance(timed, Step) else "keep"


def _statutory(case: Case, record: StepRecord, *, rolled: bool = True) -> Reckoned:
    timed = case.procedure.timed(record.step)
    roll = _roll(case, record) if rolled else "keep"
    if isinstance(timed, Step) and timed.before is not None:
        return _before(case, timed, roll)
    if isinstance(timed, Step) and timed.each == "action" and timed.within is None:
        action = case.facts.actions[record.item or ""]
        return Reckoned(named_day(action.due, case.calendar), f"The action plan says {say(action.due)}.")
    if timed.within is None:
        return Reckoned(None, "The procedure sets no period for this step.")
    return _within(case, record, timed, roll)


def _within(case: Case, record: StepRecord, timed: Step | Group, roll: OnNonWorkingDay) -> Reckoned:
    name = timed.of if timed.of and not record.reconsidered else None
    start = case.facts.happened.get(name) if name else record.since
    if start is None:
        return Reckoned(None, f"No computable date: it is counted from {name!r}, which has not happened.")
    cause = case.steps.get(record.cause.partition(".")[0])
    if cause is not None and cause.reconsidered and latest(start) < earliest(cause.since):
        start = cause.since  # what it is counted from lies before the new information
    period = parse_period(timed.within or "")
    day = exact(start)
    if day is None:
        first = count(period, earliest(start), case.calendar, on_non_working_day=roll)
        last = count(period, latest(start), case.calendar, on_non_working_day=roll)
        return Reckoned(
            None,
            f"No computable date: the day it is counted from is known only as {start}, "
            f"so it falls between {say(first.due)} and {say(last.due)}.",
        )
    counted = count(period, day, case.calendar, on_non_working_day=roll)
    target = " This is a target of the Board's own." if isinstance(timed, Step) and timed.target else ""
    return Reckoned(counted, counted.because + target)


def _before(case: Case, step: Step, roll: OnNonWorkingDay) -> Reckoned:
    planned = case.procedure.planned[step.before or ""]
    day = case.facts.planned.get(step.before or "")
    provisional = ""
    if day is None:
        owed = case.steps.get(planned.step)
        if owed is None or owed.state != "open" or owed.due is None:
            return Reckoned(
                None, f"No computable date; send now: there is no {planned.title.lower()} to count back from."
            )
        day = owed.due
        provisional = (
            f" No day is planned yet for the {planned.title.lower()}: the last day for it stands in its place."
        )
    period = parse_period(step.at_least or "")
    counted = count_before(period, day, case.calendar, clear=step.clear, on_non_working_day=roll)
    return Reckoned(counted, counted.because + provisional)


def lateness(due: date | None, met_on: Day) -> int | None:
    """Calendar days after the due date, 0 if in time; None without a due date or where a partial day leaves it open."""
    if due is None:
        return None
    if latest(met_on) <= due:
        return 0
    return days_between(due, earliest(met_on)) if earliest(met_on) > due else None


def undated(record: StepRecord) -> StepRecord:
    """The record without a date."""
    update: dict[str, Any] = {"due": None, "act_by": None, "expires": None, "rungs": ()}
    return record.model_copy(update=update)


def dated(case: Case, record: StepRecord, now: datetime, *, ladders: bool = False) -> tuple[StepRecord, str]:
    """The record with its dates and ladder as they are now, and why.

    The ladder of a due date that stays is placed anew only if `ladders`: the calendar or the procedure is another.
    """
    counted, because = reckon(case, record)
    if counted is None:
        return undated(record), because
    stays = (counted.due, counted.act_by, counted.due_at) == (record.due, record.act_by, record.expires)
    if stays and not ladders:
        return record, because
    update = {"due": counted.due, "act_by": counted.act_by, "expires": counted.due_at}
    moved = record.model_copy(update=update)
    rungs = ladder(case, moved, now)
    if stays and rungs == tuple(rung for rung in record.rungs if rung.id not in case.fired):
        return record, because
    words = "The date stays; its reminders and escalations are placed anew." if stays else because
    return moved.model_copy(update={"rungs": rungs}), words


def ladder(case: Case, record: StepRecord, now: datetime) -> tuple[Rung, ...]:
    """The rungs still to fire for a record's due date.

    A reminder whose moment has passed reminds nobody and is left out; so is a rung that has fired for an earlier
    due date of the same step and whose new moment has passed too.
    """
    rungs = []
    for number, spec in enumerate(case.procedure.ladder(record.step)):
        try:
            at, words = _placed(case, spec, record)
        except BeyondCalendar:  # a date is not refused for the sake of a reminder; the next calendar places it
            continue
        rung = Rung(
            id=f"{record.key}.{record.round}.{record.due}.{number}",
            at=at,
            do=spec.do,
            to=tuple(record.owner if role == "owner" else role for role in spec.to),
            words=words,
        )
        before = [i for i in case.fired if i.startswith(f"{record.key}.{record.round}.") and i.endswith(f".{number}")]
        if rung.id in before or (at <= now and (before or spec.do == "remind")):
            continue
        rungs.append(rung)
    return tuple(sorted(rungs, key=lambda rung: rung.at))


def _placed(case: Case, spec: RungSpec, record: StepRecord) -> tuple[datetime, str]:
    assert record.due is not None
    assert record.expires is not None
    if spec.at == "expiry":
        return record.expires, "overdue"
    text, _, side = spec.at.rpartition(" ")
    period, zone = parse_period(text), case.calendar.timezone
    if side == "before":
        day = count_before(period, record.due, case.calendar).due
        return at_hour(day, REMINDERS_GO_AT, zone), f"{period} before it is due"
    day = count(period, record.due, case.calendar).due
    return at_hour(day, REMINDERS_GO_AT, zone), f"{period} overdue"
