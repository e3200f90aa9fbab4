"""What happened in a case, numbered per case without a gap. Events are facts: explicit, and never changed.

`at` is the aware moment at which the event was written down, `on` the local day on which it happened.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from models.calendar import Calendar
from models.criteria import ReferralFacts
from models.decisions import Decision
from models.letters import LetterOrder
from models.procedure import DocumentKind, Procedure
from models.sharing import shared
from models.timescale import Day

SharedProcedure = Annotated[Procedure, shared()]
SharedCalendar = Annotated[Calendar, shared()]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Affiliation(_Model):
    """What independence rules ask about a person: the agency that employs them, a seat on the Board, their manager."""

    employer: str | None = None
    board_member: bool = False
    line_manager: str | None = None


class AgencyFact(_Model):
    """An agency involved."""

    name: str
    kind: str


class Action(_Model):
    """An agreed action of the action plan."""

    title: str
    agency: str | None
    due: date


class DocumentFact(_Model):
    """The current version of a document; `size` in bytes, `filed_on` the local day on which it was handed in."""

    document: DocumentKind
    agency: str | None = None
    action: str | None = None
    version: int
    sha256: str
    media_type: str
    size: int
    filed_on: Day


SharedAffiliations = Annotated[dict[str, Affiliation], shared()]
SharedReferralFacts = Annotated[ReferralFacts, shared()]


class Opening(_Model):
    """With what a case begins. Procedure and calendar are carried by content: no later edit changes a running case.

    `criteria` are the facts that the referral states for the criteria, `referral` is the register's mark of it, which
    reveals nothing, `rules` the version of the rules in `models/` under which the case was opened. The calendar comes
    first of the two, within reach of the words that payloads are compressed with (`payloads.py`).
    """

    reference: str
    board: str
    calendar: SharedCalendar
    procedure: SharedProcedure
    notified_on: Day
    holders: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    affiliations: SharedAffiliations = Field(default_factory=dict)
    agencies: dict[str, AgencyFact] = Field(default_factory=dict)
    stated: dict[str, Day] = Field(default_factory=dict)
    criteria: SharedReferralFacts = ReferralFacts()
    referral: str | None = None
    rules: int = 1


class Facts(_Model):
    """What decisions have established so far."""

    happened: dict[str, Day] = Field(default_factory=dict)
    planned: dict[str, date] = Field(default_factory=dict)
    holders: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    affiliations: SharedAffiliations = Field(default_factory=dict)
    agencies: dict[str, AgencyFact] = Field(default_factory=dict)
    actions: dict[str, Action] = Field(default_factory=dict)
    documents: dict[str, DocumentFact] = Field(default_factory=dict)
    recused: tuple[str, ...] = ()
    proclaimed: dict[date, str] = Field(default_factory=dict)
    adopted: SharedProcedure | None = None
    calendar: SharedCalendar | None = None
    closed: Literal["completed", "withdrawn"] | None = None


class Rung(_Model):
    """One rung of a step's ladder with its aware moment; its id fires at most once."""

    id: str
    at: datetime
    do: Literal["remind", "overdue", "escalate"]
    to: tuple[str, ...]
    words: str


class Extension(_Model):
    """A timescale agreed instead: until a day, or by a period counted from the original due date."""

    to: date | None = None
    period: str | None = None


class StepRecord(_Model):
    """A step (or group) as a case owes it. `due` and `act_by` are local dates; `expires` is the aware end of `due`."""

    key: str
    step: str
    item: str | None = None
    title: str
    owner: str
    state: Literal["open", "done", "withdrawn"] = "open"
    round: int = 1
    cause: str
    reconsidered: bool = False
    since: Day
    due: date | None = None
    act_by: date | None = None
    expires: datetime | None = None
    rungs: tuple[Rung, ...] = ()
    extension: Extension | None = None
    outcome: str | None = None
    met_on: Day | None = None
    late_by: int | None = None


class _Event(_Model):
    seq: int
    at: datetime
    on: Day
    step: str | None = None


class Opened(_Event):
    """The case began."""

    kind: Literal["opened"] = "opened"
    opening: Opening


class Taken(_Event):
    """A person's decision was accepted; the kind is the decision's own, in the past tense.

    `late_by` (calendar days after the due date) is for decided steps; `facts` is what a correction leaves.
    """

    kind: Literal[
        "decided",
        "extended",
        "reconsidered",
        "corrected",
        "assigned",
        "recused",
        "involved",
        "filed",
        "planned",
        "agreed",
        "proclaimed",
        "adopted",
        "resent",
        "closed",
    ]
    decision: Decision
    late_by: int | None = None
    facts: Facts | None = None


class Started(_Event):
    """A step is owed from now on."""

    kind: Literal["started"] = "started"
    record: StepRecord
    because: str


class Moved(_Event):
    """A running deadline has another date; `was` is the due date before."""

    kind: Literal["moved"] = "moved"
    record: StepRecord
    because: str
    was: date | None


class Met(_Event):
    """A step was completed by nobody's click: its letters are sent, or the group's steps are done."""

    kind: Literal["met"] = "met"
    late_by: int | None = None


class Withdrawn(_Event):
    """A step is no longer owed."""

    kind: Literal["withdrawn"] = "withdrawn"
    because: str


class Restored(_Event):
    """A correction set a step back; `record` is None where it had never been owed."""

    kind: Literal["restored"] = "restored"
    record: StepRecord | None


class Fired(_Event):
    """A rung of a step's ladder came due while the step was open."""

    kind: Literal["reminded", "expired", "escalated"]
    rung: Rung
    due: date


class LetterOwed(_Event):
    """A letter has to go out."""

    kind: Literal["letter owed"] = "letter owed"
    letter: LetterOrder


class LetterSent(_Event):
    """A letter went out; `sha256` is the hash of what was sent."""

    kind: Literal["letter sent"] = "letter sent"
    letter: str
    recipient: str
    sha256: str


class LetterFailed(_Event):
    """A letter will not go as it is: a person has to mend the cause."""

    kind: Literal["letter failed"] = "letter failed"
    letter: str
    recipient: str
    because: str


class LetterWithdrawn(_Event):
    """A letter that had not gone is no longer wanted."""

    kind: Literal["letter withdrawn"] = "letter withdrawn"
    letter: str


class Refused(_Event):
    """A decision that changed nothing, and why. Its text is not kept: it may hold anything."""

    kind: Literal["refused"] = "refused"
    decision: str
    because: str


Event = Annotated[
    Opened
    | Taken
    | Started
    | Moved
    | Met
    | Withdrawn
    | Restored
    | Fired
    | LetterOwed
    | LetterSent
    | LetterFailed
    | LetterWithdrawn
    | Refused,
    Field(discriminator="kind"),
]
EventAdapter: TypeAdapter[Event] = TypeAdapter(Event)


def digest(events: Sequence[Event]) -> str:
    """A short mark of events and of their order: two that were made apart are the same if it is."""
    plain = [EventAdapter.dump_python(event, mode="json") for event in events]
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
