"""What each kind of decision asks, made from the case: one description, from which form, check and decision come."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple, get_args

from library import Library
from models import access
from models.board import Board
from models.case import Case, LetterRecord, role_key, role_title
from models.deciding import AGENCYS_OWN
from models.events import StepRecord, Taken
from models.procedure import DocumentKind, Procedure, Step
from models.refusal import Refusal
from models.telling import called_in, in_words
from models.timescale import say, say_day
from web.fields import Field
from web.following import titled, with_title
from web.frame import Seen

Given = dict[str, Any]
SHORT = 140
"""Characters of an entry in a list."""


class Desk(NamedTuple):
    """Where a form is filled in: the case as the viewer sees it, the board, the viewer's person, today."""

    seen: Seen
    board: Board
    person: str
    today: date
    library: Library

    @property
    def case(self) -> Case:
        """The case, as far as it is known now."""
        return self.seen.case

    @property
    def manages(self) -> bool:
        """Whether the viewer manages the case."""
        return access.manages(self.seen.sight, self.case.procedure)

    def people(self, people: Iterable[str]) -> dict[str, str]:
        """People as choices, each once."""
        return {person: with_title(self.board, person) for person in dict.fromkeys(people)}


@dataclass(frozen=True)
class Form:
    """A form for one kind of decision; `make` turns the answers into the decision's own fields."""

    kind: str
    title: str
    fields: tuple[Field, ...]
    lead: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    make: Callable[[Given], Given] = field(default=lambda given: given)


def common(desk: Desk, who: Iterable[str], done: str = "decided") -> tuple[Field, ...]:
    """What every decision says besides: when, why, and who decided where the viewer may record it for others."""
    when = Field(
        "made_on",
        f"The day it was {done}",
        "day",
        "For example 5 8 2013. Leave the day empty where only month and year are known.",
        start=desk.today.isoformat(),
    )
    why = Field("because", "Reason", "text", "Name nobody: this is kept for good.")
    others = desk.people(who)
    if not desk.manages:
        return (when, why)
    start = desk.person if desk.person in others or not others else next(iter(others))
    hint = "If it was somebody else, choose them: that you recorded it is written down too."
    people = others or desk.people([desk.person])
    return (when, why, Field("by", f"Who {done} it", "select", hint, people, start=start))


def deciding(desk: Desk, record: StepRecord, step: Step, order: Iterable[str] = ()) -> Form:
    """The form of a step: its outcomes in their own words.

    `order` are the outcomes as the procedure's file has them; the register keeps them by their letters.
    """
    choices = {name: step.outcomes[name] for name in (*order, *step.outcomes) if name in step.outcomes}
    only = next(iter(choices)) if len(choices) == 1 else ""
    own = [Field("outcome", "Outcome", "radios", choices=choices, start=only)]
    if step.evidence:
        wanted = " or ".join(f"“{step.outcomes[outcome]}”" for outcome in step.evidence)
        own.append(Field("evidence", "Where the proof lies", "text", f"Needed for {wanted}.", needed=False))
    due = say(record.due) if record.due else "No date"
    facts = [("For", role_title(desk.case, record.owner)), ("Due", due), ("Row of the guidance", step.row)]
    if step.note:
        facts.append(("Note", step.note))
    if step.done == "letters":
        facts.append(("Letters", "This is done by itself as soon as its letters have gone."))
    return Form(
        "decide",
        record.title,
        (*own, *common(desk, desk.case.facts.holders.get(record.owner, ()))),
        facts=tuple(facts),
        make=lambda given: {**given, "step": record.key},
    )


def _managing(desk: Desk) -> tuple[Field, ...]:
    holders = desk.case.facts.holders
    return common(desk, [person for role in desk.case.procedure.managed_by for person in holders.get(role, ())])


def _step_choices(desk: Desk, records: Iterable[StepRecord]) -> dict[str, str]:
    return {
        record.key: f"{titled(desk.case, record)}{f', due {say(record.due)}' if record.due else ''}"
        for record in records
    }


def _extend(desk: Desk) -> Form:
    dated = _step_choices(desk, (record for record in desk.case.open_steps if record.due))
    own = (
        Field("step", "What gets another date", "select", choices=dated),
        Field("to", "Until this day", "whole day", "Either a day, or a period below.", needed=False),
        Field("period", "By a period", "line", "For example 8 weeks, counted from its date at first.", needed=False),
        Field("agreed_with", "Agreed with", "line", "A body or a role, for example the National Panel."),
    )
    return Form("extend", "Extend a date", (*own, *_managing(desk)))


def _reconsider(desk: Desk) -> Form:
    case = desk.case
    done = [record for record in case.steps.values() if _may_be_reconsidered(desk, record)]
    who = [person for record in done for person in case.facts.holders.get(record.owner, ())]
    step = Field("step", "What is opened again", "select", choices=_step_choices(desk, done))
    lead = "Only for new information. What was recorded by mistake is corrected."
    return Form("reconsider", "Reconsider a decision", (step, *common(desk, who)), lead)


def _may_be_reconsidered(desk: Desk, record: StepRecord) -> bool:
    decided = record.state == "done" and record.step in desk.case.procedure.steps
    mine = desk.manages or record.owner in desk.seen.sight.roles
    return decided and mine and record.step != desk.case.procedure.begins


def _correct(desk: Desk) -> Form:
    standing = {entry.decision.id for entry in desk.case.log}
    entries = {
        event.decision.id: _entry(desk, event)
        for event in reversed(desk.seen.events)
        if isinstance(event, Taken) and event.decision.id in standing
    }
    own = Field("decision", "The mistaken entry", "select", "The latest first.", entries)
    lead = "The case becomes as if the entry had never been made. Letters that have gone stay gone."
    return Form("correct", "Take back a mistaken entry", (own, *_managing(desk)), lead)


def _entry(desk: Desk, event: Taken) -> str:
    record = desk.case.steps.get(event.step or "")
    step = f", {titled(desk.case, record)}" if record else ""
    said = f"{say_day(event.on)}{step}: {in_words(event, called_in(desk.case, desk.board))}"
    return said if len(said) <= SHORT else f"{said[:SHORT]}…"


def _roles(case: Case) -> dict[str, str]:
    keys = (
        role_key(name, agency)
        for name, role in case.procedure.roles.items()
        for agency in (case.facts.agencies if role.of else [None])
    )
    return {key: role_title(case, key) for key in keys}


def _assign(desk: Desk) -> Form:
    def make(given: Given) -> Given:
        affiliation = desk.board.people[given["person"]].model_dump(
            include={"employer", "board_member", "line_manager"}
        )
        return {**given, **_role_of(given["role"]), **affiliation}

    own = (
        Field("role", "Role", "select", choices=_roles(desk.case)),
        Field("person", "Person", "select", choices=desk.people(desk.board.people)),
    )
    lead = "The rules of independence are checked before anybody is asked."
    return Form("assign", "Give somebody a role", (*own, *_managing(desk)), lead, make=make)


def _stand_down(desk: Desk) -> Form:
    held = {
        f"{role} {person}": f"{role_title(desk.case, role)}: {with_title(desk.board, person)}"
        for role, people in desk.case.facts.holders.items()
        for person in people
    }

    def make(given: Given) -> Given:
        role, _, person = given.pop("holder").partition(" ")
        return {**given, **_role_of(role), "person": person, "stands_down": True}

    own = Field("holder", "Who stands down", "select", choices=held)
    return Form("assign", "Let somebody stand down", (own, *_managing(desk)), make=make)


def _role_of(key: str) -> Given:
    role, _, agency = key.partition("[")
    return {"role": role, "agency": agency.rstrip("]") or None}


def _recuse(desk: Desk) -> Form:
    others = [person for person in desk.board.people if person not in desk.case.facts.recused]
    own = Field(
        "person",
        "Who has a conflict of interest",
        "select",
        choices=desk.people(others if desk.manages else [desk.person]),
        start=desk.person,
    )
    lead = "They give up every role in the case, are given none, and see nothing of it any more."
    return Form("recuse", "Declare a conflict of interest", (own, *_managing(desk)), lead)


def _involve(desk: Desk) -> Form:
    known, agencies = desk.case.facts.agencies, desk.board.agencies

    def make(given: Given) -> Given:
        agency = agencies[given["agency"]]
        return {**given, "name": agency.name, "agency_kind": agency.kind}

    others = {key: agency.name for key, agency in agencies.items() if key not in known}
    own = Field("agency", "Agency", "select", choices=others)
    lead = "What each agency owes begins for it."
    return Form("involve", "Involve an agency", (own, *_managing(desk)), lead, make=make)


def _plan(desk: Desk) -> Form:
    planned = {key: one.title for key, one in desk.case.procedure.planned.items()}
    own = (Field("what", "What", "radios", choices=planned, start=_only(planned)), Field("day", "Day", "whole day"))
    lead = "What is counted back from this day moves with it."
    return Form("plan", "Plan a day", (*own, *_managing(desk)), lead)


def _only(choices: Mapping[str, str]) -> str:
    return next(iter(choices)) if len(choices) == 1 else ""


def _agree(desk: Desk) -> Form:
    facts = desk.case.facts
    free = next(f"a{n}" for n in range(1, len(facts.actions) + 2) if f"a{n}" not in facts.actions)
    agencies = {key: agency.name for key, agency in facts.agencies.items()}
    own = (
        Field("action", "Short name of the action", "line", "Small letters, digits and hyphens.", start=free),
        Field("title", "What is to be done", "text", "Name nobody: this is kept for good."),
        Field("agency", "Agency that owns it", "select", choices=agencies, needed=False),
        Field("due", "Due", "whole day"),
    )
    return Form("agree", "Agree an action", (*own, *_managing(desk)))


def _adopt(desk: Desk) -> Form:
    known = _adoptable(desk)

    def make(given: Given) -> Given:
        procedure = known[given["procedure"]]
        # the case keeps its own calendar where it goes on by the same: that has the days proclaimed since
        other = procedure.calendar != desk.case.calendar.name
        return {
            **given,
            "procedure": procedure,
            "calendar": desk.library.calendar(procedure.calendar) if other else None,
        }

    choices = {name: f"{one.title}, version {one.version}" for name, one in known.items()}
    hint = "Those that differ from what the case works by, and have every step that it has had."
    own = Field("procedure", "Procedure", "radios", hint, choices)
    lead = "What is owed is counted anew by it. What is done stays done, and letters that have gone stay gone."
    return Form("adopt", "Go on under another version of the procedure", (own, *_managing(desk)), lead, make=make)


def _adoptable(desk: Desk) -> dict[str, Procedure]:
    """The procedures of the library that the case can go on under, with the Board's own targets."""
    had, found = {record.step for record in desk.case.steps.values()}, {}
    for name in desk.library.procedures():
        try:
            one = desk.library.procedure(name).with_targets(desk.board.targets.get(name, {}))
        except Refusal:
            continue  # its own page says what is wrong with it
        if one != desk.case.procedure and had <= {*one.steps, *one.group}:
            found[name] = one
    return found


def _resend(desk: Desk) -> Form:
    failed = {
        letter.id: f"{letter.template.replace('-', ' ').capitalize()} to {role_title(desk.case, letter.recipient)}"
        for letter in unsent(desk.case)
    }
    own = Field("letter", "Letter", "select", choices=failed, start=_only(failed))
    lead = "Mend the cause first: the address, or the wording. It goes to whoever holds the role now."
    return Form("resend", "Send a letter again that could not be sent", (own, *_managing(desk)), lead)


def unsent(case: Case) -> list[LetterRecord]:
    """The letters that could not be sent."""
    return [letter for letter in case.letters.values() if letter.state == "failed"]


def _close(desk: Desk) -> Form:
    how = {"completed": "Completed: nothing is owed any more", "withdrawn": "Withdrawn, although steps are still owed"}
    own = Field("how", "How it ends", "radios", choices=how)
    return Form("close", "Close the case", (own, *_managing(desk)))


def _file(desk: Desk) -> Form:
    facts, sight = desk.case.facts, desk.seen.sight
    mine = {key: one.name for key, one in facts.agencies.items() if sight.whole or key in sight.agencies}
    actions = {key: one.title for key, one in facts.actions.items() if sight.whole or one.agency in sight.agencies}
    kinds = get_args(DocumentKind) if sight.whole else (*AGENCYS_OWN, *(["evidence"] if actions else []))
    own = [
        Field("document", "Document", "select", choices={kind: in_title(kind) for kind in kinds}),
        Field(
            "agency",
            "Agency",
            "select",
            "Whose it is: for a chronology, an IMR, an agency statement or an interview record.",
            mine,
            needed=False,
        ),
    ]
    if actions:
        own.append(Field("action", "Action", "select", "Where it is evidence of one.", actions, needed=False))
    own.append(Field("file", "File", "file", "PDF, Word, Excel, CSV or plain text, at most 25 MB."))
    everybody = [person for people in facts.holders.values() for person in people]
    when = common(desk, [desk.person, *everybody], "handed in")
    lead = "The file goes into the register under seal. A document that is filed again is another version of it."
    return Form("file", "File a document", (*own, *when), lead)


def in_title(kind: str) -> str:
    """A kind of document in words: "Overview report"; "IMR"."""
    return kind.upper() if kind == "imr" else kind.replace("-", " ").capitalize()


KINDS: dict[str, Callable[[Desk], Form]] = {
    "file": _file,
    "plan": _plan,
    "extend": _extend,
    "reconsider": _reconsider,
    "correct": _correct,
    "assign": _assign,
    "stand-down": _stand_down,
    "recuse": _recuse,
    "involve": _involve,
    "agree": _agree,
    "resend": _resend,
    "adopt": _adopt,
    "close": _close,
}
"""The changes that the pages offer, each with what makes its form."""


def offered(desk: Desk) -> list[str]:
    """The changes that a viewer may make; whether one is taken in, the case says."""
    case, sight = desk.case, desk.seen.sight
    if case.facts.closed:
        again = any(_may_be_reconsidered(desk, record) for record in case.steps.values())
        return [*(["reconsider"] if again else []), *(["correct"] if desk.manages else [])]
    if desk.manages:
        may = {"plan": case.procedure.planned, "resend": unsent(case), "adopt": _adoptable(desk)}
        return [kind for kind in KINDS if may.get(kind, True)]
    own = {
        "file": bool(sight.roles) and (sight.whole or bool(sight.agencies)),
        "reconsider": any(_may_be_reconsidered(desk, record) for record in case.steps.values()),
        "recuse": bool(sight.roles),
    }
    return [kind for kind in KINDS if own.get(kind)]
