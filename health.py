"""What those who run a process may ask of it: whether it is alive, whether it is ready, and its numbers."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Gauge, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

import starter
from models.calendar import ZONE
from models.refusal import Refusal
from models.timescale import local_date
from register import state
from register.errors import DatabaseError
from register.store import Register

log = logging.getLogger("health")
PATIENCE = 5.0
"""Seconds in which register and engine have to answer."""
GAUGES = {
    "open_cases": ("scr_open_cases", "Cases that are open."),
    "overdue_steps": ("scr_overdue_steps", "Open steps that were due before today."),
    "letters_waiting": ("scr_letters_waiting", "Letters that are owed and not known to have gone."),
    "oldest_unsent": ("scr_oldest_unsent_letter_seconds", "For how long the oldest of them has been owed."),
    "letters_failed": ("scr_letters_failed", "Letters that could not be sent and that a person has to see to."),
    "letters_returned": ("scr_letters_returned", "Letters that came back and that a person has to see to."),
    "letters_to_post": ("scr_letters_to_post", "Letters that a person has to print and post."),
    "unsettled_cases": ("scr_unsettled_cases", "Cases of which register and engine may have other events."),
    "size": ("scr_register_bytes", "What the register takes."),
}
"""What is measured of the product, read from the register when it is asked for; the same whichever worker says it."""
Engine = Callable[[], Awaitable[starter.Engine]]


def probes(register: Register, engine: Engine) -> list[Route]:
    """`/health`: the process is alive. `/ready`: register and engine answer and the tables are up to date."""

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(_: Request) -> Response:
        found = dict(zip(("register", "engine"), await asyncio.gather(_of(register), _of_engine(engine)), strict=True))
        return JSONResponse(found, 200 if set(found.values()) == {"ok"} else 503)

    return [Route("/health", health, methods=["GET"]), Route("/ready", ready, methods=["GET"])]


def build(register: Register, engine: Engine) -> Starlette:
    """What a worker answers: the probes, and `/metrics` for Prometheus."""

    async def metrics(_: Request) -> Response:
        own = await _measured(register, engine)
        return Response(generate_latest(REGISTRY) + generate_latest(own), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[*probes(register, engine), Route("/metrics", metrics, methods=["GET"])])


@asynccontextmanager
async def serving(app: Starlette, host: str, port: int) -> AsyncIterator[None]:
    """Serve an application beside other work of this process, whose signals stay its own."""
    try:
        bound = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise Refusal(f"Nothing can be served at {host}:{port} ({error.strerror}); name another port.") from error
    server = _Beside(uvicorn.Config(app, log_config=None, access_log=False, server_header=False))
    task = asyncio.create_task(server.serve([bound]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


def port_of(environment: Mapping[str, str], variable: str) -> int | None:
    """The port that a setting names; None where it names none. Raises Refusal for what is no port."""
    text = environment.get(variable) or ""
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
        raise Refusal(f"{variable} is {text!r}: give a port number from 1 to 65535.")
    return int(text)


def host_of(environment: Mapping[str, str]) -> str:
    """The address at which this process is reached: `SCR_LISTEN`, else this machine alone."""
    return environment.get("SCR_LISTEN") or "127.0.0.1"


class _Beside(uvicorn.Server):
    """A server that leaves signals to the process it is part of."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield


async def _of(register: Register) -> str:
    try:
        async with asyncio.timeout(PATIENCE):
            return "ok" if await state.is_up_to_date(register) else "has tables of another version"
    except (DatabaseError, OSError) as error:
        log.warning("The register does not answer: %s", type(error).__name__)
        return "does not answer"


async def _of_engine(engine: Engine) -> str:
    try:
        async with asyncio.timeout(PATIENCE):
            await starter.must_answer(await engine())
    except (OSError, Refusal) as error:
        log.warning("The engine does not answer: %s", type(error).__name__)
        return "does not answer"
    return "ok"


async def _measured(register: Register, engine: Engine) -> CollectorRegistry:
    """The numbers of the product. One that does not answer is told by its `…_up` and leaves the rest out."""
    own = CollectorRegistry()
    answers = await _of_engine(engine) == "ok"
    Gauge("scr_engine_up", "Whether the engine answers.", registry=own).set(answers)
    up = Gauge("scr_register_up", "Whether the register answers.", registry=own)
    now = datetime.now(UTC)
    try:
        async with asyncio.timeout(PATIENCE):
            numbers = await state.numbers(register, local_date(now, ZONE), now)
    except (DatabaseError, OSError) as error:
        log.warning("The register does not answer: %s", type(error).__name__)
        up.set(0)
        return own
    up.set(1)
    for field, (name, words) in GAUGES.items():
        Gauge(name, words, registry=own).set(getattr(numbers, field))
    return own
