"""Which letters an event of a case owes: to whom, from whom, with which facts. How they look is for the templates."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from models.case import Case, LetterRecord, role_key, role_title, vacant
from models.decisions import Decide, Decision, Extend
from models.events import Action, Rung, StepRecord
from models.letters import LetterOrder
from models.procedure import LetterSpec, Step
from models.reckoning import reckon
from models.timescale import count, exact, following_day, parse_period

EACH_AGENCY = " of each agency"
_FIRST_ID = re.compile(r"_([0-9]+)$")
NOTICES = {"remind": "reminder", "overdue": "overdue-notice", "escalate": "escalation"}


def letters_at_start(case: Case, record: StepRecord, on: date) -> Iterator[LetterOrder]:
    """The letters that go because a step started (a step that is done by letters)."""
    step = case.procedure.timed(record.step)
    if isinstance(step, Step) and step.done == "letters":
        for spec in step.letters:
            yield from _orders(case, record, spec, on, None)


def letters_at_outcome(case: Case, record: StepRecord, on: date, decision: Decide | None) -> Iterator[LetterOrder]:
    """The letters that go because a step has an outcome."""
    step = case.procedure.timed(record.step)
    if isinstance(step, Step) and step.done == "decision":
        for spec in step.letters:
            if spec.on in (None, record.outcome):
                yield from _orders(case, record, spec, on, decision)


def notice(case: Case, record: StepRecord, rung: Rung, on: date) -> Iterator[LetterOrder]:
    """The reminder, overdue notice or escalation of a rung, to each role it names."""
    since = following_day(record.due).isoformat() if record.due and rung.do != "remind" else None
    because = reckon(case, record).because
    facts = _facts(case, record, None) | {"rung": rung.words, "since": since, "because": because}
    suffix = rung.id.rpartition(".")[2]
    for recipient in dict.fromkeys(rung.to):
        yield from _order(case, record, NOTICES[rung.do], case.procedure.managed_by[0], recipient, on, facts, suffix)


def moved_notice(
    case: Case, record: StepRecord, was: date, because: str, decision: Decision, on: date, number: int
) -> Iterator[LetterOrder]:
    """Tells who owes a step that its date has moved from `was`, how it was counted and why it moved."""
    agreed = f" Agreed with {decision.agreed_with}." if isinstance(decision, Extend) else ""
    facts = _facts(case, record, None)
    facts |= {"moved_from": was.isoformat(), "because": because, "note": decision.because + agreed}
    yield from _order(case, record, "date-moved", case.procedure.managed_by[0], record.owner, on, facts, str(number))


def _orders(
    case: Case, record: StepRecord, spec: LetterSpec, on: date, decision: Decide | None
) -> Iterator[LetterOrder]:
    step = case.procedure.steps[record.step]
    for recipient in _recipients(case, record, spec):
        facts = _facts(case, record, decision) | {"reply_by": _reply_by(case, spec, on)}
        agency = recipient.partition("[")[2].rstrip("]") or (record.item if step.each == "agency" else None)
        sender = _sender(case, spec.sender or step.who, agency)
        if agency:
            facts["agency"] = case.facts.agencies[agency].name
        yield from _order(case, record, spec.template, sender, recipient, on, facts)


def _reply_by(case: Case, spec: LetterSpec, on: date) -> str | None:
    if spec.reply_within is None:
        return None
    return count(parse_period(spec.reply_within), on, case.calendar).due.isoformat()


def _sender(case: Case, role: str, agency: str | None) -> str:
    return role_key(role, agency if case.procedure.roles[role].of == "agency" else None)


def _recipients(case: Case, record: StepRecord, spec: LetterSpec) -> Iterator[str]:
    for to in spec.to:
        if to.endswith(EACH_AGENCY):
            for agency in case.facts.agencies:
                yield role_key(to.removesuffix(EACH_AGENCY), agency)
        else:
            role = case.procedure.roles[to]
            yield role_key(to, agency_of(case, record) if role.of == "agency" else None)


def last_of(case: Case) -> dict[str, LetterRecord]:
    """The letters of a case by the id they had at first: the last one where a correction made another necessary."""
    return {_FIRST_ID.sub("", letter.id): letter for letter in case.letters.values()}


def next_id(letter_id: str) -> str:
    """The id of the letter that takes this one's place: "…-to-referrer", "…-to-referrer_2", "…-to-referrer_3"."""
    again = _FIRST_ID.search(letter_id)
    return f"{_FIRST_ID.sub('', letter_id)}_{int(again[1]) + 1 if again else 2}"


def agency_of(case: Case, record: StepRecord) -> str | None:
    """The agency that a record concerns: its own item, or its action's agency."""
    action = action_of(case, record.step, record.item)
    return action.agency if action else record.item


def action_of(case: Case, step: str, item: str | None) -> Action | None:
    """The action that a step repeated for each action is about; None for any other step."""
    timed = case.procedure.timed(step)
    return case.facts.actions[item] if isinstance(timed, Step) and timed.each == "action" and item else None


def _order(
    case: Case,
    record: StepRecord,
    template: str,
    sender: str,
    recipient: str,
    on: date,
    facts: dict[str, Any],
    suffix: str = "",
) -> Iterator[LetterOrder]:
    """One order for each person who holds the recipient's role, or one to the role where nobody of ours does."""
    repeat = f"{record.round}" if record.round > 1 else ""
    people = case.facts.holders.get(recipient, ())
    for number, person in enumerate(people or (None,), 1):
        named = f"{number}of{len(people)}" if len(people) > 1 else ""
        words = [on.isoformat(), record.key, template, "to", recipient, named, repeat, suffix]
        yield LetterOrder(
            vacant=vacant(case, sender, recipient),
            id="-".join(re.sub(r"\[(.*)\]", r".\1", word) for word in words if word),
            template=template,
            sender=sender,
            recipient=recipient,
            holders=(person,) if person else (),
            signers=case.facts.holders.get(sender, ()),
            on=on,
            facts={name: fact for name, fact in facts.items() if fact is not None},
        )


def _facts(case: Case, record: StepRecord, decision: Decide | None) -> dict[str, Any]:
    step = case.procedure.timed(record.step)
    dated = record if record.due else _group_of(case, record) or record
    notified = exact(case.opening.notified_on)
    publication = case.facts.planned.get("publication")
    planned = case.facts.planned.get(step.before or "") if isinstance(step, Step) else None
    facts: dict[str, Any] = {
        "procedure_title": case.procedure.title,
        "step_title": step.title,
        "row": step.row,
        "who": role_title(case, record.owner),
        "notified_on": notified.isoformat() if notified else str(case.opening.notified_on),
        "due": dated.due.isoformat() if dated.due else None,
        "act_by": dated.act_by.isoformat() if dated.act_by else None,
        "publication": publication.isoformat() if publication else None,
        "planned": planned.isoformat() if planned else None,
        "due_dates": [_next(case, r) for r in case.open_steps if r.due and r.key != record.key],
    }
    told = _told(case, record, decision)
    if told is not None:
        facts |= _outcome(case, told)
    if decision is not None:
        facts["note"] = decision.because
    action = action_of(case, record.step, record.item)
    if action:
        owner = case.facts.agencies[action.agency].name if action.agency else role_title(case, record.owner)
        facts["action"] = {"title": action.title, "owner": owner, "due": action.due.isoformat()}
    return facts


def _group_of(case: Case, record: StepRecord) -> StepRecord | None:
    """The group of a step that has no date of its own: its outer deadline is the one to tell of."""
    groups = [case.steps.get(name) for name, group in case.procedure.group.items() if record.step in group.steps]
    return next((group for group in groups if group is not None and group.state == "open"), None)


def _told(case: Case, record: StepRecord, decision: Decide | None) -> Decide | None:
    """The decision that a letter tells of: the step's own, or the one it follows from where it can only be done."""
    step = case.procedure.timed(record.step)
    chosen = isinstance(step, Step) and len(step.outcomes) > 1
    return (decision if chosen else None) or _deciding(case, record) or decision


def _deciding(case: Case, record: StepRecord) -> Decide | None:
    """The decision that started a step."""
    name, _, item = record.cause.partition("[")
    cause = role_key(name.partition(".")[0], item.rstrip("]"))
    made = [e.decision for e in case.log if isinstance(e.decision, Decide) and e.decision.step == cause]
    return made[-1] if made else None


def _outcome(case: Case, decision: Decide) -> dict[str, Any]:
    step = case.procedure.timed(case.steps[decision.step].step)
    title = step.outcomes.get(decision.outcome) if isinstance(step, Step) else None
    return {
        "outcome": title,
        "outcome_id": decision.outcome,
        "reason": decision.because,
        "decided_on": str(decision.made_on),
    }


def _next(case: Case, record: StepRecord) -> dict[str, str | None]:
    return {
        "title": record.title,
        "who": role_title(case, record.owner),
        "due": record.due.isoformat() if record.due else None,
        "act_by": record.act_by.isoformat() if record.act_by else None,
    }
