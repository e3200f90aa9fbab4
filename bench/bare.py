"""The product, with everything on, beside a plain workflow that plays the same story on the same engine.

Rounds of eight cases with twenty decisions each, the variants in shuffled order within a round; a second plain
variant shows how far the figures wander by themselves, and a run in which its median leaves 0.9 to 1.1 is void.
"""

import asyncio
import random
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from temporalio.client import Client

import starter
from bench import story
from bench.catching_up import catch_up
from bench.engine import Engine, WorkerProcess, cpu, dev_server, start_worker
from bench.idle import idle_memory
from bench.plain import PlainReview
from bench.replaying import replay
from bench.report import Figure, plain_table, ratios
from library import Library
from register.sealed import Ring
from register.store import Register

CASES, ROUNDS, IN_FLIGHT = 8, 8, 4
DEADLINE = timedelta(days=14)
PATIENCE = 120.0
"""Seconds that are waited for a pass to settle."""
WANDERS = (0.9, 1.1)
"""Within which the median of plain against plain must lie."""


class Variant(Protocol):
    """What plays the story."""

    worker: WorkerProcess

    async def begin(self, cases: int = CASES) -> list[str]:
        """Begin cases and give their references; they wait for their first decision on return."""
        ...

    async def decide(self, reference: str, number: int) -> None:
        """Give a decision; it has been taken in on return."""
        ...

    async def settled(self, references: Sequence[str], decisions: int, letters: int) -> None:
        """Wait until so many decisions are kept and so many letters sent. Raises TimeoutError."""
        ...


class Ours:
    """The product, as its users reach it: `starter` gives decisions, the register tells what has been done."""

    def __init__(self, client: Client, register: Register, library: Library, worker: WorkerProcess) -> None:
        self.client, self.register, self.library, self.worker = client, register, library, worker
        self.number = 0

    async def begin(self, cases: int = CASES) -> list[str]:
        """Refer the cases of a round."""
        self.number += cases
        numbers = range(self.number - cases, self.number)
        queue = self.worker.queue
        refer = [
            await starter.refer(self.client, self.register, self.library, story.referral(n), task_queue=queue)
            for n in numbers
        ]
        await self.settled(refer, 0, 0)
        return refer

    async def decide(self, reference: str, number: int) -> None:
        """Give a decision."""
        await starter.decide(self.client, self.register, reference, story.decision(reference, number))

    async def settled(self, references: Sequence[str], decisions: int, letters: int) -> None:
        """Wait until the register has all decisions and knows all letters as sent."""
        marks = ",".join("?" * len(references))
        decided = f"SELECT count(*) FROM events WHERE kind = 'decided' AND reference IN ({marks})"
        sent = f"SELECT count(*) FROM letters WHERE state = 'sent' AND reference IN ({marks})"
        opened = f"SELECT count(*) FROM cases WHERE reference IN ({marks})"
        wanted = [(decided, decisions), (sent, letters), (opened, len(references))]
        await _rows(self.worker.data / "register.db", wanted, references)


class Plain:
    """The plain workflow, as a sample's client reaches it."""

    def __init__(self, client: Client, worker: WorkerProcess) -> None:
        self.client, self.worker = client, worker
        self.number = 0

    async def begin(self, cases: int = CASES, deadline: timedelta = DEADLINE) -> list[str]:
        """Start the cases of a round."""
        self.number += cases
        references = [f"{self.worker.queue}-{n}" for n in range(self.number - cases, self.number)]
        for reference in references:
            given = [reference, list(story.RECIPIENTS), deadline.total_seconds()]
            await self.client.start_workflow(PlainReview.run, args=given, id=reference, task_queue=self.worker.queue)
        for reference in references:
            await self.client.get_workflow_handle(reference).query(PlainReview.decided)
        return references

    async def decide(self, reference: str, number: int) -> None:
        """Give a decision."""
        handle = self.client.get_workflow_handle(reference)
        await handle.signal(PlainReview.decide, story.plain_decision(reference, number))

    async def settled(self, references: Sequence[str], decisions: int, letters: int) -> None:
        """Wait until the database has all decisions and the outbox all letters."""
        await rows_and_letters(self.worker.data, references, decisions, letters)


async def rows_and_letters(data: Path, references: Sequence[str], decisions: int, letters: int) -> None:
    """Wait until the table of `bench.deeds` has all decisions and the outbox all letters."""
    marks = ",".join("?" * len(references))
    query = f"SELECT count(*) FROM decisions WHERE reference IN ({marks})"
    await _rows(data / "plain.db", [(query, decisions)], references)
    end = time.monotonic() + PATIENCE
    while (found := eml_files(data, references)) < letters:
        if time.monotonic() > end:
            raise TimeoutError(f"{data}: there are {found} letters, not {letters}.")
        await asyncio.sleep(0.005)


def eml_files(data: Path, references: Sequence[str]) -> int:
    """How many letters lie in the outbox for these cases."""
    return sum(1 for reference in references for _ in (data / "outbox" / reference).glob("*.eml"))


async def _rows(path: Path, wanted: Sequence[tuple[str, int]], given: Sequence[str]) -> None:
    """Wait until each query counts that many rows."""
    end = time.monotonic() + PATIENCE
    with closing(sqlite3.connect(path, timeout=30)) as db:
        for query, number in wanted:
            while db.execute(query, given).fetchone()[0] < number:
                if time.monotonic() > end:
                    raise TimeoutError(f"{path}: {query} does not reach {number}.")
                await asyncio.sleep(0.005)


async def play(variant: Variant, *processes: int) -> dict[str, float]:
    """One variant's part of a round: the CPU of the processes and their children for a decision, and its pace."""
    return await _play(variant, await variant.begin(), processes)


async def _play(variant: Variant, references: Sequence[str], processes: Sequence[int]) -> dict[str, float]:
    used, began = cpu(*processes), time.perf_counter()
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def decide(reference: str, number: int) -> None:
        async with gate:
            await variant.decide(reference, number)

    for number in range(1, story.STEPS + 1):
        await asyncio.gather(*(decide(reference, number) for reference in references))
        letters = len(story.RECIPIENTS) * sum(step <= number for step in story.WITH_LETTERS)
        await variant.settled(references, number * CASES, letters * CASES)
    took, spent = time.perf_counter() - began, cpu(*processes) - used
    decisions = CASES * story.STEPS
    return {"cpu": spent / decisions, "decisions": decisions / took}


async def _play_and_count(engine: Engine, variant: Ours | Plain) -> dict[str, float]:
    """The same, with what the engine counts for each case."""
    actions = engine.actions()
    references = await variant.begin()
    found = await _play(variant, references, (engine.process, variant.worker.process.pid))
    histories = [await variant.client.get_workflow_handle(reference).describe() for reference in references]
    return found | {
        "actions": (engine.actions() - actions) / CASES,
        "events": sum(found.history_length for found in histories) / CASES,
        "bytes": sum(found.raw_info.history_size_bytes for found in histories) / CASES,
    }


async def compare(rounds: int, quick: bool) -> tuple[list[Figure], dict[str, Any]]:
    """All figures, and the absolute ones of each variant for the record."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with dev_server(folder) as engine:
            found = await _story(engine, folder, rounds)
        slow = await idle_memory(folder / "idle", 2 if quick else 4, 60 if quick else 300)
        replayed = await replay(5 if quick else 20)
        caught = await catch_up(folder / "late", 1 if quick else 3, 100 if quick else 1000)
    ours, plain, again = found["ours"], found["plain"], found["plain again"]
    figures = [
        Figure("cpu", ratios(ours, plain, "cpu"), 0.5, 0.8),
        Figure("decisions", ratios(ours, plain, "decisions"), 1.5, 1.1, higher_is_better=True),
        Figure("actions", ratios(ours, plain, "actions"), 0.45, 0.6),
        Figure("events", ratios(ours, plain, "events"), 0.4, 0.55),
        Figure("bytes", ratios(ours, plain, "bytes"), 0.7, 1.0),
        Figure("idle_memory", slow, 1.0, 1.3),
        Figure("replay", replayed, 1.0, 1.3),
        Figure("catch_up", caught, 1.5, 2.2),
        Figure("bare against bare: cpu", ratios(again, plain, "cpu")),
        Figure("bare against bare: decisions", ratios(again, plain, "decisions")),
    ]
    return figures, found


def absolute(found: dict[str, list[dict[str, float]]]) -> str:
    """The medians of each variant, which mean nothing elsewhere."""
    from statistics import median

    names = ("cpu", "decisions", "actions", "events", "bytes")
    head = ("variant", "CPU s a decision", "decisions a second", "actions a case", "events a case", "bytes a case")
    rows = [
        (variant, *(f"{median(one[name] for one in rounds):.4g}" for name in names))
        for variant, rounds in found.items()
    ]
    return plain_table(head, rows)


async def _story(engine: Engine, folder: Path, rounds: int) -> dict[str, list[dict[str, float]]]:
    library = story.furnish(folder / "ours")
    story.furnish(folder / "plain")
    story.furnish(folder / "plain again")
    ring = Ring.of(folder / "ours")
    async with await Register.open(folder / "ours" / "register.db", ring) as register:
        workers = [
            start_worker(engine, "ours", "ours", folder / "ours"),
            start_worker(engine, "plain", "plain", folder / "plain"),
            start_worker(engine, "plain", "again", folder / "plain again"),
        ]
        sealed, client = await starter.connect(ring, engine.address), await Client.connect(engine.address)
        variants: dict[str, Ours | Plain] = {
            "ours": Ours(sealed, register, library, workers[0]),
            "plain": Plain(client, workers[1]),
            "plain again": Plain(client, workers[2]),
        }
        found: dict[str, list[dict[str, float]]] = {variant: [] for variant in variants}
        order = random.Random(1)
        for number in range(rounds + 1):
            names = list(variants)
            order.shuffle(names)
            for variant in names:
                figures = await _play_and_count(engine, variants[variant])
                if number:  # the first round warms up
                    found[variant].append(figures)
        for worker in workers:
            worker.stop()
    return found
