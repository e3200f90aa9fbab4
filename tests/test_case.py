"""What each kind of decision does, and how each is refused: one sentence that says what would be right."""

from collections.abc import Callable

import pytest
from case_world import AGENCIES, HOLDERS, TINY, Story, about, agree, day, involve, kinds, opening, refusal, wt2013

from models import events as ev
from models.case import fold
from models.deciding import decide, refused
from models.decisions import (
    Adopt,
    Assign,
    Correct,
    Decision,
    Plan,
    Proclaim,
    Resend,
)
from models.procedure import Procedure, read_procedure
from models.refusal import Refusal
from models.turn import waiting


def without(procedure: str, start: str, end: str) -> Procedure:
    """The small procedure without the part of its text from `start` up to `end`."""
    first, last = procedure.index(start), procedure.index(end)
    return read_procedure(procedure[:first] + procedure[last:], "new.toml")


# ---- Opening ----------------------------------------------------------------------------------------------------


def test_opening_meets_the_beginning_and_starts_what_follows() -> None:
    story = Story()
    assert {r.key for r in story.case.open_steps} == {"ask[health]", "ask[police]", "recommend"}
    assert story.case.steps["notified"].state == story.case.steps["told"].state == "done"
    assert story.owed("referral-acknowledgement")
    assert fold(story.log) == story.case


def test_what_lies_before_the_case_waits_to_be_confirmed_when_nobody_stated_its_day() -> None:
    story = Story(opening(stated={}))
    assert story.case.steps["told"].state == "open"
    story.decide("told", on="2013-07-08")
    assert story.case.steps["told"].met_on == day("2013-07-08")


def test_a_step_before_the_case_may_have_happened_before_it() -> None:
    story = Story(opening(stated={}))
    story.take(story.deciding("told", on="2013-07-01"))
    assert story.happened["told"] == day("2013-07-01")


def test_a_case_is_not_opened_in_the_future() -> None:
    with pytest.raises(Refusal, match="Tuesday 9 July 2013 lies in the future"):
        Story(opening(notified_on=day("2013-07-09")))


def test_waiting_names_who_owes_what_the_earliest_first() -> None:
    owed = [(record.key, who) for record, who in waiting(Story().case)]
    assert owed[0] == ("ask[health]", "Business Manager")
    assert owed[-1] == ("recommend", "Panel")


# ---- Decide -----------------------------------------------------------------------------------------------------


def test_a_decision_is_taken_starts_what_follows_and_owes_its_letters() -> None:
    story = Story()
    story.decide("recommend", "yes", "2013-07-19")
    events = story.take(story.deciding("decide", "yes", "2013-08-05"), "2013-08-05")
    assert events[0].kind == "decided"
    assert about(events, "started") == ["review", "tell", "terms"]
    to = {event.letter.recipient for event in events if isinstance(event, ev.LetterOwed)}
    assert {"referrer", "lead[health]", "lead[police]", "inspectorate", "board"} <= to


def test_a_letter_of_one_outcome_goes_with_that_outcome_alone() -> None:
    assert Story().to_decision("yes").case.letters.keys() >= {"2013-08-05-decide-referral-outcome-to-referrer"}
    assert not [i for i in Story().to_decision("no").case.letters if "invitation" in i]


def test_a_step_for_each_agency_is_decided_agency_by_agency() -> None:
    story = Story().to_reviews()
    story.decide("imr[health]", "submitted", "2013-09-02")
    assert "imr" not in story.happened
    assert story.case.steps["sign-off-imr[health]"].state == "open"
    assert "sign-off-imr[police]" not in story.case.steps
    story.decide("imr[police]", "not-needed", "2013-09-04")
    assert story.happened["imr"] == day("2013-09-04")
    assert "sign-off-imr[police]" not in story.case.steps


def test_a_decision_recorded_by_the_manager_for_another() -> None:
    story = Story()
    story.decide("recommend", "yes", "2013-07-10", recorded_by="mina")
    assert story.case.steps["recommend"].state == "done"


REFUSED_DECISIONS: dict[str, tuple[Callable[[Story], Decision], str]] = {
    "unknown step": (lambda s: s.deciding("recomend"), r"'recomend' is no step of tiny; its steps are told, notified"),
    "not owed yet": (lambda s: s.deciding("decide", "yes"), r"'decide' is not owed yet.*it follows from recommend"),
    "each separately": (lambda s: s.deciding("ask"), r"'ask' is done for each one separately: say ask\[health\] or"),
    "not for each": (lambda s: s.deciding("recommend[health]", "yes"), r"not done for each one sep.*; say 'recommend'"),
    "unknown outcome": (lambda s: s.deciding("recommend", "perhaps"), r"'perhaps' is no outcome.*it has yes, no\."),
    "no role": (
        lambda s: s.deciding("recommend", "yes", by="carl"),
        r"'carl' does not hold the role Panel.*pat, petra",
    ),
    "future": (
        lambda s: s.deciding("recommend", "yes", "2013-07-09"),
        r"Tuesday 9 July 2013 lies in the future; today",
    ),
    "future month": (lambda s: s.deciding("recommend", "yes", "2013-08"), r"2013-08 lies in the future"),
    "too early": (
        lambda s: s.deciding("recommend", "yes", "2013-07-07"),
        r"before Monday 8 July 2013.*give a later day",
    ),
    "early month": (lambda s: s.deciding("recommend", "yes", "2013-06"), r"2013-06 is before Monday 8 July 2013"),
    "twice": (lambda s: s.deciding("notified", by="rosa"), r"'notified' is decided already; reconsider it if"),
    "recorder": (
        lambda s: s.deciding("recommend", "yes", recorded_by="x"),
        r"'x' does not hold the role Business Mana",
    ),
}


@pytest.mark.parametrize("name", REFUSED_DECISIONS)
def test_a_decision_is_refused(name: str) -> None:
    story = Story()
    make, pattern = REFUSED_DECISIONS[name]
    decision = make(story)
    with pytest.raises(Refusal, match=pattern):
        decide(story.case, decision, story.at)
    refusal(story, decision)


def test_a_group_is_not_decided_itself() -> None:
    story = Story().to_decision()
    assert "met when its steps are done" in refusal(story, story.deciding("review"))


def test_nobody_holds_the_role_yet() -> None:
    story = Story(opening(holders={k: v for k, v in HOLDERS.items() if k != "panel"}))
    assert "nobody holds that role yet: assign it first" in refusal(story, story.deciding("recommend", "yes"))


def test_a_step_no_longer_owed_is_not_decided() -> None:
    story = Story().to_decision()
    story.reconsider("decide", "2013-08-06")
    assert "no longer owed" in refusal(story, story.deciding("terms", by="pat"))


# ---- Gates ------------------------------------------------------------------------------------------------------


def test_a_gate_names_what_is_still_to_be_decided() -> None:
    story = Story().to_reviews()
    story.decide("imr[health]", "submitted", "2013-09-02")
    text = refusal(story, story.deciding("draft"))
    assert text == "'draft' must wait for \"Write the agency's review\" (10); still to be decided: imr[police]."


def test_a_gate_of_each_agency_is_the_agencys_own() -> None:
    story = Story().to_reviews()
    story.decide("imr[health]", "submitted", "2013-09-02")
    story.decide("read-imr[health]", on="2013-09-03")
    assert "imr[police]" in refusal(story, story.deciding("read-imr[police]"))


def test_what_waits_for_a_gate_is_not_dated_before_it() -> None:
    story = Story().to_reviews()
    for agency in AGENCIES:
        story.decide(f"imr[{agency}]", "submitted", "2013-09-02")
    assert "Monday 2 September 2013" in refusal(story, story.deciding("draft", on="2013-08-30"))


# ---- The same id ------------------------------------------------------------------------------------------------


def test_the_same_decision_twice_has_one_effect() -> None:
    story = Story()
    decision = story.decide("recommend", "yes", "2013-07-10")
    assert story.take(decision) == []


def test_the_same_id_with_other_content_is_refused() -> None:
    story = Story()
    decision = story.decide("recommend", "yes", "2013-07-10")
    other = decision.model_copy(update={"outcome": "no"})
    assert "was used for another decision" in refusal(story, other)


def test_the_id_of_a_correction_is_not_used_for_another_decision() -> None:
    story = Story()
    mistaken = story.decide("recommend", "yes", "2013-07-10")
    correction = Correct(**story.said(), decision=mistaken.id)
    story.take(correction)
    assert story.take(correction) == []
    assert story.take(mistaken) == []
    other = story.deciding("recommend", "no").model_copy(update={"id": correction.id})
    assert "was used for another decision" in refusal(story, other)
    assert "was used for another decision" in refusal(story, other.model_copy(update={"id": mistaken.id}))


def test_a_refused_decision_is_written_down_and_changes_nothing() -> None:
    story = Story()
    before = story.case
    events = story.extend_by(refused(story.case, "some-id", "It is not so.", story.at))
    assert kinds(events) == ["refused"]
    assert story.case == before.model_copy(update={"seq": before.seq + 1})


# ---- Involve, assign --------------------------------------------------------------------------------------------


def test_an_agency_involved_later_gets_the_steps_that_have_begun_for_the_others() -> None:
    story = Story().to_reviews()
    story.go_to("2013-08-20")
    events = story.take(involve(story))
    assert about(events, "started") == ["ask[school]", "imr[school]", "read-imr[school]"]
    assert story.case.steps["imr[school]"].due == day("2013-09-20")
    assert story.case.steps["imr[school]"].owner == "author[school]"
    for agency in AGENCIES:
        story.decide(f"imr[{agency}]", "submitted", "2013-09-02")
    assert "imr[school]" in refusal(story, story.deciding("draft"))


def test_an_agency_is_involved_once() -> None:
    story = Story()
    assert "involved already" in refusal(story, involve(story, "health"))
    assert "does not hold the role" in refusal(story, involve(story).model_copy(update={"by": "ada"}))


def test_an_author_is_not_on_the_panel_in_either_order() -> None:
    story = Story()
    assert "001-7b" in refusal(story, Assign(**story.said(), person="pat", role="author", agency="police"))
    assert "001-7b" in refusal(story, Assign(**story.said(), person="abel", role="panel"))


def test_the_health_representative_is_excepted() -> None:
    story = Story()
    story.assign("pat", "author", "health")
    story.assign("ada", "panel")
    assert "ada" in story.case.facts.holders["panel"]


def test_the_chair_of_the_panel_is_independent_whichever_comes_first() -> None:
    story = Story()
    for fault in ({"employer": "police"}, {"board_member": True}):
        assert "001-10" in refusal(story, Assign(**story.said(), person="ines", role="panel-chair", **fault))
    story.assign("ines", "panel-chair", employer="school")
    assert "001-10" in refusal(story, Assign(**story.said(), person="ines", role="overview-author"))
    assert "001-10" in refusal(story, Assign(**story.said(), person="ines", role="board", board_member=True))
    assert "001-10" in refusal(story, involve(story))
    story.assign("ines", "panel-chair", stands_down=True)
    story.take(involve(story))
    assert "001-10" in refusal(story, Assign(**story.said(), person="ines", role="panel-chair"))


def test_an_appointment_is_refused() -> None:
    story = Story()
    said = story.said()
    assert "is no role of tiny" in refusal(story, Assign(**said, person="x", role="king"))
    assert "say which of those involved (health, police)" in refusal(story, Assign(**said, person="x", role="lead"))
    assert "not held for an agency" in refusal(story, Assign(**said, person="x", role="chair", agency="health"))
    stands = Assign(**said, person="x", role="chair", stands_down=True)
    assert "cannot stand down" in refusal(story, stands)
    assert "does not hold the role" in refusal(story, Assign(**said | {"by": "pat"}, person="x", role="chair"))


def test_who_takes_over_a_role_decides_and_who_stood_down_does_not() -> None:
    story = Story()
    for person in HOLDERS["panel"]:
        story.assign(person, "panel", stands_down=True)
    story.assign("noor", "panel")
    assert "it is for noor" in refusal(story, story.deciding("recommend", "yes", by="pat"))
    story.decide("recommend", "yes", "2013-07-10", by="noor")


# ---- Agree, plan, proclaim, adopt, resend -----------------------------------------------------------------------


def test_an_action_agreed_is_owed_by_its_agency_on_its_day() -> None:
    story = Story().to_action_plan()
    events = story.take(agree(story))
    record = story.case.steps["progress[a1]"]
    assert about(events, "started") == ["progress[a1]"]
    assert (record.due, record.owner) == (day("2014-03-03"), "lead[health]")
    story.decide("progress[a1]", on="2014-03-03")
    assert story.case.steps["progress[a1]"].late_by == 0


def test_actions_agreed_before_the_plan_start_with_it() -> None:
    story = Story().to_draft()
    assert about(story.take(agree(story)), "started") == []
    story.decide("accept", on="2013-10-08")
    assert about(story.take(story.deciding("plan")), "started") == ["progress[a1]"]


def test_an_action_is_refused() -> None:
    story = Story().to_action_plan()
    story.take(agree(story))
    assert "agreed already" in refusal(story, agree(story))
    assert "'school' is not involved" in refusal(story, agree(story, "a2", agency="school"))
    assert refusal(story, agree(story, "a2", agency=None)) == "Say which agency owns the action."
    assert "due after it is agreed" in refusal(story, agree(story, "a2", due=day("2013-11-04")))
    assert "does not hold" in refusal(story, agree(story, "a2").model_copy(update={"by": "bea"}))


def test_a_planned_day_is_refused() -> None:
    story = Story()
    assert "it plans publication" in refusal(story, Plan(**story.said(), what="party", day=day("2014-01-01")))
    assert "lies ahead" in refusal(story, Plan(**story.said(), what="publication", day=day("2013-07-07")))


@pytest.mark.parametrize("when", ["2013-07-13", "2013-08-26", "2031-01-02"])
def test_a_day_that_works_nowhere_is_not_proclaimed(when: str) -> None:
    story = Story()
    refusal(story, Proclaim(**story.said(), day=day(when), name="A day"))


def test_another_version_of_the_procedure_moves_what_runs() -> None:
    story = Story()
    new = read_procedure(TINY.replace('within = "10 working days"', 'within = "12 working days"'), "new.toml")
    events = story.take(Adopt(**story.said(), procedure=new))
    assert about(events, "moved") == ["recommend"]
    assert story.case.procedure == new
    assert fold(story.log) == story.case


def test_another_version_must_know_what_the_case_has_had() -> None:
    story = Story()
    assert "has no step" in refusal(story, Adopt(**story.said(), procedure=wt2013()))
    story.decide("recommend", "yes", "2013-07-10")
    new = without(TINY, '[[step]]\nid = "recommend"', '[[step]]\nid = "decide"')
    assert "has no step recommend" in refusal(story, Adopt(**story.said(), procedure=new))


def test_a_letter_that_failed_is_sent_again_and_others_are_not() -> None:
    story = Story()
    letter = story.owed("health")[0]
    assert "those are: none" in refusal(story, Resend(**story.said(), letter=letter))
    story.report(letter, because="no address")
    assert story.case.letters[letter].because == "no address"
    story.resend(letter)
    assert letter in story.owed()
    assert kinds(story.report(letter)) == ["letter sent", "met"]
