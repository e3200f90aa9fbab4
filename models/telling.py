"""A case in words: what follows from a decision, and what the case waits for."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime

from models import events as ev
from models.calendar import Calendar
from models.case import Case, role_title, stage
from models.timescale import days_between, local_date, say, working_days_between
from models.turn import waiting


def follows(case: Case, events: Iterable[ev.Event]) -> Iterator[str]:
    """One line for each consequence of a decision that a person wants to know of."""
    for event in events:
        match event:
            case ev.Started(record=record):
                yield f"{role_title(case, record.owner)}: {record.title}{_by(record)}"
            case ev.Moved(record=record, was=was):
                was_due = f", before {say(was)}" if was else ""
                yield f"{record.title}: now{_by(record) or ' without a computable date'}{was_due}"
            case ev.Met():
                yield f"{case.steps[event.step or ''].title}: done"
            case ev.Withdrawn():
                yield f"{case.steps[event.step or ''].title}: no longer owed"
            case ev.Restored(record=restored):
                yield f"{restored.title if restored else event.step}: {'as before' if restored else 'not owed'}"
            case ev.LetterOwed(letter=letter):
                yield f"Letter: {letter.template} to {role_title(case, letter.recipient)}"


def _by(record: ev.StepRecord) -> str:
    if record.due is None:
        return ""
    act_by = f" (act by {say(record.act_by)})" if record.act_by and record.act_by != record.due else ""
    return f" by {say(record.due)}{act_by}"


def in_markdown(case: Case, now: datetime) -> str:
    """What the case waits for, for whom and until when, as Markdown for the Temporal Web UI."""
    today = local_date(now, case.calendar.timezone)
    lines = [f"**{stage(case)}** under {case.procedure.title}", ""]
    owed = waiting(case)
    if owed:
        lines += ["| Waits for | Step | Due | Act by | |", "|---|---|---|---|---|"]
        lines += [_row(case, record, who, today) for record, who in owed]
    failed = [letter.id for letter in case.letters.values() if letter.state == "failed"]
    if failed:
        lines += ["", "Letters that could not be sent: " + ", ".join(failed)]
    return "\n".join(lines)


def _row(case: Case, record: ev.StepRecord, who: str, today: date) -> str:
    if record.due is None or record.act_by is None:
        return f"| {who} | {record.title} ({record.key}) | no date | | |"
    dates = f"{say(record.due)} | {say(record.act_by)} | {time_left(record.due, today, case.calendar)}"
    return f"| {who} | {record.title} ({record.key}) | {dates} |"


def time_left(due: date, today: date, calendar: Calendar) -> str:
    """How many working days are left, today not counted, or how many calendar days it is overdue."""
    late = days_between(due, today)
    if late > 0:
        return f"{late} {'day' if late == 1 else 'days'} overdue"
    working = working_days_between(today, due, calendar)
    return "due today" if late == 0 else f"{working} working {'day' if working == 1 else 'days'} left"
