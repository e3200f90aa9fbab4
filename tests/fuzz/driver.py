"""The loop: inputs made from a seed, one after another; what is neither taken nor refused in plain words is a fault."""

import re
import time
import traceback
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from models.refusal import LONGEST, Refusal

SHOWN = 3_000
"""Characters of an input that a fault shows."""
_HIDDEN = re.compile("[\x00-\x1f\ud800-\udfff]")


class Target(ABC):
    """Something that reads what others wrote. Each input is made from its number and the seed, and so made again."""

    name: str
    share: float = 0
    """Of a thousand inputs over all targets, how many are this one's."""
    seconds = 2.0
    """Processor time that one input may take."""
    may_end_all = False
    """Whether a fault of it could end the whole process, as readers that are not written in Python can."""
    refusals: tuple[type[Exception], ...] = (Refusal,)

    @abstractmethod
    def make(self, random: Random) -> Any:
        """An input."""

    @abstractmethod
    def give(self, made: Any) -> None:
        """Read it, and check what must be true of anything that is taken. Raises one of `refusals`."""

    def end(self) -> None:  # noqa: B027 - most have nothing to check there
        """Check what must be true when all inputs have been given."""


@dataclass
class Fault:
    """Inputs that go wrong in one way: how often, and the shortest of them."""

    where: str
    words: str
    number: int
    shortest: str
    times: int = 1


@dataclass
class Tried:
    """What became of a target's inputs."""

    target: str
    inputs: int = 0
    refused: int = 0
    taken: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    faults: dict[str, Fault] = field(default_factory=dict)

    def note(self, error: BaseException, number: int, made: Any) -> None:
        """Write a fault down with those that end in the same line."""
        frames = traceback.extract_tb(error.__traceback__)
        last = frames[-1] if frames else None
        where = f"{Path(last.filename).name}:{last.lineno}" if last else "?"
        words, shown = f"{type(error).__name__}: {error}"[:300], repr(made)[:SHOWN]
        known = self.faults.setdefault(f"{type(error).__name__} {where}", Fault(where, words, number, shown, 0))
        known.times += 1
        if len(shown) < len(known.shortest):
            known.number, known.shortest, known.words = number, shown, words


def run(target: Target, inputs: int, seed: int, last: Path | None = None, first: int = 0) -> Tried:
    """Give a target so many inputs, from the number `first` on.

    `last` is a file that says which input was given last, for one that ends the whole process.
    """
    tried, begun = Tried(target.name), time.monotonic()
    for number in range(first, first + inputs):
        made = target.make(Random(f"{seed} {target.name} {number}"))
        if last is not None and target.may_end_all:
            last.write_text(f"{target.name} --seed {seed} --first {number}\n", encoding="utf-8")
        _give(target, tried, number, made)
        tried.inputs += 1
    try:
        target.end()
    except AssertionError as error:
        tried.note(error, -1, "at the end")
    tried.seconds = time.monotonic() - begun
    return tried


def _give(target: Target, tried: Tried, number: int, made: Any) -> None:
    begun = time.process_time()  # not the clock: others use this machine
    try:
        target.give(made)
        tried.taken += 1
    except target.refusals as error:
        tried.refused += 1
        _must_be_plain(tried, error, number, made)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - readers written in Rust raise such as are no Exception
        tried.note(error, number, made)
    took = time.process_time() - begun
    tried.slowest = max(tried.slowest, took)
    if took > target.seconds:
        tried.note(TimeoutError(f"took {took:.1f} s"), number, made)


def _must_be_plain(tried: Tried, error: Exception, number: int, made: Any) -> None:
    """What is refused is refused in lines that a person can read."""
    lines = str(error).split("\n")
    faulty = [line for line in lines if not line.strip() or len(line) > LONGEST or _HIDDEN.search(line)]
    if faulty:
        told = AssertionError(f"refused, but not in plain lines: {faulty[0][:100]!r}")
        tried.note(told.with_traceback(error.__traceback__), number, made)
