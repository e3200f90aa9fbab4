"""The calendar of England and Wales against an independent oracle, and the refusals of a calendar file."""

from datetime import date, datetime
from pathlib import Path

import holidays
import pytest
from pydantic import ValidationError

from models.calendar import BeyondCalendar, Calendar, CalendarError, read_calendar

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "calendars" / "england-and-wales.toml").read_text(encoding="utf-8")
ENGLAND = read_calendar(TEXT)
ORACLE = holidays.country_holidays("GB", subdiv="ENG", years=range(1978, 2031))

SMALL = """
name = "small"
title = "A small calendar"
version = "1"
first_year = 2013
last_year = 2013
[days]
2013-12-25 = "Christmas Day"
"""


def test_it_covers_every_year_from_dodds_v_walker_to_2030() -> None:
    assert (ENGLAND.first_year, ENGLAND.last_year) == (1978, 2030)
    assert (ENGLAND.name, ENGLAND.timezone, ENGLAND.weekend) == ("england-and-wales", "Europe/London", (5, 6))


@pytest.mark.parametrize("year", range(1978, 2031))
def test_every_day_of_the_year_agrees_with_the_oracle(year: int) -> None:
    days = map(date.fromordinal, range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal()))
    for day in days:
        assert ENGLAND.is_working_day(day) is (day.weekday() < 5 and day not in ORACLE), day


@pytest.mark.parametrize(
    ("day", "name"),
    [
        ("2010-12-27", "Christmas Day (substitute day)"),
        ("2010-12-28", "Boxing Day (substitute day)"),
        ("2011-01-03", "New Year's Day (substitute day)"),
        ("2016-12-26", "Boxing Day"),
        ("2016-12-27", "Christmas Day (substitute day)"),
        ("2020-12-28", "Boxing Day (substitute day)"),
        ("2021-12-27", "Christmas Day (substitute day)"),
        ("2022-01-03", "New Year's Day (substitute day)"),
        ("2027-12-28", "Boxing Day (substitute day)"),
        ("2028-01-03", "New Year's Day (substitute day)"),
        ("2012-06-04", "Spring bank holiday"),
        ("2012-06-05", "Queen's Diamond Jubilee"),
        ("2020-05-08", "Early May bank holiday (VE day)"),
        ("2022-09-19", "Bank Holiday for the State Funeral of Queen Elizabeth II"),
        ("2013-07-06", "Saturday"),
        ("2022-12-25", "Sunday"),
        ("2012-05-28", None),
        ("2020-05-04", None),
        ("2022-05-30", None),
    ],
)
def test_why_a_day_does_not_work(day: str, name: str | None) -> None:
    assert ENGLAND.why_not_working(date.fromisoformat(day)) == name


def test_each_odd_day_has_its_own_source_and_each_dated_source_its_day() -> None:
    dated = {date.fromisoformat(key) for key in ENGLAND.sources if key[0].isdigit()}
    assert dated <= set(ENGLAND.days)
    ordinary = "New Year's Day|Good Friday|Easter Monday|Early May bank holiday|Spring bank holiday"
    ordinary += "|Summer bank holiday|Christmas Day|Boxing Day"
    odd = {day for day, name in ENGLAND.days.items() if name.split(" (sub")[0] not in ordinary.split("|")}
    moved_springs = {date(2002, 6, 4), date(2012, 6, 4), date(2022, 6, 2)}
    assert dated == odd | moved_springs
    assert "1971" in ENGLAND.sources["general"]


@pytest.mark.parametrize("day", [date(2031, 1, 1), date(1977, 12, 30)])
def test_beyond_its_years_it_refuses_to_answer(day: date) -> None:
    with pytest.raises(BeyondCalendar, match=r'"england-and-wales" knows 1978 to 2030 .* add the year\'s days'):
        ENGLAND.is_working_day(day)


def test_a_moment_is_not_a_day() -> None:
    with pytest.raises(TypeError, match="local_date"):
        ENGLAND.is_working_day(datetime(2013, 12, 25))


def test_a_proclaimed_day_is_added_and_marked_in_the_version() -> None:
    before = ENGLAND.model_dump()
    more = ENGLAND.with_days({date(2029, 6, 5): "Proclaimed holiday"})
    assert more.why_not_working(date(2029, 6, 5)) == "Proclaimed holiday"
    assert more.version == f"{ENGLAND.version}+2029-06-05"
    assert list(more.days) == sorted(more.days)
    assert ENGLAND.model_dump() == before


@pytest.mark.parametrize(
    ("day", "name", "says"),
    [
        (date(2029, 6, 2), "Jubilee", "not a working day already (Saturday)"),
        (date(2029, 12, 25), "Jubilee", "not a working day already (Christmas Day)"),
        (date(2029, 6, 5), " ", "needs a name"),
        (date(2031, 6, 5), "Jubilee", "add the year's days to the calendar file"),
    ],
)
def test_a_proclaimed_day_must_be_a_working_day_of_the_calendar(day: date, name: str, says: str) -> None:
    with pytest.raises(CalendarError) as refusal:
        ENGLAND.with_days({day: name})
    assert says in str(refusal.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"1"', "", "not valid TOML"),
        ('name = "small"', "", "name: Field required"),
        ('name = "small"', 'name = "small"\ncolour = "red"', "colour: Extra inputs"),
        ("last_year = 2013", "last_year = 2012", "first_year 2013 must not be after last_year 2012"),
        ("2013-12-25", "2014-12-25", "2014-12-25 lies outside the years 2013 to 2013"),
        ("2013-12-25", "2013-12-28", "2013-12-28 is a Saturday"),
        ("2013-12-25", "25-12-2013", "write it as 2013-12-25"),
        ('"Christmas Day"', '""', "2013-12-25 needs a name"),
        ('version = "1"', 'version = "1"\nweekend = ["Caturday"]', "list of English weekdays"),
        ('version = "1"', 'version = "1"\ntimezone = "Europe/Bletchley"', '"Europe/London"'),
        ("[days]\n2013-12-25 =", "days =", "The days must be a table"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(old: str, new: str, says: str) -> None:
    assert old in SMALL
    with pytest.raises(CalendarError) as refusal:
        read_calendar(SMALL.replace(old, new))
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_week_needs_a_working_day() -> None:
    with pytest.raises(ValidationError, match="not all seven"):
        Calendar(name="n", title="t", version="1", first_year=2013, last_year=2013, weekend=tuple(range(7)))


def test_other_weekends_are_possible() -> None:
    friday = read_calendar('weekend = ["Friday", "Saturday"]' + SMALL)
    assert friday.why_not_working(date(2013, 7, 5)) == "Friday"
    assert friday.is_working_day(date(2013, 7, 7))


def test_it_survives_the_journey_through_json() -> None:
    assert Calendar.model_validate_json(ENGLAND.model_dump_json()) == ENGLAND
