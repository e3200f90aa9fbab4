"""Documents for tests, made here: PDFs, Word files, workbooks. All people and places in them are invented."""

import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import typst
import xlsxwriter
from pypdf import PdfReader, PdfWriter

FONTS = Path(__file__).resolve().parent.parent / "templates" / "fonts"

TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"


def content_types(main: str = MAIN) -> str:
    return (
        f'<Types xmlns="{TYPES}"><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{main}"/></Types>'
    )


def paragraph(*runs: str) -> str:
    return "<w:p>" + "".join(f'<w:r><w:t xml:space="preserve">{run}</w:t></w:r>' for run in runs) + "</w:p>"


def word_part(body: str, root: str = "document") -> str:
    spaces = (
        f'xmlns:w="{WORD}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
        'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"'
    )
    inner = f"<w:body>{body}</w:body>" if root == "document" else body
    return f"<w:{root} {spaces}>{inner}</w:{root}>"


def archive(parts: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", compression) as packed:
        for name, part in parts.items():
            packed.writestr(name, part)
    return file.getvalue()


def docx(body: str = "", more: Mapping[str, str | bytes] | None = None) -> bytes:
    """A Word file with this body (w: elements); `more` are further parts, or other ones for those it has."""
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": content_types(),
        "_rels/.rels": (
            f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r1" Type="{OFFICE}/officeDocument" '
            'Target="word/document.xml"/></Relationships>'
        ),
        "word/document.xml": word_part(body or paragraph("Nothing of note.")),
    }
    return archive({**parts, **(more or {})})


def xlsx(rows: list[list[Any]], author: str = "") -> bytes:
    file = BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Events")
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                sheet.write(number, column, cell, None if isinstance(cell, str | int) else day)
        book.set_properties({"author": author})
    return file.getvalue()


@cache
def pdf(*pages: str) -> bytes:
    """A PDF of these pages, each of them Typst markup."""
    source = "#set page(width: 12cm, height: 18cm)\n#set text(font: 'Liberation Sans')\n".replace("'", '"')
    made: bytes = typst.compile(
        (source + "\n#pagebreak()\n".join(pages)).encode(),
        font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS]),
        ignore_system_fonts=True,
        format="pdf",
        timestamp=datetime(2013, 10, 1, 12, tzinfo=UTC),  # the same bytes at any time
    )
    return made


def rewritten(content: bytes, change: Any) -> bytes:
    """A PDF after `change(writer)`."""
    writer = PdfWriter(PdfReader(BytesIO(content)))
    change(writer)
    file = BytesIO()
    writer.write(file)
    return file.getvalue()


def raw_pdf(*objects: bytes, root: int = 1) -> bytes:
    """A PDF of these objects, numbered from 1, with a right table of where they are."""
    content, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    trailer = b"trailer\n<</Size %d /Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, root, len(content))
    return content + head + table + trailer
