"""Cases as their events make them. Of a case that was read before, only the events are read that are new since.

A case of two years has hundreds of events, and every page and every decision needs what they come to. The chain says
whether what is known still stands: the hash of the last known event covers all before it, too.
"""

from threading import Lock
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from models.case import Case, apply
from models.events import Event, EventAdapter
from register.tables import EventRow

MOST = 200
"""How many cases are kept in memory, some 200 KB each; those longest not read go first."""
_FROM = (
    select(EventRow.hash, EventRow.body)
    .where(EventRow.reference == bindparam("of"), EventRow.seq >= bindparam("number"))
    .order_by(EventRow.seq)
)


class Whole(NamedTuple):
    """A case, and all its events in order."""

    case: Case
    events: tuple[Event, ...]


class Folding:
    """The cases of a register that were read last. Safe to share between threads."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, Whole]] = {}
        self._lock = Lock()

    def whole(self, db: Connection, reference: str) -> Whole | None:
        """A case as the register has it now; None where there is none of that reference."""
        with self._lock:
            head, known = self._known.pop(reference, ("", None))
        rows = _from(db, reference, known.case.seq) if known else []
        if known is not None and rows and rows[0][0] == head:
            rows = rows[1:]
        else:  # it was never read, or changed since, or taken away
            known, rows = None, _from(db, reference, 1)
        whole = _with(known, [EventAdapter.validate_json(body) for _, body in rows])
        if whole is not None:
            self._keep(reference, rows[-1][0] if rows else head, whole)
        return whole

    def _keep(self, reference: str, head: str, whole: Whole) -> None:
        with self._lock:
            self._known[reference] = head, whole
            if len(self._known) > MOST:
                del self._known[next(iter(self._known))]


def _from(db: Connection, reference: str, number: int) -> list[tuple[str, str]]:
    """Hash and body of the events of a case from a number on."""
    return [(row.hash, row.body) for row in db.execute(_FROM, {"of": reference, "number": number})]


def _with(known: Whole | None, events: list[Event]) -> Whole | None:
    case, before = known or (None, ())
    for event in events:
        case = apply(case, event)
    return Whole(case, (*before, *events)) if case is not None else None
