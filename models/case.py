"""A review is a fold over its events: `apply(case, event) -> case`. Pure: no clock, no I/O, no Temporal.

What a decision or the clock makes of a case is in `models/deciding.py` and `models/turn.py`; this file says what a
case is, how each event changes it, and what can be read from it.
"""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from models import events as ev
from models.calendar import Calendar
from models.decisions import (
    Adopt,
    Agree,
    Assign,
    Close,
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
from models.letters import LetterOrder
from models.procedure import DONE, Procedure
from models.timescale import Day, latest

MOST_IDS = 2000
"""How many decision ids, each with a mark of its content, a case remembers in order to recognise a repetition."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LetterRecord(_Model):
    """A letter of the case; `order` is dropped once it has gone, `at` and `seq` say when it went."""

    id: str
    step: str | None
    template: str
    recipient: str
    state: Literal["owed", "sent", "failed", "withdrawn"] = "owed"
    order: LetterOrder | None = None
    at: datetime | None = None
    seq: int | None = None
    because: str | None = None


class Entry(_Model):
    """A decision that stands, with the aware moment at which it was taken in and the number of that event."""

    decision: Decision
    at: datetime
    seq: int


class Case(_Model):
    """The living case: what it opened with, what has been established, what is owed, what went out."""

    opening: ev.Opening
    opened_at: datetime
    facts: ev.Facts
    steps: dict[str, ev.StepRecord] = Field(default_factory=dict)
    letters: dict[str, LetterRecord] = Field(default_factory=dict)
    fired: tuple[str, ...] = ()
    log: tuple[Entry, ...] = ()
    ids: dict[str, str] = Field(default_factory=dict)
    seq: int = 0

    @property
    def procedure(self) -> Procedure:
        """The procedure in force for this case."""
        return self.facts.adopted or self.opening.procedure

    @property
    def calendar(self) -> Calendar:
        """The calendar in force for this case, days proclaimed since its opening included."""
        calendar = self.facts.calendar or self.opening.calendar
        days = {day: name for day, name in self.facts.proclaimed.items() if calendar.is_working_day(day)}
        return calendar.with_days(days) if days else calendar

    @property
    def open_steps(self) -> list[ev.StepRecord]:
        """What is owed now; nothing once the case is closed."""
        return [] if self.facts.closed else [r for r in self.steps.values() if r.state == "open"]

    def with_facts(self, **changes: Any) -> "Case":
        """The case with other facts."""
        return self.model_copy(update={"facts": self.facts.model_copy(update=changes)})

    def with_record(self, record: ev.StepRecord) -> "Case":
        """The case with this record of a step."""
        return self.model_copy(update={"steps": {**self.steps, record.key: record}})


def fold(events: Iterable[ev.Event]) -> Case:
    """The case that these events, all from the first one, make."""
    case: Case | None = None
    for event in events:
        case = apply(case, event)
    if case is None:
        raise ValueError("A case needs at least its opening event.")
    return case


def apply(case: Case | None, event: ev.Event) -> Case:
    """The case after an event. Numbers must follow each other without a gap; ValueError otherwise."""
    if case is None:
        if not isinstance(event, ev.Opened):
            raise ValueError(f"A case begins with its opening, not with {event.kind!r}.")
        return _opened(event)
    if event.seq != case.seq + 1:
        raise ValueError(f"Event {event.seq} does not follow event {case.seq}.")
    return _changed(case, event).model_copy(update={"seq": event.seq})


def _opened(event: ev.Opened) -> Case:
    opening = event.opening
    facts = ev.Facts(
        happened={opening.procedure.begins: opening.notified_on},
        holders=opening.holders,
        affiliations=opening.affiliations,
        agencies=opening.agencies,
    )
    return Case(opening=opening, opened_at=event.at, facts=facts, seq=event.seq)


def _changed(case: Case, event: ev.Event) -> Case:
    match event:
        case ev.Started():
            known = case.steps.get(event.record.key)
            names = names_of(event.record) | (names_of(known) if known else set())
            kept = {n: d for n, d in case.facts.happened.items() if n not in names}
            begun = event.record.step == case.opening.procedure.begins
            return case.with_facts(happened=case.facts.happened if begun else kept).with_record(event.record)
        case ev.Moved():
            return case.with_record(event.record)
        case ev.Met():
            return _completed(case, event.step or "", DONE, event.on, event.late_by)
        case ev.Withdrawn():
            record = case.steps[event.step or ""]
            return case.with_record(record.model_copy(update={"state": "withdrawn", "rungs": ()}))
        case ev.Restored():
            if event.record is not None:
                return case.with_record(event.record)
            return case.model_copy(update={"steps": {k: r for k, r in case.steps.items() if k != event.step}})
        case ev.Fired():
            return case.model_copy(update={"fired": (*case.fired, event.rung.id)})
        case ev.Taken():
            return _taken(case, event)
        case ev.LetterOwed() | ev.LetterSent() | ev.LetterFailed() | ev.LetterWithdrawn():
            return _letter(case, event)
        case ev.Refused():
            return case
        case ev.Opened():
            raise ValueError("A case is opened once.")


def _letter(case: Case, event: ev.LetterOwed | ev.LetterSent | ev.LetterFailed | ev.LetterWithdrawn) -> Case:
    match event:
        case ev.LetterOwed(letter=order):
            who = {"template": order.template, "recipient": order.recipient}
            record = LetterRecord(id=order.id, step=event.step, **who, order=order)
        case ev.LetterSent():
            update = {"state": "sent", "order": None, "at": event.at, "seq": event.seq, "because": None}
            record = case.letters[event.letter].model_copy(update=update)
        case ev.LetterFailed():
            update = {"state": "failed", "because": event.because}
            record = case.letters[event.letter].model_copy(update=update)
        case ev.LetterWithdrawn():
            record = case.letters[event.letter].model_copy(update={"state": "withdrawn", "order": None})
    return case.model_copy(update={"letters": {**case.letters, record.id: record}})


def _taken(case: Case, event: ev.Taken) -> Case:
    decision = event.decision
    entry = () if decision.kind in ("correct", "resend") else (Entry(decision=decision, at=event.at, seq=event.seq),)
    ids = dict(list(case.ids.items())[-MOST_IDS + 1 :]) | {decision.id: mark_of(decision)}
    case = case.model_copy(update={"log": (*case.log, *entry), "ids": ids})
    facts = case.facts
    match decision:
        case Decide():
            return _completed(case, decision.step, decision.outcome, decision.made_on, event.late_by)
        case Extend():
            extension = ev.Extension(to=decision.to, period=decision.period)
            return case.with_record(case.steps[decision.step].model_copy(update={"extension": extension}))
        case Reconsider():
            return case.with_facts(closed=None)
        case Assign():
            return _assigned(case, decision)
        case Recuse():
            return _recused(case, decision.person)
        case File():
            return _filed(case, decision)
        case Involve():
            fact = ev.AgencyFact(name=decision.name, kind=decision.agency_kind)
            return case.with_facts(agencies={**facts.agencies, decision.agency: fact})
        case Plan():
            return case.with_facts(planned={**facts.planned, decision.what: decision.day})
        case Agree():
            action = ev.Action(title=decision.title, agency=decision.agency, due=decision.due)
            return case.with_facts(actions={**facts.actions, decision.action: action})
        case Proclaim():
            return case.with_facts(proclaimed={**facts.proclaimed, decision.day: decision.name})
        case Adopt():
            return case.with_facts(adopted=decision.procedure, calendar=decision.calendar or facts.calendar)
        case Close():
            return case.with_facts(closed=decision.how)
        case Resend():
            return _to_send_again(case, decision.letter)
    log = tuple(entry for entry in case.log if entry.decision.id != decision.decision)
    return case.model_copy(update={"log": log, "facts": event.facts or facts})


def _to_send_again(case: Case, letter: str) -> Case:
    record = case.letters[letter]
    update = {"state": "owed", "because": None, "order": _addressed(case, record.order)}
    return case.model_copy(update={"letters": {**case.letters, letter: record.model_copy(update=update)}})


def _addressed(case: Case, order: LetterOrder | None) -> LetterOrder | None:
    """An order to those who hold its roles now; one to a person who still holds the role stays theirs."""
    if order is None:
        return None
    now = case.facts.holders.get(order.recipient, ())
    kept = tuple(person for person in order.holders if person in now) or now[:1]
    signers = case.facts.holders.get(order.sender, ())
    empty = vacant(case, order.sender, order.recipient)
    return order.model_copy(update={"holders": kept, "signers": signers, "vacant": empty})


def _assigned(case: Case, decision: Assign) -> Case:
    key = role_key(decision.role, decision.agency)
    known = case.facts.affiliations.get(decision.person, ev.Affiliation())
    affiliation = ev.Affiliation(
        employer=decision.employer or known.employer,
        board_member=decision.board_member or known.board_member,
        line_manager=decision.line_manager or known.line_manager,
    )
    others = tuple(p for p in case.facts.holders.get(key, ()) if p != decision.person)
    holders = others if decision.stands_down else (*others, decision.person)
    return case.with_facts(
        holders={**case.facts.holders, key: holders},
        affiliations={**case.facts.affiliations, decision.person: affiliation},
    )


def _recused(case: Case, person: str) -> Case:
    """The case without a person, whose letters that have not gone are for whoever holds the roles now."""
    facts = case.facts
    holders = {role: tuple(other for other in held if other != person) for role, held in facts.holders.items()}
    case = case.with_facts(holders=holders, recused=(*facts.recused, person))
    letters = {
        key: letter.model_copy(update={"order": _addressed(case, letter.order)})
        for key, letter in case.letters.items()
        if letter.order is not None and person in (*letter.order.holders, *letter.order.signers)
    }
    return case.model_copy(update={"letters": {**case.letters, **letters}})


def _filed(case: Case, decision: File) -> Case:
    key = role_key(decision.document, decision.agency or decision.action)
    known = case.facts.documents.get(key)
    fact = ev.DocumentFact(
        document=decision.document,
        agency=decision.agency,
        action=decision.action,
        version=known.version + 1 if known else 1,
        sha256=decision.sha256,
        media_type=decision.media_type,
        size=decision.size,
        filed_on=decision.made_on,
    )
    return case.with_facts(documents={**case.facts.documents, key: fact})


def _completed(case: Case, key: str, outcome: str, on: Day, late_by: int | None) -> Case:
    update = {"state": "done", "outcome": outcome, "met_on": on, "late_by": late_by, "rungs": ()}
    record = case.steps[key].model_copy(update=update)
    case = case.with_record(record)
    names: dict[str, Day] = {}
    if record.item is None:
        names = {f"{record.step}.{outcome}": on, record.step: on}
    else:
        names = {f"{record.step}.{outcome}[{record.item}]": on, f"{record.step}[{record.item}]": on}
        siblings = [r for r in case.steps.values() if r.step == record.step and r.state != "withdrawn"]
        if all(r.state == "done" for r in siblings):
            last = max((r.met_on for r in siblings if r.met_on is not None), key=latest)
            if len({r.outcome for r in siblings}) == 1:
                names[f"{record.step}.{outcome}"] = last
            names[record.step] = last
    return case.with_facts(happened={**case.facts.happened, **names})


def mark_of(decision: Decision) -> str:
    """A short hash of a decision's content: the same id with another mark is another decision."""
    return sha256(decision.model_dump_json().encode()).hexdigest()[:16]


def names_of(record: ev.StepRecord) -> set[str]:
    """The event names that stop being true when this step is owed (again)."""
    names = {record.step}
    if record.outcome:
        names.add(f"{record.step}.{record.outcome}")
    if record.item:
        names |= {f"{name}[{record.item}]" for name in names}
    return names


def role_key(role: str, agency: str | None) -> str:
    """A role, or an agency's own holder of it: "imr-author[health]"; a document, or an agency's own: "imr[health]"."""
    return f"{role}[{agency}]" if agency else role


def vacant(case: Case, *roles: str) -> tuple[str, ...]:
    """Which of these roles somebody has held in the case and nobody does now."""
    return tuple(dict.fromkeys(role for role in roles if case.facts.holders.get(role) == ()))


def next_rung(case: Case) -> ev.Rung | None:
    """The earliest rung of all ladders that has not fired, or None."""
    rungs = [rung for record in case.open_steps for rung in record.rungs if rung.id not in case.fired]
    return min(rungs, key=lambda rung: rung.at, default=None)


def role_title(case: Case, role: str) -> str:
    """A role in words: "Senior manager, Demoshire Health Trust"."""
    name, _, agency = role.partition("[")
    known = case.procedure.roles.get(name)
    title = known.title if known else name
    fact = case.facts.agencies.get(agency.rstrip("]"))
    return f"{title}, {fact.name}" if fact else title


def stage(case: Case) -> str:
    """Where the case is: the stage of the furthest step that is owed, or how it was closed."""
    if case.facts.closed:
        return "Closed" if case.facts.closed == "completed" else "Withdrawn"
    owed = {record.step for record in case.open_steps}
    stages = [step.stage for step in case.procedure.step if step.id in owed and step.stage and not step.optional]
    return stages[-1] if stages else "Nothing owed"
