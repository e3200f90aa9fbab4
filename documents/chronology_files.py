"""A merged chronology as an XLSX workbook and as an accessible PDF, and the empty form that agencies fill in."""

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from io import BytesIO
from pathlib import Path
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from documents.chronology_words import (
    DEMONSTRATION,
    HOW_TO_READ,
    TITLE,
    findings,
    gap_words,
    marks,
    plain_day,
    summary,
    when,
)
from models.chronology import ChronologyError, Entry, Merged
from models.chronology_rows import LONGEST, MOST_ROWS
from models.timescale import Day
from typesetting import MARKING, Typesetter

MOST_IN_PDF = 3_000
"""Entries that are set as one PDF: about 400 pages."""

_LAYOUT = Path(__file__).resolve().parent.parent / "templates" / "chronology.typ"
_TEXT_ONLY = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_COLUMNS = (
    ("No.", 6),
    ("Date", 18),
    ("Time", 7),
    ("End date", 18),
    ("Agency", 20),
    ("Row", 6),
    ("Event", 60),
    ("Source", 26),
    ("Significance", 36),
    ("Marks", 40),
)
_FIRST_ROW = 3  # below the title, the remark and the heading
_A4 = 9
_AS_TEXT = 49  # the built-in format
_SHORT = 1_200  # characters of an entry that is kept on one page
_MOST_NUMBERS = 50
_FINDING_COLUMNS = (("Kind", 12), ("Agency", 28), ("From", 18), ("To", 18), ("Entries", 14), ("In words", 80))
_FILL = {"Gap": "#E4EAF6", "Silence": "#E4EAF6", "Clash": "#FBE5D6", "Uncertain": "#FFF6CC", "Repeated": "#E9E4F0"}
# The form's columns: their width, the least and the most characters, and the hint.
_FORM = {
    "date": (18, 4, 40, "Day, month, year, such as 5/8/2013. Where no more is known: 2013-08 or 2013."),
    "time": (8, 3, 10, "Hours and minutes, such as 14:30. Leave it empty if it is unknown."),
    "end date": (18, 4, 40, "Only for what went on for a while: its last day."),
    "event": (70, 1, LONGEST, "What happened, and who was seen by whom. One event to a row."),
    "source": (30, 1, LONGEST, "The record that this comes from, with its number or page."),
    "significance": (45, 1, LONGEST, "What it means for the review. It may stay empty."),
}


def as_xlsx(merged: Merged, reference: str, titles: Mapping[str, str], fictional: bool, on: date) -> bytes:
    """A workbook with the chronology and the list of its gaps and clashes; whole days are dates, all else is text.

    `titles` names the agencies by id; `on` is the day it is made, which dates the file: the same arguments give the
    same bytes.
    """
    content = BytesIO()
    with Workbook(content, _TEXT_ONLY) as book:
        book.set_properties({"title": f"{reference}: {TITLE}", "created": datetime.combine(on, time(12))})
        _Sheets(book, reference, fictional).write(merged, titles, on)
    return content.getvalue()


class _Sheets:
    """The two sheets of a workbook in the writing."""

    def __init__(self, book: Workbook, reference: str, fictional: bool) -> None:
        self._book, self._reference, self._fictional = book, reference, fictional
        cell = {"text_wrap": True, "valign": "top"}
        self._heading = book.add_format({**cell, "bold": True, "bottom": 1, "bg_color": "#E7E7E7"})
        self._title = book.add_format({"bold": True, "font_size": 13})
        self._text = book.add_format(cell)
        self._day = book.add_format({**cell, "num_format": "d mmmm yyyy", "align": "left"})
        self._marked = {kind: book.add_format({**cell, "bg_color": colour}) for kind, colour in _FILL.items()}

    def write(self, merged: Merged, titles: Mapping[str, str], on: date) -> None:
        sheet = self._sheet(TITLE, _COLUMNS, len(merged.entries), f"{summary(merged, titles)} Made on {plain_day(on)}.")
        before: dict[int, list[str]] = {}
        for gap in merged.gaps:
            before.setdefault(gap.position, []).append(gap_words(gap, titles))
        marked = marks(merged, titles)
        for position, entry in enumerate(merged.entries):
            self._entry(sheet, position, entry, titles, before.get(position, []) + marked.get(position, []))
        found = findings(merged, titles)
        sheet = self._sheet("Gaps and clashes", _FINDING_COLUMNS, len(found), HOW_TO_READ)
        for row, finding in enumerate(found, _FIRST_ROW):
            sheet.write_string(row, 0, finding.kind, self._marked[finding.kind])
            sheet.write_string(row, 1, finding.agency, self._text)
            self._write_day(sheet, row, 2, finding.start)
            self._write_day(sheet, row, 3, finding.end)
            sheet.write_string(row, 4, ", ".join(map(str, finding.entries[:_MOST_NUMBERS])), self._text)
            sheet.write_string(row, 5, finding.words, self._text)

    def _sheet(self, name: str, columns: tuple[tuple[str, int], ...], rows: int, remark: str) -> Worksheet:
        """An empty sheet: a title, a remark, the heading; frozen, with a filter, and marked when it is printed."""
        sheet = self._book.add_worksheet(name)
        head = [MARKING, self._reference, name, *([DEMONSTRATION] if self._fictional else [])]
        sheet.write_string(0, 0, " · ".join(head), self._title)
        sheet.write_string(1, 0, remark)
        for column, (title, width) in enumerate(columns):
            sheet.set_column(column, column, width)
            sheet.write_string(_FIRST_ROW - 1, column, title, self._heading)
        sheet.freeze_panes(_FIRST_ROW, 0)
        sheet.autofilter(_FIRST_ROW - 1, 0, _FIRST_ROW - 1 + max(rows, 1), len(columns) - 1)
        _set_print(sheet, _FIRST_ROW - 1)
        sheet.set_footer(f"&L{self._reference.replace('&', '&&')}&RPage &P of &N")
        return sheet

    def _entry(
        self, sheet: Worksheet, position: int, entry: Entry, titles: Mapping[str, str], marked: list[str]
    ) -> None:
        row = position + _FIRST_ROW
        sheet.write_number(row, 0, position + 1, self._text)
        self._write_day(sheet, row, 1, entry.on)
        sheet.write_string(row, 2, entry.at or "", self._text)
        self._write_day(sheet, row, 3, entry.until)
        sheet.write_string(row, 4, titles.get(entry.agency, entry.agency), self._text)
        sheet.write_number(row, 5, entry.row, self._text)
        for column, text in enumerate((entry.event, entry.source, entry.significance), 6):
            sheet.write_string(row, column, text, self._text)
        kind = marked[0].replace(":", " ").partition(" ")[0] if marked else ""
        sheet.write_string(row, 9, "\n".join(marked), self._marked.get(kind, self._text))

    def _write_day(self, sheet: Worksheet, row: int, column: int, day: Day | None) -> None:
        if isinstance(day, date):
            sheet.write_datetime(row, column, datetime.combine(day, time()), self._day)
        else:
            sheet.write_string(row, column, plain_day(day) if day else "", self._text)


def as_pdf(
    merged: Merged, reference: str, titles: Mapping[str, str], fictional: bool, on: date, typesetter: Typesetter
) -> bytes:
    """An accessible PDF, A4 landscape; the same arguments give the same bytes.

    A sign that the fonts lack stands as its number, such as [U+2713], and the PDF says so. Raises ChronologyError for
    more than 3,000 entries.
    """
    if len(merged.entries) > MOST_IN_PDF:
        raise ChronologyError(
            f"The chronology has {len(merged.entries):,} entries, and a PDF holds {MOST_IN_PDF:,}: use the XLSX file, "
            "or merge a part of the time under review."
        )
    shown = json.dumps(_data(merged, titles), ensure_ascii=False)
    lacking = {sign for sign in shown if not typesetter.can_show(sign)}
    shown = "".join(f"[U+{ord(sign):04X}]" if sign in lacking else sign for sign in shown)
    head = {
        "title": TITLE,
        "marking": MARKING,
        "reference": reference,
        "date": plain_day(on),
        "how": HOW_TO_READ,
        "lacking": bool(lacking),
        "footer": DEMONSTRATION if fictional else "",
    }
    return typesetter.pdf(_LAYOUT.read_bytes(), {"head.json": json.dumps(head), "body.json": shown}, on)


def _data(merged: Merged, titles: Mapping[str, str]) -> dict[str, Any]:
    """All that a chronology shows, in the words in which it is shown."""
    marked = marks(merged, titles)
    gaps: dict[int, list[str]] = {}
    for gap in merged.gaps:
        gaps.setdefault(gap.position, []).append(gap_words(gap, titles))
    return {
        "summary": summary(merged, titles),
        "rows": [
            {
                "short": len(entry.event) + len(entry.significance) < _SHORT,
                "gaps": gaps.get(position, []),
                "number": str(position + 1),
                "when": when(entry),
                "agency": titles.get(entry.agency, entry.agency),
                "row": f"row {entry.row}",
                "event": entry.event.split("\n"),
                "source": entry.source.split("\n"),
                "significance": entry.significance.split("\n"),
                "marks": marked.get(position, []),
            }
            for position, entry in enumerate(merged.entries)
        ],
    }


def blank_xlsx() -> bytes:
    """The empty form that an agency fills in: the heading, and a hint that shows when a cell is chosen.

    All columns are text: in others a sheet makes the first of the month of "August 2013", and a day in 1905 of "2013".
    """
    content = BytesIO()
    with Workbook(content, _TEXT_ONLY) as book:
        book.set_properties({"title": "Chronology of an agency", "created": datetime(2013, 1, 1)})
        sheet = book.add_worksheet("Chronology")
        heading = book.add_format({"bold": True, "bottom": 1, "bg_color": "#E7E7E7"})
        text = book.add_format({"text_wrap": True, "valign": "top", "num_format": _AS_TEXT})
        for column, (name, (width, _, _, hint)) in enumerate(_FORM.items()):
            sheet.set_column(column, column, width, text)
            sheet.write_string(0, column, name.capitalize(), heading)
            sheet.data_validation(1, column, MOST_ROWS, column, _check(name, hint))
        sheet.freeze_panes(1, 0)
        _set_print(sheet, 0)
    return content.getvalue()


def _check(name: str, hint: str) -> dict[str, Any]:
    """A check of how long a text is; no sheet can check more, for a day may be known by month or year alone."""
    _, least, most, _ = _FORM[name]
    return {
        "validate": "length",
        "criteria": "between",
        "minimum": least,
        "maximum": most,
        "input_title": name.capitalize(),
        "input_message": hint,
        "error_title": name.capitalize(),
        "error_message": hint,
    }


def _set_print(sheet: Worksheet, heading: int) -> None:
    """A4 landscape, the heading and the marking on every page."""
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(heading)
    sheet.set_header(f"&C{MARKING}")
