"""Documents, evidence, the gate of anonymity, conflicts of interest, line managers, targets. All names are invented."""

import pytest
from case_world import NOTIFIED, Story, about, day, opening, refusal, tiny, wt2013_opening
from test_branches import begun

from library import Library
from models.board import Board
from models.decisions import Agree, Assign, Close, File, Recuse, Searched
from models.letters import LetterOrder
from models.procedure import Procedure, ProcedureError
from models.publishing import published_by, to_publish
from models.referral import opening_of, read_referral

REFERRAL = (Library().procedures()["wt2013"].parents[1] / "examples" / "referral.toml").read_text(encoding="utf-8")


def filing(story: Story, document: str, by: str = "mina", sha256: str = "a" * 64, **more: object) -> File:
    given = {"document": document, "sha256": sha256, "media_type": "text/plain", "size": 10} | more
    return File.model_validate(story.said(by=by) | given)


def recusal(story: Story, person: str, by: str = "mina") -> Recuse:
    return Recuse(**story.said(by=by), person=person)


# ---- documents ----------------------------------------------------------------------------------------------------


def test_a_document_filed_again_is_its_next_version() -> None:
    story = Story()
    story.file("terms-of-reference")
    second = story.file("terms-of-reference")
    known = story.case.facts.documents["terms-of-reference"]
    assert (known.version, known.sha256) == (2, second.sha256)


def test_each_agency_has_its_own_chronology() -> None:
    story = Story()
    story.file("chronology", agency="health", by="lena")
    story.file("chronology", agency="police", by="luke")
    assert {key: fact.version for key, fact in story.case.facts.documents.items()} == {
        "chronology[health]": 1,
        "chronology[police]": 1,
    }


def test_a_filing_taken_back_leaves_the_version_before() -> None:
    story = Story()
    first = story.file("terms-of-reference")
    mistaken = story.file("terms-of-reference")
    story.correct(mistaken.id)
    assert story.case.facts.documents["terms-of-reference"].sha256 == first.sha256


def test_what_is_filed_wrongly_is_refused() -> None:
    story = Story()
    story.take(filing(story, "overview-report"))
    said = {
        "very content": filing(story, "overview-report"),
        "say whose (health, police)": filing(story, "imr"),
        "leave the agency out": filing(story, "overview-report", sha256="b" * 64, agency="health"),
        "'school' is not involved": filing(story, "imr", agency="school"),
        "no agreed action": filing(story, "evidence", action="a1"),
        "that is no agency's": filing(story, "other", by="a-stranger"),
        "holds no role for Demo Police": filing(story, "imr", by="lena", agency="police"),
    }
    assert [words for words, decision in said.items() if words not in refusal(story, decision)] == []


def test_a_manager_files_for_an_agency_and_evidence_belongs_to_an_action() -> None:
    story = Story()
    story.take(filing(story, "imr", agency="police"))
    story.take(Agree(**story.said(), action="a1", title="Train", agency="health", due=day("2014-03-03")))
    story.take(filing(story, "evidence", action="a1"))
    assert set(story.case.facts.documents) == {"imr[police]", "evidence[a1]"}


# ---- the gate of anonymity ----------------------------------------------------------------------------------------


def ready_to_publish() -> Story:
    """A case of 2013 in which the report can be published but for the gate."""
    story = Story(wt2013_opening())
    for step, outcome in (("written-notification", "received"), ("recommend", "scr"), ("decide", "initiate")):
        story.decide(step, outcome)
    story.send_all()
    story.decide("commission-reviewer")
    story.decide("set-terms")
    story.decide("decide-family", "not-involve")
    for agency in ("health", "police"):
        story.decide(f"agency-review[{agency}]", "submitted")
    story.decide("consider-draft")
    story.decide("sign-off")
    story.decide("decide-publication", "publish")
    story.decide("copy-to-panel", "sent")
    story.decide("copy-to-dfe", "sent")
    story.send_all()
    return story


def test_a_report_that_is_not_filed_cannot_be_published() -> None:
    story = ready_to_publish()
    assert "until the document 'overview-report' is filed" in refusal(story, story.deciding("publish"))


def test_the_version_that_is_published_is_the_version_that_was_searched() -> None:
    story = ready_to_publish()
    first = story.file("overview-report", by="business-manager")
    story.file("overview-report", by="business-manager")
    old = (Searched(document="overview-report", sha256=first.sha256, hits=0),)
    said = refusal(story, story.deciding("publish", searched=old))
    assert "version 2 of the document 'overview-report' has been searched" in said
    assert "has been searched" in refusal(story, story.deciding("publish"))
    now = story.searched(story.case.procedure.steps["publish"], "done")
    decided = story.decide("publish", searched=now)
    assert story.case.steps["publish"].state == "done"
    assert decided.searched[0].sha256 == story.case.facts.documents["overview-report"].sha256


def assuring() -> Story:
    """A case of 2010 in which the parts of the review wait for quality assurance."""
    procedure = Library().procedure("wt2010-milton-keynes")
    keep = [
        step.model_copy(update={"after": ("referred",), "requires": step.requires if step.id == "present" else ()})
        for step in procedure.step
        if step.id in ("quality-assure", "present")
    ]
    begins = procedure.steps["referred"].model_copy(update={"letters": ()})
    fields = {name: getattr(procedure, name) for name in Procedure.model_fields}
    return Story(begun(Procedure(**fields | {"step": (begins, *keep), "group": {}, "ends": (), "planned": {}})))


def test_a_failed_gate_keeps_the_review_back_until_it_is_reconsidered() -> None:
    story = assuring()
    gate, present = (story.case.procedure.steps[step] for step in ("quality-assure", "present"))
    story.decide("quality-assure", "not-assured")
    said = refusal(story, story.deciding("present", "presented", searched=story.searched(present, "presented")))
    assert "still to be decided: quality-assure.assured" in said
    story.reconsider("quality-assure", by=story.case.facts.holders["panel"][0])
    story.decide("quality-assure", "assured", searched=story.searched(gate, "assured"))
    story.decide("present", "presented", searched=story.searched(present, "presented"))
    assert story.case.steps["present"].state == "done"


def test_what_is_presented_is_what_was_searched() -> None:
    story = assuring()
    gate, present = (story.case.procedure.steps[step] for step in ("quality-assure", "present"))
    before = story.searched(gate, "assured")
    story.decide("quality-assure", "assured", searched=before)
    story.file("overview-report")
    assert "version 2 of the document" in refusal(story, story.deciding("present", "presented", searched=before))
    story.decide("present", "presented", searched=story.searched(present, "presented"))


# ---- evidence -----------------------------------------------------------------------------------------------------


def with_evidence() -> Story:
    procedure = tiny().model_dump(by_alias=True)
    for step in procedure["step"]:
        if step["id"] == "progress":
            step["evidence"] = ("done",)
    return Story(opening(procedure=Procedure.model_validate(procedure))).to_action_plan()


def test_an_action_is_not_closed_without_evidence() -> None:
    story = with_evidence()
    assert "without evidence" in refusal(story, story.deciding("progress[first]"))
    story.decide("progress[first]", evidence="The register of those trained.")
    assert story.case.steps["progress[first]"].state == "done"


def test_evidence_that_is_filed_for_an_action_is_evidence() -> None:
    story = with_evidence()
    story.file("evidence", action="first")
    story.decide("progress[first]")
    assert story.case.steps["progress[first]"].state == "done"


@pytest.mark.parametrize("name", ["wt2013", "wt2015-milton-keynes", "wt2015-buckinghamshire"])
def test_shipped_action_plans_ask_for_evidence(name: str) -> None:
    assert Library().procedure(name).steps["review-progress"].evidence == ("done",)


# ---- conflicts of interest ----------------------------------------------------------------------------------------


def test_a_recused_person_gives_up_every_role_and_gets_none() -> None:
    story = Story()
    story.take(recusal(story, "pat"))
    assert story.case.facts.holders["panel"] == ("petra",)
    said = refusal(story, Assign(**story.said(), person="pat", role="panel"))
    assert "declared a conflict of interest" in said


def orders_to(story: Story, role: str) -> list[LetterOrder]:
    """The letters to a role that have not gone."""
    orders = [letter.order for letter in story.case.letters.values()]
    return [order for order in orders if order is not None and order.recipient == role]


def test_a_letter_that_has_not_gone_is_not_for_a_recused_person() -> None:
    story = Story()
    story.send_all()
    story.tick("2013-07-20")  # the reminder of the panel, to each of its members
    assert {order.holders for order in orders_to(story, "panel")} == {("pat",), ("petra",)}
    story.take(recusal(story, "pat"))
    assert {order.holders for order in orders_to(story, "panel")} == {("petra",)}


def test_a_stranger_is_not_recused() -> None:
    story = Story()
    assert "'Ottilie' is nobody of this case" in refusal(story, recusal(story, "Ottilie"))


def test_a_case_is_not_closed_before_its_last_entry() -> None:
    story = Story()
    story.assign("cora", "chair")
    said = refusal(story, Close(**story.said("2013-07-01"), how="withdrawn"))
    assert "before Monday 8 July 2013, the last entry of this case" in said


def test_a_recused_person_decides_nothing_more() -> None:
    story = Story()
    story.decide("recommend", "yes", "2013-07-19")
    story.take(recusal(story, "carl", by="carl"))
    assert "nobody holds that role yet" in refusal(story, story.deciding("decide", "yes", by="carl"))
    story.assign("cora", "chair")
    assert "it is for cora" in refusal(story, story.deciding("decide", "yes", by="carl"))
    story.decide("decide", "yes", by="cora")


def test_who_may_recuse_whom() -> None:
    story = Story()
    assert "does not hold the role" in refusal(story, recusal(story, "pat", by="petra"))
    story.take(recusal(story, "petra", by="petra"))
    assert "takes no part in this case already" in refusal(story, recusal(story, "petra"))
    story.take(recusal(story, "carl"))
    assert "last who manages" in refusal(story, recusal(story, "mina"))


def test_a_recusal_taken_back_gives_the_roles_back() -> None:
    story = Story()
    before = story.case.facts.holders
    mistaken = recusal(story, "pat")
    story.take(mistaken)
    story.correct(mistaken.id)
    assert story.case.facts.holders == before
    assert story.case.facts.recused == ()


# ---- supporters ---------------------------------------------------------------------------------------------------


def interviewing() -> Story:
    return Story(begun(Library().procedure("wt2015-buckinghamshire")))


def assigned(story: Story, person: str, role: str, **more: object) -> Assign:
    by = story.case.facts.holders[story.case.procedure.managed_by[0]][0]
    return Assign.model_validate(story.said(by=by) | {"person": person, "role": role, "agency": "health"} | more)


def test_the_manager_of_a_member_of_staff_does_not_support_them() -> None:
    story = interviewing()
    story.take(assigned(story, "nia", "member-of-staff", line_manager="max"))
    said = refusal(story, assigned(story, "max", "supporter"))
    assert "'max' manages 'nia'" in said
    assert "(004-11)" in said
    story.take(assigned(story, "sol", "supporter"))


def test_a_member_of_staff_is_not_invited_beside_a_supporter_who_manages_them() -> None:
    story = interviewing()
    story.take(assigned(story, "max", "supporter"))
    assert "'max' manages 'nia'" in refusal(story, assigned(story, "nia", "member-of-staff", line_manager="max"))


def test_somebody_involved_in_the_case_does_not_support() -> None:
    story = interviewing()
    story.take(assigned(story, "ivy", "imr-author"))
    assert "cannot be both" in refusal(story, assigned(story, "ivy", "supporter"))


# ---- the board's own targets --------------------------------------------------------------------------------------


def with_targets(**targets: str) -> Board:
    board = Library().board("demo")
    return board.model_copy(update={"targets": {"wt2013": targets}})


def opened_with(board: Board) -> Story:
    library = Library()
    procedure = library.procedure("wt2013")
    referral = read_referral(REFERRAL, "referral.toml").model_copy(
        update={"received": day(NOTIFIED), "stated": {"tell-designated-person": day(NOTIFIED)}}
    )
    calendar = library.calendar("england-and-wales")
    return Story(opening_of(referral, "DEMO-2013-001", board, procedure, calendar, day(NOTIFIED)))


def test_a_target_of_the_board_dates_a_step_that_the_guidance_gives_no_period() -> None:
    story = opened_with(with_targets(**{"commission-reviewer": "10 working days"}))
    story.decide("written-notification", "received")
    story.decide("recommend", "scr", "2013-07-19")
    story.decide("decide", "initiate", "2013-08-02")
    record = story.case.steps["commission-reviewer"]
    assert record.due == day("2013-08-16")
    because = next(e.because for e in story.log if e.kind == "started" and e.step == record.key)
    assert because.endswith("This is a target of the Board's own.")
    assert "commission-reviewer" in about(story.tick("2013-08-17"), "expired")


def test_a_target_does_not_replace_a_period_of_the_guidance() -> None:
    with pytest.raises(ProcedureError, match="'recommend' of wt2013 has a period of its own"):
        opened_with(with_targets(recommend="5 working days"))
    with pytest.raises(ProcedureError, match="no step of wt2013"):
        opened_with(with_targets(recomend="5 working days"))


def test_a_case_knows_what_its_referral_stated_for_the_criteria() -> None:
    story = opened_with(Library().board("demo"))
    assert story.case.opening.criteria.died is True
    assert story.case.opening.criteria.seriously_harmed is None


def test_a_target_that_is_no_period_is_refused_with_the_boards_file() -> None:
    data = Library().board("demo").model_dump(mode="json")
    with pytest.raises(ValueError, match="is not a period"):
        Board.model_validate(data | {"targets": {"wt2013": {"set-terms": "soon"}}})


def test_what_may_be_published_beside_a_report_is_searched_with_it() -> None:
    story = ready_to_publish()
    story.file("overview-report", by="business-manager")
    story.file("agency-statement", by="business-manager", agency="health")
    step = story.case.procedure.steps["publish"]
    searched = story.searched(step, "done")
    assert [said.document for said in searched] == ["overview-report", "agency-statement[health]"]
    assert "'agency-statement[health]' has been searched" in refusal(
        story, story.deciding("publish", searched=searched[:1])
    )
    story.decide("publish", searched=searched)
    decision = published_by(story.case)
    assert [of.document for of in to_publish(story.case, decision)] == ["overview-report"]
    named = to_publish(story.case, decision, ["overview-report", "agency-statement[health]"])
    assert [of.document for of in named] == ["overview-report", "agency-statement[health]"]
