"""The documents of a case with all their versions, and the merged chronology."""

import asyncio
import re
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import filing
from documents.chronology_files import as_pdf, as_xlsx
from documents.chronology_words import HOW_TO_READ, gap_words, marks, summary, when
from models import access
from models.case import Case, role_key
from models.chronology import Merged
from models.decisions import File
from models.events import DocumentFact
from models.refusal import Refusal
from register import accounts, papers
from register.errors import RegisterError
from register.sealed import SealError
from typesetting import Typesetter
from web.cases import shown
from web.frame import Seen, now, office, page, seen, today, viewer
from web.paging import paged

ENTRIES = 100
"""Entries of a page of the chronology."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
EXTENSIONS = {
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    XLSX: "xlsx",
    "text/plain": "txt",
}


class Version(NamedTuple):
    """A version of a document; `filed` is the decision that handed it in."""

    key: str
    fact: DocumentFact
    filed: File


async def documents(request: Request) -> Response:
    """The documents that are filed, each with its versions, the latest first."""
    one = await seen(request, "documents")
    found: dict[str, list[tuple[Version, str | None]]] = {}
    for version in _versions(one):
        name = await _name(request, one.reference, version.fact.sha256)
        found.setdefault(version.key, []).insert(0, (version, name))
    return shown(request, "documents.html.j2", one, "Documents", found=found, kinds=EXTENSIONS)


async def download(request: Request) -> Response:
    """A version of a document, to be kept as a file."""
    one = await seen(request, "documents")
    key, number = str(request.path_params["key"]), int(request.path_params["version"])
    version = next((v for v in _versions(one) if v.key == key and v.fact.version == number), None)
    if version is None:
        raise HTTPException(404)
    what = f"document {key}, version {number}"
    register = office(request).register
    try:
        content = await papers.content(register, one.reference, version.fact.sha256)
    except (RegisterError, SealError) as error:
        return page(request, "error.html.j2", 404, title="This document cannot be read", text=str(error))
    await accounts.note_read(register, viewer(request), one.reference, what, now())
    kind = version.fact.media_type
    name = f"{one.reference}-{key}-v{number}.{EXTENSIONS.get(kind, 'bin')}"
    return attachment(content, name, kind if kind in EXTENSIONS else "application/octet-stream")


async def chronology(request: Request) -> Response:
    """The agencies' chronologies in one order, with gaps and clashes marked."""
    one = await seen(request, "chronology")
    try:
        merged = await _merged(request, one)
    except Refusal as refusal:
        return shown(request, "chronology.html.j2", one, "Chronology", merged=None, why=str(refusal))
    titles = _titles(one.case)
    here = paged(request, len(merged.entries), ENTRIES)
    marked, told = await asyncio.to_thread(lambda: (marks(merged, titles), summary(merged, titles)))
    gaps = dict[int, list[str]]()
    for gap in merged.gaps:
        gaps.setdefault(gap.position, []).append(gap_words(gap, titles))
    rows = [
        (number + 1, when(entry), titles.get(entry.agency, entry.agency), entry, gaps.get(number), marked.get(number))
        for number, entry in list(enumerate(merged.entries))[here.offset :][:ENTRIES]
    ]
    context = {"rows": rows, "here": here, "summary": told, "how_to_read": HOW_TO_READ}
    return shown(request, "chronology.html.j2", one, "Chronology", merged=merged, **context)


async def chronology_file(request: Request) -> Response:
    """The merged chronology as a workbook or as a PDF."""
    one = await seen(request, "chronology")
    library, kind = office(request).library, str(request.path_params["kind"])
    if kind not in ("xlsx", "pdf"):
        raise HTTPException(404)
    fictional, on = library.board(one.case.opening.board).fictional, today()
    try:
        shown_as = (await _merged(request, one), one.reference, _titles(one.case), fictional, on)
        if kind == "xlsx":
            content = await asyncio.to_thread(as_xlsx, *shown_as)
        else:
            content = await asyncio.to_thread(as_pdf, *shown_as, Typesetter(library.fonts))
    except Refusal as refusal:
        return shown(request, "chronology.html.j2", one, "Chronology", 422, merged=None, why=str(refusal))
    await accounts.note_read(office(request).register, viewer(request), one.reference, f"chronology as {kind}", now())
    media = XLSX if kind == "xlsx" else "application/pdf"
    return attachment(content, f"{one.reference}-chronology.{kind}", media)


def attachment(content: bytes, name: str, media_type: str) -> Response:
    """A file to be kept, under a name that only has letters, digits, dots and hyphens."""
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", name).replace("-.", ".").strip("-.")
    headers = {"Content-Disposition": f'attachment; filename="{plain}"'}
    return Response(content, media_type=media_type, headers=headers)


def _versions(one: Seen) -> list[Version]:
    """The versions of the documents that the viewer sees, as they were filed; what was taken back counts for none."""
    found, numbers = [], dict[str, int]()
    for entry in one.case.log:
        if isinstance(said := entry.decision, File):
            key = role_key(said.document, said.agency or said.action)
            numbers[key] = numbers.get(key, 0) + 1
            given = said.model_dump(include={"document", "agency", "action", "sha256", "media_type", "size"})
            fact = DocumentFact(**given, version=numbers[key], filed_on=said.made_on)
            if access.sees_document(one.sight, fact):
                found.append(Version(key, fact, said))
    return found


async def _name(request: Request, reference: str, sha256: str) -> str | None:
    """The name with which a document came, to be shown; None where it is kept no more."""
    try:
        return await papers.name(office(request).register, reference, sha256)
    except (RegisterError, SealError):
        return None


async def _merged(request: Request, one: Seen) -> Merged:
    """The chronologies that the viewer sees as one. Raises Refusal where none is filed, or one cannot be read."""
    filed = one.case.facts.documents.items()
    own = {key: fact for key, fact in filed if access.sees_document(one.sight, fact)}
    if not any(fact.document == "chronology" and fact.agency for fact in own.values()):
        raise Refusal("No chronology is filed yet. Each agency files its own; here they stand in one order.")
    try:
        return await filing.merged(office(request).register, one.case.with_facts(documents=own))
    except (RegisterError, SealError) as error:
        raise Refusal(str(error)) from error


def _titles(case: Case) -> dict[str, str]:
    return {key: fact.name for key, fact in case.facts.agencies.items()}


ROUTES = [
    Route("/cases/{reference}/documents", documents),
    Route("/cases/{reference}/documents/{version:int}/{key:path}", download),
    Route("/cases/{reference}/chronology", chronology),
    Route("/cases/{reference}/chronology.{kind}", chronology_file),
]
