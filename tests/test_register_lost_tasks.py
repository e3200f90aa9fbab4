"""A workflow task that was lost after it wrote: what it wrote is replaced, what the engine has for certain never is."""

import asyncio
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from register_stories import AT, REFERENCE, Story, a_story, behind
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from models import events as ev
from models.case import fold
from models.events import Event
from register import queries
from register.audit import heads, verify
from register.errors import RegisterError, Superseded, WrittenMeanwhile
from register.folding import Whole
from register.sealed import Ring
from register.store import Register


def at(event: Event, minutes: int) -> Event:
    """The same event, made in a try at the task that came so much later."""
    return event.model_copy(update={"at": AT + timedelta(minutes=minutes)})


async def test_what_a_lost_task_wrote_is_replaced_with_all_that_was_read_from_it(register: Register) -> None:
    sound, lost = Story().start("recommend"), Story().start("recommend").start("decide").owe("l1", "decide")
    other = [*sound.events, at(Story().start("recommend").start("notify").events[-1], 1)]
    await register.append(REFERENCE, lost.events, confirmed=2)
    assert await register.append(REFERENCE, other[2:], confirmed=2) == 3
    assert await queries.events(register, REFERENCE) == other
    assert [step.key for step in await queries.steps(register, REFERENCE)] == ["notify", "recommend"]
    assert await queries.letters(register, REFERENCE) == []
    assert await verify(register) == []


async def test_the_opening_itself_may_be_made_again(register: Register) -> None:
    await register.append(REFERENCE, Story().start("recommend").owe("l1").events, confirmed=0)
    again = [at(event, 1) for event in Story().start("decide").events]
    assert await register.append(REFERENCE, again, confirmed=0) == 2
    assert await queries.events(register, REFERENCE) == again
    assert [step.key for step in await queries.steps(register, REFERENCE)] == ["decide"]
    assert await verify(register) == []


async def test_a_task_that_was_given_up_does_not_write_over_what_came_after_it(register: Register) -> None:
    first = Story().start("recommend").events
    await register.append(REFERENCE, [first[0], at(first[1], 5)], confirmed=1)
    with pytest.raises(Superseded, match="what was written later stands"):
        await register.append(REFERENCE, first, confirmed=1)
    assert await queries.events(register, REFERENCE) == [first[0], at(first[1], 5)]


@pytest.mark.parametrize("confirmed", [None, 2])
async def test_what_is_confirmed_is_never_replaced(register: Register, confirmed: int | None) -> None:
    events = Story().start("recommend").events
    await register.append(REFERENCE, events, confirmed=confirmed)
    with pytest.raises(RegisterError, match="events never change"):
        await register.append(REFERENCE, [events[0], at(events[1], 5)], confirmed=1)


async def test_the_database_itself_lets_nobody_take_away_what_is_confirmed(
    where: Path | str, register: Register
) -> None:
    await register.append(REFERENCE, a_story().events, confirmed=3)
    for statement in (
        "DELETE FROM events WHERE seq = 3",
        "UPDATE cases SET confirmed = 2",
        "DELETE FROM cases",
    ):
        with pytest.raises(DBAPIError, match=r"append-only|stays so|never deleted"), behind(where) as db:
            db.execute(text(statement))
    with behind(where) as db:
        db.execute(text("DELETE FROM events WHERE seq = 8"))


async def test_a_head_to_be_kept_elsewhere_is_of_what_is_confirmed(register: Register) -> None:
    await register.append(REFERENCE, a_story().events, confirmed=3)
    kept = await heads(register)
    assert [head.seq for head in kept] == [3]
    await register.append(REFERENCE, [at(event, 1) for event in a_story().events[3:5]], confirmed=3)
    assert await verify(register, kept) == []


async def test_settling_takes_away_what_the_engine_has_not_and_adds_what_the_register_has_not(
    register: Register,
) -> None:
    events = a_story().events
    await register.append(REFERENCE, events, confirmed=3)
    assert await register.unsettled(AT) == []  # written just now, by the register's own clock
    later = AT + timedelta(days=36500)
    assert await register.unsettled(later) == [REFERENCE]
    await register.settle(REFERENCE, events[:5], await register.head(REFERENCE))
    assert await queries.events(register, REFERENCE) == events[:5]
    assert await register.unsettled(later) == []
    await register.settle(REFERENCE, events, await register.head(REFERENCE))
    assert await queries.events(register, REFERENCE) == events
    with pytest.raises(DBAPIError, match="append-only"):
        await register.settle(REFERENCE, events[:5], await register.head(REFERENCE))


async def test_settling_leaves_alone_what_was_written_while_the_engine_was_asked(register: Register) -> None:
    events = a_story().events
    await register.append(REFERENCE, events[:5], confirmed=3)
    seen = await register.head(REFERENCE)
    await register.append(REFERENCE, events[5:6], confirmed=5)  # by a task that came after the engine's answer
    with pytest.raises(WrittenMeanwhile, match="ask again"):
        await register.settle(REFERENCE, events[:5], seen)
    assert await queries.events(register, REFERENCE) == events[:6]


class Tasks(RuleBasedStateMachine):
    """An engine whose workflow tasks are done, lost and done again, in any order, against a register.

    `durable` is what the engine has; every task makes its own events after it. A task that was lost may still write
    later, when the engine has long had it done again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        path, ring = Path(self.folder.name) / "register.db", Ring(None, {"12345678": bytes(32)}, "12345678")
        self.register = self.loop.run_until_complete(Register.open(path, ring))
        self.durable: list[Event] = []
        self.unwritten = 0
        self.clock = 0
        self.stale: list[tuple[list[Event], int]] = []

    def teardown(self) -> None:
        self.loop.run_until_complete(self.register.close())
        self.loop.close()
        self.folder.cleanup()

    def made(self, how_many: int) -> list[Event]:
        """Events that a task makes now, after what is durable."""
        self.clock += 1
        story = Story()
        if self.durable:
            story.events = []
        found: list[Event] = list(story.events)[:1]
        while len(found) < how_many:
            number = len(self.durable) + len(found) + 1
            found.append(ev.Refused(seq=number, at=AT, on=AT.date(), decision="d", because="Nothing follows."))
        return [at(event, self.clock) for event in found]

    def write(self, events: list[Event], confirmed: int | None) -> None:
        self.loop.run_until_complete(self.register.append(REFERENCE, events, confirmed))

    @rule(how_many=st.integers(1, 4), lost=st.booleans(), stalls=st.booleans())
    def task(self, how_many: int, *, lost: bool, stalls: bool) -> None:
        confirmed = len(self.durable)
        batch = [*self.durable[confirmed - self.unwritten :], *self.made(how_many)]
        if lost and stalls:
            self.stale.append((batch, confirmed))
            return
        self.write(batch, confirmed)
        if not lost:
            self.durable += batch[self.unwritten :]
            self.unwritten = 0

    @rule(how_many=st.integers(1, 4))
    def register_down_for_a_task(self, how_many: int) -> None:
        self.durable += self.made(how_many)
        self.unwritten += how_many

    @precondition(lambda self: self.unwritten)
    @rule()
    def regular_activity(self) -> None:
        self.write(self.durable[len(self.durable) - self.unwritten :], None)
        self.unwritten = 0

    @precondition(lambda self: self.stale)
    @rule()
    def a_lost_task_writes_late(self) -> None:
        events, confirmed = self.stale.pop()
        with suppress(RegisterError):
            self.write(events, confirmed)

    @precondition(lambda self: self.durable)
    @rule()
    def settle(self) -> None:
        seen = self.loop.run_until_complete(self.register.head(REFERENCE))
        self.loop.run_until_complete(self.register.settle(REFERENCE, self.durable, seen))
        self.unwritten = 0
        assert self.loop.run_until_complete(queries.events(self.register, REFERENCE)) == self.durable

    @invariant()
    def the_register_has_what_was_written_in_order_and_its_chain_holds(self) -> None:
        kept = self.loop.run_until_complete(queries.events(self.register, REFERENCE))
        written = self.durable[: len(self.durable) - self.unwritten]
        assert kept[: len(written)] == written
        known = self.loop.run_until_complete(self.register.known(REFERENCE))
        assert known == (Whole(fold(kept), tuple(kept)) if kept else None)
        assert self.loop.run_until_complete(verify(self.register)) == []


Tasks.TestCase.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestTasks = Tasks.TestCase
