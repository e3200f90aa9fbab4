"""What is lost when the worker is killed in the middle of the story, tried: `kill -9` at drawn moments, and counted."""

import asyncio
import os
import random
import signal
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median

from bench import story
from bench.bare import CASES, IN_FLIGHT, Variant
from bench.deeds import SENDS
from bench.peers.worlds import BEGUN, World, world
from bench.workers import TRY

SEED = 20261122
ONE_TRY = 8.0
"""Seconds that a try of an activity may take on Temporal here; in earnest it is minutes, and so is the wait."""
AGAIN = 90.0
"""Seconds for which a decision that nobody has answered is given again."""
REST = 15.0
"""Seconds before the count: what is done a second time may come late."""
STRIKES = timedelta(seconds=8)
"""From the beginning of a case to the deadline that strikes while its worker is dead."""


@dataclass
class Losses:
    """What was missing or there twice when all had settled; `unsettled` passes never did."""

    kills: int = 0
    decisions_lost: int = 0
    decisions_doubled: int = 0
    letters_missing: int = 0
    letters_doubled: int = 0
    deadlines_lost: int = 0
    deadlines_doubled: int = 0
    unsettled: int = 0
    settling: list[float] = field(default_factory=list)
    """Seconds from each kill until all was done that had been under way."""

    def row(self) -> list[str]:
        """As cells of a table."""
        pairs = [
            (self.decisions_lost, self.decisions_doubled),
            (self.letters_missing, self.letters_doubled),
            (self.deadlines_lost, self.deadlines_doubled),
        ]
        stuck = f", {self.unsettled} never" if self.unsettled else ""
        cells = [f"{missing} / {twice}" for missing, twice in pairs]
        return [str(self.kills), *cells, f"{median(self.settling):.1f}{stuck}"]


def count(acknowledged: Iterable[tuple[str, int]], kept: Sequence[tuple[str, int]], sends: Sequence[str]) -> Losses:
    """Compare what was promised (case, number) with what was kept (case, number) and with the letters sent."""
    promised = set(acknowledged)
    letters = sum(number in story.WITH_LETTERS for _, number in promised) * len(story.RECIPIENTS)
    return Losses(
        decisions_lost=len(promised - set(kept)),
        decisions_doubled=len(kept) - len(promised & set(kept)),
        letters_missing=max(0, letters - len(set(sends))),
        letters_doubled=len(sends) - len(set(sends)),
    )


async def losses(name: str, folder: Path, stories: int) -> Losses:
    """Play stories, kill the worker in five passes of each, and then before deadlines; count at the end."""
    log = folder.with_suffix(".sends")
    log.touch()
    with _environment({SENDS: str(log), TRY: str(ONE_TRY)}):
        async with world(name, folder) as at:
            given, settling, unsettled = set[tuple[str, int]](), list[float](), 0
            draw = random.Random(f"{SEED} {name}")
            for _ in range(stories):
                unsettled += await _story(at, draw, given, settling)
            await asyncio.sleep(REST)
            found = count(given, at.decided(), log.read_text().splitlines())
            found.kills, found.settling, found.unsettled = len(settling), settling, unsettled
            await _deadlines(at, found)
            found.kills += 1
    return found


async def _story(at: World, draw: random.Random, given: set[tuple[str, int]], settling: list[float]) -> int:
    """One round of cases, with kills in the passes with letters and in one other; how many passes did not settle."""
    references = await at.variant.begin(CASES)
    others = [number for number in range(2, story.STEPS) if number not in story.WITH_LETTERS]
    killed, unsettled = {*story.WITH_LETTERS, draw.choice(others)}, 0
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def decide(reference: str, number: int) -> None:
        async with gate:
            await _insist(at.variant, reference, number)
            given.add((reference, number))

    for number in range(1, story.STEPS + 1):
        deciding = asyncio.gather(*(decide(reference, number) for reference in references))
        moment = None
        if number in killed:
            await asyncio.sleep(draw.uniform(0.0, 0.6 if number in story.WITH_LETTERS else 0.15))
            moment = time.monotonic()
            await _kill_and_start(at)
        await deciding
        letters = len(story.RECIPIENTS) * sum(step <= number for step in story.WITH_LETTERS)
        try:
            await at.variant.settled(references, number * CASES, letters * CASES)
        except TimeoutError:
            unsettled += 1
        if moment is not None:
            settling.append(time.monotonic() - moment)
    return unsettled


async def _insist(variant: Variant, reference: str, number: int) -> None:
    """Give a decision, and the same one again for as long as nobody answers, as a person would."""
    end = time.monotonic() + AGAIN
    while True:
        try:
            return await variant.decide(reference, number)
        except Exception:  # what it raises is the variant's own; the last one is passed on
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.3)


async def _kill_and_start(at: World, between: float = 0.0) -> None:
    at.variant.worker.stop(signal.SIGKILL)
    await asyncio.sleep(between)
    at.variant.worker = await asyncio.to_thread(at.start)


async def _deadlines(at: World, found: Losses) -> None:
    """Have deadlines strike while the worker is dead."""
    references = await at.late(STRIKES)
    await _kill_and_start(at, STRIKES.total_seconds() + 1)
    end = time.monotonic() + 30
    while len(set(at.overdue())) < BEGUN and time.monotonic() < end:  # noqa: ASYNC110 - another process writes
        await asyncio.sleep(0.2)
    await asyncio.sleep(3)  # a second time would come about now
    struck = [reference for reference, _ in at.overdue() if reference in references]
    found.deadlines_lost = BEGUN - len(set(struck))
    found.deadlines_doubled = len(struck) - len(set(struck))


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Variables for the processes that are started meanwhile."""
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            del os.environ[name]


async def all_losses(names: Sequence[str], stories: int) -> dict[str, Losses]:
    """Each variant in a world of its own, one after the other."""
    found = {}
    for name in names:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            found[name] = await losses(name, Path(folder) / "world", stories)
    return found
