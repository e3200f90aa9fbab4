"""A process that is broken and comes back, as under any supervisor of processes."""

import asyncio
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

UNLIMITED = resource.RLIM_INFINITY


class Part:
    """A process by its command; whoever watches it calls `watch` again and again, and it comes back where it ended."""

    def __init__(self, name: str, command: Sequence[str], env: Mapping[str, str], cwd: Path, log: Path) -> None:
        self.name = name
        self.log = log
        self.ended_itself = 0
        self._command, self._env, self._cwd = command, env, cwd
        self._turn = asyncio.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        with self.log.open("ab") as log:
            log.write(b"--- started\n")
            self._process = subprocess.Popen(self._command, env=dict(self._env), cwd=self._cwd, stdout=log, stderr=log)

    def watch(self) -> None:
        """Start it again if it has ended by itself."""
        if not self._turn.locked() and self._process is not None and self._process.poll() is not None:
            self.ended_itself += 1
            self.start()

    async def kill(self, seconds: float) -> None:
        """SIGKILL; it comes back after a while."""
        async with self._turn:
            self.end()
            await asyncio.sleep(seconds)
            self.start()

    async def restart(self) -> None:
        """SIGTERM, and it comes back when it has ended; it has half a minute for that."""
        async with self._turn:
            assert self._process is not None
            self._process.terminate()
            try:
                await asyncio.to_thread(self._process.wait, 30)
            except subprocess.TimeoutExpired:
                self.end()
            self.start()

    async def stop(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after a while."""
        async with self._turn:
            self._signal(signal.SIGSTOP)
            await asyncio.sleep(seconds)
            self._signal(signal.SIGCONT)

    async def full(self, seconds: float, limit: int) -> None:
        """For a while no file of this process grows beyond a size in bytes, as on a disk that is full."""
        async with self._turn:
            self._limit(limit)
            await asyncio.sleep(seconds)
            self._limit(UNLIMITED)

    def end(self) -> None:
        """SIGKILL for good."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def _signal(self, number: int) -> None:
        self._if_there(lambda: os.kill(self.pid, number))

    def _limit(self, size: int) -> None:
        self._if_there(lambda: resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (size, UNLIMITED)))

    def _if_there(self, work: Callable[[], object]) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            work()
