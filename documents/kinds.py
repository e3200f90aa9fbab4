"""Which documents are taken in: PDF, DOCX, XLSX and plain text, told by their content and never by their name.

What can act by itself (programs, macros, scripts, embedded files) is refused, and so is what cannot be read (a
password, a file cut off). `checked` sees what lies open; `documents.text.text_of` also looks into what is compressed.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Literal
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from models.refusal import Refusal

Kind = Literal["pdf", "docx", "xlsx", "text"]

LARGEST = 25_000_000  # bytes of a document
MOST_MEMBERS = 5_000
LARGEST_MEMBER = 100_000_000  # bytes, decompressed
LARGEST_ARCHIVE = 200_000_000  # bytes, decompressed, all members together

_CHUNK = 1 << 20
_LARGEST_CONTENT_TYPES = 1_000_000
_RIGHT = "save it as PDF or DOCX and send that"

_MEDIA: dict[Kind, str] = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "text": "text/plain",
}
_EXTENSIONS: dict[Kind, tuple[str, ...]] = {
    "pdf": ("pdf",),
    "docx": ("docx",),
    "xlsx": ("xlsx",),
    "text": ("txt", "text", "csv", "tsv", "md", "toml"),
}
_CALLED: dict[Kind, str] = {
    "pdf": "a PDF",
    "docx": "a Word document",
    "xlsx": "an Excel workbook",
    "text": "plain text",
}
_MAIN_PARTS: dict[str, Kind] = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml": "xlsx",
}

# What is looked for in this order in a file that is neither a PDF nor plain text: its first bytes, what it is called.
_PROGRAMS = (
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"\xcf\xfa\xed\xfe", "a Mac program"),
    (b"\xce\xfa\xed\xfe", "a Mac program"),
    (b"\xfe\xed\xfa\xce", "a Mac program"),
    (b"\xfe\xed\xfa\xcf", "a Mac program"),
    (b"\xca\xfe\xba\xbe", "a Mac or Java program"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "a Windows shortcut"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_FIRST_BYTES = (
    *_PROGRAMS,
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"II*\x00", "a picture"),
    (b"MM\x00*", "a picture"),
    (b"RIFF", "a picture, a sound or a film"),
    (b"BM", "a picture"),
    (b"\x1f\x8b", "a packed archive"),
    (b"7z\xbc\xaf", "a packed archive"),
    (b"Rar!", "a packed archive"),
)
_ACTING_TEXT = (
    (re.compile(r"#!"), "a script"),
    (re.compile(r"\{\\rtf"), "a file in Rich Text Format"),
    (
        re.compile(r"\s*<(?:!doctype|!--|\?xml|\?php|/?(?:html|head|body|script|svg|iframe|title|meta|table)\b)", re.I),
        "a web page or XML",
    ),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_DECEIVING = re.compile(r"[\x00-\x1f\x7f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_EXTENSION = re.compile(r"\.(?=[0-9]*[a-z])([a-z0-9]{1,5})$", re.IGNORECASE)


class DocumentRefused(Refusal):
    """A document that is not taken in; the message is one sentence and quotes neither its text nor its name."""


def checked(content: bytes, name: str) -> Kind:
    """The kind of a document whose size and name are right as well.

    The name is only compared: its extension, if it has one, must agree with the content. Takes up to a second for a
    large archive. Raises DocumentRefused.
    """
    if len(content) > LARGEST:
        raise DocumentRefused(
            f"This file has {len(content) / 1e6:.1f} MB, and {LARGEST // 1_000_000} MB is the most: "
            "make its pictures smaller, or send it in parts."
        )
    if _DECEIVING.search(name):
        raise DocumentRefused("The file's name has hidden characters, which can disguise what it is: rename it.")
    kind = kind_of(content)
    extension = _EXTENSION.search(name.rstrip(". "))
    if extension and extension[1].lower() not in _EXTENSIONS[kind]:
        raise DocumentRefused(
            f"The file's name ends in .{extension[1].lower()}, but it is {_CALLED[kind]}: "
            f"give it a name that ends in .{_EXTENSIONS[kind][0]}, if that is what it should be."
        )
    return kind


def kind_of(content: bytes) -> Kind:
    """The kind of a document by its content alone; sheets in CSV are text. Raises DocumentRefused for all others."""
    if not content:
        raise DocumentRefused("This file is empty: send the one that has the text.")
    if content.startswith(b"%PDF-"):
        _must_be_harmless_pdf(content)
        return "pdf"
    if content.startswith(b"PK\x03\x04"):
        return _office_kind(content)
    if b"%PDF-" in content[:1024]:
        raise DocumentRefused("Something stands before the beginning of this PDF: save it anew as PDF.")
    _must_be_no_other(content)
    return "text"


def media_type(kind: Kind) -> str:
    """The media type to serve a document with."""
    return _MEDIA[kind]


def text_in(content: bytes) -> str | None:
    """The text of a plain text file: UTF-8, or UTF-16 with its byte order mark; None for anything else."""
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(text) else text


def must_be_safe_archive(content: bytes) -> None:
    """Really decompress every member of a zip archive within limits; declared sizes count for nothing.

    Raises DocumentRefused for a bomb, too many members, a path that leads outside, a password or a damaged archive.
    """
    for _ in _members(content):
        pass


# ----------------------------------------------------------------------------------------------------------- archives


def _members(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The name and the first bytes of every member, once it has been read to its end. Raises DocumentRefused."""
    # counted before the directory is read, which takes memory for each entry
    if content.count(b"PK\x01\x02") > MOST_MEMBERS:
        raise DocumentRefused(f"This archive has more than {MOST_MEMBERS} parts: {_RIGHT}.")
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            _must_have_plain_names(archive.infolist())
            left = LARGEST_ARCHIVE
            for member in archive.infolist():
                head, size = _read_through(archive, member, min(left, LARGEST_MEMBER))
                left -= size
                yield member.filename, head
    # a damaged archive shows itself in any of these, depending on where the damage is
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, DocumentRefused):
            raise
        raise DocumentRefused("This file is damaged or cut off: save it anew and send it again.") from None


def _must_have_plain_names(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MOST_MEMBERS:
        raise DocumentRefused(f"This archive has more than {MOST_MEMBERS} parts: {_RIGHT}.")
    for member in members:
        name = member.orig_filename
        if re.search(r"[\x00-\x1f\\:]|^/|(^|/)\.\.(/|$)", name):
            raise DocumentRefused(f"A part of this archive has a name that leads outside it: {_RIGHT}.")
        if member.flag_bits & 0x1:
            raise DocumentRefused("This file is protected with a password: remove the password and send it again.")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DocumentRefused(f"This archive is packed in an unusual way: {_RIGHT}.")
    if len({member.orig_filename.lower() for member in members}) < len(members):
        raise DocumentRefused(f"Two parts of this archive have the same name: {_RIGHT}.")


def _read_through(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> tuple[bytes, int]:
    size, head = 0, b""
    with archive.open(member) as file:
        while chunk := file.read(_CHUNK):
            head = head or chunk[:16]
            size += len(chunk)
            if size > most:
                raise DocumentRefused(f"This file would unpack to more than can be read: {_RIGHT}.")
    return head, size


def _office_kind(content: bytes) -> Kind:
    """The kind of an Office document by the type of its main part; other archives are refused."""
    heads = dict(_members(content))
    _must_not_act(heads)
    if "[Content_Types].xml" not in heads:
        raise DocumentRefused(f"This is an archive (zip) or an unknown kind of document: {_RIGHT}.")
    types = _content_types(content)
    if any("macroenabled" in found.lower() or "vbaproject" in found.lower() for found in types):
        raise DocumentRefused("This Office file can hold macros: save it without macros, as DOCX or XLSX.")
    kinds = {_MAIN_PARTS[found] for found in types if found in _MAIN_PARTS}
    if len(kinds) != 1:
        raise DocumentRefused(f"This Office file is neither a Word document nor an Excel workbook: {_RIGHT}.")
    return kinds.pop()


def _must_not_act(heads: dict[str, bytes]) -> None:
    for name, head in heads.items():
        lower = name.lower()
        if lower.endswith("vbaproject.bin"):
            raise DocumentRefused("This Office file holds macros: save it without macros, as DOCX or XLSX.")
        acting = re.search(r"(^|/)(embeddings|activex)/", lower) or head.startswith(_OLE)
        if acting or any(head.startswith(first) for first, _ in _PROGRAMS):
            raise DocumentRefused("This Office file holds another file or a program inside it: take it out.")


def _content_types(content: bytes) -> list[str]:
    with zipfile.ZipFile(BytesIO(content)) as archive, archive.open("[Content_Types].xml") as file:
        source = file.read(_LARGEST_CONTENT_TYPES)
    try:
        root = fromstring(source, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise DocumentRefused("This Office file is damaged: save it anew and send it again.") from None
    return [element.get("ContentType", "") for element in root]


# ---------------------------------------------------------------------------------------------------------------- PDF


def _pdf_name(name: str) -> bytes:
    """A pattern for a name as PDF may write it: each letter as itself or as # and its number."""
    letters = (f"(?:{letter}|#(?i:{ord(letter):02x}))" for letter in name)
    return ("/" + "".join(letters) + r"(?![A-Za-z0-9])").encode()


_PDF_ENCRYPTED = re.compile(_pdf_name("Encrypt"))
_PDF_ACTS = re.compile(
    b"|".join(map(_pdf_name, ("JavaScript", "Launch", "EmbeddedFiles", "EmbeddedFile", "RichMedia")))
)


def _must_be_harmless_pdf(content: bytes) -> None:
    end = content.rstrip(b"\x00\t\n\x0c\r ")[-1024:]
    if zipfile.is_zipfile(BytesIO(content)):
        raise DocumentRefused("This file is a PDF and an archive (zip) at once: save it anew as PDF.")
    if b"%%EOF" not in end:
        raise DocumentRefused("This PDF is cut off, or something stands after its end: save it anew as PDF.")
    if _PDF_ENCRYPTED.search(content):
        raise DocumentRefused("This PDF is protected with a password: remove the protection and send it again.")
    if _PDF_ACTS.search(content):
        raise DocumentRefused(
            "This PDF holds a script, a film, another file or the start of a program: print it anew as a plain PDF."
        )


# -------------------------------------------------------------------------------------------------------------- others


def _must_be_no_other(content: bytes) -> None:
    """Refuse what is not plain text, by the name of what it is where that can be known."""
    text = text_in(content)
    if text is not None:
        for pattern, called in _ACTING_TEXT:
            if pattern.match(text):
                raise DocumentRefused(f"This is {called}: {_RIGHT}.")
        return
    if content.startswith(_OLE):
        locked = "EncryptedPackage".encode("utf-16-le") in content
        raise DocumentRefused(
            "This Office file is protected with a password: remove the password and send it again."
            if locked
            else f"This is a file of an old Office program: {_RIGHT}."
        )
    for first, called in _FIRST_BYTES:
        if content.startswith(first):
            raise DocumentRefused(f"This is {called}: {_RIGHT}.")
    if content[4:8] == b"ftyp":
        raise DocumentRefused(f"This is a picture or a film: {_RIGHT}.")
    raise DocumentRefused(f"This is no kind of document that can be read: {_RIGHT}, or save plain text as UTF-8.")
