"""The two processes of a peer: `python -m bench.peers.process NAME work` does the work, `… give` gives decisions.

The one that gives reads lines from standard input, `[number, "begin", reference, seconds]` and
`[number, "decide", reference, number, because]`, and answers each with `[number, null]`, or with what went wrong.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import Protocol

from bench.deeds import count_sends, folder, make_database

SERVER = "PEER_SERVER"
"""The environment variable with the URL of the server that the peer keeps its state in."""


class Client(Protocol):
    """How decisions reach a peer."""

    async def begin(self, reference: str, deadline: float) -> None:
        """Begin a case whose decisions have so many seconds each; it waits for the first one on return."""
        ...

    async def decide(self, reference: str, number: int, because: str) -> None:
        """Give a decision; it will be done on return, whatever happens to the worker. The same again is the same."""
        ...


Work = Callable[[], AbstractAsyncContextManager[None]]
Open = Callable[[], AbstractAsyncContextManager[Client]]


def server() -> str:
    """The URL of the server."""
    return os.environ[SERVER]


async def _work(work: Work) -> None:
    stop = asyncio.Event()
    count_sends()
    make_database(folder())
    async with work():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        print("ready", flush=True)
        await stop.wait()


async def _give(client: Open) -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with client() as open_client, asyncio.TaskGroup() as group:
        print("ready", flush=True)
        while line := await lines.readline():
            group.create_task(_answer(open_client, *json.loads(line)))


async def _answer(client: Client, number: int, verb: str, *given: str | float) -> None:
    problem = None
    try:
        await getattr(client, verb)(*given)
    except Exception as error:  # noqa: BLE001 - the other process raises it
        problem = repr(error)
    print(json.dumps([number, problem]), flush=True)


if __name__ == "__main__":
    peer = import_module(f"bench.peers.{sys.argv[1]}")
    asyncio.run(_work(peer.work) if sys.argv[2] == "work" else _give(peer.client))
