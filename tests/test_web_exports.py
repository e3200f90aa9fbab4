"""What is taken away: lists as tables, a board's figures, and the evidence of a case, which proves itself.

All people, places and cases are invented.
"""

import csv
import io
import json
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from case_world import Story, day, wt2013_opening
from closed_cases import REFERRAL, REPORT, reviewed
from python_calamine import CalamineWorkbook
from visitor import Browser, kept, office_at, signed_in

from activities.outbox import write_eml
from models.access import Viewer
from models.letters import Correspondent, LetterOrder, LetterReport, RenderedLetter, content_hash
from models.timescale import days_between
from models.turn import delivered
from register import accounts, papers
from register.figures import figures
from register.store import Register
from web.frame import Office, now
from web.tables import Table


@pytest.fixture
def where(tmp_path: Path) -> Path:
    """These are about pages; the register's own tests are on both databases."""
    return tmp_path / "register.db"


@pytest.fixture
def pages(register: Register, tmp_path: Path) -> Office:
    return office_at(register, tmp_path)


def rows_of(content: bytes) -> list[dict[str, str]]:
    """The rows of a CSV file by their headings."""
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def ongoing(reference: str = "DEMO-2013-002", /, **holders: tuple[str, ...]) -> Story:
    """A case that waits for its decision and its letters, with these holders."""
    opening = wt2013_opening()
    story = Story(opening.model_copy(update={"reference": reference, "holders": opening.holders | holders}))
    story.decide("written-notification", "received", "2013-07-08")
    story.decide("recommend", "scr", "2013-07-31")
    return story


# ---- tables


@pytest.mark.parametrize("begins", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", "\r=1+1"])
def test_no_cell_is_obeyed(begins: str) -> None:
    table = Table("Cases", ("Case", "Number"), [(begins, -3)])
    [row] = csv.reader(io.StringIO(table.csv().decode("utf-8-sig").partition("\r\n")[2], newline=""))
    assert row == [f"'{begins}", "-3"], "a number stays a number"
    with zipfile.ZipFile(io.BytesIO(table.xlsx())) as book:
        sheet = book.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet
    assert b"<hyperlink" not in sheet


async def test_lists_hold_what_the_viewer_sees_and_no_more(pages: Office) -> None:
    await kept(pages.register, ongoing("DEMO-2013-002"))
    await kept(pages.register, ongoing("DEMO-2013-003", chair=("somebody-else",)))
    browser = await signed_in(pages, "chair")
    found = rows_of((await browser.get("/exports/cases.csv")).content)
    assert [(row["Case"], row["State"], row["Overdue"]) for row in found] == [("DEMO-2013-002", "open", "overdue")]
    waits = rows_of((await browser.get("/exports/waiting.csv")).content)
    assert {row["Case"] for row in waits} == {"DEMO-2013-002"}
    assert "Decide whether to initiate a Serious Case Review" in {row["Step"] for row in waits}
    said = await browser.get("/exports/waiting.xlsx")
    assert said.headers["content-disposition"].startswith('attachment; filename="waiting-')
    book = CalamineWorkbook.from_filelike(io.BytesIO(said.content)).get_sheet_by_index(0).to_python()
    assert len(book) == len(waits) + 1


async def test_who_sees_a_part_of_a_case_takes_that_part_away(pages: Office) -> None:
    story = ongoing(**{"senior-manager[health]": ("health-senior-manager",)})
    story.decide("decide", "initiate", "2013-08-02")
    await kept(pages.register, story)
    author, chair = await signed_in(pages, "health-senior-manager"), await signed_in(pages, "chair")
    every = rows_of((await chair.get("/exports/waiting.csv")).content)
    own = rows_of((await author.get("/exports/waiting.csv")).content)
    assert 0 < len(own) < len(every)
    assert {row["Agency"] for row in own} == {"Demoshire Health Trust"}
    [case] = rows_of((await author.get("/exports/cases.csv")).content)
    assert case["Stage"] == ""


async def test_another_boards_case_is_in_no_table(pages: Office) -> None:
    story = ongoing(chair=("chair",))
    other = Story(story.case.opening.model_copy(update={"board": "milton-keynes", "reference": "MK-2013-001"}))
    await kept(pages.register, other)
    browser = await signed_in(pages, "chair")
    assert rows_of((await browser.get("/exports/cases.csv")).content) == []


# ---- figures


async def test_the_figures_of_a_year_are_reckoned_from_the_rows(pages: Office) -> None:
    for number, on in ((2, "2013-08-02"), (3, "2013-08-20"), (4, "2013-08-30")):
        story = ongoing(f"DEMO-2013-{number:03}")
        story.decide("decide", "decline" if number == 3 else "initiate", on)
        await kept(pages.register, story)
    found = await figures(pages.register, "demo", 2013, date(2026, 1, 1))
    assert (found.referrals, found.closed) == (3, 0)
    decided = {(of.step, of.outcome): of.number for of in found.outcomes}
    assert (decided[("decide", "initiate")], decided[("decide", "decline")]) == (2, 1)
    [decide] = [of for of in found.timeliness if of.step == "decide"]
    due = story.case.steps["decide"].due
    assert due is not None
    late = [days_between(due, day(on)) for on in ("2013-08-20", "2013-08-30")]
    assert (decide.met, decide.late, decide.median_late) == (1, 2, sum(late) / 2)
    assert (await figures(pages.register, "demo", 2014, date(2026, 1, 1))).referrals == 0
    assert (await figures(pages.register, "milton-keynes", 2013, date(2026, 1, 1))).referrals == 0


async def test_the_figures_are_taken_away_as_they_are_shown(pages: Office) -> None:
    await kept(pages.register, reviewed())
    browser = await signed_in(pages, "bm")
    assert "/exports/figures.xlsx?year=2013" in (await browser.get("/figures?year=2013")).text
    rows = rows_of((await browser.get("/exports/figures.csv?year=2013")).content)
    told = {(row["What"], row["Step"], row["Outcome"]): row["Number"] for row in rows}
    assert told["Referrals received", "", ""] == "1"
    found = await figures(pages.register, "demo", 2013, date(2026, 1, 1))
    assert found.outcomes
    for of in found.outcomes:
        assert told["Decided", of.title, of.outcome] == str(of.number)
    book = CalamineWorkbook.from_filelike(io.BytesIO((await browser.get("/exports/figures.xlsx?year=2013")).content))
    assert len(book.get_sheet_by_index(0).to_python()) == len(rows) + 1
    assert (await (await signed_in(pages, "sg-lead")).get("/exports/figures.csv")).status_code == 404


async def test_figures_are_for_those_who_manage_the_board(pages: Office) -> None:
    await kept(pages.register, ongoing())
    manager, other = await signed_in(pages, "bm"), await signed_in(pages, "sg-lead", administrator=True)
    assert (await other.get("/figures?year=2013")).status_code == 404
    assert "/figures" not in (await other.get("/exports")).text
    said = await manager.get("/figures?year=2013")
    assert (said.status_code, "1 referral received in 2013" in said.text) == (200, True)
    assert "Recommend a Serious Case Review" in said.text
    for year in ("", "abcd", "0000", "20134", "-1", "9999"):
        assert (await manager.get(f"/figures?year={year}")).status_code == 200


# ---- the evidence of a case

LETTER = RenderedLetter(
    subject="Case DEMO-2013-001: what was decided – über alles",
    text="Dear Sir\n\nIt was decided.\n",
    html="<!DOCTYPE html>\n<p>It was decided. Ŵy</p>\n",
    pdf=b"%PDF-1.7 the letter",
    sha256="",
)


async def evidence(pages: Office) -> str:
    """A closed case with its referral, its report and a letter that was sent; its reference."""
    story = reviewed()
    sha256 = content_hash(LETTER.subject, LETTER.text, LETTER.html, LETTER.pdf)
    owed = next(letter for letter in story.case.letters.values() if letter.order)
    story.extend_by(delivered(story.case, [LetterReport(letter=owed.id, sha256=sha256)], story.at))
    reference = await pages.register.file_referral("DEMO", 2013, "demo", REFERRAL)
    assert await kept(pages.register, story) == reference
    await papers.keep(pages.register, reference, REPORT, "../../Report of Child N.pdf")
    board = Correspondent(name="Board", email="board@demoshire.example")
    rendered = LETTER.model_copy(update={"sha256": sha256})
    order = LetterOrder(id=owed.id, template="x", sender="chair", recipient="chair", on=day("2013-07-08"))
    write_eml(pages.data / "outbox", reference, order, rendered, board, board)
    return reference


async def bundle(browser: Browser, reference: str) -> zipfile.ZipFile:
    """The bundle that a browser takes away."""
    assert (await browser.get(f"/cases/{reference}/bundle")).status_code == 200
    said = await browser.post(f"/cases/{reference}/bundle")
    assert (said.status_code, said.headers["content-type"]) == (200, "application/zip")
    return zipfile.ZipFile(io.BytesIO(said.content))


def verified(folder: Path) -> tuple[int, str]:
    """What the bundle's own checker says, with Python alone."""
    command = [sys.executable, "-I", "-B", str(folder / "verify.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd="/")
    assert done.stderr == ""
    return done.returncode, done.stdout


async def test_the_evidence_proves_itself(pages: Office, tmp_path: Path) -> None:
    reference = await evidence(pages)
    browser = await signed_in(pages, "bm")
    archive, folder = await bundle(browser, reference), tmp_path / "bundle"
    archive.extractall(folder)
    code, said = verified(folder)
    assert (code, said.startswith(f"sound: {reference}, ")) == (0, True), said
    names = archive.namelist()
    assert {"README.txt", "verify.py", "manifest.json", "events.jsonl", "chain.jsonl", "referral.json"} < set(names)
    [document] = [name for name in names if name.startswith("documents/")]
    assert (archive.read(document), ".." in document) == (REPORT, False)
    assert len([name for name in names if name.startswith("letters/")]) == 1
    assert json.loads(archive.read("referral.json"))["child"]["name"] == "Ottoline Nobody-Here"
    assert "NOT encrypted" in archive.read("README.txt").decode()
    read = [one.what for one in await accounts.reads(pages.register, reference)]
    assert "evidence bundle taken away" in read


CHANGES: dict[str, tuple[str, Any, str]] = {
    "an event": ("events.jsonl", lambda was: was.replace(b"DEMO-2013-001", b"DEMO-2013-00l", 1), "event 1 was changed"),
    "an event left out": ("events.jsonl", lambda was: was.split(b"\n", 1)[1], "event 1 does not have its number"),
    "the end cut off": ("chain.jsonl", lambda was: was.rsplit(b"\n", 2)[0] + b"\n", "is not the head"),
    "a document": ("documents/overview-report", lambda was: was[:-1] + b"!", "is not the document that was filed"),
    "a letter": ("letters/", lambda was: was.replace(b"It was decided.", b"It was rejected"), "is not what was sent"),
    "the referral": ("referral.json", lambda was: was.replace(b"Ottoline", b"Henrietta"), "referral.json was changed"),
    "the read-me": ("README.txt", lambda was: was + b".", "README.txt was changed"),
    "a file put in": ("documents/more.txt", lambda was: b"more", "does not belong to the bundle"),
    "the manifest": ("manifest.json", lambda was: b"{", "cannot be read to its end"),
}


async def test_the_evidence_notices_every_change(pages: Office, tmp_path: Path) -> None:
    archive = await bundle(await signed_in(pages, "bm"), await evidence(pages))
    for number, (what, (begins, change, says)) in enumerate(CHANGES.items()):
        folder = tmp_path / f"bundle-{number}"
        archive.extractall(folder)
        [*names] = [name for name in archive.namelist() if name.startswith(begins)] or [begins]
        path = folder / names[0]
        path.write_bytes(change(path.read_bytes() if path.exists() else b""))
        code, said = verified(folder)
        assert (code, says in said, "sound" in said) == (1, True, False), (what, said)
    folder = tmp_path / "a-letter-missing"
    archive.extractall(folder)
    next((folder / "letters").iterdir()).unlink()
    assert "is missing" in verified(folder)[1]


async def test_a_document_and_its_hashes_changed_together_are_noticed(pages: Office, tmp_path: Path) -> None:
    archive, folder = await bundle(await signed_in(pages, "bm"), await evidence(pages)), tmp_path / "bundle"
    archive.extractall(folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    [document] = manifest["documents"]
    (folder / document["file"]).write_bytes(b"another")
    document["sha256"] = manifest["files"][document["file"]] = papers.hash_of(b"another")
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert "no event names the document overview-report" in verified(folder)[1]


async def test_the_evidence_is_for_who_sees_the_whole_case(pages: Office) -> None:
    reference = await evidence(pages)
    part, stranger = await signed_in(pages, "imr-author[health]"), await signed_in(pages, "panel-chair-3")
    path = f"/cases/{reference}/bundle"
    for browser in (part, stranger):
        await browser.get("/feed")
        assert (await browser.post(path)).status_code == 404
        assert (await browser.get(path)).status_code == 404
    await accounts.note_read(
        pages.register,
        Viewer("panel-chair-3", "demo", "panel-chair-3"),
        reference,
        accounts.EMERGENCY,
        now(),
        "Urgent.",
    )
    assert (await stranger.get(path)).status_code == 404, "an emergency is for reading"
