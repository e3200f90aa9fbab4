"""Letters as data: what a case orders, who writes to whom, and what came out of the renderer. Pure: no I/O."""

import hashlib
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

LetterId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\[\]-]{0,199}$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LetterOrder(_Model):
    """A letter that an event of a case owes to one recipient.

    `id` is unique within a case and safe as a file name; `sender` and `recipient` are role ids, the recipient
    also for one agency ("chief-executive[health]"); `holders` and `signers` are the people who hold the recipient's
    and the sender's role in the case, `vacant` those of the two roles that somebody held there and nobody does now;
    `on` is the local date on the letter; `facts` are JSON values with the names of `LetterFacts`.
    """

    id: LetterId
    template: str
    sender: str
    recipient: str
    holders: tuple[str, ...] = ()
    signers: tuple[str, ...] = ()
    vacant: tuple[str, ...] = ()
    on: date
    facts: dict[str, Any] = Field(default_factory=dict)


class DueDate(_Model):
    """A line of "what happens next": a step, the title of the role that owes it, and its local dates (ISO text)."""

    title: str
    who: str | None = None
    due: str | None = None
    act_by: str | None = None


class AgreedAction(_Model):
    """An action of the action plan, with the owner's title or agency and the local due date (ISO text)."""

    title: str
    owner: str | None = None
    due: str | None = None


class LetterFacts(_Model):
    """What a case may tell a letter; what it does not tell is None. Days are ISO text, whole or partial.

    `who` is the title of the role that owes the step, `due` and `act_by` (the last working day to act) that step's
    dates, `because` how they were counted, `reply_by` the day by which the recipient is asked to answer,
    `publication` the planned day of publication, `planned` the planned day that the step is counted back from,
    `rung` words such as "2 working days overdue", `since` the day from which it is overdue, `reason` that of the
    decision told of, `note` that of the entry itself, `proposed` another completion date asked for, `terms` the terms
    of reference.
    """

    procedure_title: str | None = None
    step_title: str | None = None
    row: str | None = None
    who: str | None = None
    outcome: str | None = None
    outcome_id: str | None = None
    reason: str | None = None
    note: str | None = None
    decided_on: str | None = None
    notified_on: str | None = None
    due: str | None = None
    act_by: str | None = None
    because: str | None = None
    reply_by: str | None = None
    agency: str | None = None
    publication: str | None = None
    planned: str | None = None
    due_dates: tuple[DueDate, ...] = ()
    moved_from: str | None = None
    rung: str | None = None
    since: str | None = None
    action: AgreedAction | None = None
    proposed: str | None = None
    terms: str | tuple[str, ...] | None = None


class ChildIdentity(_Model):
    """What identifies the child, for the one letter that must name whose records are meant."""

    name: str
    also_known_as: str | None = None
    born: date | None = None
    died: date | None = None
    address: str | None = None


class Letterhead(_Model):
    """Where a board writes from, as it stands below the board's name at the head of its letters."""

    address: tuple[str, ...]
    email: str
    phone: str = ""
    website: str = ""


class Correspondent(_Model):
    """Who signs a letter or receives it. Without an e-mail address a letter goes by post."""

    name: str = ""
    title: str = ""
    organisation: str = ""
    address: tuple[str, ...] = ()
    email: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines above the street address and the address itself, without empty or repeated ones."""
        every = (self.name, self.title, self.organisation, *self.address)
        return tuple(dict.fromkeys(line for line in every if line))


class RenderedLetter(_Model):
    """A letter ready to go: e-mail subject, plain text, HTML and PDF, and the SHA-256 of the four."""

    subject: str
    text: str
    html: str
    pdf: bytes
    sha256: str


class LetterReport(_Model):
    """What became of a letter: the hash of what was sent, or why it will not go as it is."""

    letter: str
    sha256: str | None = None
    because: str | None = None


def content_hash(subject: str, text: str, html: str, pdf: bytes) -> str:
    """SHA-256 (hexadecimal) of what a recipient reads, without anything of how it travels."""
    parts = (subject.encode(), text.encode(), html.encode(), pdf)
    return hashlib.sha256("\n".join(hashlib.sha256(part).hexdigest() for part in parts).encode()).hexdigest()
