"""A case as the register gives it: what all its events come to, of which only the new ones are read.

That it is right whatever is written and replaced, `test_register_lost_tasks.py` tries at random.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from register_stories import REFERENCE, Story, a_story

from models.case import fold
from models.events import EventAdapter
from register import folding, writing
from register.errors import RegisterError
from register.folding import Whole
from register.store import Register


class Read:
    """Reads events, and keeps what it has read."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def validate_json(self, body: str) -> Any:
        self.bodies.append(body)
        return EventAdapter.validate_json(body)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The events that are read from now on."""
    counting = Read()
    monkeypatch.setattr(folding, "EventAdapter", counting)
    return counting.bodies


async def test_only_what_is_new_is_read(register: Register, read: list[str]) -> None:
    events = a_story().events
    await register.append(REFERENCE, events[:5])
    assert await register.known(REFERENCE) == Whole(fold(events[:5]), tuple(events[:5]))
    assert len(read) == 5
    await register.append(REFERENCE, events)
    assert await register.whole(REFERENCE) == Whole(fold(events), tuple(events))
    assert await register.known(REFERENCE) == Whole(fold(events), tuple(events))
    assert len(read) == len(events)


async def test_what_was_replaced_or_shortened_is_read_anew(register: Register) -> None:
    sound, lost, other = Story().start("recommend"), Story().start("recommend"), Story().start("recommend")
    lost.start("decide")
    other.owe("l1")
    for story in (lost, other):
        await register.append(REFERENCE, story.events, confirmed=2)
        assert await register.known(REFERENCE) == Whole(fold(story.events), tuple(story.events))
    await register.settle(REFERENCE, sound.events, await register.head(REFERENCE))
    assert await register.known(REFERENCE) == Whole(fold(sound.events), tuple(sound.events))


async def test_a_case_that_is_taken_away_is_not_there_any_more(register: Register) -> None:
    assert await register.known(REFERENCE) is None
    await register.append(REFERENCE, a_story().events, confirmed=0)
    assert await register.known(REFERENCE) is not None
    await register.write(lambda db: writing.take_back(db, REFERENCE, 0))
    assert await register.known(REFERENCE) is None
    with pytest.raises(RegisterError, match=f"There is no case {REFERENCE}"):
        await register.whole(REFERENCE)
    assert register._folding._known == {}


async def test_those_longest_not_read_are_forgotten(
    register: Register, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "MOST", 2)
    names = [f"MK-2013-{number:03d}" for number in range(3)]
    for name in names:
        await register.append(name, Story(name).events)
    for name in (names[0], names[1], names[0], names[2], names[0]):
        await register.known(name)
    assert len(read) == 3
    await register.known(names[1])
    assert len(read) == 4


async def test_many_threads_read_the_same(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "MOST", 3)
    stories = {name: a_story(name).events for name in (f"MK-2013-{number:03d}" for number in range(6))}
    for name, events in stories.items():
        await register.append(name, events)

    def ask(number: int) -> bool:
        name = list(stories)[number * 7 % len(stories)]
        with register._engine.connect() as db:
            return register._folding.whole(db, name) == Whole(fold(stories[name]), tuple(stories[name]))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(300)))
    assert len(register._folding._known) == 3
