"""Many open cases in one engine, started as fast as a bounded number in flight allows."""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from temporalio.client import Client

import starter
from bench import story
from library import Library
from models.messages import CaseInput
from register.store import Register

IN_FLIGHT, AT_A_TIME = 16, 50
"""Starts on their way to the engine, and cases that the worker has not written down yet."""
QUEUE = "ours"


def references(first: int, end: int) -> list[str]:
    """The references of the cases with these numbers."""
    return [f"GROW-2026-{number:05d}" for number in range(first, end)]


async def grow(client: Client, library: Library, data: Path, first: int, end: int) -> None:
    """Start the cases with these numbers, so many at a time, and wait until all of them are in the register.

    The engine takes starts faster than a worker can serve them: without a bound thousands would wait for it at once.
    """
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def start(reference: str) -> None:
        async with gate:
            opening = story.opening(library, reference, datetime.now(UTC))
            await starter.start(client, CaseInput(opening=opening), QUEUE)

    with closing(sqlite3.connect(data / "register.db", timeout=30)) as db:
        for number in range(first, end, AT_A_TIME):
            last = min(number + AT_A_TIME, end)
            await asyncio.gather(*(start(reference) for reference in references(number, last)))
            while db.execute("SELECT count(*) FROM cases").fetchone()[0] < last:  # noqa: ASYNC110 - written elsewhere
                await asyncio.sleep(0.01)


async def decide(client: Client, register: Register, which: Sequence[str], step: int, in_flight: int) -> list[float]:
    """Give each case the decision on a step; the moments (`time.monotonic`) at which each was answered, in order."""
    gate = asyncio.Semaphore(in_flight)
    answered: list[float] = []

    async def one(reference: str) -> None:
        async with gate:
            await starter.decide(client, register, reference, story.decision(reference, step))
            answered.append(time.monotonic())

    await asyncio.gather(*(one(reference) for reference in which))
    return answered
