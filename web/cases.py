"""A case: what it waits for, what is done, the people, the agreed actions, and who has read what."""

from typing import Any, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models import access
from models.calendar import BeyondCalendar
from models.case import Case, role_key, role_title
from models.criteria import A_PERSON_DECIDES, ReferralFacts, criteria, limbs
from models.decisions import Decide
from models.events import Action, Affiliation, StepRecord
from models.procedure import Group, Step
from models.telling import time_left
from models.turn import waiting
from register import accounts
from web.frame import Seen, office, page, seen, today
from web.paging import paged

READS = 50
"""Rows of a page of who has read what."""


class Owed(NamedTuple):
    """What a case waits for: `left` is the time left in words, `decide` whether the viewer owes it."""

    record: StepRecord
    row: str
    who: str
    people: tuple[str, ...]
    left: str
    late: bool
    decide: bool


class Task(NamedTuple):
    """A step of the procedure, with its record where it has been owed."""

    step: Step | Group
    record: StepRecord | None
    whose: str


class ActionSeen(NamedTuple):
    """An agreed action with the step that reviews it, and what shows that it is done."""

    action: Action
    owner: str
    record: StepRecord | None
    evidence: tuple[str, ...]


async def one_case(request: Request) -> Response:
    """A case: what it waits for, for whom, what is done."""
    one = await seen(request, "case")
    register, case = office(request).register, one.case
    manages = access.manages(one.sight, case.procedure)
    opened = await accounts.reads(register, one.reference, 5, what=accounts.EMERGENCY) if manages else []
    facts = case.opening.criteria if one.sight.whole and case.procedure.child else None
    stated = facts is not None and facts != ReferralFacts()
    context = {
        "owed": _owed(one),
        "tasks": _tasks(one),
        "limbs": limbs(facts) if facts and stated else [],
        "together": criteria(facts) if facts and stated else "",
        "a_person_decides": A_PERSON_DECIDES,
        "failed": [one for one in case.letters.values() if one.state == "failed"] if manages else [],
        "emergencies": opened,
    }
    return shown(request, "case.html.j2", one, "Overview", **context)


async def people(request: Request) -> Response:
    """Who holds which role, what the rules of independence ask about them, and who takes no part."""
    one = await seen(request, "people")
    facts, procedure = one.case.facts, one.case.procedure
    rows = [
        (role_title(one.case, role), person, facts.affiliations.get(person, Affiliation()))
        for role, held in sorted(facts.holders.items())
        for person in held
        if access.sees_role(one.sight, procedure, role)
    ]
    unheld = [title for role, title in _roles(one.case) if one.sight.whole and not facts.holders.get(role)]
    recused = facts.recused if one.sight.whole else ()
    rules = procedure.rule if one.sight.whole else ()
    return shown(request, "people.html.j2", one, "People", rows=rows, unheld=unheld, recused=recused, rules=rules)


async def actions(request: Request) -> Response:
    """The agreed actions: whose, due when, done or not, and what shows it."""
    one = await seen(request, "actions")
    found = [_action(one.case, key, action) for key, action in one.case.facts.actions.items()]
    rows = [row for row in found if access.sees_action(one.sight, row.action)]
    return shown(request, "case-actions.html.j2", one, "Actions", rows=rows, on=today())


async def audit(request: Request) -> Response:
    """Who has read what of the case, for those who manage it."""
    one = await seen(request, "audit")
    if not access.manages(one.sight, one.case.procedure):
        raise HTTPException(404)
    register = office(request).register
    here = paged(request, await accounts.count_reads(register, one.reference), READS)
    rows = await accounts.reads(register, one.reference, READS, here.offset)
    return shown(request, "audit.html.j2", one, "Audit", rows=rows, here=here, emergency=accounts.EMERGENCY)


def shown(request: Request, template: str, one: Seen, part: str, status: int = 200, /, **context: Any) -> Response:
    """A page of a case, with the bar that names the case and the ways to its other pages."""
    manages = access.manages(one.sight, one.case.procedure)
    people = office(request).library.board(one.case.opening.board).people
    titles = item_titles(one.case)

    def named(person: str) -> str:
        return people[person].name if person in people else person

    def item_title(item: str | None) -> str:
        return titles.get(item or "", item or "")

    ways = {"named": named, "item_title": item_title}
    given = {"seen": one, "case": one.case, "part": part, "manages": manages, **ways, **context}
    return page(request, template, status, **given)


def item_titles(case: Case) -> dict[str, str]:
    """What agencies and actions are called, by their keys."""
    agencies = {key: fact.name for key, fact in case.facts.agencies.items()}
    return agencies | {key: action.title for key, action in case.facts.actions.items()}


def left_of(case: Case, record: StepRecord) -> str:
    """How long is left until an open step is due, in words; empty where nothing is, or no calendar reaches so far."""
    if record.due is None or record.state != "open" or case.facts.closed:
        return ""
    try:
        return time_left(record.due, today(), case.calendar)
    except BeyondCalendar:
        return ""


def is_late(case: Case, record: StepRecord) -> bool:
    """Whether an open step was due before today."""
    return record.state == "open" and not case.facts.closed and record.due is not None and record.due < today()


def _owed(one: Seen) -> list[Owed]:
    case, found = one.case, []
    for record, who in waiting(case):
        if access.sees_step(one.sight, record):
            timed = case.procedure.timed(record.step)
            decide = record.owner in one.sight.roles and isinstance(timed, Step)
            held = case.facts.holders.get(record.owner, ())
            left, late = left_of(case, record), is_late(case, record)
            found.append(Owed(record, timed.row, who, held, left, late, decide))
    return found


def _tasks(one: Seen) -> list[tuple[str, list[Task]]]:
    """Every step of the procedure by stage; to whom sees only a part of the case, the steps of it that are theirs."""
    case, stages = one.case, dict[str, list[Task]]()
    for timed, name in [*((step, step.id) for step in case.procedure.step), *_groups(case)]:
        records = [record for record in case.steps.values() if record.step == name]
        stage = (timed.stage if isinstance(timed, Step) else None) or "The whole of it"
        if not records and one.sight.whole:
            stages.setdefault(stage, []).append(Task(timed, None, role_title(case, timed.who)))
        for record in records:
            if access.sees_step(one.sight, record):
                stages.setdefault(stage, []).append(Task(timed, record, role_title(case, record.owner)))
    return list(stages.items())


def _groups(case: Case) -> list[tuple[Step | Group, str]]:
    return [(group, name) for name, group in case.procedure.group.items()]


def _roles(case: Case) -> list[tuple[str, str]]:
    """The roles that may be held, with those of each agency, in words."""
    found: list[tuple[str, str]] = []
    for role, said in case.procedure.roles.items():
        keys = [role_key(role, agency) for agency in case.facts.agencies] if said.of else [role]
        found += [(key, role_title(case, key)) for key in keys]
    return found


def _action(case: Case, key: str, action: Action) -> ActionSeen:
    record = next((record for record in case.steps.values() if record.item == key), None)
    agency = case.facts.agencies.get(action.agency or "")
    owner = agency.name if agency else role_title(case, record.owner) if record else ""
    filed = [name for name, fact in case.facts.documents.items() if fact.action == key]
    said = [entry.decision for entry in case.log if isinstance(entry.decision, Decide)]
    told = [one.evidence for one in said if record and one.step == record.key and one.evidence]
    return ActionSeen(action, owner, record, (*told, *filed))


ROUTES = [
    Route("/cases/{reference}", one_case, name="case"),
    Route("/cases/{reference}/people", people),
    Route("/cases/{reference}/actions", actions),
    Route("/cases/{reference}/audit", audit),
]
