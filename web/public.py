"""The publication register on its own: the page that everybody may read, with nothing else behind its address.

It serves the files that `publication.py` writes into a folder of their own, and writes them anew when the board's
journal has changed. No sign-in, no cookies, no forms.
"""

import asyncio
import logging
import os
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

import health
import logs
import publication
from library import ROOT, Library, data_folder
from models.board import Board
from models.refusal import Refusal
from register import database, journal, papers
from register.sealed import Ring
from register.store import Register
from web.requests import logged

log = logging.getLogger("public")
TEMPLATES = ROOT / "templates" / "public"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "public, max-age=300",
}


class Shelf:
    """The folder that is served, and the state of the journal that it was written from."""

    def __init__(self, register: Register, board: Board, folder: Path) -> None:
        self._register, self._board, self._folder = register, board, folder
        self._state: str | None = None
        self._names: dict[str, str] = {}
        self._writing = asyncio.Lock()

    async def file(self, name: str) -> Path | None:
        """The file of a name, brought up to date; None for one that does not stand in the register now."""
        async with self._writing:
            await self._bring_up_to_date()
        return self._folder / name if name in self._names else None

    def media_type(self, name: str) -> str:
        """The media type of a file of a name."""
        return self._names[name]

    async def _bring_up_to_date(self) -> None:
        hashes = await journal.hashes(self._register, self._board.id)
        state = hashes[max(hashes)] if hashes else ""
        if state == self._state:
            return
        known = await journal.journal(self._register, self._board.id)
        files = publication.files(known)
        contents = {
            file.document.sha256: await papers.content(self._register, file.reference, file.document.sha256)
            for file in files
        }
        self._names = {}  # nothing is served while the folder changes, and nothing that could not be written
        await asyncio.to_thread(publication.write, self._folder, TEMPLATES, self._board, known, contents)
        self._names = {"index.html": "text/html", "register.css": "text/css", "reviews.json": "application/json"}
        self._names |= {f"documents/{file.name}": file.document.media_type for file in files}
        self._state = state


def build_public(register: Register, board: Board, folder: Path) -> Starlette:
    """The public page of a board's publication register, written into a folder that holds nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    app = Starlette(
        routes=[
            Route("/", page),
            Route("/{name:path}", page),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=logged), Middleware(BaseHTTPMiddleware, dispatch=guard)],
        exception_handlers={404: nothing, 405: nothing, Exception: broken},
    )
    app.state.shelf = Shelf(register, board, folder)
    return app


async def page(request: Request) -> Response:
    """A file of the publication register."""
    shelf: Shelf = request.app.state.shelf
    name = request.path_params.get("name", "index.html")
    path = await shelf.file(name)
    if path is None:
        return await nothing(request, None)
    saved = path.name if name.startswith("documents/") else None
    return FileResponse(path, media_type=shelf.media_type(name), filename=saved, content_disposition_type="inline")


async def nothing(request: Request, _error: Exception | None) -> Response:
    """That there is no such file."""
    return PlainTextResponse("There is no such page. The publication register is at /\n", status_code=404)


async def broken(request: Request, _error: Exception) -> Response:
    """That the page cannot be shown; why is for the board alone."""
    return PlainTextResponse("The publication register cannot be shown at the moment.\n", 500, dict(HEADERS))


async def guard(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Add the page's own headers."""
    response = await call_next(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


async def serve(port: int) -> None:
    """Serve the page of the board of SCR_BOARD on this machine until the process is told to stop."""
    data = data_folder()
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    board = Library(data).board(os.environ.get("SCR_BOARD") or "demo")
    ring = Ring.of(data)
    async with await Register.open(database.where(data), ring) as register:
        app = build_public(register, board, data / "public" / board.id)
        host = health.host_of(os.environ)
        config = uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False, server_header=False)
        log.info("The publication register of %s is at http://%s:%d", board.name, host, port)
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    try:
        logs.set_up(os.environ)
        asyncio.run(serve(int(os.environ.get("SCR_PUBLIC_PORT") or "8082")))
    except KeyboardInterrupt:
        sys.exit(130)
    except (ConnectionError, Refusal) as error:
        raise SystemExit(str(error)) from error
