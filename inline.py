"""Where a worker runs its cases: in its own event loop, one after another, and none of them for ever.

The SDK would hand each task of a case to a thread and wait for it. Python runs one thread at a time, so nothing is done
any sooner there, and to hand over and wait costs a quarter of what a task costs.
"""

import asyncio
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

LONGEST = 1.0
"""Seconds of processor time that the worker may use while it is at one task; none takes a tenth of a second."""
AGAIN = 1.0
"""After how many more of them a case that went on all the same is broken off again."""


class BrokenOff(BaseException):
    """Raised in a case that does not come to an end; no `except Exception` of its code keeps it."""


class TooLong(Exception):
    """What a task that was broken off fails with."""


class Inline(ThreadPoolExecutor):
    """What a Worker takes as `workflow_task_executor`; it starts no thread.

    A task that does not come to an end fails, and the engine gives it again later: the other cases go on. The worker's
    event loop must be that of the main thread, for only there can Python be interrupted.
    """

    def __init__(self, longest: float = LONGEST) -> None:
        super().__init__(1)
        self._longest = longest
        self._at_it = self._broken_off = False

    def submit(self, work: Callable[..., Any], /, *given: Any, **named: Any) -> Any:
        """Do `work` as soon as the event loop comes to it; a future of that loop, which is what the SDK waits for."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        loop.call_soon(self._do, loop, done, partial(work, *given, **named))
        return done

    def _do(self, loop: asyncio.AbstractEventLoop, done: asyncio.Future[Any], work: Callable[[], Any]) -> None:
        signal.signal(signal.SIGVTALRM, self._break_off)
        signal.setitimer(signal.ITIMER_VIRTUAL, self._longest, AGAIN)
        try:
            result = self._whole(work)
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            done.set_exception(self._too_long() if self._broken_off else error)
        else:
            done.set_result(result)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            asyncio._set_running_loop(loop)  # a case has an event loop of its own, and leaves none behind

    def _whole(self, work: Callable[[], Any]) -> Any:
        self._at_it, self._broken_off = True, False
        try:
            result = work()
        finally:
            self._at_it = False
        if self._broken_off:  # what was raised in the case may have been kept by a task of it
            raise BrokenOff
        return result

    def _break_off(self, *_: object) -> None:
        if self._at_it:
            self._broken_off = True
            raise BrokenOff

    def _too_long(self) -> TooLong:
        return TooLong(f"This task of a case was broken off: it took more than {self._longest:g} s.")
