"""What a person says: one model a kind of decision.

Each carries an id (the same id has one effect), who decided, who recorded it, the local day on which it was made
(it may be known only as a month) and the reason. What the case makes of it is in `models/deciding.py`.
"""

from datetime import date
from typing import Annotated, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from models.calendar import Calendar
from models.procedure import DONE, DocumentKind, Procedure
from models.timescale import Day

Text = Annotated[str, Field(min_length=1, max_length=4000)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Decision(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    id: str = Field(default_factory=lambda: str(uuid4()), min_length=8, max_length=64)
    by: Text
    recorded_by: str | None = None
    made_on: Day
    because: Text


class Searched(BaseModel):
    """That the version of a document with this hash was searched for what identifies people, and how much was found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    document: str
    sha256: Sha256
    hits: int = Field(ge=0)


class Decide(_Decision):
    """Decide a step: its key ("decide", "sign-off-imr[health]") and one of its outcomes.

    `evidence` says where the proof lies that an outcome with `evidence` asks for (001-12), `searched` which versions
    of which documents were searched before an outcome with `searches` (001-13, 004-14).
    """

    kind: Literal["decide"] = "decide"
    step: str
    outcome: str = DONE
    evidence: Text | None = None
    searched: tuple[Searched, ...] = ()


class Extend(_Decision):
    """Give a step another timescale: until a day, or by a period counted from the due date it had at first."""

    kind: Literal["extend"] = "extend"
    step: str
    to: date | None = None
    period: str | None = None
    agreed_with: Text

    @model_validator(mode="after")
    def _one_of_two(self) -> "Extend":
        if (self.to is None) == (self.period is None):
            raise ValueError("say either until which day (to) or by which period, not both")
        return self


class Reconsider(_Decision):
    """Open an earlier decision again because there is new information (001-9)."""

    kind: Literal["reconsider"] = "reconsider"
    step: str


class Correct(_Decision):
    """Take back a mistaken entry: the case becomes as if it had never been made."""

    kind: Literal["correct"] = "correct"
    decision: str


class Assign(_Decision):
    """Give a person a role in the case (for one agency where the role is an agency's), or take it away."""

    kind: Literal["assign"] = "assign"
    person: Text
    role: str
    agency: str | None = None
    employer: str | None = None
    board_member: bool = False
    line_manager: str | None = None
    stands_down: bool = False


class Recuse(_Decision):
    """A person has a conflict of interest: they give up every role in the case and are given none."""

    kind: Literal["recuse"] = "recuse"
    person: Text


class File(_Decision):
    """A document was filed: its kind, the agency or action it belongs to, and its content's SHA-256 (hexadecimal).

    `size` is in bytes. The content itself is in the register, under seal; the case knows which version is current.
    """

    kind: Literal["file"] = "file"
    document: DocumentKind
    agency: str | None = None
    action: str | None = None
    sha256: Sha256
    media_type: str = Field(max_length=100)
    size: int = Field(gt=0)


class Involve(_Decision):
    """An agency was involved with the child or the family and takes part."""

    kind: Literal["involve"] = "involve"
    agency: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    name: Text
    agency_kind: str


class Plan(_Decision):
    """Plan a day that the procedure names, such as publication."""

    kind: Literal["plan"] = "plan"
    what: str
    day: date


class Agree(_Decision):
    """Agree an action of the action plan, with the agency that owns it and its due day."""

    kind: Literal["agree"] = "agree"
    action: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: Text
    agency: str | None = None
    due: date


class Proclaim(_Decision):
    """A day has become a non-working day after the calendar was written."""

    kind: Literal["proclaim"] = "proclaim"
    day: date
    name: Text


class Adopt(_Decision):
    """Go on under another version of the procedure, with a later calendar where one is given."""

    kind: Literal["adopt"] = "adopt"
    procedure: Procedure
    calendar: Calendar | None = None


class Resend(_Decision):
    """Try a letter again that could not be sent, its cause mended."""

    kind: Literal["resend"] = "resend"
    letter: str


class Close(_Decision):
    """End the case: completed (nothing may be owed any more) or withdrawn."""

    kind: Literal["close"] = "close"
    how: Literal["completed", "withdrawn"] = "completed"


Decision = Annotated[
    Decide
    | Extend
    | Reconsider
    | Correct
    | Assign
    | Recuse
    | Involve
    | File
    | Plan
    | Agree
    | Proclaim
    | Adopt
    | Resend
    | Close,
    Field(discriminator="kind"),
]
DecisionAdapter: TypeAdapter[Decision] = TypeAdapter(Decision)
