"""What a board enters in its journal, made and checked before it is written: for the command line and the pages.

A publication is checked against its case and the search for what identifies people, a bulletin and whatever goes into
one is set as the sheet that it will be, and a disposal ends with its certificates.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import filing
from library import ROOT, Library
from models.anonymity import DocumentText, search
from models.board import Board
from models.case import Case
from models.decisions import Decide
from models.journal import Bulletin, Disposed, Journal, Lesson, Published, checked, quarter_of
from models.people import must_manage
from models.publishing import published_by, to_publish
from models.refusal import Refusal
from models.retention import Keep, due_for_disposal
from models.timescale import Day
from publication import check_media_type
from register import disposal, journal
from register.store import Register
from sheets import Sheet, Sheets

PUBLIC = ROOT / "templates" / "public"
"""The templates of what goes out besides letters."""


class Gone(NamedTuple):
    """The disposals of a case, and whether nothing of them is left in the register's files: then they are certified."""

    disposals: list[Disposed]
    purged: bool


class Kept(NamedTuple):
    """What is still kept of a closed case, by kind with its number, and since when a legal hold stops its disposal."""

    reference: str
    closed_on: Day
    records: list[tuple[Keep, int]]
    held_since: date | None
    review_hold_on: date | None
    disposed_on: list[date]


async def publication(
    register: Register,
    library: Library,
    case: Case,
    said: Mapping[str, Any],
    wanted: Sequence[str] = (),
    step: str | None = None,
) -> Published:
    """The entry of a published review: the documents searched for the decision to publish, as they are now.

    `said` are the fields that a person gives, `wanted` the documents where others than the report are published.
    Raises Refusal, also for a title in which the search finds anything.
    """
    must_manage(case, said["by"])
    decision = published_by(case, step)
    documents = to_publish(case, decision, wanted)
    for of in documents:
        check_media_type(of.media_type)
    await _must_be_searched_well(register, library, case, decision)
    month = str(decision.made_on)[: len("2017-06")]
    entry = checked(Published, **said, reference=case.opening.reference, month=month, documents=documents)
    known = await filing.identifiers(register, library, entry.reference, case.opening.board)
    if search(DocumentText(pages=(entry.review, entry.sort)), "", known).hits:
        raise Refusal(f'The title of {entry.reference} may identify somebody; give one that cannot, such as "Child N".')
    must_print(library.board(case.opening.board), library, entry)
    return entry


async def _must_be_searched_well(register: Register, library: Library, case: Case, decision: Decide) -> None:
    """Refuse where the search finds more in the documents now than when they were passed: more is known since."""
    facts = {said.document: case.facts.documents[said.document] for said in decision.searched}
    reports = await filing.search(register, library, case, facts)
    for said in decision.searched:
        if filing.places(reports[said.document]) > said.hits:
            raise Refusal(
                f"The search finds more in {said.document!r} than when {decision.step!r} was decided: look with `scr "
                f"search {case.opening.reference}` and reconsider that step."
            )


def must_print(board: Board, library: Library, entry: Published | Lesson) -> None:
    """Refuse what no bulletin could show, while it can still be worded otherwise."""
    sheets_of(board, library).bulletin(quarter_of(entry.on), [entry], entry.on)


def sheets_of(board: Board, library: Library) -> Sheets:
    """What sets the sheets of a board."""
    return Sheets(PUBLIC, library.fonts, board)


def bulletin(
    known: Journal, sheets: Sheets, quarter: str, said: Mapping[str, Any]
) -> tuple[Bulletin | None, Sheet, Sequence[Published | Lesson]]:
    """The bulletin of a quarter with what it holds; the entry to be made, or None where it was written before.

    What one held is not added to later; what was withdrawn since is not given out again. Raises Refusal.
    """
    entry, held = known.bulletins.get(quarter), known.of_quarter(quarter)
    if entry is not None:
        held = [one for one in held if one.seq in entry.held]
        return None, sheets.bulletin(quarter, held, entry.on), held
    sheet = sheets.bulletin(quarter, held, said["on"])
    sha256 = hashlib.sha256(sheet.markdown.encode()).hexdigest()
    return checked(Bulletin, **said, quarter=quarter, held=tuple(one.seq for one in held), sha256=sha256), sheet, held


async def kept(register: Register, outbox: Path, board: Board, reference: str, closed: Day, known: Journal) -> Kept:
    """What is still kept of a case that was closed on a day, and until when."""
    numbers = await disposal.kept(register, outbox, reference, known)
    held = known.holds.get(reference)
    records = [(keep, numbers[keep.kind]) for keep in due_for_disposal(closed, board.retention) if keep.kind in numbers]
    days = [entry.on for entry in known.disposals_of(reference)]
    return Kept(reference, closed, records, held.on if held else None, held.review_on if held else None, days)


async def dispose(register: Register, outbox: Path, case: Case, order: disposal.Order, at: datetime) -> Gone:
    """Dispose of all records of a closed case whose time has run out; given again, the disposals of before.

    Raises Refusal for whoever does not manage the case, and where nothing was ever kept.
    """
    must_manage(case, order.by)
    entry = await disposal.dispose(register, outbox, order, at)
    known = (await journal.journal(register, order.board)).disposals_of(order.reference)
    if not known:
        raise Refusal(f"Nothing is kept of {order.reference} that could be disposed of.")
    return Gone([entry] if entry else known, await register.purge())
