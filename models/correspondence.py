"""Which letters an event of a case owes: to whom, from whom, with which facts. How they look is for the templates."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from models.case import Case, LetterRecord, role_key, role_title
from models.decisions import Decide
from models.events import Rung, StepRecord
from models.letters import LetterOrder
from models.procedure import LetterSpec, Step
from models.timescale import exact, following_day

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
    for recipient in dict.fromkeys(rung.to):
        facts = _facts(case, record, None) | {"rung": rung.words, "since": since}
        suffix = rung.id.rpartition(".")[2]
        yield from _order(case, record, NOTICES[rung.do], "business-manager", recipient, on, facts, suffix)


def moved_notice(
    case: Case, record: StepRecord, was: date, because: str, on: date, number: int
) -> Iterator[LetterOrder]:
    """Tells who owes a step that its date has moved from `was`."""
    facts = _facts(case, record, None) | {"moved_from": was.isoformat(), "because": because}
    yield from _order(case, record, "date-moved", "business-manager", record.owner, on, facts, str(number))


def _orders(
    case: Case, record: StepRecord, spec: LetterSpec, on: date, decision: Decide | None
) -> Iterator[LetterOrder]:
    step = case.procedure.steps[record.step]
    for recipient in _recipients(case, record, spec):
        facts = _facts(case, record, decision)
        agency = recipient.partition("[")[2].rstrip("]") or (record.item if step.each == "agency" else None)
        sender = _sender(case, spec.sender or step.who, agency)
        if agency:
            facts["agency"] = case.facts.agencies[agency].name
        yield from _order(case, record, spec.template, sender, recipient, on, facts)


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
    if record.item in case.facts.actions:
        return case.facts.actions[record.item].agency
    return record.item


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
    notified = exact(case.opening.notified_on)
    publication = case.facts.planned.get("publication")
    facts: dict[str, Any] = {
        "procedure_title": case.procedure.title,
        "step_title": step.title,
        "row": step.row,
        "who": role_title(case, record.owner),
        "notified_on": notified.isoformat() if notified else str(case.opening.notified_on),
        "due": record.due.isoformat() if record.due else None,
        "act_by": record.act_by.isoformat() if record.act_by else None,
        "publication": publication.isoformat() if publication else None,
        "due_dates": [_next(case, r) for r in case.open_steps if r.due and r.key != record.key],
    }
    cause = decision or _deciding(case, record)
    if cause is not None:
        facts |= _outcome(case, cause)
    action = case.facts.actions.get(record.item or "")
    if action:
        owner = case.facts.agencies[action.agency].name if action.agency else role_title(case, record.owner)
        facts["action"] = {"title": action.title, "owner": owner, "due": action.due.isoformat()}
    return facts


def _deciding(case: Case, record: StepRecord) -> Decide | None:
    """The decision that started a step, so that its letters can say what was decided and why."""
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
