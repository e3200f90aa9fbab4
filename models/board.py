"""A safeguarding board as its TOML file describes it: letterhead, people, roles, agencies, outside bodies. Pure."""

import re
import tomllib
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.letters import Correspondent, Letterhead
from models.period import parse_period
from models.refusal import Refusal
from models.retention import Retention
from models.toml import read_toml

Timescale = Annotated[str, AfterValidator(lambda text: str(parse_period(text)))]
"""A period in words, such as "8 weeks"."""

ROLE = re.compile(r"(?P<role>[a-z0-9-]+)(?:\[(?P<agency>[a-z0-9-]+)\])?")


class BoardError(Refusal):
    """A board's file, or a question to a board, is wrong; the message is one sentence."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Person(_Model):
    """Someone who may hold a role. `employer` is an agency's id, None for someone independent of all agencies.

    `line_manager` is the id of the person who manages them (004-11).
    """

    name: str
    title: str
    email: str
    employer: str | None = None
    board_member: bool = False
    line_manager: str | None = None


class Agency(_Model):
    """A member agency of the board, with its own contacts by role."""

    name: str
    kind: Literal["health", "police", "local-authority", "school", "probation", "voluntary"]
    address: tuple[str, ...] = ()
    contacts: dict[str, Correspondent] = Field(default_factory=dict)


class Board(_Model):
    """A board. Person ids and role ids never identify a person; a role may be for one agency ("imr-author[police]").

    `targets` are periods of the board's own, by procedure and step, where the guidance gives none (002-8).
    `code` begins the references of cases; `calendar` and `procedure` are ids of files; `sender` heads the letters.
    Letters of a `fictional` board say on every page that they are a demonstration. `retention` says how long records
    are kept.
    """

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    code: str = Field(pattern=r"^[A-Z0-9]+$")
    name: str
    calendar: str
    procedure: str
    fictional: bool = False
    retention: Retention = Retention()
    targets: dict[str, dict[str, Timescale]] = Field(default_factory=dict)
    sender: Letterhead
    people: dict[str, Person]
    roles: dict[str, tuple[str, ...]]
    contacts: dict[str, Correspondent] = Field(default_factory=dict)
    agencies: dict[str, Agency] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        for role, holders in self.roles.items():
            match = ROLE.fullmatch(role)
            if match is None:
                raise ValueError(f'role "{role}" should read like "chair" or "imr-author[health]"')
            if match["agency"] and match["agency"] not in self.agencies:
                raise ValueError(f'role "{role}" names no agency of this board: {", ".join(self.agencies)}')
            for person in holders:
                if person not in self.people:
                    raise ValueError(f'role "{role}" is held by "{person}", who is not under [people]')
        for key, person_ in self.people.items():
            if person_.employer is not None and person_.employer not in self.agencies:
                raise ValueError(f'"{key}" is employed by "{person_.employer}", which is not under [agencies]')
            if person_.line_manager is not None and person_.line_manager not in self.people:
                raise ValueError(f'"{key}" is managed by "{person_.line_manager}", who is not under [people]')
        return self

    def holders(self, role: str) -> tuple[str, ...]:
        """Ids of the people who hold a role, standing; empty where nobody of the board's people does."""
        return self.roles.get(role, ())

    def person(self, person: str) -> Correspondent:
        """A person of the board to write to, at their agency or else at the board. Raises BoardError."""
        if person not in self.people:
            raise BoardError(f'"{person}" is nobody of {self.name}; known are {", ".join(self.people)}.')
        found = self.people[person]
        agency = self.agencies.get(found.employer or "")
        return Correspondent(
            name=found.name,
            title=found.title,
            organisation=agency.name if agency else self.name,
            address=agency.address if agency and agency.address else self.sender.address,
            email=found.email,
        )

    def correspondent(self, role: str, holders: tuple[str, ...] | None = None) -> Correspondent:
        """Whom to write to for a role: its first holder, else its contact. Raises BoardError where it has neither.

        `holders` are those in the case, and nobody else: a standing holder who has left the role there, or has a
        conflict of interest, gets nothing and signs nothing. None stands for the standing ones.
        """
        for person in self.holders(role) if holders is None else holders:
            return self.person(person)
        match = ROLE.fullmatch(role)
        if match is not None:
            contacts = self.contacts
            if match["agency"]:
                agency = self.agencies.get(match["agency"])
                contacts = agency.contacts if agency else {}
            if match["role"] in contacts:
                return contacts[match["role"]]
        raise BoardError(f'{self.name} has neither a holder nor a contact for the role "{role}".')


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    said = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        said = "there is no such field; take it out or mend its name (docs/write-a-procedure.md has an example)"
    return f"{where}: {said}" if where else said


def read_board(text: str) -> Board:
    """Read a board from the text of its TOML file; BoardError says in one sentence what is wrong with it."""
    try:
        return Board.model_validate(read_toml(text))
    except tomllib.TOMLDecodeError as error:
        raise BoardError(f"The board's file is not TOML: {error}.") from error
    except ValidationError as error:
        raise BoardError(f"The board's file is wrong at {_sentence(error)}.") from error
