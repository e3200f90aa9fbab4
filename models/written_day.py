"""A day or a time as people write it in a sheet → a Day, a time of day. British order; nothing is guessed. Pure."""

import re
from datetime import date, datetime, time

from models.calendar import WEEKDAYS
from models.refusal import Refusal
from models.timescale import MONTHS, Day, earliest, latest, parse_day

Cell = str | int | float | bool | date | datetime | time | None
"""What one cell of a sheet holds."""

FIRST_YEAR, LAST_YEAR = 1900, 2100

_SHORTEST_NAME = 3
_YEAR_OF_YEARS = 1905  # the days number 1,900 to 2,100 of a sheet lie in it
_SERIAL = 9  # digits: longer than any number that a sheet keeps a day as
_HOW = "write it as 5/8/2013 or 5 August 2013, or as 2013-08 or 2013 where no more is known"
_WITH_TIME = re.compile(
    r"(?P<day>.*\d)(?:,? |T)(?P<time>\d{1,2}:\d{2}(?::\d{2})?(?: ?[ap]m)?)", re.IGNORECASE | re.ASCII
)
_DAYS = tuple(
    re.compile(pattern, re.IGNORECASE | re.ASCII)
    for pattern in (
        r"(?P<year>\d{4})(?P<s>[-/.])(?P<month>\d{1,2})(?P=s)(?P<day>\d{1,2})",
        r"(?P<day>\d{1,2})(?P<s>[-/.])(?P<month>\d{1,2})(?P=s)(?P<year>\d{1,6})",
        r"(?P<year>\d{4})[-/](?P<month>\d{1,2})",
        r"(?P<month>\d{1,2})[-/.](?P<year>\d{4})",
        r"(?P<year>\d{4})",
        r"(?:(?P<weekday>[a-z]+)\.?,? )?(?P<day>\d{1,2})(?:st|nd|rd|th)?[ -](?:of )?"
        r"(?P<month>[a-z]+)\.?,?[ -](?P<year>\d{1,6})",
        r"(?P<month>[a-z]+)\.?,?[ -](?P<year>\d{1,6})",
    )
)
_TIME = re.compile(
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?::\d{2})? ?(?P<half>[ap]m)?"
    r"|(?P<hour2>\d{2})(?P<minute2>\d{2}) ?(?:h|hrs|hours)?"
    r"|(?P<hour3>\d{1,2}) ?(?P<half3>[ap]m)",
    re.IGNORECASE | re.ASCII,
)


class WrittenError(Refusal):
    """A cell that is no day or no time: the rest of a sentence, which says what would be right.

    It repeats nothing but numbers and the names of months and days, for the rest of a cell may be personal.
    """


def read_day(cell: Cell) -> tuple[Day, str | None]:
    """A whole or partial day, and the time of day ("14:30") where the cell holds one. Raises WrittenError."""
    if isinstance(cell, datetime):
        return read_day(cell.date())[0], f"{cell:%H:%M}" if cell.time() != time() else None
    if isinstance(cell, date):
        _must_be_in_range(f"{cell.year:04}")
        if cell.year == _YEAR_OF_YEARS:
            raise WrittenError("it holds a day in 1905, which a sheet makes of a year alone; write the year as text")
        return cell, None
    if isinstance(cell, time):
        raise WrittenError(f"it holds a time and no day; {_HOW}")
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        if not FIRST_YEAR <= cell <= LAST_YEAR or cell != int(cell):
            raise WrittenError(f"{cell:g} is a number and no day; format the column as dates in the sheet")
        return str(int(cell)), None
    text = " ".join(re.sub(r"\s*([-/])\s*|(?<=\d)(\.)\s(?=\d)", r"\1\2", str(cell)).split())
    if text.isdecimal() and len(text) > len("2013"):
        return read_day(int(text[:_SERIAL]))
    if with_time := _WITH_TIME.fullmatch(text):
        return _read_text(with_time["day"]), read_time(with_time["time"])
    return _read_text(text), None


def read_time(cell: Cell) -> str:
    """A time of day as "14:30"; seconds are left out. Raises WrittenError."""
    if isinstance(cell, datetime) and cell.year <= FIRST_YEAR:
        cell = cell.time()  # how some sheets keep a time: on the first day that they know
    if isinstance(cell, time):
        return f"{cell:%H:%M}"
    if isinstance(cell, date):
        raise WrittenError("it holds a day; write the time alone, as 14:30")
    if isinstance(cell, int | float):
        raise WrittenError("it holds a number; write it as 14:30, or format the column as times in the sheet")
    found = _TIME.fullmatch(" ".join(str(cell).split()).replace("a.m.", "am").replace("p.m.", "pm"))
    if not found:
        raise WrittenError("it is no time of day; write it as 14:30")
    hour = int(found["hour"] or found["hour2"] or found["hour3"])
    minute = int(found["minute"] or found["minute2"] or 0)
    if half := (found["half"] or found["half3"] or "").lower():
        if not 1 <= hour <= 12:
            raise WrittenError(f"{hour} {half} is no time of day; write it as 14:30")
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 23 or minute > 59:
        raise WrittenError(f"{hour}:{minute:02} is no time of day; write it as 14:30, from 00:00 to 23:59")
    return f"{hour:02}:{minute:02}"


def _read_text(text: str) -> Day:
    found = next(filter(None, (pattern.fullmatch(text) for pattern in _DAYS)), None)
    if not found:
        raise WrittenError(f"it is no day that can be read; {_HOW}")
    parts = found.groupdict()
    written, year = found[0], parts["year"]
    month, day = parts.get("month"), parts.get("day")
    number = int(month) if month and month.isdigit() else _position(month, MONTHS)
    weekday = _position(parts.get("weekday"), WEEKDAYS)
    if (month and number is None) or (parts.get("weekday") and weekday is None):
        raise WrittenError(f"it is no day that can be read; {_HOW}")
    if len(year) != 4:
        raise WrittenError(f"{written} has no year of four digits; write the year in full, as in 5/8/2013")
    _must_be_in_range(year)
    if number == 0 or (day and int(day) == 0):
        known = f"{year}-{number:02}" if number else year
        raise WrittenError(f"{written} is no day; write {known} if no more is known, or the day that the record gives")
    if number and number > 12:
        raise WrittenError(
            f"{written} has {number} for the month; a day is read as day, month, year: 5/8/2013 is in August"
        )
    read = _known(written, year, number, int(day) if day else None)
    if weekday and weekday - 1 != earliest(read).weekday():
        right = WEEKDAYS[earliest(read).weekday()]
        raise WrittenError(f"{read} is a {right}, not a {WEEKDAYS[weekday - 1]}; write the day that the record gives")
    return read


def _known(written: str, year: str, month: int | None, day: int | None) -> Day:
    """The day of numbers that are above 0, the month at most 12."""
    if month is None:
        return year
    partial = f"{year}-{month:02}"
    if day is None:
        return partial
    last = latest(partial).day
    if day > last:
        raise WrittenError(
            f"{written} is no day, for {MONTHS[month - 1]} {year} has {last}; "
            f"write the day that the record gives, or {partial} if no more is known"
        )
    return parse_day(f"{partial}-{day:02}")


def _must_be_in_range(year: str) -> None:
    if not FIRST_YEAR <= int(year) <= LAST_YEAR:
        raise WrittenError(f"the year {year} is not from {FIRST_YEAR} to {LAST_YEAR}; write the year of the record")


def _position(word: str | None, names: tuple[str, ...]) -> int | None:
    """The number, from 1, of the name that `word` is or begins ("Aug", "Sept"); None if there is none."""
    if not word or len(word) < _SHORTEST_NAME:
        return None
    return next((n for n, name in enumerate(names, 1) if name.lower().startswith(word.lower())), None)
