"""Which documents are taken in. All names in them are invented."""

import io
import struct
import zipfile
from collections.abc import Callable

import pytest
from papers import archive, content_types, docx, paragraph, pdf, raw_pdf, xlsx

from documents.kinds import (
    LARGEST,
    MOST_MEMBERS,
    DocumentRefused,
    checked,
    kind_of,
    media_type,
    must_be_safe_archive,
)


def small_pdf(*more: bytes) -> bytes:
    return raw_pdf(
        b"<</Type /Catalog /Pages 2 0 R>>",
        b"<</Type /Pages /Kids [3 0 R] /Count 1>>",
        b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 99 99]>>",
        *more,
    )


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (pdf("Hello"), "pdf"),
        (small_pdf(), "pdf"),
        (docx(), "docx"),
        (xlsx([["a", 1]]), "xlsx"),
        (b"Plain words, and a line.\r\nAnother\tone.\x0c", "text"),
        ("Café £5".encode(), "text"),
        ("Café £5".encode("utf-16"), "text"),
        (b"\xef\xbb\xbfday,event\n2024-03-09,born\n", "text"),
        (b"MZ was seen at school, and BM as well.", "text"),
        (b"a < b, and <ottilie> is in pointed brackets", "text"),
    ],
)
def test_what_is_taken_in(content: bytes, kind: str) -> None:
    assert kind_of(content) == kind


EXE = b"MZ\x90\x00\x03" + bytes(200)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (EXE, "a Windows program"),
        (b"\x7fELF\x02\x01\x01" + bytes(20), "a Linux program"),
        (b"\xcf\xfa\xed\xfe\x07\x00\x00\x01", "a Mac program"),
        (b"#!/bin/sh\nrm -rf ~\n", "a script"),
        (b"<!DOCTYPE html><p>x</p>", "a web page"),
        (b"\n  <HTML><body onload='x()'>", "a web page"),
        (b"\xef\xbb\xbf<script>x()</script>", "a web page"),
        ("<html>".encode("utf-16"), "a web page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "a web page"),
        (b"<?xml version='1.0'?><a/>", "XML"),
        (rb"{\rtf1 hello}", "Rich Text"),
        (OLE + bytes(600), "old Office"),
        (OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "password"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "a picture"),
        (b"\xff\xd8\xff\xe0" + bytes(20), "a picture"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(20), "a picture"),
        (b"\x1f\x8b\x08" + bytes(20), "archive"),
        (archive({"readme.txt": "x"}), "archive"),
        (bytes(100), "no kind of document"),
        (b"caf\xe9 in an old encoding", "UTF-8"),
    ],
)
def test_what_is_refused_is_called_by_its_name(content: bytes, said: str) -> None:
    with pytest.raises(DocumentRefused, match=said) as refused:
        kind_of(content)
    assert ": " in str(refused.value), "it says what would be right"
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("name", ["word/vbaProject.bin", "word/VBAPROJECT.BIN"])
def test_macros_are_refused(name: str) -> None:
    with pytest.raises(DocumentRefused, match="macros"):
        kind_of(docx(more={name: b"x"}))


def test_a_macro_enabled_type_is_refused() -> None:
    types = content_types("application/vnd.ms-word.document.macroEnabled.main+xml")
    with pytest.raises(DocumentRefused, match="macros"):
        kind_of(docx(more={"[Content_Types].xml": types}))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("word/embeddings/oleObject1.bin", b"x"),
        ("word/activeX/activeX1.bin", b"x"),
        ("word/media/image1.png", EXE),
        ("word/media/image2.png", OLE + bytes(9)),
        ("customXml/item1.xml", b"\x7fELF" + bytes(9)),
    ],
)
def test_a_file_within_an_office_file_is_refused(name: str, content: bytes) -> None:
    with pytest.raises(DocumentRefused, match="inside it"):
        kind_of(docx(more={name: content}))


@pytest.mark.parametrize(
    "types",
    [
        "<Types",
        "<!DOCTYPE x><Types/>",
        "<!DOCTYPE x [<!ENTITY a 'b'>]><Types>&a;</Types>",
        '<?xml version="1.0" encoding="x"?><T/>',
    ],
)
def test_content_types_that_cannot_be_read_are_refused(types: str) -> None:
    with pytest.raises(DocumentRefused, match="damaged"):
        kind_of(docx(more={"[Content_Types].xml": types}))


@pytest.mark.parametrize(
    "acting",
    [
        b"<</S /JavaScript /JS (app.alert\\(1\\))>>",
        b"<</S /J#61vaScr#69pt /JS (x)>>",
        b"<</S /Launch /F (calc.exe)>>",
        b"<</Names <</EmbeddedFiles 9 0 R>> >>",
        b"<</Type /EmbeddedFile>>",
        b"<</Subtype /RichMedia>>",
    ],
)
def test_a_pdf_that_acts_or_holds_files_is_refused(acting: bytes) -> None:
    with pytest.raises(DocumentRefused, match="plain PDF"):
        kind_of(small_pdf(acting))


def test_a_pdf_that_only_sounds_like_it_is_taken() -> None:
    assert kind_of(small_pdf(b"<</Title (On JavaScript, launch and EmbeddedFiles) /Launched true>>")) == "pdf"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (small_pdf().replace(b"/Size", b"/Encrypt 9 0 R /Size"), "password"),
        (b"junk" + small_pdf(), "before the beginning"),
        (b"<html><!--" + small_pdf(), "before the beginning"),
        (small_pdf()[:-40], "cut off"),
        (small_pdf() + b"<script>" + b"x" * 2000, "cut off, or something stands after"),
        (small_pdf() + archive({"a": "b"}), "an archive"),
        (b"%PDF-", "cut off"),
    ],
)
def test_odd_pdfs_are_refused(content: bytes, said: str) -> None:
    with pytest.raises(DocumentRefused, match=said):
        kind_of(content)


def test_a_metadata_key_about_encryption_is_no_encryption() -> None:
    assert kind_of(small_pdf(b"<</EncryptMetadata false>>")) == "pdf"


# ----------------------------------------------------------------------------------------------------------- archives


def bomb(members: int, size: int) -> bytes:
    return archive({f"word/part{number}.xml": bytes(size) for number in range(members)})


@pytest.mark.parametrize("content", [bomb(1, 101_000_000), bomb(3, 70_000_000)], ids=["one", "many"])
def test_a_bomb_is_refused(content: bytes) -> None:
    assert len(content) < 1_000_000
    with pytest.raises(DocumentRefused, match="unpack to more"):
        must_be_safe_archive(content)


def test_a_declared_size_counts_for_nothing() -> None:
    content = bytearray(bomb(1, 101_000_000))
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = struct.pack("<I", 10)
    content[22:26] = struct.pack("<I", 10)
    with pytest.raises(DocumentRefused, match=r"unpack to more|damaged"):
        must_be_safe_archive(bytes(content))


def test_a_bomb_within_an_archive_is_never_unpacked() -> None:
    inner = archive({"inner.zip": bomb(1, 101_000_000)})
    must_be_safe_archive(inner)
    with pytest.raises(DocumentRefused, match="archive"):
        kind_of(inner)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/../../b", "C:\\x", "a\\..\\b", "..", "a\x00b"])
def test_a_member_that_leads_outside_is_refused(name: str) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        entry = zipfile.ZipInfo("placeholder")
        entry.filename = entry.orig_filename = name
        packed.writestr(entry, "x")
    with pytest.raises(DocumentRefused, match="leads outside"):
        must_be_safe_archive(file.getvalue())


def test_too_many_members_are_refused() -> None:
    content = archive({f"{number}": "" for number in range(MOST_MEMBERS + 1)}, zipfile.ZIP_STORED)
    with pytest.raises(DocumentRefused, match="more than 5000 parts"):
        must_be_safe_archive(content)


def test_two_members_of_one_name_are_refused() -> None:
    with pytest.raises(DocumentRefused, match="same name"):
        must_be_safe_archive(archive({"word/a.xml": "x", "word/A.xml": "y"}))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_packing_is_refused(method: int) -> None:
    with pytest.raises(DocumentRefused, match="unusual"):
        must_be_safe_archive(archive({"a": "x" * 100}, method))


def test_a_locked_member_is_refused() -> None:
    content = bytearray(archive({"a": "x"}))
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DocumentRefused, match="password"):
        must_be_safe_archive(bytes(content))


def broken(content: bytes) -> bytes:
    middle = content.index(b"word/document.xml") + 40
    return content[:middle] + bytes(9) + content[middle + 9 :]


@pytest.mark.parametrize("damage", [broken, lambda c: c[: len(c) // 2], lambda c: c[:-30]])
def test_a_damaged_archive_is_refused(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(DocumentRefused, match="damaged or cut off"):
        kind_of(damage(docx(paragraph("word " * 500))))


# -------------------------------------------------------------------------------------------------------- names, sizes


@pytest.mark.parametrize(
    "name",
    [
        "report.docx",
        "REPORT.DOCX",
        "report",
        "Review of 9.3.24",
        "../../etc/passwd",
        "a/b.pdf/report",
        "St. Nowhere",
        "",
    ],
)
def test_names_that_agree_or_say_nothing(name: str) -> None:
    assert checked(docx(), name) == "docx"


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (pdf("Hello"), "report.docx", r"ends in \.docx, but it is a PDF"),
        (docx(), "report.pdf", "but it is a Word document"),
        (docx(), "report.exe", r"\.exe"),
        (docx(), "report.docx.exe", r"\.exe"),
        (docx(), "report.exe. ", r"\.exe"),
        (b"words", "report.html", r"\.html, but it is plain text"),
        (xlsx([["a"]]), "report.xlsm", "Excel workbook"),
        (EXE, "report.pdf", "a Windows program"),
        (b"<html>", "report.docx", "a web page"),
    ],
)
def test_a_name_that_lies_is_refused(content: bytes, name: str, said: str) -> None:
    with pytest.raises(DocumentRefused, match=said):
        checked(content, name)


@pytest.mark.parametrize("name", ["report\u202excod.pdf", "report.pdf\x00.docx", "a\nb.docx", "a\u2066b"])
def test_a_name_in_disguise_is_refused(name: str) -> None:
    with pytest.raises(DocumentRefused, match="hidden characters"):
        checked(docx(), name)


def test_the_size_is_limited() -> None:
    assert checked(b"a" * LARGEST, "a.txt") == "text"
    with pytest.raises(DocumentRefused, match=r"26\.0 MB, and 25 MB is the most"):
        checked(b"a" * 26_000_000, "a.txt")


def test_a_refusal_never_quotes_the_name() -> None:
    with pytest.raises(DocumentRefused) as refused:
        checked(pdf("Hello"), "Ottilie Invented.docx")
    assert "Ottilie" not in str(refused.value)


def test_media_types() -> None:
    assert media_type("pdf") == "application/pdf"
    assert media_type("docx").endswith("wordprocessingml.document")
    assert media_type("xlsx").endswith("spreadsheetml.sheet")
    assert media_type("text") == "text/plain"
