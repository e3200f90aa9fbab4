"""The codec endpoint: opens what the engine keeps under seal, for the Temporal Web UI of the few who may read it.

A payload does not say of which case it is, so need to know cannot be kept here. Whoever runs the service names in
SCR_ENGINE_READERS the accounts that may read the engine, of all cases; an administrator of a board cannot give that.
"""

import re
from collections.abc import Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from models.access import Viewer
from models.refusal import Refusal
from payloads import readable
from register import accounts
from register.accounts import SignedIn
from web.frame import now, office

UI = "http://127.0.0.1:8233"
"""Where `./dev up` has the Temporal Web UI."""
LARGEST = 8_000_000
"""Bytes of a request; a page of the Temporal Web UI sends far less."""
ENGINE = "engine"
"""What reads of the engine's payloads are written down under, in place of a case's reference."""
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")
_HEADERS = "content-type, x-namespace, authorization"


def ui_of(environment: Mapping[str, str]) -> str:
    """The origin of the Temporal Web UI: `SCR_TEMPORAL_UI`, else that of `./dev up`. Raises Refusal."""
    named = environment.get("SCR_TEMPORAL_UI") or UI
    if not _ORIGIN.fullmatch(named):
        raise Refusal(f"SCR_TEMPORAL_UI is {named!r}; write the one origin, such as https://temporal.example.org.")
    return named


def readers_of(environment: Mapping[str, str]) -> frozenset[str]:
    """The accounts that may read the engine: the names in `SCR_ENGINE_READERS`, with commas or spaces between them."""
    return frozenset(re.split(r"[,\s]+", environment.get("SCR_ENGINE_READERS", ""))) - {""}


def may_read(request: Request, who: Viewer) -> bool:
    """Whether somebody may read the engine."""
    return who.account in office(request).engine_readers


async def preflight(request: Request) -> Response:
    """Tell a browser what the Temporal Web UI may send, and nobody else."""
    if not _from_ui(request):
        return _foreign()
    more = {"Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": _HEADERS}
    return Response(status_code=204, headers=_cors(request) | more)


async def decode(request: Request) -> Response:
    """Open payloads and write down who has read them."""
    if not _from_ui(request):
        return _foreign()
    signed_in: SignedIn | None = request.state.signed_in
    if signed_in is None:
        return _told(request, 401, "Sign in to the pages of Serious Case Reviews first.")
    if not may_read(request, signed_in.viewer):
        return _told(request, 403, "Your account may not read what the engine keeps.")
    content = await _body(request)
    if content is None:
        return _told(request, 413, f"Send at most {LARGEST} bytes at a time.")
    register = office(request).register
    try:
        opened, number = readable(register.ring, content.decode())
    except ValueError:
        return _told(request, 400, "Send payloads as the Temporal Web UI does.")
    if number:
        await accounts.note_read(register, signed_in.viewer, ENGINE, f"payloads: {number}", now())
    return Response(opened, media_type="application/json", headers=_cors(request))


async def _body(request: Request) -> bytes | None:
    """What was sent; None where it is too large."""
    content = bytearray()
    try:
        async for piece in request.stream():
            content += piece
            if len(content) > LARGEST:
                return None
    except ClientDisconnect:
        return b""
    return bytes(content)


def _from_ui(request: Request) -> bool:
    return request.headers.get("origin") == office(request).temporal_ui


def _cors(request: Request) -> dict[str, str]:
    allowed = {"Access-Control-Allow-Origin": office(request).temporal_ui, "Vary": "Origin"}
    return allowed | {"Access-Control-Allow-Credentials": "true"}


def _foreign() -> Response:
    return PlainTextResponse("This is for the Temporal Web UI alone.\n", 403)


def _told(request: Request, status: int, words: str) -> Response:
    return PlainTextResponse(f"{words}\n", status, _cors(request))


ROUTES = [
    Route("/codec/decode", preflight, methods=["OPTIONS"]),
    Route("/codec/decode", decode, methods=["POST"]),
]
