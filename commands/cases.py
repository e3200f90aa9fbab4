"""The commands of `scr` that work on cases: refer, list, look, decide."""

import asyncio
import re
import tomllib
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from commands import asking, printing
from library import Library, data_folder
from models.calendar import ZONE
from models.referral import Referral, read_referral
from models.refusal import Refusal
from models.timescale import exact, local_date, parse_day

if TYPE_CHECKING:
    from register.queries import CaseView
    from register.store import Register

# Temporal and the database are imported where a command needs them: `scr due` should not wait for them.

app = typer.Typer(rich_markup_mode=None)
T = TypeVar("T")

LARGEST_DOCUMENT = 25_000_000
"""Bytes of the largest document."""

LARGEST = 1_000_000
"""Bytes of the largest file that is read; a procedure has some twenty thousand."""


class Unusable(Exception):
    """Something of ours or of this machine does not work as it should (exit code 1)."""


def checked_reference(text: str) -> str:
    """A reference as cases have them. Raises Refusal."""
    if not re.fullmatch(r"[A-Z0-9]+-[0-9]{4}-[0-9]{3,9}", text):
        raise Refusal(f"{text[:60]!r} is no reference of a case, such as DEMO-2013-001; `scr cases --all` lists them.")
    return text


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Reference = Annotated[
    str,
    typer.Argument(metavar="REF", callback=checked_reference, help="The case's reference, for example DEMO-2013-001."),
]


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
        if file.exists() and not file.is_file():
            raise Refusal(f"{file}: is no file; name a file of {kind} text.")
        if file.stat().st_size > LARGEST:
            raise Refusal(f"{file}: is larger than {LARGEST:,} bytes; name a file of {kind} text.")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise Refusal(f"{file}: cannot be read: {error.strerror}; name a file of {kind} text.") from error
    except UnicodeDecodeError as error:
        raise Refusal(f"{file}: is not UTF-8 text; save it as UTF-8.") from error


def read_bytes(file: Path) -> bytes:
    """The content of a document that a person named. Raises Refusal."""
    try:
        if file.exists() and not file.is_file():
            raise Refusal(f"{file}: is no file; name a document.")
        if file.stat().st_size > LARGEST_DOCUMENT:
            raise Refusal(f"{file}: is larger than {LARGEST_DOCUMENT:,} bytes; hand it in in parts.")
        return file.read_bytes()
    except OSError as error:
        raise Refusal(f"{file}: cannot be read: {error.strerror}; name a file.") from error


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
    from register import database
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
        ring = Ring.of(folder)
        async with await Register.open(database.where(folder), ring) as register:
            return await work(register)

    try:
        return asyncio.run(run())
    except DatabaseError as error:
        raise Unusable(database.unusable(database.where(folder), error)) from error


@app.command()
def refer(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="TOML; asked for if left out.")] = None,
    filed: Annotated[
        str | None, typer.Option("--filed", metavar="REF", help="Open the case of one filed before.")
    ] = None,
    as_json: Json = False,
) -> None:
    """File a referral and open its case; without a file it is asked for. The same again opens no second case."""
    import starter

    if file is not None and filed is not None:
        raise Refusal("Give a file or --filed REF, not both.")
    asked = _asked() if file is None and filed is None else None
    read = read_referral(read_toml_text(file), file.name) if file else asked

    async def work(register: "Register") -> None:
        referral = read or Referral.model_validate(await register.referral(checked_reference(filed or "")))
        reference = await starter.refer(await starter.connect(), register, Library(data_folder()), referral)
        printing.referred(reference, referral.facts, as_json)

    with_register(work)


def _asked() -> Referral:
    """A referral asked for question by question; the engine is looked for first, so that no answer is given in vain."""
    import starter

    asyncio.run(starter.connect())
    referral = asking.ask_referral(Library(data_folder()), today())
    printing.held_against(referral.facts)
    if not typer.confirm("File this referral"):
        raise Refusal("Nothing was filed.")
    return referral


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
    people: Annotated[bool, typer.Option("--people", help="Who holds which role, and who takes no part.")] = False,
    as_json: Json = False,
) -> None:
    """A case: what it waits for, what is done; on request why on those days, its people, its history."""
    from register import queries

    async def work(register: "Register") -> None:
        view = await case_view(register, reference)
        steps = await queries.steps(register, reference)
        known, events = await register.whole(reference)
        if as_json:
            printing.case_as_json(view, steps, events, known)
            return
        failed = [letter for letter in await queries.letters(register, reference) if letter.state == "failed"]
        printing.case(view, steps, known, failed, today())
        if why:
            printing.why(events)
        if people:
            printing.people(known)
        if history:
            printing.history(events)

    with_register(work)


async def case_view(register: "Register", reference: str) -> "CaseView":
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
            f"that does not help, give `scr refer --filed {reference}`."
        ) from missing
