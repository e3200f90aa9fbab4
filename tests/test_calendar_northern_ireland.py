"""The calendar of Northern Ireland against an independent oracle, day by day."""

from datetime import date

import holidays
import pytest

from library import Library

NORTHERN_IRELAND, ENGLAND = Library().calendar("northern-ireland"), Library().calendar("england-and-wales")
ORACLE = holidays.country_holidays("GB", subdiv="NIR", years=range(2012, 2031))


@pytest.mark.parametrize("year", range(2012, 2031))
def test_every_day_of_the_year_agrees_with_the_oracle(year: int) -> None:
    days = map(date.fromordinal, range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal()))
    for day in days:
        assert NORTHERN_IRELAND.is_working_day(day) is (day.weekday() < 5 and day not in ORACLE), day


def test_it_has_two_days_a_year_that_england_has_not() -> None:
    own = sorted(NORTHERN_IRELAND.days.keys() - ENGLAND.days.keys())
    assert len(own) == 2 * 19
    assert {day.month for day in own} == {3, 7}
    assert NORTHERN_IRELAND.why_not_working(date(2015, 3, 17)) == "St Patrick's Day"
    assert (
        NORTHERN_IRELAND.why_not_working(date(2025, 7, 14)) == "Battle of the Boyne (Orangemen's Day) (substitute day)"
    )
