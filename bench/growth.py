"""How the product grows: memory and time per decision with ever more open cases, pages with ever more closed ones."""

import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import NamedTuple

from temporalio.client import Client

import starter
from bench import pages, story
from bench.engine import Engine, WorkerProcess, cpu, dev_server, memory, start_worker
from bench.growing import QUEUE, decide, grow, references
from bench.report import plain_table
from library import Library
from register.sealed import Ring
from register.store import Register

SIZES, QUICK_SIZES = (1_000, 5_000, 10_000), (50, 200, 400)
DECISIONS = 100
CLOSED, QUICK_CLOSED = (1_000, 100_000), (1_000, 5_000)
OPEN = 200
"""How many cases are open beside the closed ones."""
FLAT, PAGES = 1.2, 1.5
"""By what a decision and a page may take longer when all has grown."""
LINEAR = frozenset({"Figures", "Figures as CSV", "Retention, all", "Export of cases, CSV"})
"""What lists or counts every closed case, or all of a year, and so takes longer the more there are."""


class Size(NamedTuple):
    """What was measured with so many open cases: bytes of the worker, medians of seconds and of CPU a decision.

    `beside` and `cpu_beside` are those of an engine and a worker with few cases, whose decisions were given in turn
    with these: the sizes are measured minutes apart, and the machine is not the same then.
    """

    cases: int
    memory: int
    seconds: float
    cpu: float
    beside: float
    cpu_beside: float


@dataclass
class Office:
    """One engine, one worker, and cases that grow in number."""

    engine: Engine
    worker: WorkerProcess
    client: Client
    register: Register
    library: Library
    cases: int = 0

    async def grow(self, end: int) -> list[str]:
        """Open cases up to this number; the references of those that are new."""
        new = references(self.cases, end)
        await grow(self.client, self.library, self.worker.data, self.cases, end)
        self.cases = end
        return new

    async def decide(self, reference: str) -> tuple[float, float]:
        """Give a decision: seconds, and seconds of CPU of engine and worker."""
        processes = (self.engine.process, self.worker.process.pid)
        used, begun = cpu(*processes), time.perf_counter()
        await decide(self.client, self.register, [reference], 1, 1)
        return time.perf_counter() - begun, cpu(*processes) - used


@asynccontextmanager
async def office(folder: Path, most: int) -> AsyncIterator[Office]:
    """An engine and a worker that keeps `most` cases in memory."""
    data = folder / "ours"
    library, ring = story.furnish(data), Ring.of(data)
    with dev_server(folder) as engine:
        worker = start_worker(engine, "ours", QUEUE, data, most)
        client = await starter.connect(ring, engine.address)
        async with await Register.open(data / "register.db", ring) as register:
            yield Office(engine, worker, client, register, library)
        worker.stop()


async def open_cases(sizes: Sequence[int], decisions: int) -> list[Size]:
    """Grow one engine and one worker from size to size, and measure at each, in turn with a small one."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        async with office(Path(name) / "many", 2 * max(sizes)) as many, office(Path(name) / "few", 2000) as few:
            found = []
            for size in sizes:
                new = await many.grow(size)
                used = memory(many.worker.process.pid)
                chosen = new[:: max(1, len(new) // decisions)][:decisions]
                pairs = zip(chosen, await few.grow(few.cases + len(chosen)), strict=True)
                times = [(*await many.decide(one), *await few.decide(other)) for one, other in pairs]
                seconds, spent, beside, spent_beside = zip(*times, strict=True)
                found.append(Size(size, used, median(seconds), mean(spent), median(beside), mean(spent_beside)))
    return found


async def closed_cases(numbers: Sequence[int]) -> list[dict[str, float]]:
    """Milliseconds of each page, with each number of closed cases in a register."""
    return await pages.measure(OPEN, numbers)


def table_of_open(found: Sequence[Size]) -> str:
    """The sizes as a table; memory a case is what the worker grew by since the size before."""
    rows = []
    for before, size in pairwise((None, *found)):
        assert size is not None
        grown = (size.memory - before.memory) / (size.cases - before.cases) / 1024 if before else None
        rows.append((
            f"{size.cases:,}", f"{size.memory / 2**20:.0f}", "" if grown is None else f"{grown:.0f}",
            f"{1000 * size.seconds:.1f}", f"{size.seconds / size.beside:.2f}",
            f"{1000 * size.cpu:.1f}", f"{size.cpu / size.cpu_beside:.2f}",
        ))  # fmt: skip
    head = ("open cases", "worker MB", "kB a case more", "ms a decision", "with few", "CPU ms a decision", "with few")
    return plain_table(head, rows)


def table_of_closed(numbers: Sequence[int], found: Sequence[dict[str, float]]) -> str:
    """The pages as a table, with their ratio and whether it is within the goal."""
    few, many = found
    rows = [
        (page, f"{few[page]:.0f}", f"{many[page]:.0f}", f"{many[page] / few[page]:.2f}", _verdict(page, few, many))
        for page in few
    ]
    return plain_table(("page", *(f"ms, {number:,} closed" for number in numbers), "ratio", f"goal {PAGES}"), rows)


def _verdict(page: str, few: dict[str, float], many: dict[str, float]) -> str:
    if page in LINEAR:
        return "lists them"
    return "met" if many[page] <= PAGES * few[page] else "MISSED"


def said(found: Sequence[Size], pages_found: Sequence[dict[str, float]]) -> dict[str, object]:
    """The figures for `--json`."""
    few, many = pages_found
    slower = (found[-1].seconds / found[-1].beside) / (found[0].seconds / found[0].beside)
    return {
        "kb_a_case": round((found[-1].memory - found[0].memory) / (found[-1].cases - found[0].cases) / 1024, 1),
        "decision_seconds": round(slower, 3),
        "decision_cpu": round((found[-1].cpu / found[-1].cpu_beside) / (found[0].cpu / found[0].cpu_beside), 3),
        "flat": slower <= FLAT,
        "pages": {page: round(many[page] / few[page], 3) for page in few},
        "pages_missed": [page for page in few if _verdict(page, few, many) == "MISSED"],
    }
