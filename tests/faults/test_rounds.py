"""A few rounds of the breaking bench, and proof that its checks see what they are there to see."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from case_world import Story, wt2013_opening
from postgres import Server

from faults import checks
from faults.__main__ import table
from faults.checks import Found
from faults.people import Told
from faults.plan import MAILS, REGISTERS, Kind, plan
from faults.rounds import Round, play
from models.case import Case, fold
from models.events import Event, Fired, Taken

SEEDS = (5, 7, 8)
"""Every kind of mail, one worker and two, SQLite and PostgreSQL. Every seed that ever failed comes here."""
SECONDS = 4.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_round_loses_nothing_and_doubles_nothing(
    seed: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    wanted = plan(seed, SECONDS)
    server: Server | None = request.getfixturevalue("server") if wanted.register == "postgresql" else None
    done = await play(wanted, tmp_path, server)
    assert done.found.faults == []
    assert done.faults.total() == len(wanted.faults) > 15
    assert done.found.decisions
    assert done.found.letters > 10


def test_a_seed_gives_the_same_round_again_and_seeds_give_others() -> None:
    assert plan(3) == plan(3)
    plans = [plan(seed) for seed in range(60)]
    assert len(set(plans)) == len(plans)
    assert {(one.register, one.mail) for one in plans} == {(r, m) for r in REGISTERS for m in MAILS}
    kinds = {fault.kind for one in plans for fault in one.faults}
    assert kinds == set(get_args(Kind))


# ---- what the checks see ------------------------------------------------------------------------------------------


def lived() -> tuple[Told, list[Event], Case]:
    """A case with a decision and rungs that have fired, and what its people say of it."""
    story = Story(wt2013_opening())
    decision = story.decide("written-notification", "received", by="designated-person")
    story.tick("2013-07-24")
    told = Told("DEMO-2013-001", datetime.now(UTC) - story.at, [decision], [decision])
    return told, list(story.log), story.case


def found(told: Told, events: Sequence[Event], case: Case) -> Found:
    seen = Found()
    checks._decisions(seen, told, events)
    checks._timers(seen, told, case, events)
    return seen


def test_a_sound_case_has_no_faults() -> None:
    told, events, case = lived()
    seen = found(told, events, case)
    assert seen.faults == []
    assert seen.decisions == 1
    assert seen.timers >= 3


def test_a_decision_that_is_not_there_is_lost_and_one_that_is_there_twice_doubled() -> None:
    told, events, case = lived()
    (taken,) = [event for event in events if isinstance(event, Taken)]
    assert len(found(told, [event for event in events if event is not taken], case).lost) == 1
    assert len(found(told, [*events, taken], case).doubled) == 1
    told.given.clear()
    assert any("nobody gave" in what for what in found(told, events, case).wrong)


def test_a_rung_that_did_not_fire_is_lost_and_one_that_fired_twice_doubled() -> None:
    told, events, case = lived()
    last = next(event for event in reversed(events) if isinstance(event, Fired))
    short = events[: last.seq - 1]
    assert len(found(told, short, fold(short)).lost) == 1
    assert any("fired 2 times" in what for what in found(told, [*events, last], case).doubled)
    early = [event if event is not last else last.model_copy(update={"at": last.rung.at - timedelta(1)})
             for event in events]  # fmt: skip
    assert any("too early" in what for what in found(told, early, case).wrong)


def test_the_table_adds_up_and_names_the_seeds_that_failed() -> None:
    sound = Round(plan(1), Found(decisions=3, letters=4), Counter({"kill engine": 2, "kill worker": 1}))
    broken = Round(plan(2), Found(decisions=1, lost=["DEMO-2013-001: decision given-0001 is not there"]), Counter())
    said = table([sound, broken], [2, 9])
    for row in (
        "rounds | 3",
        "faults | 3: 3 × kill",
        "decisions | 4",
        "letters | 4",
        "lost | 1",
        "failing seeds | 2, 9",
    ):
        assert f"| {row} |" in said, said
