"""When the steps of a case are due, how dates move, what fires when, and what becomes of letters."""

from datetime import timedelta
from pathlib import Path

import pytest
from case_world import (
    TINY,
    ZONE,
    Story,
    about,
    day,
    kinds,
    noon,
    opening,
    refusal,
    words,
    wt2013_opening,
)

from models import events as ev
from models.case import next_rung
from models.decisions import Adopt, Decide, Extend, Proclaim
from models.procedure import read_procedure
from models.refusal import Refusal
from models.timescale import at_hour, end_of_day
from models.turn import tick

ONE_SECOND = timedelta(seconds=1)


def due(story: Story, step: str) -> str:
    return str(story.case.steps[step].due)


def fired(events: list[ev.Event]) -> list[tuple[str, str]]:
    return [(event.kind, event.step or "") for event in events if isinstance(event, ev.Fired)]


# ---- Dates ------------------------------------------------------------------------------------------------------


def test_dates_are_counted_from_the_day_a_thing_happened_not_from_its_recording() -> None:
    story = Story()
    story.send_all()
    story.go_to("2013-08-01")
    story.decide("recommend", "yes", "2013-07-19")
    story.take(Decide(**story.said("2013-07-22", "carl"), step="decide", outcome="yes"))
    assert due(story, "tell") == "2013-07-23"
    assert due(story, "review") == "2014-01-22"
    assert due(story, "terms") == "2013-08-06"


def test_decided_in_time_and_recorded_late_is_in_time() -> None:
    story = Story()
    assert ("expired", "recommend") in fired(story.tick("2013-07-29"))
    story.take(story.deciding("recommend", "yes", "2013-07-22"))
    assert story.case.steps["recommend"].late_by == 0


def test_decided_late_says_how_many_days() -> None:
    story = Story()
    story.decide("recommend", "yes", "2013-07-25")
    assert story.case.steps["recommend"].late_by == 3


@pytest.mark.parametrize(("made_on", "late_by"), [("2013-07", None), ("2013-08", 10), ("2013", None)])
def test_a_month_stays_a_month_and_lateness_is_said_only_where_it_is_certain(made_on: str, late_by: int) -> None:
    story = Story()
    story.go_to("2013-08-30")
    story.take(story.deciding("recommend", "yes", made_on))
    record = story.case.steps["recommend"]
    assert (record.met_on, record.late_by) == (made_on, late_by)


def test_a_day_known_as_a_month_gives_no_date_but_a_range_in_words() -> None:
    story = Story(opening(notified_on="2013-06", stated={}))
    record = story.case.steps["recommend"]
    assert (record.due, record.expires, record.rungs) == (None, None, ())
    because = words(story.log, "started", "recommend")
    assert "known only as 2013-06" in because
    assert "between Friday 14 June 2013 and Friday 12 July 2013" in because


def test_a_deadline_is_the_end_of_its_day_in_london_summer_and_winter() -> None:
    story = Story().to_decision()
    assert story.case.steps["tell"].due == day("2013-08-06")
    for record in story.case.open_steps:
        if record.due:
            assert record.expires == end_of_day(record.due, ZONE)
    assert str(story.case.steps["terms"].expires) == "2013-08-20 23:00:00+00:00"
    assert str(story.case.steps["review"].expires) == "2014-02-06 00:00:00+00:00".replace("06", "06")


def test_the_calendar_ends_and_says_so_in_one_sentence() -> None:
    with pytest.raises(Refusal, match="knows 1978 to 2030 and cannot say whether"):
        Story(opening(notified_on=day("2030-12-24")), at="2030-12-24")


def test_a_group_is_met_when_its_steps_are_done_on_the_later_of_their_days() -> None:
    story = Story().to_draft()
    assert due(story, "review") == "2014-02-05"
    story.decide("accept", on="2013-10-08")
    assert story.case.steps["review"].state == "open"
    story.take(story.deciding("decide-publication", "withhold", "2013-10-04"))
    record = story.case.steps["review"]
    assert (record.state, record.met_on, record.late_by) == ("done", day("2013-10-08"), 0)


# ---- Extensions -------------------------------------------------------------------------------------------------


def test_an_extension_by_a_period_counts_from_the_original_date_not_from_the_extended_one() -> None:
    story = Story().to_decision()
    story.extend("review", "2013-09-02", period="1 month")
    assert due(story, "review") == "2014-03-05"
    story.extend("review", "2013-09-03", period="2 months")
    assert due(story, "review") == "2014-04-05"


def test_an_extension_counts_from_the_original_date_not_from_the_rolled_one() -> None:
    story = Story().to_decision(on="2013-08-02")  # 15 days end on Saturday 17, and roll to Monday 19
    assert due(story, "terms") == "2013-08-19"
    story.extend("terms", "2013-08-05", period="3 days")
    assert due(story, "terms") == "2013-08-20"
    story.extend("terms", "2013-08-05", period="1 week")  # Saturday 24, rolled past the bank holiday
    assert due(story, "terms") == "2013-08-27"


def test_taking_an_extension_back_gives_the_original_date_again() -> None:
    story = Story().to_decision()
    first = story.extend("terms", "2013-08-06", to=day("2013-09-10"))
    second = story.extend("terms", "2013-08-07", period="5 weeks")
    assert due(story, "terms") == "2013-09-24"
    story.correct(second.id)
    assert due(story, "terms") == "2013-09-10"
    story.correct(first.id)
    assert due(story, "terms") == "2013-08-20"
    assert story.case.steps["terms"].expires == end_of_day(day("2013-08-20"), ZONE)


def test_an_extension_is_an_event_and_a_letter_to_who_owes_the_step() -> None:
    story = Story().to_decision()
    decision = Extend(**story.said(), step="terms", agreed_with="Ofsted", to=day("2013-09-10"))
    events = story.take(decision)
    assert kinds(events)[:2] == ["extended", "moved"]
    letter = next(e.letter for e in events if isinstance(e, ev.LetterOwed))
    assert letter.facts["moved_from"] == "2013-08-20"
    assert letter.facts["due"] == "2013-09-10"


# ---- Late bank holidays -----------------------------------------------------------------------------------------


def test_a_proclaimed_day_moves_exactly_the_deadlines_it_touches_and_tells_who_owes_them() -> None:
    story = Story()
    events = story.proclaim("2013-07-12", "2013-07-09")
    assert [e.step for e in events if isinstance(e, ev.Moved) and e.was != e.record.due] == ["recommend"]
    assert due(story, "recommend") == "2013-07-23"
    told = [e.letter for e in events if isinstance(e, ev.LetterOwed)]
    assert {(letter.template, letter.recipient) for letter in told} == {("date-moved", "panel")}
    assert "A day of mourning" in words(events, "moved", "recommend")


def test_a_proclaimed_day_moves_the_rungs_around_a_deadline_that_stays() -> None:
    story = Story()
    story.proclaim("2013-07-23", "2013-07-09")  # the day after the last one
    assert due(story, "recommend") == "2013-07-22"
    moments = {rung.words: rung.at for rung in story.case.steps["recommend"].rungs}
    assert moments["2 working days overdue"] == at_hour(day("2013-07-25"), 8, ZONE)
    assert not story.owed("date-moved")


def test_a_day_that_touches_nothing_moves_nothing() -> None:
    story = Story()
    assert kinds(story.proclaim("2014-11-14")) == ["proclaimed"]


def test_a_proclaimed_day_is_proclaimed_once() -> None:
    story = Story()
    story.proclaim("2013-07-12")
    again = Proclaim(**story.said(), day=day("2013-07-12"), name="Again")
    with pytest.raises(Refusal, match="not a working day already"):
        story.take(again)


# ---- Planned days (vectors 14 and 15 of the domain) -------------------------------------------------------------


WT2013_STEPS = [
    ("recommend", "scr", "2013-07-19"),
    ("decide", "initiate", "2013-08-05"),
    ("commission-reviewer", "done", "2013-09-02"),
    ("set-terms", "done", "2013-09-02"),
    ("agency-review[health]", "submitted", "2013-10-01"),
    ("agency-review[police]", "submitted", "2013-10-02"),
    ("consider-draft", "done", "2013-11-01"),
    ("sign-off", "done", "2013-12-05"),
]


def wt2013_signed_off(outcome: str = "publish") -> Story:
    """Working Together 2013 up to sign-off on Thursday 5 December 2013, and the decision on publication."""
    story = Story(wt2013_opening())
    for step, said, on in [*WT2013_STEPS, ("decide-publication", outcome, "2013-12-05")]:
        story.decide(step, said, on)
    return story


def test_vector_15_the_copies_fall_a_week_before_the_last_day_to_publish() -> None:
    story = wt2013_signed_off()
    copies = story.case.steps["copy-to-panel"]
    assert due(story, "publish") == "2014-01-02"
    assert (copies.due, copies.act_by) == (day("2013-12-26"), day("2013-12-24"))
    assert "No day is planned yet" in words(story.log, "started", "copy-to-panel")


def test_vector_14_moving_the_planned_publication_moves_both_rows() -> None:
    story = wt2013_signed_off()
    story.plan("2013-12-20", "2013-12-06")
    assert due(story, "copy-to-panel") == due(story, "copy-to-dfe") == "2013-12-13"
    events = story.plan("2014-05-15", "2013-12-09")
    assert about(events, "moved") == ["copy-to-dfe", "copy-to-panel"]
    assert due(story, "copy-to-panel") == due(story, "copy-to-dfe") == "2014-05-08"
    assert story.owed("copy-to-dfe-date-moved")


def test_no_publication_no_computable_date() -> None:
    story = wt2013_signed_off("withhold")
    assert story.case.steps["copy-to-panel"].due is None
    assert words(story.log, "started", "copy-to-panel").startswith("No computable date; send now")


def test_rows_8_to_15_share_one_outer_deadline() -> None:
    story = wt2013_signed_off()
    record = story.case.steps["review"]
    assert (record.due, record.met_on, record.late_by) == (day("2014-02-05"), day("2013-12-05"), 0)


def test_what_is_counted_from_letters_has_its_date_when_they_have_gone() -> None:
    text = TINY.replace('within = "10 working days"', 'within = "10 working days"\nof = "ask"')
    story = Story(opening(procedure=read_procedure(text, "other.toml")))
    assert due(story, "recommend") == "None"
    assert "'ask', which has not happened" in words(story.log, "started", "recommend")
    story.send_all("2013-07-09")
    assert due(story, "recommend") == "2013-07-23"


# ---- Ladders ----------------------------------------------------------------------------------------------------


def test_one_second_before_it_expires_nothing_fires_and_then_it_does() -> None:
    story = Story()
    story.send_all()
    story.tick("2013-07-22")
    expires = story.case.steps["recommend"].expires
    assert expires == at_hour(day("2013-07-23"), 0, ZONE)
    assert story.tick(expires - ONE_SECOND) == []
    assert fired(story.tick(expires)) == [("expired", "recommend")]
    assert story.tick(expires) == []


def test_missed_rungs_fire_in_order_each_once() -> None:
    story = Story()
    story.send_all()
    events = story.tick("2013-08-30")
    assert fired(events) == [
        ("reminded", "recommend"), ("reminded", "recommend"), ("expired", "recommend"),
        ("escalated", "recommend"), ("escalated", "recommend"),
    ]  # fmt: skip
    days = [str(event.on) for event in events if isinstance(event, ev.Fired)]
    assert days == ["2013-07-15", "2013-07-19", "2013-07-23", "2013-07-24", "2013-08-05"]
    assert tick(story.case, noon("2014-08-30")) == []


def test_the_ladder_writes_to_who_it_names() -> None:
    story = Story()
    story.send_all()
    told = {e.letter.template: set[str]() for e in story.tick("2013-08-30") if isinstance(e, ev.LetterOwed)}
    assert told.keys() == {"reminder", "overdue-notice", "escalation"}
    recipients = [letter.recipient for letter in story.case.letters.values() if letter.state == "owed"]
    assert set(recipients) == {"panel", "manager", "chair", "board"}


def test_nobody_is_reminded_of_what_they_have_decided() -> None:
    story = Story()
    story.send_all()
    story.decide("recommend", "yes", "2013-07-12")
    assert ("reminded", "recommend") not in fired(story.tick("2013-07-20"))
    assert not story.owed("recommend-reminder")


def test_a_reminder_not_yet_sent_is_withdrawn_when_the_step_is_decided() -> None:
    story = Story()
    story.tick("2013-07-16")
    assert story.owed("recommend-reminder")
    story.decide("recommend", "yes", "2013-07-16")
    assert not story.owed("recommend-reminder")


@pytest.mark.parametrize("how", ["decided", "closed", "withdrawn"])
def test_nothing_fires_for_what_is_not_owed(how: str) -> None:
    story = Story().to_decision()
    if how == "decided":
        story.decide("terms", on="2013-08-06")
    elif how == "closed":
        story.close("2013-08-06", how="withdrawn")
    else:
        story.reconsider("decide", "2013-08-06")
    assert ("expired", "terms") not in fired(story.tick("2013-12-30"))
    if how == "closed":
        assert next_rung(story.case) is None


def test_opening_a_case_again_does_not_send_the_mail_of_the_time_it_was_closed() -> None:
    story = Story().to_decision("no")
    story.close("2013-08-09")
    story.tick("2014-06-02")
    story.reconsider("recommend", by="pat")
    assert fired(story.tick()) == []
    story = Story()
    story.send_all()
    story.decide("recommend", "yes", "2013-07-19")
    story.close("2013-07-19", how="withdrawn")
    story.go_to("2014-06-02")
    story.reconsider("recommend", by="pat")
    assert fired(story.tick()) == []


def test_a_case_withdrawn_and_opened_again_keeps_quiet_about_what_passed_meanwhile() -> None:
    story = Story().to_reviews()
    story.decide("imr[health]", "submitted", "2013-08-20")
    story.close("2013-08-20", how="withdrawn")
    story.go_to("2014-06-02")
    story.reconsider("imr[health]", by="ada")
    assert story.case.steps["imr[police]"].state == "open"
    assert fired(story.tick()) == []


def test_overdue_before_reconsidering_is_not_overdue_again_after_it() -> None:
    story = Story()
    story.send_all()
    assert len(fired(story.tick("2013-08-30"))) == 5
    story.decide("recommend", "no", "2013-08-30")
    story.reconsider("recommend", "2013-09-02", by="pat")
    assert fired(story.tick()) == []
    assert due(story, "recommend") == "2013-09-16"
    assert fired(story.tick("2013-09-17"))[-1] == ("expired", "recommend")


def test_taking_a_decision_back_late_does_not_fire_again_what_fired() -> None:
    story = Story()
    story.send_all()
    story.tick("2013-07-24")
    decision = story.decide("recommend", "no", "2013-07-24")
    story.correct(decision.id)
    assert fired(story.tick("2013-08-30")) == [("escalated", "recommend")]


def test_another_version_brings_its_own_ladder() -> None:
    story = Story()
    text = TINY.replace('at = "2 working days after"', 'at = "3 working days after"')
    story.take(Adopt(**story.said(), procedure=read_procedure(text, "new.toml")))
    assert "3 working days overdue" in [rung.words for rung in story.case.steps["recommend"].rungs]


def test_what_a_sent_letter_starts_past_the_calendar_is_owed_without_a_date() -> None:
    text = (Path(__file__).parent / "tiny.toml").read_text()
    text = text.replace('after = "decide.yes"', 'after = "tell"').replace('within = "15 days"', 'within = "1 month"')
    text = text.replace('within = "6 months"', 'within = "1 day"')
    far = opening(procedure=read_procedure(text, "tiny.toml"), notified_on=day("2030-11-15"))
    story = Story(far.model_copy(update={"stated": {"told": day("2030-11-15")}}), at="2030-11-15")
    story.decide("recommend", "yes", "2030-11-20")
    story.send_all()
    story.decide("decide", "yes", "2030-12-12")
    story.send_all()
    terms = story.case.steps["terms"]
    assert (terms.state, terms.due) == ("open", None)
    assert "knows 1978 to 2030" in words(story.log, "started", "terms")


def test_an_extension_by_hours_is_refused() -> None:
    story = Story().to_decision()
    extend = Extend(**story.said(), step="terms", period="48 hours", agreed_with="The Board")
    assert "by days, weeks, months" in refusal(story, extend)
