"""Calendars of non-working days: versioned tables, each day with its name and the source of the odd ones.

A calendar is data. It is read from a TOML text once, carried in every case that uses it, and changed only on
purpose (a proclamation), so that no later edit can move a running deadline unseen. The rules of counting
that are cited here are listed at the head of timescale.py.
"""

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.refusal import Refusal
from models.toml import read_toml

ZONE = "Europe/London"
"""The civil time of a board, and of a calendar that names no other (domain part 4, rule 1)."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class CalendarError(Refusal):
    """The calendar, or what is asked of it, is wrong; the message says in one sentence what is right."""


class BeyondCalendar(CalendarError):
    """A day lies outside the years the calendar knows, so nobody can say whether it is a working day."""


class Calendar(BaseModel):
    """The non-working days of one place, for whole years from `first_year` to `last_year`, both included.

    `weekend` holds weekday numbers (0 is Monday); `days` holds the other non-working days with their names,
    never a weekend day. `sources` says where the days come from: in general by word, odd days by ISO date.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    title: str = Field(min_length=1)
    version: str = Field(min_length=1)
    timezone: str = ZONE
    first_year: int = Field(ge=1, le=9999)
    last_year: int = Field(ge=1, le=9999)
    weekend: tuple[int, ...] = (5, 6)
    days: dict[date, str] = {}
    sources: dict[str, str] = {}

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if self.first_year > self.last_year:
            raise CalendarError(f"first_year {self.first_year} must not be after last_year {self.last_year}")
        if not set(self.weekend) < set(range(7)):
            raise CalendarError("weekend must name some days of the week, but not all seven")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise CalendarError(
                f'timezone "{self.timezone}" is not known: write a name such as "Europe/London"'
            ) from None
        for day, name in self.days.items():
            self._check_day(day, name)
        return self

    def _check_day(self, day: date, name: str) -> None:
        if not self.first_year <= day.year <= self.last_year:
            raise CalendarError(f"{day} lies outside the years {self.first_year} to {self.last_year}")
        if day.weekday() in self.weekend:
            weekday = WEEKDAYS[day.weekday()]
            raise CalendarError(f"{day} is a {weekday} and not a working day anyway: name its substitute day")
        if not name.strip():
            raise CalendarError(f"{day} needs a name, such as the name of the bank holiday")

    def why_not_working(self, day: date) -> str | None:
        """Why the local date `day` is not a working day ("Saturday", "Good Friday"), or None if it is one.

        Raises BeyondCalendar outside the calendar's years. Source: rule 2.
        """
        # A moment is equal to no key of the table, it would make holidays working days. This is asked for each day of
        # each count, and the sandbox that cases run in looks at every `isinstance`, not at `type`.
        if type(day) is not date and isinstance(day, datetime):
            raise TypeError("a calendar knows local dates, not moments: use timescale.local_date first")
        if not self.first_year <= day.year <= self.last_year:
            raise BeyondCalendar(
                f'The calendar "{self.name}" knows {self.first_year} to {self.last_year} and cannot say '
                f"whether {day} is a working day: add the year's days to the calendar file."
            )
        weekday = day.weekday()
        return WEEKDAYS[weekday] if weekday in self.weekend else self.days.get(day)

    def is_working_day(self, day: date) -> bool:
        """Whether the local date `day` is a working day; raises BeyondCalendar (rule 2)."""
        return self.why_not_working(day) is None

    def with_days(self, days: Mapping[date, str]) -> Self:
        """Return this calendar with proclaimed days added (local date to name), its version marked with them.

        Raises CalendarError for a day that is not a working day anyway, BeyondCalendar outside its years.
        Source: rule 8.
        """
        for day, name in days.items():
            if (reason := self.why_not_working(day)) is not None:
                raise CalendarError(f"{day} is not a working day already ({reason}): add a working day.")
            self._check_day(day, name)
        marks = "".join(f"+{day}" for day in sorted(days))
        return self.model_copy(
            update={"days": dict(sorted({**self.days, **days}.items())), "version": self.version + marks}
        )


def read_calendar(text: str) -> Calendar:
    """Read a calendar from TOML text; raises CalendarError with one sentence that says what is right."""
    try:
        table = read_toml(text)
    except tomllib.TOMLDecodeError as error:
        raise CalendarError(f"The calendar is not valid TOML: {error}.") from error
    table["weekend"] = _weekend(table.get("weekend", ["Saturday", "Sunday"]))
    days = table.get("days", {})
    if not isinstance(days, dict):
        raise CalendarError('The days must be a table with lines such as 2013-12-25 = "Christmas Day".')
    table["days"] = {_day(key): value for key, value in days.items()}
    try:
        return Calendar.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        what = str(first["msg"]).removeprefix("Value error, ")
        raise CalendarError(f"The calendar is not right: {where + ': ' if where else ''}{what}.") from error


def _weekend(names: Any) -> tuple[int, ...]:
    if not isinstance(names, list) or not all(name in WEEKDAYS for name in names):
        raise CalendarError('The weekend must be a list of English weekdays, such as ["Saturday", "Sunday"].')
    return tuple(WEEKDAYS.index(name) for name in names)


def _day(key: str) -> date:
    try:
        return date.fromisoformat(key)
    except ValueError:
        raise CalendarError(f'"{key}" is not a day of the calendar: write it as 2013-12-25.') from None
