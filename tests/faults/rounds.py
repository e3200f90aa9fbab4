"""One round: a world, people in it, faults on it; then rest, and the checks."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from postgres import Server
from temporalio.service import RPCError

import recovery
import starter
from faults import checks
from faults.checks import Found
from faults.hurried import MENDED
from faults.people import Told, hurried, live
from faults.plan import Plan
from faults.world import World, world
from models import messages
from models.case import next_rung
from register import queries
from register.audit import Head, heads
from register.errors import DatabaseError

REST = 90.0
"""Seconds within which a world must have come to rest when nothing is broken any more."""


@dataclass
class Round:
    """What came of a round. `mended`: how often the worker's upkeep found that register and engine differed."""

    plan: Plan
    found: Found
    faults: Counter[str] = field(default_factory=Counter)
    again: int = 0
    mended: int = 0
    ended_itself: int = 0
    seconds: float = 0.0


async def play(plan: Plan, folder: Path, server: Server | None = None) -> Round:
    """Play the round of a plan in an empty folder. What is wrong stands in `found`."""
    begun = time.monotonic()
    async with world(plan, folder, server) as made:
        with hurried(plan):
            kept: list[Head] = []
            breaking = asyncio.gather(*map(made.do, plan.faults))
            reading = asyncio.create_task(_read_heads(made, kept))
            try:
                told = await live(made)
                await breaking
            finally:
                breaking.cancel()
                reading.cancel()
                await asyncio.gather(breaking, reading, return_exceptions=True)
            await _rest(made, told)
            mended = made.said(MENDED.partition("%s")[0]) + await _settle(made, told)
            found = await checks.check(made, told, kept)
        ended = sum(part.ended_itself for part in made.parts.values())
        again = sum(one.again for one in told)
    return Round(plan, found, made.done, again, mended, ended, time.monotonic() - begun)


async def _read_heads(made: World, kept: list[Head]) -> None:
    """Keep the heads of the register again and again, as somebody does who does not trust it."""
    while True:
        await asyncio.sleep(0.7)
        try:
            kept += await heads(made.register)
        except DatabaseError:
            continue  # it is broken now


async def _rest(made: World, told: list[Told]) -> None:
    """Wait until every case has sent and written down everything and fired what was due."""
    deadline = asyncio.get_running_loop().time() + REST
    for one in told:
        while (why := await _restless(made, one)) is not None:
            assert asyncio.get_running_loop().time() < deadline, f"{one.reference} does not come to rest: {why}"
            await asyncio.sleep(0.1)


async def _restless(made: World, told: Told) -> str | None:
    """Why a case has not come to rest yet."""
    try:
        carried = await starter.ask(made.client, told.reference)
    except (starter.Unreachable, RPCError) as error:
        return str(error)
    case, rung = carried.case, next_rung(carried.case)
    owed = [letter.id for letter in case.letters.values() if letter.state == "owed"]
    if carried.unrecorded or owed:
        return f"{len(carried.unrecorded)} events and {len(owed)} letters wait"
    if case.facts.closed is None and rung is not None and rung.at <= told.now():
        return f"{rung.id} has not fired"
    return None


async def _settle(made: World, told: list[Told]) -> int:
    """Do what the worker's upkeep does, a last time, and count the cases in which that mends something."""
    mended = 0
    for one in told:
        engine = (await starter.ask(made.client, one.reference, messages.EVENTS)).events
        mended += list(engine) != await queries.events(made.register, one.reference)
    await recovery.confirm(made.client, made.register, datetime.now(UTC))
    return mended
