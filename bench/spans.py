"""The product's worker and its pages as processes of their own, with a stopwatch around what a decision passes through.

`python -m bench.spans worker|web FILE [PORT]`; each passage is a line of FILE: what, when it began and ended. The
product itself has no such hooks: its functions are wrapped here, before anything runs.
"""

import asyncio
import inspect
import json
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import starter
from activities import outbox
from activities.letters import LetterActivities
from activities.rendering import Renderer
from bench.workers import ours
from models.messages import TASK_QUEUE
from register import accounts, deliveries, wordings
from register.store import Register
from typesetting import Typesetter
from web import app, deciding, following, giving

IN_WORKER: tuple[tuple[Any, str], ...] = (
    (LetterActivities, "send"),
    (Register, "referral"),
    (deliveries, "journeys"),
    (wordings, "newest"),
    (Renderer, "render"),
    (Typesetter, "pdf"),
    (outbox, "compose"),
    (outbox, "_write_once"),
    (outbox, "sync_folder"),
    (Register, "append"),
)
IN_WEB: tuple[tuple[Any, str], ...] = (
    (accounts, "signed_in"),
    (deciding, "seen"),
    (giving, "decision_of"),
    (following, "trial"),
    (Register, "begin"),
    (starter, "_answer"),
    (Register, "finish"),
    (starter, "decide"),
)


class Span(NamedTuple):
    """What was passed through, and the moments (seconds since 1970) at which that began and ended."""

    name: str
    began: float
    ended: float


def read(file: Path) -> list[Span]:
    """The spans of a file that is still being written: whole lines."""
    return [Span(*json.loads(line)) for line in file.read_text(encoding="utf-8").split("\n")[:-1]]


def time_all(passages: tuple[tuple[Any, str], ...], log: TextIO) -> None:
    """Have every call of these functions written down."""
    for owner, name in passages:
        setattr(owner, name, _timed(getattr(owner, name), name, log))


def _timed(work: Callable[..., Any], name: str, log: TextIO) -> Callable[..., Any]:
    def note(began: float) -> None:
        log.write(json.dumps((name, began, time.time())) + "\n")

    @wraps(work)
    async def awaited(*args: Any, **named: Any) -> Any:
        began = time.time()
        try:
            return await work(*args, **named)
        finally:
            note(began)

    @wraps(work)
    def called(*args: Any, **named: Any) -> Any:
        began = time.time()
        try:
            return work(*args, **named)
        finally:
            note(began)

    return awaited if inspect.iscoroutinefunction(work) else called


async def work() -> None:
    """The worker, until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(await ours(stack, TASK_QUEUE, {}))
        print("ready", flush=True)
        await stop.wait()


async def main(which: str, file: Path, port: str = "0") -> None:
    """Run one of the two with its stopwatches."""
    with file.open("a", encoding="utf-8", buffering=1) as log:
        time_all(IN_WORKER if which == "worker" else IN_WEB, log)
        await (work() if which == "worker" else app.serve(int(port)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]))
