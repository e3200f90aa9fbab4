"""Where a worker runs its cases: in its own event loop, one after another, none that uses the processor without end.

The SDK would hand each task of a case to a thread and wait for it. Python runs one thread at a time, so nothing is done
any sooner there, and to hand over and wait costs a fifth of what a task costs.
"""

import asyncio
import inspect
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import FrameType
from typing import Any

LONGEST = 1.0
"""Seconds of processor time that the worker may use while it is at one task; none takes a tenth of a second.

It stays below the two seconds after which the SDK gives up a task that waits for another one.
"""
AGAIN = 0.01
"""After how many more of them a case that goes on all the same is broken off again."""
MOST_WAITS = 100
"""How often it is waited for a case to be within one of its tasks before it is broken off wherever it is."""


class BrokenOff(BaseException):
    """Raised in a case that does not come to an end; no `except Exception` of its code keeps it."""


class TooLong(Exception):
    """What a task that was broken off fails with."""


class Inline(ThreadPoolExecutor):
    """What a Worker takes as `workflow_task_executor`; it starts no thread.

    A task that uses the processor without end fails, and the engine gives it again later: the other cases go on. The
    worker's event loop must be that of the main thread, for only there can Python be interrupted: RuntimeError else.
    """

    def __init__(self, longest: float = LONGEST) -> None:
        super().__init__(1)
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("Start the worker in the main thread: its cases run there.")
        self._longest, self._waits = longest, 0
        self._at_it = self._broken_off = False

    def submit(self, work: Callable[..., Any], /, *given: Any, **named: Any) -> Any:
        """Do `work` as soon as the event loop comes to it; a future of that loop, which is what the SDK waits for."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        # not at once: Python 3.14 lets no task of another loop be run within one of this
        loop.call_soon(self._do, loop, done, partial(work, *given, **named))
        return done

    def _do(self, loop: asyncio.AbstractEventLoop, done: asyncio.Future[Any], work: Callable[[], Any]) -> None:
        if done.cancelled():
            return
        signal.signal(signal.SIGVTALRM, self._break_off)  # another worker of this process may have set its own
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
        self._at_it, self._broken_off, self._waits = True, False, 0
        try:
            result = work()
        finally:
            self._at_it = False
        if self._broken_off:  # what was raised in the case may have been kept by a task of it
            raise BrokenOff
        return result

    def _break_off(self, _: int, frame: FrameType | None) -> None:
        # Raised between two steps of a task, it would lose the task, and the case could never be let go of.
        self._waits += 1
        if self._at_it and (_within_a_task(frame) or self._waits > MOST_WAITS):
            self._broken_off = True
            raise BrokenOff

    def _too_long(self) -> TooLong:
        return TooLong(f"This task of a case was broken off: it took more than {self._longest:g} s.")


def _within_a_task(frame: FrameType | None) -> bool:
    """Whether a coroutine is what is being run: a loop that is about to run one, or has just done so, has none."""
    while frame is not None and not frame.f_code.co_flags & inspect.CO_COROUTINE:
        frame = frame.f_back
    return frame is not None
