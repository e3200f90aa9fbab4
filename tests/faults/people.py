"""The people of a round: they refer cases and decide, again with the same id where nobody answered."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from unittest.mock import patch

from engine import ROOT
from temporalio.service import RPCError

import starter
from faults.hurried import TASK
from faults.plan import CASES, Plan
from faults.world import World
from library import Library
from models import messages
from models.case import fold
from models.decisions import Assign, Close, Decide, Decision, Reconsider
from models.referral import Referral, opening_of
from models.timescale import local_date
from models.turn import opened
from register.errors import DatabaseError, RegisterDown
from rehearsal import read_scenario

SCENARIO = ROOT / "scenarios" / "2013-on-time.toml"
STEPS = (
    ("written-notification", "received", "health-designated-person"),
    ("recommend", "scr", "sg-lead"),
    ("decide", "initiate", "chair"),
    ("notify-cqc", "notified", "health-manager"),
    ("set-terms", "done", "panel-chair-1"),
    ("commission-reviewer", "done", "chair"),
)
"""What is decided in a case, in this order: step, outcome, by whom."""
SILENCE = (starter.Unreachable, RegisterDown, DatabaseError, RPCError)
"""What those get whom nobody answers."""
ZONE = "Europe/London"
GIVEN_UP = 90.0
"""Seconds after which somebody whom nobody answers has found a fault of ours."""


@dataclass
class Told:
    """What was done in a case: the decisions that were `given`, and those that were answered."""

    reference: str
    behind: timedelta
    accepted: list[Decision] = field(default_factory=list)
    given: list[Decision] = field(default_factory=list)
    again: int = 0

    def now(self) -> datetime:
        """The case's own time."""
        return datetime.now(UTC) - self.behind


@contextmanager
def hurried(plan: Plan) -> Iterator[None]:
    """People who wait less long, and cases whose tasks the engine gives up sooner; some continue as new early."""
    options = starter._options

    def sooner(*given: Any) -> dict[str, Any]:
        return {**options(*given), "task_timeout": TASK}

    as_now = {**messages.AS_NOW, "renew_after": plan.renew_after}
    with (
        patch.object(starter, "_options", sooner),
        patch.object(starter, "AS_NOW", as_now),
        patch.object(starter, "PATIENCE", timedelta(seconds=3)),
    ):
        yield


async def live(world: World) -> list[Told]:
    """Everything that the people of a round do, until all of it was answered."""
    async with asyncio.TaskGroup() as everybody:
        cases = [everybody.create_task(_case(world, number)) for number in range(CASES)]
    return [case.result() for case in cases]


async def _case(world: World, number: int) -> Told:
    chance = Random(f"case {number} {world.plan.seed}")
    referral, library = _referral(number), Library(world.folder)
    behind = _behind(chance, library, referral, world.plan.seconds)
    await asyncio.sleep(chance.uniform(0, 1.5))

    async def refer() -> str:
        return await starter.refer(world.client, world.register, library, referral, behind)

    told = Told("", behind)
    told.reference = await _until_answered(told, chance, refer)
    for decision in _decisions(chance, told):
        await asyncio.sleep(chance.uniform(0.1, world.plan.seconds / 7))
        told.given.append(decision)
        if await _give(world, told, chance, decision):
            told.accepted.append(decision)
    return told


def _referral(number: int) -> Referral:
    scenario = read_scenario(SCENARIO.read_text(encoding="utf-8"), SCENARIO.name)
    child = {**scenario.referral["child"], "name": f"Child-{number} Nobody-Here"}
    return Referral.model_validate({"board": "demo", "procedure": "wt2013", **scenario.referral, "child": child})


def _behind(chance: Random, library: Library, referral: Referral, seconds: float) -> timedelta:
    """How far a case's clock is behind, so that one rung of a step comes due within the round."""
    board, procedure = library.board("demo"), library.procedure("wt2013")
    calendar = library.calendar(procedure.calendar)
    opening = opening_of(referral, "DEMO-0", board, procedure, calendar, datetime(2013, 7, 8).date())
    case = fold(opened(opening, datetime(2013, 7, 8, 12, tzinfo=UTC)))
    rung = chance.choice(case.steps["recommend"].rungs)
    return datetime.now(UTC) - rung.at + timedelta(seconds=chance.uniform(0.2, 0.9) * seconds)


def _decisions(chance: Random, told: Told) -> Iterator[Decision]:
    """What is decided in a case, one after another; each is made when its turn comes."""
    numbers = iter(range(1, 100))

    def said(by: str) -> dict[str, Any]:
        number = next(numbers)
        made_on = local_date(told.now(), ZONE)
        return {"id": f"given-{number:04}", "by": by, "made_on": made_on, "because": "It is so."}

    decided = chance.randint(0, len(STEPS))
    for step, outcome, by in STEPS[:decided]:
        yield Decide(**said(by), step=step, outcome=outcome)
        if chance.random() < 0.4:
            yield Assign(**said("chair"), person=f"person-{next(numbers)}", role="panel")
    if decided >= 2 and chance.random() < 0.5:
        yield Close(**said("bm"), how="withdrawn")
        if chance.random() < 0.6:
            yield Reconsider(**said("sg-lead"), step="recommend")


async def _give(world: World, told: Told, chance: Random, decision: Decision) -> bool:
    """Give a decision by update, twice at once, by signal, or by somebody who dies over it; whether it was answered.

    What others build on is given again by somebody else where the first one has died.
    """
    how = chance.choice(("update", "update", "twice", "signal", "dies"))
    if isinstance(decision, Close | Reconsider):
        how = chance.choice(("update", "dies"))

    async def update() -> None:
        await starter.decide(world.client, world.register, told.reference, decision, told.behind)

    async def twice() -> None:
        both = await asyncio.gather(update(), update(), return_exceptions=True)
        if faults := [one for one in both if isinstance(one, BaseException)]:
            raise faults[0]

    async def signal() -> None:
        handle = world.client.get_workflow_handle(told.reference)
        plain = decision.model_dump(mode="json")
        await handle.signal(messages.DECIDE, plain, rpc_timeout=starter.PATIENCE)

    if how == "dies":
        with suppress(TimeoutError, *SILENCE):
            async with asyncio.timeout(chance.expovariate(1 / 0.05)):
                await update()
        if isinstance(decision, Assign):
            return False
    await _until_answered(told, chance, {"twice": twice, "signal": signal}.get(how, update))
    return True


async def _until_answered(told: Told, chance: Random, what: Any) -> Any:
    deadline = asyncio.get_running_loop().time() + GIVEN_UP
    while True:
        try:
            return await what()
        except SILENCE as error:
            told.again += 1
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"For {GIVEN_UP:g} seconds nobody answers in {told.reference}.") from error
        await asyncio.sleep(chance.uniform(0.05, 0.3))
