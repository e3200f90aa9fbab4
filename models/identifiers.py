"""What identifies the people of a case: read off its referral and its board, or listed by staff in a TOML file. Pure.

Everyone who is employed by an agency counts as staff to be kept out of a report, the agencies' own contacts
included. Independent people (the Chair, lead reviewers: no employer) do not: reports name them rightly. So does a
report its board and, as a rule, the agencies; a school's name, which narrows the children down to a few, is searched.
"""

import re
import tomllib
from collections.abc import Iterator
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.board import Board
from models.letters import ChildIdentity, Correspondent
from models.procedure import faults_of
from models.referral import Referral
from models.refusal import Refusal
from models.toml import read_toml

IdentifierKind = Literal["name", "initials", "born", "died", "date", "address", "school", "staff", "other"]
DATES = ("born", "died", "date")
LONGEST = 300  # characters of one identifier


class IdentifierError(Refusal):
    """A list of identifiers that cannot be read; one line a fault, without the values."""


class Identifier(BaseModel):
    """One thing that must not stand in a report: a date for `born`, `died` and `date`, words for all others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: IdentifierKind
    text: str | date

    @model_validator(mode="before")
    @classmethod
    def _date_where_one_belongs(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("kind") in DATES and isinstance(values.get("text"), str):
            return {**values, "text": date.fromisoformat(values["text"])}
        return values

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "Identifier":
        if (self.kind in DATES) != isinstance(self.text, date):
            raise ValueError("an identifier is a date for born, died and date, and words for all others")
        if isinstance(self.text, str) and not 0 < len(self.text.strip()) <= LONGEST:
            raise ValueError(f"an identifier has 1 to {LONGEST} characters")
        return self


class _Listed(BaseModel):
    """The TOML file in which staff list further identifiers."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    names: tuple[str, ...] = ()
    initials: tuple[str, ...] = ()
    born: tuple[date, ...] = ()
    died: tuple[date, ...] = ()
    dates: tuple[date, ...] = ()
    addresses: tuple[str, ...] = ()
    schools: tuple[str, ...] = ()
    staff: tuple[str, ...] = ()
    other: tuple[str, ...] = Field(default=())


_KIND_OF_LIST: dict[str, IdentifierKind] = {
    "names": "name",
    "initials": "initials",
    "born": "born",
    "died": "died",
    "dates": "date",
    "addresses": "address",
    "schools": "school",
    "staff": "staff",
    "other": "other",
}


def identifiers_of(referral: Referral, board: Board) -> tuple[Identifier, ...]:
    """What identifies the people of a case, each once, as far as its referral and its board say."""
    found = [
        *(_of_child(referral.child) if referral.child else ()),
        *_of_person(referral.family),
        *_of_person(referral.referrer),
        *_of_agencies(board),
    ]
    return tuple(dict.fromkeys(found))


def read_identifiers(text: str, name: str) -> tuple[Identifier, ...]:
    """Read the identifiers that staff have listed in TOML: `names = ["…"]`, `dates = [2024-03-09]` and so on.

    `name` is the file's. Raises IdentifierError, one line a fault, which says where and never what was written.
    """
    try:
        listed = _Listed.model_validate(read_toml(text))
        found = [
            Identifier(kind=kind, text=value) for key, kind in _KIND_OF_LIST.items() for value in getattr(listed, key)
        ]
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at .*\)$", str(error))  # the rest of the message may quote a name
        raise IdentifierError(f"{name}: not readable as TOML {place[0] if place else ''}.".replace(" .", ".")) from None
    except ValidationError as error:
        raise IdentifierError("\n".join(f"{name}: {fault}." for fault in faults_of(error))) from None
    if not found:
        raise IdentifierError(f"{name}: it lists nothing; it can have {', '.join(_KIND_OF_LIST)}.")
    return tuple(dict.fromkeys(found))


def _of_child(child: ChildIdentity) -> Iterator[Identifier]:
    yield from _words("name", child.name)
    for other_name in re.split(r"[,;/]|\bor\b", child.also_known_as or ""):
        yield from _words("name", other_name)
    if child.born:
        yield Identifier(kind="born", text=child.born)
    if child.died:
        yield Identifier(kind="died", text=child.died)
    yield from _words("address", child.address or "")


def _of_person(person: Correspondent | None) -> Iterator[Identifier]:
    if person is not None:
        yield from _words("name", person.name)
        yield from _words("address", ", ".join(person.address))
        yield from _words("other", person.email)


def _of_agencies(board: Board) -> Iterator[Identifier]:
    for person in board.people.values():
        if person.employer is not None:
            yield from _words("staff", person.name)
    for agency in board.agencies.values():
        if agency.kind == "school":
            yield from _words("school", agency.name)
            yield from _words("address", ", ".join(agency.address))
        for contact in agency.contacts.values():
            yield from _words("staff", contact.name)


def _words(kind: IdentifierKind, text: str) -> Iterator[Identifier]:
    if text.strip():
        yield Identifier(kind=kind, text=text.strip()[:LONGEST])
