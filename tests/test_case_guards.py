"""What a hostile reader found: each was wrong once, and may not come back."""

from pathlib import Path

import pytest
from case_world import Story, agree, day, involve, opening, refusal, wt2013_opening

from models.deciding import decide, refused
from models.decisions import Agree, Assign, Close, Correct, Extend, Resend
from models.events import Fired, LetterOwed, Refused
from models.people import must_be_independent
from models.procedure import read_procedure
from models.refusal import Refusal

ROOT = Path(__file__).resolve().parent.parent


def test_an_action_named_like_an_agency_takes_no_letter_of_that_agency() -> None:
    story = Story(wt2013_opening())
    story.send_all()
    said = {"by": "business-manager", "made_on": day("2013-07-08"), "because": "So it was agreed."}
    story.take(Agree(**said, action="health", title="Train the staff", agency="police", due=day("2014-03-03")))
    story.decide("recommend", "scr", "2013-07-19")
    events = story.take(story.deciding("decide", "initiate", "2013-08-02"), at="2013-08-02")
    secured = [
        e.letter.recipient for e in events if isinstance(e, LetterOwed) and e.letter.template == "secure-records"
    ]
    assert sorted(secured) == ["chief-executive[health]", "chief-executive[police]"]


def test_the_panel_chair_is_no_writer_of_an_individual_review_either_way_round() -> None:
    text = (ROOT / "procedures" / "wt2010-milton-keynes.toml").read_text()
    rules = opening(procedure=read_procedure(text, "wt2010"), holders={})
    said = {"by": "bm", "made_on": day("2013-07-08"), "because": "Appointed."}
    writer = Assign(**said, person="ida", role="imr-author", agency="police")
    chair = Assign(**said, person="ida", role="panel-chair")
    for first, second in ((writer, chair), (chair, writer)):
        key = "imr-author[police]" if first is writer else "panel-chair"
        case = Story().case.model_copy(update={"opening": rules})
        case = case.with_facts(holders={key: ("ida",)})
        with pytest.raises(Refusal, match="001-7b"):
            must_be_independent(case, second)


def test_the_last_manager_cannot_stand_down() -> None:
    story = Story()
    managers = [(r, p) for r in story.case.procedure.managed_by for p in story.case.facts.holders.get(r, ())]
    for role, person in managers[:-1]:
        story.take(Assign(**story.said(by=managers[-1][1]), person=person, role=role, stands_down=True))
    role, person = managers[-1]
    last = Assign(**story.said(by=person), person=person, role=role, stands_down=True)
    assert "the last who manages" in refusal(story, last)


def test_who_owes_a_step_does_not_extend_its_date() -> None:
    story = Story(wt2013_opening())
    own = Extend(**story.said(by="sub-group"), step="recommend", to=day("2013-09-02"), agreed_with="Nobody")
    assert "does not hold the role" in refusal(story, own)


def test_a_letter_tried_again_goes_to_who_holds_the_role_now() -> None:
    story = Story(wt2013_opening())
    letter = next(iter(story.owed("information-request")))
    recipient = story.case.letters[letter].recipient
    story.report(letter, because="No address.")
    role, agency = recipient.rstrip("]").split("[")
    said = {"by": "business-manager", "made_on": day("2013-07-08"), "because": "A new manager."}
    old = story.case.facts.holders[recipient][0]
    story.take(Assign(**said, person="new-manager", role=role, agency=agency))
    story.take(Assign(**said, person=old, role=role, agency=agency, stands_down=True))
    story.take(Resend(**said, letter=letter))
    order = story.case.letters[letter].order
    assert order is not None
    assert order.holders == ("new-manager",)


def test_correcting_a_mistaken_close_sends_no_stale_reminders() -> None:
    story = Story(wt2013_opening())
    story.send_all()
    said = {"by": "business-manager", "because": "A mistake."}
    closing = Close(**said, made_on=day("2013-07-09"), how="withdrawn")
    story.take(closing, at="2013-07-09")
    story.tick("2013-08-30")
    story.take(Correct(**said, made_on=day("2013-08-30"), decision=closing.id), at="2013-08-30")
    assert story.case.facts.closed is None
    assert [e for e in story.tick("2013-08-30") if isinstance(e, Fired)] == []


def test_a_case_whose_plan_has_no_actions_is_not_completed() -> None:
    story = Story().to_action_plan()
    none = story.case.with_facts(actions={}).model_copy(
        update={"steps": {key: record for key, record in story.case.steps.items() if record.state == "done"}}
    )
    said = {"by": "mina", "made_on": day("2013-11-05"), "because": "All is done."}
    with pytest.raises(Refusal, match="'progress' is owed for each action and none is agreed"):
        decide(none, Close(**said), story.at)
    assert decide(none, Close(**said, how="withdrawn"), story.at) != []


def test_what_a_refused_signal_says_is_not_kept() -> None:
    story = Story()
    because = refusal(story, story.deciding("Jane Roe of 3 Nowhere Lane"))
    [event] = refused(story.case, "some-id-1", because, story.at)
    assert isinstance(event, Refused)
    assert "Jane" not in event.because
    assert "is no step of" in event.because
    [long] = refused(story.case, "some-id-1", "x" * 5000, story.at)
    assert isinstance(long, Refused)
    assert len(long.because) <= 300


def test_an_action_past_the_calendar_is_refused_when_it_is_agreed() -> None:
    story = Story()
    assert "knows 1978 to 2030" in refusal(story, agree(story, due=day("2032-01-01")))


def test_a_late_agency_is_still_asked_and_decide_stays_pure() -> None:
    story = Story()
    case = story.case
    decide(case, involve(story), story.at)
    assert story.case == case


def test_a_gate_on_a_step_that_begins_for_nobody_opens() -> None:
    text = (
        (ROOT / "tests" / "tiny.toml").read_text().replace('requires = ["imr"]', 'requires = ["imr", "sign-off-imr"]')
    )
    story = Story(opening(procedure=read_procedure(text, "tiny.toml"))).to_reviews()
    story.decide("imr[health]", "not-needed", "2013-09-02")
    assert "must wait for" in refusal(story, story.deciding("draft", on="2013-09-02"))
    story.decide("imr[police]", "not-needed", "2013-09-02")
    story.decide("draft", on="2013-09-03")
    assert story.case.steps["draft"].state == "done"
