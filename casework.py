"""The commands of `scr` that work on cases: refer, list, look, decide."""

import asyncio
import inspect
import re
import tomllib
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from uuid import uuid4

import typer
from pydantic import ValidationError

import printing
from library import Library, data_folder
from models.board import Board
from models.calendar import ZONE
from models.case import fold
from models.decisions import DecisionAdapter
from models.procedure import DONE, faults_of
from models.referral import read_referral
from models.refusal import Refusal
from models.timescale import exact, local_date, parse_day

if TYPE_CHECKING:
    from register.queries import CaseView
    from register.store import Register

# Temporal and the database are imported where a command needs them: `scr due` should not wait for them.

app = typer.Typer(rich_markup_mode=None)
T = TypeVar("T")

LARGEST = 1_000_000
"""Bytes of the largest file that is read; a procedure has some twenty thousand."""


class Unusable(Exception):
    """Something of ours or of this machine does not work as it should (exit code 1)."""


def _reference(text: str) -> str:
    if not re.fullmatch(r"[A-Z0-9]+-[0-9]{4}-[0-9]{3,9}", text):
        raise Refusal(f"{text[:60]!r} is no reference of a case, such as DEMO-2013-001; `scr cases --all` lists them.")
    return text


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Reference = Annotated[
    str,
    typer.Argument(metavar="REF", callback=_reference, help="The case's reference, for example DEMO-2013-001."),
]
StepKey = Annotated[str, typer.Argument(metavar="STEP", help='For example decide, or "agency-review[health]".')]
Agency = Annotated[str | None, typer.Option("--agency", help="Where it is for one agency.")]


def today() -> date:
    """Today's civil date, on which what is due is not overdue yet."""
    return local_date(datetime.now(UTC), ZONE)


def whole_day(text: str) -> date:
    """A day of the calendar that a person wrote as 2013-08-05. Raises Refusal."""
    day = exact(parse_day(text))
    if day is None:
        raise Refusal(f"{text!r} is no whole day; write it like 2022-09-19.")
    return day


def read_text(file: Path, kind: str = "TOML") -> str:
    """The text of a file that a person named, of a kind said in words. Raises Refusal for what can be none."""
    try:
        if file.stat().st_size > LARGEST:
            raise Refusal(f"{file}: is larger than {LARGEST:,} bytes; name a file of {kind} text.")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise Refusal(f"{file}: cannot be read: {error.strerror}; name a file of {kind} text.") from error
    except UnicodeDecodeError as error:
        raise Refusal(f"{file}: is not UTF-8 text; save it as UTF-8.") from error


def read_toml_text(file: Path) -> str:
    """The text of a TOML file that a person named. Raises Refusal for what can be no such file."""
    text = read_text(file)
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        pass  # whoever reads the file as what it is meant to be says where the fault is
    except (ValueError, RecursionError) as error:
        raise Refusal(f"{file.name}: not readable as TOML: a number is too long or a list too deep.") from error
    return text


def with_register(work: "Callable[[Register], Awaitable[T]]") -> T:
    """Do something with the register of the data folder. Raises Unusable where it cannot be opened."""
    from register.errors import DatabaseError
    from register.sealed import Ring
    from register.store import Register

    folder = data_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unusable(
            f"The data folder {folder} cannot be used: {error.strerror}; name another in SCR_DATA."
        ) from error

    async def run() -> T:
        ring = Ring.load_or_make(folder / "register.key")
        async with await Register.open(folder / "register.db", ring) as register:
            return await work(register)

    try:
        return asyncio.run(run())
    except DatabaseError as error:
        raise Unusable(f"The register {folder / 'register.db'} cannot be used: {error.orig}.") from error


@app.command()
def refer(file: Annotated[Path, typer.Argument(metavar="FILE")], as_json: Json = False) -> None:
    """File a referral and open its case; the same file again opens no second one."""
    import starter

    referral = read_referral(read_toml_text(file), file.name)

    async def work(register: "Register") -> None:
        reference = await starter.refer(await starter.connect(), register, Library(data_folder()), referral)
        printing.referred(reference, referral.facts, as_json)

    with_register(work)


@app.command()
def cases(
    every: Annotated[bool, typer.Option("--all", help="Closed cases too.")] = False,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those with a step overdue.")] = False,
    waiting_for: Annotated[str | None, typer.Option("--waiting-for", help="Only those that wait for a role.")] = None,
    as_json: Json = False,
) -> None:
    """The open cases, the earliest due first."""
    from register import queries

    async def work(register: "Register") -> None:
        overdue_on = today() if overdue else None
        which = queries.CaseFilter(state=None if every else "open", waiting_for=waiting_for, overdue_on=overdue_on)
        printing.cases(await queries.cases(register, which), today(), as_json)

    with_register(work)


@app.command("case")
def one_case(
    reference: Reference,
    why: Annotated[bool, typer.Option("--why", help="How each date was worked out.")] = False,
    history: Annotated[bool, typer.Option("--history", help="All that happened, with decision ids.")] = False,
    as_json: Json = False,
) -> None:
    """A case: what it waits for, what is done; on request why on those days, and its history."""
    from register import queries

    async def work(register: "Register") -> None:
        view = await _case_view(register, reference)
        steps = await queries.steps(register, reference)
        events = await queries.events(register, reference)
        if as_json:
            printing.case_as_json(view, steps, events)
            return
        failed = [letter for letter in await queries.letters(register, reference) if letter.state == "failed"]
        printing.case(view, steps, fold(events).facts.holders, failed, today())
        if why:
            printing.why(events)
        if history:
            printing.history(events)

    with_register(work)


@app.command()
def letters(
    reference: Reference,
    resend: Annotated[str | None, typer.Option("--resend", metavar="LETTER", help="Try a failed one again.")] = None,
    by: Annotated[str, typer.Option("--by", help="With --resend: who has mended the cause.")] = "",
    as_json: Json = False,
) -> None:
    """The letters of a case and what became of them."""
    from register import queries

    if resend is not None:
        if not by.strip():
            raise Refusal("Say with --by who has mended the cause, for example --by bm.")
        _give(reference, {"kind": "resend", "letter": resend, "by": by, "because": "The cause is mended."}, as_json)
        return

    async def work(register: "Register") -> None:
        await _case_view(register, reference)
        folder = data_folder() / "outbox" / reference
        printing.letters(await queries.letters(register, reference), folder, as_json)

    with_register(work)


async def _case_view(register: "Register", reference: str) -> "CaseView":
    """A case as the register has it. Raises Refusal for one that never was, Unusable for one that is on its way."""
    from register import queries
    from register.errors import RegisterError

    try:
        return await queries.case(register, reference)
    except RegisterError as missing:
        try:
            await register.referral(reference)
        except RegisterError:
            raise Refusal(f"There is no case {reference}; `scr cases --all` lists them.") from missing
        raise Unusable(
            f"{reference} is filed, but the worker has not written its case down yet: look again when it runs; where "
            "that does not help, give `scr refer FILE` again."
        ) from missing


# ---- decisions ------------------------------------------------------------------------------------------------------


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


def _decision(own: Callable[..., dict[str, Any]]) -> Callable[..., None]:
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
        _give(reference, kind | given, as_json)

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
        return Library(data_folder()).board((await _case_view(register, reference)).board)

    return with_register(work)


def _give(reference: str, fields: dict[str, Any], as_json: bool) -> None:
    """Send one decision to its case and print what follows. Raises Refusal."""
    import starter

    given = {"id": str(uuid4()), "made_on": today()} | {k: v for k, v in fields.items() if v is not None}
    try:
        decision = DecisionAdapter.validate_python(given)
    except ValidationError as error:
        faults = "; ".join(_plainly(fault, str(given["kind"])) for fault in faults_of(error))
        raise Refusal(f"This decision cannot be taken: {faults}.") from error

    async def work(register: "Register") -> None:
        answer = await starter.decide(await starter.connect(), register, reference, decision)
        printing.answer(reference, decision.id, answer, as_json)

    with_register(work)


def _plainly(fault: str, kind: str) -> str:
    """A fault without the kind of the decision, which the person has given as the command's name."""
    return fault.removeprefix(f"{kind}.").removeprefix(f"{kind}: ").removeprefix("value error, ")


@_decision
def decide(step: StepKey, outcome: Annotated[str, typer.Argument(metavar="OUTCOME")] = DONE) -> dict[str, Any]:
    """Decide a step with one of its outcomes."""
    return {"step": step, "outcome": outcome}


@_decision
def extend(
    step: StepKey,
    agreed_with: Annotated[str, typer.Option("--agreed-with", help="With whom the other date was agreed.")],
    to: Annotated[str | None, typer.Option("--to", help="Until this day.")] = None,
    period: Annotated[str | None, typer.Option("--period", help="By this period, from the original date.")] = None,
) -> dict[str, Any]:
    """Give a step or group another timescale."""
    return {"step": step, "to": to and whole_day(to), "period": period, "agreed_with": agreed_with}


@_decision
def reconsider(step: StepKey) -> dict[str, Any]:
    """Open a decided step again because of new information; a closed case opens again with it."""
    return {"step": step}


@_decision
def correct(decision: Annotated[str, typer.Argument(metavar="DECISION")]) -> dict[str, Any]:
    """Take back a mistaken entry by its id (`scr case REF --history`): as if it had never been made."""
    return {"decision": decision}


@_decision
def assign(
    role: Annotated[str, typer.Argument(metavar="ROLE")],
    person: Annotated[str, typer.Argument(metavar="PERSON")],
    board: Board,
    agency: Agency = None,
    stands_down: Annotated[bool, typer.Option("--stands-down", help="The person gives the role up.")] = False,
) -> dict[str, Any]:
    """Give a person a role in a case, or take it away; rules of independence are checked."""
    if person not in board.people:
        raise Refusal(f"{person!r} is not among the people of {board.name}; it has {', '.join(board.people)}.")
    known = board.people[person]
    affiliation = {"employer": known.employer, "board_member": known.board_member}
    return {"role": role, "person": person, "agency": agency, "stands_down": stands_down, **affiliation}


@_decision
def involve(agency: Annotated[str, typer.Argument(metavar="AGENCY")], board: Board) -> dict[str, Any]:
    """Involve another agency of the board; what each agency owes starts for it."""
    if agency not in board.agencies:
        raise Refusal(f"{agency!r} is no agency of {board.name}; it has {', '.join(board.agencies)}.")
    return {"agency": agency, "name": board.agencies[agency].name, "agency_kind": board.agencies[agency].kind}


@_decision
def plan(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="For example publication.")],
    day: Annotated[str, typer.Argument(metavar="DATE")],
) -> dict[str, Any]:
    """Plan a day that the procedure names; what is counted back from it moves with it."""
    return {"what": what, "day": whole_day(day)}


@_decision
def agree(
    action: Annotated[str, typer.Argument(metavar="ACTION", help="A short id, for example a1.")],
    title: Annotated[str, typer.Argument(metavar="TITLE")],
    due: Annotated[str, typer.Option("--due", help="The day by which it is to be done.")],
    agency: Agency = None,
) -> dict[str, Any]:
    """Agree an action of the action plan."""
    return {"action": action, "title": title, "due": whole_day(due), "agency": agency}


@_decision
def adopt(procedure: Annotated[str, typer.Argument(metavar="ID")]) -> dict[str, Any]:
    """Go on under another version of the procedure."""
    library = Library(data_folder())
    adopted = library.procedure(procedure)
    return {"procedure": adopted, "calendar": library.calendar(adopted.calendar)}


@_decision
def close(
    withdrawn: Annotated[bool, typer.Option("--withdrawn", help="Although steps are still owed.")] = False,
) -> dict[str, Any]:
    """End a case; it must owe nothing any more."""
    return {"how": "withdrawn" if withdrawn else "completed"}
