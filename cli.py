"""The command line `scr`. Exit codes: 0 done, 2 refused or bad input (nothing changed), 1 our fault."""

import asyncio
import logging
import os
import sys
import tempfile
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from commands import accounts, cases, decisions, keys, letters, papers, printing, records, recovering
from commands.cases import Json, Unusable, read_toml_text, whole_day
from library import Library, data_folder
from models.period import PeriodError
from models.refusal import Refusal
from models.timescale import count, count_before, parse_day, parse_period

if TYPE_CHECKING:
    from register.store import Register

# Temporal, the database and the letters are imported where a command needs them: `scr due` should not wait for them.

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # a fault of ours is shown as Python shows it, without the values of variables
    help=__doc__,
)
procedure_app = typer.Typer(no_args_is_help=True, help="Statutory procedures: list, show, check.")
audit_app = typer.Typer(no_args_is_help=True, help="The register's chain of events.")
calendar_app = typer.Typer(no_args_is_help=True, help="Calendars of non-working days.")
app.add_typer(cases.app)
app.add_typer(decisions.app)
app.add_typer(letters.app)
app.add_typer(papers.app)
app.add_typer(records.app)
app.add_typer(accounts.app, name="account")
app.add_typer(letters.mail_app, name="mail")
app.add_typer(keys.app, name="keys")
app.add_typer(recovering.app)
app.add_typer(recovering.register_app, name="register")
app.add_typer(procedure_app, name="procedure")
app.add_typer(audit_app, name="audit")
app.add_typer(calendar_app, name="calendar")


INTERRUPTED = 130
"""The exit code after Ctrl-C, which typer gives as shells do."""

SHORT = 200
"""The most characters of a day's name, and of who enters it."""


class Roll(StrEnum):
    """Where a calendar period ends that would end on a non-working day."""

    KEEP = "keep"
    NEXT = "next"
    PREVIOUS = "previous"


class Format(StrEnum):
    """How a procedure is shown."""

    TABLE = "table"
    MERMAID = "mermaid"
    JSON = "json"


# ---- dates --------------------------------------------------------------------------------------------------------


@app.command()
def due(
    period: Annotated[str, typer.Argument(metavar="PERIOD", help='For example "10 working days", "1 month".')],
    start: Annotated[str | None, typer.Option("--from", help="The day (or aware moment) of the event.")] = None,
    before: Annotated[str | None, typer.Option("--before", help="Count back from this planned day instead.")] = None,
    calendar: Annotated[str, typer.Option("--calendar")] = "england-and-wales",
    on_non_working_day: Annotated[Roll, typer.Option("--on-non-working-day")] = Roll.KEEP,
    clear: Annotated[bool, typer.Option("--clear", help="Clear days: neither end counts.")] = False,
    as_json: Json = False,
) -> None:
    """When a period ends, by when to act, and why."""
    if (start is None) == (before is None):
        raise Refusal("Say either --from which day or --before which day.")
    days, parsed = Library(data_folder()).calendar(calendar), parse_period(period)
    if before is not None:
        counted = count_before(parsed, _moment(before), days, clear=clear, on_non_working_day=on_non_working_day.value)
    else:
        if clear and not parsed.clear:
            parsed = parse_period(str(parsed).replace(" ", " clear ", 1))
        counted = count(parsed, _moment(start or ""), days, on_non_working_day=on_non_working_day.value)
    printing.due(counted, parsed, as_json)


def _moment(text: str) -> date | datetime:
    if "T" in text or ":" in text:
        try:
            return datetime.fromisoformat(text)
        except ValueError as error:
            raise PeriodError(f"{text!r} is no moment; write it like 2013-06-10T23:30Z.") from error
    day = parse_day(text)
    if isinstance(day, str):
        raise PeriodError(f"{text!r} is no whole day; a period is counted from a day like 2013-12-20.")
    return day


# ---- procedures -----------------------------------------------------------------------------------------------------


@procedure_app.command("list")
def procedure_list(as_json: Json = False) -> None:
    """The procedures there are."""
    library = Library(data_folder())
    printing.procedures([library.procedure(name) for name in library.procedures()], as_json)


@procedure_app.command("show")
def procedure_show(
    name: Annotated[str, typer.Argument(metavar="ID")],
    shape: Annotated[Format, typer.Option("--format")] = Format.TABLE,
) -> None:
    """A procedure as the table of the guidance, as a diagram or as JSON."""
    from models import show

    procedure = Library(data_folder()).procedure(name)
    if shape is Format.JSON:
        printing.as_json(procedure.model_dump(mode="json", by_alias=True, exclude_defaults=True))
    elif shape is Format.MERMAID:
        print(show.mermaid(procedure))
    else:
        printing.procedure(procedure)


@procedure_app.command("check")
def procedure_check(file: Annotated[Path, typer.Argument(metavar="FILE")], as_json: Json = False) -> None:
    """Check a procedure file: each problem with its place and its cure."""
    from models.check import check_text

    library = Library(data_folder())
    text = read_toml_text(file)
    problems = check_text(text, file.name, library.templates()) or library.misfits(text, file.name)
    if as_json:
        printing.as_json({"file": file.name, "problems": [problem._asdict() for problem in problems]})
    for problem in problems:
        print(printing.plain(str(problem)), file=sys.stderr)
    if problems:
        raise typer.Exit(2)
    if not as_json:
        print(f"{file.name}: nothing wrong.")


@procedure_app.command("schema")
def procedure_schema() -> None:
    """The JSON schema of procedure files, for editors."""
    from models.check import schema

    printing.as_json(schema())


# ---- rehearsals -----------------------------------------------------------------------------------------------------


@app.command()
def rehearse(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO.toml")],
    into: Annotated[Path | None, typer.Option("--into", help="Keep register and letters in this folder.")] = None,
    as_json: Json = False,
) -> None:
    """Play a dated story on the real workflow, letters and register, in skipped time."""
    import telemetry
    from rehearsal import read_scenario
    from rehearsal import rehearse as play

    telemetry.keep_stdout_clean()
    story = read_scenario(read_toml_text(scenario), scenario.name)

    async def run(folder: Path) -> None:
        with printing.progress(len(story.decision), story.title) as advance:
            played = await play(story, Library(data_folder()), folder, advance)
        printing.rehearsal(played, as_json)

    if into is not None:
        asyncio.run(run(_new_folder(into)))
        return
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
        asyncio.run(run(Path(folder)))


def _new_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        empty = not any(folder.iterdir())
    except OSError as error:
        raise Refusal(f"{folder} cannot be used as a folder: {error.strerror}; name another.") from error
    if not empty:
        raise Refusal(f"{folder} is not empty; name a new folder, so that no register is mixed with another.")
    return folder


# ---- the register and the calendar ----------------------------------------------------------------------------------


@audit_app.command("verify")
def audit_verify(
    against: Annotated[
        Path | None, typer.Option("--against", help="Heads kept elsewhere: what --json printed before.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every event of every case: none changed, missing or out of order."""
    from register import audit

    kept = audit.read_heads(cases.read_text(against, "JSON"), against.name) if against else []

    async def work(register: "Register") -> bool:
        faults = await audit.verify(register, kept)
        printing.audit(faults, await audit.heads(register), as_json)
        return not faults

    if not cases.with_register(work):
        raise typer.Exit(1)


@calendar_app.command("add")
def calendar_add(
    day: Annotated[str, typer.Argument(metavar="DATE")],
    name: Annotated[str, typer.Argument(metavar="NAME")],
    calendar: Annotated[str, typer.Option("--calendar")] = "england-and-wales",
    by: Annotated[str, typer.Option("--by", help="Who enters it.")] = "calendar",
    as_json: Json = False,
) -> None:
    """Proclaim a non-working day: for new cases, and for every open one, whose dates are counted anew."""
    import starter

    proclaimed = whole_day(day)
    for what, text in (("name of the day", name), ("--by", by)):
        if not 0 < len(text.strip()) <= SHORT:
            raise Refusal(f"The {what} is {len(text.strip())} characters long; give one of 1 to {SHORT}.")

    async def work(register: "Register") -> bool:
        client, library = await starter.connect(), Library(data_folder())
        answers = await starter.proclaim(client, register, library.calendar(calendar), proclaimed, name, by)
        printing.proclaimed(proclaimed, name, answers, as_json)
        return any(isinstance(answer, Refusal) for answer in answers.values())

    if cases.with_register(work):
        raise typer.Exit(2)


@app.command()
def demo() -> None:
    """Add synthetic cases in several stages. All people and places in them are invented."""
    from commands import demonstration

    cases.with_register(demonstration.add)


def main() -> None:
    """Run a command. What is refused is said on stderr and exits with 2, what fails with 1."""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # it reports what Ctrl-C broke off as if it were a fault
    try:
        _must_be_text(sys.argv)
        code = app(standalone_mode=False)
        if code == INTERRUPTED:
            _say("Stopped.", code)
        sys.stdout.flush()
    except Refusal as refusal:
        code = _say(str(refusal), 2)
    except typer.Abort:
        code = _say("Broken off; nothing was changed.", 2)
    except TyperException as error:
        code = _say(_usage(error), 2)
    except BrokenPipeError:
        code = _unread()
    except SystemExit as stop:  # this is how typer hands on a broken pipe
        code = _unread() if isinstance(stop.__context__, BrokenPipeError) else stop.code
    except (OSError, Unusable) as error:
        code = _say(str(error), 1)
    sys.exit(code if isinstance(code, int) else 0)


def run() -> NoReturn:
    """The program `scr`: run a command and end at once.

    The engine's client has threads of its own; one that still logs while Python takes itself down would abort it.
    """
    try:
        main()
    except SystemExit as stop:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(stop.code if isinstance(stop.code, int) else 0)
    raise AssertionError("a command ends with an exit code")


def _unread() -> int:
    """Whoever read our output has had enough of it, which is no fault; what is still to be written goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


def _must_be_text(arguments: list[str]) -> None:
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            raise Refusal(f"{argument!r} is not UTF-8 text; write it as UTF-8.") from error


def _usage(error: TyperException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "scr"
    return f"{error.format_message().replace('Value error, ', '')} `{command} --help` says more."


def _say(line: str, code: int) -> int:
    print(printing.plain(line), file=sys.stderr)
    return code


if __name__ == "__main__":
    run()
