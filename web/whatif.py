"""What if: the dates of a case as they are, and as they would be after one decision. Nothing is sent or kept."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models import access
from models import events as ev
from models.access import Sight
from models.calendar import ZONE
from models.case import Case, role_title
from models.decisions import Decide, Searched
from models.events import StepRecord
from models.gates import to_search
from models.refusal import Refusal
from models.timescale import Day, at_hour, earliest, local_date, say
from web import following
from web.fields import Faults, Field, at_first, read
from web.following import plainly
from web.forms import Desk
from web.frame import now, page, seen
from web.giving import desk_of

NOBODY = "what-if"
"""Who decides in a case that is only thought of."""


class Line(NamedTuple):
    """A step's date as it is and as it would be, with how that was counted."""

    title: str
    owner: str
    now: str
    then: str
    because: str
    changed: bool


async def what_if(request: Request) -> Response:
    """Choose a step, an outcome and a day; every date now and then stands side by side."""
    one = await seen(request, "what if")
    desk = desk_of(request, one)
    fields = asked(desk)
    query = request.query_params
    context: dict[str, object] = {"reference": one.reference, "fields": fields, "typed": at_first(fields), "faults": {}}
    if "choice" not in query:
        return page(request, "what-if.html.j2", **context)
    typed = {name: query.get(name, "").strip() for field in fields for name in field.inputs}
    context["typed"] = typed
    try:
        answers = read(fields, typed)
        step, _, outcome = answers["choice"].partition(" ")
        after, events = thought(one.case, step, outcome, answers["on"], now())
    except Refusal as refusal:
        faults = refusal.faults if isinstance(refusal, Faults) else (("", plainly(one.case, desk.board, refusal)),)
        anchors = {field.name: field.anchor for field in fields}
        errors = [{"text": words, "href": f"#{anchors.get(name, 'choice')}"} for name, words in faults]
        return page(request, "what-if.html.j2", 422, errors=errors, **{**context, "faults": dict(faults)})
    follows = following.consequences(after, events, one.sight, desk.board)
    said = f"{fields[0].choices[answers['choice']]}, decided on {say(earliest(answers['on']))}"
    lines = list(compared(one.case, after, events, one.sight))
    return page(request, "what-if.html.j2", lines=lines, said=said, follows=follows, **context)


def asked(desk: Desk) -> tuple[Field, Field]:
    """The choice of an open step with an outcome, and the day."""
    choices = {
        f"{record.key} {outcome}": f"{following.titled(desk.case, record)}: {words}"
        for record in desk.case.open_steps
        if record.step in desk.case.procedure.steps and access.sees_step(desk.seen.sight, record)
        for outcome, words in desk.case.procedure.steps[record.step].outcomes.items()
    }
    hint = "It may lie ahead. For example 5 8 2013."
    return (
        Field("choice", "Step and outcome", "select", choices=choices),
        Field("on", "Decided on", "whole day", hint, start=desk.today.isoformat()),
    )


def thought(case: Case, key: str, outcome: str, on: Day, at: datetime) -> tuple[Case, list[ev.Event]]:
    """The case as a decision of a step on a day would leave it, looked at on that day if it lies ahead.

    Whoever decides holds the role; what must be searched is searched and found to hold nothing. Raises Refusal.
    """
    record = case.steps[key]
    step = case.procedure.steps[record.step]
    day = earliest(on)
    if day > local_date(at, ZONE):
        at = at_hour(day, 12, ZONE)
    searched = tuple(Searched(document=k, sha256=f.sha256, hits=0) for k, f in to_search(case, step, outcome).items())
    held = case.facts.holders.get(record.owner) or (NOBODY,)
    decision = Decide(
        id=f"{NOBODY}-{key}"[:64], by=held[0], made_on=on, because="What if?", step=key, outcome=outcome,
        evidence="What if?", searched=searched,
    )  # fmt: skip
    return following.trial(case.with_facts(holders={**case.facts.holders, record.owner: held}), decision, at)


def compared(case: Case, after: Case, events: list[ev.Event], sight: Sight) -> Iterator[Line]:
    """Every step that is owed before or after, the earliest then first."""
    reasons = {e.step: e.because for e in events if isinstance(e, ev.Started | ev.Moved)}
    keys = [key for key, record in after.steps.items() if _owed(case, key) or record.state == "open"]
    keys.sort(key=lambda key: (after.steps[key].due is None, after.steps[key].due or date.max, key))
    for key in keys:
        record = after.steps[key]
        if access.sees_step(sight, record):
            was, then = _said(case.steps.get(key)), _said(record)
            title, owner = following.titled(after, record), role_title(after, record.owner)
            yield Line(title, owner, was, then, reasons.get(key, ""), was != then)


def _owed(case: Case, key: str) -> bool:
    return key in case.steps and case.steps[key].state == "open"


def _said(record: StepRecord | None) -> str:
    if record is None:
        return "Not owed"
    if record.state != "open":
        return "Done" if record.state == "done" else "Owed no more"
    return say(record.due) if record.due else "No date"


ROUTES = [Route("/cases/{reference}/what-if", what_if, methods=["GET"], name="what-if")]
