"""A board's figures of a year, reckoned from the register's rows: referrals, outcomes, and what was done in time."""

import re
from collections import Counter
from datetime import date
from statistics import median
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, func, select

from register.store import Register
from register.tables import CaseRow, StepRow

_Key = tuple[str, str | None, str, str]


class Outcome(NamedTuple):
    """How often a step ended in an outcome, in the year."""

    procedure: str
    row: str | None
    step: str
    title: str
    outcome: str
    number: int


class Timeliness(NamedTuple):
    """How a step was done in the year: in time, late, by a median of so many days; `open` are overdue on the day."""

    procedure: str
    row: str | None
    step: str
    title: str
    met: int
    late: int
    median_late: float | None
    overdue: int


class Figures(NamedTuple):
    """The figures of a board for a year. `referrals` are those received in it, `closed` those of them closed since."""

    year: int
    referrals: int
    closed: int
    outcomes: list[Outcome]
    timeliness: list[Timeliness]


async def years(register: Register, board: str) -> list[int]:
    """The years in which a board's cases were notified, the latest first."""
    query = select(func.substr(CaseRow.notified_on, 1, 4)).where(CaseRow.board == board).distinct()
    return sorted((int(year) for year in await register.read(lambda db: db.scalars(query).all())), reverse=True)


async def figures(register: Register, board: str, year: int, today: date) -> Figures:
    """The figures of a board for a year; a step counts in the year in which it was done. `today` is the local date."""
    return await register.read(lambda db: _figures(db, board, year, today))


def _figures(db: Connection, board: str, year: int, today: date) -> Figures:
    received = select(CaseRow.state).where(CaseRow.board == board, _in_year(CaseRow.notified_on, year))
    states = Counter(db.scalars(received))
    columns = (CaseRow.procedure, StepRow.row, StepRow.step, StepRow.title)
    number = func.count().label("number")  # counted where the rows are: a board has tens of thousands of them

    def of_board(*more: Any) -> Select[Any]:
        query = select(*columns, *more, number).join(CaseRow, CaseRow.reference == StepRow.reference)
        return query.where(CaseRow.board == board).group_by(*columns, *more)

    in_year = (StepRow.state == "done", _in_year(StepRow.met_on, year))
    done = db.execute(of_board(StepRow.outcome, StepRow.late_by).where(*in_year)).all()
    late_now = of_board().where(StepRow.state == "open", CaseRow.state == "open", StepRow.due < today)
    overdue = Counter({_key(row): row.number for row in db.execute(late_now)})
    outcomes = Counter[tuple[str, str | None, str, str, str]]()
    lates = {key: list[int]() for key in overdue}
    for row in done:
        outcomes[*_key(row), row.outcome] += row.number
        late_by = lates.setdefault(_key(row), [])
        if row.late_by is not None:
            late_by += [row.late_by] * row.number
    return Figures(
        year,
        states.total(),
        states["closed"],
        [Outcome(*key, number) for key, number in sorted(outcomes.items(), key=_in_order)],
        [
            _timeliness(key, late_by, overdue[key])
            for key, late_by in sorted(lates.items(), key=_in_order)
            if late_by or overdue[key]
        ],
    )


def _in_year(day: Any, year: int) -> Any:
    """That a day, which may be known by its month or year alone, lies in a year: as a range, which an index finds."""
    return and_(day >= f"{year:04}", day < f"{year + 1:04}")


def _key(row: Any) -> _Key:
    return row.procedure, row.row, row.step, row.title


def _in_order(one: tuple[tuple[Any, ...], Any]) -> tuple[Any, ...]:
    """By procedure and by row of the guidance as a person counts: 002-4 before 002-15."""
    procedure, row, *rest = one[0]
    return (procedure, [int(digits) for digits in re.findall(r"[0-9]+", row or "")], row or "", *rest)


def _timeliness(key: _Key, late_by: list[int], overdue: int) -> Timeliness:
    late = [days for days in late_by if days > 0]
    return Timeliness(*key, len(late_by) - len(late), len(late), median(late) if late else None, overdue)
