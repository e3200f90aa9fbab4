"""The evidence of a case as one file that proves itself: events with their chain, documents, letters, a checker."""

import asyncio
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from library import ROOT
from models.calendar import ZONE
from models.case import role_key
from models.decisions import File
from models.events import LetterSent, Taken
from models.timescale import local_date, say
from publication import KINDS
from register import evidence, papers
from register.errors import RegisterError
from web.frame import Seen, form_of, now, office, page, seen, viewer

TEMPLATES = ROOT / "templates" / "evidence"


async def about(request: Request) -> Response:
    """What the bundle holds, and the button that makes it."""
    one = await _whole(request, "evidence bundle: what it holds")
    return page(request, "bundle.html.j2", seen=one)


async def make(request: Request) -> Response:
    """The bundle, made anew and kept nowhere; that it was taken is written down."""
    await form_of(request)
    one = await _whole(request, "evidence bundle taken away")
    files = await _files(request, one)
    content = await asyncio.to_thread(zipped, files)
    saved = {"Content-Disposition": f'attachment; filename="{one.reference}-evidence.zip"'}
    return Response(content, media_type="application/zip", headers=saved)


async def _whole(request: Request, what: str) -> Seen:
    """The case, for one who sees all of it by a role: an emergency is for reading, not for taking copies."""
    one = await seen(request, what)
    if not one.sight.whole or one.sight.emergency:
        raise HTTPException(404)
    return one


async def _files(request: Request, one: Seen) -> dict[str, bytes]:
    """The files of the bundle by name."""
    own, who = office(request), viewer(request)
    links = await evidence.links(own.register, one.reference)
    documents, files = await _documents(request, one)
    outbox = own.data / "outbox" / one.reference
    letters, lost = await asyncio.to_thread(_letters, outbox, one)
    files |= letters
    referral = await _referral(request, one.reference)
    files |= {"referral.json": referral} if referral else {}
    files["events.jsonl"] = "".join(f"{link.body}\n" for link in links).encode()
    chain = ({"seq": link.seq, "previous": link.previous, "hash": link.hash} for link in links)
    files["chain.jsonl"] = "".join(f"{json.dumps(link)}\n" for link in chain).encode()
    files["verify.py"] = (TEMPLATES / "verify.py").read_bytes()
    gone = len(lost) + sum(document["file"] is None for document in documents)
    board = own.library.board(who.board)
    head = {"reference": one.reference, "last_event": links[-1].seq, "head": links[-1].hash}
    files["README.txt"] = _readme(
        **head, board=board.name, person=board.people[who.person].name if who.person in board.people else who.person,
        made_at=say(local_date(now(), ZONE)), referral=referral, gone=gone,
    )  # fmt: skip
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    manifest = {**head, "files": sums, "documents": documents, "letters_not_kept": lost}
    files["manifest.json"] = (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()
    return files


async def _documents(request: Request, one: Seen) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """Every version of every document, with its content where it is kept; a content's own name is never a path."""
    register, versions = office(request).register, dict[str, int]()
    described, contents = [], {}
    for event in one.events:
        if not (isinstance(event, Taken) and isinstance(event.decision, File)):
            continue
        said = event.decision
        key = role_key(said.document, said.agency or said.action)
        versions[key] = versions.get(key, 0) + 1
        entry: dict[str, Any] = {"document": key, "version": versions[key], "sha256": said.sha256}
        entry |= {"event": event.seq, "filed_on": str(said.made_on), "media_type": said.media_type, "file": None}
        try:
            content = await papers.content(register, one.reference, said.sha256)
            entry["name"] = await papers.name(register, one.reference, said.sha256)
        except RegisterError:
            described.append(entry)  # it has been disposed of
            continue
        ending = KINDS.get(said.media_type, ("bin", ""))[0]
        entry["file"] = f"documents/{key.replace('[', '-').rstrip(']')}-v{versions[key]}-event-{event.seq}.{ending}"
        contents[entry["file"]] = content
        described.append(entry)
    return described, contents


def _letters(outbox: Path, one: Seen) -> tuple[dict[str, bytes], list[str]]:
    """The letters that were sent, and the ids of those that are not kept any more."""
    sent = dict.fromkeys(event.letter for event in one.events if isinstance(event, LetterSent))
    paths = {letter: outbox / f"{letter}.eml" for letter in sent}
    kept = {f"letters/{letter}.eml": path.read_bytes() for letter, path in paths.items() if path.is_file()}
    return kept, [letter for letter, path in paths.items() if not path.is_file()]


async def _referral(request: Request, reference: str) -> bytes | None:
    try:
        content = await office(request).register.referral(reference)
    except RegisterError:
        return None
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _readme(**values: Any) -> bytes:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), trim_blocks=True, keep_trailing_newline=True
    )
    return environment.get_template("README.txt.j2").render(values).encode()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Files as one zip archive; the same files give the same bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            archive.writestr(entry, content)
    return made.getvalue()


ROUTES = [
    Route("/cases/{reference}/bundle", about, methods=["GET"]),
    Route("/cases/{reference}/bundle", make, methods=["POST"]),
]
