"""A step decided in the browser, and the page that says what followed."""

from functools import reduce

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import starter
from models import access
from models.case import apply
from models.events import Event
from models.procedure import Step
from models.refusal import Refusal
from register import queries
from web import following, forms, giving
from web.frame import Seen, form_of, office, page, seen, viewer


async def decide(request: Request) -> Response:
    """The form of a step; where it is not owed, by whom, when and how it was decided."""
    key = str(request.path_params["key"])
    one = await seen(request, f"decision {key}")
    record = one.case.steps.get(key)
    if record is None or not access.sees_step(one.sight, record):
        raise HTTPException(404)
    step = one.case.procedure.timed(record.step)
    sent = request.method == "POST"
    owed = record.state == "open" and one.case.facts.closed is None
    known = sent and following.taken_in(one.events, giving.id_of(await form_of(request)))
    if not isinstance(step, Step) or not (owed or known):
        return giving.settled(request, one, one.case, key, 409 if sent else 200)
    desk = giving.desk_of(request, one)
    form = forms.deciding(desk, record, step, _as_written(request, one.case.procedure.id, step.id))
    if sent:
        return await giving.give(request, one, form)
    if words := giving.not_yours(desk, record.owner):
        return page(request, "decide-others.html.j2", form=form, words=words, reference=one.reference)
    return await giving.first(request, one, form)


def _as_written(request: Request, procedure: str, step: str) -> tuple[str, ...]:
    """A step's outcomes in the order of its procedure's file, where there is one."""
    library = office(request).library
    known = library.procedure(procedure).steps.get(step) if procedure in library.procedures() else None
    return tuple(known.outcomes) if known else ()


async def taken(request: Request) -> Response:
    """What followed from a decision: from the register, or from the living case where that is ahead."""
    decision_id = str(request.path_params["decision"])
    one = await seen(request, "what followed from a decision")
    case, events = one.case, one.events
    if following.taken_in(events, decision_id) is None:
        newer = await _newer(request, one)
        case, events = reduce(apply, newer, case), [*events, *newer]
    entry = following.taken_in(events, decision_id)
    sight = access.sight(case, viewer(request), emergency=one.sight.emergency)
    if entry is None or sight is None:
        raise HTTPException(404)
    own = viewer(request).person in (entry.decision.by, entry.decision.recorded_by)
    if not own and not access.sees_event(sight, case, entry):
        raise HTTPException(404)
    board = office(request).library.board(viewer(request).board)
    follows = following.consequences(case, following.events_of(events, decision_id), sight, board)
    record, rows = case.steps.get(entry.step or ""), following.told(case, board, entry)
    return page(request, "filed.html.j2", reference=one.reference, rows=rows, follows=follows, record=record)


async def _newer(request: Request, one: Seen) -> list[Event]:
    """The events that the page's case does not have yet.

    The living case is asked first: what it has handed to the register by then is read there.
    """
    try:
        carried = await starter.ask(await office(request).engine(), one.reference)
    except Refusal as refusal:
        raise HTTPException(404) from refusal
    written = await queries.events(office(request).register, one.reference, one.case.seq)
    known = {event.seq: event for event in (*carried.unrecorded, *written) if event.seq > one.case.seq}
    return [known[seq] for seq in sorted(known)]


ROUTES = [
    Route("/cases/{reference}/decide/{key:path}", decide, methods=["GET", "POST"], name="decide"),
    Route("/cases/{reference}/taken/{decision}", taken, methods=["GET"], name="taken"),
]
