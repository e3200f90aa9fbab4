"""A day that becomes a non-working one after its calendar was written, such as a day of mourning."""

import asyncio
from collections.abc import Container
from datetime import date, datetime
from typing import Any, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import starter
from models import access
from models import events as ev
from models.calendar import Calendar
from models.case import Case
from models.decisions import Proclaim
from models.refusal import Refusal
from register import accounts, queries
from register.queries import CaseFilter
from web.entering import Asked, Follows, Given, give
from web.fields import Field
from web.following import trial
from web.frame import now, office, page, today, viewer

SHORT = 120
"""Characters of the name of a day."""
LISTED = 20
"""Cases that are named before a day is proclaimed."""


class Counted(NamedTuple):
    """How many open cases count by the calendar, and those of them whose dates move, with how many dates."""

    cases: int
    moving: dict[str, int]


async def proclaim(request: Request) -> Response:
    """The form of a new holiday: which cases it moves is said before it is sent."""
    library, who = office(request).library, viewer(request)
    board = library.board(who.board)
    if not access.keeps_records(board, who):
        raise HTTPException(404)
    calendar = library.calendar(board.calendar)
    known = await office(request).register.proclaimed(calendar.name)
    fields = (
        Field("day", "The day that is no working day any more", "whole day"),
        Field("name", "What it is called", "line", "For example National day of mourning."),
    )

    async def follow(answers: Given) -> Follows:
        day, name = answers["day"], str(answers["name"])
        if len(name) > SHORT:
            raise Refusal(f"The name of the day is {len(name)} characters long; give one of 1 to {SHORT}.")
        if day not in known:
            calendar.with_days({day: name})  # refuses a day that is a non-working one already

        async def enter() -> Response:
            return await _sent(request, calendar, day, name)

        mine = await accounts.roles_in_cases(office(request).register, who.person)
        return Follows(_words(await _counted(request, calendar, day, name), mine), enter)

    days = ", ".join(f"{name} ({day:%-d %B %Y})" for day, name in sorted(known.items()))
    lead = (
        f"For the calendar “{calendar.title}”: new cases skip the day, and every open case counts its dates anew, "
        f"whichever Board’s it is. {f'Proclaimed so far: {days}.' if days else 'None was proclaimed so far.'}"
    )
    return await give(request, Asked("Enter a new bank holiday", fields, follow, ("/records", "Records"), lead))


async def _sent(request: Request, calendar: Calendar, day: date, name: str) -> Response:
    """Have all open cases count anew, and say which did; sent again, those that did not do it then."""
    here, person = office(request), viewer(request).person
    answers = await starter.proclaim(await here.engine(), here.register, calendar, day, name, person)
    mine = await accounts.roles_in_cases(here.register, person)
    refused = {reference: str(answer) for reference, answer in answers.items() if isinstance(answer, Refusal)}
    named = {reference: why for reference, why in refused.items() if reference in mine}
    context: dict[str, Any] = {
        "counted": len(answers) - len(refused),
        "named": named,
        "others": len(refused) - len(named),
    }
    return page(request, "proclaimed.html.j2", day=day, name=name, **context)


async def _counted(request: Request, calendar: Calendar, day: date, name: str) -> Counted:
    """What a day would move, by the same code as the cases use. Nothing is sent or kept."""
    register, cases, moving = office(request).register, 0, dict[str, int]()
    said = Proclaim(id="not sent", by=viewer(request).person, made_on=today(), because=f"{name}.", day=day, name=name)
    for view in await queries.cases(register, CaseFilter(state="open", order="reference")):
        case = (await register.whole(view.reference)).case
        moved = await asyncio.to_thread(_moved, case, calendar.name, said, now())
        if moved is not None:
            cases += 1
            moving |= {view.reference: moved} if moved else {}
    return Counted(cases, moving)


def _moved(case: Case, calendar: str, said: Proclaim, at: datetime) -> int | None:
    """How many dates of a case a day moves; None where the case does not count the day."""
    if case.calendar.name != calendar or not case.calendar.is_working_day(said.day):
        return None
    return sum(isinstance(event, ev.Moved) and event.was != event.record.due for event in trial(case, said, at)[1])


def _words(found: Counted, mine: Container[str]) -> tuple[str, ...]:
    """What follows; cases are named to whoever has a part in them."""
    if not found.moving:
        return (f"Open cases that count by this calendar: {found.cases}. No date of theirs moves.",)
    dates, cases = sum(found.moving.values()), len(found.moving)
    moves = "1 date moves" if dates == 1 else f"{dates} dates move"
    head = f"{moves} in {cases} of {found.cases} open {'case' if found.cases == 1 else 'cases'}."
    own = {reference: number for reference, number in found.moving.items() if reference in mine}
    named = [f"{reference}: {number} {'date' if number == 1 else 'dates'}" for reference, number in own.items()]
    others = cases - min(len(named), LISTED)
    rest = [f"{others} {'case' if others == 1 else 'cases'} more"] if others else []
    return (head, *named[:LISTED], *rest)


ROUTES = [Route("/records/holiday", proclaim, methods=["GET", "POST"])]
