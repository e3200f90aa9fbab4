"""What happened in a case, and how each of its dates was worked out: the timeline, the timescale, one date."""

from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models import access
from models import events as ev
from models.case import Case, role_title
from models.telling import Called, called_in, in_words
from web.cases import is_late, left_of, shown
from web.frame import Seen, now, office, seen, today
from web.paging import paged
from web.pictures import drawn

EVENTS = 50
"""Events of a page of the timeline."""


class Told(NamedTuple):
    """An event for the timeline; `by` is the person who decided, `decision` the id of what they decided."""

    event: ev.Event
    title: str
    words: str
    by: str
    decision: str


class RungSeen(NamedTuple):
    """A rung of a ladder: fired, or to come."""

    rung: ev.Rung
    to: tuple[str, ...]
    fired: ev.Event | None


async def timeline(request: Request) -> Response:
    """Everything that happened, the newest first."""
    one = await seen(request, "timeline")
    events = [event for event in reversed(one.events) if access.sees_event(one.sight, one.case, event)]
    here = paged(request, len(events), EVENTS)
    called = called_in(one.case, office(request).library.board(one.case.opening.board))
    told = [_told(one.case, event, called) for event in events[here.offset :][:EVENTS]]
    return shown(request, "case-timeline.html.j2", one, "Timeline", told=told, here=here)


async def timescale(request: Request) -> Response:
    """All dates of the case, as a picture and as a table."""
    one = await seen(request, "dates")
    records = [record for record in one.case.steps.values() if access.sees_step(one.sight, record)]
    rows = [
        (record, one.case.procedure.timed(record.step).row, left_of(one.case, record), is_late(one.case, record))
        for record in records
    ]
    picture = drawn(one.case, records, today())
    return shown(request, "dates.html.j2", one, "Dates", rows=rows, picture=picture)


async def one_date(request: Request) -> Response:
    """A step's date: how it was worked out, every move of it, and its ladder."""
    key = str(request.path_params["key"])
    one = await seen(request, "dates")
    record = one.case.steps.get(key)
    if record is None or not access.sees_step(one.sight, record):
        raise HTTPException(404)
    moves = [event for event in one.events if event.step == key and isinstance(event, ev.Started | ev.Moved)]
    context = {
        "record": record,
        "timed": one.case.procedure.timed(record.step),
        "owner": role_title(one.case, record.owner),
        "left": left_of(one.case, record),
        "late": is_late(one.case, record),
        "moves": moves,
        "ladder": _ladder(one, record),
        "now": now(),
    }
    return shown(request, "dates-one.html.j2", one, "Dates", **context)


def _told(case: Case, event: ev.Event, called: Called) -> Told:
    record = case.steps.get(event.step or "")
    title = event.kind[0].upper() + event.kind[1:] + (f": {record.title}" if record else "")
    said = getattr(event, "decision", None)
    if isinstance(said, str):  # that of a decision that was refused
        return Told(event, title, in_words(event, called), "", said)
    return Told(event, title, in_words(event, called), said.by if said else "", said.id if said else "")


def _ladder(one: Seen, record: ev.StepRecord) -> list[RungSeen]:
    """The rungs that fired, in order, and those still to come while the step is open."""
    fired = [event for event in one.events if isinstance(event, ev.Fired) and event.step == record.key]
    past = [RungSeen(event.rung, _titles(one.case, record, event.rung), event) for event in fired]
    owed = record in one.case.open_steps
    coming = [rung for rung in record.rungs if owed and rung.id not in one.case.fired]
    return past + [RungSeen(rung, _titles(one.case, record, rung), None) for rung in coming]


def _titles(case: Case, record: ev.StepRecord, rung: ev.Rung) -> tuple[str, ...]:
    return tuple(role_title(case, record.owner if role == "owner" else role) for role in rung.to)


ROUTES = [
    Route("/cases/{reference}/timeline", timeline),
    Route("/cases/{reference}/dates", timescale),
    Route("/cases/{reference}/dates/{key:path}", one_date),
]
