"""A referral: what a referrer tells the board, and the opening of a case that is made of it.

What identifies the child, the family and the referrer stays in the register, under seal; the opening has none of it.
"""

import tomllib
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from models.board import Board
from models.calendar import ZONE, Calendar
from models.criteria import ReferralFacts
from models.events import Affiliation, AgencyFact, Opening
from models.letters import ChildIdentity, Correspondent
from models.procedure import Procedure, faults_of
from models.refusal import Refusal
from models.timescale import Day, earliest, latest, local_date, parse_day
from models.toml import read_toml


class ReferralError(Refusal):
    """A referral that cannot be taken; one line a fault."""


def _civil(value: Any) -> Any:
    """A day; an aware moment counts as its local date (domain part 4, rule 1). Raises PeriodError."""
    if isinstance(value, datetime):
        return local_date(value, ZONE) if value.tzinfo else value.date()
    return parse_day(value) if isinstance(value, str) else value


CivilDay = Annotated[Day, BeforeValidator(_civil)]


class Referral(BaseModel):
    """A referral as filed. `received` is the local date of the first receipt, by word or in writing.

    `child` is left out where the procedure concerns none; `facts` are what the criteria test on; `stated` gives the
    days of steps that lie before the case (002-1), by id.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    board: str
    procedure: str | None = None
    received: CivilDay
    why: str = Field(min_length=1)
    agencies: tuple[str, ...] = Field(min_length=1)
    child: ChildIdentity | None = None
    referrer: Correspondent
    family: Correspondent | None = None
    facts: ReferralFacts = ReferralFacts()
    stated: dict[str, CivilDay] = Field(default_factory=dict)


def read_referral(text: str, name: str) -> Referral:
    """Read a referral from TOML text; `name` is the file's. Raises ReferralError, one line a fault."""
    try:
        return Referral.model_validate(read_toml(text))
    except tomllib.TOMLDecodeError as error:
        raise ReferralError(f"{name}: not readable as TOML: {error}.") from error
    except ValidationError as error:
        raise ReferralError("\n".join(f"{name}: {fault}." for fault in faults_of(error))) from error


def opening_of(
    referral: Referral, reference: str, board: Board, procedure: Procedure, calendar: Calendar, today: date
) -> Opening:
    """The opening of the case, with the board's standing holders of roles. Raises Refusal.

    A role with a rule of independence has no standing holder: it is assigned in the case, where the rule is checked.
    """
    _must_fit(referral, board, procedure, today)
    procedure = procedure.with_targets(board.targets.get(procedure.id, {}))
    appointed = {rule.role for rule in procedure.rule}
    return Opening(
        reference=reference,
        board=board.id,
        procedure=procedure,
        calendar=calendar,
        notified_on=referral.received,
        holders={
            role: tuple(people)
            for role, people in board.roles.items()
            if role.partition("[")[0] in procedure.roles and role.partition("[")[0] not in appointed
        },
        affiliations={
            key: Affiliation(
                employer=person.employer, board_member=person.board_member, line_manager=person.line_manager
            )
            for key, person in board.people.items()
            if person.employer or person.board_member or person.line_manager
        },
        agencies={
            key: AgencyFact(name=board.agencies[key].name, kind=board.agencies[key].kind) for key in referral.agencies
        },
        stated=referral.stated,
        criteria=referral.facts,
    )


def _must_fit(referral: Referral, board: Board, procedure: Procedure, today: date) -> None:
    """Refuse a referral that does not fit its board and procedure, or says something of a day to come."""
    if earliest(referral.received) > today:
        raise Refusal(f"The referral was received on {referral.received}, which lies in the future; today is {today}.")
    if referral.child is None and procedure.child:
        raise Refusal(f"A case under {procedure.id} concerns a child: name the child under [child].")
    unknown = [agency for agency in referral.agencies if agency not in board.agencies]
    if unknown:
        raise Refusal(f"{', '.join(unknown)!r} is no agency of {board.name}; it has {', '.join(board.agencies)}.")
    before = [step.id for step in procedure.step if step.precedes]
    for step, day in referral.stated.items():
        if step not in before:
            raise Refusal(f"{step!r} is no step before the case; a referral can state {', '.join(before) or 'none'}.")
        if earliest(day) > latest(referral.received):
            raise Refusal(f"{step!r} is stated for {day}, after the referral was received; give the day it was done.")
