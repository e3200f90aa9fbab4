"""What must be true when a round has come to rest. Each check gives the sentences that say what is not."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy

import starter
from activities.outbox import HASH_HEADER
from faults.people import Told
from faults.world import World
from models import messages
from models.case import Case, fold, next_rung
from models.events import Event, Fired, LetterSent, Taken
from register import deliveries, queries
from register.audit import Head, verify
from register.deliveries import letter_key
from register.store import Register


@dataclass
class Found:
    """What the cases of a round came to, and what is wrong with it."""

    decisions: int = 0
    letters: int = 0
    repeated: int = 0
    timers: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        return [*self.lost, *self.doubled, *self.wrong]


async def check(world: World, told: Sequence[Told], heads: Sequence[Head]) -> Found:
    """Everything that can be said of a world at rest; `heads` were read from its register on the way."""
    found = Found()
    carried: Counter[str] = Counter()
    for one in told:
        events = await queries.events(world.register, one.reference)
        if [event.seq for event in events] != list(range(1, len(events) + 1)):
            found.wrong.append(f"{one.reference}: the events are not numbered one after another")
            continue
        _decisions(found, one, events)
        case = fold(events)
        _timers(found, one, case, events)
        await _agrees(found, world, one, events)
        carried += await _letters(found, world, one, case, events)
        await _rows(found, world.register, one.reference)
    await _post(found, world, carried)
    found.wrong += [fault.text for fault in await verify(world.register, heads)]
    return found


def _decisions(found: Found, told: Told, events: Sequence[Event]) -> None:
    """Every decision that was answered is there once, as it was given; none is there that nobody gave."""
    taken = [event.decision for event in events if isinstance(event, Taken)]
    count = Counter(decision.id for decision in taken)
    found.decisions += len(told.accepted)
    for decision in told.accepted:
        if decision not in taken:
            found.lost.append(f"{told.reference}: decision {decision.id} ({decision.kind}) is not there")
    found.doubled += [f"{told.reference}: decision {key} is there {n} times" for key, n in count.items() if n > 1]
    given = {decision.id for decision in told.given if decision in taken}
    found.wrong += [f"{told.reference}: nobody gave decision {key}" for key in count if key not in given]
    refused = [event.because for event in events if event.kind == "refused"]
    found.wrong += [f"{told.reference}: refused: {because}" for because in refused]


def _timers(found: Found, told: Told, case: Case, events: Sequence[Event]) -> None:
    """Every rung whose moment has come has fired, each once, none before its moment, in order."""
    fired = [event for event in events if isinstance(event, Fired)]
    found.timers += len(fired)
    rung = next_rung(case)
    if case.facts.closed is None and rung is not None and rung.at <= told.now():
        found.lost.append(f"{told.reference}: {rung.id} has not fired")
    count = Counter(event.rung.id for event in fired)
    found.doubled += [f"{told.reference}: {key} fired {n} times" for key, n in count.items() if n > 1]
    found.wrong += [f"{told.reference}: {e.rung.id} fired too early" for e in fired if e.at < e.rung.at]
    if [e.rung.at for e in fired] != sorted(e.rung.at for e in fired):
        found.wrong.append(f"{told.reference}: rungs fired out of order")


async def _agrees(found: Found, world: World, told: Told, events: Sequence[Event]) -> None:
    """The workflow has the events that the register has, and the case that follows from them."""
    carried = await starter.ask(world.client, told.reference, messages.EVENTS)
    if list(carried.events) != list(events):
        both = zip(carried.events, events, strict=False)
        first = next((one.seq for one, other in both if one != other), "the end")
        lengths = f"{len(carried.events)} in the workflow, {len(events)} in the register"
        found.wrong.append(f"{told.reference}: workflow and register differ from event {first} on ({lengths})")
    elif carried.case != fold(events):
        found.wrong.append(f"{told.reference}: the workflow's case is not what its events lead to")


async def _letters(found: Found, world: World, told: Told, case: Case, events: Sequence[Event]) -> Counter[str]:
    """Every letter owed has gone, been withdrawn or become a person's task; the keys of those handed over."""
    where = told.reference
    sent = [event for event in events if isinstance(event, LetterSent)]
    found.letters += len(sent)
    found.lost += [f"{where}: letter {x.id} is still owed" for x in case.letters.values() if x.state == "owed"]
    found.wrong += [f"{where}: {x.id} failed: {x.because}" for x in case.letters.values() if x.state == "failed"]
    count = Counter(event.letter for event in sent)
    found.doubled += [f"{where}: letter {key} is said to be sent {n} times" for key, n in count.items() if n > 1]
    files = {path.stem: path for path in (world.outbox / where).glob("*.eml")}
    found.lost += [f"{where}: letter {key} lies nowhere" for key in count if key not in files]
    found.wrong += [f"{where}: nobody sent {key}, and it lies there" for key in files if key not in count]
    for event in sent:
        if event.letter in files and _header(files[event.letter].read_bytes(), HASH_HEADER) != event.sha256:
            found.wrong.append(f"{where}: {event.letter} is not the letter that the case knows")
    journeys = await deliveries.journeys(world.register, where)
    on_the_way = [key for key in count if any(stage.state == "handed over" for stage in journeys.get(key, ()))]
    if world.plan.mail != "outbox":
        gone = [key for key in count if deliveries.has_gone(journeys.get(key, ()))]
        found.lost += [f"{where}: letter {key} was not handed on" for key in count if key not in gone]
    return Counter(letter_key(where, key) for key in on_the_way)


async def _rows(found: Found, register: Register, reference: str) -> None:
    """The lists of the register are what its events lead to."""
    before = (await queries.steps(register, reference), await queries.letters(register, reference))
    await register.rebuild(reference)
    if before != (await queries.steps(register, reference), await queries.letters(register, reference)):
        found.wrong.append(f"{reference}: the lists are not what its events lead to")


async def _post(found: Found, world: World, handed: Counter[str]) -> None:
    """Notify has each letter exactly once; the mail server at least once, each time the same letter."""
    if world.plan.mail == "outbox":
        return
    if world.notify is not None:
        got = Counter(str(one["reference"]) for one in world.notify.sent)
        found.doubled += [f"Notify has {key} {n} times" for key, n in got.items() if n > 1]
    else:
        letters = [path.read_bytes() for path in sorted(world.mailbox.glob("*.eml"))]
        got = Counter(_key(letter) for letter in letters)
        found.repeated += sum(got.values()) - len(got)
        if len({letter.replace(b"\r\n", b"\n") for letter in letters}) != len(got):
            found.doubled.append("the mail server got other bytes under the same Message-ID")
    found.lost += [f"the mail server has no {key}" for key in handed if key not in got]
    found.wrong += [f"the mail server has {key}, which nobody handed over" for key in got if key not in handed]


def _header(letter: bytes, name: str) -> str:
    return str(message_from_bytes(letter, policy=policy.SMTP)[name]).strip()


def _key(letter: bytes) -> str:
    found = re.fullmatch(r"<(.*)@[^@]*>", _header(letter, "Message-ID"))
    assert found is not None
    return found[1]
