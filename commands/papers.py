"""The commands of `scr` for the papers of a case: documents, chronology, the search before publication."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import printing
from commands.cases import Json, Reference, case_view, read_toml_text, today, with_register
from library import Library, data_folder
from models.case import Case
from models.refusal import Refusal

if TYPE_CHECKING:
    from models.anonymity import Report
    from models.chronology import Merged
    from models.identifiers import Identifier
    from register.store import Register

app = typer.Typer(rich_markup_mode=None)

To = Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Write it to this file.")]


@app.command()
def documents(
    reference: Reference,
    get: Annotated[str | None, typer.Option("--get", metavar="KEY", help='One of them, such as "imr[health]".')] = None,
    to: To = None,
    as_json: Json = False,
) -> None:
    """The documents of a case as they are now; with --get and --to a copy of one."""
    from register import papers

    async def work(register: "Register") -> None:
        case = await _case(register, reference)
        if get is None:
            _show_documents(case, as_json)
            return
        if get not in case.facts.documents:
            known = ", ".join(case.facts.documents) or "none yet"
            raise Refusal(f"{get!r} is no document of {reference}; it has {known}.")
        fact = case.facts.documents[get]
        _write(to, await papers.content(register, reference, fact.sha256))
        _say_written(to)

    with_register(work)


@app.command()
def search(
    reference: Reference,
    document: Annotated[str | None, typer.Argument(metavar="KEY", help="Only this document.")] = None,
    as_json: Json = False,
) -> None:
    """Search the documents of a case for what identifies people; a person decides what it means."""
    import filing

    async def work(register: "Register") -> None:
        case = await _case(register, reference)
        which = {key: fact for key, fact in case.facts.documents.items() if document in (None, key)}
        if not which:
            raise Refusal(f"There is no such document in {reference}; `scr documents {reference}` lists them.")
        _show_found(await filing.search(register, Library(data_folder()), case, which), as_json)

    with_register(work)


@app.command()
def identifiers(
    reference: Reference,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="TOML: names, dates, addresses, …")] = None,
    as_json: Json = False,
) -> None:
    """How many names, dates and places the search knows for a case; with a file, more of them."""
    import filing
    from models.identifiers import read_identifiers
    from register import papers

    more = read_identifiers(read_toml_text(file), file.name) if file else ()

    async def work(register: "Register") -> None:
        case = await _case(register, reference)
        if more:
            await papers.add_identifiers(register, reference, [one.model_dump(mode="json") for one in more])
        board = case.opening.board
        known = await filing.identifiers(register, Library(data_folder()), reference, board)
        _show_identifiers(known, as_json)

    with_register(work)


@app.command()
def chronology(
    reference: Reference,
    xlsx: Annotated[Path | None, typer.Option("--xlsx", metavar="FILE", help="Write it as a spreadsheet.")] = None,
    pdf: Annotated[Path | None, typer.Option("--pdf", metavar="FILE", help="Write it as PDF.")] = None,
    as_json: Json = False,
) -> None:
    """The agencies' chronologies in one order, with gaps and clashes marked."""
    import filing
    from documents.chronology_files import as_pdf, as_xlsx
    from typesetting import Typesetter

    async def work(register: "Register") -> None:
        case = await _case(register, reference)
        merged = await filing.merged(register, case)
        library = Library(data_folder())
        shown = (
            merged,
            reference,
            {key: fact.name for key, fact in case.facts.agencies.items()},
            library.board(case.opening.board).fictional,
            today(),
        )
        if xlsx is not None:
            _write(xlsx, as_xlsx(*shown))
        if pdf is not None:
            _write(pdf, as_pdf(*shown, Typesetter(library.fonts)))
        _show_chronology(merged, shown[2], as_json)

    with_register(work)


@app.command("chronology-form")
def chronology_form(to: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """Write the empty spreadsheet into which an agency enters its chronology."""
    from documents.chronology_files import blank_xlsx

    _write(to, blank_xlsx())
    _say_written(to)


def _show_documents(case: Case, as_json: bool) -> None:
    documents = case.facts.documents
    if as_json:
        printing.as_json({key: fact.model_dump(mode="json") for key, fact in documents.items()})
    elif not documents:
        print("No document has been filed yet.")
    else:
        headings = ("Document", "Version", "Filed", "Bytes", "Type", "SHA-256")
        rows = [
            (key, d.version, printing.day(d.filed_on), f"{d.size:,}", d.media_type.rpartition("/")[2], d.sha256[:12])
            for key, d in documents.items()
        ]
        printing.table(headings, rows)


def _show_found(reports: "Mapping[str, Report]", as_json: bool) -> None:
    import filing

    if as_json:
        printing.as_json({key: report.model_dump(mode="json") for key, report in reports.items()})
        return
    for key, report in reports.items():
        number = filing.places(report)
        print(f"{key}: {number} {'place' if number == 1 else 'places'} to look at.")
        for unread in report.unread:
            print(f"  {unread}")
        if report.not_searched:
            kinds = Counter(identifier.kind for identifier in report.not_searched)
            told = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
            print(f"  Not searched, for they are ordinary words: {told}. Read for them by eye.")
        if report.hits:
            headings = ("Where", "Kind", "Found", "How sure", "Around it")
            rows = [(h.place, h.kind, h.found, f"{h.strength}: {h.why}", h.excerpt) for h in report.hits]
            printing.table(headings, rows)
    print("This is what a search can find. Whether anybody can be known by it is for a person to decide.")


def _show_identifiers(known: "Sequence[Identifier]", as_json: bool) -> None:
    counts = Counter(identifier.kind for identifier in known)
    if as_json:
        printing.as_json(dict(counts))
    else:
        print(f"The search knows {', '.join(f'{number} {kind}' for kind, number in counts.items()) or 'nothing'}.")


def _show_chronology(merged: "Merged", titles: Mapping[str, str], as_json: bool) -> None:
    if as_json:
        printing.as_json(merged.model_dump(mode="json"))
        return
    from documents.chronology_words import findings, marks, summary, when

    marked = marks(merged, titles)
    print(summary(merged, titles))
    rows = []
    for number, entry in enumerate(merged.entries, 1):
        told = "\n".join([entry.event, *(f"[{mark}]" for mark in marked.get(number - 1, []))])
        rows.append((number, when(entry), titles.get(entry.agency, entry.agency), told))
    printing.table(("No.", "When", "Agency", "Event and marks"), rows)
    for finding in findings(merged, titles):
        if finding.kind in ("Gap", "Silence"):
            print(finding.words)


def _say_written(path: Path | None) -> None:
    print(f"Written to {path}.")


async def _case(register: "Register", reference: str) -> Case:
    await case_view(register, reference)
    return (await register.whole(reference)).case


def _write(path: Path | None, content: bytes) -> None:
    if path is None:
        raise Refusal("Say with --to into which file it is to be written.")
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # it was under seal
            file.write(content)
    except OSError as error:
        raise Refusal(f"{path}: cannot be written: {error.strerror}; name another file.") from error
