"""Rehearsals: whole stories on the real workflow, worker, letters and register; and scenarios that cannot be played."""

from pathlib import Path
from typing import Any

import pytest

from activities.outbox import write_eml
from library import Library
from models.letters import LetterOrder
from rehearsal import Rehearsal, ScenarioError, read_scenario, rehearse

HEAD = """
title = "A story"
procedure = "wt2013"

[referral]
received = 2013-07-08
agencies = ["health", "police"]
why = "Two agencies had known the family."

[referral.child]
name = "Tamsin Vale-Example"

[referral.referrer]
name = "Perpetua Quill"
email = "referrer@health.demoshire.example"
"""
RECOMMEND = """
[[decision]]
on = 2013-07-19
step = "recommend"
outcome = "scr"
"""


async def played(text: str, library: Library, folder: Path) -> Rehearsal:
    return await rehearse(read_scenario(text, "story.toml"), library, folder)


async def test_the_deadlines_say_what_was_met_and_how_late(library: Library, tmp_path: Path) -> None:
    late = RECOMMEND.replace("2013-07-19", "2013-07-25")
    plain = (await played(HEAD + late, library, tmp_path)).as_json()
    deadlines = {deadline["step"]: deadline for deadline in plain["deadlines"]}
    assert deadlines["recommend"]["due"] == "2013-07-22"
    assert (deadlines["recommend"]["met_on"], deadlines["recommend"]["late_by"]) == ("2013-07-25", 3)
    assert (deadlines["decide"]["due"], deadlines["decide"]["met_on"]) == ("2013-08-08", None)
    expired = [event for event in plain["events"] if event["kind"] == "expired" and event["step"] == "recommend"]
    assert [event["on"] for event in expired] == ["2013-07-23"]


async def test_an_entry_recorded_later_is_judged_by_its_own_day(library: Library, tmp_path: Path) -> None:
    text = HEAD + RECOMMEND + "recorded = 2013-07-26\n"
    rehearsal = await played(text, library, tmp_path)
    assert rehearsal.case.steps["recommend"].late_by == 0


async def test_time_passes_until_the_day_that_the_story_names(library: Library, tmp_path: Path) -> None:
    rehearsal = await played(HEAD.replace("[referral]", "until = 2013-07-24\n[referral]", 1), library, tmp_path)
    assert [e.kind for e in rehearsal.events if e.step == "recommend"].count("escalated") == 1


async def test_a_closed_case_is_reconsidered_in_its_own_time(library: Library, tmp_path: Path) -> None:
    text = (
        HEAD
        + RECOMMEND
        + """
[[decision]]
on = 2013-07-22
kind = "close"
how = "withdrawn"

[[decision]]
on = 2013-07-23
kind = "reconsider"
step = "recommend"
"""
    )
    rehearsal = await played(text, library, tmp_path)
    assert rehearsal.case.facts.closed is None
    assert str(rehearsal.case.steps["recommend"].due) == "2013-08-06"
    assert not [event for event in rehearsal.events if event.at.year != 2013]


async def test_a_refusal_that_the_story_expects_is_written_down(library: Library, tmp_path: Path) -> None:
    text = HEAD + RECOMMEND + 'by = "police-manager"\nrefused = "does not hold the role"\n'
    rehearsal = await played(text, library, tmp_path)
    assert [event.kind for event in rehearsal.events].count("refused") == 1
    assert rehearsal.case.steps["recommend"].state == "open"


async def test_a_letter_written_but_not_reported_is_not_written_again(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[str] = []

    def broken_off(folder: Path, reference: str, order: LetterOrder, *rest: Any) -> tuple[Path, str]:
        written = write_eml(folder, reference, order, *rest)
        attempts.append(order.id)
        if attempts.count(order.id) == 1:
            raise OSError("The worker was killed before it could report.")
        return written

    monkeypatch.setattr("activities.outbox.write_eml", broken_off)
    rehearsal = await played(HEAD, library, tmp_path)
    letters = sorted(letter.letter for letter in rehearsal.letters)
    assert {letter.state for letter in rehearsal.letters} == {"sent"}
    assert sorted(attempts) == letters, "each is written once, though its activity was tried again"
    assert sorted(path.stem for path in (tmp_path / "outbox").rglob("*.eml")) == letters


BAD = {
    "not TOML": ("title = ", "story.toml: not readable as TOML"),
    "no procedure": (HEAD.replace('procedure = "wt2013"', ""), "procedure: this field is missing"),
    "unknown procedure": (HEAD.replace("wt2013", "wt1066"), "There is no 'wt1066' in procedures"),
    "unknown board": (
        HEAD.replace("[referral]", 'board = "atlantis"\n[referral]', 1),
        "There is no 'atlantis' in boards",
    ),
    "unknown agency": (HEAD.replace('"police"', '"navy"'), "is no agency of"),
    "referral without a child": (
        HEAD.replace("[referral.child]", "[referral.kid]"),
        "referral, kid: there is no such field",
    ),
    "no such day": (HEAD.replace("received = 2013-07-08", 'received = "2013-13"'), "received"),
    "received in the future": (HEAD.replace("received = 2013-07-08", "received = 2199-01-01"), "19"),
    "a field too many": (
        HEAD.replace("[referral]", 'weather = "fine"\n[referral]', 1),
        "weather: there is no such field",
    ),
    "unknown kind": (HEAD + RECOMMEND + 'kind = "wish"\n', "entry 1 (wish on 2013-07-19)"),
    "decision without its step": (HEAD + RECOMMEND.replace('step = "recommend"', ""), "step: this field is missing"),
    "refused": (
        HEAD + RECOMMEND + 'by = "police-manager"\n',
        "entry 1 (decide on 2013-07-19) is refused: 'police-manager'",
    ),
    "refused otherwise": (
        HEAD + RECOMMEND + 'by = "police-manager"\nrefused = "lies in the future"\n',
        "is refused: 'police-manager' does not hold",
    ),
    "not refused": (HEAD + RECOMMEND + 'refused = "does not hold"\n', "should have been refused, but it was taken in"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_scenario_is_refused_in_a_sentence_that_says_where(
    name: str, library: Library, tmp_path: Path
) -> None:
    text, words = BAD[name]
    with pytest.raises(ScenarioError) as caught:
        await played(text, library, tmp_path)
    assert words in str(caught.value)
