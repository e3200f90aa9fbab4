"""One turn of a case: what follows from one decision, one tick of the clock, one report on letters.

A turn collects events and applies each to its own copy of the case, so that every consequence sees the ones before
it. The public functions take a case and return events; nothing is changed in place.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime
from typing import Any

from models import correspondence
from models import events as ev
from models.calendar import BeyondCalendar
from models.case import Case, apply, next_rung, role_key, role_title
from models.decisions import Decide, Decision
from models.letters import LetterOrder, LetterReport
from models.procedure import Procedure, Step
from models.reckoning import dated, lateness, undated
from models.refusal import Refusal
from models.timescale import Day, earliest, latest, local_date, say

PAST = {
    "decide": "decided",
    "extend": "extended",
    "reconsider": "reconsidered",
    "correct": "corrected",
    "assign": "assigned",
    "recuse": "recused",
    "involve": "involved",
    "file": "filed",
    "plan": "planned",
    "agree": "agreed",
    "proclaim": "proclaimed",
    "adopt": "adopted",
    "resend": "resent",
    "close": "closed",
}
FIRED = {"remind": "reminded", "overdue": "expired", "escalate": "escalated"}


class Turn:
    """The case as it becomes, and the events so far; `at` is the aware moment at which they are written down."""

    def __init__(self, case: Case, at: datetime, *, refuses: bool = True) -> None:
        self.case = case
        self._refuses = refuses
        self.at = at
        self.today = local_date(at, case.calendar.timezone)
        self.events: list[ev.Event] = []

    def emit(self, event: type[Any], **fields: Any) -> None:
        """Write an event down and apply it; then start what it starts."""
        before = self.case.facts.happened
        self.write(event, **fields)
        for name, day in self.case.facts.happened.items():
            if name not in before:
                self.start_after(name, day)

    def write(self, event: type[Any], **fields: Any) -> None:
        """Write an event down and apply it, without consequences."""
        fields.setdefault("on", self.today)
        written = event(seq=self.case.seq + 1, at=self.at, **fields)
        self.case = apply(self.case, written)
        self.events.append(written)

    def take(self, decision: Decision, **fields: Any) -> None:
        """Write down that a decision is taken in, with its consequences."""
        self.emit(ev.Taken, kind=PAST[decision.kind], decision=decision, on=decision.made_on, **fields)

    def write_decision(self, decision: Decision, **fields: Any) -> None:
        """Write down that a decision is taken in, without consequences."""
        self.write(ev.Taken, kind=PAST[decision.kind], decision=decision, on=decision.made_on, **fields)

    def start_after(self, name: str, day: Day) -> None:
        """Start every step and group that `name` starts, and meet the groups that it completes."""
        procedure = self.case.procedure
        event, _, item = name.partition("[")
        item = item.rstrip("]")
        each = procedure.steps[event.partition(".")[0]].each if item else None
        for step in procedure.started_by(event):
            if step.each is not None and step.each == each:
                if item:
                    self.start(step.id, item, name, day)
            elif not item:
                for key in self._items(procedure, step):
                    self.start(step.id, key, name, day)
        for group, timed in procedure.group.items():
            if timed.of == name:
                self.start(group, None, name, day)
            elif name.partition(".")[0] in (timed.met_when or timed.steps):
                self._meet_group(group, timed.met_when or timed.steps)

    def _items(self, procedure: Procedure, step: Step) -> Iterable[str | None]:
        first = procedure.steps.get(step.after[0].partition(".")[0]) if step.after else None
        if step.each is None:
            return (None,)
        if first is not None and first.each == step.each:
            return ()  # each item starts by itself
        return list(self.case.facts.agencies if step.each == "agency" else self.case.facts.actions)

    def _meet_group(self, group: str, steps: tuple[str, ...]) -> None:
        record, happened = self.case.steps.get(group), self.case.facts.happened
        if record is not None and record.state == "open" and all(s in happened for s in steps):
            day = max((happened[s] for s in steps), key=latest)
            self.emit(ev.Met, step=group, on=day, late_by=lateness(record.due, day))
            self.withdraw_letters(group)

    def start(self, step: str, item: str | None, cause: str, since: Day, *, reconsidered: bool = False) -> None:
        """A step or group becomes owed, unless it is owed already; `cause` is the event that it follows from."""
        key = role_key(step, item)
        known = self.case.steps.get(key)
        if known is not None and known.state == "open":
            return
        record = ev.StepRecord(
            key=key,
            step=step,
            item=item,
            title=self.case.procedure.timed(step).title,
            owner=self._owner(step, item),
            round=known.round + 1 if known else 1,
            cause=cause,
            reconsidered=reconsidered,
            since=since,
        )
        record, because = self._dated(record)
        self.emit(ev.Started, step=key, record=record, because=because)
        self.owe(correspondence.letters_at_start(self.case, record, self.today), key)

    def _dated(self, record: ev.StepRecord, *, ladders: bool = False) -> tuple[ev.StepRecord, str]:
        """The record with its dates. Past the calendar's years a decision is refused; what has happened is undated."""
        try:
            return dated(self.case, record, self.at, ladders=ladders)
        except BeyondCalendar as error:
            if self._refuses:
                raise
            return undated(record), f"No computable date: {error}"

    def _owner(self, step: str, item: str | None) -> str:
        who = self.case.procedure.timed(step).who
        if self.case.procedure.roles[who].of != "agency":
            return who
        action = correspondence.action_of(self.case, step, item)
        return role_key(who, action.agency if action else item)

    def start_items(self, each: str, item: str, since: Day) -> None:
        """A new agency or action: the steps repeated for each one that have begun for the others begin for it."""
        procedure = self.case.procedure
        for step in procedure.step:
            if step.each != each:
                continue
            happened = self.case.facts.happened
            begun = [name for name in step.after if name in happened and self._single(name)]
            if begun and not any(name in happened for name in step.until):
                self.start(step.id, item, begun[0], since)

    def _single(self, name: str) -> bool:
        step = self.case.procedure.steps.get(name.partition(".")[0])
        return step is None or step.each is None

    def owe(self, orders: Iterator[LetterOrder], step: str | None) -> None:
        """Write down letters that must go; one of the same id is owed once.

        Where a correction has left a letter of that id behind, gone or withdrawn, the new one has an id of its own.
        """
        for order in list(orders):
            if order.id not in self.case.letters:
                self.emit(ev.LetterOwed, step=step, letter=order)
                continue
            last = correspondence.last_of(self.case)[order.id]
            if last.state in ("sent", "withdrawn"):
                again = order.model_copy(update={"id": correspondence.next_id(last.id)})
                self.emit(ev.LetterOwed, step=step, letter=again)

    def outcome_letters(self, key: str, decision: Decide | None) -> None:
        """The letters that a step's outcome owes."""
        record = self.case.steps[key]
        self.owe(correspondence.letters_at_outcome(self.case, record, self.today, decision), key)

    def recount(self, *, tell: Decision | None = None, ladders: bool = False) -> None:
        """Reckon every open step anew and write down each date that has moved.

        `tell`: the decision that moves dates, of which those who owe the steps are told.

        `ladders`: the reminders and escalations around dates that stay are placed anew too.
        """
        for _ in range(len(self.case.steps) + 1):
            moved = False
            for record in self.case.open_steps:
                new, because = self._dated(record, ladders=ladders)
                if new == record:
                    continue
                moved = True
                self.emit(ev.Moved, step=record.key, record=new, because=because, was=record.due)
                if tell and record.due and new.due and (record.due, record.act_by) != (new.due, new.act_by):
                    seq = self.case.seq
                    orders = correspondence.moved_notice(self.case, new, record.due, because, tell, self.today, seq)
                    self.owe(orders, record.key)
            if not moved:
                return

    def open_again(self) -> None:
        """What came due while the case was closed fires no more; what was met by letters meanwhile is met."""
        for record in self.case.open_steps:
            ahead = tuple(rung for rung in record.rungs if rung.at > self.at)
            if ahead != record.rungs:
                quiet, because = record.model_copy(update={"rungs": ahead}), "The case was closed until now."
                self.emit(ev.Moved, step=record.key, record=quiet, because=because, was=record.due)
            self.meet_by_letters(record.key)

    def withdraw_letters(self, key: str, wanted: Collection[str] = ()) -> None:
        """Letters of a step that have not gone are no longer wanted, but for those of the ids `wanted`."""
        for letter in list(self.case.letters.values()):
            if letter.step == key and letter.state in ("owed", "failed") and letter.id not in wanted:
                self.emit(ev.LetterWithdrawn, step=key, letter=letter.id)

    def letter_sent(self, letter_id: str, recipient: str, sha256: str) -> None:
        """A letter went; a step that is done by letters may be met by it."""
        step = self.case.letters[letter_id].step
        self.emit(ev.LetterSent, step=step, letter=letter_id, recipient=recipient, sha256=sha256)
        self.meet_by_letters(step)

    def meet_by_letters(self, key: str | None) -> None:
        """A step that is done by letters is met when all of them have gone; nothing more is met in a closed case."""
        record = self.case.steps.get(key or "")
        if record is None or record.state != "open" or self.case.facts.closed:
            return
        step = self.case.procedure.timed(record.step)
        if not isinstance(step, Step) or step.done != "letters":
            return
        templates = {spec.template for spec in step.letters}
        own = [
            letter
            for letter in self.case.letters.values()
            if letter.step == key and letter.state != "withdrawn" and letter.template in templates
        ]
        if own and all(letter.state == "sent" for letter in own):
            last = max(local_date(letter.at, self.case.calendar.timezone) for letter in own if letter.at)
            self.emit(ev.Met, step=key, on=last, late_by=lateness(record.due, last))
            self.withdraw_letters(record.key)
            self.recount()


def said(day: Day) -> str:
    """A day in words; a month or a year where no more is known."""
    return day if isinstance(day, str) else say(day)


def must_not_lie_ahead(day: Day, today: date) -> None:
    """Refuse a day on which something is said to have happened but which has not come."""
    if earliest(day) > today:
        raise Refusal(f"{said(day)} lies in the future; today is {say(today)}: give the day it happened.")


def opened(opening: ev.Opening, at: datetime) -> list[ev.Event]:
    """Open a case. The step that `begins` the procedure and those stated in the referral are met by it.

    Raises Refusal where a day lies in the future or a date cannot be counted (past the calendar's last year).
    """
    for told in (opening.notified_on, *opening.stated.values()):
        must_not_lie_ahead(told, local_date(at, opening.calendar.timezone))
    first = ev.Opened(seq=1, at=at, on=opening.notified_on, opening=opening)
    turn = Turn(apply(None, first), at)
    turn.events.append(first)
    procedure, notified = opening.procedure, opening.notified_on
    for step in procedure.step:
        if step.id == procedure.begins or step.precedes:
            turn.start(step.id, None, procedure.begins, notified)
            day = opening.stated.get(step.id, notified if step.id == procedure.begins else None)
            if day is not None:
                turn.emit(ev.Met, step=step.id, on=day, late_by=lateness(turn.case.steps[step.id].due, day))
    turn.start_after(procedure.begins, notified)
    if procedure.begins in procedure.steps:
        turn.outcome_letters(procedure.begins, None)
    turn.recount()
    return turn.events


def tick(case: Case, now: datetime) -> list[ev.Event]:
    """Fire, in order and each once, every rung whose aware moment has come by `now`."""
    turn = Turn(case, now)
    while (rung := next_rung(turn.case)) is not None and rung.at <= now:
        record = next(r for r in turn.case.open_steps if rung in r.rungs)
        assert record.due is not None
        turn.emit(
            ev.Fired, kind=FIRED[rung.do], step=record.key, rung=rung, due=record.due,
            on=local_date(rung.at, case.calendar.timezone),
        )  # fmt: skip
        turn.owe(correspondence.notice(turn.case, record, rung, turn.today), record.key)
    return turn.events


def delivered(case: Case, reports: Iterable[LetterReport], at: datetime) -> list[ev.Event]:
    """Write down what became of letters. One withdrawn meanwhile that went all the same is written down as sent."""
    turn = Turn(case, at, refuses=False)
    for report in reports:
        letter = turn.case.letters.get(report.letter)
        if letter is None or not (letter.state == "owed" or (letter.state == "withdrawn" and report.sha256)):
            continue
        if report.sha256 is not None:
            turn.letter_sent(letter.id, letter.recipient, report.sha256)
        else:
            fields = {
                "letter": letter.id,
                "recipient": letter.recipient,
                "because": report.because or "unknown",
            }
            turn.emit(ev.LetterFailed, step=letter.step, **fields)
    return turn.events


def waiting(case: Case) -> list[tuple[ev.StepRecord, str]]:
    """What is owed now and by whom (in words), the earliest due first, steps without a date last."""
    owed = sorted(case.open_steps, key=lambda record: (record.due is None, str(record.due), record.key))
    return [(record, role_title(case, record.owner)) for record in owed]
