"""The bytes of a sheet, XLSX or CSV → its rows. What is read is what a person would see, with the whole of it in view.

- A formula counts as the value that was last saved with it; a cell that shows an error (#REF!) is refused.
- A day that is shown as "Aug-13" is known by its month.
- Rows and columns that are hidden are read like all others: a filter left on must not lose entries.
- One sheet only may have something in it, and a hidden sheet may not: what nobody sees is not handed in.
"""

import csv
import re
import zipfile
from datetime import time, timedelta
from io import BytesIO, StringIO
from xml.etree.ElementTree import ParseError

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from documents.kinds import checked, text_in
from documents.workbook_days import as_shown, column_number, dayless_cells, dayless_styles
from models.chronology_rows import MOST_ROWS
from models.refusal import Refusal
from models.written_day import Cell

LARGEST = 10_000_000
"""Bytes of a file."""
MOST_COLUMNS = 50

_MOST_CELLS = 5_000_000  # the reader takes room for the whole rectangle, however few of its cells are filled
_RIGHT = 'save the sheet as XLSX, or as "CSV UTF-8"'
_OLE = b"\xd0\xcf\x11\xe0"
_ARCHIVE, _PDF = b"PK\x03\x04", b"%PDF-"

_NO_STYLES = b"<styleSheet/>"
_PLACE = re.compile(rb"""(?<![\w:.-])r\s*=\s*["']\s*([A-Za-z]{0,9})([0-9]{0,9})""")
_ROW = re.compile(rb"<(?:[\w.-]+:)?row\b")
_CELL = re.compile(rb"<(?:[\w.-]+:)?c[\s/>]")
_ERROR = re.compile(rb"""<(?:[\w.-]+:)?c\b[^>]*\bt\s*=\s*["']e["']""")


class SheetError(Refusal):
    """A file that is not taken as a sheet; one sentence, which quotes nothing of it but the names of its sheets."""


def read_sheet(content: bytes, name: str) -> list[list[Cell]]:
    """The rows of a sheet from its first, the empty ones too; `name` is the file's. Raises Refusal.

    The kind of file is told by its content, and the name must agree. At most 10 MB, 20,000 rows below the heading
    and 50 columns.
    """
    if len(content) > LARGEST:
        most = LARGEST // 1_000_000
        raise SheetError(f"This file has {len(content) / 1e6:.1f} MB, and {most} MB is the most: take out pictures.")
    if content.startswith(_OLE):
        raise SheetError("This is an old .xls workbook, or one with a password: save it as XLSX without a password.")
    if not content.startswith((_ARCHIVE, _PDF)) and text_in(content) is None:
        raise SheetError(f"This file is neither an XLSX workbook nor text in UTF-8: {_RIGHT}.")
    match checked(content, name):
        case "xlsx":
            rows = _from_workbook(content)
        case "text":
            rows = _from_text(text_in(content) or "")
        case _:
            raise SheetError(f"This is no sheet: {_RIGHT}.")
    if len(rows) > MOST_ROWS + 1 or any(len(row) > MOST_COLUMNS for row in rows):
        raise SheetError(f"A sheet has {MOST_ROWS:,} rows below its heading and {MOST_COLUMNS} columns at the most.")
    return rows


def _from_text(text: str) -> list[list[Cell]]:
    heading = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t", key=heading.count)
    rows: list[list[Cell]] = []
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if len(rows) <= MOST_ROWS + 1:  # one more than can be taken is enough to refuse it
                rows.append(list(row))
    except csv.Error as error:
        raise SheetError(f"Line {reader.line_num} is not CSV ({error}): {_RIGHT}.") from None
    return rows


def _from_workbook(content: bytes) -> list[list[Cell]]:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheets = [part for part in parts.values() if b"sheetData" in part]
    _must_not_sprawl(sheets)
    _must_show_no_error(sheets)
    try:
        with CalamineWorkbook.from_filelike(BytesIO(content)) as workbook:
            rows = _rows(_only_sheet(workbook))
        styles = dayless_styles(parts.get("xl/styles.xml", _NO_STYLES))
    # the readers raise these for what is damaged, according to the part in which the damage lies
    except (CalamineError, ParseError, ValueError, OSError) as error:
        if isinstance(error, Refusal):
            raise
        raise SheetError(f"This workbook is damaged: {_RIGHT}, and send it again.") from None
    for row, column, known in (place for part in sheets for place in dayless_cells(part, styles) if styles):
        if row < len(rows) and column < len(rows[row]):
            rows[row][column] = as_shown(rows[row][column], known)
    return rows


def _must_not_sprawl(sheets: list[bytes]) -> None:
    """Refuse what the reader cannot bear: it takes room for every cell up to the last, and its failure ends all.

    The parts are searched as bytes, for a part need not be well-formed, or have a certain name, to be read. How large
    they are has been measured by `checked`.
    """
    for part in sheets:
        height, width = _extent(part)
        if height * width > _MOST_CELLS:
            raise SheetError(
                "The sheet reaches far beyond its entries: delete the empty rows below the last of them "
                f"and the columns beside them, or hand in {MOST_ROWS:,} rows at the most."
            )


def _extent(part: bytes) -> tuple[int, int]:
    """How far a part can reach, in rows and columns: the last place that it names and all that it does not place."""
    rows = _ROW.split(part)
    height, width = len(rows), max(sum(1 for _ in _CELL.finditer(row)) for row in rows)
    deepest, broadest = 0, 0
    for letters, number in set(_PLACE.findall(part)):
        deepest = max(deepest, int(number or 0))
        broadest = max(broadest, column_number(letters))
    return height + deepest, width + broadest


def _must_show_no_error(sheets: list[bytes]) -> None:
    """Refuse a cell that shows an error: the reader would show it as an empty one."""
    for part in sheets:
        if wrong := _ERROR.search(part):
            place = _PLACE.search(part, wrong.start(), part.find(b">", wrong.start()))
            where = (place[1] + place[2]).decode() if place else "A cell"
            raise SheetError(f"{where} shows an error such as #REF! or #N/A: write what it should say.")


def _only_sheet(workbook: CalamineWorkbook) -> CalamineSheet:
    sheets = [(workbook.get_sheet_by_name(sheet.name), sheet.visible) for sheet in workbook.sheets_metadata]
    filled = [(sheet, visible) for sheet, visible in sheets if sheet.height]
    names = ", ".join(f'"{sheet.name}"' for sheet, _ in filled)
    if len(filled) > 1:
        raise SheetError(f"The workbook has {len(filled)} sheets with something in them ({names}): keep one.")
    if not filled:
        raise SheetError("The workbook is empty: send the one that has the entries.")
    if filled[0][1] != SheetVisibleEnum.Visible:
        raise SheetError(f"The only sheet with something in it ({names}) is hidden: show it, so that people see it.")
    return filled[0][0]


def _rows(sheet: CalamineSheet) -> list[list[Cell]]:
    rows = sheet.to_python(skip_empty_area=False, nrows=MOST_ROWS + 2)
    return [[_time(cell) if isinstance(cell, timedelta) else cell for cell in row] for row in rows]


def _time(length: timedelta) -> Cell:
    """A cell in the format [h]:mm: a time of day, if there is one; else as text."""
    minutes = length // timedelta(minutes=1)
    return time(minutes // 60, minutes % 60) if 0 <= minutes < 24 * 60 else str(length)
