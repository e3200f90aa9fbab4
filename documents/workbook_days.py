"""Which days of a workbook are shown by month or year alone.

A sheet makes the first of the month of "August 2013" and shows it as "Aug-13". What the person saw is the month, so
that is what is read: a day is never invented.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime

from defusedxml.ElementTree import fromstring

from models.written_day import Cell

_BUILT_IN = {17: "mmm-yy"}  # the only one of those that are never written down that shows no day but a month
_FILLED = re.compile(rb"<(?:[\w.-]+:)?c\s([^>]*[^/>])>")
_PLACE = re.compile(rb"""(?<![\w:.-])r\s*=\s*["']([A-Za-z]{1,3})([0-9]{1,7})["']""")
_STYLE = re.compile(rb"""(?<![\w:.-])s\s*=\s*["']([0-9]{1,6})["']""")


def dayless_styles(styles: bytes) -> dict[int, str]:
    """The numbers of the cell styles that show a month ("month") or a year ("year") without a day.

    `styles` is the part styles.xml. Raises ParseError or ValueError where it is damaged.
    """
    root = fromstring(styles, forbid_dtd=True)
    codes = dict(_BUILT_IN)
    for code in root.iterfind(".//{*}numFmt"):
        codes[int(code.get("numFmtId", "0"))] = code.get("formatCode", "")
    shown = [codes.get(int(style.get("numFmtId", "0")), "") for style in root.iterfind("{*}cellXfs/{*}xf")]
    return {number: known for number, code in enumerate(shown) if (known := _known(code))}


def _known(code: str) -> str | None:
    letters = re.sub(r'"[^"]*"|\[[^\]]*\]|\\.|_.|\*.', "", code.partition(";")[0]).lower()
    if "y" not in letters or "d" in letters:
        return None
    return "month" if "m" in letters else "year"


def dayless_cells(part: bytes, styles: dict[int, str]) -> Iterator[tuple[int, int, str]]:
    """Row and column, from 0, of each filled cell of a sheet's part that shows no day, and what it shows."""
    for cell in _FILLED.finditer(part):
        place, style = _PLACE.search(cell[1]), _STYLE.search(cell[1])
        if place and style and int(style[1]) in styles:
            yield int(place[2]) - 1, column_number(place[1]) - 1, styles[int(style[1])]


def column_number(letters: bytes) -> int:
    """The number of a column: A is 1, AA is 27; 0 where there are no letters."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("A") + 1
    return number


def as_shown(cell: Cell, known: str) -> Cell:
    """A day as its month or year, if it is the first of it: "2013-08". Any other day has been given by a person."""
    if not isinstance(cell, date) or cell.day != 1 or (known == "year" and cell.month != 1):
        return cell
    if isinstance(cell, datetime) and (cell.hour or cell.minute):
        return cell
    return f"{cell:%Y-%m}" if known == "month" else f"{cell:%Y}"
