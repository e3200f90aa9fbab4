"""Due dates beside libraries that count working days, and decisions, all without Temporal.

`python -m bench.core SECONDS ROUNDS` measures and prints JSON; it needs the packages of bench/requirements.txt.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bench import environments, story
from bench.rates import Found, Work, rates, rows
from bench.report import plain_table
from library import Library
from models.calendar import Calendar
from models.case import fold
from models.deciding import decide
from models.timescale import count, parse_period
from models.turn import opened

WORKING_DAYS = 10
DAYS = [date(2013, 1, 1) + timedelta(days=number) for number in range(3000)]
"""From which is counted, one after another."""
OURS = "due dates, with the reasoning in words"
THEIRS = "the same by {}, without reasoning"
LIBRARIES = ("`numpy.busday_offset`, 3,000 at once", "`numpy.busday_offset`", "`holidays`", "`workalendar`")


def compare(quick: bool) -> tuple[str, dict[str, object]]:
    """The figures as a table and for JSON. Raises NoEnvironment."""
    seconds, rounds = ("0.1", "3") if quick else ("1", "9")
    requirements = Path(__file__).with_name("requirements.txt")
    found: Found = json.loads(environments.run("bench", requirements, "-m", "bench.core", seconds, rounds))
    ratios = {
        name: [mine / its for mine, its in zip(found[OURS], found[THEIRS.format(name)], strict=True)]
        for name in LIBRARIES
    }
    said: dict[str, object] = {f"ratio to {name}": round(median(each), 5) for name, each in ratios.items()}
    said |= {name: round(median(each)) for name, each in found.items()}
    beside = [(name, f"{median(x):.3g}", f"{min(x):.3g} to {max(x):.3g}") for name, x in ratios.items()]
    text = plain_table(("our due dates a second, divided by those of", "median ratio", "range"), beside)
    return f"{text}\n\n{plain_table(('what', 'a second, one core', 'range'), rows(found))}", said


def measure(seconds: float, rounds: int) -> Found:
    """What is done how often a second of processor time. Raises ValueError where the libraries do not agree."""
    calendar = Library().calendar("england-and-wales")
    period = parse_period(f"{WORKING_DAYS} working days")
    work = {OURS: Work(lambda n: count(period, DAYS[n % len(DAYS)], calendar))}
    expected = [count(period, day, calendar).due for day in DAYS]
    for name, (by_each, at_once) in _libraries(calendar).items():
        if (answers := [by_each(n) for n in range(len(DAYS))] if at_once is None else at_once(0)) != expected:
            wrong = next(day for day, got, due in zip(DAYS, answers, expected, strict=True) if got != due)
            raise ValueError(f"{name} counts otherwise than we do, from {wrong}.")
        work[THEIRS.format(name)] = Work(by_each) if at_once is None else Work(by_each, len(DAYS))
    with TemporaryDirectory() as folder:
        return rates(work | _rules(Path(folder)), seconds, rounds, time.process_time)


_Counting = Callable[[int], Any]


def _libraries(calendar: Calendar) -> dict[str, tuple[_Counting, _Counting | None]]:
    """How each library counts from the n-th day; from all of them at once, as dates, where its way is that."""
    import holidays
    import numpy  # type: ignore[import-not-found,unused-ignore]
    import workalendar.europe  # type: ignore[import-not-found,import-untyped,unused-ignore]

    england = holidays.country_holidays("GB", subdiv="ENG", years=range(DAYS[0].year, DAYS[-1].year + 2))
    kingdom = workalendar.europe.UnitedKingdom()
    days = numpy.array(DAYS, dtype="datetime64[D]")
    known = numpy.busdaycalendar(holidays=numpy.array(sorted(calendar.days), dtype="datetime64[D]"))

    def by_numpy(start: Any) -> Any:
        return numpy.busday_offset(start, WORKING_DAYS, roll="backward", busdaycal=known)

    many, one, theirs, its = LIBRARIES
    return {
        many: (lambda _: by_numpy(days), lambda _: by_numpy(days).tolist()),
        one: (lambda n: by_numpy(days[n % len(DAYS)]), None),
        theirs: (lambda n: england.get_nth_working_day(DAYS[n % len(DAYS)], WORKING_DAYS), None),
        its: (lambda n: kingdom.add_working_days(DAYS[n % len(DAYS)], WORKING_DAYS), None),
    }


def _rules(folder: Path) -> dict[str, Work]:
    """Decisions taken in by a case of the story, and cases made from their events."""
    now = datetime.now(UTC)
    events = list(opened(story.opening(story.furnish(folder), "CORE-2026-001", now), now))
    case, given = fold(events), story.decision("CORE-2026-001", 1)
    whole = list(events)
    for number in range(1, story.STEPS + 1):
        whole += decide(fold(whole), story.decision("CORE-2026-001", number), now)
    return {
        "decisions taken in by a case, with all that follows": Work(lambda _: decide(case, given, now)),
        "events applied to a case (`fold`)": Work(lambda _: fold(whole), len(whole)),
    }


if __name__ == "__main__":
    print(json.dumps(measure(float(sys.argv[1]), int(sys.argv[2]))))
