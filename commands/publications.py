"""The commands of `scr` for what a board shows of its reviews: publication register, learning log, bulletin."""

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import printing
from commands.cases import Json, Reference, case_view, read_toml_text, today, with_register
from library import ROOT, Library, data_folder
from models.board import Board
from models.journal import (
    QUARTER,
    Entry,
    Journal,
    Lesson,
    LessonWithdrawn,
    Unpublished,
    checked,
)
from models.people import must_manage, must_manage_board
from models.publishing import published_by, to_publish
from models.refusal import Refusal
from models.timescale import parse_day

if TYPE_CHECKING:
    from register.store import Register
    from sheets import Sheet

app = typer.Typer(rich_markup_mode=None)
publication_app = typer.Typer(no_args_is_help=True, help="The publication register of a board.")
learning_app = typer.Typer(no_args_is_help=True, help="The learning log of a board.")
app.add_typer(publication_app, name="publication")
app.add_typer(learning_app, name="learning")

PUBLIC = ROOT / "templates" / "public"

By = Annotated[str, typer.Option("--by", help="The person who decided.")]
Because = Annotated[str, typer.Option("--because", help="The reason. Name nobody in it.")]
BoardId = Annotated[str, typer.Option("--board", help="The board, for example demo.")]


def entered(board: str, entry: Entry, as_json: bool) -> None:
    """Print that an entry stands in a board's journal."""
    if as_json:
        printing.as_json({"board": board, "entry": entry.model_dump(mode="json")})
    else:
        print(f"Entered: {entry.kind}, number {entry.seq} in the journal of {board}.")


async def _journal(register: "Register", board: str) -> Journal:
    from register import journal

    return await journal.journal(register, board)


def _enter(board_id: str, entry: Entry, as_json: bool) -> None:
    """Add an entry for a board by somebody who manages its reviews."""
    from register import journal

    board = _managed(board_id, entry.by)

    async def work(register: "Register") -> None:
        entered(board.id, await journal.append(register, board.id, entry, datetime.now(UTC)), as_json)

    with_register(work)


def _managed(board_id: str, person: str) -> Board:
    library = Library(data_folder())
    board = library.board(board_id)
    must_manage_board(board, library.procedure(board.procedure), person)
    return board


def _folder(folder: Path) -> Path:
    """A folder to write to, made where there is none. Raises Refusal."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(f"{folder} cannot be used as a folder: {error.strerror}; name another.") from error
    return folder


# ---- the publication register ---------------------------------------------------------------------------------------


@publication_app.command("list")
def publication_list(board: BoardId, as_json: Json = False) -> None:
    """The published reviews, the newest first."""
    of = Library(data_folder()).board(board)

    async def work(register: "Register") -> None:
        known = await _journal(register, of.id)
        if as_json:
            printing.as_json([entry.model_dump(mode="json") for entry in known.publications])
        elif not known.publications:
            print(f"{of.name} has no review in its publication register.")
        else:
            rows = [
                (p.month, p.review, p.sort, ", ".join(d.document for d in p.documents), p.reference)
                for p in known.publications
            ]
            printing.table(("Month", "Review", "Sort", "Documents", "Case"), rows)

    with_register(work)


@publication_app.command("add")
def publication_add(
    reference: Reference,
    review: Annotated[str, typer.Option("--review", help='Its public title, which names nobody: "Child N".')],
    sort: Annotated[str, typer.Option("--sort", help='What it is, for example "Serious Case Review".')],
    by: By,
    because: Because,
    step: Annotated[str | None, typer.Option("--step", help="The step by which it was published.")] = None,
    document: Annotated[
        list[str] | None, typer.Option("--document", help="This one instead of the report; may be repeated.")
    ] = None,
    presented_on: Annotated[str, typer.Option("--presented-on", help="The day it was presented to the Board.")] = "",
    as_json: Json = False,
) -> None:
    """Enter a published review: the documents searched for the decision to publish, as they are now."""
    import entries
    from register import journal

    presented = parse_day(presented_on) if presented_on else None

    async def work(register: "Register") -> None:
        view = await case_view(register, reference)
        case = (await register.whole(reference)).case
        said = {"by": by, "because": because, "on": today(), "review": review, "sort": sort, "presented_on": presented}
        library = Library(data_folder())
        entry = await entries.publication(register, library, case, said, document or (), step)
        entered(view.board, await journal.append(register, view.board, entry, datetime.now(UTC)), as_json)

    with_register(work)


async def _must_rest_on_decisions(register: "Register", known: "Journal") -> None:
    """Refuse to publish what no standing decision publishes any more, such as one taken back since."""
    for publication in known.publications:
        case = (await register.whole(publication.reference)).case
        for document in publication.documents:
            try:
                to_publish(case, published_by(case), [document.document])
            except Refusal as refusal:
                raise Refusal(
                    f"{publication.reference} stands in the register and may not be published any more: {refusal} "
                    f"`scr publication remove {publication.reference}` takes it off."
                ) from refusal


@publication_app.command("remove")
def publication_remove(reference: Reference, by: By, because: Because, as_json: Json = False) -> None:
    """Take a review off the publication register; `scr publication write` takes it off the page."""
    from register import journal

    entry = checked(Unpublished, by=by, because=because, on=today(), reference=reference)

    async def work(register: "Register") -> None:
        view = await case_view(register, reference)
        must_manage((await register.whole(reference)).case, by)
        entered(view.board, await journal.append(register, view.board, entry, datetime.now(UTC)), as_json)

    with_register(work)


@publication_app.command("write")
def publication_write(
    board: BoardId, folder: Annotated[Path, typer.Argument(metavar="FOLDER")], as_json: Json = False
) -> None:
    """Write the register as a static page and as data, with the published documents; again to bring it up to date."""
    import publication
    from register import papers

    of = Library(data_folder()).board(board)

    async def work(register: "Register") -> None:
        known = await _journal(register, of.id)
        await _must_rest_on_decisions(register, known)
        contents = {
            file.document.sha256: await papers.content(register, file.reference, file.document.sha256)
            for file in publication.files(known)
        }
        try:
            written = publication.write(_folder(folder), PUBLIC, of, known, contents)
        except OSError as error:
            raise Refusal(f"{folder} cannot be written: {error.strerror}; name another folder.") from error
        if as_json:
            printing.as_json({"page": str(folder / "index.html"), "documents": written})
        else:
            print(f"Written: {folder / 'index.html'}, with {len(written)} document{'' if len(written) == 1 else 's'}.")

    with_register(work)


# ---- learning -------------------------------------------------------------------------------------------------------


@learning_app.command("add")
def learning_add(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="source, review, where, lesson, relevance.")],
    board: BoardId,
    by: By,
    because: Because,
    as_json: Json = False,
) -> None:
    """Enter a lesson of this board's or of another's review, with what it means here."""
    import entries

    text = read_toml_text(file)
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refusal(f"{file.name}: not readable as TOML: {error}.") from error
    wanted = ("source", "review", "where", "lesson", "relevance")
    unknown = [name for name in said if name not in wanted]
    if unknown:
        raise Refusal(f"{file.name}: {', '.join(unknown)}: there is no such field; it has {', '.join(wanted)}.")
    entry = checked(Lesson, by=by, because=because, on=today(), **said)
    library = Library(data_folder())
    entries.must_print(library.board(board), library, entry)
    _enter(board, entry, as_json)


@learning_app.command("list")
def learning_list(board: BoardId, as_json: Json = False) -> None:
    """The learning log, the newest entry first."""
    of = Library(data_folder()).board(board)

    async def work(register: "Register") -> None:
        lessons = sorted((await _journal(register, of.id)).lessons.values(), key=lambda entry: -entry.seq)
        if as_json:
            printing.as_json([entry.model_dump(mode="json") for entry in lessons])
        elif not lessons:
            print(f"The learning log of {of.name} is empty.")
        else:
            rows = [(le.seq, le.on, f"{le.review}\n{le.source}\n{le.where}", le.lesson, le.relevance) for le in lessons]
            printing.table(("Number", "Entered", "Review", "Lesson", "What it means here"), rows)

    with_register(work)


@learning_app.command("withdraw")
def learning_withdraw(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="As `scr learning list` shows it.")],
    board: BoardId,
    by: By,
    because: Because,
    as_json: Json = False,
) -> None:
    """Take an entry out of the learning log."""
    _enter(board, checked(LessonWithdrawn, by=by, because=because, on=today(), lesson=number), as_json)


@app.command()
def bulletin(
    quarter: Annotated[str, typer.Argument(metavar="QUARTER", help="One that is over, for example 2026-Q3.")],
    board: BoardId,
    by: By,
    because: Because,
    to: Annotated[Path | None, typer.Option("--to", metavar="FOLDER", help="Write it here: .md, .html, .pdf.")] = None,
    as_json: Json = False,
) -> None:
    """The learning bulletin of a quarter: what was entered in it. Written down once; given again, shown again."""
    import entries
    from register import journal

    if not re.fullmatch(QUARTER, quarter):
        raise Refusal(f"{quarter[:60]!r} is no quarter; write it like 2026-Q3.")
    of = _managed(board, by)
    folder = _folder(to) if to else None

    async def work(register: "Register") -> None:
        said = {"by": by, "because": because, "on": today()}
        known, sheets = await _journal(register, of.id), entries.sheets_of(of, Library())
        entry, sheet, held = entries.bulletin(known, sheets, quarter, said)
        if entry is not None:
            await journal.append(register, of.id, entry, datetime.now(UTC))
        _show_bulletin(quarter, sheet, len(held), folder, as_json)

    with_register(work)


def _show_bulletin(quarter: str, sheet: "Sheet", entries: int, to: Path | None, as_json: bool) -> None:
    from publication import put

    written = []
    if to is not None:
        for ending, content in (("md", sheet.markdown.encode()), ("html", sheet.html.encode()), ("pdf", sheet.pdf)):
            written.append(str(to / f"bulletin-{quarter}.{ending}"))
            put(Path(written[-1]), content)
    if as_json:
        printing.as_json({"quarter": quarter, "entries": entries, "markdown": sheet.markdown, "files": written})
        return
    if not written:
        print(printing.plain(sheet.text), end="")
    for file in written:
        print(f"Written: {file}")
    if not entries:
        print(f"Nothing was entered in {quarter}.")
