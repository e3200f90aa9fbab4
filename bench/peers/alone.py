"""One variant alone on the machine: what a case that waits costs, how soon a letter lies there, what a case leaves."""

import asyncio
import gc
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench import story
from bench.bare import CASES, eml_files, play
from bench.engine import memory
from bench.peers.worlds import World, world


class Alone(NamedTuple):
    """Milliseconds from a decision to the last of its letters; bytes of memory a waiting case; bytes on disk a case."""

    letters: float
    worker: float
    servers: float
    disk: float


async def alone(name: str, folder: Path, waiting: int, cases: int, rounds: int) -> Alone:
    """Have cases wait, then play some by themselves, then rounds as always."""
    async with world(name, folder) as at:
        worker, servers = await _waiting(at, waiting)
        letters = [each for _ in range(cases) for each in await _letters(at)]
        before = await asyncio.to_thread(at.size)
        for _ in range(rounds):
            await play(at.variant)
        disk = (await asyncio.to_thread(at.size) - before) / (rounds * CASES)
    return Alone(median(letters), worker, servers, disk)


async def _waiting(at: World, cases: int) -> tuple[float, float]:
    """By how many bytes worker and servers grow for each case, the first few left out: with them all is loaded."""
    await at.variant.begin(max(CASES, cases // 4))
    await asyncio.sleep(at.rest)
    gc.collect()
    process = at.variant.worker.process.pid
    before = memory(process), memory(*at.servers)
    await at.variant.begin(cases)
    await asyncio.sleep(at.rest)
    return (memory(process) - before[0]) / cases, (memory(*at.servers) - before[1]) / cases


async def _letters(at: World) -> list[float]:
    """One case by itself: milliseconds from giving each decision that has letters until the last of them lies there."""
    (reference,) = await at.variant.begin(1)
    found, letters = [], 0
    for number in range(1, story.STEPS + 1):
        began = time.perf_counter()
        await at.variant.decide(reference, number)
        if number in story.WITH_LETTERS:
            letters += len(story.RECIPIENTS)
            while eml_files(at.variant.worker.data, [reference]) < letters:  # noqa: ASYNC110 - another process writes
                await asyncio.sleep(0.001)
            found.append((time.perf_counter() - began) * 1000)
        await at.variant.settled([reference], number, letters)
    return found


async def all_alone(names: Sequence[str], waiting: int, cases: int, rounds: int) -> dict[str, Alone]:
    """Each variant in a world of its own, one after the other."""
    found = {}
    for name in names:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            found[name] = await alone(name, Path(folder) / "world", waiting, cases, rounds)
    return found
