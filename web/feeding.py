"""The calendar feed: the due dates of what waits for somebody, for their calendar program, with nothing personal in it.

The address is the key: whoever has it reads the feed, so it says which step of which case is due, and no more.
"""

from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from icalendar import Calendar, Event
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.timescale import say
from register import feeds, queries
from register.queries import StepView
from web.frame import address, form_of, now, office, page, to, viewer


async def about(request: Request) -> Response:
    """Whether somebody has a feed; its address is shown only when it is made."""
    made_at = await feeds.made_at(office(request).register, viewer(request).account)
    return page(request, "feed.html.j2", made_at=made_at, link=None)


async def make(request: Request) -> Response:
    """Make an address, shown this once; one that was made before leads nowhere any more."""
    who = viewer(request)
    await form_of(request)
    moment = now()
    token = await feeds.make(office(request).register, who.account, moment)
    link = address(request, f"/feed/{token}.ics")
    return page(request, "feed.html.j2", made_at=moment, link=link)


async def revoke(request: Request) -> Response:
    """Have the address lead nowhere."""
    who = viewer(request)
    await form_of(request)
    await feeds.revoke(office(request).register, who.account)
    return to("/feed")


async def feed(request: Request) -> Response:
    """The feed of an address, for whoever has it; 404 for an address that leads nowhere."""
    register = office(request).register
    who = await feeds.holder(register, request.path_params["token"])
    if who is None:
        raise HTTPException(404)
    owed = await queries.owed_by(register, who.board, who.person)
    return Response(calendar([step for step in owed if step.due], now()), media_type="text/calendar")


def calendar(owed: list[StepView], made_at: datetime) -> bytes:
    """The due dates of steps as a calendar, made at an aware moment; a step keeps its entry when its date moves."""
    found = Calendar()
    found.add("prodid", "-//Serious Case Reviews//due dates//EN")
    found.add("version", "2.0")
    found.add("method", "PUBLISH")
    found.add("x-wr-calname", "Serious Case Reviews: due dates")
    for step in owed:
        event = Event()
        event.add("uid", f"{uuid5(NAMESPACE_URL, f'{step.reference}/{step.key}/{step.round}')}")
        event.add("dtstamp", made_at)
        event.add("summary", f"{step.reference}: {step.title}")
        event.add("dtstart", step.due)  # a day without an end is that whole day
        event.add("description", _says(step))
        event.add("transp", "TRANSPARENT")
        event.add("class", "CONFIDENTIAL")
        found.add_component(event)
    made: bytes = found.to_ical()
    return made


def _says(step: StepView) -> str:
    act = f" Act by {say(step.act_by)}, the last working day for it." if step.act_by and step.act_by != step.due else ""
    row = f" Row {step.row} of the guidance." if step.row else ""
    return f"Due on {say(step.due)}.{act}{row}" if step.due else ""


ROUTES = [
    Route("/feed", about, methods=["GET"]),
    Route("/feed", make, methods=["POST"]),
    Route("/feed/revoke", revoke, methods=["POST"]),
    Route("/feed/{token}.ics", feed, methods=["GET"]),
]
