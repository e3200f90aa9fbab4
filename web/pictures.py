"""The whole timescale of a case as a picture: what is drawn where. The template puts it into SVG. Pure."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from models.case import Case
from models.events import StepRecord
from models.timescale import days_between, earliest, following_day, latest

WIDTH, MARGIN, ROW, HEAD = 960, 20, 38, 56
"""Units of the picture: its width, the space at its sides, the height of a row and of what stands above the rows."""
LETTER = 7
"""Units that a letter takes at the most."""
MOST_TICKS = 13


class Bar(NamedTuple):
    """A step from the day it began to the day it was done, or is due; `mark` where it is due, if it is.

    `said` stands above it, from `label` on.
    """

    title: str
    words: str
    kind: str
    y: int
    start: int
    end: int
    mark: int | None
    said: str
    label: int


class Line(NamedTuple):
    """A day through all rows: the first of a month, today, or an outer limit."""

    words: str
    kind: str
    x: int
    anchor: str


class Picture(NamedTuple):
    """A timescale drawn: what it says in a sentence, its bars and its lines."""

    words: str
    height: int
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]


def drawn(case: Case, records: Iterable[StepRecord], today: date) -> Picture | None:
    """The picture of these steps on a day; None where there is nothing to draw.

    What is still open runs to today, or to the day it is due where that is later; today is drawn in open cases only.
    """
    shown = [record for record in records if record.state != "withdrawn"]
    shown.sort(key=lambda record: (earliest(record.since), record.due or date.max, record.key))
    if not shown:
        return None
    ended = case.facts.closed is not None
    days = [day for record in shown for day in _days(record)] + ([] if ended else [today])
    axis = _Axis(min(days), max(days))
    bars = tuple(_bar(axis, case, record, number, today) for number, record in enumerate(shown))
    limits = [record for record in shown if record.step in case.procedure.group and record.due]
    lines = [axis.limit(f"{record.title}: limit", record.due) for record in limits if record.due]
    lines += [] if ended else [Line("Today", "today", axis.x(today), "middle")]
    counts = {kind: sum(bar.kind == kind for bar in bars) for kind in ("done", "late", "open", "overdue")}
    words = (
        f"{len(bars)} steps: {counts['done']} done in time or without a date, {counts['late']} done late, "
        f"{counts['open']} open, {counts['overdue']} overdue."
    )
    return Picture(words, HEAD + ROW * len(bars) + MARGIN, bars, (*axis.ticks(), *lines))


class _Axis:
    """Days from left to right."""

    def __init__(self, first: date, last: date) -> None:
        self._first = first
        self._last = max(last, following_day(first))
        self._unit = (WIDTH - 2 * MARGIN) / days_between(self._first, self._last)

    def x(self, day: date) -> int:
        return round(MARGIN + self._unit * days_between(self._first, day))

    def limit(self, words: str, day: date) -> Line:
        """An outer limit, its words to the side on which there is room."""
        x = self.x(day)
        return Line(words, "limit", x, "start" if x < WIDTH / 2 else "end")

    def ticks(self) -> list[Line]:
        """The first days of months, of so many of them as find room."""
        months = range(self._first.year * 12 + self._first.month, self._last.year * 12 + self._last.month)
        step = next((n for n in (1, 2, 3, 6) if len(months) <= MOST_TICKS * n), 12 * (len(months) // 144 + 1))
        starts = [date(month // 12, month % 12 + 1, 1) for month in months if month % step == 0]
        return [Line(f"{start:%b %Y}", "month", self.x(start), "middle") for start in starts]


def _days(record: StepRecord) -> list[date]:
    """The days that a step needs to have room for."""
    days = [earliest(record.since)]
    days += [latest(record.met_on)] if record.met_on is not None else []
    return days + ([record.due] if record.due else [])


def _bar(axis: _Axis, case: Case, record: StepRecord, number: int, today: date) -> Bar:
    ended, agency = case.facts.closed is not None, case.facts.agencies.get(record.item or "")
    item = agency.name if agency else record.item
    since = earliest(record.since)
    if record.state == "done":
        end = latest(record.met_on) if record.met_on is not None else since
        kind = "late" if record.late_by else "done"
    elif ended:
        end, kind = since, "open"
    else:
        end = max(today, record.due or today)
        kind = "overdue" if record.due and record.due < today else "open"
    words = {"late": "done late", "done": "done", "open": "not done" if ended else "open", "overdue": "overdue"}[kind]
    title = f"{record.title}, {item}" if item else record.title
    start = axis.x(min(since, end))
    mark = axis.x(record.due) if record.due else None
    said = title if kind == "done" else f"{title} ({words})"
    label = max(MARGIN, min(start, WIDTH - MARGIN - LETTER * len(said)))
    return Bar(title, words, kind, HEAD + ROW * number, start, max(axis.x(end), start + 4), mark, said, label)
