"""The command line on what a board shows of its reviews: publication register, learning log, bulletin. No engine.

All people, places and reviews are invented.
"""

import shutil
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from case_world import Story, wt2013_opening
from closed_cases import CASE, REPORT, SAID, done, everything, keep, reviewed
from desk import Desk, refused

from commands.cases import today
from models.journal import quarter_of

ADD = ("publication", "add", CASE, "--sort", "Serious Case Review", *SAID)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Desk:
    """`scr` with a data folder of its own, and no engine."""
    return Desk(monkeypatch, capfd, tmp_path / "data")


@pytest.fixture
def closed(desk: Desk) -> str:
    """A case that was closed on 1 November 2013, and its board."""
    keep(desk.data, reviewed())
    return CASE


# ---- publication register


def test_a_review_is_published_shown_written_and_removed(desk: Desk, closed: str, tmp_path: Path) -> None:
    folder = tmp_path / "public"
    assert done(desk, "publication", "list", "--board", "demo").endswith("has no review in its publication register.\n")
    said = done(desk, *ADD, "--review", "Child N", "--presented-on", "2013-09")
    assert said == "Entered: published, number 1 in the journal of demo.\n"
    assert "Child N" in done(desk, "publication", "list", "--board", "demo")
    [entry] = done(desk, "publication", "list", "--board", "demo", "--json")
    assert (entry["month"], entry["presented_on"], entry["by"]) == ("2013-10", "2013-09", "bm")
    assert [of["sha256"] for of in entry["documents"]] == [sha256(REPORT).hexdigest()]
    written = done(desk, "publication", "write", "--board", "demo", folder, "--json")
    assert written["documents"] == ["2013-10-child-n-overview-report.pdf"]
    assert (folder / "documents" / written["documents"][0]).read_bytes() == REPORT
    assert "Child N" in (folder / "index.html").read_text(encoding="utf-8")
    assert done(desk, "publication", "remove", closed, *SAID, "--json")["entry"]["seq"] == 2
    assert "with 0 documents" in done(desk, "publication", "write", "--board", "demo", folder)
    assert list((folder / "documents").iterdir()) == []
    assert "Child N" not in (folder / "index.html").read_text(encoding="utf-8")
    assert done(desk, "audit", "verify").endswith("Nothing wrong in 1 case and 1 journal.\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--review", "Child Ottoline"], "may identify somebody; give one that cannot"),
        (["--review", "Nobody-Here"], "may identify somebody"),
        (["--review", "Child N", "--sort", "Review by Percival Invented"], "may identify somebody"),
        (["--review", " "], "review: this must not be empty"),
        (["--review", "Child\nN"], "review: this must be one line of visible signs"),
        (["--review", "Child 愛"], "holds a sign that the font cannot show"),
        (["--review", "Child N", "--by", "sg-lead"], "'sg-lead' does not hold the role"),
        (["--review", "Child N", "--step", "decide"], "'decide' is no step by which wt2013 publishes; it publishes by"),
        (["--review", "Child N", "--document", "imr[health]"], "was not searched when 'publish' was decided"),
        (["--review", "Child N", "--presented-on", "soon"], "is not a day"),
        (["--review", "Child N", "--because", ""], "because: this must not be empty"),
    ],
)
def test_publication_add_refuses(desk: Desk, closed: str, words: list[str], says: str) -> None:
    before = everything(desk)
    refused(desk(*ADD, *words), says)
    assert everything(desk) == before
    assert closed == CASE


def test_nothing_is_published_that_was_not_decided_and_searched_as_it_is_now(desk: Desk) -> None:
    story = reviewed(closed=None)
    keep(desk.data, story)
    again = story.file("overview-report", "2013-10-12")
    keep(desk.data, story)
    refused(desk(*ADD, "--review", "Child N"), "is not the version that was searched when 'publish' was decided")
    story.reconsider("publish", "2013-10-13", "bm")
    keep(desk.data, story)
    refused(desk(*ADD, "--review", "Child N"), "is not decided to be published; decide publish first")
    searched = story.searched(story.case.procedure.steps["publish"], "done")
    assert [said.sha256 for said in searched] == [again.sha256]
    story.decide("publish", "done", "2013-11-02", searched=searched)
    keep(desk.data, story)
    entry = done(desk, *ADD, "--review", "Child N", "--json")["entry"]
    assert (entry["month"], entry["documents"][0]["sha256"]) == ("2013-11", again.sha256)


def test_an_open_case_that_is_not_published_yet_is_refused(desk: Desk) -> None:
    keep(desk.data, Story(wt2013_opening()))
    refused(desk(*ADD, "--by", "business-manager", "--review", "Child N"), "is not decided to be published")
    refused(
        desk("publication", "add", "DEMO-1999-001", "--review", "Child N", "--sort", "x", *SAID), "There is no case"
    )


def test_publish_twice_and_remove_what_is_not_there(desk: Desk, closed: str) -> None:
    refused(desk("publication", "remove", closed, *SAID), f"{closed} is not in the publication register")
    done(desk, *ADD, "--review", "Child N")
    refused(desk(*ADD, "--review", "Child M"), "is published already, as 'Child N'")
    refused(desk("publication", "remove", closed, "--by", "sg-lead", "--because", "x"), "'sg-lead' does not hold")
    refused(desk("publication", "list", "--board", "atlantis"), "There is no 'atlantis' in boards")


def test_write_refuses_a_folder_that_is_somebody_elses(desk: Desk, closed: str, tmp_path: Path) -> None:
    done(desk, *ADD, "--review", "Child N")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("Keep me.")
    refused(desk("publication", "write", "--board", "demo", tmp_path / "mine"), "name a new folder")
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["letter.txt"]
    letter = tmp_path / "mine" / "letter.txt"
    refused(desk("publication", "write", "--board", "demo", letter), "cannot be used as a folder")
    refused(desk("bulletin", "2020-Q1", "--board", "demo", *SAID, "--to", letter), "cannot be used as a folder")
    assert closed == CASE


# ---- learning


LESSON = """source = "Another Board (invented)"
review = "Child Z"
where = "https://www.example.org/child-z"
lesson = "Ask who else knows the child."
relevance = "Schools here are asked late."
"""


def enter(desk: Desk, tmp_path: Path, text: str = LESSON, *more: str) -> Any:
    file = tmp_path / "lesson.toml"
    file.write_text(text, encoding="utf-8")
    return desk("learning", "add", file, "--board", "demo", *SAID, *more)


def test_lessons_are_entered_listed_and_withdrawn(desk: Desk, tmp_path: Path) -> None:
    assert "is empty" in done(desk, "learning", "list", "--board", "demo")
    assert enter(desk, tmp_path).out == "Entered: lesson, number 1 in the journal of demo.\n"
    assert enter(desk, tmp_path, LESSON.replace("Child Z", "Child Y"), "--json").json["entry"]["seq"] == 2
    assert "Schools here are asked late." in done(desk, "learning", "list", "--board", "demo")
    listed = done(desk, "learning", "list", "--board", "demo", "--json")
    assert [(entry["seq"], entry["review"]) for entry in listed] == [(2, "Child Y"), (1, "Child Z")]
    done(desk, "learning", "withdraw", "1", "--board", "demo", *SAID)
    assert [entry["seq"] for entry in done(desk, "learning", "list", "--board", "demo", "--json")] == [2]
    refused(desk("learning", "withdraw", "1", "--board", "demo", *SAID), "The learning log has no entry 1")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("source = ", "from = ", "from: there is no such field; it has source, review"),
        ('relevance = "Schools here are asked late."', "", "relevance: this field is missing"),
        ('"Child Z"', "7", "review: "),
        ('"Child Z"', '""', "review: this must not be empty"),
        ('"Child Z"', "", "not readable as TOML"),
        ('"Child Z"', '"Child 愛"', "holds a sign that the font cannot show: write it in Latin letters"),
    ],
)
def test_learning_add_refuses(desk: Desk, tmp_path: Path, old: str, new: str, says: str) -> None:
    assert LESSON.count(old) == 1
    refused(enter(desk, tmp_path, LESSON.replace(old, new)), says)
    assert done(desk, "learning", "list", "--board", "demo", "--json") == []


def test_learning_is_for_those_who_manage_the_boards_reviews(desk: Desk, tmp_path: Path) -> None:
    refused(
        enter(desk, tmp_path, LESSON, "--by", "sg-lead"),
        "'sg-lead' does not manage the reviews of Demoshire",
        "bm, chair",
    )
    assert enter(desk, tmp_path, LESSON, "--by", "chair").code == 0


def test_a_bulletin_is_of_a_quarter_that_is_over(desk: Desk, tmp_path: Path) -> None:
    give = ("bulletin", "--board", "demo", *SAID)
    enter(desk, tmp_path)
    refused(desk(*give, quarter_of(today())), "is not over on", "when its quarter is over")
    refused(desk(*give, "2026-Q5"), "'2026-Q5' is no quarter; write it like 2026-Q3")
    refused(desk("bulletin", "2020-Q1", "--board", "demo", "--by", "sg-lead", "--because", "x"), "does not manage")
    said = done(desk, *give, "2020-Q1")
    assert said.endswith("Nothing was entered in 2020-Q1.\n")
    assert "Learning bulletin, January to March 2020" in said
    assert "in this quarter.\n\nPublished reviews are on" in said
    assert "Child Z" not in said


def test_a_bulletin_is_written_down_once_and_shows_nothing_that_was_withdrawn(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (date(2026, 6, 30), date(2026, 7, 1), date(2026, 9, 30), date(2026, 10, 1)):
        monkeypatch.setattr("commands.publications.today", lambda day=day: day)
        assert enter(desk, tmp_path, LESSON.replace("Child Z", f"Child {day}")).code == 0
    give = ("bulletin", "2026-Q3", "--board", "demo", *SAID)
    first = done(desk, *give, "--to", tmp_path / "out", "--json")
    assert first["entries"] == 2
    files = {Path(name).suffix: Path(name).read_bytes() for name in first["files"]}
    assert sorted(files) == [".html", ".md", ".pdf"]
    assert files[".md"].decode() == first["markdown"]
    assert [day in first["markdown"] for day in ("06-30", "07-01", "09-30", "10-01")] == [False, True, True, False]
    monkeypatch.setattr("commands.publications.today", lambda: date(2026, 9, 30))  # a clock that went wrong
    assert enter(desk, tmp_path, LESSON.replace("Child Z", "Child Late")).code == 0
    monkeypatch.setattr("commands.publications.today", lambda: date(2027, 1, 1))
    again = done(desk, *give, "--to", tmp_path / "again", "--json")
    assert {Path(name).suffix: Path(name).read_bytes() for name in again["files"]} == files
    assert sum("'bulletin'" in row for row in everything(desk)) == 1
    done(desk, "learning", "withdraw", "2", "--board", "demo", *SAID)
    last = done(desk, *give, "--json")
    assert (last["entries"], "2026-07-01" in last["markdown"]) == (1, False)


def test_what_is_taken_back_is_not_written_any_more(desk: Desk) -> None:
    story = reviewed(closed=None)
    keep(desk.data, story)
    done(desk, *ADD, "--review", "Child N")
    done(desk, "publication", "write", "--board", "demo", desk.data / "public")
    story.reconsider("publish", "2013-10-13", "bm")
    keep(desk.data, story)
    said = desk("publication", "write", "--board", "demo", desk.data / "public")
    refused(said, "may not be published any more", f"scr publication remove {CASE}")


def test_what_is_known_since_the_gate_keeps_a_review_back(desk: Desk) -> None:
    keep(desk.data, reviewed(closed=None))
    (desk.data / "more.toml").write_text('names = ["Overview Report"]\n', encoding="utf-8")
    done(desk, "identifiers", CASE, desk.data / "more.toml")
    refused(desk(*ADD, "--review", "Child N"), "finds more in 'overview-report' than when 'publish' was decided")


def test_nothing_outside_its_folder_is_deleted(desk: Desk) -> None:
    keep(desk.data, reviewed(closed=None))
    done(desk, *ADD, "--review", "Child N")
    public, victim = desk.data / "public", desk.data / "victim"
    done(desk, "publication", "write", "--board", "demo", public)
    victim.mkdir()
    (victim / "keep.txt").write_text("x", encoding="utf-8")
    shutil.rmtree(public / "documents")
    (public / "documents").symlink_to(victim)
    refused(desk("publication", "write", "--board", "demo", public), "should be a folder of its own")
    assert (victim / "keep.txt").exists()
    (public / "documents").unlink()
    (public / "documents" / "sub").mkdir(parents=True)
    refused(desk("publication", "write", "--board", "demo", public), "holds the folder 'sub'")
    (public / "reviews.json").write_text("[" * 100_000, encoding="utf-8")
    refused(desk("publication", "write", "--board", "demo", public), "does not hold the publication register")
