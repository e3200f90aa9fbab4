"""Due dates and decisions a second, without Temporal, beside libraries that count working days."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import holidays

from bench import story
from library import Library
from models.case import fold
from models.deciding import decide
from models.timescale import count, parse_period
from models.turn import opened


def measure(seconds: float) -> list[tuple[str, int]]:
    """What is done how often a second, on one core."""
    calendar = Library().calendar("england-and-wales")
    period = parse_period("10 working days")
    days = [date(2013, 1, 1) + timedelta(days=number) for number in range(3000)]
    theirs = holidays.country_holidays("GB", subdiv="ENG", years=range(2013, 2023))
    with TemporaryDirectory() as folder:
        library = story.furnish(Path(folder))
        now = datetime.now(UTC)
        start = opened(story.opening(library, "CORE-2026-001", now), now)
        case = fold(start)
        given = story.decision("CORE-2026-001", 1)
        work: dict[str, Callable[[int], object]] = {
            "due dates, with the reasoning in words": lambda n: count(period, days[n % 3000], calendar),
            "the same by `holidays`, without reasoning": lambda n: theirs.get_nth_working_day(days[n % 3000], 10),
            "decisions taken in by a case": lambda _: decide(case, given, now),
            "openings folded into a case": lambda _: fold(start),
        }
        return [(what, _rate(one, seconds)) for what, one in work.items()]


def _rate(work: Callable[[int], object], seconds: float) -> int:
    """How often something is done a second."""
    for number in range(10):
        work(number)
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        for number in range(done, done + 50):
            work(number)
        done += 50
    return round(done / (time.perf_counter() - began))
