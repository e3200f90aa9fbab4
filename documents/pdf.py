"""The text of a PDF by page, and what is hidden in it. To be called in the child process of `documents.text`.

Besides the pages every object of the file is looked through: each piece of text in it (notes, bookmarks, links, form
fields, alternative texts, metadata) is kept with its place, and what could act by itself is refused.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from defusedxml.ElementTree import fromstring
from pypdf import PageObject, PdfReader
from pypdf.generic import (
    ArrayObject,
    ByteStringObject,
    DictionaryObject,
    IndirectObject,
    StreamObject,
    TextStringObject,
)

from documents.kinds import DocumentRefused
from models.anonymity import DocumentText, Part

_PLACES = {
    "/A": "link",
    "/ActualText": "replacement text",
    "/Alt": "alternative text",
    "/Contents": "note",
    "/DV": "form field",
    "/E": "expansion of an abbreviation",
    "/Names": "name of a destination",
    "/Opt": "form field",
    "/P": "page label",
    "/RC": "note",
    "/Subj": "note",
    "/T": "author of a note or name of a form field",
    "/TM": "form field",
    "/TU": "form field",
    "/Title": "bookmark or title",
    "/URI": "link",
    "/V": "form field",
}
# Text for machines: identity of the file, collections of signs, appearance, language, binary signatures.
_FOR_MACHINES = {"/ID", "/Registry", "/Ordering", "/CharSet", "/DA", "/Lang", "/Cert", "/ByteRange", "/CheckSum"}
_ACTS = {"/JavaScript", "/Launch", "/ImportData", "/RichMediaExecute"}
_HOLDS = {"/JS", "/EmbeddedFiles", "/EF", "/XFA", "/RichMediaContent"}
_DRAWING = {b"f", b"F", b"f*", b"S", b"s", b"B", b"B*", b"b", b"b*", b"sh"}
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1f]")
_UNKNOWN_SIGN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd]")


def text_of_pdf(content: bytes) -> DocumentText:
    """The text of a PDF. Raises DocumentRefused, or an error of pypdf for a damaged file."""
    with _listening() as complaints:
        return _text_of(PdfReader(BytesIO(content)), content, complaints)


def _text_of(reader: PdfReader, content: bytes, complaints: list[str]) -> DocumentText:
    if reader.is_encrypted:
        raise DocumentRefused("This PDF is protected with a password: remove the protection and send it again.")
    objects = dict(_objects(reader))
    for each in objects.values():
        _must_not_act(each)
    read = _Pages()
    if complaints:
        read.unread.append("The file is damaged, and not all of it may have been searched: print it anew as a PDF.")
    for number, page in enumerate(reader.pages, 1):
        complaints.clear()
        read.add(number, page)
        if complaints:
            read.unread.append(f"Page {number} could not be read without trouble: read it by eye.")
    if not read.pages:
        raise DocumentRefused("This PDF has no pages: save it anew as PDF.")
    hidden = [*read.hidden, *_hidden(reader, objects, read.homes)]
    return DocumentText(
        pages=tuple(read.pages), hidden=tuple(dict.fromkeys(hidden)), unread=(*read.unread, *_earlier(content))
    )


@contextmanager
def _listening() -> Iterator[list[str]]:
    """What pypdf complains of, which it says only in its log: it goes on reading where something is wrong."""
    complaints: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: complaints.append(record.levelname)  # type: ignore[method-assign]
    logger = logging.getLogger("pypdf")
    logger.addHandler(handler)
    propagated, logger.propagate = logger.propagate, False  # its words may quote the document
    try:
        yield complaints
    finally:
        logger.propagate = propagated
        logger.removeHandler(handler)


def _earlier(content: bytes) -> Iterator[str]:
    linearised = b"/Linearized" in content[:2048]
    if content.count(b"%%EOF") > 1 + linearised:
        yield "The file holds earlier versions of itself, which are not searched: print it anew as a PDF."


# --------------------------------------------------------------------------------------------------------------- pages


class _Pages:
    """The pages that have been read; `homes` says for the ids of pages and their notes which page they are on."""

    def __init__(self) -> None:
        self.pages: list[str] = []
        self.hidden: list[Part] = []
        self.unread: list[str] = []
        self.homes: dict[int, int] = {}

    def add(self, number: int, page: PageObject) -> None:
        seen: set[bytes] = set()

        def look(operator: bytes, operands: Any, *_: Any) -> None:
            seen.add(operator)
            for operand in operands if operator in (b"BDC", b"DP") else ():
                marks = operand if isinstance(operand, DictionaryObject) else {}
                texts = (str(marks[key]) for key in ("/ActualText", "/Alt", "/E") if key in marks)
                self.hidden.extend(Part(place=f"replacement text (page {number})", text=text) for text in texts)

        _must_unpack(page)
        text = page.extract_text(visitor_operand_before=look)
        self.pages.append(text)
        self._find_homes(number, page)
        kinds = _resources(page)
        picture = "/Image" in kinds or b"INLINE IMAGE" in seen
        self.unread.extend(_not_read(number, text, picture, bool(seen & _DRAWING), "unmapped" in kinds))

    def _find_homes(self, number: int, page: PageObject) -> None:
        if page.indirect_reference is not None:
            self.homes[page.indirect_reference.idnum] = number
        notes = page.get("/Annots")
        notes = notes.get_object() if notes is not None else None
        for note in notes if isinstance(notes, ArrayObject) else ():
            if isinstance(note, IndirectObject):
                self.homes[note.idnum] = number
            found = note.get_object()
            if isinstance(found, DictionaryObject) and found.get("/Subtype") in ("/Stamp", "/Ink"):
                self.unread.append(f"Page {number} has a stamp or a drawing by hand: look at it.")


def _must_unpack(page: PageObject) -> None:
    """Unpack what the page draws, whose failure `extract_text` may pass over as an empty page."""
    contents = _plain(page.get("/Contents"))
    for content in contents if isinstance(contents, ArrayObject) else (contents,):
        content = _plain(content)
        if isinstance(content, StreamObject):
            content.get_data()


def _not_read(number: int, text: str, picture: bool, drawing: bool, unmapped: bool) -> Iterator[str]:
    letters = "".join(text.split())
    strange = len(_UNKNOWN_SIGN.findall(letters))
    if not letters and picture:
        yield f"Page {number} is a picture: read it by eye."
    elif not letters and (drawing or unmapped):
        yield f"Page {number} has no text that a machine can read: read it by eye."
    elif unmapped or strange * 20 > len(letters) > 0:
        yield f"Page {number} has letters that a machine cannot read: read it by eye."
    elif picture:
        yield f"Page {number} holds a picture, whose text is not searched: look at it."


def _resources(page: PageObject) -> set[str]:
    """What a page draws with, forms within forms included: "/Image", and "unmapped" for a font without letters."""
    found: set[str] = set()
    done: set[int] = set()
    waiting = [page.get("/Resources")]
    while waiting:
        resources = _plain(waiting.pop())
        if not isinstance(resources, DictionaryObject) or id(resources) in done:
            continue
        done.add(id(resources))
        for drawn in _values(resources.get("/XObject")):
            found.add(str(drawn.get("/Subtype")))
            if drawn.get("/Subtype") == "/Form" and isinstance(drawn, StreamObject):
                drawn.get_data()  # fails where pypdf would go on without its text
            waiting.append(drawn.get("/Resources"))
        if any(_is_unmapped(font) for font in _values(resources.get("/Font"))):
            found.add("unmapped")
    return found


def _values(resource: Any) -> Iterator[DictionaryObject]:
    resource = _plain(resource)
    for value in resource.values() if isinstance(resource, DictionaryObject) else ():
        value = _plain(value)
        if isinstance(value, DictionaryObject):
            yield value


def _is_unmapped(font: DictionaryObject) -> bool:
    """Whether a font draws signs without saying which letters they are."""
    if "/ToUnicode" in font:
        return False
    kind = font.get("/Subtype")
    return kind == "/Type3" or (kind == "/Type0" and str(_plain(font.get("/Encoding"))).startswith("/Identity"))


def _plain(value: Any) -> Any:
    return value.get_object() if isinstance(value, IndirectObject) else value


# ------------------------------------------------------------------------------------------------------------- objects


def _objects(reader: PdfReader) -> Iterator[tuple[int, Any]]:
    """Every object of the file as it is now, by its number; 0 is the trailer."""
    yield 0, reader.trailer
    numbers = {number: generation for generation, numbers in reader.xref.items() for number in numbers}
    for number in sorted({*numbers, *reader.xref_objStm}):
        yield number, reader.get_object(IndirectObject(number, numbers.get(number, 0), reader))


def _dictionaries(value: Any) -> Iterator[DictionaryObject]:
    """The dictionaries within an object, without those that are objects of their own."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, DictionaryObject):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, ArrayObject):
            waiting.extend(value)


def _must_not_act(value: Any) -> None:
    for each in _dictionaries(value):
        acting = each.get("/S") in _ACTS or _HOLDS & each.keys()
        if acting or each.get("/Type") == "/EmbeddedFile" or each.get("/Subtype") == "/RichMedia":
            raise DocumentRefused(
                "This PDF holds a script, a film, another file or the start of a program: print it anew as a plain PDF."
            )


def _hidden(reader: PdfReader, objects: dict[int, Any], homes: dict[int, int]) -> Iterator[Part]:
    info = reader.trailer.raw_get("/Info") if "/Info" in reader.trailer else None
    for number, value in objects.items():
        if isinstance(info, IndirectObject) and number == info.idnum:
            yield from (Part(place=f"metadata: {key[1:].lower()}", text=text) for key, text in _texts(value))
        elif isinstance(value, StreamObject) and value.get("/Type") == "/Metadata":
            yield from _xmp(value)
        else:
            for each in _dictionaries(value):
                page = homes.get(number) or _home(each, homes)
                where = f" (page {page})" if page else ""
                yield from (
                    Part(place=_PLACES.get(key, f"data inside the file: {key[1:]}") + where, text=text)
                    for key, text in _texts(each)
                )


def _home(value: DictionaryObject, homes: dict[int, int]) -> int | None:
    """The page that a part of the document's structure is on."""
    page = value.raw_get("/Pg") if "/Pg" in value else None
    return homes.get(page.idnum) if isinstance(page, IndirectObject) else None


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    """The pieces of text that stand in a dictionary itself or in arrays of it, each with its key."""
    for key, entry in value.items() if isinstance(value, DictionaryObject) else ():
        waiting = [] if key in _FOR_MACHINES else [entry]
        while waiting:
            entry = waiting.pop()
            if isinstance(entry, ArrayObject) and not (entry and entry[0] == "/Indexed"):
                waiting.extend(entry)
            elif isinstance(entry, TextStringObject | ByteStringObject):
                text = entry.decode("latin-1") if isinstance(entry, bytes) else str(entry)
                if re.search(r"\w{2}", text) and not _BINARY.search(text):
                    yield key, text


_DRAWN_BY_LOT = ("InstanceID", "DocumentID", "OriginalDocumentID")
"""Marks of a file that programs make at random: their letters may look like anybody's initials and say nothing."""


def _xmp(stream: StreamObject) -> Iterator[Part]:
    """Everything that the file says of itself in XMP. An error in its XML is an error of the file."""
    for element in fromstring(stream.get_data().strip(b"\x00 \r\n"), forbid_dtd=True).iter():
        if element.tag.rpartition("}")[2] in _DRAWN_BY_LOT:
            continue
        for text in (element.text, *element.attrib.values()):
            if text and text.strip():
                yield Part(place=f"metadata: {element.tag.rpartition('}')[2].lower()}", text=text.strip())
