"""The journey of each letter: written, waiting, handed over, delivered or come back; append-only.

What a case knows of its letters (owed, sent, failed) follows from its events. This is what carriers say besides.
"""

import json
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, CompoundSelect, Connection, Row, and_, exists, insert, or_, select, tuple_
from sqlalchemy.orm import aliased

from models.case import Case
from models.people import must_manage
from models.refusal import Refusal
from register.store import Register
from register.tables import CaseRow, DeliveryRow, EventRow, LetterRow, MemberRow

State = Literal["written", "waiting", "handed over", "to post", "refused", "delivered", "bounced", "posted"]
"""Written into the outbox folder; waiting because its carrier cannot take it yet; handed over to its carrier; to be
printed and posted by a person; refused for good; delivered as far as the carrier knows; bounced: come back; posted, or
given in another way, by a person."""

WORDS: dict[State, str] = {
    "written": "Written",
    "waiting": "Waiting",
    "handed over": "Handed over",
    "to post": "To be printed and posted",
    "refused": "Refused",
    "delivered": "Delivered",
    "bounced": "Came back",
    "posted": "Posted, or given in another way",
}
CONCERNS = {
    "failed": "Could not be sent",
    "waiting": "Waits to be sent",
    "bounced": "Came back",
    "to post": "To be printed and posted",
}
"""Why a person has to see to a letter, in words."""
GONE: tuple[State, ...] = ("handed over", "to post", "delivered", "bounced")
"""States after which a letter is not handed over again."""
BY_HAND = "person"
"""The carrier of what a person posts."""
PATIENCE = timedelta(hours=1)
"""How long a letter may wait before a person is told."""


class Delivery(BaseModel):
    """A stage on a letter's journey. `detail` names nobody."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    reference: str
    letter: str
    number: int
    at: datetime
    carrier: str
    state: State
    detail: str | None


class Concern(BaseModel):
    """A letter that a person has to see to: it failed, waits too long, came back, or has to be posted.

    `on` is the local date on the letter, `since` the moment from which it waits, or at which it came back.
    """

    model_config = ConfigDict(frozen=True)

    reference: str
    letter: str
    template: str
    recipient: str
    on: date
    what: Literal["failed", "waiting", "bounced", "to post"]
    since: datetime | None
    because: str | None


def letter_key(reference: str, letter: str) -> str:
    """What a letter is called where it goes: the same for every attempt, so that a repetition can be told."""
    words = re.sub(r"[^A-Za-z0-9-]+", ".", f"{reference}.{letter}").strip(".")
    # What the readable part lost (brackets, doubled dots) is kept apart by the digest.
    digest = sha256(f"{reference}\n{letter}".encode()).hexdigest()
    return f"{words}.{digest[:12]}"


async def note(
    register: Register,
    reference: str,
    letter: str,
    *stages: tuple[str, State, str | None],
    at: datetime,
    after: Collection[State] | None = None,
) -> bool:
    """Write down stages of a letter's journey (carrier, state, detail), in order; whether anything was written.

    A stage that says what the one before it says is passed over. With `after` nothing is written unless the journey
    has come to one of these states.
    """

    def write(db: Connection) -> bool:
        query = select(DeliveryRow.__table__).where(DeliveryRow.reference == reference, DeliveryRow.letter == letter)
        last = db.execute(query.order_by(DeliveryRow.number.desc()).limit(1)).one_or_none()
        if after is not None and (last is None or last.state not in after):
            return False
        number, said = (last.number, (last.carrier, last.state, last.detail)) if last else (0, None)
        wrote = False
        for stage in stages:
            if stage != said:
                number, said, wrote = number + 1, stage, True
                values = dict(zip(("carrier", "state", "detail"), stage, strict=True))
                db.execute(
                    insert(DeliveryRow),
                    {"reference": reference, "letter": letter, "number": number, "at": at, **values},
                )
        return wrote

    return await register.write(write)


async def journeys(register: Register, reference: str) -> dict[str, list[Delivery]]:
    """The journey of each letter of a case, by letter."""
    query = select(DeliveryRow.__table__).where(DeliveryRow.reference == reference)
    rows = await register.read(lambda db: db.execute(query.order_by(DeliveryRow.letter, DeliveryRow.number)).all())
    found: dict[str, list[Delivery]] = {}
    for row in rows:
        found.setdefault(row.letter, []).append(Delivery.model_validate(row))
    return found


def has_gone(journey: Sequence[Delivery]) -> bool:
    """Whether a letter was handed over, or laid out for the post, since it was last refused."""
    return any(stage.state in GONE for stage in journey[_tried_anew(journey) :])


def refusal(journey: Sequence[Delivery]) -> Delivery | None:
    """The refusal that stands: the last one, where the letter has not been written anew since."""
    start = _tried_anew(journey)
    return journey[start - 1] if start and not is_written(journey) else None


def is_written(journey: Sequence[Delivery], carrier: str | None = None) -> bool:
    """Whether a letter was written since it was last refused, for a carrier if one is named."""
    return any(s.state == "written" and carrier in (None, s.carrier) for s in journey[_tried_anew(journey) :])


def _tried_anew(journey: Sequence[Delivery]) -> int:
    """The place after the last refusal."""
    return max((at + 1 for at, stage in enumerate(journey) if stage.state == "refused"), default=0)


async def under_way(register: Register, carrier: str, since: datetime) -> list[Delivery]:
    """The letters that a carrier has taken since a moment and not yet said more of."""
    taken = (DeliveryRow.carrier == carrier, DeliveryRow.state == "handed over", DeliveryRow.at >= since)
    query = select(DeliveryRow.__table__).where(*taken, _last(DeliveryRow))
    rows = await register.read(lambda db: db.execute(query.order_by(DeliveryRow.at)).all())
    return [Delivery.model_validate(row) for row in rows]


async def known_keys(register: Register) -> dict[str, tuple[str, str]]:
    """The letters that were ever handed over, by their key: reference and letter."""
    query = select(DeliveryRow.reference, DeliveryRow.letter).where(DeliveryRow.state == "handed over").distinct()
    rows = await register.read(lambda db: db.execute(query).all())
    return {letter_key(row.reference, row.letter): (row.reference, row.letter) for row in rows}


def _last(stage: type[DeliveryRow]) -> ColumnElement[bool]:
    """That a stage is the last of its letter."""
    later = aliased(DeliveryRow)
    same = (later.reference == stage.reference, later.letter == stage.letter)
    return ~exists().where(*same, later.number > stage.number)


async def concerns(
    register: Register,
    at: datetime,
    *,
    board: str | None = None,
    managed: Iterable[tuple[str, str]] | None = None,
    person: str = "",
    reference: str | None = None,
) -> list[Concern]:
    """The letters that a person has to see to, by their date.

    `managed`: only in cases that `person` manages: those of a procedure in which they hold a role, given as pairs.
    """
    told = (DeliveryRow.state.label("stage"), DeliveryRow.at.label("stage_at"), DeliveryRow.detail)
    some = _perhaps_troubled().subquery()
    query = (
        select(LetterRow.__table__, *told)
        .join(some, and_(some.c.reference == LetterRow.reference, some.c.letter == LetterRow.letter))
        .outerjoin(DeliveryRow, and_(_of_letter(DeliveryRow), _last(DeliveryRow)))
        .where(_troubled(DeliveryRow.state))
    )
    if reference is not None:
        query = query.where(LetterRow.reference == reference)
    if board is not None or managed is not None:
        query = query.join(CaseRow, CaseRow.reference == LetterRow.reference)
    if board is not None:
        query = query.where(CaseRow.board == board)
    if managed is not None:
        held = select(MemberRow.role).where(MemberRow.reference == LetterRow.reference, MemberRow.person == person)
        roles = tuple_(CaseRow.procedure, MemberRow.role).in_(list(managed))
        query = query.where(held.where(roles).correlate(LetterRow, CaseRow).exists())

    def read(db: Connection) -> list[Concern]:
        rows = db.execute(query.order_by(LetterRow.on, LetterRow.reference, LetterRow.letter)).all()
        since = _owed_since(db, {row.reference for row in rows if row.state == "owed"})
        found = [_concern(row, since.get((row.reference, row.letter))) for row in rows]
        return [one for one in found if one.what != "waiting" or (one.since and one.since <= at - PATIENCE)]

    return await register.read(read)


def _perhaps_troubled() -> CompoundSelect[str, str]:
    """The letters that did not go or have come back once: few, whatever else has been sent over the years."""
    held = select(LetterRow.reference, LetterRow.letter).where(LetterRow.state.in_(("failed", "owed")))
    back = select(DeliveryRow.reference, DeliveryRow.letter).where(DeliveryRow.state.in_(("bounced", "to post")))
    return held.union(back)


def _of_letter(stage: type[DeliveryRow]) -> ColumnElement[bool]:
    return and_(stage.reference == LetterRow.reference, stage.letter == LetterRow.letter)


def _troubled(stage: Any) -> Any:
    return or_(
        and_(LetterRow.state == "failed", or_(stage.is_(None), stage != "posted")),
        and_(LetterRow.state == "owed", or_(stage.is_(None), stage.in_(("written", "waiting", "refused", "posted")))),
        and_(LetterRow.state != "failed", stage.in_(("bounced", "to post"))),
    )


def _concern(row: Row[Any], owed_since: datetime | None) -> Concern:
    names = ("reference", "letter", "template", "recipient", "on")
    what = row.state if row.state == "failed" else row.stage if row.stage in ("bounced", "to post") else "waiting"
    said = {
        "failed": (row.stage_at, row.because),
        "waiting": (owed_since, row.detail if row.stage == "waiting" else None),
    }
    since, because = said.get(what, (row.stage_at, row.detail))
    return Concern(what=what, since=since, because=because, **{name: getattr(row, name) for name in names})


async def unsent_since(register: Register) -> list[datetime]:
    """Since when each letter is owed that its case does not know to have gone."""
    query = select(LetterRow.reference, LetterRow.letter).where(LetterRow.state == "owed")

    def read(db: Connection) -> list[datetime]:
        owed = [(row.reference, row.letter) for row in db.execute(query)]
        since = _owed_since(db, {reference for reference, _ in owed})
        return [since[letter] for letter in owed]

    return await register.read(read)


def _owed_since(db: Connection, references: Collection[str]) -> dict[tuple[str, str], datetime]:
    """Since when letters of cases are owed, or owed again."""
    kinds = ("letter owed", "resent")
    query = select(EventRow).where(EventRow.reference.in_(references), EventRow.kind.in_(kinds))
    found: dict[tuple[str, str], datetime] = {}
    for event in db.execute(query.with_only_columns(EventRow.reference, EventRow.at, EventRow.body)):
        body = json.loads(event.body)
        letter = body["letter"]["id"] if "letter" in body else body["decision"]["letter"]
        key = (event.reference, letter)
        found[key] = max(event.at, found.get(key, event.at))
    return found


async def posted(register: Register, case: Case, letter: str, by: str, at: datetime) -> None:
    """Write down that a person has posted a letter, or given it in another way. Raises Refusal."""
    must_manage(case, by)
    reference = case.opening.reference
    found = await concerns(register, at, reference=reference)
    open_now = [one.letter for one in found if one.what != "waiting"]
    if letter not in open_now:
        known = ", ".join(open_now) or "none"
        raise Refusal(f"{letter!r} is no letter that a person has to post; those are: {known}.")
    await note(register, reference, letter, (BY_HAND, "posted", f"Entered by {by}."), at=at)
