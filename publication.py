"""The publication register of a board as a static page, as data, and with the published documents beside it.

    FOLDER/index.html      the page: whole in itself, works without JavaScript
    FOLDER/register.css    how it looks
    FOLDER/reviews.json    the same as data
    FOLDER/documents/      the documents, under names made here; whatever else is put there is taken away

The same register gives the same bytes. Nothing in it says to which case a review belongs.
"""

import json
import os
import re
import tempfile
import unicodedata
from collections.abc import Mapping
from itertools import chain, count
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from models.board import Board
from models.journal import Journal, Published, PublishedDocument
from models.refusal import Refusal
from models.timescale import parse_day, say_day

KINDS = {
    "application/pdf": ("pdf", "PDF"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ("docx", "Word document"),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ("xlsx", "Excel workbook"),
    "text/plain": ("txt", "plain text"),
}
"""The media types that are published: the extension of the file, and what a reader calls it."""

DEMONSTRATION = "Demonstration: invented. No person, place or review on this page exists."

_DATA, _PAGE, _STYLE, _DOCUMENTS = "reviews.json", "index.html", "register.css", "documents"
_LONGEST_NAME = 60


class File(NamedTuple):
    """A published document: whose it is, its name in the folder of documents, and what it is called."""

    reference: str
    document: PublishedDocument
    name: str
    title: str


def check_media_type(media_type: str) -> None:
    """Refuse a document that is of no kind that a reader of the page could open safely."""
    if media_type not in KINDS:
        words = ", ".join(called for _, called in KINDS.values())
        raise Refusal(f"A document of the type {media_type!r} cannot be published; publish one of {words}.")


def files(journal: Journal) -> list[File]:
    """The documents that stand in the publication register, in its order, each under a name of its own."""
    found: dict[str, File] = {}
    for entry in sorted(journal.publications, key=lambda entry: entry.seq):  # a later entry renames no earlier file
        for document in entry.documents:
            words = f"{entry.month}-{_slug(entry.review)}-{_slug(document.document)}"
            ending = KINDS[document.media_type][0]
            tries = (f"{words}{again}.{ending}" for again in chain([""], (f"-{number}" for number in count(2))))
            name = next(name for name in tries if name not in found)
            found[name] = File(entry.reference, document, name, in_words(document.document))
    return list(found.values())


def in_words(document: str) -> str:
    """A document's key as a reader reads it: "agency-statement[health]" → "Agency statement (health)"."""
    kind, _, item = document.partition("[")
    words = kind.replace("-", " ")
    return f"{words[:1].upper()}{words[1:]}" + (f" ({item.rstrip(']').replace('-', ' ')})" if item else "")


def as_data(board: Board, journal: Journal) -> dict[str, Any]:
    """The publication register as JSON values, newest month first. `size` is in bytes, `file` relative to the page."""
    of = files(journal)
    return {
        "board": {"id": board.id, "name": board.name},
        "demonstration": board.fictional,
        "reviews": [_review(entry, [file for file in of if file.reference == entry.reference]) for entry in
                    journal.publications],
    }  # fmt: skip


def _review(entry: Published, own: list[File]) -> dict[str, Any]:
    return {
        "month": entry.month,
        "review": entry.review,
        "sort": entry.sort,
        "presented_on": None if entry.presented_on is None else str(entry.presented_on),
        "documents": [
            {
                "document": file.document.document,
                "title": file.title,
                "file": f"{_DOCUMENTS}/{file.name}",
                "media_type": file.document.media_type,
                "size": file.document.size,
                "sha256": file.document.sha256,
            }
            for file in own
        ],
    }


def write(folder: Path, templates: Path, board: Board, journal: Journal, contents: Mapping[str, bytes]) -> list[str]:
    """Write the page, the data and the documents (`contents` by SHA-256); the names of the documents.

    Each file appears whole or not at all. A review that was removed is gone from the folder before the page is
    written anew. Raises Refusal for a folder that is not this board's publication register.
    """
    data = as_data(board, journal)
    _must_be_ours(folder, board)
    documents = folder / _DOCUMENTS
    if documents.is_symlink() or (documents.exists() and not documents.is_dir()):
        raise Refusal(f"{documents} should be a folder of its own, for what lies in it is deleted; name a new folder.")
    documents.mkdir(parents=True, exist_ok=True)
    if not (folder / _DATA).exists():
        put(folder / _DATA, _json(data | {"reviews": []}))  # from now on the folder is known as ours
    published = files(journal)
    names = [file.name for file in published]
    strange = [left.name for left in documents.iterdir() if left.is_dir() and not left.is_symlink()]
    if strange:
        raise Refusal(f"{documents} holds the folder {strange[0]!r}, which is not ours; name a new folder.")
    for left in documents.iterdir():
        if left.name not in names:
            left.unlink()
    for file in published:
        put(documents / file.name, contents[file.document.sha256])
    put(folder / _STYLE, (templates / _STYLE).read_bytes())
    put(folder / _PAGE, page(templates, board, journal).encode())
    put(folder / _DATA, _json(data))
    return names


def page(templates: Path, board: Board, journal: Journal) -> str:
    """The page as HTML; every value is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "day": lambda text: say_day(parse_day(text)),
        "size": size_in_words,
        "type": lambda of: KINDS[of][1],
    }
    data = as_data(board, journal)
    demonstration = DEMONSTRATION if board.fictional else None
    template = environment.get_template("register.html.j2")
    return template.render(board=board, reviews=data["reviews"], demonstration=demonstration)


def size_in_words(size: int) -> str:
    """A size in bytes as a reader of the page is told it: "840 bytes", "12 KB", "1.3 MB"."""
    if size < 1000:
        return f"{size} byte{'' if size == 1 else 's'}"
    return f"{size / 1000:.0f} KB" if size < 999_500 else f"{size / 1_000_000:.1f} MB"


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST_NAME].strip("-") or "review"


def _json(data: Mapping[str, Any]) -> bytes:
    return (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()


def _must_be_ours(folder: Path, board: Board) -> None:
    """What is not in the register is deleted from the folder: it must hold this board's publications alone."""
    if not folder.exists() or not any(folder.iterdir()):
        return
    try:
        known = json.loads((folder / _DATA).read_text(encoding="utf-8"))["board"]["id"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        known = None
    if known != board.id:
        raise Refusal(f"{folder} does not hold the publication register of {board.name}; name a new folder.")


def put(path: Path, content: bytes) -> None:
    """Have a file hold this content: whole and on the disk, or as it was before."""
    if path.is_file() and path.read_bytes() == content:
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # whoever serves the page is another user
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
