"""How long a board keeps what identifies people: a schedule, and when each kind of record of a case may go. Pure.

The periods below are for want of a board's own: how long it keeps what is for the board to decide, with its
records officer, and to write under `[retention]` in its file. A legal hold comes before any schedule.
"""

from datetime import date
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from models.calendar import Calendar
from models.period import PeriodError, parse_period
from models.timescale import Day, count, following_day, latest

RecordKind = Literal["referral", "identifiers", "documents", "letters"]
"""What of a case identifies people, by where it is kept. Events, steps and lists hold nothing of the kind."""

KINDS: tuple[RecordKind, ...] = get_args(RecordKind)

_CIVIL = Calendar(name="civil", title="Every day of the calendar", version="1", first_year=1, last_year=9999)
"""A period of keeping runs over weekends and holidays, and longer than any table of holidays."""


_ANY_DAY = date(2001, 1, 1)
"""Periods are compared by what they come to from one and the same day."""


def _keeping(text: str) -> str:
    period = parse_period(text)
    if period.unit not in ("days", "weeks", "months") or period.clear or period.inclusive:
        raise PeriodError(f'"{text[:60]}" is no period of keeping: write it in days, weeks or months: "300 months".')
    return str(period)


Keeping = Annotated[str, AfterValidator(_keeping)]
"""A period from the day a case was closed, in days, weeks or months; years are written as months."""


class Retention(BaseModel):
    """A board's schedule: how long after its close each kind of record of a case is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    referral: Keeping = "300 months"
    identifiers: Keeping = "300 months"
    documents: Keeping = "300 months"
    letters: Keeping = "120 months"

    @model_validator(mode="after")
    def _can_be_searched(self) -> Self:
        """What is published is searched for identifiers: these are kept at least as long as documents are."""
        until = {kind: count(parse_period(self.period(kind)), _ANY_DAY, _CIVIL).due for kind in KINDS}
        if min(until["identifiers"], until["referral"]) < until["documents"]:
            raise ValueError(
                "identifiers and referral are kept at least as long as documents, which are searched for them"
            )
        return self

    def period(self, kind: RecordKind) -> str:
        """For how long after the close records of this kind are kept."""
        period: str = getattr(self, kind)
        return period


class Keep(NamedTuple):
    """Until when one kind of record of a case is kept: `until` is its last day, `from_day` the first it may go."""

    kind: RecordKind
    period: str
    until: date
    from_day: date


@lru_cache(maxsize=4096)  # a list asks for thousands of cases, and for the same days again and again
def due_for_disposal(closed_on: Day, schedule: Retention) -> tuple[Keep, ...]:
    """When each kind of record of a case that was closed on a local day may be disposed of, the earliest first.

    Where the day of closing is known as a month or year only, the period runs from its last day.
    """
    keeps = []
    for kind in KINDS:
        period = schedule.period(kind)
        until = count(parse_period(period), latest(closed_on), _CIVIL).due
        keeps.append(Keep(kind, period, until, following_day(until)))
    return tuple(sorted(keeps, key=lambda keep: (keep.from_day, KINDS.index(keep.kind))))
