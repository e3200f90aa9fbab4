"""A referral asked for question by question. All people and places in it are invented."""

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer
from case_world import day
from desk import Desk, refused

from commands.asking import ask_referral
from library import Library
from models.criteria import criteria
from models.referral import Referral, opening_of
from models.refusal import Refusal

TODAY = day("2026-11-16")
PERSON = ("Perpetua Quill", "Named nurse", "Demo Health Trust", "quill@health.example")
CHILD = ("Ottilie Example-Marsh", "", "2024-03-09", "2026-11-14", "5 Nowhere Lane, Demoton")
FAMILY = ("Parents of the child", "5 Nowhere Lane, Demoton")
NO_FACTS = ("",) * 7


def asked(monkeypatch: pytest.MonkeyPatch, *answers: str) -> Referral:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(answers) + "\n"))
    return ask_referral(Library(), TODAY)


def answers(head: Sequence[str], stated: Sequence[str], facts: Sequence[str] = NO_FACTS) -> list[str]:
    return [*head, *stated, *CHILD, *PERSON, *FAMILY, *facts]


HEAD = ("buckinghamshire", "", "2026-11-16", "A child died; two agencies had known the family.", "health, police")


def test_what_is_asked_becomes_the_referral(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = ("yes", "y", "no", "", "", "", "")
    referral = asked(monkeypatch, *answers(HEAD, ["2026-11-15"], facts))
    assert (referral.board, referral.received, referral.agencies) == ("buckinghamshire", TODAY, ("health", "police"))
    assert referral.stated == {"consult-lead": day("2026-11-15")}
    assert referral.child is not None
    assert (referral.child.born, referral.child.died) == (day("2024-03-09"), day("2026-11-14"))
    assert referral.child.also_known_as is None
    assert referral.referrer.email == "quill@health.example"
    assert referral.family is not None
    assert referral.family.address == ("5 Nowhere Lane", "Demoton")
    assert criteria(referral.facts) == "yes"
    assert referral.facts.died_in_custody is None


def test_an_answer_that_cannot_be_right_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    head = (
        "nowhere",
        "buckinghamshire",
        "wt1999",
        "",
        "2026-11-17",
        "soon",
        "2026-11-16",
        "",
        "A child died.",
        "",
        "fire",
        "health",
    )
    referral = asked(monkeypatch, *answers(head, ["2026-11-17", "2026-11"]))
    assert referral.stated == {"consult-lead": "2026-11"}
    said = capsys.readouterr().out
    for words in (
        "'nowhere' is no board here; write one of",
        "'wt1999' is no procedure here",
        "lies in the future",
        '"soon" is not a day',
        "cannot be left empty",
        "Name at least one agency",
        "'fire' is no agency here",
        "That is after the referral was received",
    ):
        assert words in said


def test_a_lead_who_was_not_consulted_holds_no_referral_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(monkeypatch, *answers(HEAD, [""])).stated == {}
    assert "stays open until it is confirmed" in capsys.readouterr().out


def test_a_year_of_learning_concerns_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    head = ("demo", "learning-year", "2026-11-16", "The year's bulletins.", "health")
    referral = asked(monkeypatch, *head, *PERSON, "")
    assert (referral.procedure, referral.child) == ("learning-year", None)


def test_a_case_that_concerns_a_child_names_it() -> None:
    library = Library()
    referral = Referral.model_validate(
        {"board": "demo", "received": TODAY, "why": "x", "agencies": ["health"], "referrer": {"name": "Perpetua Quill"}}
    )
    calendar = library.calendar("england-and-wales")
    with pytest.raises(Refusal, match="name the child"):
        opening_of(referral, "DEMO-2026-001", library.board("demo"), library.procedure("wt2013"), calendar, TODAY)


def test_the_end_of_the_answers_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(typer.Abort):
        asked(monkeypatch, *HEAD)


def test_no_engine_is_said_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    desk = Desk(monkeypatch, capfd, tmp_path)
    said = desk("refer")
    assert (said.code, said.out) == (1, "")
    assert "does not answer" in said.err


def test_asked_for_and_filed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    given = [*answers(("demo", *HEAD[1:]), ["2026-11-15"]), "y"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(given) + "\n"))
    said = desk("refer")
    assert said.code == 0, said
    reference = said.out.rpartition("filed as ")[2].split(".")[0]
    assert desk.settle(reference)["case"]["state"] == "open"
    assert desk("refer", "--filed", reference).out.startswith(f"The referral is filed as {reference}.")


def test_what_is_not_confirmed_is_not_filed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    before = desk.kept()
    given = [*answers(("demo", *HEAD[1:]), [""]), "n"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(given) + "\n"))
    said = desk("refer")
    assert (said.code, said.err) == (2, "Nothing was filed.\n")
    assert desk.kept() == before


def test_a_file_and_a_reference_are_too_much(desk: Desk) -> None:
    refused(desk("refer", "x.toml", "--filed", "DEMO-2026-001"), "not both")
    refused(desk("refer", "--filed", "DEMO-1999-001"), "There is no referral DEMO-1999-001")
