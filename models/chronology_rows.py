"""The rows of an agency's sheet → its entries, or every fault by row and column. Nothing is taken by halves. Pure."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from typing import TypeVar

from models.chronology import ChronologyError, Entry
from models.timescale import Day, earliest, latest
from models.written_day import Cell, WrittenError, read_day, read_time

LONGEST = 4_000
"""Characters in one cell."""
MOST_ROWS = 20_000
MOST_FAULTS = 50

HEADINGS: Mapping[str, tuple[str, ...]] = {
    "date": ("day", "when", "start date", "from", "date of event", "date of contact"),
    "time": ("time of day", "at"),
    "end date": ("end", "until", "to"),
    "event": ("what happened", "contact", "event or contact", "description"),
    "source": ("record", "evidence", "source document", "source of information"),
    "significance": ("comment", "comments", "analysis", "significance or comment"),
}
"""The columns by the name that is used for them here, with the other headings that mean the same."""
OPTIONAL = ("time", "end date")

_NAMED = {heading: column for column, others in HEADINGS.items() for heading in (column, *others)}
_T = TypeVar("_T")


def read_rows(agency: str, rows: Sequence[Sequence[Cell]], today: date) -> tuple[Entry, ...]:
    """Read a sheet: the first row that is not empty is the heading, `rows[0]` is row 1. Empty rows are passed over.

    Line ends are made one kind, tabs spaces, accents one sign with their letter (NFC), and signs that show nothing
    are taken out; the text is otherwise the agency's. Raises ChronologyError: one line a fault, at most 50.
    """
    filled = [(number, row) for number, row in enumerate(rows, 1) if not all(map(_is_blank, row))]
    if not filled:
        raise ChronologyError(f"The sheet is empty: its first row should be {_listed(HEADINGS)}.")
    columns = _columns(*filled[0])
    if len(filled) == 1:
        raise ChronologyError("The sheet has a heading and no entry: write each event in a row of its own below it.")
    if len(filled) - 1 > MOST_ROWS:
        raise ChronologyError(f"The sheet has {len(filled) - 1:,} entries: hand in {MOST_ROWS:,} at the most.")
    readers = [_Row(agency, number, row, columns, today) for number, row in filled[1:]]
    entries = [reader.entry() for reader in readers]
    _raise([fault for reader in readers for fault in reader.faults])
    return tuple(entry for entry in entries if entry)


class _Row:
    """One row in the reading; what is wrong with it is kept in `faults`."""

    def __init__(self, agency: str, number: int, row: Sequence[Cell], columns: Mapping[str, int], today: date) -> None:
        self._agency, self._number, self._today = agency, number, today
        cells = {column: _shown(row[at]) for column, at in columns.items() if at < len(row)}
        self._cells = {column: cell for column, cell in cells.items() if not _is_blank(cell)}
        self.faults: list[str] = []
        for at, cell in enumerate(row):
            if at not in columns.values() and not _is_blank(cell):
                self._fault(f"column {_letters(at)}", "it has no heading; name the column or move the text")

    def entry(self) -> Entry | None:
        """The entry, or None if anything is wrong."""
        on, at = self._day("date") or (None, None)
        if on is None and "date" not in self._cells:
            self._fault("date", "it is empty; give the day, or 2013-08 or 2013 where no more is known")
        until = (self._day("end date") or (None, None))[0]
        if on is not None and until is not None and latest(until) < earliest(on):
            self._fault("end date", f"{until} is before the date, {on}; give a later day, or none")
        said = self._read("time", read_time)
        if said and at and said != at:
            self._fault("time", f"it says {said}, and the date has {at}; give one time")
        texts = {column: self._read(column, _text) for column in ("event", "source", "significance")}
        for column in ("event", "source"):
            if column not in self._cells:
                right = "say what happened" if column == "event" else "name the record that this comes from"
                self._fault(column, f"it is empty; {right}")
        if self.faults or on is None:
            return None
        filled = {column: text or "" for column, text in texts.items()}
        return Entry(agency=self._agency, row=self._number, on=on, until=until, at=said or at, **filled)

    def _day(self, column: str) -> tuple[Day, str | None] | None:
        found = self._read(column, read_day)
        if found and earliest(found[0]) > self._today:
            self._fault(column, f"{found[0]} lies in the future, today is {self._today}; give the day of the record")
        return found

    def _read(self, column: str, read: Callable[[Cell], _T]) -> _T | None:
        if column not in self._cells:
            return None
        try:
            return read(self._cells[column])
        except WrittenError as error:
            self._fault(column, str(error))
            return None

    def _fault(self, column: str, what: str) -> None:
        self.faults.append(f"Row {self._number}, {column}: {what}.")


def _columns(number: int, heading: Sequence[Cell]) -> dict[str, int]:
    """Where each column lies. Raises ChronologyError for headings that are missing, unknown or there twice."""
    columns: dict[str, int] = {}
    faults: list[str] = []
    for at, cell in enumerate(heading):
        if _is_blank(cell):
            continue
        column = _NAMED.get(_plain(cell))
        if column is None:
            known = _listed(HEADINGS)
            faults.append(f"column {_letters(at)} is none of {known}; rename it, or leave it out")
        elif column in columns:
            faults.append(f"columns {_letters(columns[column])} and {_letters(at)} are both the {column}; keep one")
        else:
            columns[column] = at
    missing = [column for column in HEADINGS if column not in columns and column not in OPTIONAL]
    if missing:
        faults.insert(0, f"no column is called {_listed(missing)}; the first row names the columns")
    _raise([f"Row {number}, heading: {fault}." for fault in faults])
    return columns


def _plain(cell: Cell) -> str:
    """A heading without its case, a remark in brackets, and the signs that people put after it."""
    text = re.sub(r"\(.*?\)|[:*.]", " ", str(cell).replace("_", " ").replace("/", " or "))
    return " ".join(text.casefold().split())


def _text(cell: Cell) -> str:
    """The text of a cell, cleaned. Raises WrittenError."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, int | float):
        return str(int(cell)) if cell == cell // 1 else str(cell)
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M}" if cell.time() != time() else f"{cell:%Y-%m-%d}"
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, time):
        return f"{cell:%H:%M}"
    text = unicodedata.normalize("NFC", re.sub(r"\r\n?|[\v\f\u0085\u2028\u2029]", "\n", cell or "")).replace("\t", " ")
    if re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", text):
        raise WrittenError("it has a control sign, which no sheet can hold; write the text anew")
    text = text.strip()
    if len(text) > LONGEST:
        raise WrittenError(f"it has {len(text):,} characters; write {LONGEST:,} at the most, the rest in another row")
    return text


def _shown(cell: Cell) -> Cell:
    """A cell without the signs that show nothing: they come along when people copy from web pages and messages."""
    if isinstance(cell, str) and not cell.isascii():
        return "".join(sign for sign in cell if unicodedata.category(sign) != "Cf")
    return cell


def _raise(faults: list[str]) -> None:
    if faults:
        more = [f"and {len(faults) - MOST_FAULTS:,} more."] if len(faults) > MOST_FAULTS else []
        raise ChronologyError("\n".join(faults[:MOST_FAULTS] + more))


def _is_blank(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _letters(column: int) -> str:
    """The letters that a sheet gives a column: 0 is A, 26 is AA."""
    first = _letters(column // 26 - 1) if column >= 26 else ""
    return first + chr(ord("A") + column % 26)


def _listed(names: Sequence[str] | Mapping[str, object]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
