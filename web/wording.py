"""The wording of a board's letters: edited by its Business Managers, tried on invented cases, kept as versions."""

import asyncio
import difflib
from collections.abc import Iterator
from typing import Any, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from activities import samples
from activities.rendering import LetterError
from activities.safe_rendering import Given, make
from models import access
from models.board import Board
from models.letters import RenderedLetter
from models.refusal import Refusal
from register import wordings
from register.wordings import Overtaken, Wording
from web.frame import form_of, now, office, page, refused, text_of, to, viewer

LONGEST = 20_000
"""Characters of a letter's wording."""
LONGEST_REASON = 500
"""Characters of the reason of a version."""


class Letter(NamedTuple):
    """A letter with its file, which may be the board's own, and the newest version that was saved here."""

    name: str
    file: str
    boards_own: bool
    newest: Wording | None

    @property
    def title(self) -> str:
        """What the letter is, by its name: "Decision notice"."""
        return self.name.replace("-", " ").capitalize()

    @property
    def version(self) -> int:
        """The number of the newest version; 0 where none was ever saved."""
        return self.newest.version if self.newest else 0

    @property
    def edited(self) -> bool:
        """Whether a version that was saved here is in use."""
        return self.newest is not None and self.newest.source is not None

    @property
    def source(self) -> str:
        """The wording that is in use."""
        return self.said_by(self.newest)

    def said_by(self, version: Wording | None) -> str:
        """The wording of a version; that of the file where there is none, or where it went back to the file."""
        return self.file if version is None or version.source is None else version.source


async def listed(request: Request) -> Response:
    """The letters that the board can send, and whose wording each has."""
    board = _board(request)
    newest = await wordings.in_use(office(request).register, board.id)
    letters = [_letter(request, board, name, newest.get(name)) for name in sorted(_files(request, board))]
    return page(request, "wording.html.j2", letters=letters)


async def edit(request: Request) -> Response:
    """The wording of a letter, to be edited."""
    _, letter = await _asked(request)
    return page(request, "wording-one.html.j2", **_form(letter, letter.source, "", letter.version))


async def sent(request: Request) -> Response:
    """Preview what was typed, as text or as PDF, or save it; what is refused is shown again as it was typed."""
    board, letter = await _asked(request)
    form = await form_of(request)
    source, because = _tidy(text_of(form, "source")), _tidy(text_of(form, "because"))
    do, based_on = text_of(form, "do"), _number(text_of(form, "based_on"))
    shown = _form(letter, f"{source}\n", because, based_on)
    try:
        _check(source, "The wording", LONGEST)
        full, least = samples.whole(board, letter.name)
        if do == "pdf":
            return _pdf(letter, (await _made(request, board, source, [full]))[0])
        if do != "save":
            texts = [made.text for made in await _made(request, board, source, [full, least])]
            return page(request, "wording-one.html.j2", **shown, texts=texts)
        _check(because, "The reason", LONGEST_REASON)
        await _save(request, board, letter, based_on, because, f"{source}\n")
    except Overtaken as overtaken:
        _, latest = await _asked(request)
        differs = list(_difference(latest.source, f"{source}\n"))
        shown = _form(latest, f"{source}\n", because, latest.version) | {"differs": differs}
        return refused(request, "wording-one.html.j2", overtaken, "source", **shown)
    except Refusal as refusal:
        return refused(request, "wording-one.html.j2", refusal, "source", **shown)
    return to(f"/wording/{letter.name}/versions")


async def versions(request: Request) -> Response:
    """The versions of a letter, with who saved each, when and why."""
    board, letter = await _asked(request)
    known = await wordings.versions(office(request).register, board.id, letter.name)
    return page(request, "wording-versions.html.j2", letter=letter, versions=known)


async def one_version(request: Request) -> Response:
    """A version of a letter, and what it changed."""
    board, letter = await _asked(request)
    return page(request, "wording-version.html.j2", **await _version(request, board, letter))


async def use_again(request: Request) -> Response:
    """Have an earlier version, or the file, be the wording again, as a new version."""
    board, letter = await _asked(request)
    form = await form_of(request)
    shown = await _version(request, board, letter)
    version: Wording | None = shown["version"]
    source = version.source if version else None
    because = f"As version {version.version}" if version and source else "As in the file"
    try:
        await _save(request, board, letter, _number(text_of(form, "based_on")), because, source)
    except Refusal as refusal:
        return refused(request, "wording-version.html.j2", refusal, **shown)
    return to(f"/wording/{letter.name}/versions")


async def _save(
    request: Request, board: Board, letter: Letter, based_on: int, because: str, source: str | None
) -> None:
    """Save a version once it has made a letter of every invented case. Raises Refusal."""
    if source is not None:
        partly = list(samples.partly(board, letter.name))
        await _made(request, board, source, list(samples.whole(board, letter.name)), partly)
    version = Wording(letter.name, based_on + 1, now(), viewer(request).person, because, source)
    await wordings.save(office(request).register, board.id, version)


async def _made(
    request: Request, board: Board, source: str, rendered: list[Given], filled: list[Given] | None = None
) -> list[RenderedLetter]:
    """The letters that a wording makes of invented cases. Raises Refusal."""
    library = office(request).library
    folders = library.letter_folders(board.id)
    try:
        return await asyncio.to_thread(make, folders, library.fonts, f"{source}\n", rendered, filled or [])
    except LetterError as error:
        raise Refusal(str(error)) from error


def _pdf(letter: Letter, made: RenderedLetter) -> Response:
    headers = {"Content-Disposition": f'inline; filename="{letter.name}-preview.pdf"'}
    return Response(made.pdf, media_type="application/pdf", headers=headers)


def _board(request: Request) -> Board:
    """The viewer's board, whose letters they word; for anybody else there is no such page."""
    who = viewer(request)
    board = office(request).library.board(who.board)
    if not access.words_letters(board, who):
        raise HTTPException(404)
    return board


def _files(request: Request, board: Board) -> dict[str, Any]:
    return office(request).library.letters(board.id)


def _letter(request: Request, board: Board, name: str, newest: Wording | None) -> Letter:
    file = _files(request, board)[name]
    return Letter(name, file.read_text(encoding="utf-8"), file.match(f"boards/{board.id}/letters/*"), newest)


async def _asked(request: Request) -> tuple[Board, Letter]:
    """The letter of the address with the viewer's board."""
    board, name = _board(request), str(request.path_params["letter"])
    if name not in _files(request, board):
        raise HTTPException(404)
    newest = await wordings.newest(office(request).register, board.id, name)
    return board, _letter(request, board, name, newest)


def _form(letter: Letter, source: str, because: str, based_on: int) -> dict[str, Any]:
    return {
        "letter": letter,
        "source": source,
        "because": because,
        "based_on": based_on,
        "printed": samples.PRINTED,
        "longest": LONGEST,
    }


async def _version(request: Request, board: Board, letter: Letter) -> dict[str, Any]:
    """What the page of one version shows; version 0 is the file."""
    number = int(request.path_params["version"])
    known = {one.version: one for one in await wordings.versions(office(request).register, board.id, letter.name)}
    if number and number not in known:
        raise HTTPException(404)
    version = known.get(number)
    said = letter.said_by(version)
    return {
        "letter": letter,
        "number": number,
        "version": version,
        "source": said,
        "changed": list(_difference(letter.said_by(known.get(number - 1)), said)),
        "differs": list(_difference(letter.source, said)),
    }


def _difference(before: str, after: str) -> Iterator[tuple[str, str]]:
    """What differs, line by line: "-" for what is gone, "+" for what is new, " " for what stands beside it."""
    for number, line in enumerate(difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm="")):
        if number > 1:  # after the names of the two files
            yield ("…", "") if line.startswith("@@") else (line[0], line[1:])


def _check(text: str, what: str, longest: int) -> None:
    if len(text) > longest:
        raise Refusal(f"{what} has {len(text):,} characters: write at most {longest:,}.")
    if any(ord(sign) < ord(" ") and sign not in "\n\t" for sign in text):
        raise Refusal(f"{what} holds a control character: take it out.")


def _tidy(text: str) -> str:
    """A text as forms send it, with the line ends of files."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _number(text: str) -> int:
    """The number of a version in a form; one that nothing is based on where it is none."""
    return int(text) if text.isascii() and text.isdecimal() else 0


ROUTES = [
    Route("/wording", listed, methods=["GET"]),
    Route("/wording/{letter}", edit, methods=["GET"]),
    Route("/wording/{letter}", sent, methods=["POST"]),
    Route("/wording/{letter}/versions", versions, methods=["GET"]),
    Route("/wording/{letter}/versions/{version:int}", one_version, methods=["GET"]),
    Route("/wording/{letter}/versions/{version:int}", use_again, methods=["POST"]),
]
