"""The text of a DOCX or XLSX file, and what is hidden in it. To be called in the child process of `documents.text`.

Elements are known by their local names, so that both editions of the format (transitional and strict) are read.
"""

import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from posixpath import basename
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from python_calamine import CalamineWorkbook

from documents.kinds import DocumentRefused, must_be_safe_archive
from documents.wordpages import Story, local, read_story
from models.anonymity import DocumentText, Part

DAMAGED = "This Office file is damaged: save it anew and send it again."

_XML = re.compile(r"\.(xml|rels|vml)$", re.IGNORECASE)
_PICTURE = re.compile(r"\.(png|jpe?g|gif|bmp|tiff?|emf|wmf|svg|wdp|ico)$", re.IGNORECASE)
_STORY = re.compile(r"/(header|footer|footnotes|endnotes|comments)\d*\.xml$")
_SKIPPED = re.compile(r"/(fontTable|webSettings)\.xml$|^\[Content_Types\]\.xml$")
_LETTER = re.compile(r"[^\W_]{2}")
_PLACES = (
    (re.compile(r"^docProps/"), "metadata: {tag}"),
    (re.compile(r"^customXml/"), "custom data"),
    (re.compile(r"/people\.xml$|/persons/"), "metadata: people who edited"),
    (re.compile(r"/comments|/threadedComments"), "comment"),
    (re.compile(r"/charts/"), "chart"),
    (re.compile(r"/diagrams/|/drawings/"), "drawing"),
    (re.compile(r"/(settings|docVars)\.xml$"), "settings of the document"),
)
# Attributes in which people's words stand; `val` only of the elements named below.
_TELLING = {
    "alt", "author", "creator", "descr", "displayText", "displayName", "href", "initials", "instr", "name",
    "provider", "string", "title", "tooltip", "userId", "value",
}  # fmt: skip
_TELLING_VAL = {
    "alias", "tag", "default", "docVar", "result", "statusText", "helpText", "listEntry", "name", "query",
    "connectString",
}  # fmt: skip


class _File(NamedTuple):
    archive: zipfile.ZipFile
    names: tuple[str, ...]

    def xml(self, name: str) -> Element:
        try:
            root: Element = fromstring(self.archive.read(name), forbid_dtd=True)
        except (ParseError, DefusedXmlException, ValueError, LookupError):
            raise DocumentRefused(DAMAGED) from None
        return root


def text_of_docx(content: bytes) -> DocumentText:
    """The text of a DOCX file. Raises DocumentRefused.

    Pages are as Word last laid them out (w:lastRenderedPageBreak) and as the author broke them (w:br type="page");
    a file that says neither is one text without pages.
    """
    must_be_safe_archive(content)
    with zipfile.ZipFile(BytesIO(content)) as archive:
        file = _File(archive, tuple(archive.namelist()))
        main = _main_part(file)
        story = read_story(file.xml(main))
        hidden = [*story.hidden, *_beside(file, main)]
        return DocumentText(
            pages=tuple(story.pages),
            paged=len(story.pages) > 1,
            hidden=tuple(dict.fromkeys(hidden)),
            unread=tuple(_unread(file)),
        )


def text_of_xlsx(content: bytes) -> DocumentText:
    """The text of an XLSX file, sheet by sheet, with dates as dates. Raises DocumentRefused."""
    must_be_safe_archive(content)
    with zipfile.ZipFile(BytesIO(content)) as archive:
        file = _File(archive, tuple(archive.namelist()))
        hidden = [*_sheets(content), *_beside(file, "")]
        return DocumentText(pages=(), hidden=tuple(dict.fromkeys(hidden)), unread=tuple(_unread(file)))


def _sheets(content: bytes) -> Iterator[Part]:
    workbook = CalamineWorkbook.from_filelike(BytesIO(content))
    for number, name in enumerate(workbook.sheet_names, 1):
        yield Part(place=f"name of sheet {number}", text=name)
        rows = workbook.get_sheet_by_name(name).to_python()
        text = "\n".join("\t".join(str(cell) for cell in row) for row in rows)
        yield Part(place=f"sheet {number}", text=text)


def _main_part(file: _File) -> str:
    for relation in file.xml("_rels/.rels") if "_rels/.rels" in file.names else ():
        if relation.get("Type", "").endswith("/officeDocument"):
            target = relation.get("Target", "").lstrip("/")
            if target in file.names:
                return target
    raise DocumentRefused(DAMAGED)


def _beside(file: _File, main: str) -> Iterator[Part]:
    """Everything in the file that is not the main text."""
    for name in file.names:
        if not _XML.search(name):
            yield Part(place="name of a part inside the file", text=basename(name))
        if not _XML.search(name) or _SKIPPED.search(name):
            continue
        root = file.xml(name)
        story = _STORY.search(name) if name.startswith("word/") else None
        if name.endswith(".rels"):
            yield from _links(root)
        elif story:
            yield from _of_story(root, story[1].removesuffix("s"))
        elif name != main:
            yield from _all_text(root, name)
        yield from _attributes(root, name)


def _links(root: Element) -> Iterator[Part]:
    for relation in root:
        if relation.get("TargetMode") == "External":
            yield Part(place="link", text=relation.get("Target", ""))


def _of_story(root: Element, called: str) -> Iterator[Part]:
    """A header or footer as a whole; each footnote, endnote and comment by its number."""
    pieces = [root] if called in ("header", "footer") else list(root)
    for number, piece in enumerate(pieces, 1):
        story: Story = read_story(piece)
        place = called if len(pieces) == 1 and piece is root else f"{called} {number}"
        yield from (Part(place=place, text=text) for text in story.pages if text.strip())
        yield from (Part(place=f"{called}: {part.place}", text=part.text) for part in story.hidden)


def _all_text(root: Element, name: str) -> Iterator[Part]:
    place = next((words for pattern, words in _PLACES if pattern.search(name)), "data inside the file")
    if not place.startswith("metadata"):
        # the runs of a text (a:t, t) joined, so that a name split over several is found
        joined = [
            "".join(element.text or "" for element in paragraph.iter() if local(element) == "t")
            for paragraph in root.iter()
            if local(paragraph) in ("p", "si", "is", "comment", "threadedComment")
        ]
        yield from (Part(place=place, text=text) for text in joined if _LETTER.search(text))
    for element in root.iter():
        if element.text and re.search(r"\w", element.text) and (local(element) != "t" or place.startswith("metadata")):
            yield Part(place=place.format(tag=_spaced(local(element))), text=element.text)


def _attributes(root: Element, name: str) -> Iterator[Part]:
    for element in root.iter():
        tag = local(element)
        for key, value in element.attrib.items():
            short = key.rpartition("}")[2]
            if (short in _TELLING or (short == "val" and tag in _TELLING_VAL)) and _LETTER.search(value):
                yield Part(place=_attribute_place(tag, short, name), text=value)


def _attribute_place(tag: str, key: str, name: str) -> str:
    if key in ("author", "initials", "userId", "displayName", "provider", "creator"):
        return "metadata: author of changes or comments"
    if key in ("descr", "alt") or tag in ("docPr", "cNvPr"):
        return "alternative text or name of a picture"
    if tag == "bookmarkStart":
        return "bookmark"
    if key in ("href", "tooltip"):
        return "link"
    return f"metadata: {_spaced(tag)}" if name.startswith("docProps/") else f"data inside the file: {_spaced(tag)}"


def _spaced(tag: str) -> str:
    """A tag in words: "lastModifiedBy" → "last modified by"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", tag).lower()
    return {"creator": "author"}.get(words, words)


def _unread(file: _File) -> Iterator[str]:
    counts = Counter(
        "pictures" if _PICTURE.search(name) else "embedded" if "/embeddings/" in name else "other"
        for name in file.names
        if not _XML.search(name) and not name.endswith("/")
    )
    if counts["pictures"]:
        yield f"The file holds pictures ({counts['pictures']}), whose text is not searched: look at them."
    if counts["embedded"]:
        yield f"The file holds other files inside it ({counts['embedded']}), which are not searched: open them."
    if counts["other"]:
        yield f"The file holds parts that are not text ({counts['other']}), which are not searched."
