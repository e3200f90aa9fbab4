"""Taking back a mistaken entry: the case becomes what it would be if the entry had never been made.

All other decisions are taken again, in order, on the case as it was opened; what differs from now is restored.
What has left the house stays gone: letters that were sent stay sent, rungs that fired do not fire again.
"""

from collections.abc import Callable
from datetime import datetime

from models import events as ev
from models.case import Case, Entry, apply, fold
from models.correspondence import NOTICES, last_of, moved_notice
from models.decisions import Correct, Decision
from models.people import must_manage
from models.reckoning import ladder, reckon
from models.refusal import Refusal
from models.turn import Turn, opened, said

Decider = Callable[[Case, Decision, datetime], list[ev.Event]]


def correct(turn: Turn, decision: Correct, decide: Decider) -> None:
    """Take back the decision of that id; `decide` takes the others again.

    Raises Refusal where a later decision rests on it.
    """
    must_manage(turn.case, decision.by)
    if decision.decision not in [entry.decision.id for entry in turn.case.log]:
        raise Refusal(f"{decision.decision!r} is no decision that stands in this case; its events show the ids.")
    without = _without(turn.case, decision.decision, decide)
    was_closed = turn.case.facts.closed
    turn.write_decision(decision, facts=without.facts)
    for key in [*without.steps, *(key for key in turn.case.steps if key not in without.steps)]:
        _restore(turn, key, without, decision)
    last = last_of(turn.case)
    for letter in without.letters.values():
        now = last.get(letter.id)
        if now is not None and now.state == "withdrawn" and letter.order is not None:
            order = letter.order.model_copy(update={"id": now.id})
            turn.write(ev.LetterOwed, step=letter.step, letter=order)
    if was_closed and not turn.case.facts.closed:
        turn.open_again()


def _restore(turn: Turn, key: str, without: Case, decision: Correct) -> None:
    was, record = turn.case.steps.get(key), without.steps.get(key)
    if was is not None and record is not None and _bare(was) == _bare(record):
        return
    _withdraw_letters(turn, key, without)
    if record is not None and record.state == "open" and record.due is not None:
        record = record.model_copy(update={"rungs": ladder(turn.case, record, turn.at)})
    turn.write(ev.Restored, step=key, record=record)
    if was and was.due and was.state == "open" and record and record.due not in (None, was.due):
        because = reckon(turn.case, record).because
        turn.owe(moved_notice(turn.case, record, was.due, because, decision, turn.today, turn.case.seq), key)


def _withdraw_letters(turn: Turn, key: str, without: Case) -> None:
    """Letters that would never have been owed are not wanted; notices of a step that is still owed stay."""
    record = without.steps.get(key)
    wanted = {letter.id for first, letter in last_of(turn.case).items() if first in without.letters}
    if record is not None and record.state == "open":
        wanted |= {letter.id for letter in turn.case.letters.values() if letter.template in NOTICES.values()}
    turn.withdraw_letters(key, wanted)


def _bare(record: ev.StepRecord) -> ev.StepRecord:
    return record.model_copy(update={"rungs": ()})


def _without(case: Case, decision_id: str, decide: Decider) -> Case:
    mistaken = next(entry for entry in case.log if entry.decision.id == decision_id)
    rebuilt = fold(opened(case.opening, case.opened_at))
    for entry in case.log:
        if entry is not mistaken:
            rebuilt = _again(_with_letters(rebuilt, case, entry.seq), entry, mistaken, decide)
    return _with_letters(rebuilt, case, case.seq + 1)


def _again(rebuilt: Case, entry: Entry, mistaken: Entry, decide: Decider) -> Case:
    try:
        events = decide(rebuilt, entry.decision, entry.at)
    except Refusal as error:
        what = f"{entry.decision.kind} {getattr(entry.decision, 'step', '')}".strip()
        raise Refusal(
            f"The {mistaken.decision.kind} of {said(mistaken.decision.made_on)} cannot be taken back while the later "
            f"entry {what!r} ({entry.decision.id}) rests on it; correct that one first. ({error})"
        ) from error
    for event in events:
        rebuilt = apply(rebuilt, event)
    return rebuilt


def _with_letters(rebuilt: Case, case: Case, until: int) -> Case:
    """The rebuilt case after the letters that really went before the event of that number."""
    gone = [
        (letter.seq, letter.at, first)
        for first, letter in last_of(case).items()
        if letter.seq is not None and letter.at is not None and letter.seq < until
    ]
    for _, at, first in sorted(gone):
        owed = rebuilt.letters.get(first)
        if owed is not None and owed.state == "owed":
            turn = Turn(rebuilt, at)
            turn.letter_sent(first, owed.recipient, "")
            rebuilt = turn.case
    return rebuilt
