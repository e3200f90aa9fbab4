"""The commands of `scr` for how long records are kept: legal hold, retention, disposal with its certificate."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands import printing, publications
from commands.cases import Json, Reference, Unusable, case_view, today, whole_day, with_register
from commands.publications import Because, By, entered
from library import ROOT, Library, data_folder
from models.board import Board
from models.case import Case
from models.journal import Disposed, Entry, Held, Journal, Released, checked
from models.people import must_manage
from models.refusal import Refusal

if TYPE_CHECKING:
    from register.queries import CaseView
    from register.store import Register

app = typer.Typer(rich_markup_mode=None)
app.add_typer(publications.app)

SUFFIXES = (".pdf", ".txt", ".html", ".json")
"""As what a certificate can be written."""


async def _case(register: "Register", reference: str) -> tuple[Case, Board]:
    """A case as its events make it, and its board. Raises Refusal."""
    view = await case_view(register, reference)
    return (await register.whole(reference)).case, Library(data_folder()).board(view.board)


@app.command()
def hold(
    reference: Reference,
    by: By,
    because: Because,
    review_on: Annotated[str, typer.Option("--review-on", help="The day to look whether it must go on.")] = "",
    as_json: Json = False,
) -> None:
    """Put a case under a legal hold: nothing of it may be disposed of."""
    day = whole_day(review_on) if review_on else None
    entry = checked(Held, by=by, because=because, on=today(), reference=reference, review_on=day)
    _enter(reference, entry, as_json)


@app.command()
def release(reference: Reference, by: By, because: Because, as_json: Json = False) -> None:
    """Lift the legal hold of a case."""
    _enter(reference, checked(Released, by=by, because=because, on=today(), reference=reference), as_json)


def _enter(reference: str, entry: Entry, as_json: bool) -> None:
    from register import journal

    async def work(register: "Register") -> None:
        case, board = await _case(register, reference)
        must_manage(case, entry.by)
        entered(board.id, await journal.append(register, board.id, entry, datetime.now(UTC)), as_json)

    with_register(work)


# ---- retention ------------------------------------------------------------------------------------------------------


@app.command()
def retention(
    board: Annotated[str | None, typer.Option("--board", help="Only this board's cases.")] = None,
    as_json: Json = False,
) -> None:
    """Every closed case: what is still kept of it, until when and by which rule, and whether it is held."""
    from register import journal, queries

    library = Library(data_folder())
    if board is not None:
        library.board(board)  # refuses one that there is not

    async def work(register: "Register") -> None:
        which = queries.CaseFilter(state="closed", board=board, order="reference")
        shown = []
        journals: dict[str, Journal] = {}
        for view in await queries.cases(register, which):
            if view.board not in journals:
                journals[view.board] = await journal.journal(register, view.board)
            shown.append(await _kept(register, library.board(view.board), view, journals[view.board]))
        _show_retention(shown, as_json)

    with_register(work)


async def _kept(register: "Register", board: Board, view: "CaseView", journal: Journal) -> dict[str, Any]:
    """What is still kept of a closed case, and when it may go, as JSON values."""
    import entries
    from register import disposal

    closed = disposal.closed_on((await register.whole(view.reference)).case)
    assert closed is not None
    kept = await entries.kept(register, data_folder() / "outbox", board, view.reference, closed, journal)
    return {
        "reference": view.reference,
        "board": board.id,
        "closed_on": str(kept.closed_on),
        "held_since": str(kept.held_since) if kept.held_since else None,
        "review_hold_on": str(kept.review_hold_on) if kept.review_hold_on else None,
        "records": [
            {
                "kind": keep.kind,
                "number": number,
                "period": keep.period,
                "kept_until": str(keep.until),
                "due": keep.from_day <= today(),
            }
            for keep, number in kept.records
        ],
        "disposed_on": [str(day) for day in kept.disposed_on],
    }


def _show_retention(found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        printing.as_json(found)
        return
    if not found:
        print("There are no closed cases.")
        return
    rows = []
    for case in found:
        held = f"held since {case['held_since']}" if case["held_since"] else ""
        for record in case["records"]:
            state = held or ("due for disposal" if record["due"] else "")
            rule = f"{record['period']} from {case['closed_on']}"
            rows.append((case["reference"], record["kind"], record["number"], record["kept_until"], rule, state))
        if not case["records"]:
            days = ", ".join(case["disposed_on"])
            rows.append((case["reference"], "nothing", "", "", "", f"disposed of on {days}" if days else ""))
    printing.table(("Case", "Records", "Number", "Kept until", "Rule", "State"), rows)


# ---- disposal -------------------------------------------------------------------------------------------------------


@app.command()
def dispose(
    reference: Reference,
    by: By,
    because: Because,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", metavar="FILE", help="A .pdf, .txt, .html or .json file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Dispose of all records of a closed case whose time has run out, and certify it; given again, certify again."""
    import entries
    from register import disposal, journal

    _must_be_writable(certificate)

    async def work(register: "Register") -> None:
        case, board = await _case(register, reference)
        order = disposal.Order(board.id, reference, by, because, today(), board.retention)
        gone = await entries.dispose(register, data_folder() / "outbox", case, order, datetime.now(UTC))
        if not gone.purged:
            raise Unusable(
                f"The records of {reference} are deleted, but others are using the register, so that its files could "
                "not be written anew: give the same command again for the certificate."
            )
        hashes = await journal.hashes(register, board.id)
        _certify(board, gone.disposals, hashes, certificate, as_json)

    with_register(work)


def _must_be_writable(file: Path | None) -> None:
    if file is None:
        return
    if file.suffix not in SUFFIXES:
        raise Refusal(f"{file}: a certificate is written as {', '.join(SUFFIXES)}; give the file such an ending.")
    if file.is_dir() or not os.access(file.parent, os.W_OK):
        raise Refusal(f"{file} cannot be written; name a file in a folder that is there and is yours to write to.")


def _certify(board: Board, entries: list[Disposed], hashes: dict[int, str], file: Path | None, as_json: bool) -> None:
    """Print the certificates of disposals; the last one is written to the file."""
    from publication import put
    from sheets import Sheets, certificate_data

    sheets = Sheets(ROOT / "templates" / "public", Library().fonts, board)
    data = [certificate_data(board.id, entry, hashes[entry.seq]) for entry in entries]
    made = [sheets.certificate(entry, hashes[entry.seq]) for entry in entries]
    if file is not None:
        forms = {".pdf": made[-1].pdf, ".txt": made[-1].text.encode(), ".html": made[-1].html.encode()}
        put(file, forms.get(file.suffix) or (json.dumps(data[-1], indent=2, ensure_ascii=False) + "\n").encode())
    if as_json:
        printing.as_json({"certificates": data})
    else:
        print(printing.plain("\n".join(sheet.text for sheet in made)), end="")
