"""What is read from the register: lists of cases, one case, its steps, letters, events and history.

Overdue is not kept but derived when it is asked for: due before today, a local date that the caller gives.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Exists, Select, exists, func, or_, select, union_all
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from models.events import Event, EventAdapter
from models.timescale import Day
from register.errors import RegisterError
from register.store import Register
from register.tables import CaseRow, EventRow, LetterRow, MemberRow, StepRow


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class CaseView(_View):
    """A case in a list. `waiting_for` are role ids ("imr-author[health]"), `next_due` the earliest open due date."""

    reference: str
    board: str
    procedure: str
    procedure_title: str
    stage: str | None
    state: Literal["open", "closed"]
    how: Literal["completed", "withdrawn"] | None
    notified_on: Day
    opened_at: datetime
    waiting_for: tuple[str, ...]
    next_due: date | None
    last_seq: int
    head: str

    def is_overdue(self, today: date) -> bool:
        """Whether a step was due before the local date `today`; not yet on the due date itself."""
        return self.next_due is not None and self.next_due < today


class StepView(_View):
    """A step or group of a case; `row` is the row of the guidance, `late_by` calendar days after the due date."""

    reference: str
    key: str
    step: str
    item: str | None
    row: str | None
    title: str
    owner: str
    state: Literal["open", "done", "withdrawn"]
    round: int
    since: Day
    due: date | None
    act_by: date | None
    expires: datetime | None
    outcome: str | None
    met_on: Day | None
    late_by: int | None

    def is_overdue(self, today: date) -> bool:
        """Whether it is open and was due before the local date `today`."""
        return self.state == "open" and self.due is not None and self.due < today


class LetterView(_View):
    """A letter of a case. `on` is the local date on it, `because` why it failed, `sha256` the hash of what was sent."""

    reference: str
    letter: str
    template: str
    recipient: str
    sender: str
    step: str | None
    on: date
    state: Literal["owed", "sent", "failed", "withdrawn"]
    sha256: str | None
    because: str | None
    sent_at: datetime | None


class CaseFilter(_View):
    """Which cases, in which order. `overdue_on` is a local date; `waiting_for` is a role, whichever agency's.

    `member`: only cases in which this person holds a role. Where it is none of the roles in `whole` (those that see all
    of a case), only the steps that the person owes count for the rest of the filter.
    """

    state: Literal["open", "closed"] | None = None
    board: str | None = None
    overdue_on: date | None = None
    waiting_for: str | None = None
    stage: str | None = None
    member: str | None = None
    whole: tuple[str, ...] = ()
    text: str | None = Field(default=None, description="Part of the reference.")
    begins: str | None = Field(default=None, description="How the reference begins.", pattern=r"^[A-Z0-9-]+$")
    order: Literal["due", "reference", "opened"] = "due"
    limit: Annotated[int, Field(ge=1)] | None = None
    offset: Annotated[int, Field(ge=0)] = 0


_V = TypeVar("_V", bound=_View)


async def _read(register: Register, view: type[_V], query: Select[Any]) -> list[_V]:
    return await register.read(lambda db: [view.model_validate(row) for row in db.execute(query)])


async def cases(register: Register, which: CaseFilter | None = None) -> list[CaseView]:
    """The cases of a filter, the earliest due first unless it says otherwise (those without a due date last)."""
    which = which or CaseFilter()
    order = _ORDERS[which.order]
    if which.limit is None or which.state is not None:
        query = select(CaseRow.__table__).where(*_conditions(which))
        return await _read(register, CaseView, query.order_by(*_order(which)).limit(which.limit).offset(which.offset))
    # Each state has its indexes; of both together so many are taken as the page and those before it need.
    most = which.offset + which.limit
    states = (which.model_copy(update={"state": state}) for state in ("open", "closed"))
    firsts = (
        select(CaseRow.__table__).where(*_conditions(one)).order_by(*_order(one)).limit(most).subquery()
        for one in states
    )
    both = union_all(*(select(first) for first in firsts)).subquery()
    query = select(both).order_by(*order(both.c)).limit(which.limit).offset(which.offset)
    return await _read(register, CaseView, query)


def _by_due(row: Any) -> tuple[Any, ...]:
    return row.next_due.is_(None), row.next_due, row.reference


def _by_reference(row: Any) -> tuple[Any, ...]:
    return (row.reference,)


def _by_opening(row: Any) -> tuple[Any, ...]:
    return row.opened_at.desc(), row.reference


_ORDERS: dict[str, Callable[[Any], tuple[Any, ...]]] = {
    "due": _by_due,
    "reference": _by_reference,
    "opened": _by_opening,
}


def _order(which: CaseFilter) -> tuple[Any, ...]:
    """The order of a filter; in a closed case nothing is due, so that its reference alone is left."""
    due_by_none = which.state == "closed" and which.order == "due"
    return _by_reference(CaseRow) if due_by_none else _ORDERS[which.order](CaseRow)


async def count_cases(register: Register, which: CaseFilter | None = None, most: int | None = None) -> int:
    """How many cases a filter has, its limit and offset left aside; `most` at the most, where that is given."""
    found = select(CaseRow.reference).where(*_conditions(which or CaseFilter())).limit(most).subquery()
    return await register.read(lambda db: db.scalar(select(func.count()).select_from(found)) or 0)


async def stages(register: Register, which: CaseFilter) -> list[str]:
    """The stages at which the cases of a filter are, by name."""
    query = select(CaseRow.stage).where(*_conditions(which), CaseRow.stage.is_not(None)).distinct()
    return await register.read(lambda db: [str(stage) for stage in db.scalars(query.order_by(CaseRow.stage))])


def _conditions(which: CaseFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if which.state is not None:
        conditions.append(CaseRow.state == which.state)
    if which.board is not None:
        conditions.append(CaseRow.board == which.board)
    if which.text is not None:
        conditions.append(CaseRow.reference.contains(which.text.upper(), autoescape=True))  # references are upper case
    if which.begins is not None:
        states = (which.state,) if which.state else ("open", "closed")  # named, so that their index serves
        conditions += [CaseRow.state.in_(states), _Begins(CaseRow.reference, which.begins, f"{which.begins}*")]
    if which.member is not None:
        conditions.append(_held(which.member))
    if which.stage is not None:
        conditions += [CaseRow.stage == which.stage, *_seen_whole(which)]
    if which.overdue_on is not None:
        conditions += [CaseRow.next_due < which.overdue_on, _step(which, StepRow.due < which.overdue_on)]
    if which.waiting_for is not None:
        role = which.waiting_for
        owed = or_(StepRow.owner == role, StepRow.owner.startswith(f"{role}[", autoescape=True))
        conditions += [CaseRow.state == "open", _step(which, owed)]
    return conditions


class _Begins(FunctionElement[Any]):
    """That a text begins so: with letters, digits and hyphens alone. SQLite finds its index for GLOB, not for LIKE."""

    inherit_cache = True


@compiles(_Begins)
def _begins(element: _Begins, compiler: SQLCompiler, **given: Any) -> str:
    text, beginning, _ = (compiler.process(clause, **given) for clause in element.clauses)
    return f"starts_with({text}, {beginning})"


@compiles(_Begins, "sqlite")
def _begins_on_sqlite(element: _Begins, compiler: SQLCompiler, **given: Any) -> str:
    text, _, pattern = (compiler.process(clause, **given) for clause in element.clauses)
    return f"{text} GLOB {pattern}"


def _held(person: str) -> Exists:
    """That a person holds a role in the case; asked of each, for somebody may hold one in every case there ever was."""
    return exists().where(MemberRow.reference == CaseRow.reference, MemberRow.person == person)


def _seen_whole(which: CaseFilter) -> list[Exists]:
    """That the member sees all of the case; nothing where the filter is for no member."""
    if which.member is None:
        return []
    mine = (MemberRow.reference == CaseRow.reference, MemberRow.person == which.member)
    return [exists().where(*mine, MemberRow.role.in_(which.whole))]


def _step(which: CaseFilter, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """That the case has an open step like this; where the member sees only a part of it, one that they owe."""
    steps = select(StepRow.key).where(StepRow.reference == CaseRow.reference, StepRow.state == "open", condition)
    if which.member is not None:
        mine = (MemberRow.reference == StepRow.reference, MemberRow.role == StepRow.owner)
        own = exists().where(*mine, MemberRow.person == which.member).correlate(StepRow)
        steps = steps.where(or_(*(whole.correlate(CaseRow) for whole in _seen_whole(which)), own))
    return steps.correlate(CaseRow).exists()


async def case(register: Register, reference: str) -> CaseView:
    """One case. Raises RegisterError where there is none of that reference."""
    found = await _read(register, CaseView, select(CaseRow.__table__).where(CaseRow.reference == reference))
    if not found:
        raise RegisterError(f"There is no case {reference}.")
    return found[0]


async def has_case(register: Register, reference: str) -> bool:
    """Whether the register has the case of exactly this reference."""
    query = select(exists().where(CaseRow.reference == reference))
    return bool(await register.read(lambda db: db.scalar(query)))


async def steps(register: Register, reference: str) -> list[StepView]:
    """The steps and groups of a case, the open ones first, then by due date."""
    query = select(StepRow.__table__).where(StepRow.reference == reference)
    order = (StepRow.state != "open", StepRow.due.is_(None), StepRow.due, StepRow.key)
    return await _read(register, StepView, query.order_by(*order))


async def owed_by(
    register: Register, board: str, person: str, limit: int | None = None, offset: int = 0
) -> list[StepView]:
    """The open steps that a person owes by a role in an open case of a board, the earliest due first."""
    order = (StepRow.due.is_(None), StepRow.due, StepRow.reference, StepRow.key)
    query = select(StepRow.__table__).join(*_OF_CASE).where(*_owed_by(board, person)).order_by(*order)
    return await _read(register, StepView, query.limit(limit).offset(offset))


async def count_owed_by(register: Register, board: str, person: str, today: date) -> tuple[int, int]:
    """How many steps a person owes, and how many of them were due before the local date `today`."""
    late = func.count().filter(StepRow.due < today)
    query = select(func.count(), late).select_from(StepRow).join(*_OF_CASE).where(*_owed_by(board, person))
    number, overdue = await register.read(lambda db: db.execute(query).one())
    return number, overdue


_OF_CASE = (CaseRow, CaseRow.reference == StepRow.reference)


def _owed_by(board: str, person: str) -> list[ColumnElement[bool]]:
    mine = (MemberRow.reference == StepRow.reference, MemberRow.role == StepRow.owner, MemberRow.person == person)
    return [*_open_in(board), exists().where(*mine)]


def _open_in(board: str) -> list[ColumnElement[bool]]:
    """That a step is open, in an open case of a board: those of closed cases are many, and nobody owes them."""
    return [CaseRow.board == board, CaseRow.state == "open", StepRow.state == "open"]


class OpenStep(NamedTuple):
    """An open step in a table of thousands, as the register has it; see `StepView`."""

    reference: str
    title: str
    item: str | None
    row: str | None
    owner: str
    due: date | None
    act_by: date | None


async def open_steps(register: Register, board: str, person: str) -> list[OpenStep]:
    """All open steps of the open cases of a board in which a person holds a role, whoever owes them, by due date."""
    order = (StepRow.due.is_(None), StepRow.due, StepRow.reference, StepRow.key)
    query = select(*(getattr(StepRow, name) for name in OpenStep._fields)).join(*_OF_CASE)
    query = query.where(*_open_in(board), _held(person)).order_by(*order)
    return await register.read(lambda db: [OpenStep(*row) for row in db.execute(query)])


async def letters(register: Register, reference: str) -> list[LetterView]:
    """The letters of a case by their date."""
    query = select(LetterRow.__table__).where(LetterRow.reference == reference)
    return await _read(register, LetterView, query.order_by(LetterRow.on, LetterRow.letter))


async def events(register: Register, reference: str, after: int = 0) -> list[Event]:
    """The events of a case in order, those numbered above `after`; none where there is no such case."""
    query = select(EventRow.body).where(EventRow.reference == reference, EventRow.seq > after).order_by(EventRow.seq)
    return await register.read(lambda db: [EventAdapter.validate_json(body) for body in db.scalars(query)])
