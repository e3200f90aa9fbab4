"""Counting: the table of the guidance's cases, other people's published vectors, and each rule by itself."""

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter

from models.calendar import BeyondCalendar, read_calendar
from models.timescale import (
    Counted,
    Day,
    OnNonWorkingDay,
    PeriodError,
    at_hour,
    count,
    count_before,
    days_between,
    earliest,
    end_of_day,
    exact,
    latest,
    local_date,
    parse_day,
    parse_period,
    say,
    start_of_day,
    working_days_between,
)

ROOT = Path(__file__).resolve().parents[1]
ENGLAND = read_calendar((ROOT / "calendars" / "england-and-wales.toml").read_text(encoding="utf-8"))
LONDON = ZoneInfo("Europe/London")
LATE = datetime(2013, 4, 12, 23, 40, tzinfo=LONDON)


def on(text: str) -> date:
    return date.fromisoformat(text)


def counted(period: str, start: date | datetime, roll: OnNonWorkingDay = "keep") -> Counted:
    return count(parse_period(period), start, ENGLAND, on_non_working_day=roll)


def back(period: str, planned: date | datetime, **options: Any) -> Counted:
    return count_before(parse_period(period), planned, ENGLAND, **options)


# --- the seventeen rows of the table, and other people's vectors -------------------------------------------------


@pytest.mark.parametrize(
    ("row", "start", "period", "due", "act_by", "because"),
    [
        (1, on("2013-07-08"), "10 working days", "2013-07-22", "", "Skipped on the way: 4 weekend days."),
        (2, LATE, "10 working days", "2013-04-26", "", "from 23:40 on Friday 12 April 2013"),
        (3, LATE, "1 month", "2013-05-12", "2013-05-10", "stays there although that is a Sunday"),
        (4, datetime(2013, 6, 10, 23, 30, tzinfo=UTC), "10 working days", "2013-06-25", "", "Tuesday 11 June"),
        (5, on("2013-12-20"), "10 working days", "2014-01-08", "", "Boxing Day (Thursday 26 December 2013)"),
        (6, on("2014-01-31"), "1 month", "2014-02-28", "", "February 2014 has no 31st"),
        (7, on("2014-02-28"), "1 month", "2014-03-28", "", "the same date of the later month, the 28th"),
        (8, on("2013-08-31"), "6 months", "2014-02-28", "", "February 2014 has no 31st"),
        (9, on("1978-09-30"), "4 months", "1979-01-30", "", "the same date of the later month, the 30th"),
        (10, on("2014-04-17"), "5 working days", "2014-04-28", "", "Good Friday"),
        (11, on("2014-03-01"), "1 working day", "2014-03-03", "", "1 weekend day."),
        (12, on("2011-04-15"), "2 weeks", "2011-04-29", "2011-04-28", "Royal wedding"),
        (13, on("2012-06-01"), "5 working days", "2012-06-12", "", "Queen's Diamond Jubilee"),
        (17, on("2022-09-12"), "5 working days", "2022-09-20", "", "State Funeral"),
    ],
)
def test_table_forwards(row: int, start: date | datetime, period: str, due: str, act_by: str, because: str) -> None:
    result = counted(period, start)
    assert (result.due, result.act_by) == (on(due), on(act_by or due)), f"row {row}"
    assert because in result.because


def test_table_row_14_one_week_before() -> None:
    assert back("at least 1 week", on("2014-05-15")).due == on("2014-05-08")
    assert back("1 week", on("2014-05-15"), clear=True).due == on("2014-05-07")
    assert back("1 clear week", on("2014-05-15")).due == on("2014-05-07")


def test_table_row_15_chained_backwards() -> None:
    publication = counted("28 days", on("2013-12-05"))
    copies = back("1 week", publication.due)
    assert (publication.due, publication.act_by) == (on("2014-01-02"), on("2014-01-02"))
    assert (copies.due, copies.act_by) == (on("2013-12-26"), on("2013-12-24"))


def test_table_row_16_seven_working_days_before() -> None:
    assert back("at least 7 working days", on("2025-05-01")).due == on("2025-04-22")
    assert back("8 working days", on("2025-05-01")).due == on("2025-04-17")
    assert "Easter Monday (Monday 21 April 2025)" in back("8 working days", on("2025-05-01")).because


VECTORS = list(csv.DictReader((ROOT / "tests/vectors/published.csv").read_text(encoding="utf-8").splitlines()))


def test_no_vector_got_lost() -> None:
    assert len(VECTORS) == 45


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['start']} {v['count']} {v['unit']}")
def test_published_vector(vector: dict[str, str]) -> None:
    number = int(vector["count"])
    roll: Any = vector["on_non_working_day"]
    counting = count if number > 0 else count_before
    period = parse_period(f"{abs(number)} {vector['unit']}")
    result = counting(period, on(vector["start"]), ENGLAND, on_non_working_day=roll)
    assert result.due == on(vector["due"])


# --- the rules, one by one ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("period", "start", "due"),
    [
        ("1 month from and including", "2014-01-10", "2014-02-09"),
        ("1 month from and including", "2014-01-01", "2014-01-31"),
        ("1 month from and including", "2014-01-31", "2014-02-28"),
        ("1 month from and including", "2014-02-28", "2014-03-27"),
        ("7 days from and including", "2014-03-03", "2014-03-09"),
        ("1 week from and including", "2014-03-03", "2014-03-09"),
        ("1 day from and including", "2014-03-03", "2014-03-03"),
        ("1 working day from and including", "2014-03-03", "2014-03-03"),
        ("1 working day from and including", "2014-03-01", "2014-03-03"),
        ("7 clear days", "2014-03-03", "2014-03-11"),
        ("1 clear week", "2014-03-03", "2014-03-11"),
        ("7 clear working days", "2014-03-03", "2014-03-13"),
        ("1 clear month", "2014-03-03", "2014-04-04"),
        ("immediately", "2014-03-03", "2014-03-03"),
        ("12 months", "2012-02-29", "2013-02-28"),
    ],
)
def test_forwards(period: str, start: str, due: str) -> None:
    assert counted(period, on(start)).due == on(due)


@pytest.mark.parametrize(
    ("period", "planned", "due"),
    [
        ("7 clear days", "2014-05-15", "2014-05-07"),
        ("7 clear working days", "2025-05-01", "2025-04-17"),
        ("1 month", "2014-03-31", "2014-02-28"),
        ("1 clear month", "2014-03-15", "2014-02-14"),
        ("6 months", "2014-08-31", "2014-02-28"),
    ],
)
def test_backwards(period: str, planned: str, due: str) -> None:
    assert back(period, on(planned)).due == on(due)


@pytest.mark.parametrize("period", ["immediately", "1 month from and including"])
def test_some_periods_cannot_run_backwards(period: str) -> None:
    with pytest.raises(PeriodError, match="cannot be counted backwards"):
        back(period, on("2014-05-15"))


def test_hours_cannot_be_clear() -> None:
    with pytest.raises(PeriodError, match="elapsed time"):
        back("48 hours", on("2014-05-15"), clear=True)


def test_hours_are_elapsed_time_through_the_change_of_the_clocks() -> None:
    result = counted("48 hours", datetime(2013, 10, 26, 12, tzinfo=UTC))  # 13:00 here, the clocks go back at night
    assert result.due_at == datetime(2013, 10, 28, 12, tzinfo=UTC)
    assert "from 13:00 on Saturday 26 October 2013 (local time)" in result.because
    assert "runs out at 12:00 on Monday 28 October 2013" in result.because


def test_hours_from_a_mere_date_run_strictly_from_the_start_of_that_day() -> None:
    result = counted("36 hours", on("2013-07-08"))
    assert result.due_at == datetime(2013, 7, 9, 12, tzinfo=LONDON)
    assert result.due == result.act_by == on("2013-07-09")
    assert "no time of day was given" in result.because


def test_hours_that_run_out_at_midnight_must_be_acted_on_the_day_before() -> None:
    result = counted("24 hours", on("2013-07-08"))
    assert (result.due, result.act_by) == (on("2013-07-09"), on("2013-07-08"))
    weekend = counted("24 hours", on("2013-07-06"))
    assert (weekend.due, weekend.act_by) == (on("2013-07-07"), on("2013-07-06"))
    assert "the last day to act is Saturday 6 July 2013" in weekend.because


def test_hours_before_a_planned_day() -> None:
    result = back("24 hours", on("2014-04-01"))
    assert result.due_at == start_of_day(on("2014-03-31"), ENGLAND)
    assert result.act_by == on("2014-03-28")


@pytest.mark.parametrize(("roll", "due"), [("keep", "2011-04-29"), ("next", "2011-05-03"), ("previous", "2011-04-28")])
def test_a_calendar_period_rolls_only_where_the_procedure_says_so(roll: OnNonWorkingDay, due: str) -> None:
    result = counted("2 weeks", on("2011-04-15"), roll)
    assert result.due == on(due)
    assert (f"moves it to the {roll} working day" in result.because) is (roll != "keep")


def test_previous_never_moves_the_end_before_the_start() -> None:
    result = counted("1 day", on("2014-04-19"), "previous")  # Easter Saturday
    assert result.due == result.act_by == on("2014-04-20")
    assert "No working day falls within the period" in result.because


def test_hours_and_immediate_duties_do_not_roll() -> None:
    assert counted("immediately", on("2014-04-19"), "next").due == on("2014-04-19")
    assert counted("36 hours", on("2014-04-19"), "next").due == on("2014-04-20")


@pytest.mark.parametrize(("day", "offset"), [("2013-07-22", "+01:00"), ("2014-01-08", "+00:00")])
def test_a_deadline_expires_at_the_end_of_its_local_day(day: str, offset: str) -> None:
    result = counted("1 day", on(day).replace(day=on(day).day - 1))
    assert result.due_at.tzinfo == UTC
    assert result.due_at == end_of_day(on(day), "Europe/London")
    assert local_date(result.due_at - timedelta(seconds=1), ENGLAND) == on(day)
    assert result.due_at == datetime.fromisoformat(f"{day}T23:59:59{offset}") + timedelta(seconds=1)


def test_the_days_on_which_the_clocks_change_have_23_and_25_hours() -> None:
    for day, hours in (("2013-03-31", 23), ("2013-10-27", 25), ("2013-07-08", 24)):
        length = end_of_day(on(day), ENGLAND) - start_of_day(on(day), ENGLAND)
        assert length.total_seconds() == hours * 3600
    assert at_hour(on("2013-07-08"), 9, ENGLAND) == datetime(2013, 7, 8, 8, tzinfo=UTC)


def test_a_late_proclamation_moves_the_date() -> None:
    days = {day: name for day, name in ENGLAND.days.items() if day != on("2022-09-19")}
    before = ENGLAND.model_copy(update={"days": days})
    after = before.with_days({on("2022-09-19"): "State funeral"})
    dates = [count(parse_period("5 working days"), on("2022-09-12"), c, on_non_working_day="keep").due
             for c in (before, after)]  # fmt: skip
    assert dates == [on("2022-09-19"), on("2022-09-20")]


def test_a_moment_without_a_zone_is_refused() -> None:
    for refused in (lambda m: counted("1 day", m), lambda m: local_date(m, ENGLAND)):
        with pytest.raises(PeriodError, match="has no time zone: write one"):
            refused(datetime(2013, 7, 8, 12))


def test_beyond_the_calendar_nothing_is_counted() -> None:
    for period in ("2 working days", "2 days", "1 month", "48 hours"):
        with pytest.raises(BeyondCalendar, match="add the year's days"):
            counted(period, on("2030-12-31"))
        with pytest.raises(BeyondCalendar, match="1978 to 2030"):
            back(period, on("2031-01-02"))
    with pytest.raises(BeyondCalendar):
        counted("immediately", on("2031-01-02"))
    assert counted("1 working day", on("2030-12-30")).due == on("2030-12-31")
    assert counted("immediately", on("1978-01-01")).act_by == on("1978-01-01")


def test_a_first_day_that_would_count_but_does_not_work_is_among_the_skipped() -> None:
    assert (
        "Skipped on the way: 2 weekend days." in counted("1 working day from and including", on("2014-03-01")).because
    )


def test_the_whole_explanation_reads_well() -> None:
    assert counted("10 working days", on("2013-12-20")).because == (
        "The period is 10 working days from Friday 20 December 2013; that day itself is not counted. "
        "Skipped on the way: 6 weekend days and 3 bank holidays: Christmas Day (Wednesday 25 December 2013), "
        "Boxing Day (Thursday 26 December 2013) and New Year's Day (Wednesday 1 January 2014). "
        "It is therefore due by the end of Wednesday 8 January 2014."
    )
    assert back("1 week", on("2014-01-02")).because == (
        "It is due at least 1 week before Thursday 2 January 2014; that day itself is not counted. "
        "A week is 7 days: weekends and bank holidays are counted like any other day. "
        "It is due by the end of Thursday 26 December 2013, and stays there although that is a bank holiday "
        "(Boxing Day). The last working day to act is Tuesday 24 December 2013."
    )


# --- days known only in part, and small things --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "first", "last", "known"),
    [
        ("2013-08-05", "2013-08-05", "2013-08-05", "2013-08-05"),
        ("2012-02", "2012-02-01", "2012-02-29", None),
        ("2013", "2013-01-01", "2013-12-31", None),
        ("9999", "9999-01-01", "9999-12-31", None),
    ],
)
def test_partial_days_are_never_invented(text: str, first: str, last: str, known: str | None) -> None:
    day = parse_day(f" {text} ")
    assert (earliest(day), latest(day)) == (on(first), on(last))
    assert exact(day) == (on(known) if known else None)
    days: TypeAdapter[Day] = TypeAdapter(Day)
    assert days.validate_python(text) == days.validate_json(days.dump_json(day)) == day


@pytest.mark.parametrize("text", ["", "5/8/2013", "2013-13", "2013-02-30", "20130805", "2013-8-5", "August 2013"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(PeriodError, match="write it as 2013-08-05, or as 2013-08 or 2013"):
        parse_day(text)


def test_saying_and_measuring() -> None:
    assert say(on("2013-07-08")) == "Monday 8 July 2013"
    assert days_between(on("2013-07-08"), on("2013-07-22")) == 14
    assert days_between(on("2013-07-22"), on("2013-07-08")) == -14
    assert working_days_between(on("2013-12-20"), on("2014-01-08"), ENGLAND) == 10
    assert working_days_between(on("2014-01-08"), on("2013-12-20"), ENGLAND) == -10
    assert working_days_between(on("2014-01-08"), on("2014-01-08"), ENGLAND) == 0
