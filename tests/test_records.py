"""The command line on how long records are kept: legal hold, retention, disposal with its certificate. No engine.

All people, places and reviews are invented.
"""

import sqlite3
from hashlib import sha256
from pathlib import Path

import pytest
from closed_cases import CASE, REPORT, SAID, done, everything, keep, reviewed, short
from desk import Desk, refused
from stories import closing

from commands.cases import today
from models.calendar import Calendar
from models.timescale import count, following_day, parse_period, say
from register.store import Register

EVERY_DAY = Calendar(name="civil", title="No holidays", version="1", first_year=2000, last_year=9999)
LATER = str(count(parse_period("6 months"), today(), EVERY_DAY).due)
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


# ---- holds, retention, disposal


def test_retention_says_what_is_kept_until_when_and_why(desk: Desk, closed: str) -> None:
    assert done(desk, "retention", "--board", "milton-keynes") == "There are no closed cases.\n"
    [found] = done(desk, "retention", "--json")
    assert (found["reference"], found["closed_on"], found["held_since"]) == (closed, "2013-11-01", None)
    kept = {record["kind"]: (record["number"], record["kept_until"], record["due"]) for record in found["records"]}
    assert kept == {
        "letters": (1, "2023-11-01", True),
        "referral": (1, "2038-11-01", False),
        "documents": (1, "2038-11-01", False),
    }
    shown = done(desk, "retention")
    assert "due for disposal" in shown
    assert "300 months from 2013-11-01" in shown
    done(desk, "hold", closed, *SAID, "--review-on", LATER)
    [held] = done(desk, "retention", "--board", "demo", "--json")
    assert (held["held_since"], held["review_hold_on"]) == (str(today()), LATER)
    assert f"held since {today()}" in done(desk, "retention")


def test_an_open_case_is_not_in_the_list_and_nothing_of_it_is_disposed_of(desk: Desk) -> None:
    keep(desk.data, reviewed(closed=None))
    short(desk)
    assert done(desk, "retention", "--json") == []
    before = everything(desk)
    refused(desk("dispose", CASE, *SAID), f"{CASE} is open; records are disposed of when their case")
    assert everything(desk) == before
    assert (desk.data / "outbox" / CASE / "decide-1.eml").exists()


def test_a_hold_stops_disposal_until_it_is_released(desk: Desk, closed: str) -> None:
    short(desk)
    refused(desk("release", closed, *SAID), "is not under a legal hold")
    refused(desk("hold", closed, "--by", "sg-lead", "--because", "x"), "'sg-lead' does not hold the role")
    refused(desk("hold", closed, *SAID, "--review-on", "2013"), "is no whole day")
    refused(desk("hold", closed, *SAID, "--review-on", "2013-01-01"), "give a later day")
    assert done(desk, "hold", closed, *SAID) == "Entered: held, number 1 in the journal of demo.\n"
    refused(desk("hold", closed, *SAID), "is under a legal hold already")
    before = everything(desk)
    refused(desk("dispose", closed, *SAID), "is under a legal hold since")
    assert everything(desk) == before
    done(desk, "release", closed, *SAID)
    assert "Certificate of disposal" in done(desk, "dispose", closed, *SAID)


def test_nothing_is_disposed_of_before_its_day_or_by_others(desk: Desk, closed: str) -> None:
    refused(desk("dispose", closed, "--by", "sg-lead", "--because", "x"), "'sg-lead' does not hold the role")
    refused(desk("dispose", closed, *SAID, "--certificate", "certificate.docx"), "written as .pdf, .txt, .html, .json")
    refused(
        desk("dispose", closed, *SAID, "--certificate", "/nowhere/at/all.pdf"), "/nowhere/at/all.pdf cannot be written"
    )
    (desk.data / "folder.pdf").mkdir()
    refused(desk("dispose", closed, *SAID, "--certificate", desk.data / "folder.pdf"), "cannot be written")
    assert (desk.data / "outbox" / closed / "decide-1.eml").exists()
    [only] = done(desk, "dispose", closed, *SAID, "--json")["certificates"]
    assert [(records["kind"], records["count"]) for records in only["records"]] == [("letters", 1)]
    assert not (desk.data / "outbox" / closed).exists()
    assert done(desk, "documents", closed, "--json")
    [found] = done(desk, "retention", "--json")
    assert [record["kind"] for record in found["records"]] == ["referral", "documents"]


def test_a_case_whose_time_has_not_come_is_refused(desk: Desk) -> None:
    story = reviewed(closed=None)
    story.take(closing(str(today())), str(today()))
    keep(desk.data, story)
    first = following_day(count(parse_period("120 months"), today(), EVERY_DAY).due)
    says = (
        f"Nothing of {CASE} may be disposed of before {say(first)}: its letters are kept for 120 months from its close"
    )
    refused(desk("dispose", CASE, *SAID), says, say(today()))


def test_disposal_is_certified_the_same_each_time_it_is_given(desk: Desk, closed: str, tmp_path: Path) -> None:
    short(desk)
    file = tmp_path / "certificate.pdf"
    first = done(desk, "dispose", closed, *SAID, "--certificate", file, "--json")
    [data] = first["certificates"]
    assert {records["kind"]: records["count"] for records in data["records"]} == {
        "referral": 1,
        "documents": 1,
        "letters": 1,
    }
    assert (data["reference"], data["by"], data["closed_on"], data["entry"]) == (closed, "bm", "2013-11-01", 1)
    [case, journal] = done(desk, "audit", "verify", "--json")["heads"]
    assert (data["head"], data["last_event"]) == (case["hash"], case["seq"])
    assert (journal["reference"], journal["hash"]) == ("journal demo", data["entry_hash"])
    pdf = file.read_bytes()
    assert done(desk, "dispose", closed, *SAID, "--certificate", file, "--json") == first
    assert file.read_bytes() == pdf
    for other in ("txt", "html", "json"):
        shown = done(desk, "dispose", closed, *SAID, "--certificate", tmp_path / f"certificate.{other}")
        text = (tmp_path / f"certificate.{other}").read_text(encoding="utf-8")
        assert data["entry_hash"] in text
        for personal in ("Ottoline", "Nobody-Here", "Percival", "Invented."):
            assert personal not in text + shown
    assert "nothing" in done(desk, "retention")


def test_after_disposal_the_case_can_still_be_read_and_its_number_is_taken(desk: Desk, closed: str) -> None:
    short(desk)
    shown = done(desk, "case", closed, "--json")
    with sqlite3.connect(desk.data / "register.db") as db:
        sealed = [
            blob for table in ("referrals", "document_content") for (blob,) in db.execute(f"SELECT sealed FROM {table}")
        ]
    db.close()
    done(desk, "dispose", closed, *SAID)
    assert done(desk, "case", closed, "--json") == shown
    refused(desk("documents", closed, "--get", "overview-report", "--to", desk.data / "x.pdf"), "has no document")
    files = b"".join(file.read_bytes() for file in desk.data.glob("register.db*"))
    assert [blob[-40:] in files for blob in sealed] == [False, False]
    assert sha256(REPORT).hexdigest().encode() in files  # in the events, as it should be
    assert f"was disposed of on {today()}" in desk(*ADD, "--review", "Child N").err


def test_a_published_report_outlives_its_case(desk: Desk, closed: str, tmp_path: Path) -> None:
    short(desk)
    done(desk, *ADD, "--review", "Child N")
    [data] = done(desk, "dispose", closed, *SAID, "--json")["certificates"]
    assert [records["kind"] for records in data["records"]] == ["referral", "letters"]
    done(desk, "publication", "write", "--board", "demo", tmp_path / "public")
    [report] = (tmp_path / "public" / "documents").iterdir()
    assert report.read_bytes() == REPORT
    done(desk, "publication", "remove", closed, *SAID)
    [rest] = done(desk, "dispose", closed, *SAID, "--json")["certificates"]
    assert [records["kind"] for records in rest["records"]] == ["documents"]


def test_without_files_written_anew_there_is_no_certificate(
    desk: Desk, closed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short(desk)
    file = tmp_path / "certificate.txt"

    async def others_are_in_the_way(_: Register) -> bool:
        return False

    with monkeypatch.context() as patch:
        patch.setattr(Register, "purge", others_are_in_the_way)
        said = desk("dispose", closed, *SAID, "--certificate", file)
    assert (said.code, said.out, file.exists()) == (1, "", False)
    assert "give the same command again for the certificate" in said.err
    assert "Certificate of disposal" in done(desk, "dispose", closed, *SAID, "--certificate", file)
    assert file.exists()
