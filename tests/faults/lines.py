"""A line between two parts: a TCP proxy that can be cut, stalled and slowed."""

import asyncio
from contextlib import suppress
from pathlib import Path


class Line:
    """A port of this machine (`port`) whose connections go on to another, or to a socket in a folder."""

    def __init__(self, to: int | Path) -> None:
        self.port = 0
        self.delay = 0.0
        self._to = to
        self._cut = 0
        self._stalled = 0
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "Line":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._abort()

    async def cut(self, seconds: float) -> None:
        """End every connection, and let none come about for a while."""
        self._cut += 1
        self._abort()
        await asyncio.sleep(seconds)
        self._cut -= 1

    async def stall(self, seconds: float) -> None:
        """Hold back for a while what is sent; nobody is told."""
        self._stalled += 1
        self._flows.clear()
        await asyncio.sleep(seconds)
        self._stalled -= 1
        if not self._stalled:
            self._flows.set()

    async def slow(self, seconds: float, delay: float) -> None:
        """Have each piece of what is sent wait a while."""
        self.delay += delay
        await asyncio.sleep(seconds)
        self.delay = max(self.delay - delay, 0.0)

    def _abort(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._connect(reader, writer)
        except asyncio.CancelledError:
            pass  # the line is being taken down
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            return
        try:
            if isinstance(self._to, int):
                there, on = await asyncio.open_connection("127.0.0.1", self._to)
            else:
                there, on = await asyncio.open_unix_connection(str(self._to))
        except OSError:
            return  # nobody is there
        self._writers |= {writer, on}
        try:
            await asyncio.gather(self._pass(reader, on), self._pass(there, writer))
        finally:
            self._writers -= {writer, on}
            on.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(65536):
                await self._flows.wait()
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(piece)
                await writer.drain()
            writer.write_eof()
