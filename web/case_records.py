"""What is kept of one case beyond its steps, for who manages it: publication, identifiers, hold, disposal."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import entries
import filing
from models import access
from models.board import Board
from models.identifiers import DATES, Identifier
from models.journal import Held, Journal, Published, Released, Unpublished, checked, must_not_be_held
from models.publishing import published_by
from models.refusal import Refusal
from models.retention import due_for_disposal
from models.timescale import exact, parse_day, say, say_day
from publication import KINDS as PUBLIC_KINDS
from publication import in_words, size_in_words
from register import disposal, journal, papers
from register.errors import RegisterError
from register.sealed import SealError
from sheets import KINDS as RECORDS
from web.cases import shown
from web.documents import attachment
from web.entering import BECAUSE, Asked, Follows, Given, entered, give
from web.fields import Faults, Field
from web.frame import Seen, form_of, now, office, page, seen, to, today, viewer

WORDS: dict[str, str] = {
    "name": "Names",
    "initials": "Initials",
    "born": "Dates of birth",
    "died": "Dates of death",
    "date": "Other dates",
    "address": "Addresses",
    "school": "Schools",
    "staff": "Staff",
    "other": "Other words",
}
BUSY = (
    "The records are deleted, but others are using the register, so that its files could not be written anew. Send it "
    "again in a while: the certificate is given when nothing of them is left."
)
YES_NO = {"yes": "Publish it", "no": "Leave it out"}


async def records(request: Request) -> Response:
    """What is kept of a case and what may be entered about it."""
    one = await _managed(request, "records")
    board, known = _board(request), await _journal(request)
    register, reference = office(request).register, one.reference
    closed = disposal.closed_on(one.case)
    counts, referral_read = await _identifiers_known(request, one)
    context = {
        "publication": known.published.get(reference),
        "publishes": _is_decided(one),
        "held": known.holds.get(reference),
        "disposals": known.disposals_of(reference),
        "closed_on": closed,
        "kept": await entries.kept(register, _outbox(request), board, reference, closed, known) if closed else None,
        "identifiers": [(words, counts[kind]) for kind, words in WORDS.items() if counts[kind]],
        "referral_read": referral_read,
        "names": RECORDS,
        "in_words": in_words,
    }
    return shown(request, "case-records.html.j2", one, "Records", **context)


async def _identifiers_known(request: Request, one: Seen) -> tuple[Counter[str], bool]:
    """How many identifiers of each kind the search knows, and whether those of the referral are among them."""
    register, library = office(request).register, office(request).library
    try:
        known = await filing.identifiers(register, library, one.reference, one.case.opening.board)
    except (RegisterError, SealError):  # such as of a referral that was disposed of
        return Counter(said["kind"] for said in await papers.identifiers(register, one.reference)), False
    return Counter(of.kind for of in known), True


async def change(request: Request) -> Response:
    """The form of one kind of entry about a case."""
    kind = str(request.path_params["kind"])
    if kind not in KINDS:
        raise HTTPException(404)
    one = await _managed(request, f"form to {kind}")
    return await give(request, KINDS[kind](request, one, await _journal(request)))


async def certificate(request: Request) -> Response:
    """The certificate of a disposal, once nothing of what went is left in the register's files."""
    one = await _managed(request, "certificate of disposal")
    await form_of(request)
    known = (await _journal(request)).disposals_of(one.reference)
    entry = next((entry for entry in known if entry.seq == int(request.path_params["number"])), None)
    if entry is None:
        raise HTTPException(404)
    register, board = office(request).register, _board(request)
    if not await register.purge():
        return page(request, "error.html.j2", 503, title="Not yet", text=BUSY)
    hashes = await journal.hashes(register, board.id)
    sheet = entries.sheets_of(board, office(request).library).certificate(entry, hashes[entry.seq])
    return attachment(sheet.pdf, f"{one.reference}-certificate-{entry.seq}.pdf", "application/pdf")


async def _managed(request: Request, what: str) -> Seen:
    """The case of the address, for who manages it; to anybody else the page does not exist."""
    one = await seen(request, what)
    if not access.manages(one.sight, one.case.procedure):
        raise HTTPException(404)
    return one


def _board(request: Request) -> Board:
    return office(request).library.board(viewer(request).board)


def _outbox(request: Request) -> Any:
    return office(request).data / "outbox"


async def _journal(request: Request) -> Journal:
    return await journal.journal(office(request).register, viewer(request).board)


def _is_decided(one: Seen) -> bool:
    try:
        return bool(published_by(one.case))
    except Refusal:
        return False


# ---- the forms ------------------------------------------------------------------------------------------------------


def _asked(
    one: Seen, title: str, fields: tuple[Field, ...], follow: Any, lead: str = "", *, warns: bool = False
) -> Asked:
    back = (f"/cases/{one.reference}/records", f"Records of {one.reference}")
    return Asked(title, fields, follow, back, lead, one.reference, warns)


def _said(request: Request, answers: Given) -> dict[str, Any]:
    """Who enters it, when and why."""
    return {"by": viewer(request).person, "on": today(), "because": answers["because"]}


def _publish(request: Request, one: Seen, known: Journal) -> Asked:
    """Enter a published review; one that stands is replaced by what the form says."""
    standing = known.published.get(one.reference)
    documents = _searched(one, standing)
    fields = (*_titles(standing), *documents.values(), BECAUSE)

    async def follow(answers: Given) -> Follows:
        wanted = [key for key, field in documents.items() if answers[field.name] == "yes"]
        if not wanted:
            raise Refusal("Choose at least one document that is published.")
        said = {name: answers.get(name) for name in ("review", "sort", "presented_on")} | _said(request, answers)
        here = office(request)
        entry = await entries.publication(here.register, here.library, one.case, said, wanted)
        again = standing is not None and standing.model_copy(update={"seq": 0, "at": None}) == entry
        replaces = standing is not None and not again
        before = (checked(Unpublished, **_said(request, answers), reference=one.reference),) if replaces else ()
        return await entered(request, _published(entry, standing), (*before, entry), f"/cases/{one.reference}/records")

    title = "Replace what the publication register says" if standing else "Enter in the publication register"
    lead = "Published are documents that were searched for what identifies people when publication was decided."
    return _asked(one, title, fields, follow, lead)


def _titles(standing: Published | None) -> tuple[Field, ...]:
    """What a review is called in public; as it stands, where one does."""
    review, sort, day = (
        (standing.review, standing.sort, str(standing.presented_on or ""))
        if standing
        else ("", "Serious Case Review", "")
    )
    hint = "Month and year, or the year, are enough."
    return (
        Field("review", "Public title", "line", "It names nobody: “Child N”.", start=review),
        Field("sort", "What it is", "line", start=sort),
        Field("presented_on", "The day it was presented to the Board", "day", hint, needed=False, start=day),
    )


def _searched(one: Seen, standing: Published | None) -> dict[str, Field]:
    """A question for each document that may be published; the report is, unless it was entered otherwise before."""
    try:
        decision = published_by(one.case)
    except Refusal:
        return {}
    waited_for = one.case.procedure.steps[decision.step].searches.get(decision.outcome, ())
    stands = {of.document for of in standing.documents} if standing else set()

    def start(key: str) -> str:
        return "yes" if (key in stands if standing else key.partition("[")[0] in waited_for) else "no"

    keys = [said.document for said in decision.searched]
    return {
        key: Field(f"document-{number}", in_words(key), "radios", choices=YES_NO, start=start(key))
        for number, key in enumerate(keys)
    }


def _published(entry: Published, standing: Published | None) -> tuple[str, ...]:
    public = [
        f"Everybody can read: {in_words(of.document)} ({PUBLIC_KINDS[of.media_type][1]}, {size_in_words(of.size)})"
        for of in entry.documents
    ]
    before = [f"“{standing.review}”, as it is now, is taken off the public page."] if standing else []
    return (*before, f"“{entry.review}” stands in the publication register for {say_day(entry.month)}.", *public)


def _withdraw(request: Request, one: Seen, known: Journal) -> Asked:
    async def follow(answers: Given) -> Follows:
        entry = checked(Unpublished, **_said(request, answers), reference=one.reference)
        words = ("The review and its documents are taken off the public page.",)
        return await entered(request, words, (entry,), f"/cases/{one.reference}/records")

    return _asked(one, "Take off the publication register", (BECAUSE,), follow)


def _hold(request: Request, one: Seen, known: Journal) -> Asked:
    review = Field("review_on", "When to look whether it must go on", "whole day", "A day to come.", needed=False)

    async def follow(answers: Given) -> Follows:
        said = _said(request, answers) | {"review_on": answers.get("review_on")}
        entry = checked(Held, **said, reference=one.reference)
        words = ("Nothing of this case may be disposed of until the hold is released.",)
        return await entered(request, words, (entry,), f"/cases/{one.reference}/records")

    return _asked(one, "Put under a legal hold", (BECAUSE, review), follow)


def _release(request: Request, one: Seen, known: Journal) -> Asked:
    async def follow(answers: Given) -> Follows:
        entry = checked(Released, **_said(request, answers), reference=one.reference)
        words = ("Its records may be disposed of again when their time has run out.",)
        return await entered(request, words, (entry,), f"/cases/{one.reference}/records")

    return _asked(one, "Release the legal hold", (BECAUSE,), follow)


def _dispose(request: Request, one: Seen, known: Journal) -> Asked:
    board, register = _board(request), office(request).register

    async def follow(answers: Given) -> Follows:
        order = disposal.Order(
            board.id, one.reference, viewer(request).person, answers["because"], today(), board.retention
        )

        async def enter() -> Response:
            gone = await entries.dispose(register, _outbox(request), one.case, order, now())
            if not gone.purged:
                return page(request, "error.html.j2", 503, title="Not yet", text=BUSY)
            return to(f"/cases/{one.reference}/records")

        return Follows(await _going(request, one, known, board), enter)

    lead = "Everything whose time has run out goes for good. The entry in the journal and its certificate stay."
    return _asked(one, "Dispose of records", (BECAUSE,), follow, lead, warns=True)


async def _going(request: Request, one: Seen, known: Journal, board: Board) -> tuple[str, ...]:
    """What a disposal would take. Raises Refusal where it would be refused."""
    must_not_be_held(known, one.reference)
    closed = disposal.closed_on(one.case)
    if closed is None:
        raise Refusal(f"{one.reference} is open; records are disposed of when their case has been closed for long.")
    found = await entries.kept(office(request).register, _outbox(request), board, one.reference, closed, known)
    due = [(keep, number) for keep, number in found.records if keep.from_day <= today()]
    gone = [f"{RECORDS[keep.kind]}: {number} deleted for good, kept until {say(keep.until)}" for keep, number in due]
    if gone or known.disposals_of(one.reference):
        return (*gone, *(() if gone else ("Nothing more is due; what was disposed of before stays so.",)))
    first = due_for_disposal(closed, board.retention)[0]
    raise Refusal(f"Nothing of {one.reference} may be disposed of before {say(first.from_day)}.")


def _identify(request: Request, one: Seen, known: Journal) -> Asked:
    fields = (
        Field("kind", "What it is", "select", choices=WORDS),
        Field("text", "One a line", "text", "Dates like 9 3 2024. This is kept under seal."),
    )

    async def follow(answers: Given) -> Follows:
        here = office(request)
        asked = _identifiers(answers["kind"], answers["text"])
        before = await filing.identifiers(here.register, here.library, one.reference, one.case.opening.board)
        new = [of for of in asked if of not in before]

        async def enter() -> Response:
            if new:
                made = [of.model_dump(mode="json") for of in new]
                await papers.add_identifiers(here.register, one.reference, made)
            return to(f"/cases/{one.reference}/records")

        known_already = (f"{len(asked) - len(new)} of them the search knows already.",) if len(new) < len(asked) else ()
        return Follows((f"The search before publication looks for {len(new)} more.", *known_already), enter)

    lead = "What must not stand in a report, beside what the referral and the Board’s file say. The list is not shown."
    return _asked(one, "Add to what identifies people", fields, follow, lead)


def _identifiers(kind: str, text: str) -> list[Identifier]:
    """Identifiers of a kind, one a line. Raises Faults that say in which line, never what stands there."""
    found, faults = [], []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            if line.strip():
                words = _date(line) if kind in DATES else line.strip()
                found.append(Identifier.model_validate({"kind": kind, "text": words}))
        except (Refusal, ValueError):
            wanted = "a whole date, for example 9 3 2024" if kind in DATES else "at most 300 characters"
            faults.append(("text", f"Line {number}: write {wanted}."))
    if faults:
        raise Faults(*faults)
    return list(dict.fromkeys(found))


def _date(line: str) -> Any:
    parts = line.replace("/", " ").replace("-", " ").split()
    if len(parts) == 3 and len(parts[2]) == 4:
        parts = parts[::-1]
    day = exact(parse_day("-".join(part.zfill(2) for part in parts)))
    if day is None:
        raise Refusal("A whole day is wanted.")
    return day


KINDS: dict[str, Callable[[Request, Seen, Journal], Asked]] = {
    "publish": _publish,
    "withdraw": _withdraw,
    "hold": _hold,
    "release": _release,
    "dispose": _dispose,
    "identifiers": _identify,
}
"""The entries about a case that the pages offer, each with what makes its form."""

ROUTES = [
    Route("/cases/{reference}/records", records, methods=["GET"]),
    Route("/cases/{reference}/records/certificate/{number:int}", certificate, methods=["POST"]),
    Route("/cases/{reference}/records/{kind}", change, methods=["GET", "POST"]),
]
