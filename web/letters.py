"""The letters of a case, and what went: the text as it was read, and the PDF."""

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
from register import accounts, queries
from register.queries import LetterView
from web.cases import shown
from web.frame import Seen, now, office, seen, viewer

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
    rows = [(view, role_title(one.case, view.recipient), title_of(view)) for view in await _seen(request, one)]
    rows.reverse()
    return shown(request, "letters.html.j2", one, "Letters", rows=rows)


async def one_letter(request: Request) -> Response:
    """A letter as it went."""
    one, view = await _asked(request)
    went = await asyncio.to_thread(read_letter, office(request).data / "outbox", one.reference, view)
    context = {"view": view, "to": role_title(one.case, view.recipient), "title": title_of(view), "went": went}
    return shown(request, "letters-one.html.j2", one, "Letters", **context)


async def letter_pdf(request: Request) -> Response:
    """The PDF of a letter."""
    one, view = await _asked(request)
    went = await asyncio.to_thread(read_letter, office(request).data / "outbox", one.reference, view)
    if went is None or not went.pdf.startswith(b"%PDF-"):
        raise HTTPException(404)
    headers = {"Content-Disposition": f'inline; filename="{one.reference}-{view.on}.pdf"'}
    return Response(went.pdf, media_type="application/pdf", headers=headers)


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
    """The letter that an address names, if it went and the viewer sees it; it is written down as read."""
    one = await seen(request, "letters")
    letter = str(request.path_params["letter"])
    view = next((view for view in await _seen(request, one) if view.letter == letter), None)
    if view is None or view.state != "sent":
        raise HTTPException(404)
    await accounts.note_read(office(request).register, viewer(request), one.reference, f"letter {letter}", now())
    return one, view


ROUTES = [
    Route("/cases/{reference}/letters", letters),
    Route("/cases/{reference}/letters/{letter}", one_letter),
    Route("/cases/{reference}/letters/{letter}/pdf", letter_pdf),
]
