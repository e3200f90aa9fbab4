"""What every page stands on: who is signed in, what they may see, forms that are theirs, pages and error pages.

A page that shows a case gets it from `seen`, and from nowhere else: need to know, and the note of who has read what,
are settled there.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import jinja2
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

import starter
from library import ROOT, Library
from models import access
from models.access import Sight, Viewer
from models.calendar import ZONE
from models.case import Case, role_title, stage
from models.events import Event
from models.refusal import Refusal
from models.telling import time_left
from models.timescale import exact, local_date, say, say_day
from register import accounts
from register.accounts import SignedIn
from register.store import Register
from web.provider import Provider
from web.tries import Tries

COOKIE = "scr_session"
EMERGENCY = timedelta(hours=1)
"""How long somebody who opened a case in an emergency may see it."""
LARGEST_FORM = 26_000_000
"""Bytes of the largest form: a document and a few fields."""


class Number(IntegerConvertor):
    """A number in an address, short enough to be read as one."""

    regex = "[0-9]{1,9}"


register_url_convertor("int", Number())  # for every route, in the place of one that may fail


@dataclass
class Office:
    """What the pages work with; `secure` where they are served by https. The engine is asked for when it is needed.

    `provider` is that of single sign-on, where there is one. `tries` limits guessing. `temporal_ui` is the origin of
    the Temporal Web UI, `engine_readers` are the accounts that may read there what the engine keeps under seal.
    """

    register: Register
    library: Library
    data: Path
    secure: bool = False
    provider: Provider | None = None
    client: starter.Engine | None = None
    tries: Tries = field(default_factory=Tries)
    temporal_ui: str = ""
    engine_readers: frozenset[str] = frozenset()

    async def engine(self) -> starter.Engine:
        """The engine. Raises Unreachable where it does not answer."""
        if self.client is None:
            self.client = await starter.connect(self.register.ring)
        return self.client


@dataclass(frozen=True)
class Seen:
    """A case as one viewer sees it; `case` is all of it, so a page shows of it only what `sight` allows."""

    case: Case
    events: Sequence[Event]
    sight: Sight

    @property
    def reference(self) -> str:
        """The reference of the case."""
        return self.case.opening.reference


def office(request: Request) -> Office:
    """What the pages work with."""
    found: Office = request.app.state.office
    return found


def now() -> datetime:
    """The aware moment at which a page is asked for."""
    return datetime.now(UTC)


def today() -> date:
    """Today's civil date."""
    return local_date(now(), ZONE)


def viewer(request: Request) -> Viewer:
    """Who is signed in. Everything but signing in asks this, and nobody gets further without."""
    signed_in: SignedIn | None = request.state.signed_in
    if signed_in is None:
        raise HTTPException(401)
    return signed_in.viewer


async def seen(request: Request, what: str) -> Seen:
    """The case of the address as the viewer sees it; `what` is written down as read.

    A case that they may not see is not there (404): not even that it exists is told.
    """
    who, reference = viewer(request), str(request.path_params["reference"])
    register = office(request).register
    known = await register.known(reference)
    if known is None:
        raise HTTPException(404)
    case, events = known
    opened = await accounts.emergency(register, who, reference, now() - EMERGENCY)
    sight = access.sight(case, who, emergency=opened)
    if sight is None:
        raise HTTPException(404)
    await accounts.note_read(register, who, reference, what, now())
    return Seen(case, events, sight)


async def form_of(request: Request) -> FormData:
    """The fields of a form that this session's own page has sent. Raises HTTPException 403 for any other.

    One with NUL in a text, which no database keeps and no browser sends, is refused too (400).
    """
    size = request.headers.get("content-length", "")
    if not size.isdecimal():
        raise HTTPException(411)  # a form that does not say how large it is could go on without end
    if int(size) > LARGEST_FORM:
        raise HTTPException(413)
    form = await request.form(max_files=2, max_fields=200, max_part_size=LARGEST_FORM)
    signed_in: SignedIn | None = request.state.signed_in
    wanted = signed_in.csrf if signed_in else request.cookies.get("scr_form", "")
    if not wanted or not secrets.compare_digest(str(form.get("csrf", "")), wanted):
        raise HTTPException(403)
    if any("\0" in value for value in form.values() if isinstance(value, str)):
        raise HTTPException(400)
    return form


def text_of(form: FormData, name: str) -> str:
    """A field of a form as text, without space around it; empty where it is not there."""
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def to(path: str) -> RedirectResponse:
    """Go on to another page after a form."""
    return RedirectResponse(path, status_code=303)


def address(request: Request, path: str) -> str:
    """A path of this service as a whole address, to be handed on."""
    scheme = "https" if office(request).secure else request.url.scheme
    return f"{scheme}://{request.url.netloc}{path}"


def page(request: Request, template: str, status: int = 200, /, **context: Any) -> Response:
    """A page from its template in templates/pages."""
    signed_in: SignedIn | None = getattr(request.state, "signed_in", None)  # not known yet where finding out fails
    csrf = signed_in.csrf if signed_in else request.cookies.get("scr_form") or secrets.token_urlsafe(32)
    board = office(request).library.board(signed_in.viewer.board) if signed_in else None
    given = {"request": request, "signed_in": signed_in, "board": board, "csrf": csrf, "today": today(), **context}
    reads_engine = signed_in is not None and signed_in.viewer.account in office(request).engine_readers
    given = {"provider": office(request).provider, "reads_engine": reads_engine, **given}
    response = HTMLResponse(_TEMPLATES.get_template(template).render(given), status_code=status)
    if signed_in is None:
        secure = office(request).secure
        response.set_cookie("scr_form", csrf, httponly=True, samesite="strict", secure=secure)
    return response


def refused(request: Request, template: str, refusal: Refusal, field: str = "form", /, **context: Any) -> Response:
    """A form shown again with what is wrong with it at its head and nothing of what was typed lost."""
    errors = [{"text": line, "href": f"#{field}"} for line in str(refusal).splitlines()]
    return page(request, template, 422, errors=errors, **context)


async def error_page(request: Request, error: Exception) -> Response:
    """What went wrong, in plain words, whatever it was."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 401:
        return to(f"/sign-in?next={quote(request.url.path)}")
    title, text = _ERRORS.get(status, _ERRORS[500])
    return page(request, "error.html.j2", status, title=title, text=text)


def local_path(path: str) -> str:
    """A path of this service to go on to; the front page where it is anything else."""
    parts = urlsplit(path)
    sound = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return path if sound else "/"


_ERRORS = {
    400: ("This cannot be read", "A text holds a character that is none. Nothing was changed."),
    403: ("This form has expired", "Go back, load the page again and send it once more. Nothing was changed."),
    404: ("Page not found", "There is no such page, or it is not for you. Check the address."),
    405: ("Page not found", "This address takes no such request."),
    411: ("This cannot be read", "What was sent does not say how large it is. Nothing was changed."),
    413: ("This is too large", "A document has at most 25,000,000 bytes. Nothing was changed."),
    429: ("Too many tries", "Wait a quarter of an hour, then try again."),
    500: (
        "Sorry, something is wrong with the service",
        "What a page has confirmed is not lost. Try again.",
    ),
    503: ("The engine does not answer", "What is kept can still be read. Decisions can be given when it is back."),
}


def _day(value: Any) -> str:
    """A day in full, "Monday 8 July 2013", "July 2013" or "2013"."""
    if value is None or value == "":
        return ""
    whole = exact(value)
    return say(whole) if whole else say_day(value)


def _moment(value: datetime) -> str:
    """A moment by the local clock."""
    local = value.astimezone(ZoneInfo(ZONE))
    return f"{say(local.date())}, {local:%H:%M}"


def _templates() -> jinja2.Environment:
    loader = jinja2.ChoiceLoader(
        [
            jinja2.FileSystemLoader(ROOT / "templates" / "pages"),
            jinja2.PrefixLoader({"govuk_frontend_jinja": jinja2.PackageLoader("govuk_frontend_jinja")}),
        ]
    )
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"day": _day, "moment": _moment}
    environment.globals |= {"role_title": role_title, "stage": stage, "time_left": time_left}
    environment.globals |= {"words_letters": access.words_letters, "keeps_records": access.keeps_records}
    return environment


_TEMPLATES = _templates()
