"""The stories of `scenarios/`, each played once on the real workflow, letters and register.

What they must come to was counted by hand, on the calendar, from the guidance; nothing here counts a date.
"""

import asyncio
import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable
from email import message_from_bytes
from email.policy import default
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest
from pydantic import BaseModel

from activities.outbox import read_hash
from library import Library
from models.case import fold
from models.events import Fired, LetterOwed, Moved, Refused, Restored, Started, Taken
from rehearsal import Rehearsal, read_scenario, rehearse

SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"
EXPECTED = Path(__file__).resolve().parent / "stories"
HPC = ("health", "police", "childrens-social-care")


class Told(NamedTuple):
    """A story that was played, and the folder with its letters."""

    rehearsal: Rehearsal
    outbox: Path


class Story(BaseModel):
    """What a story must come to; one file each in `tests/stories/`.

    `dates`: every dated step: due, last working day to act where that is earlier, step, calendar days late ("-" where
    nobody can say). `fired`: every rung of every ladder. `moved`: every date that moved, with the day it did.
    `letters`: to whom each letter went, `[*]` for each of `agencies`. `refused`: words of each refusal.
    """

    closed: str
    agencies: str
    dates: str
    fired: str
    moved: str = ""
    letters: str
    refused: tuple[str, ...] = ()


Tell: TypeAlias = Callable[[str], Told]


NAMES = (
    "2013-on-time", "2013-late", "2013-partial-dates", "2010-scr", "2010-individual-imrs", "2010-reopened",
    "2015-milton-keynes", "2015-buckinghamshire", "2023", "northern-ireland",
    "learning-year",
)  # fmt: skip
every_story = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == "2013-late" else name for name in NAMES]
)


def story(name: str) -> Story:
    return Story.model_validate(tomllib.loads((EXPECTED / f"{name}.toml").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def tell(tmp_path_factory: pytest.TempPathFactory) -> Tell:
    """Plays a story the first time it is asked for, so that each is played once."""

    @cache
    def told(name: str) -> Told:
        folder = tmp_path_factory.mktemp(name)
        scenario = read_scenario((SCENARIOS / f"{name}.toml").read_text(encoding="utf-8"), name)
        return Told(asyncio.run(rehearse(scenario, Library(), folder)), folder / "outbox")

    return told


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def letters_of(expected: Story) -> Counter[tuple[str, str]]:
    """Template and recipient of every letter: "2*chair" is two to the Chair."""
    found: Counter[tuple[str, str]] = Counter()
    for template, _, words in (line.partition(": ") for line in lines(expected.letters)):
        for word in words.split():
            times, role = word.split("*", 1) if word[0].isdigit() else ("1", word)
            every = each(role.removesuffix("[*]"), expected.agencies.split()) if role.endswith("[*]") else [role]
            found.update({(template, to): int(times) for to in every})
    return found


def each(role: str, agencies: Iterable[str]) -> list[str]:
    return [f"{role}[{agency}]" for agency in agencies]


def test_every_scenario_is_a_story_told_here() -> None:
    assert {path.stem for path in SCENARIOS.glob("*.toml")} == set(NAMES)


@every_story
def test_every_date_and_how_late_each_was(name: str, tell: Tell) -> None:
    found = [
        f"{r.due} ({r.act_by}) {r.key} {r.late_by}".replace(f"{r.due} ({r.due})", f"{r.due}").replace(" None", " -")
        for r in tell(name).rehearsal.deadlines
        if r.due is not None
    ]
    assert sorted(found) == lines(story(name).dates)


@every_story
def test_every_reminder_expiry_and_escalation(name: str, tell: Tell) -> None:
    events = tell(name).rehearsal.events
    assert sorted(f"{e.on} {e.kind} {e.step}" for e in events if isinstance(e, Fired)) == lines(story(name).fired)


@every_story
def test_every_date_that_moved(name: str, tell: Tell) -> None:
    moved = [e for e in tell(name).rehearsal.events if isinstance(e, Moved) and e.was and e.was != e.record.due]
    told = sorted(f"{e.on} {e.step} {e.was} to {e.record.due}" for e in moved)
    assert told == lines(story(name).moved)


@every_story
def test_every_letter_went_once_to_whom_it_should(name: str, tell: Tell) -> None:
    rehearsal, outbox = tell(name)
    found = Counter((letter.template, letter.recipient) for letter in rehearsal.letters)
    assert found == letters_of(story(name))
    assert {letter.state for letter in rehearsal.letters} == {"sent"}
    files = {path.stem: path for path in outbox.glob("*/*")}
    assert set(files) == {letter.letter for letter in rehearsal.letters}
    assert len(files) == len(rehearsal.letters)
    assert all(read_hash(files[letter.letter]) == letter.sha256 for letter in rehearsal.letters)


@every_story
def test_refused_entries_are_written_down_with_the_reason(name: str, tell: Tell) -> None:
    reasons = [e.because for e in tell(name).rehearsal.events if isinstance(e, Refused)]
    expected = story(name).refused
    assert len(reasons) == len(expected)
    assert [words for words, reason in zip(expected, reasons, strict=True) if words not in reason] == []


@every_story
def test_it_ends_closed_with_nothing_owed_and_its_events_make_the_case(name: str, tell: Tell) -> None:
    rehearsal, _ = tell(name)
    closings = [e for e in rehearsal.events if isinstance(e, Taken) and e.kind == "closed"]
    assert f"{closings[-1].on} {rehearsal.case.facts.closed}" == story(name).closed
    assert rehearsal.case.open_steps == []
    assert rehearsal.events[-1] == closings[-1], "nothing happens after the end"
    assert [event.seq for event in rehearsal.events] == list(range(1, len(rehearsal.events) + 1))
    assert fold(rehearsal.events) == rehearsal.case


@every_story
def test_what_is_printed_and_what_lies_in_the_outbox_agree_with_the_case(name: str, tell: Tell) -> None:
    rehearsal, outbox = tell(name)
    assert [event.seq for event in rehearsal.events] == list(range(1, rehearsal.case.seq + 1))
    assert json.loads(json.dumps(rehearsal.as_json()))["case"]["reference"] == rehearsal.case.opening.reference
    sent = {letter.letter for letter in rehearsal.letters if letter.state == "sent"}
    assert sent == {path.stem for path in outbox.rglob("*.eml")}
    assert not rehearsal.failed


@every_story
def test_its_reasons_name_nobody(name: str) -> None:
    scenario = tomllib.loads((SCENARIOS / f"{name}.toml").read_text(encoding="utf-8"))
    board = Library().board(scenario.get("board", "demo"))
    people = [person.name for person in board.people.values()]
    people += [scenario["referral"][who]["name"] for who in ("child", "referrer") if who in scenario["referral"]]
    names = {word for person in people for word in person.split()} - {"Day"}
    told = " ".join(entry["because"] for entry in scenario["decision"])
    assert [word for word in told.replace(".", " ").replace(",", " ").split() if word in names] == []


def test_publication_on_the_last_day_takes_the_copies_to_boxing_day(tell: Tell) -> None:
    case = tell("2013-on-time").rehearsal.case
    assert str(case.facts.planned["publication"]) == "2014-01-02"
    assert [str(case.steps[step].met_on) for step in ("sign-off", "copy-to-panel", "copy-to-dfe", "publish")] == [
        "2013-12-05", "2013-12-17", "2013-12-17", "2014-01-02",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_proclaimed_day_is_skipped_in_words(tell: Tell) -> None:
    events = tell("2013-late").rehearsal.events
    [because] = [e.because for e in events if isinstance(e, Moved) and e.step == "recommend"]
    assert "Day of mourning (invented) (Friday 10 October 2014)" in because


@pytest.mark.slow
def test_a_mistaken_entry_is_taken_back_and_decided_rightly_later(tell: Tell) -> None:
    events = [e for e in tell("2013-late").rehearsal.events if e.step == "agency-review[police]"]
    assert [(e.kind, str(e.on)) for e in events if isinstance(e, Taken | Restored)] == [
        ("decided", "2015-03-16"), ("restored", "2015-03-18"), ("decided", "2015-05-22"),
    ]  # fmt: skip
    assert tell("2013-late").rehearsal.case.steps["agency-review[police]"].outcome == "submitted"


@pytest.mark.slow
def test_an_agency_that_comes_late_owes_what_the_others_owe(tell: Tell) -> None:
    case = tell("2013-late").rehearsal.case
    began = {record.step: str(record.since) for record in case.steps.values() if record.item == "school"}
    assert began == dict.fromkeys(("secure-records", "agency-review", "commission-agency-review"), "2015-01-14")


def test_the_health_representative_writes_and_sits_on_the_panel(tell: Tell) -> None:
    holders = tell("2010-scr").rehearsal.case.facts.holders
    assert "health-imr-author" in holders["panel-member"]
    assert holders["imr-author[health]"] == ("health-imr-author",)
    assert holders["imr-author[police]"] == ("police-imr-author",)
    assert holders["panel-chair"] == ("panel-chair-1",)


def test_the_panel_sees_each_review_after_it_is_signed_off(tell: Tell) -> None:
    steps = tell("2010-scr").rehearsal.case.steps
    met = [
        [str(steps[f"{step}[{agency}]"].met_on) for step in ("write-imr", "sign-off-imr", "review-imr")]
        for agency in HPC
    ]
    assert met == [
        ["2010-09-10", "2010-09-15", "2010-09-20"],
        ["2010-09-17", "2010-09-24", "2010-10-08"],
        ["2010-12-06", "2010-12-10", "2010-12-20"],
    ]


def test_individual_reviews_are_asked_of_the_agencies_identified_alone(tell: Tell) -> None:
    case = tell("2010-individual-imrs").rehearsal.case
    assert case.steps["decide"].outcome == "individual-imrs"
    assert case.steps["commission-individual-imr[police]"].outcome == "not-asked"
    assert {key for key in case.steps if key.startswith("write-")} == set(
        each("write-individual-imr", ("health", "school"))
    )
    assert "review" not in case.steps


def test_new_information_opens_the_closed_case_again(tell: Tell) -> None:
    rehearsal = tell("2010-reopened").rehearsal
    turns = [
        f"{e.on} {e.kind}" for e in rehearsal.events if isinstance(e, Taken) and e.kind in ("closed", "reconsidered")
    ]
    assert turns == ["2010-05-06 closed", "2010-11-15 reconsidered", "2011-03-15 closed"]
    decided = [
        e.decision.outcome
        for e in rehearsal.events
        if isinstance(e, Taken) and e.decision.kind == "decide" and e.step == "decide"
    ]
    assert decided == ["decline", "initiate"]
    notices = sorted(str(e.on) for e in rehearsal.events if isinstance(e, LetterOwed) and e.step == "notify-government")
    assert notices == ["2010-04-30", "2010-04-30", "2010-11-18", "2010-11-18"]


def test_days_known_as_months_give_no_computable_date_but_its_bounds(tell: Tell) -> None:
    events = tell("2013-partial-dates").rehearsal.events
    said = {str(e.step): e.because for e in events if isinstance(e, Started) and "No computable date" in e.because}
    bounds = {
        "notify-decision": ("Friday 2 August 2013", "Monday 2 September 2013"),
        "secure-records[health]": ("Friday 2 August 2013", "Monday 2 September 2013"),
        "secure-records[police]": ("Friday 2 August 2013", "Monday 2 September 2013"),
        "notify-cqc": ("Thursday 8 August 2013", "Friday 6 September 2013"),
        "review": ("Saturday 1 February 2014", "Friday 28 February 2014"),
        "action-plan": ("Saturday 1 March 2014", "Friday 28 March 2014"),
    }
    assert set(said) == {*bounds, "copy-to-panel", "copy-to-dfe"}
    for step, (first, last) in bounds.items():
        assert f"falls between {first} and {last}" in said[step]
    assert said["copy-to-panel"].startswith("No computable date; send now")


def text_of(outbox: Path, words: str) -> list[str]:
    """The plain text of every letter with these words in its file's name."""
    files = sorted(path for path in outbox.glob("*/*") if words in path.name)
    bodies = [message_from_bytes(file.read_bytes(), policy=default).get_body(("plain",)) for file in files]
    return [str(body.get_content()) for body in bodies if body is not None]


def test_a_notice_of_a_meeting_names_its_own_day_and_business(tell: Tell) -> None:
    outbox = tell("northern-ireland").outbox
    [*first] = text_of(outbox, "serve-notice-meeting-notice")
    [*further] = text_of(outbox, "serve-further-notice-meeting-notice")
    assert len(first) == len(further) == 3
    assert all("is to be held on Friday 27 March 2015" in text for text in first)
    assert all("is to be held on Wednesday 22 April 2015" in text for text in further)
    assert all("The same business as on 27 March." in text for text in further)


def test_a_record_of_an_interview_goes_to_each_person_interviewed(tell: Tell) -> None:
    rehearsal, outbox = tell("2015-buckinghamshire")
    records = text_of(outbox, "interview-record")
    assert [sum(name in text for text in records) for name in ("Ingram Fothersby", "Tabitha Umberslade")] == [1, 1]
    steps = rehearsal.case.steps
    assert steps["confirm-record[health]"].outcome == "corrected"
    assert steps["invite-interviews[police]"].outcome == "none"
    assert "interview[police]" not in steps


def test_letters_of_a_partnership_speak_of_no_board(tell: Tell) -> None:
    texts = text_of(tell("2023").outbox, "")
    assert len(texts) > 20
    assert [text for text in texts if re.search(r"\bBoard'?s?\b(?<!Care Board)|LSCB|Regulations 2006|14B", text)] == []


def test_buckinghamshire_has_two_letters_in_its_own_words(tell: Tell) -> None:
    outbox = tell("2015-buckinghamshire").outbox
    [acknowledgement] = text_of(outbox, "referral-acknowledgement")
    assert "a wider review by more than one agency" in acknowledgement
    assert all(
        "the redacted overview report and the executive summary" in t for t in text_of(outbox, "publication-notice")
    )
