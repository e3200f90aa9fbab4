"""The publication register as a page and as data: what it shows, what it escapes, what it takes away again."""

import json
from datetime import date
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import publication
from library import ROOT, Library
from models.board import Board
from models.journal import Journal, Published, PublishedDocument, Unpublished, fold
from models.refusal import Refusal

PUBLIC = ROOT / "templates" / "public"
BOARD = Library().board("demo")
CONTENTS = {name: f"%PDF-1.7 {name}".encode() for name in ("overview-report", "executive-summary", "action-plan")}
BY_HASH = {sha256(content).hexdigest(): content for content in CONTENTS.values()}


class Page(HTMLParser):
    """The page as a reader's program takes it apart: refuses tags that do not close in order."""

    VOID = ("meta", "link")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.open[-1], " ".join(data.split())))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def words(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]


def document(name: str, **more: Any) -> PublishedDocument:
    content = CONTENTS[name]
    given = {"document": name, "sha256": sha256(content).hexdigest(), "media_type": "application/pdf"}
    return PublishedDocument(**{**given, "size": len(content), **more})


def published(reference: str, month: str, review: str, *names: str, **more: Any) -> Published:
    return Published(
        by="bm",
        on=date(2026, 11, 22),
        because="It is so.",
        reference=reference,
        month=month,
        review=review,
        sort="Serious Case Review",
        documents=tuple(document(name) for name in names or ("overview-report",)),
        **more,
    )


def journal(*entries: Published | Unpublished) -> Journal:
    return fold("demo", [entry.model_copy(update={"seq": n}) for n, entry in enumerate(entries, 1)])


TWO = (
    published("DEMO-2013-001", "2016-03", "Child N", "overview-report", "executive-summary"),
    published("DEMO-2013-002", "2017-06", "Child & Family P", presented_on=date(2017, 5, 31)),
)
REMOVED = Unpublished(by="bm", on=date(2026, 11, 22), because="It is so.", reference="DEMO-2013-001")


def write(folder: Path, known: Journal, board: Board = BOARD) -> list[str]:
    return publication.write(folder, PUBLIC, board, known, BY_HASH)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def page(known: Journal, board: Board = BOARD) -> Page:
    return Page(publication.page(PUBLIC, board, known))


def test_the_page_is_a_table_that_can_be_read_aloud() -> None:
    shown = page(journal(*TWO))
    assert shown.all("html") == [{"lang": "en-GB"}]
    assert [th.get("scope") for th in shown.all("th")] == ["col"] * 3 + ["row"] * 2
    assert shown.words("caption") == ["Published reviews, the newest first"]
    assert shown.words("th") == ["Month", "Review", "Documents", "Child & Family P", "Child N"]
    assert shown.words("td") == ["June 2017", "March 2016"]
    assert "Presented to the Board: Wednesday 31 May 2017" in shown.words("span")
    assert "(PDF, 24 bytes)" in shown.words("span")
    assert len(shown.all("h1")) == len(shown.all("main")) == len(shown.all("title")) == 1
    links = [a["href"] for a in shown.all("a")]
    assert links[:3] == [
        "documents/2017-06-child-family-p-overview-report.pdf",
        "documents/2016-03-child-n-overview-report.pdf",
        "documents/2016-03-child-n-executive-summary.pdf",
    ]


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    shown = page(journal(*TWO))
    assert shown.all("script") == shown.all("img") == []
    assert [link["href"] for link in shown.all("link")] == ["register.css"]
    assert not [name for _, attributes in shown.tags for name in attributes if name == "style" or name.startswith("on")]
    css = (PUBLIC / "register.css").read_text(encoding="utf-8")
    assert "@import" not in css
    assert "url(" not in css


@pytest.mark.parametrize(
    "title", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}", "&amp;"]
)
def test_whatever_a_title_says_is_shown_and_never_run(tmp_path: Path, title: str) -> None:
    known = journal(published("DEMO-2013-001", "2016-03", title))
    shown = page(known)
    assert title in shown.words("th")
    assert shown.all("script") == shown.all("img") == []
    [name] = write(tmp_path, known)
    assert name.startswith("2016-03-")
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
    assert json.loads((tmp_path / "reviews.json").read_text())["reviews"][0]["review"] == title


def test_a_demonstration_says_so_and_a_real_board_does_not() -> None:
    assert publication.DEMONSTRATION in page(journal(*TWO)).words("strong")
    real = BOARD.model_copy(update={"fictional": False})
    assert "Demonstration" not in publication.page(PUBLIC, real, journal(*TWO))
    assert page(journal()).all("table") == []
    assert "No review is published at present." in page(journal()).words("p")


def test_nothing_of_a_case_is_on_the_page_or_in_the_data(tmp_path: Path) -> None:
    write(tmp_path, journal(*TWO))
    for name, content in snapshot(tmp_path).items():
        assert b"DEMO-2013" not in content, name
        assert b"It is so." not in content, name
        assert "DEMO-2013" not in name


def test_the_data_say_what_the_page_says(tmp_path: Path) -> None:
    write(tmp_path, journal(*TWO))
    data = json.loads((tmp_path / "reviews.json").read_text(encoding="utf-8"))
    assert (data["board"], data["demonstration"]) == ({"id": "demo", "name": BOARD.name}, True)
    newest = data["reviews"][0]
    assert (newest["month"], newest["review"], newest["presented_on"]) == ("2017-06", "Child & Family P", "2017-05-31")
    for review in data["reviews"]:
        for of in review["documents"]:
            content = (tmp_path / of["file"]).read_bytes()
            assert (sha256(content).hexdigest(), len(content)) == (of["sha256"], of["size"])


def test_written_twice_it_is_the_same_to_the_byte_wherever_it_is(tmp_path: Path) -> None:
    write(tmp_path / "a", journal(*TWO))
    first = snapshot(tmp_path / "a")
    write(tmp_path / "a", journal(*TWO))
    write(tmp_path / "b", journal(*TWO))
    assert first == snapshot(tmp_path / "a") == snapshot(tmp_path / "b")
    assert len(first) == 3 + 3
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "a").rglob("*") if file.is_file()} == {0o644}


def test_a_removed_review_leaves_page_data_and_folder(tmp_path: Path) -> None:
    write(tmp_path, journal(*TWO))
    assert b"Child N" in (tmp_path / "index.html").read_bytes()
    (tmp_path / "documents" / ".half.part").write_bytes(b"broken off")
    write(tmp_path, journal(*TWO, REMOVED))
    assert sorted(snapshot(tmp_path)) == [
        "documents/2017-06-child-family-p-overview-report.pdf",
        "index.html",
        "register.css",
        "reviews.json",
    ]
    assert all(b"Child N" not in content for content in snapshot(tmp_path).values())


def test_broken_off_it_can_be_given_again(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        publication.write(tmp_path, PUBLIC, BOARD, journal(*TWO), {})
    write(tmp_path, journal(*TWO))
    assert len(snapshot(tmp_path)) == 6


@pytest.mark.parametrize("content", [None, b"", b"[]", b'{"board": {"id": "another"}}'])
def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path, content: bytes | None) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "my-own.txt").write_text("Keep me.")
    if content is not None:
        (tmp_path / "reviews.json").write_bytes(content)
    before = snapshot(tmp_path)
    with pytest.raises(Refusal, match=r"does not hold the publication register of Demoshire .* name a new folder"):
        write(tmp_path, journal(*TWO))
    assert snapshot(tmp_path) == before


def test_documents_of_the_same_title_and_month_get_names_of_their_own_that_last(tmp_path: Path) -> None:
    same = [published(f"DEMO-2013-00{n}", "2017-06", title) for n, title in ((1, "Child Ö"), (2, "Child O"), (3, "愛"))]
    names = [file.name for file in publication.files(journal(*same))]
    assert names == [
        "2017-06-child-o-overview-report.pdf",
        "2017-06-child-o-overview-report-2.pdf",
        "2017-06-review-overview-report.pdf",
    ]
    earlier = published("DEMO-2013-004", "2017-06", "Child O", "overview-report")
    assert [file.name for file in publication.files(journal(*same, earlier))][:3] == names


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 KB"),
        (999_499, "999 KB"),
        (999_500, "1.0 MB"),
        (2_640_000, "2.6 MB"),
    ],
)
def test_a_size_is_said_in_words(size: int, words: str) -> None:
    assert publication.size_in_words(size) == words


def test_what_a_reader_could_not_open_safely_is_refused() -> None:
    publication.check_media_type("application/pdf")
    with pytest.raises(Refusal, match="'text/html' cannot be published; publish one of PDF, Word document"):
        publication.check_media_type("text/html")


def test_a_document_is_named_in_words() -> None:
    assert publication.in_words("agency-statement[childrens-social-care]") == (
        "Agency statement (childrens social care)"
    )
