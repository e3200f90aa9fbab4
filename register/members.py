"""Who holds which role in which case, read from the events: what a list of one's cases asks."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select

from models.access import counts
from models.case import role_key
from models.decisions import Assign, Involve, Recuse
from models.events import AgencyFact, Event, EventAdapter, Facts, Opened, Taken
from register.tables import EventRow, MemberRow

CHANGING = ("opened", "assigned", "recused", "involved", "corrected")
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
    facts = Facts()
    for body in db.scalars(query.order_by(EventRow.seq)):
        facts = _after(facts, EventAdapter.validate_json(body))
    db.execute(delete(MemberRow).where(MemberRow.reference == reference))
    held = {role: people for role, people in facts.holders.items() if counts(role, facts.agencies)}
    rows = {(person, role) for role, people in held.items() for person in people}
    if rows:
        values = [{"reference": reference, "person": person, "role": role} for person, role in sorted(rows)]
        db.execute(insert(MemberRow), values)


def _after(known: Facts, event: Event) -> Facts:
    """Holders and agencies after an event; without the rest of the case, so that it takes a few events only."""
    match event:
        case Opened(opening=opening):
            return Facts(holders=opening.holders, agencies=opening.agencies)
        case Taken(facts=Facts() as facts):
            return facts
        case Taken(decision=Assign() as said):
            key = role_key(said.role, said.agency)
            others = tuple(person for person in known.holders.get(key, ()) if person != said.person)
            held = {**known.holders, key: others if said.stands_down else (*others, said.person)}
        case Taken(decision=Recuse() as said):
            held = {role: tuple(p for p in people if p != said.person) for role, people in known.holders.items()}
        case Taken(decision=Involve() as said):
            fact = AgencyFact(name=said.name, kind=said.agency_kind)
            return known.model_copy(update={"agencies": {**known.agencies, said.agency: fact}})
        case _:
            return known
    return known.model_copy(update={"holders": held})
