"""The counting of dates: the only file in the project that adds days or months to a date.

The rules of counting:
1. The day of the event is not counted. A moment counts as its local date; late evening is still that day.
2. A working day is neither a weekend day nor a bank holiday of the calendar.
3. Months go by the corresponding date; where the month has none, its last day (Dodds v Walker, 1981).
4. Weeks and days are calendar days. A calendar period that ends on a non-working day stays there, unless
   the procedure says otherwise; the last working day to act is given beside it.
5. "At least one week before P" is P - 7 days. Clear days leave out both ends. "From and including" counts the
   first day. Hours are elapsed time.
6. A deadline expires at the end of its local day: it is not overdue on the day itself.
7. The clock runs from the day a thing happened, whenever it was recorded.
8. Bank holidays are proclaimed late: the same count with the amended calendar gives the new date.
9. Every date is explained in words.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, NamedTuple
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from models.calendar import WEEKDAYS, Calendar
from models.period import Period, PeriodError, Unit, make_period, parse_period

OnNonWorkingDay = Literal["keep", "next", "previous"]
PartialDate = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{3}(-(0[1-9]|1[0-2]))?$")]
Day = date | PartialDate

__all__ = [
    "MONTHS", "Counted", "Day", "OnNonWorkingDay", "PartialDate", "Period", "PeriodError", "Unit", "at_hour", "count",
    "count_before", "days_between", "earliest", "end_of_day", "exact", "following_day", "latest", "local_date",
    "named_day", "parse_day", "parse_period", "say", "say_day", "start_of_day", "working_days_between",
]  # fmt: skip

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_ONE_DAY = timedelta(days=1)


class Counted(BaseModel):
    """A counted date: `due` and `act_by` are local dates, `because` says in plain English how they came.

    `act_by` is the last working day on or before `due` (not before the start), or `due` where there is none.
    `due_at` is the moment, in UTC, from which it is overdue: `due` is over, or the hours have elapsed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    due: date
    act_by: date
    because: str
    due_at: AwareDatetime


class _Count(NamedTuple):
    """One count in the making: `sign` is +1 forwards and -1 backwards from the local date `first`."""

    period: Period
    start: date | datetime
    first: date
    calendar: Calendar
    sign: int

    def reason(self, day: date) -> str | None:
        return self.calendar.why_not_working(day)


def count(
    period: Period,
    start: date | datetime,
    calendar: Calendar,
    *,
    on_non_working_day: OnNonWorkingDay = "keep",
) -> Counted:
    """Count `period` forwards from `start`: a local date, or an aware moment, which counts as its local date.

    Hours run from the moment, or from the start of the day where only a date is given. `on_non_working_day`
    moves the end of a period in days, weeks or months. Raises PeriodError for a moment without a time zone,
    BeyondCalendar outside the calendar's years. Source: rules 1 to 6 and 9.
    """
    return _counted(_Count(period, start, _civil(start, calendar), calendar, +1), on_non_working_day)


def count_before(
    period: Period,
    planned: date | datetime,
    calendar: Calendar,
    *,
    clear: bool = False,
    on_non_working_day: OnNonWorkingDay = "keep",
) -> Counted:
    """Count back to the last day that is at least `period` before `planned`, a local date or aware moment.

    `clear`, or a period that says so, leaves out both ends. Raises PeriodError for a period that cannot run
    backwards, BeyondCalendar outside the calendar's years. Source: rule 5.
    """
    if period.unit == "immediately" or period.inclusive:
        raise PeriodError(f'"{period}" cannot be counted backwards: write a plain period such as "1 week".')
    if clear and not period.clear:
        period = make_period(period.count, period.unit, clear=True)
    return _counted(_Count(period, planned, _civil(planned, calendar), calendar, -1), on_non_working_day)


def _counted(c: _Count, on_non_working_day: OnNonWorkingDay) -> Counted:
    c.reason(c.first)  # a start outside the calendar is refused, whatever the unit
    if c.period.unit == "hours":
        moment = _elapsed(c)
        due = local_date(moment, c.calendar)
        # hours that run out at midnight leave nothing of the day that begins there
        last = local_date(moment - timedelta(microseconds=1), c.calendar)
        act_by = _last_working_day(c, last)
        return Counted(due=due, act_by=act_by, due_at=moment, because=_because_hours(c, moment, due, act_by))
    end = _end(c)
    due = _rolled(c, end, on_non_working_day)
    act_by = _last_working_day(c, due)
    because = _because(c, end, due, act_by, on_non_working_day)
    return Counted(due=due, act_by=act_by, due_at=end_of_day(due, c.calendar), because=because)


def _end(c: _Count) -> date:
    """Where the period ends before any roll (rules 1 to 5)."""
    period = c.period
    one_more = period.clear - period.inclusive  # a clear period ends a day later, an inclusive one a day earlier
    if period.unit == "working days":
        # "from and including" starts the walk the day before, so that a first day that works is number one
        return _walk(c, c.first - _ONE_DAY if period.inclusive else c.first, period.count + period.clear)
    if period.unit == "months":
        end = c.first + relativedelta(months=c.sign * period.count)
        if period.inclusive and end.day != c.first.day:
            return end  # the month has no such date: its last day is the last day of the period
        return end + c.sign * one_more * _ONE_DAY
    days = period.count * 7 if period.unit == "weeks" else period.count
    return c.first + c.sign * (days + one_more) * _ONE_DAY


def _walk(c: _Count, day: date, working_days: int) -> date:
    step = c.sign * _ONE_DAY
    works = c.calendar.is_working_day
    while working_days:
        day += step
        working_days -= works(day)
    return day


def _elapsed(c: _Count) -> datetime:
    begin = c.start if isinstance(c.start, datetime) else start_of_day(c.start, c.calendar)
    return begin.astimezone(UTC) + timedelta(hours=c.sign * c.period.count)


def _rolled(c: _Count, end: date, on_non_working_day: OnNonWorkingDay) -> date:
    if on_non_working_day == "keep" or c.period.unit not in ("days", "weeks", "months"):
        return end
    if on_non_working_day == "previous":
        return _last_working_day(c, end)  # never before the event that starts the period
    while c.reason(end) is not None:
        end += _ONE_DAY
    return end


def _last_working_day(c: _Count, last: date) -> date:
    """Find the last working day up to `last`, forwards not before the start; `last` if there is none."""
    day = last
    while c.reason(day) is not None:
        if c.sign > 0 and day <= c.first:
            return last
        day -= _ONE_DAY
    return day


def _because(c: _Count, end: date, due: date, act_by: date, roll: OnNonWorkingDay) -> str:
    """Explain the count in two to four sentences (rule 9)."""
    if end != due:
        reason = _non_working(c, end)
        ending = (
            f"That leads to {say(end)}, which is {reason}, so this procedure moves it to the "
            f"{roll} working day: it is due by the end of {say(due)}."
        )
    elif c.reason(due) is not None:
        ending = f"It is due by the end of {say(due)}, and stays there although that is {_non_working(c, due)}."
    else:
        ending = f"It is therefore due by the end of {say(due)}."
    return " ".join(filter(None, (_opening(c), _passing(c, end), ending, _acting(c, due, act_by))))


def _opening(c: _Count) -> str:
    period, start = c.period, _say_start(c)
    if period.unit == "immediately":
        return f"It is to be done immediately, which means on the day that it arises: {start}."
    if period.inclusive:
        return f"The period is {period} {start}, so that day itself is counted."
    verb, way = ("The period is", "from") if c.sign > 0 else ("It is due at least", "before")
    text = f"{verb} {period} {way} {start}"
    if period.clear:
        return f"{text}; clear means that neither that day nor the last day itself is counted."
    return f"{text}; that day itself is not counted."


def _passing(c: _Count, end: date) -> str:
    """Say how the days on the way were counted."""
    match c.period.unit:
        case "working days":
            return _skipped(c, end)
        case "days" | "weeks":
            week = "A week is 7 days: weekends" if c.period.unit == "weeks" else "Weekends"
            return f"{week} and bank holidays are counted like any other day."
        case "months":
            month = c.first + relativedelta(months=c.sign * c.period.count)
            if month.day != c.first.day:
                where = f"{MONTHS[month.month - 1]} {month.year}"
                return f"{where} has no {_ordinal(c.first.day)}, so the month's last day takes its place."
            before = "the day before " if c.period.inclusive else ""
            later = "later" if c.sign > 0 else "earlier"
            return f"It runs to {before}the same date of the {later} month, the {_ordinal(c.first.day)}."
    return ""


def _skipped(c: _Count, end: date) -> str:
    nearest = 0 if c.period.inclusive else 1
    days = (c.first + c.sign * _ONE_DAY * n for n in range(nearest, abs(days_between(c.first, end))))
    reasons = {day: reason for day in days if (reason := c.reason(day)) is not None}
    holidays = [f"{name} ({say(day)})" for day, name in reasons.items() if day in c.calendar.days]
    weekend = len(reasons) - len(holidays)
    if not reasons:
        return "No weekend and no bank holiday fell on the way."
    parts = [_number(weekend, "weekend day")] if weekend else []
    parts += [f"{_number(len(holidays), 'bank holiday')}: {_listed(holidays)}"] if holidays else []
    return f"Skipped on the way: {' and '.join(parts)}."


def _because_hours(c: _Count, moment: datetime, due: date, act_by: date) -> str:
    here = _local(moment, c.calendar)
    way = "from" if c.sign > 0 else "before"
    opening = f"The period is {c.period} of elapsed time {way} {_say_start(c)}"
    if not isinstance(c.start, datetime):
        opening += f"; no time of day was given, so the hours are counted {way} the start of that day"
    passing = "Every hour counts, nights, weekends and bank holidays included."
    ending = f"The time therefore runs out at {here:%H:%M} on {say(due)}."
    return " ".join(filter(None, (opening + ".", passing, ending, _acting(c, due, act_by))))


def _acting(c: _Count, due: date, act_by: date) -> str:
    if c.reason(act_by) is not None:
        return f"No working day falls within the period, so the last day to act is {say(act_by)}."
    return "" if act_by == due else f"The last working day to act is {say(act_by)}."


def _say_start(c: _Count) -> str:
    if not isinstance(c.start, datetime):
        return say(c.first)
    return f"{_local(c.start, c.calendar):%H:%M} on {say(c.first)} (local time)"


def _non_working(c: _Count, day: date) -> str:
    name = c.reason(day)
    return f"a bank holiday ({name})" if day in c.calendar.days else f"a {name}"


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _ordinal(day: int) -> str:
    return f"{day}{'th' if day in (11, 12, 13) else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


def _civil(start: date | datetime, calendar: Calendar) -> date:
    return local_date(start, calendar) if isinstance(start, datetime) else start


def _zone(where: Calendar | str) -> ZoneInfo:
    return ZoneInfo(where if isinstance(where, str) else where.timezone)


def _local(moment: datetime, where: Calendar | str) -> datetime:
    if moment.tzinfo is None:
        raise PeriodError(f'"{moment}" has no time zone: write one, such as "{moment.isoformat()}+00:00".')
    return moment.astimezone(_zone(where))


def local_date(moment: datetime, where: Calendar | str) -> date:
    """Give the local date of an aware moment in a calendar's or named zone; PeriodError if naive (rule 1)."""
    return _local(moment, where).date()


def start_of_day(day: date, where: Calendar | str) -> datetime:
    """Give the first moment, in UTC, of a local date."""
    return at_hour(day, 0, where)


def end_of_day(day: date, where: Calendar | str) -> datetime:
    """Give the moment, in UTC, at which a local date is over: overdue from then on (rule 6)."""
    return at_hour(day + _ONE_DAY, 0, where)


def at_hour(day: date, hour: int, where: Calendar | str) -> datetime:
    """Give the moment, in UTC, of a full hour (0 to 23) by the local clock."""
    return datetime.combine(day, time(hour), _zone(where)).astimezone(UTC)


def days_between(a: date, b: date) -> int:
    """Count the calendar days from `a` to `b` (negative if `b` is earlier)."""
    return (b - a).days


def working_days_between(a: date, b: date, calendar: Calendar) -> int:
    """Count the working days after `a` up to and including `b`; backwards the same, as a negative number.

    So it is n for the due date of n working days from `a`. Raises BeyondCalendar outside the calendar.
    """
    step = _ONE_DAY if a <= b else -_ONE_DAY
    days = (a + step * n for n in range(1, abs(days_between(a, b)) + 1))
    return sum(map(calendar.is_working_day, days)) * (1 if a <= b else -1)


def say(day: date) -> str:
    """Say a date in full, as in "Monday 8 July 2013"."""
    return f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}"


def say_day(day: Day) -> str:
    """Say a day as far as it is known: "Monday 8 July 2013", "July 2013" or "2013"."""
    if isinstance(day, date):
        return say(day)
    return f"{MONTHS[earliest(day).month - 1]} {day[:4]}" if "-" in day else day


def parse_day(text: str) -> Day:
    """Read "2013-08-05" as a date, "2013-08" or "2013" as a day known no better; PeriodError otherwise."""
    plain = " ".join(text.split())
    try:
        if re.fullmatch(r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}", plain):
            return date.fromisoformat(plain)
        if re.fullmatch(r"[1-9][0-9]{3}(-[0-9]{2})?", plain):
            earliest(plain)  # refuses a month 13
            return plain
    except ValueError:
        pass  # a day that no calendar has, such as 30 February: refused below like any other text
    raise PeriodError(
        f'"{plain[:60]}" is not a day: write it as 2013-08-05, or as 2013-08 or 2013 where no more is known.'
    )


def earliest(day: Day) -> date:
    """Give the first date that a day, perhaps known only by month or year, can be."""
    return day if isinstance(day, date) else date.fromisoformat(f"{day}-01-01"[: len("2013-01-01")])


def latest(day: Day) -> date:
    """Give the last date that a day, perhaps known only by month or year, can be."""
    if isinstance(day, date):
        return day
    return earliest(day) + (relativedelta(day=31) if "-" in day else relativedelta(month=12, day=31))


def exact(day: Day) -> date | None:
    """Give the date where it is known to the day, else None: a day is never invented."""
    return day if isinstance(day, date) else None


def following_day(day: date) -> date:
    """The calendar day after `day`, the first on which something due on `day` is overdue (rule 6)."""
    return day + _ONE_DAY


def named_day(day: date, calendar: Calendar) -> Counted:
    """A day that people have named, with the last working day to act on or before it. Raises BeyondCalendar."""
    act_by = day
    while not calendar.is_working_day(act_by):
        act_by -= _ONE_DAY
    because = f"The day agreed is {say(day)}."
    if act_by != day:
        because += f" The last working day to act is {say(act_by)}."
    return Counted(due=day, act_by=act_by, because=because, due_at=end_of_day(day, calendar))
