"""Writing events: what is done inside one transaction that holds the write lock. `store.py` calls it in a thread."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Delete,
    Insert,
    Row,
    Table,
    Update,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from models.events import Event, EventAdapter, Opened
from models.procedure import Procedure
from register import members
from register.chain import canonical, genesis, link, same
from register.errors import Gap, RegisterError, Superseded
from register.projection import Change, OpenStep, Projection, summary
from register.tables import Base, CaseRow, EventRow, LetterRow, MemberRow, StepRow, UnderWayRow

# What every decision has done is said once: to put a statement together costs more than to have it carried out.
_CASES, _EVENTS, _STEPS, _LETTERS, _UNDER_WAY = (
    Base.metadata.tables[row.__tablename__] for row in (CaseRow, EventRow, StepRow, LetterRow, UnderWayRow)
)
# A reference, by a name that no column has: an update sets every column that it is given a value for.
_OF: BindParameter[str] = bindparam("of")
_CASE = (
    select(*(_CASES.c[name] for name in ("last_seq", "confirmed", "head", "how", "outline")))
    .where(_CASES.c.reference == _OF)
    .with_for_update()
)
_CASE_BECOMES = update(_CASES).where(_CASES.c.reference == _OF)
_OPEN_STEPS = select(_STEPS.c.step, _STEPS.c.owner, _STEPS.c.due).where(
    _STEPS.c.reference == _OF, _STEPS.c.state == "open"
)
_IS_UNDER_WAY = select(_UNDER_WAY.c.id).where(_UNDER_WAY.c.id == bindparam("which"))
_NO_MORE_UNDER_WAY = delete(_UNDER_WAY).where(_UNDER_WAY.c.id == bindparam("which"))


def append(db: Connection, reference: str, events: Sequence[Event], confirmed: int | None = None) -> int:
    """Add the events that are not there yet and what follows from them; return the number of the last one.

    Raises Gap, Superseded and RegisterError as `Register.append` says.
    """
    case = _case(db, reference)
    known = case.last_seq if case else 0
    kept = _bodies(db, reference, [event.seq for event in events if event.seq <= known])
    other = next((event for event in events if event.seq in kept and not same(kept[event.seq], event)), None)
    if case is not None and other is not None:
        _refuse_change(reference, other, case, kept[other.seq], final=confirmed is None)
        take_back(db, reference, other.seq - 1)
        case = _case(db, reference)
    last = case.last_seq if case else 0
    fresh = [event for event in events if event.seq > last]
    if len(fresh) < sum(event.seq not in kept for event in events):  # somebody has taken one out of the middle
        raise RegisterError(f"An event of {reference} is missing: verify the register.")
    for number, event in enumerate(fresh, start=last + 1):
        if event.seq != number:
            raise Gap(reference, number, event.seq)
        _refuse_opening(reference, event)
    reached = int(last) + len(fresh)
    certain = min(reached, events[-1].seq if confirmed is None and events else confirmed or 0)
    mark = max(certain, case.confirmed if case else 0)
    if fresh:
        _add(db, reference, case, fresh, mark)
    elif case is not None and mark > case.confirmed:
        db.execute(_CASE_BECOMES, {"of": reference, "confirmed": mark})
    return reached


def begin(db: Connection, reference: str, id_: str) -> None:
    """Note that a decision is on its way, as `Register.begin` says; once is enough."""
    if db.scalar(_IS_UNDER_WAY, {"which": id_}) is None:
        db.execute(insert(_UNDER_WAY), {"id": id_, "reference": reference, "at": datetime.now(UTC)})


def finish(db: Connection, id_: str) -> None:
    """Drop the note of a decision that was on its way."""
    db.execute(_NO_MORE_UNDER_WAY, {"which": id_})


def head(db: Connection, reference: str) -> str | None:
    """The hash of the last event of a case; None where there is none."""
    return db.scalar(select(CaseRow.head).where(CaseRow.reference == reference))


def take_back(db: Connection, reference: str, after: int) -> None:
    """Take away the events after a number, which the engine has not: a workflow task that it lost had made them.

    The database itself refuses this for events that are confirmed.
    """
    later = (EventRow.reference == reference) & (EventRow.seq > after)
    db.execute(delete(EventRow).where(later))
    if after:
        head = db.scalar(select(EventRow.hash).where(EventRow.reference == reference, EventRow.seq == after))
        db.execute(_CASE_BECOMES, {"of": reference, "last_seq": after, "head": head})
        rebuild(db, reference)
        return
    for table in (StepRow, LetterRow, MemberRow, CaseRow):
        db.execute(delete(table).where(table.reference == reference))


def rebuild(db: Connection, reference: str) -> None:
    """Read a case's rows from its events anew. Raises RegisterError as `Register.rebuild` says."""
    case = _case(db, reference)
    query = select(EventRow.body, EventRow.hash).where(EventRow.reference == reference)
    rows = db.execute(query.order_by(EventRow.seq)).all()
    if case is None or not rows:
        raise RegisterError(f"There is no case {reference} with events to rebuild it from.")
    if (len(rows), rows[-1].hash) != (case.last_seq, case.head):
        raise RegisterError(f"The events of {reference} do not end at its head: verify the register first.")
    events = [EventAdapter.validate_json(row.body) for row in rows]
    for table in (StepRow, LetterRow):
        db.execute(delete(table).where(table.reference == reference))
    members.follow(db, reference, events)
    projection = _projected(db, reference, {}, events)
    _write(db, reference, projection, projection.case["how"], {})


def _refuse_change(reference: str, event: Event, case: Row[*tuple[Any, ...]], kept: str, *, final: bool) -> None:
    """Refuse to replace what is confirmed, and what was written by a later try at the same workflow task."""
    if event.seq <= case.confirmed:
        raise RegisterError(
            f"Event {event.seq} of {reference} is kept with other content: events never change, add a new one."
        )
    if not final and event.at < EventAdapter.validate_json(kept).at:
        raise Superseded(reference, event.seq)


def _refuse_opening(reference: str, event: Event) -> None:
    if isinstance(event, Opened) != (event.seq == 1):
        raise RegisterError(f"Event {event.seq} of {reference} is {event.kind!r}: a case opens once, with event 1.")
    if isinstance(event, Opened) and event.opening.reference != reference:
        raise RegisterError(f"The opening of {event.opening.reference} cannot be kept as {reference}.")


def _add(
    db: Connection, reference: str, case: Row[*tuple[Any, ...]] | None, events: Sequence[Event], confirmed: int
) -> None:
    rows = _chained(reference, case.head if case else genesis(reference), events)
    reached = {"last_seq": rows[-1]["seq"], "head": rows[-1]["hash"], "confirmed": confirmed}
    reached |= {"written_at": datetime.now(UTC)}
    projection = _projected(db, reference, case.outline if case else {}, events)
    if case is None:
        values = {"reference": reference, **summary(None, {}, ()), **projection.case, **reached}
        db.execute(insert(_CASES), values)
    db.execute(insert(_EVENTS), rows)
    members.follow(db, reference, events)
    how = projection.case.get("how", case.how if case else None)
    _write(db, reference, projection, how, reached)


def _chained(reference: str, head: str, events: Sequence[Event]) -> list[dict[str, Any]]:
    rows = []
    for event in events:
        body, previous = canonical(event), head
        head = link(previous, body)
        row = {"reference": reference, "seq": event.seq, "at": event.at, "on": str(event.on), "kind": event.kind}
        rows.append(row | {"step": event.step, "body": body, "previous": previous, "hash": head})
    return rows


def _case(db: Connection, reference: str) -> Row[*tuple[Any, ...]] | None:
    return db.execute(_CASE, {"of": reference}).one_or_none()


def _bodies(db: Connection, reference: str, numbers: Sequence[int]) -> dict[int, str]:
    if not numbers:
        return {}
    query = select(EventRow.seq, EventRow.body).where(EventRow.reference == reference)
    return dict(db.execute(query.where(EventRow.seq.between(min(numbers), max(numbers)))).all())


def _projected(
    db: Connection, reference: str, outline: dict[str, list[str | None]], events: Sequence[Event]
) -> Projection:
    projection = Projection(outline, _original(db, reference, events))
    for event in events:
        projection.add(event)
    return projection


def _original(db: Connection, reference: str, events: Sequence[Event]) -> Procedure | None:
    """The procedure the case opened with, if a correction may return to it."""
    if not any(event.kind == "corrected" for event in events):
        return None
    first = events[0]
    if not isinstance(first, Opened):
        first = EventAdapter.validate_json(_bodies(db, reference, [1])[1])
    return first.opening.procedure if isinstance(first, Opened) else None


def _write(db: Connection, reference: str, projection: Projection, how: str | None, reached: Mapping[str, Any]) -> None:
    """Write what a projection changes, and what the case waits for now; `how` is how it is closed, if it is."""
    _write_rows(db, _STEPS, reference, "key", projection.steps)
    _write_rows(db, _LETTERS, reference, "letter", projection.letters)
    rows = db.execute(_OPEN_STEPS, {"of": reference})
    values = {**projection.case, **reached, **summary(how, projection.outline, (OpenStep(*row) for row in rows))}
    db.execute(_CASE_BECOMES, {**values, "of": reference})


def _write_rows(db: Connection, table: Table, reference: str, key: str, changes: dict[str, Change]) -> None:
    put, patch, drop = _row_statements(table, key, db.dialect.name)
    puts = [{"reference": reference, **change.values} for change in changes.values() if change.act == "put"]
    if puts:
        db.execute(put, puts)
    for name, change in changes.items():
        row = {"of": reference, "which": name}
        if change.act == "patch":
            db.execute(patch, {**change.values, **row})
        elif change.act == "drop":
            db.execute(drop, row)


@cache
def _row_statements(table: Table, key: str, dialect: str) -> tuple[Insert, Update, Delete]:
    """What puts, patches and drops a row of a case."""
    row = (table.c.reference == _OF) & (table.c[key] == bindparam("which"))
    return _upsert(table, dialect), update(table).where(row), delete(table).where(row)


def _upsert(table: Table, dialect: str) -> Insert:
    statement: Any = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    keys = [column.name for column in table.primary_key]
    others = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    upsert: Insert = statement.on_conflict_do_update(index_elements=keys, set_=others)
    return upsert
