"""The letters of a case: their journeys, the text as it was read, the PDF, and what a person has to see to."""

import asyncio
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from activities.outbox import HASH_HEADER
from models import access
from models.case import role_title
from models.letters import content_hash
from models.refusal import Refusal
from register import accounts, deliveries, queries
from register.queries import LetterView
from web.cases import shown
from web.frame import Seen, form_of, now, office, page, seen, to, viewer

_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Went(NamedTuple):
    """A letter as it lies in the outbox; `as_sent` says whether it is still what the register says was sent."""

    subject: str
    to: str
    text: str
    pdf: bytes
    as_sent: bool


async def letters(request: Request) -> Response:
    """The letters of a case with what became of them."""
    one = await seen(request, "letters")
    journeys = await _journeys(request, one)
    rows = [
        (view, role_title(one.case, view.recipient), title_of(view), journeys.get(view.letter, [])[-1:])
        for view in reversed(await _seen(request, one))
    ]
    return shown(request, "letters.html.j2", one, "Letters", rows=rows, words=deliveries.WORDS)


async def one_letter(request: Request) -> Response:
    """A letter: its journey, what can be done about it, and its text as it went."""
    one, view = await _asked(request)
    register = office(request).register
    manages = access.manages(one.sight, one.case.procedure)
    found = await deliveries.concerns(register, now(), reference=one.reference) if manages else []
    context = {
        "view": view,
        "to": role_title(one.case, view.recipient),
        "title": title_of(view),
        "went": await _went(request, one, view),
        "journey": (await _journeys(request, one)).get(view.letter, []),
        "words": deliveries.WORDS,
        "concern": next((known for known in found if known.letter == view.letter), None),
    }
    return shown(request, "letters-one.html.j2", one, "Letters", **context)


async def letter_pdf(request: Request) -> Response:
    """The PDF of a letter that went, or lies ready to be posted."""
    one, view = await _asked(request)
    went = await _went(request, one, view)
    if went is None or not went.pdf.startswith(b"%PDF-"):
        raise HTTPException(404)
    headers = {"Content-Disposition": f'inline; filename="{one.reference}-{view.on}.pdf"'}
    return Response(went.pdf, media_type="application/pdf", headers=headers)


async def posted(request: Request) -> Response:
    """Take down that a person has posted a letter, or given it in another way."""
    one, view = await _asked(request)
    if not access.manages(one.sight, one.case.procedure):
        raise HTTPException(404)
    await form_of(request)
    try:
        await deliveries.posted(office(request).register, one.case, view.letter, viewer(request).person, now())
    except Refusal as refusal:  # somebody else was quicker, or a page from before
        text = f"Nothing was changed. {refusal}"
        return page(request, "error.html.j2", 409, title="This letter waits for nobody", text=text)
    return to(f"/cases/{one.reference}/letters/{view.letter}")


async def _journeys(request: Request, one: Seen) -> dict[str, list[deliveries.Delivery]]:
    """The letters' journeys, for those who see the whole case: how our mail does is nobody else's."""
    return await deliveries.journeys(office(request).register, one.reference) if one.sight.whole else {}


async def _went(request: Request, one: Seen, view: LetterView) -> Went | None:
    """A letter as it went; None for one that has not gone."""
    if view.state != "sent":
        return None
    return await asyncio.to_thread(read_letter, office(request).data / "outbox", one.reference, view)


def title_of(view: LetterView) -> str:
    """What a letter is, by the name of its template: "Decision notice"."""
    words = view.template.replace("-", " ")
    return words[:1].upper() + words[1:]


def read_letter(outbox: Path, reference: str, view: LetterView) -> Went | None:
    """The letter of the outbox that the register names; None where it is not there or cannot be read as a letter.

    Reference and letter come from the register; even so they must be plain names of files.
    """
    if not (_FILE.fullmatch(reference) and _FILE.fullmatch(view.letter)):
        return None
    path = outbox / reference / f"{view.letter}.eml"
    if path.is_symlink() or not path.is_file():
        return None
    message = message_from_bytes(path.read_bytes(), policy=policy.SMTP)
    text, html, pdf = (_part(message, kind) for kind in ("text/plain", "text/html", "application/pdf"))
    if not text or HASH_HEADER not in message:
        return None
    subject = str(message["Subject"] or "").strip()  # a long one begins on a line of its own
    words, page = (part.decode("utf-8", "replace").replace("\r\n", "\n") for part in (text, html))
    pages = (page, page.removesuffix("\n"))  # an e-mail ends each part with a line feed
    as_sent = any(content_hash(subject, words, one, pdf) == view.sha256 for one in pages)
    return Went(subject, str(message["To"] or ""), words, pdf, as_sent)


def _part(message: EmailMessage, kind: str) -> bytes:
    """The first part of a kind, decoded; empty where there is none."""
    found = next((part for part in message.walk() if part.get_content_type() == kind), None)
    content = found.get_payload(decode=True) if found is not None else b""
    return content if isinstance(content, bytes) else b""


async def _seen(request: Request, one: Seen) -> list[LetterView]:
    """The letters that the viewer sees, in the order of their days."""
    views = await queries.letters(office(request).register, one.reference)
    known = one.case.letters
    return [view for view in views if view.letter in known and access.sees_letter(one.sight, known[view.letter])]


async def _asked(request: Request) -> tuple[Seen, LetterView]:
    """The letter that an address names, if the viewer sees it; it is written down as read."""
    one = await seen(request, "letters")
    letter = str(request.path_params["letter"])
    view = next((view for view in await _seen(request, one) if view.letter == letter), None)
    if view is None:
        raise HTTPException(404)
    await accounts.note_read(office(request).register, viewer(request), one.reference, f"letter {letter}", now())
    return one, view


ROUTES = [
    Route("/cases/{reference}/letters", letters),
    Route("/cases/{reference}/letters/{letter}", one_letter),
    Route("/cases/{reference}/letters/{letter}/pdf", letter_pdf),
    Route("/cases/{reference}/letters/{letter}/posted", posted, methods=["POST"]),
]
