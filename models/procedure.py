"""A statutory procedure as data: what a `procedures/*.toml` file says, and nothing else.

A procedure has steps; a step is started by an event, owed by a role, has a timescale, outcomes, letters and gates.
`read_procedure` reads a file; whether it makes sense as a whole is judged by `models/check.py`.
"""

import tomllib
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from models.refusal import Refusal
from models.toml import read_toml

DocumentKind = Literal[
    "terms-of-reference",
    "chronology",
    "imr",
    "interview-record",
    "overview-report",
    "executive-summary",
    "agency-statement",
    "action-plan",
    "lessons-learnt-report",
    "evidence",
    "other",
]
"""What a document of a case can be. The referral is one too; it is kept apart, under a seal of its own."""

DONE = "done"
"""The outcome of a step that names none of its own."""


class ProcedureError(Refusal):
    """A procedure file that cannot be read; the message says where and what would be right."""


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _as_role(value: Any) -> Any:
    return {"title": value} if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_tuple, json_schema_input_type=str | tuple[str, ...])]
"""One name or a list of names."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Role(_Table):
    """Who can owe a step or receive a letter. `of = "agency"`: each agency involved has its own holder.

    `sees`: the whole case, or only what the role owes and gets; an agency's own role sees its agency's part.
    """

    title: str
    of: Literal["agency"] | None = None
    sees: Literal["case", "own"] = "case"


class LetterSpec(_Table):
    """A letter of a step: template, who it goes to, who signs it.

    It goes when the step starts if the step is done by letters, otherwise when the step is decided
    (`on` limits it to one outcome).
    """

    template: str
    to: Names = Field(description="A role, or 'ROLE of each agency'.")
    sender: str | None = Field(default=None, alias="from", description="A role; the step's own role if left out.")
    on: str | None = Field(default=None, description="Only when the step has this outcome.")
    reply_within: str | None = Field(default=None, description="A period from the letter's date; the board's own.")


class RungSpec(_Table):
    """One rung of an escalation ladder, placed relative to the day a step is due."""

    at: str = Field(description="'PERIOD before', 'expiry' or 'PERIOD after'.")
    do: Literal["remind", "overdue", "escalate"]
    to: Names = Field(default=("owner",), description="Roles; 'owner' is the role that owes the step.")


class _Timed(_Table):
    """What steps and groups share: a row of the guidance with a role and a timescale."""

    row: str = Field(description="The row of the guidance that this implements, for example '002-3'.")
    title: str
    who: str
    within: str | None = Field(default=None, description="A period, for example '10 working days'.")
    of: str | None = Field(default=None, description="The event it is counted from; what started it if left out.")
    note: str | None = None
    escalation: tuple[RungSpec, ...] | None = Field(default=None, description="Instead of the procedure's own.")


class Step(_Timed):
    """One entry of the table: started by an event, owed by a role, decided with an outcome."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    stage: str | None = None
    after: Names = ()
    precedes: bool = Field(default=False, description="It happens before the case exists and is confirmed in it.")
    at_least: str | None = Field(default=None, description="A period before the planned day named by `before`.")
    before: str | None = None
    clear: bool = False
    on_non_working_day: Literal["keep", "next", "previous"] = "keep"
    outcomes: dict[str, str] = Field(default_factory=lambda: {DONE: "Done"})
    letters: tuple[LetterSpec, ...] = ()
    done: Literal["decision", "letters"] = "decision"
    requires: Names = ()
    target: bool = Field(default=False, description="Its period is the Board's own target, not the guidance's.")
    evidence: Names = Field(default=(), description="Outcomes that cannot be chosen without saying where proof lies.")
    searches: dict[str, Annotated[tuple[DocumentKind, ...], Field(min_length=1)]] = Field(
        default_factory=dict,
        description="For an outcome: documents that must be filed and searched for what identifies people.",
    )
    each: Literal["agency", "action"] | None = None
    optional: bool = False
    until: Names = Field(default=(), description="Events after which it does not begin for a late agency or action.")


class Group(_Timed):
    """Several steps under one outer deadline, met when the steps of `met_when` are done."""

    steps: tuple[str, ...]
    met_when: Names = ()
    of: str = Field(description="The event that starts the group and its clock.")


class Planned(_Table):
    """A day that people plan, such as publication; until they do, the due date of `step` stands for it."""

    title: str
    step: str


class Rule(_Table):
    """A rule of independence: who may not hold `role`."""

    row: str
    text: str
    role: str
    not_roles: Names = ()
    except_agency_kind: str | None = None
    not_employed_by_agency: bool = False
    not_board_member: bool = False
    not_manager_of: Names = ()


class Procedure(_Table):
    """The whole file. `begins` names the event (or the step) that opens a case."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    title: str
    version: str = "1"
    source: str = Field(default="", description="The guidance this file encodes.")
    calendar: str
    begins: str
    child: bool = Field(default=True, description="Whether a case concerns a child, whom the referral then names.")
    managed_by: Names = Field(description="Roles that may extend, correct, assign, involve, plan, agree and close.")
    roles: dict[str, Annotated[Role, BeforeValidator(_as_role, json_schema_input_type=str | Role)]]
    step: tuple[Step, ...]
    group: dict[str, Group] = Field(default_factory=dict)
    planned: dict[str, Planned] = Field(default_factory=dict)
    rule: tuple[Rule, ...] = ()
    escalation: tuple[RungSpec, ...] = ()
    ends: Names = Field(default=(), description="Outcomes after which nothing more follows.")

    @cached_property
    def steps(self) -> dict[str, Step]:
        """The steps by id, in the order of the file."""
        return {step.id: step for step in self.step}

    @cached_property
    def _started_by(self) -> dict[str, tuple[Step, ...]]:
        found: dict[str, tuple[Step, ...]] = {}
        for step in self.step:
            for name in step.after:
                found[name] = (*found.get(name, ()), step)
        return found

    def started_by(self, name: str) -> tuple[Step, ...]:
        """The steps that the event `name` ("decide" or "decide.initiate") starts."""
        return self._started_by.get(name, ())

    def timed(self, step: str) -> Step | Group:
        """The step or group of that id; KeyError if there is none."""
        return self.steps[step] if step in self.steps else self.group[step]

    def with_targets(self, targets: Mapping[str, str]) -> "Procedure":
        """The procedure with periods of the Board's own for steps that the guidance gives none (002-8).

        Raises ProcedureError for a step that is not there or has a period already.
        """
        for step in targets:
            if step not in self.steps:
                raise ProcedureError(f"The Board's target for {step!r} is for no step of {self.id}; mend its name.")
            if self.steps[step].within is not None or self.steps[step].before is not None:
                raise ProcedureError(f"{step!r} of {self.id} has a period of its own; take the Board's target out.")
        steps = [
            step.model_copy(update={"within": targets[step.id], "target": True}) if step.id in targets else step
            for step in self.step
        ]
        fields = {name: getattr(self, name) for name in Procedure.model_fields}
        return Procedure(**fields | {"step": tuple(steps)})  # a copy would keep what was cached of the old steps

    def ladder(self, step: str) -> tuple[RungSpec, ...]:
        """The escalation ladder of a step or group: its own, else the procedure's."""
        own = self.timed(step).escalation
        return self.escalation if own is None else own


def read_procedure(text: str, name: str) -> Procedure:
    """Read a procedure from TOML text; `name` is the file's, for messages.

    Raises ProcedureError with one line a fault: file, place, what is wrong.
    """
    try:
        return Procedure.model_validate(read_toml(text))
    except tomllib.TOMLDecodeError as error:
        raise ProcedureError(f"{name}: not readable as TOML: {error}.") from error
    except ValidationError as error:
        raise ProcedureError("\n".join(f"{name}: {line}" for line in faults_of(error, text))) from error


def faults_of(error: ValidationError, text: str = "") -> list[str]:
    """A validation error of pydantic in plain sentences, steps named by their id where the text has one."""
    data = read_toml(text) if text else {}
    faults = error.errors()
    inner = {fault["loc"][:n] for fault in faults for n in range(len(fault["loc"]))}
    told = [fault for fault in faults if fault["loc"] not in inner]  # what lacks its parts has faulty parts
    return [f"{_place(fault['loc'], data)}: {_sentence(fault)}" for fault in told]


def _place(loc: tuple[int | str, ...], data: dict[str, Any]) -> str:
    if len(loc) > 1 and isinstance(loc[0], str) and isinstance(loc[1], int):
        entry = data.get(loc[0], [])[loc[1]] if isinstance(data.get(loc[0]), list) else {}
        name = entry.get("id") if isinstance(entry, dict) else None
        head = f"{loc[0]} {name!r}" if name else f"{loc[0]} number {loc[1] + 1}"
        return ", ".join([head, *(str(part) for part in loc[2:])])
    return ".".join(str(part) for part in loc) or "file"


def _sentence(fault: Any) -> str:
    match fault["type"]:
        case "missing":
            return "this field is missing; add it"
        case "extra_forbidden":
            return "there is no such field; take it out or mend its name"
        case "string_too_short" | "too_short" if fault["ctx"]["min_length"] == 1:
            return "this must not be empty"
        case "literal_error":
            return f"{fault['input']!r} is not known here; it must be {fault['ctx']['expected']}"
        case "union_tag_invalid":
            # without the list of the kinds: this is written down in running cases, and the list grows
            return f"{fault['ctx']['tag']!r} is no kind that is known here"
        case "string_pattern_mismatch":
            return f"{fault['input']!r} must be in small letters, digits and hyphens, starting with a letter"
    return f"{fault['msg'][0].lower()}{fault['msg'][1:]}"
