"""What a decision leads to, in words, for a viewer: before it is given, by the pure code, and after. Pure."""

import re
from collections.abc import Sequence
from datetime import datetime

from models import access
from models import events as ev
from models.access import Sight
from models.board import Board
from models.case import Case, apply, role_key, role_title
from models.deciding import decide
from models.decisions import Assign, Decide, Decision
from models.refusal import Refusal
from models.telling import called_in, follows, in_words
from models.timescale import say_day

HEADINGS: dict[type[ev.Event], str] = {
    ev.LetterOwed: "Letters that go",
    ev.Started: "What is owed from now on",
    ev.Moved: "Dates that move",
    ev.Met: "What is done",
    ev.Withdrawn: "What is owed no more",
    ev.Restored: "What is set back",
}
_SHORT = {"imr", "cqc", "hmic", "sha"}


def trial(case: Case, decision: Decision, at: datetime) -> tuple[Case, list[ev.Event]]:
    """The case as a decision would leave it, and the events; nothing is sent or kept. Raises Refusal."""
    events = decide(case, decision, at)
    for event in events:
        case = apply(case, event)
    return case, events


def consequences(case: Case, events: Sequence[ev.Event], sight: Sight, board: Board) -> dict[str, list[str]]:
    """What follows for a viewer, under headings; `case` is the case after these events."""
    found: dict[str, list[str]] = {heading: [] for heading in HEADINGS.values()}
    for event in events:
        if type(event) in HEADINGS and access.sees_event(sight, case, event):
            lines = [_letter(line, event, board) for line in follows(case, [event])]
            found[HEADINGS[type(event)]] += [_whose(line, case, event) for line in lines]
    return {heading: lines for heading, lines in found.items() if lines}


def _whose(line: str, case: Case, event: ev.Event) -> str:
    record = case.steps.get(event.step or "")
    return line.replace(record.title, titled(case, record), 1) if record else line


def _letter(line: str, event: ev.Event, board: Board) -> str:
    if not isinstance(event, ev.LetterOwed):
        return line
    order = event.letter
    title = " ".join(word.upper() if word in _SHORT else word for word in order.template.split("-"))
    people = ", ".join(name(board, person) for person in order.holders)
    to = line.removeprefix(f"Letter: {order.template} ")
    return f"{title[0].upper()}{title[1:]} {to}" + (f" ({people})" if people else "")


def events_of(events: Sequence[ev.Event], decision_id: str) -> list[ev.Event]:
    """The events of one decision: itself and what was written down with it, at the same moment."""
    taken = taken_in(events, decision_id)
    if taken is None:
        return []
    found: list[ev.Event] = [taken]
    for event in events[events.index(taken) + 1 :]:
        if event.at != taken.at or isinstance(event, ev.Taken | ev.Fired | ev.Refused):
            break
        found.append(event)
    return found


def taken_in(events: Sequence[ev.Event], decision_id: str) -> ev.Taken | None:
    """The event by which a decision of this id was taken in."""
    return next((e for e in events if isinstance(e, ev.Taken) and e.decision.id == decision_id), None)


def last_decided(case: Case, key: str) -> Decision | None:
    """The decision that stands on a step."""
    standing = (e.decision for e in reversed(case.log) if e.decision.kind == "decide" and e.decision.step == key)
    return next(standing, None)


def told(case: Case, board: Board, entry: ev.Taken) -> list[tuple[str, str]]:
    """A decision in words: what, on which day, by whom, why."""
    decision = entry.decision
    step = case.procedure.steps.get((entry.step or "").partition("[")[0])
    if isinstance(decision, Decide) and step is not None:
        what = ("Outcome", step.outcomes.get(decision.outcome, decision.outcome))
    elif isinstance(decision, Assign):
        takes = "gives up" if decision.stands_down else "now holds"
        role = role_title(case, role_key(decision.role, decision.agency))
        what = ("What", f"{name(board, decision.person)} {takes} the role {role}.")
    else:
        words = in_words(entry, called_in(case, board))
        what = ("What", f"{words.partition('. Decided by ')[0]}.")
    by, *recorded = [with_title(board, person) for person in who_decided(decision)]
    who = f"{by}; recorded by {recorded[0]}" if recorded else by
    return [what, ("Day", say_day(decision.made_on)), ("Decided by", who), ("Reason", decision.because)]


def who_decided(standing: Decision | None) -> list[str]:
    """Who made a decision, and who recorded it where that was somebody else."""
    return [person for person in (standing.by, standing.recorded_by) if person] if standing else []


def titled(case: Case, record: ev.StepRecord) -> str:
    """A step by its title, with the agency or action that it is done for."""
    agency, action = case.facts.agencies.get(record.item or ""), case.facts.actions.get(record.item or "")
    whose = agency.name if agency else action.title if action else ""
    return f"{record.title} ({whose})" if whose else record.title


def name(board: Board, person: str) -> str:
    """A person of the board by name; the id of anybody else."""
    return board.people[person].name if person in board.people else person


def with_title(board: Board, person: str) -> str:
    """A person of the board by name and title."""
    known = board.people.get(person)
    return f"{known.name}, {known.title}" if known else person


def plainly(case: Case, board: Board, refusal: Refusal) -> str:
    """A refusal in its own words, with steps and people by name where it quotes their ids."""

    def named(quoted: re.Match[str]) -> str:
        known = case.steps.get(quoted[1])
        return f"“{known.title}”" if known else name(board, quoted[1]) if quoted[1] in board.people else quoted[0]

    return re.sub(r"'([^']*)'", named, str(refusal))
