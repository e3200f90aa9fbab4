"""Who holds which role in which case, read from the events: what a list of one's cases asks."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select

from models.case import role_key
from models.decisions import Assign, Recuse
from models.events import Event, EventAdapter, Facts, Opened, Taken
from register.tables import EventRow, MemberRow

CHANGING = ("opened", "assigned", "recused", "corrected")
"""The kinds of event that change who holds what."""


def follow(db: Connection, reference: str, events: Iterable[Event]) -> None:
    """Read a case's members anew where one of these events, already written, has changed them."""
    if any(isinstance(event, Opened | Taken) and event.kind in CHANGING for event in events):
        _read_anew(db, reference)


def fill(db: Connection) -> None:
    """Read the members of every case."""
    for reference in db.scalars(select(EventRow.reference).where(EventRow.seq == 1)).all():
        _read_anew(db, reference)


def _read_anew(db: Connection, reference: str) -> None:
    query = select(EventRow.body).where(EventRow.reference == reference, EventRow.kind.in_(CHANGING))
    held: dict[str, tuple[str, ...]] = {}
    for body in db.scalars(query.order_by(EventRow.seq)):
        held = _after(held, EventAdapter.validate_json(body))
    db.execute(delete(MemberRow).where(MemberRow.reference == reference))
    rows = {(person, role) for role, people in held.items() for person in people}
    if rows:
        values = [{"reference": reference, "person": person, "role": role} for person, role in sorted(rows)]
        db.execute(insert(MemberRow), values)


def _after(held: dict[str, tuple[str, ...]], event: Event) -> dict[str, tuple[str, ...]]:
    """Who holds which role after an event; without the rest of the case, so that it takes a few events only."""
    match event:
        case Opened(opening=opening):
            return dict(opening.holders)
        case Taken(facts=Facts() as facts):
            return dict(facts.holders)
        case Taken(decision=Assign() as said):
            key = role_key(said.role, said.agency)
            others = tuple(person for person in held.get(key, ()) if person != said.person)
            return {**held, key: others if said.stands_down else (*others, said.person)}
        case Taken(decision=Recuse() as said):
            return {role: tuple(p for p in people if p != said.person) for role, people in held.items()}
    return held
