"""What is taken away as a table: the cases, what waits, and a board's yearly figures. The same rule as on pages."""

import asyncio
from functools import partial
from itertools import groupby
from typing import Literal, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models import access
from models.access import Sight
from models.people import must_manage_board
from models.refusal import Refusal
from register import accounts, queries
from register.figures import Figures, Outcome, figures, years
from register.queries import CaseFilter, CaseView, OpenStep
from web.frame import office, page, today, viewer
from web.lists import procedures, roles_that_see_all, titles
from web.tables import Table

CASES = ("Case", "Procedure", "Stage", "State", "Notified on", "Next due", "Overdue", "Waits for")
FIGURES = ("Year", "What", "Procedure", "Row", "Step", "Outcome", "Number")
WAITING = ("Case", "Step", "Agency", "Row", "Who", "Due", "Act by", "Overdue")


async def choices(request: Request) -> Response:
    """What can be taken away."""
    return page(request, "exports.html.j2", manages=_manages(request))


async def cases_table(request: Request, form: str) -> Response:
    """The cases that the one who is signed in sees, those that they see a part of with that part alone."""
    rows = []
    for case, owed, whole, named in await _visible(request):
        due = min((step.due for step in owed if step.due), default=None)
        rows.append((
            case.reference,
            case.procedure_title,
            case.stage if whole or case.state == "closed" else None,
            case.how or "open",
            str(case.notified_on),
            due,
            "overdue" if due and due < today() else None,
            ", ".join(sorted({named.role(step.owner) for step in owed})),
        ))  # fmt: skip
    return await _made(Table("Cases", CASES, rows), form, f"cases-{today()}")


async def waiting_table(request: Request, form: str) -> Response:
    """Everything that waits in the cases that the one who is signed in sees, as far as they see it."""
    rows = [
        (
            case.reference,
            step.title,
            named.agencies.get(step.item or ""),
            step.row,
            named.role(step.owner),
            step.due,
            step.act_by,
            "overdue" if step.due and step.due < today() else None,
        )
        for case, owed, _, named in await _visible(request, "open")
        for step in owed
    ]
    rows.sort(key=lambda row: (row[5] is None, str(row[5]), row[0]))
    return await _made(Table("What waits", WAITING, rows), form, f"waiting-{today()}")


async def _made(table: Table, form: str, name: str) -> Response:
    """A table as a file, made in a thread: tens of thousands of rows take seconds, in which others are served."""
    return await asyncio.to_thread(table.response, form, name)


class Named(NamedTuple):
    """What the roles of a case and the Board's agencies are called."""

    roles: dict[str, str]
    agencies: dict[str, str]

    def role(self, key: str) -> str:
        """A role in words: "Senior manager, Demoshire Health Trust"."""
        role, _, agency = key.partition("[")
        title, whose = self.roles.get(role, role), self.agencies.get(agency.rstrip("]"))
        return f"{title}, {whose}" if whose else title


async def _visible(
    request: Request, state: Literal["open"] | None = None
) -> list[tuple[CaseView, list[OpenStep], bool, Named]]:
    """The cases in which the viewer holds a role, with the open steps they see and whether they see the whole case.

    From the lists of the register, as the list of cases is: thousands of cases are not read event by event.
    """
    who, register, known = viewer(request), office(request).register, procedures(request)
    which = CaseFilter(state=state, board=who.board, member=who.person, order="reference")
    cases, whole = await queries.cases(register, which), roles_that_see_all(known)
    mine = await accounts.roles_in_cases(register, who.person, open_in=who.board if state else None)
    agencies = {key: agency.name for key, agency in office(request).library.board(who.board).agencies.items()}
    named = {procedure: Named(titles(known, procedure), agencies) for procedure in [one.id for one in known]}
    owed: dict[str, list[OpenStep]] = {}
    for step in await queries.open_steps(register, who.board, who.person):
        owed.setdefault(step.reference, []).append(step)
    found = []
    for case in cases:
        held = frozenset(mine[case.reference])
        sight = Sight(not held.isdisjoint(whole), held)
        steps = [step for step in owed.get(case.reference, []) if access.sees_step(sight, step)]
        names = named.get(case.procedure) or Named(titles(known, case.procedure), agencies)
        found.append((case, steps, sight.whole, names))
    return found


async def yearly(request: Request) -> Response:
    """A board's figures of a year, for those who manage the board's reviews."""
    found = await _figures(request)
    board, register = viewer(request).board, office(request).register
    known = sorted({*await years(register, board), today().year, found.year}, reverse=True)
    return page(request, "figures.html.j2", figures=found, years=known, decided=_decided(request, found))


async def figures_table(request: Request, form: str) -> Response:
    """The same figures, one a row."""
    found = await _figures(request)
    rows: list[tuple[object, ...]] = [
        ("Referrals received", None, None, None, None, found.referrals),
        ("Of these closed", None, None, None, None, found.closed),
        *(("Decided", of.procedure, of.row, of.title, of.outcome, of.number) for of in found.outcomes),
    ]
    for of in found.timeliness:
        step = (of.procedure, of.row, of.title, None)
        rows += [("Done in time", *step, of.met), ("Done late", *step, of.late)]
        rows += [("Median days late", *step, of.median_late), (f"Overdue on {today()}", *step, of.overdue)]
    return Table("Figures", FIGURES, [(found.year, *row) for row in rows]).response(form, f"figures-{found.year}")


async def _figures(request: Request) -> Figures:
    """The figures of the year that the address asks for, this one's if none. 404 for whoever manages no reviews."""
    if not _manages(request):
        raise HTTPException(404)
    asked = request.query_params.get("year", "")
    year = int(asked) if asked.isascii() and asked.isdigit() and len(asked) == 4 else today().year
    return await figures(office(request).register, viewer(request).board, year, today())


def _decided(request: Request, found: Figures) -> list[tuple[str, list[tuple[str, int]]]]:
    """How the steps that can end in several ways ended: title of the step, then each outcome in words with its number.

    An outcome of the procedure that did not occur is told as well.
    """
    library, decided = office(request).library, []
    for (procedure, step, title), group in groupby(found.outcomes, key=lambda of: (of.procedure, of.step, of.title)):
        ended: list[Outcome] = list(group)
        counted = {of.outcome: of.number for of in ended}
        try:
            known = library.procedure(procedure).steps.get(step)
        except Refusal:
            known = None  # a procedure that the library has no more
        words = known.outcomes if known else {of.outcome: of.outcome for of in ended}
        if len({**words, **counted}) > 1:
            every = {**dict.fromkeys(words, 0), **counted}
            decided.append((title, [(words.get(outcome, outcome), number) for outcome, number in every.items()]))
    return decided


def _manages(request: Request) -> bool:
    """Whether the one who is signed in manages the reviews of their board."""
    who, library = viewer(request), office(request).library
    board = library.board(who.board)
    try:
        must_manage_board(board, library.procedure(board.procedure), who.person)
    except Refusal:
        return False
    return True


ROUTES = [
    Route("/exports", choices),
    *(
        Route(f"/exports/{name}.{form}", partial(table, form=form))
        for name, table in (("cases", cases_table), ("waiting", waiting_table), ("figures", figures_table))
        for form in ("xlsx", "csv")
    ),
    Route("/figures", yearly),
]
