"""Writing to the register what a decision led to, by whoever gave it, when the engine has it for certain.

The answer to a decision says when it was taken in and gives a digest of its events and of the one before them (what
a lost task wrote in its place must not be taken for certain). The rules are pure, so whoever has
the case from the register makes the same events from it; where the digest says otherwise (somebody else decided at
the same time, another release answers), they are asked of the workflow instead. A note in the register, made before
the decision is given, has the worker look after those who died in between.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias

from models.case import Case, apply, fold
from models.deciding import decide
from models.decisions import Decision
from models.events import Event, Taken, digest
from models.messages import Answer
from models.refusal import Refusal
from models.telling import follows
from register.errors import DatabaseError, RegisterError
from register.folding import Whole
from register.store import Register

log = logging.getLogger("recording")

Record: TypeAlias = Callable[[Decision, Answer], Awaitable[Answer | None]]
"""Writes what an answer stands for and gives it in words; None where the events must be asked of the workflow."""


@asynccontextmanager
async def under_way(register: Register, reference: str, id_: str) -> AsyncIterator[Record | None]:
    """Note that a decision is given; None where the register does not answer: then the workflow writes to it.

    The note goes when the decision is written down or refused, and stays where nobody knows.
    """
    try:
        await register.begin(reference, id_)
        known = await register.known(reference)
    except DatabaseError:
        yield None
        return

    async def record(decision: Decision, answer: Answer) -> Answer | None:
        return await _record(register, reference, id_, known, decision, answer)

    try:
        yield record
    except Refusal:
        await register.finish(reference, id_)
        raise


async def _record(
    register: Register, reference: str, id_: str, known: Whole | None, decision: Decision, answer: Answer
) -> Answer | None:
    if known is None or known.case.seq < answer.first - 1 or answer.at is None:
        return None
    case, before = known.case, known.events[: answer.first - 1]
    if case.seq >= answer.first:  # the same decision was given before
        case = fold(before)
    try:
        made = decide(case, decision, answer.at)
    except Refusal:  # another release's rules
        return None
    if digest([before[-1], *made]) != answer.digest:
        return None
    try:
        await register.finish(reference, id_, made)
    except RegisterError:
        return None
    except DatabaseError as error:  # it was there a moment ago; the worker writes them when it is back
        log.warning("What a decision on %s led to is written down later: %s", reference, type(error).__name__)
    return _in_words(answer, case, made)


async def write(register: Register, reference: str, id_: str, events: Sequence[Event]) -> None:
    """Write all events of a case as the workflow has them, and drop the note; the worker does it if that fails now."""
    try:
        await register.append(reference, events)
        await register.finish(reference, id_)
    except DatabaseError as error:
        log.warning("What a decision on %s led to is written down later: %s", reference, type(error).__name__)


async def taken_in(register: Register, reference: str, decision: Decision) -> Answer | None:
    """The answer to a decision that a case has taken in before, from the register; None if it has not."""
    known = await register.known(reference)
    events = known.events if known else ()
    taken = next((event for event in events if isinstance(event, Taken) and event.decision == decision), None)
    if taken is None:
        return None
    turn = [event for event in events[taken.seq - 1 :] if event.at == taken.at]
    last = turn[-1].seq
    return told(Answer(first=taken.seq, last=last), events)


def told(answer: Answer, events: Sequence[Event]) -> Answer:
    """An answer with what follows in words, from all events of its case."""
    return _in_words(answer, fold(events[: answer.first - 1]), events[answer.first - 1 : answer.last])


def _in_words(answer: Answer, case: Case, made: Sequence[Event]) -> Answer:
    for event in made:
        case = apply(case, event)
    return answer.model_copy(update={"follows": tuple(follows(case, made))})
