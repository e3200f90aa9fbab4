"""Dates as British people write them, found in a text: "9th March 2024", "09/03/24", "2024-03-09". Pure."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_UNITS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
_TEENS = (
    "tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth",
    "eighteenth", "nineteenth", "twentieth",
)  # fmt: skip
_ORDINALS = (*_UNITS, *_TEENS, *(f"twenty{unit}" for unit in _UNITS), "thirtieth", "thirtyfirst")

# The texts are plain: a gap of blanks is one character. Every repetition below is bounded.
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)(?![a-z])\.?"
)
_IN_WORDS = rf"(?:{'|'.join(reversed(_UNITS + _TEENS))}|(?:twenty|thirty)[ \-](?:{'|'.join(_UNITS)})|thirtieth)"
_DAY = rf"(?P<day>\d{{1,2}}(?=[^\d])(?:\s?(?:st|nd|rd|th)\b)?|{_IN_WORDS})"
_MARK = r"[\s,.\-/‐‑–—_]"
_YEAR = r"['’‘]?(?P<year>\d{4}|\d{2})(?!\d)"
_SIGN = r"\s?[./\-‐‑–—_]\s?"

_PATTERNS = (
    re.compile(rf"(?<!\d)(?P<a>\d{{1,4}}){_SIGN}(?P<b>\d{{1,2}}){_SIGN}(?P<c>\d{{4}}|\d{{1,2}})(?!\d)"),
    re.compile(r"(?<!\d)(?P<a>\d{2})\s(?P<b>\d{2})\s(?P<c>\d{4})(?!\d)"),  # as the boxes of a form are printed
    re.compile(
        rf"(?<![a-z\d]){_DAY}(?:\sday)?(?:\sof)?{_MARK}{{0,3}}{_MONTH}(?:{_MARK}{{0,3}}{_YEAR})?", re.IGNORECASE
    ),
    re.compile(
        rf"(?<![a-z]){_MONTH}\s?(?:the\s)?(?P<day>\d{{1,2}})(?!\d)(?:\s?(?:st|nd|rd|th)\b)?(?:[\s,]{{1,3}}{_YEAR})?",
        re.IGNORECASE,
    ),
    re.compile(
        rf"(?<![a-z]){_MONTH}(?:{_MARK}{{0,3}}(?P<year>\d{{4}})|\s?['’‘\-/](?P<short>\d{{2}}))(?!\d)", re.IGNORECASE
    ),
    re.compile(r"(?<![\d/.\-])(?P<month>\d{1,2})[/.\-](?P<year>\d{4})(?![\d/.\-])"),
    re.compile(r"(?<!\d)(?P<compact>\d{8}|\d{6})(?!\d)"),
)


class Written(NamedTuple):
    """A date in a text, from `start` to `end`; what is not written is None, a year of two digits stays below 100."""

    start: int
    end: int
    year: int | None
    month: int
    day: int | None


def written_dates(text: str) -> Iterator[Written]:
    """Every way in which a part of a plain text can be read as a date; a place may be given more than once."""
    for pattern in _PATTERNS:
        for match in pattern.finditer(text):
            for year, month, day in _readings(match.groupdict()):
                if 1 <= month <= 12 and (day is None or 1 <= day <= 31):
                    yield Written(match.start(), match.end(), year, month, day)


def _readings(found: dict[str, str | None]) -> Iterator[tuple[int | None, int, int | None]]:
    if "a" in found:
        yield from _of_numbers(str(found["a"]), str(found["b"]), str(found["c"]))
    elif compact := found.get("compact"):
        parts = [(compact[:-4], compact[-4:-2], compact[-2:]), (compact[4:], compact[2:4], compact[:2])]
        yield from ((int(year), int(month), int(day)) for year, month, day in parts)
    else:
        year, month, day = found.get("year") or found.get("short"), str(found["month"]), found.get("day")
        yield (
            int(year) if year else None,
            int(month) if month.isdigit() else _MONTHS.index(month[:3].lower()) + 1,
            _day(day) if day else None,
        )


def _of_numbers(a: str, b: str, c: str) -> Iterator[tuple[int, int, int]]:
    """Day first, as here; year first where it has four digits; month first, as in America."""
    if len(a) == 4:
        yield int(a), int(b), int(c)
    elif len(a) < 3 and len(c) > 1:
        yield int(c), int(b), int(a)
        yield int(c), int(a), int(b)
        if len(c) == 2:
            yield int(a), int(b), int(c)


def _day(day: str) -> int:
    number = re.match(r"\d+", day)
    if number:
        return int(number[0])
    word = re.sub(r"[^a-z]", "", day.lower())
    return _ORDINALS.index(word) + 1 if word in _ORDINALS else 0
