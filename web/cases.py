"""My work, the list of cases, and a case: what it waits for, what is done, and how each date was worked out."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models import access
from models.access import Viewer
from models.turn import waiting
from register import accounts, queries
from register.queries import CaseFilter, CaseView
from web.frame import office, page, seen, today, viewer


async def my_work(request: Request) -> Response:
    """What waits for the one who is signed in, the earliest due first."""
    who = viewer(request)
    register = office(request).register
    mine = await accounts.roles_in_cases(register, who.person)
    owed = []
    for reference, roles in mine.items():
        steps = await queries.steps(register, reference)
        owed += [step for step in steps if step.state == "open" and step.owner in roles]
    owed.sort(key=lambda step: (step.due is None, step.due, step.reference, step.key))
    return page(request, "my-work.html.j2", owed=owed, on=today())


async def all_cases(request: Request) -> Response:
    """The cases that the one who is signed in may see."""
    found = await visible(request, viewer(request), CaseFilter(state=None))
    return page(request, "cases.html.j2", cases=found, on=today())


async def visible(request: Request, who: Viewer, which: CaseFilter) -> list[CaseView]:
    """The cases of a filter in which somebody holds a role; a list and a page obey the same rule."""
    register = office(request).register
    mine = await accounts.roles_in_cases(register, who.person)
    found = await queries.cases(register, which.model_copy(update={"board": who.board}))
    return [case for case in found if case.reference in mine]


async def one_case(request: Request) -> Response:
    """A case: what it waits for, for whom, what is done."""
    one = await seen(request, "case")
    steps = [record for record in one.case.steps.values() if access.sees_step(one.sight, record)]
    owed = [(record, who) for record, who in waiting(one.case) if access.sees_step(one.sight, record)]
    return page(request, "case.html.j2", seen=one, case=one.case, owed=owed, steps=steps)


ROUTES = [
    Route("/", my_work, name="my-work"),
    Route("/cases", all_cases, name="cases"),
    Route("/cases/{reference}", one_case, name="case"),
]
