"""How often things are done a second, measured in turns, so that what else the machine does falls on all alike."""

import itertools
import random
from collections.abc import Callable, Mapping
from statistics import median
from typing import NamedTuple

Found = dict[str, list[float]]
"""What is done how often a second, one figure a round."""


class Work(NamedTuple):
    """What is done again and again, with another number each time; `makes` is how many of the thing at once."""

    do: Callable[[int], object]
    makes: int = 1


def rates(work: Mapping[str, Work], seconds: float, rounds: int, clock: Callable[[], float]) -> Found:
    """Do each for so many seconds of `clock` in each round, in shuffled order; the first round warms up."""
    numbers, order = itertools.count(), random.Random(1)
    found: Found = {name: [] for name in work}
    for turn in range(rounds + 1):
        names = list(work)
        order.shuffle(names)
        for name in names:
            rate = _rate(work[name], seconds if turn else seconds / 5, clock, numbers)
            if turn:
                found[name].append(rate)
    return found


def _rate(work: Work, seconds: float, clock: Callable[[], float], numbers: "itertools.count[int]") -> float:
    done, began, at_once = 0, clock(), 1
    while (took := clock() - began) < seconds:
        for number in itertools.islice(numbers, at_once):
            work.do(number)
        done += at_once
        at_once = min(2 * at_once, 64) if took < seconds / 10 else at_once  # so that looking at the clock costs little
    return work.makes * done / took


def rows(found: Found) -> list[tuple[str, str, str]]:
    """Rows of a table: what, the median a second, the range."""
    return [(name, f"{median(each):,.0f}", f"{min(each):,.0f} to {max(each):,.0f}") for name, each in found.items()]
