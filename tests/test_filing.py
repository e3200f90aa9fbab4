"""Documents of a case by the command line: filed, listed, searched, chronologies merged. Everything is invented."""

import io
import os
import zipfile
from pathlib import Path

import pytest
from desk import Desk, refused

HEALTH = """date,event,source,significance
2013-02-04,Health visitor weighs the child,Health record,Weight has fallen
2013-02-18,Nurse sees a bruise on the left arm of the child,Walk-in record,
"""
POLICE = """date,event,source,significance
2013-02-20,Nurse tells police of a bruise on the left arm of the child,Command log,
31/02/2013,Neighbour calls,Command log,
"""
CLEAN = "What two agencies knew was never put together."
NAMING = "Ottilie was born on 9 March 2024. What two agencies knew was never put together."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"health.csv": HEALTH, "police.csv": POLICE, "report.txt": NAMING, "clean.txt": CLEAN}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def filed(desk: Desk, case: str, kind: str, path: Path, *more: str, by: str = "bm") -> None:
    said = desk("file", case, kind, path, *more, "--by", by, "--because", "It is ready.")
    assert (said.code, said.err) == (0, ""), said


def test_a_document_is_filed_listed_and_comes_back_as_it_was(desk: Desk, case: str, folder: Path) -> None:
    filed(desk, case, "overview-report", folder / "report.txt")
    filed(desk, case, "overview-report", folder / "clean.txt")
    known = desk("documents", case, "--json").json
    assert {key: (fact["version"], fact["size"]) for key, fact in known.items()} == {"overview-report": (2, len(CLEAN))}
    assert "overview-report" in desk("documents", case).out
    said = desk("documents", case, "--get", "overview-report", "--to", folder / "again.txt")
    assert said.code == 0
    assert (folder / "again.txt").read_text(encoding="utf-8") == CLEAN


def test_what_is_filed_is_not_readable_in_the_register(desk: Desk, case: str, folder: Path) -> None:
    filed(desk, case, "overview-report", folder / "report.txt")
    raw = b"".join(path.read_bytes() for path in desk.data.glob("register.db*"))
    assert b"never put together" not in raw
    assert b"report.txt" not in raw


def test_a_chronology_with_a_faulty_row_is_refused_and_nothing_is_kept(desk: Desk, case: str, folder: Path) -> None:
    before = desk.kept(case)
    said = desk("file", case, "chronology", folder / "police.csv", "--agency", "police", "--by", "bm", "--because", "x")
    assert (said.code, said.out) == (2, "")
    assert "ow 3" in said.err
    assert "31/02/2013" in said.err
    assert desk.kept(case) == before


def test_chronologies_are_merged(desk: Desk, case: str, folder: Path) -> None:
    (folder / "police.csv").write_text(POLICE.replace("31/02/2013", "June 2013"), encoding="utf-8")
    filed(desk, case, "chronology", folder / "health.csv", "--agency", "health")
    filed(desk, case, "chronology", folder / "police.csv", "--agency", "police")
    said = desk("chronology", case, "--xlsx", folder / "all.xlsx", "--pdf", folder / "all.pdf")
    assert said.code == 0, said
    events = [line for line in said.out.splitlines() if "Health visitor" in line or "Neighbour" in line]
    assert len(events) == 2
    assert "Clash with entry" in said.out
    assert "Gap: no agency has a record between" in said.out
    assert zipfile.is_zipfile(folder / "all.xlsx")
    assert (folder / "all.pdf").read_bytes().startswith(b"%PDF-")
    merged = desk("chronology", case, "--json").json
    assert [entry["agency"] for entry in merged["entries"]] == ["health", "health", "police", "police"]


def test_there_is_no_chronology_before_one_is_filed(desk: Desk, case: str) -> None:
    refused(desk("chronology", case), "No chronology is filed")


def test_the_search_names_each_place_and_leaves_it_to_a_person(desk: Desk, case: str, folder: Path) -> None:
    # the case's child bears the name of this test: more of what identifies people is added as staff would
    filed(desk, case, "overview-report", folder / "report.txt")
    (folder / "more.toml").write_text('names = ["Ottilie Example-Marsh"]\nborn = [2024-03-09]\n', encoding="utf-8")
    assert desk("identifiers", case, folder / "more.toml").code == 0
    said = desk("search", case)
    assert said.code == 0
    assert "Ottilie" in said.out
    assert "9 March 2024" in said.out
    assert "for a person to decide" in said.out
    found = desk("search", case, "overview-report", "--json").json
    assert {hit["kind"] for hit in found["overview-report"]["hits"]} == {"name", "born"}
    refused(desk("search", case, "imr"), "no such document")


def test_a_report_is_published_as_it_was_searched(desk: Desk, case: str, folder: Path) -> None:
    """The whole way by hand to the gate of publication, where somebody has to have looked at what the search finds."""
    give = desk.give
    give(case, "decide written-notification received", "health-designated-person")
    give(case, "decide recommend scr", "sg-lead")
    give(case, "decide decide initiate", "chair")
    desk.settle(case)
    give(case, "decide commission-reviewer", "chair")
    give(case, "decide set-terms", "panel-chair-1")
    give(case, "decide decide-family not-involve", "panel-chair-1")
    for agency in ("health", "police"):
        give(case, f"decide agency-review[{agency}] submitted", f"{agency}-senior-manager")
    give(case, "decide consider-draft", "panel-chair-1")
    give(case, "decide sign-off", "chair")
    give(case, "decide decide-publication publish", "chair")
    give(case, "decide copy-to-panel sent", "bm")
    give(case, "decide copy-to-dfe sent", "bm")
    publish = ("decide", case, "publish", "--by", "bm", "--because", "It is ready.")
    refused(desk(*publish), "until the document 'overview-report' is filed")
    (folder / "more.toml").write_text('names = ["Ottilie Example-Marsh"]\n', encoding="utf-8")
    desk("identifiers", case, folder / "more.toml")
    filed(desk, case, "overview-report", folder / "report.txt")
    refused(desk(*publish), "leaves 2 places to look at", f"scr search {case}", "--found 2")
    refused(desk(*publish, "--found", 1), "leaves 2 places to look at")
    filed(desk, case, "overview-report", folder / "clean.txt")
    refused(desk(*publish, "--found", 2), "leaves 0 places to look at")
    assert desk(*publish).code == 0
    decided = next(
        event["decision"]
        for event in desk("case", case, "--json").json["events"]
        if event["kind"] == "decided" and event["step"] == "publish"
    )
    assert [(said["document"], said["hits"]) for said in decided["searched"]] == [("overview-report", 0)]


def test_evidence_is_filed_for_an_action_by_its_own_agency(desk: Desk, case: str, folder: Path) -> None:
    give = ("--due", "2030-01-07", "--agency", "health", "--by", "bm", "--because", "x")
    assert desk("agree", case, "a1", "Train", *give).code == 0
    file = ("file", case, "evidence", folder / "clean.txt", "--action", "a1", "--because", "x", "--by")
    refused(desk(*file, "police-imr-author"), "holds no role for Demoshire Health Trust")
    assert desk(*file, "health-imr-author").code == 0
    assert list(desk("documents", case, "--json").json) == ["evidence[a1]"]


def test_an_agencys_own_people_do_not_file_for_the_whole_case(desk: Desk, case: str, folder: Path) -> None:
    said = desk("file", case, "overview-report", folder / "clean.txt", "--by", "school-imr-author", "--because", "x")
    refused(said, "holds no role in this case that is no agency's")


def test_nobody_is_recused_by_a_name(desk: Desk, case: str) -> None:
    said = desk("recuse", case, "Ottilie Example-Marsh", "--by", "bm", "--because", "x")
    refused(said, "is not among the people of")


def test_a_copy_of_what_was_under_seal_is_for_its_owner_alone(desk: Desk, case: str, folder: Path) -> None:
    filed(desk, case, "overview-report", folder / "clean.txt")
    desk("documents", case, "--get", "overview-report", "--to", folder / "copy.txt")
    assert (folder / "copy.txt").stat().st_mode & 0o077 == 0


def test_what_is_no_file_is_not_waited_for(desk: Desk, case: str, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    refused(desk("file", case, "other", folder / "pipe", "--by", "bm", "--because", "x"), "is no file")


def test_files_that_are_no_documents_are_refused(desk: Desk, case: str, folder: Path) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", b"0" * 300_000_000)
    bad = {
        "program.pdf": b"MZ" + b"\0" * 100,
        "empty.pdf": b"",
        "page.docx": b"<!doctype html><html></html>",
        "bomb.docx": bomb.getvalue(),
        "report.pdf": CLEAN.encode(),
    }
    before = desk.kept(case)
    for name, content in bad.items():
        (folder / name).write_bytes(content)
        said = desk("file", case, "overview-report", folder / name, "--by", "bm", "--because", "x")
        assert (said.code, said.out, said.err.count("\n")) == (2, "", 1), (name, said)
    refused(desk("file", case, "novel", folder / "clean.txt", "--by", "bm", "--because", "x"), "'novel' is not known")
    refused(desk("file", case, "other", folder / "none.pdf", "--by", "bm", "--because", "x"), "cannot be read")
    refused(desk("file", case, "other", folder / "clean.txt", "--by", "nobody", "--because", "x"), "holds no role")
    assert desk.kept(case) == before


def test_a_conflict_of_interest_is_declared(desk: Desk, case: str) -> None:
    desk.give(case, "recuse panel-member-police", "bm")
    said = desk("assign", case, "panel", "panel-member-police", "--by", "bm", "--because", "x")
    refused(said, "declared a conflict of interest")
    shown = desk("case", case, "--people").out
    assert "panel-member-police has declared a conflict of interest" in shown
    assert "employed by childrens-social-care" in shown
    assert "panel-member-police" in desk("case", case, "--json").json["recused"]


def test_an_empty_form_for_agencies(desk: Desk, folder: Path) -> None:
    assert desk("chronology-form", folder / "form.xlsx").code == 0
    assert zipfile.is_zipfile(folder / "form.xlsx")
