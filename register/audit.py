"""Checking the chains of events and of journals' entries: what was changed, is missing, was moved or was put in.

It proves that the events are those that lead to the heads it knows. Someone who can rewrite the events and the
heads in the database together is found only by heads kept elsewhere: `heads` gives them, `verify` takes them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, Text, cast, select

from register.chain import genesis, link
from register.errors import RegisterError
from register.journal import PREFIX
from register.store import Register
from register.tables import CaseRow, EventRow, JournalHeadRow, JournalRow

_AT_A_TIME = 200


class Head(NamedTuple):
    """Where a chain ends: the number and hash of the last event of a case, or of the last entry of "journal BOARD"."""

    reference: str
    seq: int
    hash: str

    @property
    def is_journal(self) -> bool:
        """Whether it is a board's journal's, not a case's."""
        return self.reference.startswith(PREFIX)


class Fault(NamedTuple):
    """Something wrong with the events of a case or a journal: `what` in a word, `text` in a plain sentence."""

    reference: str
    seq: int
    what: str
    text: str


class _Kind(NamedTuple):
    """A kind of chain: its heads, its links in order, the columns that repeat what a link says, what a link is called.

    `journals` tells the chains of journals, by their name, from those of cases.
    """

    heads: Select[*tuple[Any, ...]]
    links: Select[*tuple[Any, ...]]
    columns: tuple[str, ...]
    one: str
    many: str
    journals: bool


_EVENTS = _Kind(
    select(CaseRow.reference, CaseRow.last_seq, CaseRow.head).order_by(CaseRow.reference),
    select(
        EventRow.reference,
        EventRow.seq,
        cast(EventRow.at, Text).label("at"),  # as it stands: what is no moment any more must be named, not fail
        EventRow.on,
        EventRow.kind,
        EventRow.step,
        EventRow.body,
        EventRow.previous,
        EventRow.hash,
    ).order_by(EventRow.reference, EventRow.seq),
    ("seq", "on", "kind", "step"),
    "Event",
    "Events",
    journals=False,
)
_ENTRIES = _Kind(
    select(PREFIX + JournalHeadRow.board, JournalHeadRow.last_seq, JournalHeadRow.head).order_by(JournalHeadRow.board),
    select(
        (PREFIX + JournalRow.board).label("reference"),
        JournalRow.seq,
        cast(JournalRow.at, Text).label("at"),
        JournalRow.kind,
        JournalRow.body,
        JournalRow.previous,
        JournalRow.hash,
    ).order_by(JournalRow.board, JournalRow.seq),
    ("seq", "kind"),
    "Entry",
    "Entries",
    journals=True,
)


def read_heads(text: str, name: str) -> list[Head]:
    """The heads that `scr audit verify --json` printed before; `name` is the file's. Raises RegisterError."""
    try:
        return [Head(str(head["reference"]), int(head["seq"]), str(head["hash"])) for head in json.loads(text)["heads"]]
    except (ValueError, KeyError, TypeError) as error:
        raise RegisterError(f"{name}: is not what `scr audit verify --json` prints; give such a file.") from error


async def heads(register: Register) -> list[Head]:
    """The heads of all cases and journals, to be kept where nobody who can change the register can change them.

    A case's is that of its last confirmed event: those after it may still be made again by the engine.
    """
    confirmed = (CaseRow.reference == EventRow.reference) & (CaseRow.confirmed == EventRow.seq)
    query = select(CaseRow.reference, EventRow.seq, EventRow.hash).join(EventRow, confirmed)

    def read(db: Connection) -> list[Head]:
        return [*(Head(*row) for row in db.execute(query.order_by(CaseRow.reference))), *_heads(db, _ENTRIES)]

    return await register.read(read)


async def verify(register: Register, kept: Iterable[Head] = ()) -> list[Fault]:
    """Check every event and entry against its chain, against the heads, and against heads `kept` elsewhere.

    Empty where nothing is wrong. One consistent state is read, a few events at a time.
    """
    outside = {head.reference: head for head in kept}
    return await register.read(lambda db: [*_faults(db, _EVENTS, outside), *_faults(db, _ENTRIES, outside)])


def _heads(db: Connection, kind: _Kind) -> list[Head]:
    return [Head(*row) for row in db.execute(kind.heads)]


def _faults(db: Connection, kind: _Kind, kept: Mapping[str, Head]) -> Iterator[Fault]:
    own = {head.reference: head for head in _heads(db, kind)}
    outside = {name: head for name, head in kept.items() if head.is_journal == kind.journals}
    seen: set[str] = set()
    rows = db.execute(kind.links.execution_options(yield_per=_AT_A_TIME))
    for reference, links in groupby(rows, lambda row: row.reference):
        chain = _Chain(kind, reference, own.get(reference), outside.get(reference))
        for row in links:
            yield from chain.follow(row)
        yield from chain.end()
        seen.add(reference)
    for reference in sorted((own.keys() | outside.keys()) - seen):
        yield from _Chain(kind, reference, own.get(reference), outside.get(reference)).end()


class _Chain:
    """One case or journal, followed from the first link; `head` is the register's own, `kept` one kept elsewhere."""

    def __init__(self, kind: _Kind, reference: str, head: Head | None, kept: Head | None) -> None:
        self.reference = reference
        self._kind = kind
        self._head = head
        self._kept = kept
        self._seq = 0
        self._hash = genesis(reference)

    def follow(self, row: Row[*tuple[Any, ...]]) -> list[Fault]:
        faults, one = [], self._kind.one
        after = self._seq + 1
        if row.seq < after:
            faults.append(self._fault(row.seq, "inserted", f"{one} {row.seq} was put in: numbers begin with 1"))
        elif row.seq > after:
            faults.append(self._fault(after, "missing", f"{self._span(after, row.seq - 1)} missing"))
        elif row.previous != self._hash:
            told = (
                f"{one} {row.seq} does not follow {one.lower()} {self._seq}: one of them was changed, moved or put in"
            )
            faults.append(self._fault(row.seq, "broken", told))
        if self._head and row.seq > self._head.seq:
            told = f"{one} {row.seq} was put in after the last one recorded, {one.lower()} {self._head.seq}"
            faults.append(self._fault(row.seq, "inserted", told))
        if _hash_of(row) != row.hash:
            faults.append(self._fault(row.seq, "changed", f"{one} {row.seq} was changed after it was written"))
        for column in _differing(row, self._kind.columns):
            told = f'The column "{column}" of {one.lower()} {row.seq} does not say what it says itself'
            faults.append(self._fault(row.seq, "changed", told))
        if self._kept and row.seq == self._kept.seq and row.hash != self._kept.hash:
            told = f"{one} {row.seq} is not the one whose hash was kept elsewhere: what leads up to it was rewritten"
            faults.append(self._fault(row.seq, "rewritten", told))
        self._seq, self._hash = row.seq, row.hash
        return faults

    def end(self) -> list[Fault]:
        faults = []
        if self._head is None and self._seq:
            faults.append(
                self._fault(self._seq, "missing", f"{self._kind.many} are there, but what they belong to is missing")
            )
        known = max(head.seq if head else 0 for head in (self._head, self._kept))
        if self._seq < known:
            faults.append(
                self._fault(self._seq + 1, "cut off", f"{self._span(self._seq + 1, known)} cut off at the end")
            )
        elif self._head and self._seq == self._head.seq and self._hash != self._head.hash:
            told = f"{self._kind.one} {self._seq} is not the one that was recorded as the last"
            faults.append(self._fault(self._seq, "rewritten", told))
        return faults

    def _span(self, first: int, last: int) -> str:
        return f"{self._kind.one} {first} is" if first == last else f"{self._kind.many} {first} to {last} are"

    def _fault(self, seq: int, what: str, text: str) -> Fault:
        return Fault(self.reference, seq, what, f"{text} ({self.reference}).")


def _hash_of(row: Row[*tuple[Any, ...]]) -> str | None:
    try:
        return link(row.previous, str(row.body))
    except ValueError:
        return None  # the hash before it is no hash any more


def _differing(row: Row[*tuple[Any, ...]], columns: Iterable[str]) -> list[str]:
    """The columns beside the body that do not repeat what it says."""
    try:
        said = json.loads(row.body)
        if not isinstance(said, dict):
            return ["body"]
    except (ValueError, TypeError):
        return ["body"]
    same = {name: getattr(row, name) == said.get(name) for name in columns}
    try:
        # SQLite keeps no zone, and its moments are UTC
        moment = datetime.fromisoformat(row.at)
        written = datetime.fromisoformat(said.get("at", ""))
        same["at"] = moment.replace(tzinfo=moment.tzinfo or UTC) == written
    except (ValueError, TypeError):
        same["at"] = False
    return [name for name, is_same in same.items() if not is_same]
