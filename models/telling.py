"""A case in words: what follows from a decision, what the case waits for, each event as a sentence."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from typing import NamedTuple

from models import events as ev
from models.board import Board
from models.calendar import Calendar
from models.case import Case, role_title, stage
from models.decisions import (
    Adopt,
    Agree,
    Assign,
    Close,
    Correct,
    Decide,
    Decision,
    Extend,
    File,
    Involve,
    Plan,
    Proclaim,
    Reconsider,
    Recuse,
    Resend,
)
from models.timescale import days_between, local_date, say, working_days_between
from models.turn import waiting


def follows(case: Case, events: Iterable[ev.Event]) -> Iterator[str]:
    """One line for each consequence of a decision that a person wants to know of."""
    for event in events:
        match event:
            case ev.Started(record=record):
                yield f"{role_title(case, record.owner)}: {record.title}{_by(record)}"
            case ev.Moved(record=record, was=was) if was != record.due:
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
        lines += ["Waits for", ""]
        lines += [_item(case, record, who, today) for record, who in owed]
    failed = [letter.id for letter in case.letters.values() if letter.state == "failed"]
    if failed:
        lines += ["", "Letters that could not be sent: " + ", ".join(failed)]
    return "\n".join(lines)


def _item(case: Case, record: ev.StepRecord, who: str, today: date) -> str:
    left = f"**{time_left(record.due, today, case.calendar)}**," if record.due else "no date"
    return f"- {who}: {record.title} (`{record.key}`), {left}{_by(record)}"


def time_left(due: date, today: date, calendar: Calendar) -> str:
    """How many working days are left, today not counted, or how many calendar days it is overdue."""
    late = days_between(due, today)
    if late > 0:
        return f"{late} {'day' if late == 1 else 'days'} overdue"
    working = working_days_between(today, due, calendar)
    return "due today" if late == 0 else f"{working} working {'day' if working == 1 else 'days'} left"


class Called(NamedTuple):
    """How ids that an event holds are told; `item` is an agency or an action. As they are unless it says otherwise."""

    person: Callable[[str], str] = str
    role: Callable[[str], str] = str
    letter: Callable[[str], str] = str
    item: Callable[[str], str] = str
    template: Callable[[str], str] = '"{}"'.format
    outcome: Callable[[Decide], str] = lambda said: said.outcome


AS_THEY_ARE = Called()


def called_in(case: Case, board: Board) -> Called:
    """Names and titles for the ids of a case; what is not known is told by its id."""
    agencies = {key: fact.name for key, fact in case.facts.agencies.items()}
    items = agencies | {key: action.title for key, action in case.facts.actions.items()}

    def person(known: str) -> str:
        return board.people[known].name if known in board.people else known

    def template(known: str) -> str:
        return f"“{known.replace('-', ' ').capitalize()}”"

    def letter(known: str) -> str:
        return template(case.letters[known].template) if known in case.letters else known

    def outcome(said: Decide) -> str:
        step = case.procedure.steps.get(said.step.partition("[")[0])
        return step.outcomes.get(said.outcome, said.outcome) if step else said.outcome

    return Called(person, lambda key: role_title(case, key), letter, lambda key: items.get(key, key), template, outcome)


def in_words(event: ev.Event, called: Called = AS_THEY_ARE) -> str:
    """An event in a sentence, without the step's key and the day, which have columns of their own."""
    match event:
        case ev.Opened():
            return f"The case was opened under {event.opening.procedure.title}."
        case ev.Taken():
            said = event.decision
            late = f", {_days(event.late_by)} late" if event.late_by else ""
            recorded = f" (recorded by {called.person(said.recorded_by)})" if said.recorded_by else ""
            return f"{_decided(said, called)}{late}. Decided by {called.person(said.by)}{recorded}: {said.because}"
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
            roles = ", ".join(dict.fromkeys(map(called.role, event.rung.to)))
            return f"Due {say(event.due)}: {event.rung.words}; for {roles}."
        case ev.LetterOwed():
            return f"Letter {called.template(event.letter.template)} to {called.role(event.letter.recipient)} must go."
        case ev.LetterSent():
            return f"Letter {called.letter(event.letter)} to {called.role(event.recipient)} went out."
        case ev.LetterFailed():
            return f"Letter {called.letter(event.letter)} to {called.role(event.recipient)} did not go: {event.because}"
        case ev.LetterWithdrawn():
            return f"Letter {called.letter(event.letter)} is no longer wanted."
        case ev.Refused():
            return f"A decision was refused: {event.because}"


def _due(record: ev.StepRecord) -> str:
    return f"due {say(record.due)}" if record.due else "no date"


def _days(days: int) -> str:
    return f"{days} {'day' if days == 1 else 'days'}"


def _grounds(said: Decide) -> Iterator[str]:
    if said.evidence:
        yield f"evidence: {said.evidence.rstrip('.')}"
    for searched in said.searched:
        hits = "nothing found" if searched.hits == 0 else f"{searched.hits} found"
        yield f"{searched.document} searched for what identifies people, {hits}"


def _decided(said: Decision, called: Called) -> str:
    match said:
        case Decide():
            return "; ".join([f"Outcome: {called.outcome(said)}", *_grounds(said)])
        case Extend():
            until = f"to {say(said.to)}" if said.to else f"by {said.period}"
            return f"Timescale extended {until}, agreed with {said.agreed_with}"
        case Reconsider():
            return "Opened again because of new information"
        case Correct():
            return "A mistaken entry was taken back"
        case Assign():
            role = called.role(said.role) + (f" for {called.item(said.agency)}" if said.agency else "")
            return f"{called.person(said.person)} {'stood down as' if said.stands_down else 'is now'} {role}"
        case Recuse():
            return f"{called.person(said.person)} has a conflict of interest and takes no part"
        case File():
            item = said.agency or said.action
            whose = f" of {called.item(item)}" if item else ""
            return f"Filed: {said.document}{whose}, {said.size:,} bytes, SHA-256 {said.sha256[:12]}…"
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
            return f"Letter {called.letter(said.letter)} is to be tried again"
        case Close():
            return f"The case was closed as {said.how}"
