"""The application: all routes, what stands before each of them, and how it is served."""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

import health
import logs
from library import ROOT, Library, data_folder
from models.refusal import Refusal
from register import accounts, database
from register.sealed import Ring
from register.store import Register
from starter import Unreachable
from web import (
    administering,
    board_records,
    bundling,
    case_records,
    changing,
    codec,
    deciding,
    engine,
    exporting,
    feeding,
    proclaiming,
    reading,
    referring,
    signing,
    single_sign_on,
    whatif,
    wording,
)
from web.frame import Office, error_page, now
from web.provider import Provider
from web.requests import logged

log = logging.getLogger("pages")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""What goes with every page: nothing inline, nothing from elsewhere, nothing kept by a browser."""


async def guard(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Add the headers that keep a page to itself. An address with NUL in it, which no text may hold, is none."""
    nul = "\0" in request.scope["path"] or b"%00" in request.scope["query_string"]
    response = Response("There is no such page.\n", 404) if nul else await call_next(request)
    kept = request.url.path.startswith("/static/")
    for name, value in HEADERS.items():
        if not (kept and name == "Cache-Control"):
            response.headers.setdefault(name, value)
    return response


def build(office: Office) -> Starlette:
    """The application on a register, a library and an engine."""
    static = StaticFiles(directory=ROOT / "web" / "static")
    app = Starlette(
        routes=[
            Mount("/static", static),
            *health.probes(office.register, office.engine),
            *signing.ROUTES,
            *single_sign_on.ROUTES,
            *reading.ROUTES,
            *deciding.ROUTES,
            *changing.ROUTES,
            *whatif.ROUTES,
            *referring.ROUTES,
            *administering.ROUTES,
            *exporting.ROUTES,
            *bundling.ROUTES,
            *feeding.ROUTES,
            *wording.ROUTES,
            *case_records.ROUTES,
            *board_records.ROUTES,
            *proclaiming.ROUTES,
            *engine.ROUTES,
            *codec.ROUTES,
        ],
        middleware=[
            Middleware(BaseHTTPMiddleware, dispatch=logged),
            Middleware(BaseHTTPMiddleware, dispatch=guard),
            Middleware(BaseHTTPMiddleware, dispatch=signing.know_who),
        ],
        exception_handlers={HTTPException: error_page, Unreachable: engine_down, Exception: error_page},
    )
    app.state.office = office
    return app


async def engine_down(request: Request, error: Exception) -> Response:
    """The page that says that the engine does not answer."""
    return await error_page(request, HTTPException(503))


@asynccontextmanager
async def opened() -> AsyncIterator[Office]:
    """The office of the data folder."""
    data = data_folder()
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    ring = Ring.of(data)
    async with await Register.open(database.where(data), ring) as register:
        secure = os.environ.get("SCR_PUBLIC_URL", "").startswith("https:")
        ui, readers = codec.ui_of(os.environ), codec.readers_of(os.environ)
        provider = Provider.of(os.environ)
        yield Office(register, Library(data), data, secure, provider=provider, temporal_ui=ui, engine_readers=readers)


def served(app: Starlette, port: int) -> uvicorn.Config:
    """How the pages are served; who says where a request came from is believed if SCR_TRUSTED_PROXIES names them."""
    proxies = os.environ.get("SCR_TRUSTED_PROXIES") or ""
    return uvicorn.Config(
        app,
        host=health.host_of(os.environ),
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
    )


async def serve(port: int) -> None:
    """Serve the pages on this machine until the process is told to stop."""
    async with opened() as office:
        config = served(build(office), port)
        log.info("The pages are ready at http://%s:%d", config.host, port)
        await uvicorn.Server(config).serve()


async def first_link(base: str) -> str | None:
    """The one-time link of the first administrator of the demonstration's board, if nobody may sign in yet."""
    async with opened() as office:
        if await accounts.has_accounts(office.register):
            return None
        board = office.library.board(os.environ.get("SCR_BOARD", "demo"))
        person = next(iter(board.holders("business-manager")), next(iter(board.people)))
        token = await accounts.invite(office.register, person, board.id, person, now(), administrator=True)
        return f"{base}/welcome/{token}"


if __name__ == "__main__":
    port = int(os.environ.get("SCR_WEB_PORT") or "8080")
    try:
        if "--first-link" in sys.argv:
            print(asyncio.run(first_link(f"http://127.0.0.1:{port}")) or "", end="")
        else:
            logs.set_up(os.environ)
            asyncio.run(serve(port))
    except (ConnectionError, Refusal) as error:
        raise SystemExit(str(error)) from error
