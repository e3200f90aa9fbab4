"""The one thread that writes to the register, and how what waits for it shares a transaction."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine

from register import database

_T = TypeVar("_T")
_MOST_TOGETHER = 64  # in one transaction: with more, the first of them would wait long for little


class _Waiting(NamedTuple):
    work: Callable[[Connection], Any]
    outcome: Future[Any]


class Writer:
    """Writes to one database, one transaction at a time, each of which holds the write lock from its beginning."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(**{database.WRITES: True})
        self._thread = ThreadPoolExecutor(1, "register-writer")
        self._waiting: deque[_Waiting] = deque()

    def close(self) -> None:
        """Finish what is under way."""
        self._thread.shutdown()

    async def run(self, work: Callable[[], _T]) -> _T:
        """What `work`, called in the thread that writes, returns."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def write(self, work: Callable[[Connection], _T]) -> _T:
        """Do `work` in a transaction of its own."""
        return await self.run(lambda: self._in_one([work])[0])

    async def write_with_others(self, work: Callable[[Connection], _T]) -> _T:
        """Do `work` in one transaction with all that waits: many cases at one moment wait for the disk once.

        What it raises undoes it alone. It may be called a second time, so that it must do nothing but write.
        """
        outcome: Future[_T] = Future()
        self._waiting.append(_Waiting(work, outcome))
        self._thread.submit(self._write_all_that_waits)
        return await asyncio.wrap_future(outcome)

    def _write_all_that_waits(self) -> None:
        group: list[_Waiting] = []
        while self._waiting and len(group) < _MOST_TOGETHER:
            one = self._waiting.popleft()
            if one.outcome.set_running_or_notify_cancel():
                group.append(one)
        try:
            done = self._in_one([one.work for one in group]) if len(group) > 1 else []
        except Exception:  # noqa: BLE001 - whichever of them it was, each is tried by itself and told its own
            done = []
        for one, answer in zip(group, done, strict=False):
            one.outcome.set_result(answer)
        for one in group[len(done) :]:
            self._write_one(one)

    def _write_one(self, one: _Waiting) -> None:
        try:
            [answer] = self._in_one([one.work])
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            one.outcome.set_exception(error)
        else:
            one.outcome.set_result(answer)

    def _in_one(self, works: Sequence[Callable[[Connection], Any]]) -> list[Any]:
        with self._engine.begin() as db:
            return [work(db) for work in works]
