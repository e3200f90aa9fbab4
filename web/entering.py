"""How what is no decision of a case is entered from a form: form, check of the answers with what will follow, entry.

One way for the entries of a board's journal, what identifies people, a holiday. What is refused stands at the head of
the form, with everything as it was typed.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from models.journal import Entry, Journal, apply
from models.refusal import Refusal
from register import journal
from register.errors import RegisterError
from register.sealed import SealError
from starter import Unreachable
from web.fields import Faults, Field, at_first, read, said, typed_of
from web.frame import form_of, now, office, page, text_of, to, viewer

Given = Mapping[str, Any]
DOWN = "The engine does not answer. Nothing that you typed is lost: send it again in a while; it has one effect."
BECAUSE = Field("because", "Reason", "text", "Name nobody: this is kept for good.")


class Follows(NamedTuple):
    """What follows from the answers, in words, and what enters them: it gives the page to go on to."""

    words: tuple[str, ...]
    enter: Callable[[], Awaitable[Response]]


@dataclass(frozen=True)
class Asked:
    """A form with its way back; `follow` checks the answers and says what follows. It raises Refusal."""

    title: str
    fields: tuple[Field, ...]
    follow: Callable[[Given], Awaitable[Follows]]
    back: tuple[str, str]
    lead: str = ""
    caption: str = ""
    warns: bool = False


async def give(request: Request, asked: Asked) -> Response:
    """Take one of the steps that the form asks for: show it, change the answers, check them, enter them."""
    if request.method == "GET":
        return _show(request, asked, at_first(asked.fields))
    data = await form_of(request)
    typed = typed_of(asked.fields, lambda name: text_of(data, name))
    stage = text_of(data, "stage")
    if stage == "form":
        return _show(request, asked, typed)
    try:
        answers = read(asked.fields, typed)
        follows = await asked.follow(answers)
        if stage == "confirm":
            return await follows.enter()
    except (Refusal, RegisterError, SealError) as refusal:
        faults = (
            refusal.faults if isinstance(refusal, Faults) else tuple(("", line) for line in str(refusal).split("\n"))
        )
        return _show(request, asked, typed, 422, faults)
    except Unreachable:
        return _show(request, asked, typed, 503, (("", DOWN),))
    rows = [(one, said(one, answers.get(one.name))) for one in asked.fields]
    return page(request, "entry-check.html.j2", asked=asked, typed=typed, rows=rows, words=follows.words)


async def entered(request: Request, words: tuple[str, ...], entries: tuple[Entry, ...], path: str) -> Follows:
    """Entries for the viewer's board, which are tried on its journal now. Raises Refusal where one does not fit.

    A form that is sent twice is entered once, and goes on to the same page.
    """
    register, board = office(request).register, viewer(request).board

    async def enter() -> Response:
        await journal.append_once(register, board, entries, now())
        return to(path)

    if text_of(await form_of(request), "stage") != "confirm":
        trial(await journal.journal(register, board), entries)
    return Follows(words, enter)


def trial(known: Journal, entries: tuple[Entry, ...]) -> None:
    """Refuse entries that do not fit a journal."""
    for entry in entries:
        known = apply(known, entry.model_copy(update={"seq": known.seq + 1}))


def _show(
    request: Request,
    asked: Asked,
    typed: Mapping[str, str],
    status: int = 200,
    faults: tuple[tuple[str, str], ...] = (),
) -> Response:
    anchors = {one.name: one.anchor for one in asked.fields}
    errors = [{"text": words, "href": f"#{anchors.get(name, 'form')}"} for name, words in faults]
    context = {"asked": asked, "typed": typed, "faults": dict(faults), "errors": errors}
    return page(request, "entry-form.html.j2", status, **context)
