"""Counting held against an independent oracle by properties, and the rule that no other file adds days."""

import ast
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, get_args

import holidays
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.calendar import BeyondCalendar, read_calendar
from models.timescale import (
    Counted,
    OnNonWorkingDay,
    Period,
    Unit,
    count,
    count_before,
    local_date,
    parse_period,
    working_days_between,
)

ROOT = Path(__file__).resolve().parents[1]
ENGLAND = read_calendar((ROOT / "calendars" / "england-and-wales.toml").read_text(encoding="utf-8"))
ORACLE = holidays.country_holidays("GB", subdiv="ENG", years=range(2005, 2031))
DAYS = st.dates(date(2005, 1, 3), date(2028, 12, 1))
FEW = st.integers(1, 120)
PERIODS = st.builds(
    lambda number, unit, kind: Period(
        count=0 if unit == "immediately" else number,
        unit=unit,
        clear=kind == "clear" and unit not in ("hours", "immediately"),
        inclusive=kind == "inclusive" and unit not in ("hours", "immediately"),
    ),
    st.integers(1, 9999),
    st.sampled_from(get_args(Unit)),
    st.sampled_from(("plain", "clear", "inclusive")),
)


def works(day: date) -> bool:
    return day.weekday() < 5 and day not in ORACLE


def between(a: date, b: date) -> Iterator[date]:
    """Yield the days after `a` up to and including `b`."""
    return map(date.fromordinal, range(a.toordinal() + 1, b.toordinal() + 1))


@given(DAYS, FEW)
def test_n_working_days_hold_n_working_days(start: date, number: int) -> None:
    due = count(Period(count=number, unit="working days"), start, ENGLAND).due
    assert works(due)
    assert sum(map(works, between(start, due))) == number == working_days_between(start, due, ENGLAND)


@given(DAYS, DAYS, FEW, FEW, st.sampled_from(("working days", "days", "weeks", "months")))
def test_counting_is_monotone_in_start_and_length(a: date, b: date, n: int, m: int, unit: Unit) -> None:
    (a, b), (n, m) = sorted((a, b)), sorted((n % 24 + 1, m % 24 + 1))

    def due(start: date, number: int) -> date:
        return count(Period(count=number, unit=unit), start, ENGLAND).due

    assert due(a, n) <= due(b, n)
    assert due(a, n) <= due(a, m)


@given(DAYS, FEW)
def test_backwards_mirrors_forwards(start: date, number: int) -> None:
    assume(works(start))
    for unit in ("working days", "days", "weeks"):
        period = Period(count=number, unit=unit)
        try:
            there = count(period, start, ENGLAND).due
        except BeyondCalendar:
            assume(False)
        assert count_before(period, there, ENGLAND).due == start


@given(DAYS, st.integers(1, 100))
def test_a_week_is_seven_days(start: date, weeks: int) -> None:
    in_weeks, in_days = (count(Period(count=n, unit=u), start, ENGLAND)
                         for n, u in ((weeks, "weeks"), (7 * weeks, "days")))  # fmt: skip
    assert (in_weeks.due, in_weeks.act_by) == (in_days.due, in_days.act_by)


@given(DAYS, PERIODS, st.booleans(), st.sampled_from(get_args(OnNonWorkingDay)))
def test_every_count_keeps_its_promises(day: date, period: Period, forwards: bool, roll: Any) -> None:
    period = period.model_copy(update={"count": period.count % 24 + 1 if period.count else 0})
    backwards = not (period.inclusive or period.unit == "immediately") and not forwards
    assume(not backwards or day.year >= 2008)
    result = (count_before if backwards else count)(period, day, ENGLAND, on_non_working_day=roll)
    assert result.act_by <= result.due
    # hours may end as a day begins, and then nothing is left of it
    last = local_date(result.due_at - timedelta(seconds=1), ENGLAND)
    free = list(filter(works, (day, *between(day, last)))) if not backwards else [last]
    assert works(result.act_by) or not free
    assert 2 <= result.because.count(". ") + 1 <= 4
    assert result.because.endswith(".")
    assert Counted.model_validate_json(result.model_dump_json()) == result
    if period.unit != "hours":
        assert last == result.due


@given(PERIODS)
def test_a_period_reads_back_as_it_is_written(period: Period) -> None:
    assert parse_period(str(period)) == period
    assert Period.model_validate_json(period.model_dump_json()) == period


# --- the one place that adds days --------------------------------------------------------------------------------


def _date_arithmetic(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            yield from (f"{node.lineno}: imports {n}" for n in names if "dateutil" in n or n == "relativedelta")
        elif isinstance(node, ast.Attribute) and node.attr in ("toordinal", "fromordinal"):
            yield f"{node.lineno}: .{node.attr}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "timedelta":
            units = {keyword.arg for keyword in node.keywords}
            if node.args or units & {"days", "weeks", None}:
                yield f"{node.lineno}: timedelta in days or weeks"


def _project_files() -> list[Path]:
    outside = {"tests", "bench", "build", "dist", "node_modules"}
    files = (path for path in ROOT.rglob("*.py") if not any(p[0] == "." for p in path.relative_to(ROOT).parts))
    return [path for path in files if not outside & set(path.relative_to(ROOT).parts)]


def test_no_other_file_adds_days() -> None:
    files = [path for path in _project_files() if path != ROOT / "models" / "timescale.py"]
    assert ROOT / "models" / "calendar.py" in files
    found = [f"{p.relative_to(ROOT)}:{w}" for p in files for w in _date_arithmetic(ast.parse(p.read_bytes()))]
    assert found == []


@pytest.mark.parametrize(
    "code",
    ["timedelta(days=1)", "datetime.timedelta(weeks=2)", "timedelta(1)", "day.toordinal() + 1", "timedelta(**w)",
     "from dateutil.relativedelta import relativedelta", "import dateutil"],
)  # fmt: skip
def test_the_search_for_added_days_finds_them(code: str) -> None:
    assert list(_date_arithmetic(ast.parse(code)))
    assert not list(_date_arithmetic(ast.parse("timedelta(seconds=30)")))
