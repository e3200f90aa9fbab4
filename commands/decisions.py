"""The commands of `scr` that give a case a decision."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer
from pydantic import ValidationError

from commands import printing
from commands.cases import Json, Reference, case_view, read_bytes, today, whole_day, with_register
from library import Library, data_folder
from models.board import Board
from models.decisions import Decide, Decision, DecisionAdapter
from models.procedure import DONE, faults_of
from models.refusal import Refusal
from models.timescale import parse_day

if TYPE_CHECKING:
    from register.store import Register

app = typer.Typer(rich_markup_mode=None)

StepKey = Annotated[str, typer.Argument(metavar="STEP", help='For example decide, or "agency-review[health]".')]
Agency = Annotated[str | None, typer.Option("--agency", help="Where it is for one agency.")]


def _common(
    reference: Reference,
    *,
    by: Annotated[str, typer.Option("--by", help="The person who decided.")],
    because: Annotated[str, typer.Option("--because", help="The reason. Name nobody in it.")],
    on: Annotated[str, typer.Option("--on", help="The day it was made; today if left out.")] = "",
    recorded_by: Annotated[str | None, typer.Option("--recorded-by", help="Who records it for them.")] = None,
    decision_id: Annotated[str | None, typer.Option("--id", help="Its id; the same to try again.")] = None,
    as_json: Json = False,
) -> None:
    """What every decision takes."""


def decision_command(own: Callable[..., dict[str, Any]]) -> Callable[..., None]:
    """Make a command of a function that says the fields of one kind of decision; the common ones are added."""

    def command(
        reference: str,
        by: str,
        because: str,
        on: str,
        recorded_by: str | None,
        decision_id: str | None,
        as_json: bool,
        **fields: Any,
    ) -> None:
        given: dict[str, Any] = {"by": by, "because": because, "recorded_by": recorded_by, "id": decision_id}
        if on:
            given["made_on"] = parse_day(on)
        needs_board = "board" in inspect.signature(own).parameters
        kind = {"kind": own.__name__} | (own(board=_board(reference), **fields) if needs_board else own(**fields))
        give(reference, kind | given, as_json)

    common = inspect.signature(_common).parameters
    mine = {name: parameter for name, parameter in inspect.signature(own).parameters.items() if name != "board"}
    parameters = [common["reference"], *mine.values(), *(p for name, p in common.items() if name != "reference")]
    keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
    command.__signature__ = inspect.Signature(keyword)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in keyword}
    command.__name__, command.__doc__ = own.__name__, own.__doc__
    return app.command()(command)


def _board(reference: str) -> Board:
    async def work(register: "Register") -> Board:
        return Library(data_folder()).board((await case_view(register, reference)).board)

    return with_register(work)


def give(reference: str, fields: dict[str, Any], as_json: bool) -> None:
    """Send one decision to its case and print what follows.

    `path` among the fields is the file of a document, `found` how many places of a search a person has looked at.
    Raises Refusal.
    """
    import filing
    import starter

    given: dict[str, Any] = {"id": str(uuid4()), "made_on": today()} | {
        k: v for k, v in fields.items() if v is not None
    }
    path, found = given.pop("path", None), given.pop("found", 0)
    content = None if path is None else read_bytes(path)

    async def work(register: "Register") -> None:
        client = await starter.connect()
        if content is not None:
            answer = await filing.file(client, register, reference, given, content, path.name)
        else:
            decision = _decision(given)
            if isinstance(decision, Decide):
                library = Library(data_folder())
                decision = await filing.with_search(client, register, library, reference, decision, found)
            answer = await starter.decide(client, register, reference, decision)
        printing.answer(reference, given["id"], answer, as_json)

    if content is None:
        _decision(given)  # refused before anything is opened
    with_register(work)


def _decision(given: dict[str, Any]) -> Decision:
    try:
        return DecisionAdapter.validate_python(given)
    except ValidationError as error:
        faults = "; ".join(_plainly(fault, str(given["kind"])) for fault in faults_of(error))
        raise Refusal(f"This decision cannot be taken: {faults}.") from error


def _plainly(fault: str, kind: str) -> str:
    """A fault without the kind of the decision, which the person has given as the command's name."""
    return fault.removeprefix(f"{kind}.").removeprefix(f"{kind}: ").removeprefix("value error, ")


@decision_command
def decide(
    step: StepKey,
    outcome: Annotated[str, typer.Argument(metavar="OUTCOME")] = DONE,
    evidence: Annotated[
        str | None, typer.Option("--evidence", help="Where the proof lies, where it is needed.")
    ] = None,
    found: Annotated[
        int, typer.Option("--found", help="How many places `scr search` finds, that you have looked at.")
    ] = 0,
) -> dict[str, Any]:
    """Decide a step with one of its outcomes."""
    return {"step": step, "outcome": outcome, "evidence": evidence, "found": found}


@decision_command
def extend(
    step: StepKey,
    agreed_with: Annotated[str, typer.Option("--agreed-with", help="With whom the other date was agreed.")],
    to: Annotated[str | None, typer.Option("--to", help="Until this day.")] = None,
    period: Annotated[str | None, typer.Option("--period", help="By this period, from the original date.")] = None,
) -> dict[str, Any]:
    """Give a step or group another timescale."""
    return {"step": step, "to": to and whole_day(to), "period": period, "agreed_with": agreed_with}


@decision_command
def reconsider(step: StepKey) -> dict[str, Any]:
    """Open a decided step again because of new information; a closed case opens again with it."""
    return {"step": step}


@decision_command
def correct(decision: Annotated[str, typer.Argument(metavar="DECISION")]) -> dict[str, Any]:
    """Take back a mistaken entry by its id (`scr case REF --history`): as if it had never been made."""
    return {"decision": decision}


@decision_command
def assign(
    role: Annotated[str, typer.Argument(metavar="ROLE")],
    person: Annotated[str, typer.Argument(metavar="PERSON")],
    board: Board,
    agency: Agency = None,
    stands_down: Annotated[bool, typer.Option("--stands-down", help="The person gives the role up.")] = False,
) -> dict[str, Any]:
    """Give a person a role in a case, or take it away; rules of independence are checked."""
    must_be_of_the_board(person, board)
    known = board.people[person]
    affiliation = known.model_dump(include={"employer", "board_member", "line_manager"})
    return {"role": role, "person": person, "agency": agency, "stands_down": stands_down, **affiliation}


def must_be_of_the_board(person: str, board: Board) -> None:
    """Refuse whoever is not in the board's file: an id stays in the case for good, so it must be no name."""
    if person not in board.people:
        raise Refusal(f"{person!r} is not among the people of {board.name}; it has {', '.join(board.people)}.")


@decision_command
def recuse(person: Annotated[str, typer.Argument(metavar="PERSON")], board: Board) -> dict[str, Any]:
    """A person has a conflict of interest: they give up every role in the case and are given none."""
    must_be_of_the_board(person, board)
    return {"person": person}


@decision_command
def file(
    document: Annotated[str, typer.Argument(metavar="KIND", help="For example overview-report, chronology.")],
    path: Annotated[Path, typer.Argument(metavar="FILE", help="PDF, DOCX, XLSX, CSV or plain text.")],
    agency: Agency = None,
    action: Annotated[str | None, typer.Option("--action", help="The action whose evidence it is.")] = None,
) -> dict[str, Any]:
    """File a document in a case, or another version of it; a chronology is read row by row first."""
    return {"document": document, "path": path, "agency": agency, "action": action}


@decision_command
def involve(agency: Annotated[str, typer.Argument(metavar="AGENCY")], board: Board) -> dict[str, Any]:
    """Involve another agency of the board; what each agency owes starts for it."""
    if agency not in board.agencies:
        raise Refusal(f"{agency!r} is no agency of {board.name}; it has {', '.join(board.agencies)}.")
    return {"agency": agency, "name": board.agencies[agency].name, "agency_kind": board.agencies[agency].kind}


@decision_command
def plan(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="For example publication.")],
    day: Annotated[str, typer.Argument(metavar="DATE")],
) -> dict[str, Any]:
    """Plan a day that the procedure names; what is counted back from it moves with it."""
    return {"what": what, "day": whole_day(day)}


@decision_command
def agree(
    action: Annotated[str, typer.Argument(metavar="ACTION", help="A short id, for example a1.")],
    title: Annotated[str, typer.Argument(metavar="TITLE")],
    due: Annotated[str, typer.Option("--due", help="The day by which it is to be done.")],
    agency: Agency = None,
) -> dict[str, Any]:
    """Agree an action of the action plan."""
    return {"action": action, "title": title, "due": whole_day(due), "agency": agency}


@decision_command
def adopt(procedure: Annotated[str, typer.Argument(metavar="ID")], board: Board) -> dict[str, Any]:
    """Go on under another version of the procedure, with the Board's own targets."""
    library = Library(data_folder())
    adopted = library.procedure(procedure).with_targets(board.targets.get(procedure, {}))
    return {"procedure": adopted, "calendar": library.calendar(adopted.calendar)}


@decision_command
def close(
    withdrawn: Annotated[bool, typer.Option("--withdrawn", help="Although steps are still owed.")] = False,
) -> dict[str, Any]:
    """End a case; it must owe nothing any more."""
    return {"how": "withdrawn" if withdrawn else "completed"}
