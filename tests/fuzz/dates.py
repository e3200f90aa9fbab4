"""The language of periods, and days as people write them."""

from datetime import date, timedelta
from random import Random
from typing import Any

from case_world import england

from fuzz.driver import Target
from fuzz.mutating import ODD, a_word, text_of
from models.period import parse_period
from models.timescale import count, count_before, earliest, latest, parse_day, say_day
from models.written_dates import written_dates
from models.written_day import read_day, read_time

NUMBERS = (
    "one",
    "ten",
    "twenty",
    "twenty-one",
    "thirty",
    "1",
    "7",
    "10",
    "48",
    "366",
    "9999",
    "10000",
    "0",
    "-3",
    "007",
)
WORDS = (
    *("within", "at least", "no later than", "clear", "working", "calendar", "day", "days", "weeks", "month", "months"),
    *("hours", "immediately", "from and including", "and", "a", "half", "year", "bank", "-", ",", ".", "\u00a0", "\t"),
    *NUMBERS,
)
PARTS = (
    ("", "", "", "within", "at least", "no later than"), NUMBERS, ("", "", "", "clear", "calendar", "working"),
    ("days", "day", "weeks", "months", "month", "working days", "hours"), ("", "", "", "from and including"),
)  # fmt: skip
"""What a period is made of, in order."""
PERIODS = (
    *("10 working days", "within one month", "7 clear days", "48 hours", "immediately", "at least 1 week"),
    *("twenty-one calendar days from and including", "no later than 6 months", "1 working day", "9999 days"),
)
DAYS = (
    *("2013-08-05", "2013-08", "2013", "5/8/2013", "5 August 2013", "Monday 5th Aug 13", "Aug-13", "05.08.2013 14:30"),
    *("5/8/2013 2.30pm", "14:30", "1430 hrs", "2.30 pm", "31 December 9999", "1 Jan 1905", "41491", "29 Feb 2012"),
)
START = date(2012, 1, 1)


class Periods(Target):
    """A period, read, said again, and counted from a day."""

    name, share = "period language", 560

    def make(self, random: Random) -> tuple[str, date, str]:
        """A text, a day to count from and what becomes of the end of a period."""
        way = random.random()
        if way < 0.4:
            text = " ".join(random.choice(words) for words in PARTS if random.random() < 0.95)
        elif way < 0.7:
            text = " ".join(random.choices(WORDS, k=random.randint(1, 6)))
        else:
            text = text_of(random, PERIODS, (*WORDS, *ODD))
        roll = random.choice(("keep", "next", "previous"))
        return text, START + timedelta(days=random.randrange(5_000)), roll

    def give(self, made: Any) -> None:
        text, start, roll = made
        period = parse_period(text)
        assert parse_period(str(period)) == period
        counted = count(period, start, england(), on_non_working_day=roll)
        assert counted.act_by <= counted.due
        assert counted.due >= start or roll == "previous"
        assert "\n" not in counted.because
        if period.unit != "immediately" and not period.inclusive:
            assert count_before(period, start, england()).due <= start


class Days(Target):
    """A day or a time as somebody writes it."""

    name, share = "days", 200

    def make(self, random: Random) -> str:
        """A text."""
        return text_of(random, DAYS) if random.random() < 0.9 else a_word(random)

    def give(self, made: Any) -> None:
        for found in written_dates(made):
            assert found is not None
        for reads in (read_day, read_time, parse_day):
            try:
                self._check(reads(made))
            except self.refusals as error:
                refused = error
            else:
                return
        raise refused

    def _check(self, found: Any) -> None:
        if isinstance(found, tuple):
            found = found[0]
        if isinstance(found, date) or (isinstance(found, str) and ":" not in found):
            assert earliest(found) <= latest(found)
            assert say_day(found)
