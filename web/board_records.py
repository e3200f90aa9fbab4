"""What a board keeps beyond single cases, for its Business Managers: publications, learning, bulletins, retention."""

import re
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import entries
from models import access
from models.board import Board
from models.journal import QUARTER, Journal, Lesson, LessonWithdrawn, checked, quarter_of
from models.people import must_manage_board
from models.retention import Keep, RecordKind, due_for_disposal
from models.timescale import Day
from publication import in_words
from register import accounts, disposal, journal
from sheets import KINDS as RECORDS
from sheets import Sheet
from web.documents import attachment
from web.entering import BECAUSE, Asked, Follows, Given, entered, give
from web.fields import Field
from web.frame import office, page, today, viewer
from web.paging import paged

ROWS = 25
"""Rows of a page."""
FORMS = {"pdf": "application/pdf", "html": "text/html", "md": "text/markdown"}
"""As what a bulletin is taken away."""


class Shelf(NamedTuple):
    """A closed case in the list of what is kept: the first day on which something of it may go, and whether it has."""

    reference: str
    closed: Day
    first: date
    due: bool


async def overview(request: Request) -> Response:
    """What the board keeps, in numbers, and the ways to each part."""
    known = await _journal(request)
    due = await _shelves(request, known, due=True)
    last = _quarters(today())[0]
    return page(request, "records.html.j2", known=known, due=len(due), unwritten=last not in known.bulletins, last=last)


async def publications(request: Request) -> Response:
    """The publication register; to which case a review belongs only for who may see the case."""
    known = await _journal(request)
    mine = await accounts.roles_in_cases(office(request).register, viewer(request).person, list(known.published))
    context = {"known": known, "mine": mine, "in_words": in_words}
    return page(request, "records-publications.html.j2", **context)


async def learning(request: Request) -> Response:
    """The learning log, the newest entry first."""
    lessons = sorted((await _journal(request)).lessons.values(), key=lambda entry: -entry.seq)
    here = paged(request, len(lessons), ROWS)
    return page(request, "records-learning.html.j2", lessons=lessons[here.offset :][:ROWS], here=here)


async def add_lesson(request: Request) -> Response:
    """The form of an entry of the learning log."""
    board = _board(request)
    fields = (
        Field("source", "Whose review it is", "line", "For example another Board."),
        Field("review", "Its public title", "line", "It names nobody: “Child Z”."),
        Field("where", "Where to read it", "line", "An address, or where it is kept."),
        Field("lesson", "Lesson", "text", "Written so that nobody can be known by it: the log is not searched."),
        Field("relevance", "What it means here", "text"),
        BECAUSE,
    )

    async def follow(answers: Given) -> Follows:
        entry = checked(
            Lesson, **_said(request, board, answers), **{k: v for k, v in answers.items() if k != "because"}
        )
        entries.must_print(board, office(request).library, entry)
        words = (f"It stands in the learning log, and goes into the bulletin of {quarter_of(entry.on)}.",)
        return await entered(request, words, (entry,), "/records/learning")

    return await give(request, Asked("Add to the learning log", fields, follow, ("/records/learning", "Learning log")))


async def withdraw_lesson(request: Request) -> Response:
    """The form by which an entry of the learning log is taken out."""
    board, number = _board(request), int(request.path_params["number"])
    lesson = (await _journal(request)).lessons.get(number)
    if lesson is None and request.method == "GET":
        raise HTTPException(404)

    async def follow(answers: Given) -> Follows:
        entry = checked(LessonWithdrawn, **_said(request, board, answers), lesson=number)
        words = ("It is taken out of the log, and given out in no bulletin any more.",)
        return await entered(request, words, (entry,), "/records/learning")

    back, caption = ("/records/learning", "Learning log"), f"Entry {number}"
    lead = f"{lesson.review}: {lesson.lesson}" if lesson else ""
    return await give(request, Asked("Take out of the learning log", (BECAUSE,), follow, back, lead, caption))


async def bulletins(request: Request) -> Response:
    """The bulletins that were written, and the quarters that are over and have none."""
    known = await _journal(request)
    left = [one for one in _quarters(today()) if one not in known.bulletins]
    return page(request, "records-bulletins.html.j2", known=known, left=left, forms=FORMS)


async def write_bulletin(request: Request) -> Response:
    """The form by which the bulletin of a quarter is written."""
    board, quarter = _board(request), _quarter(request)

    async def follow(answers: Given) -> Follows:
        known, sheets = await _journal(request), entries.sheets_of(board, office(request).library)
        entry, _, held = entries.bulletin(known, sheets, quarter, _said(request, board, answers))
        if entry is None:  # a form that was sent before
            entry = known.bulletins[quarter].model_copy(update={"seq": 0, "at": None})
        words = (f"It holds {len(held)} {'entry' if len(held) == 1 else 'entries'}, and none is added to it later.",)
        return await entered(request, words, (entry,), "/records/bulletins")

    back = ("/records/bulletins", "Bulletins")
    return await give(request, Asked(f"Write the learning bulletin of {quarter}", (BECAUSE,), follow, back))


async def bulletin_file(request: Request) -> Response:
    """A bulletin that was written, without what was withdrawn since."""
    board, quarter, form = _board(request), _quarter(request), str(request.path_params["form"])
    known = await _journal(request)
    if quarter not in known.bulletins or form not in FORMS:
        raise HTTPException(404)
    _, sheet, _ = entries.bulletin(known, entries.sheets_of(board, office(request).library), quarter, {})
    return attachment(_as(sheet, form), f"bulletin-{quarter}.{form}", FORMS[form])


async def retention(request: Request) -> Response:
    """The closed cases that the viewer sees, those of which something is due for disposal, or all."""
    board, known = _board(request), await _journal(request)
    show = "all" if request.query_params.get("show") == "all" else "due"
    found = await _shelves(request, known, due=show == "due")
    here, register = paged(request, len(found), ROWS), office(request).register
    outbox = office(request).data / "outbox"
    shown = found[here.offset :][:ROWS]
    rows = [await entries.kept(register, outbox, board, one.reference, one.closed, known) for one in shown]
    context = {"rows": rows, "here": here, "show": show, "names": RECORDS, "schedule": board.retention}
    return page(request, "records-retention.html.j2", **context)


async def _shelves(request: Request, known: Journal, *, due: bool) -> list[Shelf]:
    """The closed cases that the viewer has a part in, the earliest first: those `due` for disposal, or all."""
    board, now = _board(request), today()
    gone: dict[str, set[RecordKind]] = {}
    for entry in known.disposals:
        gone.setdefault(entry.reference, set()).update(of.kind for of in entry.records)

    @cache  # many are closed on one day
    def keeps(closed: Day) -> tuple[Keep, ...]:
        return due_for_disposal(closed, board.retention)

    def some_are_due(closed: Day) -> bool:
        return keeps(closed)[0].from_day <= now

    read = (office(request).register, board.id, viewer(request).person)
    found = []
    for reference, closed in (await disposal.closings(*read, *([some_are_due] if due else []))).items():
        left = [keep for keep in keeps(closed) if keep.kind not in gone.get(reference, ())]
        if left:
            may_go = left[0].from_day <= now and reference not in known.holds
            found.append(Shelf(reference, closed, left[0].from_day, may_go))
    return sorted((one for one in found if one.due or not due), key=lambda one: (one.first, one.reference))


def _board(request: Request) -> Board:
    """The viewer's board, for its Business Managers; for everybody else these pages are not there."""
    board = office(request).library.board(viewer(request).board)
    if not access.keeps_records(board, viewer(request)):
        raise HTTPException(404)
    return board


async def _journal(request: Request) -> Journal:
    return await journal.journal(office(request).register, _board(request).id)


def _said(request: Request, board: Board, answers: Given) -> dict[str, Any]:
    """Who enters it, when and why. Raises Refusal for one who does not manage the board's reviews."""
    person, library = viewer(request).person, office(request).library
    must_manage_board(board, library.procedure(board.procedure), person)
    return {"by": person, "on": today(), "because": answers["because"]}


def _quarter(request: Request) -> str:
    quarter = str(request.path_params["quarter"])
    if not re.fullmatch(QUARTER, quarter) or quarter >= quarter_of(today()):
        raise HTTPException(404)
    return quarter


def _quarters(day: date) -> list[str]:
    """The eight quarters that are over on a day, the latest first."""
    now = day.year * 4 + (day.month - 1) // 3
    return [f"{one // 4}-Q{one % 4 + 1}" for one in range(now - 1, now - 9, -1)]


def _as(sheet: Sheet, form: str) -> bytes:
    return {"pdf": sheet.pdf, "html": sheet.html.encode(), "md": sheet.markdown.encode()}[form]


ROUTES = [
    Route("/records", overview, methods=["GET"]),
    Route("/records/publications", publications, methods=["GET"]),
    Route("/records/learning", learning, methods=["GET"]),
    Route("/records/learning/add", add_lesson, methods=["GET", "POST"]),
    Route("/records/learning/{number:int}/withdraw", withdraw_lesson, methods=["GET", "POST"]),
    Route("/records/bulletins", bulletins, methods=["GET"]),
    Route("/records/bulletins/{quarter}.{form}", bulletin_file, methods=["GET"]),
    Route("/records/bulletins/{quarter}", write_bulletin, methods=["GET", "POST"]),
    Route("/records/retention", retention, methods=["GET"]),
]
