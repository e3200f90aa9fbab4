"""Disposing of what identifies people in a closed case: all of it in one transaction, with the entry that says so.

What is kept in files goes within the transaction too, before it is committed. Broken off in between, it can be given
again: what was in the files is known from the events, not from the files.
"""

import shutil
from collections.abc import Callable, Mapping
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, delete, exists, select, text, update
from sqlalchemy.orm import aliased

from models.calendar import ZONE
from models.case import Case
from models.case import fold as fold_case
from models.decisions import Close
from models.events import EventAdapter
from models.journal import Disposed, DisposedRecords, Journal, must_not_be_held
from models.refusal import Refusal
from models.retention import Keep, RecordKind, Retention, due_for_disposal
from models.timescale import Day, latest, local_date, parse_day, say, say_day
from register.journal import add, read
from register.store import Register
from register.tables import CaseRow, ContentRow, EventRow, IdentifierRow, LetterRow, MemberRow, ReferralRow


class Order(NamedTuple):
    """What is to be disposed of, by whom (person id), why, on which local day, under which schedule."""

    board: str
    reference: str
    by: str
    because: str
    on: date
    schedule: Retention


class _Found(NamedTuple):
    """Records of one kind: how many there are, and the hashes that a certificate names."""

    number: int
    hashes: tuple[str, ...]


def closed_on(case: Case) -> Day | None:
    """The local day on which a case was closed, or was entered as closed if that was later; None for an open one.

    A day entered after the fact must not bring the end of keeping forward.
    """
    if case.facts.closed is None:
        return None
    entry = [entry for entry in case.log if isinstance(entry.decision, Close)][-1]
    entered = local_date(entry.at, case.calendar.timezone)
    return _closed_on(entry.decision.made_on, entered)


def _closed_on(made_on: Day, entered: date) -> Day:
    return entered if latest(made_on) < entered else made_on


async def closings(
    register: Register, board: str, person: str | None = None, goes_on: Callable[[Day], bool] = lambda _: True
) -> dict[str, Day]:
    """The closed cases of a board with the day each was closed on, read off the last closing alone; see `closed_on`.

    Only those in which a person holds a role, where one is given. They are read in the order in which they were
    entered, for as long as that goes on: of many closed cases only the first few may be due for anything.
    """
    again = aliased(EventRow)
    later = exists().where(again.reference == EventRow.reference, again.seq > EventRow.seq, again.kind == "closed")
    of_board = exists().where(
        CaseRow.reference == EventRow.reference, CaseRow.board == board, CaseRow.state == "closed"
    )
    query = select(EventRow.reference, EventRow.on, EventRow.at).where(of_board, ~later)
    query = query.where(text("events.kind = 'closed'")).order_by(EventRow.at)  # as a parameter it would find no index
    if person is not None:
        query = query.where(exists().where(MemberRow.reference == EventRow.reference, MemberRow.person == person))

    def read(db: Connection) -> dict[str, Day]:
        found: dict[str, Day] = {}
        for row in db.execute(query):
            entered = local_date(row.at, ZONE)
            if not goes_on(entered):
                break
            found[row.reference] = _closed_on(parse_day(row.on), entered)
        return found

    return await register.read(read)


async def dispose(register: Register, outbox: Path, order: Order, at: datetime) -> Disposed | None:
    """Dispose of every record of a closed case whose time has run out; None where nothing of the kind is left.

    `outbox` holds a folder of letters a case. Nothing is in the files any more once `Register.purge` has said True.
    Raises Refusal for an open case, under a legal hold, and before the first day on which something may go.
    """
    return await register.write(lambda db: _dispose(db, outbox / order.reference, order, at))


async def kept(register: Register, outbox: Path, reference: str, journal: Journal) -> dict[RecordKind, int]:
    """How many records of each kind are still kept of a case, those that are published left aside."""
    found = await register.read(lambda db: _found(db, outbox / reference, reference, journal))
    return {kind: records.number for kind, records in found.items()}


def _dispose(db: Connection, letters: Path, order: Order, at: datetime) -> Disposed | None:
    events = select(EventRow.body).where(EventRow.reference == order.reference).order_by(EventRow.seq)
    case = fold_case(EventAdapter.validate_json(body) for body in db.scalars(events))
    closed = closed_on(case)
    if closed is None:
        raise Refusal(f"{order.reference} is open; records are disposed of when their case has been closed for long.")
    journal = read(db, order.board)
    must_not_be_held(journal, order.reference)
    due = {keep.kind: keep for keep in _due(order, closed)}
    found = {kind: of for kind, of in _found(db, letters, order.reference, journal).items() if kind in due}
    if not found:
        return None
    _delete(db, letters, order, found)
    records = tuple(_record(due[kind], of) for kind, of in found.items())
    head = db.execute(select(CaseRow.last_seq, CaseRow.head).where(CaseRow.reference == order.reference)).one()
    entry = Disposed(
        by=order.by,
        on=order.on,
        because=order.because,
        reference=order.reference,
        closed_on=closed,
        records=records,
        last_event=head.last_seq,
        head=head.head,
    )
    written = add(db, order.board, entry, at)
    assert isinstance(written, Disposed)
    return written


def _due(order: Order, closed: Day) -> list[Keep]:
    keeps = due_for_disposal(closed, order.schedule)
    due = [keep for keep in keeps if keep.from_day <= order.on]
    if not due:
        first = keeps[0]
        raise Refusal(
            f"Nothing of {order.reference} may be disposed of before {say(first.from_day)}: its {first.kind} are "
            f"kept for {first.period} from its close on {say_day(closed)}."
        )
    return due


def _record(keep: Keep, found: _Found) -> DisposedRecords:
    return DisposedRecords(
        kind=keep.kind, count=found.number, hashes=found.hashes, period=keep.period, kept_until=keep.until
    )


def _found(db: Connection, letters: Path, reference: str, journal: Journal) -> dict[RecordKind, _Found]:
    marks = db.scalars(
        select(ReferralRow.content_hash).where(ReferralRow.reference == reference, ReferralRow.disposed_on.is_(None))
    )
    lists = db.scalars(
        select(IdentifierRow.sealed).where(IdentifierRow.reference == reference).order_by(IdentifierRow.number)
    )
    public = journal.published_hashes(reference)
    contents = db.scalars(select(ContentRow.sha256).where(ContentRow.reference == reference))
    hashes: Mapping[RecordKind, tuple[str, ...]] = {
        "referral": tuple(marks),
        "identifiers": tuple(sha256(sealed).hexdigest() for sealed in lists),
        "documents": tuple(sorted(of for of in contents if of not in public)),
    }
    found: dict[RecordKind, _Found] = {kind: _Found(len(of), of) for kind, of in hashes.items() if of}
    letters_left = _letters(db, letters, reference, journal)
    return found | ({"letters": letters_left} if letters_left.number else {})


def _letters(db: Connection, folder: Path, reference: str, journal: Journal) -> _Found:
    """The letters of a case that went out, until they are disposed of; and whatever else lies in their folder."""
    files = sum(1 for file in folder.iterdir()) if folder.is_dir() else 0
    gone = any(records.kind == "letters" for entry in journal.disposals_of(reference) for records in entry.records)
    sent = select(LetterRow.sha256).where(LetterRow.reference == reference, LetterRow.sha256.is_not(None))
    known = () if gone and not files else db.scalars(sent.order_by(LetterRow.sha256))
    hashes = tuple(of for of in known if of is not None)
    return _Found(max(files, len(hashes)), hashes)


def _delete(db: Connection, letters: Path, order: Order, found: Mapping[RecordKind, _Found]) -> None:
    if "letters" in found and letters.exists():
        shutil.rmtree(letters)
    if "referral" in found:
        gone = {"sealed": b"", "key_id": "", "disposed_on": order.on}
        db.execute(update(ReferralRow).where(ReferralRow.reference == order.reference).values(gone))
    if "identifiers" in found:
        db.execute(delete(IdentifierRow).where(IdentifierRow.reference == order.reference))
    if "documents" in found:
        rows = (ContentRow.reference == order.reference) & ContentRow.sha256.in_(found["documents"].hashes)
        db.execute(delete(ContentRow).where(rows))
