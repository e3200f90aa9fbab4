"""A board's journal in the register: entries that are only ever added, numbered without a gap and chained by hash."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import Connection, insert, select, update

from models.journal import Entry, EntryAdapter, Journal, apply, fold
from register.chain import canonical_json, genesis, link
from register.errors import RegisterError
from register.store import Register
from register.tables import JournalHeadRow, JournalRow

PREFIX = "journal "
"""Begins the name of a board's journal among the chains ("journal demo"); no case has such a reference."""


async def journal(register: Register, board: str) -> Journal:
    """A board's journal; empty where nothing was entered yet. Raises RegisterError where it is unreadable."""
    return await register.read(lambda db: read(db, board))


async def hashes(register: Register, board: str) -> dict[int, str]:
    """The hash of each entry of a board's journal, by its number."""
    query = select(JournalRow.seq, JournalRow.hash).where(JournalRow.board == board)
    return await register.read(lambda db: dict(db.execute(query.order_by(JournalRow.seq)).all()))


async def append(register: Register, board: str, entry: Entry, at: datetime) -> Entry:
    """Add an entry at an aware moment and return it with its number. Raises Refusal where it does not fit."""
    return await register.write(lambda db: add(db, board, entry, at))


async def append_once(register: Register, board: str, entries: Iterable[Entry], at: datetime) -> None:
    """Add entries in one transaction, unless they are the last about their case already: sent twice, once entered.

    Raises Refusal where one does not fit; then none is added.
    """

    def write(db: Connection) -> None:
        new = list(entries)
        about = {getattr(entry, "reference", None) for entry in new}
        known = [one for one in _entries(db, board) if getattr(one, "reference", None) in about]
        if [one.model_copy(update={"seq": 0, "at": None}) for one in known[-len(new) :]] != new:
            for entry in new:
                add(db, board, entry, at)

    await register.write(write)


def read(db: Connection, board: str) -> Journal:
    """The journal as one transaction sees it. Raises RegisterError where it is unreadable."""
    return fold(board, _entries(db, board))


def _entries(db: Connection, board: str) -> list[Entry]:
    bodies = db.scalars(select(JournalRow.body).where(JournalRow.board == board).order_by(JournalRow.seq))
    try:
        entries = [EntryAdapter.validate_json(body) for body in bodies]
        fold(board, entries)
    except (ValidationError, ValueError) as error:
        raise RegisterError(f"The journal of {board} was tampered with: `scr audit verify` says where.") from error
    return entries


def add(db: Connection, board: str, entry: Entry, at: datetime) -> Entry:
    """Add an entry within a transaction that holds the write lock. Raises Refusal where it does not fit."""
    head = select(JournalHeadRow.last_seq, JournalHeadRow.head).where(JournalHeadRow.board == board).with_for_update()
    known = db.execute(head).one_or_none()
    before = read(db, board)
    if before.seq != (known.last_seq if known else 0):
        raise RegisterError(f"The journal of {board} does not end where it should: `scr audit verify` says more.")
    written = entry.model_copy(update={"seq": before.seq + 1, "at": at})
    apply(before, written)  # refuses what does not fit
    previous, body = known.head if known else genesis(PREFIX + board), canonical_json(written)
    own = {"board": board, "seq": written.seq, "at": at, "kind": written.kind}
    reached = {"last_seq": written.seq, "head": link(previous, body)}
    db.execute(insert(JournalRow), own | {"body": body, "previous": previous, "hash": reached["head"]})
    if known is None:
        db.execute(insert(JournalHeadRow), {"board": board, **reached})
    else:
        db.execute(update(JournalHeadRow).where(JournalHeadRow.board == board).values(reached))
    return written
