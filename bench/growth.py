"""How the product grows: memory and time per decision with ever more open cases, pages with ever more closed ones."""

import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import NamedTuple

import starter
from bench import pages, story
from bench.engine import Engine, WorkerProcess, cpu, dev_server, memory, start_worker
from bench.growing import QUEUE, decide, grow, references
from bench.report import plain_table
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
    """What was measured with so many open cases: bytes of the worker, medians of seconds and of CPU a decision."""

    cases: int
    memory: int
    seconds: float
    cpu: float


async def open_cases(sizes: Sequence[int], decisions: int) -> list[Size]:
    """Grow one engine and one worker from size to size, and measure at each."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        library, ring = story.furnish(folder / "ours"), Ring.of(folder / "ours")
        with dev_server(folder) as engine:
            worker = start_worker(engine, "ours", QUEUE, folder / "ours", 2 * max(sizes))
            client = await starter.connect(ring, engine.address)
            async with await Register.open(folder / "ours" / "register.db", ring) as register:
                found = []
                for before, size in pairwise((0, *sizes)):
                    await grow(client, library, folder / "ours", before, size)
                    used = memory(worker.process.pid)
                    # Cases of this size's own growth, which nobody has given a decision yet.
                    chosen = references(before, size)[:: max(1, (size - before) // decisions)][:decisions]
                    found.append(Size(size, used, *await _timed(engine, worker, client, register, chosen)))
            worker.stop()
    return found


async def _timed(
    engine: Engine, worker: WorkerProcess, client: starter.Engine, register: Register, chosen: Sequence[str]
) -> tuple[float, float]:
    """Median seconds of a decision, one after another, and CPU seconds of engine and worker for each."""
    processes = (engine.process, worker.process.pid)
    used, taken = cpu(*processes), []
    for reference in chosen:
        begun = time.perf_counter()
        await decide(client, register, [reference], 1, 1)
        taken.append(time.perf_counter() - begun)
    return median(taken), (cpu(*processes) - used) / len(chosen)


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
            f"{1000 * size.seconds:.1f}", f"{size.seconds / found[0].seconds:.2f}",
            f"{1000 * size.cpu:.1f}", f"{size.cpu / found[0].cpu:.2f}",
        ))  # fmt: skip
    head = ("open cases", "worker MB", "kB a case more", "ms a decision", "ratio", "CPU ms a decision", "ratio")
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
    return {
        "kb_a_case": round((found[-1].memory - found[0].memory) / (found[-1].cases - found[0].cases) / 1024, 1),
        "decision_seconds": round(found[-1].seconds / found[0].seconds, 3),
        "decision_cpu": round(found[-1].cpu / found[0].cpu, 3),
        "flat": found[-1].seconds <= FLAT * found[0].seconds,
        "pages": {page: round(many[page] / few[page], 3) for page in few},
        "pages_missed": [page for page in few if _verdict(page, few, many) == "MISSED"],
    }
