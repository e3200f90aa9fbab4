"""The period language: how a procedure says "10 working days", "one month" or "7 clear days".

The rules of counting that are cited here are listed at the head of timescale.py, which counts.
"""

import re
from typing import Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, model_validator

from models.refusal import Refusal

Unit = Literal["working days", "days", "weeks", "months", "hours", "immediately"]

_UNITS: dict[str, Unit] = {unit.removesuffix("s"): unit for unit in get_args(Unit)}
_ONE_TO_NINETEEN = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_WORDS = {word: number for number, word in enumerate(_ONE_TO_NINETEEN, 1)}
_WORDS |= {"twenty": 20, "thirty": 30} | {f"twenty {w}": 20 + n for w, n in _WORDS.items() if n < 10}
_PERIOD = re.compile(
    r"(?:(?:within|at least|no later than) )?"
    rf"(?:immediately|(?P<number>[0-9]{{1,9}}|{'|'.join(sorted(_WORDS, key=len, reverse=True))}) "
    r"(?P<clear>clear )?(?:(?P<unit>working day|hour)|(?:calendar )?(?P<calendar_unit>day|week|month))s?"
    r"(?P<inclusive> from and including)?)"
)
_MOST = 9999


class PeriodError(Refusal):
    """A period, day or moment cannot be understood; the message says in one sentence what would be right."""


class Period(BaseModel):
    """A length of time as a procedure states it; `str()` gives the text that parse_period reads back.

    `count` is in `unit` (0 for "immediately"). `clear`: both ends are left out. `inclusive`: the period runs
    "from and including" its first day. Source: rules 3 to 5.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int
    unit: Unit
    clear: bool = False
    inclusive: bool = False

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if (refusal := _refusal(self.count, self.unit, self.clear, self.inclusive)) is not None:
            raise PeriodError(refusal)
        return self

    def __str__(self) -> str:
        if self.unit == "immediately":
            return self.unit
        unit = self.unit[:-1] if self.count == 1 else self.unit
        clear = "clear " if self.clear else ""
        return f"{self.count} {clear}{unit}{' from and including' if self.inclusive else ''}"


def _refusal(count: int, unit: Unit, clear: bool, inclusive: bool) -> str | None:
    if unit == "immediately":
        plain = count == 0 and not clear and not inclusive
        return None if plain else '"immediately" has no number and no further words: write "immediately".'
    if not 1 <= count <= _MOST:
        return f'A period is a whole number from 1 to {_MOST} of its unit: write for example "1 working day".'
    if clear and inclusive:
        return '"clear" leaves the first day out and "from and including" counts it: write only one of them.'
    if unit == "hours" and (clear or inclusive):
        return 'Hours are elapsed time and have no clear or included days: write for example "48 hours".'
    return None


def make_period(count: int, unit: Unit, *, clear: bool = False, inclusive: bool = False) -> Period:
    """Make a period of `count` units; raises PeriodError with one sentence that says what would be right."""
    if (refusal := _refusal(count, unit, clear, inclusive)) is not None:
        raise PeriodError(refusal)
    return Period(count=count, unit=unit, clear=clear, inclusive=inclusive)


def parse_period(text: str) -> Period:
    """Read a period such as "10 working days", "within one month", "7 clear days" or "immediately".

    Raises PeriodError with one sentence that says what would be right. Source: rules 3 to 5.
    """
    plain = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", " ".join(text.lower().split()))
    match = _PERIOD.fullmatch(plain)
    if match is None:
        raise PeriodError(_not_a_period(" ".join(text.split()), plain))
    if match["number"] is None:
        return Period(count=0, unit="immediately")
    count = _WORDS.get(match["number"]) or int(match["number"])
    unit = _UNITS[match["unit"] or match["calendar_unit"]]
    return make_period(count, unit, clear=bool(match["clear"]), inclusive=bool(match["inclusive"]))


def _not_a_period(text: str, plain: str) -> str:
    if re.search(r"\byears?$", plain):
        return f'"{text[:60]}" is in years, which are counted in months here: write "12 months" for one year.'
    if re.search(r"[0-9][.,/][0-9]|\bhalf\b|[½¼¾]", plain):
        return f'"{text[:60]}" has a fraction: write a whole number of a smaller unit, such as "36 hours".'
    if re.search(r"(^| )([-−–][0-9]|zero |no |minus )", plain):
        return f'"{text[:60]}" is not a whole number from 1 upwards: write for example "1 working day".'
    return (
        f'"{text[:60]}" is not a period: write a number (digits, or words up to thirty) and a unit, such as '
        '"10 working days", "1 month", "2 weeks", "7 clear days" or "48 hours", or write "immediately".'
    )
