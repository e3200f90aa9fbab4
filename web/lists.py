"""My work and the list of cases: what waits for whom, and only what the one who is signed in may know of."""

import re
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.access import Viewer, sees_whole
from models.calendar import BeyondCalendar, Calendar
from models.procedure import Procedure
from models.refusal import Refusal
from models.telling import time_left
from register import accounts, deliveries, queries
from register.deliveries import CONCERNS, Concern
from register.projection import CLOSED
from register.queries import CaseFilter, CaseView, StepView
from web.frame import now, office, page, today, viewer
from web.paging import paged

WORK, CASES = 50, 25
"""Rows of a page."""
LISTED = 5_000
"""How many cases are listed at the most; whoever looks for another narrows the list, or takes all away as a table."""
ORDERS = {"due": "Next due first", "opened": "Opened last first", "reference": "By reference"}


class Listed(NamedTuple):
    """A case in the list, as far as the viewer sees it, and how long is left until its next date."""

    case: CaseView
    left: str
    waiting: tuple[str, ...]


async def my_work(request: Request) -> Response:
    """What waits for the one who is signed in, the earliest due first."""
    who = viewer(request)
    register = office(request).register
    number, late = await queries.count_owed_by(register, who.board, who.person, today())
    here = paged(request, number, WORK)
    calendar = _calendar(request, who)
    found = await queries.owed_by(register, who.board, who.person, WORK, here.offset)
    owed = [(step, left_of(step, calendar)) for step in found]
    letters = [(one, CONCERNS[one.what]) for one in await _letters(request, who)]
    return page(request, "my-work.html.j2", owed=owed, here=here, late=late, letters=letters, on=today())


async def _letters(request: Request, who: Viewer) -> list[Concern]:
    """The letters to see to in the cases that the one who is signed in manages."""
    register = office(request).register
    if not await deliveries.concerns(register, now(), board=who.board):
        return []  # as on most days, and then no procedure need be read
    managed = [(one.id, role) for one in procedures(request) for role in one.managed_by]
    return await deliveries.concerns(register, now(), board=who.board, managed=managed, person=who.person)


async def all_cases(request: Request) -> Response:
    """The cases in which the one who is signed in holds a role, filtered as the address says."""
    who, register = viewer(request), office(request).register
    known = procedures(request)
    asked = {name: request.query_params.get(name, "").strip() for name in ("text", "stage", "role", "state", "order")}
    which = _filter(asked, "overdue" in request.query_params, who, roles_that_see_all(known))
    number, which = await _found(request, which, office(request).library.board(who.board).code)
    here = paged(request, number, CASES, LISTED)
    found = await queries.cases(register, which.model_copy(update={"limit": CASES, "offset": here.offset}))
    mine = await accounts.roles_in_cases(register, who.person, [case.reference for case in found])
    calendar = _calendar(request, who)
    rows = [await _listed(request, case, mine.get(case.reference, ()), which.whole, known, calendar) for case in found]
    every_open = CaseFilter(state="open", board=who.board, member=who.person, whole=which.whole)
    context = {
        "stages": sorted({*await queries.stages(register, every_open), *CLOSED.values()}),
        "roles": sorted(titles(known, office(request).library.board(who.board).procedure).items(), key=lambda r: r[1]),
        "orders": ORDERS,
        "overdue": "overdue" in request.query_params,
    }
    return page(request, "cases.html.j2", rows=rows, here=here, asked=asked, on=today(), **context)


async def _found(request: Request, which: CaseFilter, code: str) -> tuple[int, CaseFilter]:
    """How many cases a filter has, and the filter: of references that begin so, or else of those that have it anywhere.

    The first are found without looking at every case there ever was; the board's code may be left out.
    """
    register, text = office(request).register, (which.text or "").upper()
    if re.fullmatch("[A-Z0-9-]+", text):
        begins = text if text.startswith(code) else f"{code}-{text}"
        narrowed = which.model_copy(update={"text": None, "begins": begins})
        if number := await queries.count_cases(register, narrowed, LISTED + 1):
            return number, narrowed
    return await queries.count_cases(register, which, LISTED + 1), which


def left_of(step: StepView | CaseView, calendar: Calendar) -> str:
    """How long is left until a step is due, or a case's next; empty where nothing is."""
    due = step.next_due if isinstance(step, CaseView) else step.due
    try:
        return time_left(due, today(), calendar) if due else ""
    except BeyondCalendar:
        return ""


def _filter(asked: dict[str, str], overdue: bool, who: Viewer, whole: tuple[str, ...]) -> CaseFilter:
    """The filter that an address asks for; what is no choice of the page is left aside."""
    state = {"all": None, "closed": "closed"}.get(asked["state"], "open")
    order = asked["order"] if asked["order"] in ORDERS else "due"
    more = {"text": asked["text"] or None, "stage": asked["stage"] or None, "waiting_for": asked["role"] or None}
    overdue_on = today() if overdue else None
    given: dict[str, Any] = {"state": state, "order": order, "overdue_on": overdue_on, **more}
    return CaseFilter(board=who.board, member=who.person, whole=whole, **given)


def procedures(request: Request) -> list[Procedure]:
    """The procedures that can be read."""
    library, found = office(request).library, []
    for name in library.procedures():
        try:
            found.append(library.procedure(name))
        except Refusal:
            continue  # its own page says what is wrong with it
    return found


def roles_that_see_all(known: list[Procedure]) -> tuple[str, ...]:
    """The roles that see the whole case under every procedure that has them; a case's own page knows exactly."""
    roles = dict.fromkeys(role for one in known for role in one.roles)
    return tuple(role for role in roles if all(sees_whole(one, role) for one in known if role in one.roles))


async def _listed(
    request: Request,
    case: CaseView,
    held: tuple[str, ...],
    whole: tuple[str, ...],
    known: list[Procedure],
    calendar: Calendar,
) -> Listed:
    if set(held).isdisjoint(whole):
        steps = await queries.steps(office(request).register, case.reference)
        own = [step for step in steps if case.state == "open" and step.state == "open" and step.owner in held]
        due = min((step.due for step in own if step.due), default=None)
        seen = {"stage": None, "next_due": due, "waiting_for": tuple(dict.fromkeys(step.owner for step in own))}
        case = case.model_copy(update=seen)
    called = titles(known, case.procedure)
    roles = dict.fromkeys(called.get(role.partition("[")[0], role) for role in case.waiting_for)
    return Listed(case, left_of(case, calendar), tuple(roles))


def titles(known: list[Procedure], first: str) -> dict[str, str]:
    """What the roles of all procedures are called, in the words of the first where it has them."""
    ordered = sorted(known, key=lambda one: one.id == first)
    return {role: said.title for one in ordered for role, said in one.roles.items()}


def _calendar(request: Request, who: Viewer) -> Calendar:
    library = office(request).library
    return library.calendar(library.board(who.board).calendar)


ROUTES = [
    Route("/", my_work, name="my-work"),
    Route("/cases", all_cases, name="cases"),
]
