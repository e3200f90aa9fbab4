"""The projection: kept step by step it is what a rebuild from the events gives, and what the case itself says."""

import asyncio
import random
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from postgres import Place
from register_stories import REFERENCE, STEPS, Story, a_story, procedure, tamper

from models import events as ev
from models.case import fold, stage
from models.decisions import Adopt, Close, Correct, Decide, Reconsider, Resend
from register import queries
from register.errors import RegisterError
from register.sealed import Ring
from register.store import Register

Move = Callable[[Story, str, int], object]
MOVES: dict[str, Move] = {
    "start": lambda story, key, n: story.start(key, f"role-{n}", date(2013, 8, n), n),
    "decide": lambda story, key, n: story.take("decided", Decide, step=key, outcome="yes", late_by=n),
    "meet": lambda story, key, n: story.add(ev.Met, step=key),
    "withdraw": lambda story, key, n: story.add(ev.Withdrawn, step=key, because="Superseded."),
    "undo": lambda story, key, n: story.add(ev.Restored, step=key, record=None),
    "owe": lambda story, key, n: story.owe(f"{key}-{n}", key),
    "send": lambda story, key, n: story.add(ev.LetterSent, letter=f"{key}-{n}", recipient="r", sha256="a"),
    "fail": lambda story, key, n: story.add(ev.LetterFailed, letter=f"{key}-{n}", recipient="r", because="b"),
    "resend": lambda story, key, n: story.take("resent", Resend, letter=f"{key}-{n}"),
    "drop": lambda story, key, n: story.add(ev.LetterWithdrawn, letter=f"{key}-{n}"),
    "close": lambda story, key, n: story.take("closed", Close),
    "reconsider": lambda story, key, n: story.take("reconsidered", Reconsider, step=key),
    "adopt": lambda story, key, n: story.take("adopted", Adopt, procedure=procedure(str(n))),
    "correct": lambda story, key, n: story.take("corrected", Correct, decision="12345678"),
}
NEEDS_STEP = ("decide", "meet", "withdraw")
NEEDS_LETTER = ("send", "fail", "resend", "drop")


def _story_of(moves: list[tuple[str, str, int]]) -> list[ev.Event]:
    story = Story()
    for move, key, n in moves:
        case = fold(story.events)
        if move in NEEDS_STEP and key not in case.steps:
            continue
        if move in NEEDS_LETTER and f"{key}-{n}" not in case.letters:
            continue
        MOVES[move](story, key, n)
    return story.events


async def _kept_twice(where: Path | str, folder: Path, events: list[ev.Event], cuts: random.Random) -> None:
    async with await Register.open(where, Ring.load_or_make(folder / "ring.json")) as register:
        done = 0
        while done < len(events):
            done = await register.append(REFERENCE, events[: done + cuts.randint(1, 5)])
        kept = await _all_rows(register)
        await register.rebuild(REFERENCE)
        assert await _all_rows(register) == kept
        case = fold(events)
        row = await queries.case(register, REFERENCE)
        steps = {step.key: step for step in await queries.steps(register, REFERENCE)}
        letters = {letter.letter: letter for letter in await queries.letters(register, REFERENCE)}
    assert row.stage == stage(case)
    assert row.waiting_for == tuple(sorted({record.owner for record in case.open_steps}))
    assert row.next_due == min((record.due for record in case.open_steps if record.due), default=None)
    assert (row.procedure_title, row.how) == (case.procedure.title, case.facts.closed)
    assert steps.keys() == case.steps.keys()
    for key, record in case.steps.items():
        for name in ("state", "owner", "round", "due", "outcome", "met_on", "late_by"):
            assert getattr(steps[key], name) == getattr(record, name)
    assert {i: (x.state, x.because) for i, x in letters.items()} == {
        i: (x.state, x.because) for i, x in case.letters.items()
    }


async def _all_rows(register: Register) -> list[Any]:
    case = await queries.case(register, REFERENCE)
    return [case, await queries.steps(register, REFERENCE), await queries.letters(register, REFERENCE)]


MOVED = given(
    moves=st.lists(
        st.tuples(st.sampled_from(sorted(MOVES)), st.sampled_from([*STEPS, "whole"]), st.integers(1, 2)), max_size=30
    ),
    cuts=st.randoms(use_true_random=False),
)
SLOW = [HealthCheck.too_slow]
Moves = list[tuple[str, str, int]]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
@MOVED
def test_the_projection_kept_is_the_projection_rebuilt_and_the_case(
    place: Place, tmp_path_factory: pytest.TempPathFactory, moves: Moves, cuts: random.Random
) -> None:
    _kept_in(place, tmp_path_factory.mktemp("register"), moves, cuts)


@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
@settings(max_examples=8, deadline=None, suppress_health_check=SLOW)
@MOVED
def test_the_projection_is_the_same_on_postgresql(
    place: Place, tmp_path_factory: pytest.TempPathFactory, moves: Moves, cuts: random.Random
) -> None:
    _kept_in(place, tmp_path_factory.mktemp("register"), moves, cuts)


def _kept_in(place: Place, folder: Path, moves: Moves, cuts: random.Random) -> None:
    with place(folder) as where:
        asyncio.run(_kept_twice(where, folder, _story_of(moves), cuts))


async def test_a_rebuild_mends_what_is_read_but_hides_no_missing_event(where: Path | str, register: Register) -> None:
    await register.append(REFERENCE, a_story().events)
    before = await _all_rows(register)
    for statement in ("DELETE FROM steps", "UPDATE letters SET state = 'sent'", "UPDATE cases SET next_due = NULL"):
        tamper(where, statement)
    await register.rebuild(REFERENCE)
    assert await _all_rows(register) == before
    tamper(where, "DELETE FROM events WHERE seq = 8")
    with pytest.raises(RegisterError, match="do not end at its head: verify the register first"):
        await register.rebuild(REFERENCE)
