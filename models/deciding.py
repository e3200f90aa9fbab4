"""What a decision makes of a case: `decide(case, decision, at) -> events`, or a Refusal that says what would be right.

Pure. The same code answers "what happened", "what would happen" and, for a correction, "what would be without it".
"""

import re
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, get_args

from models import events as ev
from models.case import Case, mark_of, names_of, role_key
from models.check import check
from models.correcting import correct
from models.correspondence import NOTICES
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
from models.gates import must_pass
from models.people import must_be_independent, must_file, must_hold, must_manage, must_not_employ
from models.procedure import DocumentKind, Step
from models.reckoning import ladder, lateness, reckon
from models.refusal import Refusal
from models.timescale import earliest, latest, parse_period, say
from models.turn import Turn, must_not_lie_ahead, said

AGENCYS_OWN = ("chronology", "imr", "agency-statement", "interview-record")
"""Documents of which each agency has its own."""

MOST_WORDS = 300
"""How much of a refusal's reason is written down."""


def decide(case: Case, decision: Decision, at: datetime) -> list[ev.Event]:
    """The events that follow from a decision taken in at the aware moment `at`.

    An empty list if this very decision was taken in before. Raises Refusal.
    """
    if decision.id in case.ids:
        if case.ids[decision.id] != mark_of(decision):
            raise Refusal(f"The id {decision.id} was used for another decision; give this one an id of its own.")
        return []
    turn = Turn(case, at)
    _must_be_possible(turn, decision)
    HANDLERS[decision.kind](turn, decision)
    return turn.events


def refused(case: Case, decision_id: str, because: str, at: datetime) -> list[ev.Event]:
    """The event that writes a refused decision down, without the words it quotes; it changes nothing else."""
    turn = Turn(case, at)
    turn.emit(ev.Refused, decision=decision_id[:64], because=_without_quotations(case, because)[:MOST_WORDS])
    return turn.events


def _without_quotations(case: Case, because: str) -> str:
    """A reason without what it quotes of the sender's input, which may be anything; the procedure's words stay."""
    procedure = case.procedure
    names = {*case.steps, *procedure.steps, *procedure.group, *procedure.roles, *get_args(DocumentKind)}
    own = names | {step.title for step in procedure.step}
    return re.sub(r"'([^']*)'|\"([^\"]*)\"", lambda m: m[0] if (m[1] or m[2]) in own else "'…'", because)


def _must_be_possible(turn: Turn, decision: Decision) -> None:
    case = turn.case
    if case.facts.closed and not isinstance(decision, Reconsider | Correct):
        raise Refusal(f"Case {case.opening.reference} is closed; reconsider a decision to open it again.")
    must_not_lie_ahead(decision.made_on, turn.today)
    if decision.recorded_by and decision.recorded_by != decision.by:
        must_manage(case, decision.recorded_by)


def _record(case: Case, key: str) -> ev.StepRecord:
    """The record of a step that has been owed, by its key."""
    if key in case.steps:
        return case.steps[key]
    step = key.partition("[")[0]
    if step in case.steps:
        raise Refusal(f"{step!r} is not done for each one separately; say {step!r}.")
    items = [k for k, record in case.steps.items() if record.step == step]
    if items:
        raise Refusal(f"{step!r} is done for each one separately: say {' or '.join(items)}.")
    if step in case.procedure.steps or step in case.procedure.group:
        raise Refusal(f"{key!r} is not owed yet in this case{_after(case, step)}.")
    known = ", ".join(case.procedure.steps)
    raise Refusal(f"{key!r} is no step of {case.procedure.id}; its steps are {known}.")


def _after(case: Case, step: str) -> str:
    timed = case.procedure.timed(step)
    names = timed.after if isinstance(timed, Step) else (timed.of,)
    return f": it follows from {' or '.join(names)}" if names else ""


def _decide(turn: Turn, decision: Decide) -> None:
    case = turn.case
    record = _record(case, decision.step)
    step = case.procedure.timed(record.step)
    if not isinstance(step, Step):
        raise Refusal(f"{record.key!r} is met when its steps are done; decide those.")
    if record.state != "open":
        what = "decided already" if record.state == "done" else "no longer owed"
        raise Refusal(f"{record.key!r} is {what}; reconsider it if there is new information, correct it if mistaken.")
    if decision.outcome not in step.outcomes:
        known = ", ".join(step.outcomes)
        raise Refusal(f"{decision.outcome!r} is no outcome of {record.step!r}; it has {known}.")
    must_hold(case, decision.by, record.owner)
    if not step.precedes and latest(decision.made_on) < earliest(record.since):
        raise Refusal(
            f"{said(decision.made_on)} is before {said(record.since)}, the day {record.key!r} follows from; "
            "give a later day."
        )
    must_pass(case, step, record, decision)
    turn.take(decision, step=record.key, late_by=lateness(record.due, decision.made_on))
    turn.withdraw_letters(record.key)
    turn.outcome_letters(record.key, decision)
    turn.recount()


def _extend(turn: Turn, decision: Extend) -> None:
    case = turn.case
    record = _record(case, decision.step)
    if record.state != "open":
        raise Refusal(f"{record.key!r} is not owed any more, so its date cannot be extended.")
    if record.due is None:
        raise Refusal(f"{record.key!r} has no due date that could be extended.")
    must_manage(case, decision.by)
    if decision.period and parse_period(decision.period).unit in ("hours", "immediately"):
        raise Refusal("A timescale is extended by days, weeks, months or working days, or until a day.")
    extension = ev.Extension(to=decision.to, period=decision.period)
    new = reckon(case, record.model_copy(update={"extension": extension})).counted
    assert new is not None  # a record with a due date has a statutory one
    if new.due <= record.due:
        raise Refusal(f"An extension ends later than {say(record.due)}, the date it has now; {say(new.due)} does not.")
    turn.take(decision, step=record.key)
    turn.recount(tell=decision)


def _reconsider(turn: Turn, decision: Reconsider) -> None:
    case = turn.case
    record = _record(case, decision.step)
    if record.state != "done" or not isinstance(case.procedure.timed(record.step), Step):
        raise Refusal(f"{record.key!r} has not been decided, so there is nothing to reconsider.")
    if record.step == case.procedure.begins:
        raise Refusal(f"{record.key!r} is how the case began, which is not reconsidered; close the case as withdrawn.")
    must_hold(case, decision.by, record.owner)
    assert record.met_on is not None
    if latest(decision.made_on) < earliest(record.met_on):
        raise Refusal(f"{said(decision.made_on)} is before {record.key!r} was decided; give a later day.")
    turn.take(decision, step=record.key)
    for key in _downstream(turn.case, record):
        turn.withdraw_letters(key)
        because = f"It followed from {record.key}, which is being reconsidered."
        turn.emit(ev.Withdrawn, step=key, because=because)
    if case.facts.closed:
        turn.open_again()
    turn.start(record.step, record.item, record.cause, decision.made_on, reconsidered=True)
    _owe_groups_again(turn, record)
    turn.recount()


def _owe_groups_again(turn: Turn, record: ev.StepRecord) -> None:
    """A group that was met by a step now reconsidered is owed again, with its date and without its old notices."""
    for group, timed in turn.case.procedure.group.items():
        was = turn.case.steps.get(group)
        if was is None or was.state != "done" or record.step not in (timed.met_when or timed.steps):
            continue
        update = {"state": "open", "round": was.round + 1, "outcome": None, "met_on": None, "late_by": None}
        again = was.model_copy(update=update)
        rungs = ladder(turn.case, again, turn.at) if again.due else ()
        again = again.model_copy(update={"rungs": tuple(rung for rung in rungs if rung.at > turn.at)})
        turn.emit(ev.Started, step=group, record=again, because=f"{record.key} is being reconsidered.")


def _downstream(case: Case, record: ev.StepRecord) -> list[str]:
    """The open steps that followed from a step, through others too."""
    names, found, grown = names_of(record), [], True
    while grown:
        grown = False
        for other in case.steps.values():
            if other.key in found or other.key == record.key or other.cause not in names:
                continue
            found.append(other.key)
            names |= names_of(other)
            grown = True
    return [key for key in found if case.steps[key].state == "open"]


def _assign(turn: Turn, decision: Assign) -> None:
    case = turn.case
    must_manage(case, decision.by)
    role = case.procedure.roles.get(decision.role)
    if role is None:
        raise Refusal(f"{decision.role!r} is no role of {case.procedure.id}; it has {', '.join(case.procedure.roles)}.")
    if role.of == "agency" and decision.agency not in case.facts.agencies:
        known = ", ".join(case.facts.agencies) or "none yet: involve one first"
        raise Refusal(f"{role.title} is held for one agency: say which of those involved ({known}).")
    if role.of is None and decision.agency is not None:
        raise Refusal(f"{role.title} is not held for an agency; leave the agency out.")
    key = role_key(decision.role, decision.agency)
    if decision.stands_down:
        if decision.person not in case.facts.holders.get(key, ()):
            raise Refusal(f"{decision.person!r} does not hold the role {role.title}, so cannot stand down from it.")
        _must_leave_a_manager(case, decision.person, {key})
    else:
        must_be_independent(case, decision)
    turn.take(decision)


def _must_leave_a_manager(case: Case, person: str, given_up: Collection[str]) -> None:
    """Refuse to let the last person go who manages the case: nobody could assign another."""
    held = [(role, holder) for role in case.procedure.managed_by for holder in case.facts.holders.get(role, ())]
    if held and all(holder == person and role in given_up for role, holder in held):
        raise Refusal(f"{person!r} is the last who manages this case; assign somebody else first.")


def _recuse(turn: Turn, decision: Recuse) -> None:
    case = turn.case
    held = {role for role, people in case.facts.holders.items() if decision.person in people}
    if decision.person in case.facts.recused:
        raise Refusal(f"{decision.person!r} takes no part in this case already.")
    if not held and decision.person not in case.facts.affiliations:
        known = ", ".join(dict.fromkeys(person for people in case.facts.holders.values() for person in people))
        raise Refusal(f"{decision.person!r} is nobody of this case; those who hold a role in it are {known}.")
    if decision.by != decision.person:
        must_manage(case, decision.by)
    _must_leave_a_manager(case, decision.person, held)
    turn.take(decision)


def _file(turn: Turn, decision: File) -> None:
    case = turn.case
    if decision.document in AGENCYS_OWN and decision.agency is None:
        known = ", ".join(case.facts.agencies) or "none yet: involve one first"
        raise Refusal(f"The document {decision.document!r} is one agency's: say whose ({known}).")
    if decision.document not in AGENCYS_OWN and decision.agency is not None:
        raise Refusal(f"The document {decision.document!r} is not one agency's; leave the agency out.")
    if decision.agency is not None and decision.agency not in case.facts.agencies:
        known = ", ".join(case.facts.agencies) or "none yet"
        raise Refusal(f"{decision.agency!r} is not involved in this case; those are {known}.")
    if decision.action is not None and (decision.document != "evidence" or decision.action not in case.facts.actions):
        known = ", ".join(case.facts.actions) or "none yet"
        raise Refusal(f"{decision.action!r} is no agreed action that evidence can belong to; those are {known}.")
    action = case.facts.actions[decision.action] if decision.action else None
    must_file(case, decision.by, decision.agency or (action.agency if action else None))
    current = case.facts.documents.get(role_key(decision.document, decision.agency or decision.action))
    if current is not None and current.sha256 == decision.sha256:
        raise Refusal(f"This very content is version {current.version} of {decision.document!r} already.")
    turn.take(decision)


def _involve(turn: Turn, decision: Involve) -> None:
    must_manage(turn.case, decision.by)
    if decision.agency in turn.case.facts.agencies:
        raise Refusal(f"{decision.agency!r} is involved already.")
    must_not_employ(turn.case, decision.agency)
    turn.take(decision)
    turn.start_items("agency", decision.agency, decision.made_on)
    turn.recount()


def _plan(turn: Turn, decision: Plan) -> None:
    case = turn.case
    must_manage(case, decision.by)
    if decision.what not in case.procedure.planned:
        known = ", ".join(case.procedure.planned) or "none"
        raise Refusal(f"{decision.what!r} is no day that {case.procedure.id} plans; it plans {known}.")
    if decision.day < earliest(decision.made_on):
        raise Refusal(f"A planned day lies ahead; {say(decision.day)} is before the day it was planned.")
    turn.take(decision)
    turn.recount(tell=decision)


def _agree(turn: Turn, decision: Agree) -> None:
    case = turn.case
    must_manage(case, decision.by)
    if decision.action in case.facts.actions:
        raise Refusal(f"Action {decision.action!r} is agreed already; correct that entry if it is mistaken.")
    if decision.agency is not None and decision.agency not in case.facts.agencies:
        known = ", ".join(case.facts.agencies) or "none yet"
        raise Refusal(f"{decision.agency!r} is not involved; an action is owned by one of {known}.")
    if decision.agency is None and _owned_by_agency(case):
        raise Refusal("Say which agency owns the action.")
    if decision.due < earliest(decision.made_on):
        raise Refusal(f"An action is due after it is agreed; {say(decision.due)} is before.")
    case.calendar.is_working_day(decision.due)  # refuses a day past the calendar's years
    turn.take(decision)
    turn.start_items("action", decision.action, decision.made_on)
    turn.recount()


def _owned_by_agency(case: Case) -> bool:
    procedure = case.procedure
    return any(s.each == "action" and procedure.roles[s.who].of == "agency" for s in procedure.step)


def _proclaim(turn: Turn, decision: Proclaim) -> None:
    """A public fact rather than a decision about the case: whoever enters it is written down, no role is asked."""
    turn.case.calendar.with_days({decision.day: decision.name})  # refuses a day that is none already
    turn.take(decision)
    turn.recount(tell=decision, ladders=True)


def _adopt(turn: Turn, decision: Adopt) -> None:
    case = turn.case
    must_manage(case, decision.by)
    new = decision.procedure
    had = dict.fromkeys(record.step for record in case.steps.values())
    missing = [step for step in had if step not in new.steps and step not in new.group]
    if missing:
        raise Refusal(f"{new.id} version {new.version} has no step {', '.join(missing)}, which this case has had.")
    problems = check(new, new.id, {letter.template for step in new.step for letter in step.letters})
    if problems:
        raise Refusal(str(problems[0]))
    turn.take(decision)
    turn.recount(tell=decision, ladders=True)


def _resend(turn: Turn, decision: Resend) -> None:
    must_manage(turn.case, decision.by)
    letter = turn.case.letters.get(decision.letter)
    if letter is None or letter.state != "failed":
        failed = ", ".join(i for i, known in turn.case.letters.items() if known.state == "failed") or "none"
        raise Refusal(f"{decision.letter!r} is no letter that could not be sent; those are: {failed}.")
    turn.take(decision)


def _close(turn: Turn, decision: Close) -> None:
    case = turn.case
    must_manage(case, decision.by)
    last = max((earliest(entry.decision.made_on) for entry in case.log), default=earliest(case.opening.notified_on))
    if latest(decision.made_on) < last:
        raise Refusal(f"{said(decision.made_on)} is before {say(last)}, the last entry of this case; give a later day.")
    owed = [r.key for r in case.open_steps if not _may_stay_open(case, r)]
    if decision.how == "completed" and owed:
        raise Refusal(f"Still owed: {', '.join(owed)}; decide these first, or close the case as withdrawn.")
    if decision.how == "completed" and not case.facts.actions and (waiting := _waiting_for_actions(case)):
        raise Refusal(f"{waiting!r} is owed for each action and none is agreed; agree them, or close as withdrawn.")
    still_open = {record.key for record in case.open_steps}
    for letter in list(case.letters.values()):
        failed = letter.state == "failed" and letter.step not in still_open
        if failed or (letter.state in ("owed", "failed") and letter.template in NOTICES.values()):
            turn.emit(ev.LetterWithdrawn, step=letter.step, letter=letter.id)
    turn.take(decision)


def _waiting_for_actions(case: Case) -> str | None:
    """A step that would have begun for each action (002-20), had any been agreed."""
    steps = (step for step in case.procedure.step if step.each == "action")
    return next((step.id for step in steps if any(name in case.facts.happened for name in step.after)), None)


def _may_stay_open(case: Case, record: ev.StepRecord) -> bool:
    step = case.procedure.timed(record.step)
    return isinstance(step, Step) and step.optional


HANDLERS: dict[str, Callable[[Turn, Any], None]] = {
    "decide": _decide,
    "extend": _extend,
    "reconsider": _reconsider,
    "correct": lambda turn, decision: correct(turn, decision, decide),
    "assign": _assign,
    "recuse": _recuse,
    "involve": _involve,
    "file": _file,
    "plan": _plan,
    "agree": _agree,
    "proclaim": _proclaim,
    "adopt": _adopt,
    "resend": _resend,
    "close": _close,
}
