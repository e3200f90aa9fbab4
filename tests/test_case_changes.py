"""Second thoughts: closing, correcting, reconsidering and extending, and what becomes of letters."""

import pytest
from case_world import AGENCIES, HOLDERS, TINY, Story, about, bare, day, england, involve, kinds, opening, refusal

from models import events as ev
from models.case import fold, stage
from models.decisions import Close, Correct, Extend, Reconsider
from models.procedure import read_procedure

# ---- Close ------------------------------------------------------------------------------------------------------


def test_a_case_with_things_owed_is_not_completed() -> None:
    story = Story()
    text = refusal(story, Close(**story.said()))
    assert (
        text == "Still owed: ask[health], ask[police], recommend; decide these first, or close the case as withdrawn."
    )


def test_a_case_is_completed_with_only_an_optional_step_left() -> None:
    story = Story().to_decision("no")
    story.close("2013-08-09")
    assert stage(story.case) == "Closed"
    assert story.case.open_steps == []


def test_a_closed_case_takes_no_decision_but_reconsider_and_correct() -> None:
    story = Story().to_decision("no")
    last = story.close("2013-08-09")
    text = refusal(story, involve(story))
    assert text == "Case DEMO-2013-001 is closed; reconsider a decision to open it again."
    story.correct(last.id)
    assert story.case.facts.closed is None
    assert [r.key for r in story.case.open_steps] == ["other-review"]


# ---- Correct ----------------------------------------------------------------------------------------------------


def test_a_correction_makes_the_case_as_if_the_entry_had_never_been_made() -> None:
    story = Story()
    story.decide("recommend", "yes", "2013-07-19")
    before = story.case
    decision = story.decide("decide", "yes", "2013-08-05")
    story.correct(decision.id)
    assert bare(story.case) == bare(before)
    assert not story.owed("decide-referral-outcome")
    assert not story.owed("tell-decision-notice")
    assert fold(story.log) == story.case


@pytest.mark.parametrize("sent", [True, False])
def test_after_a_correction_the_right_outcome_goes_out_the_same_day(sent: bool) -> None:
    story = Story()
    story.decide("recommend", "yes", "2013-07-19")
    mistaken = story.decide("decide", "yes", "2013-08-05")
    if sent:
        story.send_all()
    story.correct(mistaken.id)
    story.decide("decide", "no", "2013-08-05")
    orders = [story.case.letters[i].order for i in story.owed("referral-outcome")]
    assert [order.facts["outcome_id"] for order in orders if order] == ["no"] * 3


def test_an_entry_on_which_later_ones_rest_is_not_corrected() -> None:
    story = Story()
    first = story.decide("recommend", "yes", "2013-07-19")
    second = story.decide("decide", "yes", "2013-08-05")
    text = refusal(story, Correct(**story.said(), decision=first.id))
    assert f"while the later entry 'decide decide' ({second.id}) rests on it; correct that one first" in text
    story.correct(second.id)
    story.correct(first.id)
    assert story.case.steps["recommend"].state == "open"
    assert "decide" not in story.case.steps


def test_what_does_not_stand_is_not_corrected() -> None:
    story = Story()
    decision = story.decide("recommend", "yes", "2013-07-19")
    assert "no decision that stands" in refusal(story, Correct(**story.said(), decision="not-an-id"))
    assert "does not hold" in refusal(story, Correct(**story.said(by="pat"), decision=decision.id))
    story.correct(decision.id)
    assert "no decision that stands" in refusal(story, Correct(**story.said(), decision=decision.id))


def test_corrections_keep_what_other_decisions_have_established() -> None:
    story = Story()
    taken = involve(story)
    story.take(taken)
    story.assign("sol", "lead", "school")
    text = refusal(story, Correct(**story.said(), decision=taken.id))
    assert "rests on it" in text
    story.assign("una", "manager")
    recommend = story.decide("recommend", "yes", "2013-07-10")
    story.correct(recommend.id)
    assert "una" in story.case.facts.holders["manager"]


# ---- Reconsider -------------------------------------------------------------------------------------------------


def test_a_no_becomes_a_yes_and_what_follows_from_yes_follows() -> None:
    story = Story().to_decision("no")
    events = story.reconsider("decide", "2013-09-02")
    assert about(events, "withdrawn") == ["other-review"]
    assert (story.case.steps["decide"].due, story.case.steps["decide"].round) == (day("2013-10-02"), 2)
    events = story.take(story.deciding("decide", "yes", "2013-09-05"), "2013-09-05")
    assert about(events, "started") == ["review", "tell", "terms"]
    assert not {"decide.no", "tell"} & story.happened.keys()
    assert {letter.partition("-decide-")[2] for letter in story.owed("referral-outcome-to-referrer")}
    assert story.owed("tell-decision-notice-to-inspectorate")


def test_a_yes_confirmed_starts_again_what_followed_from_it() -> None:
    story = Story().to_decision("yes")
    events = story.reconsider("decide", "2013-09-02")
    assert about(events, "withdrawn") == ["review", "terms"]
    events = story.take(story.deciding("decide", "yes", "2013-09-05"), "2013-09-05")
    assert about(events, "started") == ["review", "tell", "terms"]


def test_what_was_reconsidered_itself_is_withdrawn_with_what_it_follows_from() -> None:
    story = Story().to_reviews()
    story.reconsider("terms", "2013-08-20", by="pat")
    events = story.reconsider("decide", "2013-08-21")
    assert "terms" in about(events, "withdrawn")


def test_reconsidering_one_agencys_step_leaves_the_other_agencys_alone() -> None:
    story = Story().to_reviews()
    for agency in AGENCIES:
        story.decide(f"imr[{agency}]", "submitted", "2013-09-02")
    events = story.reconsider("imr[health]", "2013-09-03", by="ada")
    assert about(events, "withdrawn") == ["sign-off-imr[health]"]
    assert story.case.steps["sign-off-imr[police]"].state == "open"
    assert "imr[health]" in refusal(story, story.deciding("draft"))


def test_a_group_is_owed_again_when_a_step_that_met_it_is_reconsidered() -> None:
    story = Story().to_action_plan()
    events = story.reconsider("accept", "2014-03-03", by="bea")
    assert "review" in about(events, "started")
    record = story.case.steps["review"]
    assert (record.state, record.due, record.met_on) == ("open", day("2014-02-05"), None)
    assert "reminded" not in kinds(story.tick())
    story.decide("accept", on="2014-03-04")
    assert story.case.steps["review"].late_by == 27


def test_reconsidering_opens_a_closed_case() -> None:
    story = Story().to_decision("no")
    story.close("2013-08-09")
    story.reconsider("decide", "2013-09-02")
    assert [r.key for r in story.case.open_steps] == ["decide"]


def test_reconsidering_is_refused() -> None:
    story = Story().to_decision("no")
    said = story.said()
    assert "nothing to reconsider" in refusal(story, Reconsider(**said, step="other-review"))
    assert "'mina' does not hold the role Chair" in refusal(story, Reconsider(**said, step="decide"))
    early = story.said("2013-08-02", "carl")
    assert "is before 'decide' was decided" in refusal(story, Reconsider(**early, step="decide"))
    begun = Reconsider(**story.said(by="rosa"), step="notified")
    assert "how the case began" in refusal(story, begun)


# ---- Extend -----------------------------------------------------------------------------------------------------


def test_an_extension_is_refused() -> None:
    story = Story().to_decision()
    said = story.said() | {"agreed_with": "Ofsted"}
    assert "not owed any more" in refusal(story, Extend(**said, step="decide", period="1 week"))
    assert "ends later than Tuesday 20 August 2013" in refusal(
        story, Extend(**said, step="terms", to=day("2013-08-20"))
    )
    assert "is not a period" in refusal(story, Extend(**said, step="terms", period="a while"))
    assert "knows 1978 to 2030" in refusal(story, Extend(**said, step="terms", to=day("2031-01-06")))
    assert "does not hold the role" in refusal(story, Extend(**said | {"by": "rosa"}, step="terms", period="1 week"))
    story.decide("terms", on="2013-08-12")
    assert "no due date that could be extended" in refusal(story, Extend(**said, step="draft", period="1 week"))


def test_an_extension_says_either_a_day_or_a_period() -> None:
    with pytest.raises(ValueError, match="either until which day"):
        Extend(**Story().said(), step="terms", agreed_with="Ofsted")


# ---- Letters ----------------------------------------------------------------------------------------------------


def test_a_step_is_met_when_its_letters_have_gone() -> None:
    story = Story().to_decision()
    story.reconsider("decide", "2013-08-06")
    story.decide("decide", "yes", "2013-08-06")
    first, second = story.owed("tell-decision-notice")
    assert kinds(story.report(first, at="2013-08-07")) == ["letter sent"]
    assert kinds(story.report(second, at="2013-08-08")) == ["letter sent", "met"]
    record = story.case.steps["tell"]
    assert (record.met_on, record.late_by) == (day("2013-08-08"), 1)


def test_a_letter_is_delivered_once() -> None:
    story = Story()
    letter = story.owed("health")[0]
    assert kinds(story.report(letter, letter)) == ["letter sent", "met"]
    assert story.report(letter) == []
    assert story.report(letter, because="too late to fail") == []
    assert story.report("no-such-letter") == []


def test_a_failed_letter_holds_its_step_and_nothing_else() -> None:
    story = Story()
    failed, other = story.owed("ask")
    story.report(failed, because="no address")
    story.report(other)
    assert {story.case.steps[f"ask[{agency}]"].state for agency in AGENCIES} == {"open", "done"}
    assert story.report(failed) == []
    story.decide("recommend", "yes", "2013-07-10")


def test_letters_that_go_after_a_case_is_closed_start_nothing() -> None:
    text = TINY.replace('after = "notified"\nwithin = "10 w', 'after = "ask"\nwithin = "10 w')
    story = Story(opening(procedure=read_procedure(text, "other.toml")))
    story.close(how="withdrawn")
    story.send_all("2013-07-09")
    assert "recommend" not in story.case.steps
    assert not story.owed()


def test_a_letter_knows_who_holds_the_role_now() -> None:
    story = Story()
    order = story.case.letters[story.owed("health")[0]].order
    assert order is not None
    assert order.holders == HOLDERS["lead[health]"]


def test_bank_holidays_come_from_the_calendar_the_case_carries() -> None:
    story = Story()
    assert story.case.calendar == england()
    story.proclaim("2013-07-12")
    assert story.case.calendar.why_not_working(day("2013-07-12")) == "A day of mourning"
    assert england().why_not_working(day("2013-07-12")) is None


def test_a_letter_that_goes_in_the_same_moment_as_an_earlier_entry_does_not_disturb_its_correction() -> None:
    story = Story()
    story.extend("ask[police]", to=day("2013-07-30"))
    story.send_all()
    mistaken = story.decide("recommend", "no")
    story.correct(mistaken.id)
    assert story.case.steps["recommend"].state == "open"


def test_who_was_told_a_date_that_was_a_mistake_is_told_the_right_one() -> None:
    story = Story().to_decision()
    mistaken = story.extend("terms", "2013-08-06", to=day("2013-09-10"))
    story.send_all()
    events = story.correct(mistaken.id)
    letter = next(event.letter for event in events if isinstance(event, ev.LetterOwed))
    assert (letter.template, letter.facts["due"]) == ("date-moved", "2013-08-20")


def test_a_reminder_that_went_is_no_letter_of_the_step() -> None:
    story = Story()
    story.report(*story.owed("ask"), because="no address")
    story.tick("2013-07-11")
    story.close(how="withdrawn")
    story.reconsider("told", by="rosa")
    story.tick("2013-08-30")
    story.report(*story.owed("escalation"))
    assert story.case.steps["ask[health]"].state == "open"


@pytest.mark.parametrize("how", ["met", "group", "closed"])
def test_notices_that_have_not_gone_are_withdrawn_with_what_they_were_about(how: str) -> None:
    story = Story().to_draft()
    story.decide("accept", on="2013-10-08")
    story.tick("2014-03-03")
    if how == "closed":
        story.close(how="withdrawn")
    else:
        story.decide("decide-publication", "withhold", "2014-03-03")
    assert not story.owed("review-overdue-notice")


def test_a_person_may_have_any_name_and_no_letter_id_says_it() -> None:
    story = Story()
    story.assign("Zo\u00eb O'Hara", "panel")
    story.to_decision()
    assert len([letter for letter in story.case.letters if "invitation-to-panel" in letter]) == 3
    assert not [letter for letter in story.case.letters if "Hara" in letter or "petra" in letter]
