"""A merged chronology as XLSX and PDF, and the empty form: read again by other means. All of it is invented."""

import re
import zipfile
from datetime import date, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdf
import pytest
from chronologies import TITLES, TODAY, chronologies
from python_calamine import CalamineWorkbook

from documents.chronology_files import MOST_IN_PDF, as_pdf, as_xlsx, blank_xlsx
from documents.chronology_words import DEMONSTRATION, findings, gap_words, marks, plain_day
from documents.spreadsheets import read_sheet
from models.chronology import ChronologyError, Entry, Merged, merge
from models.chronology_rows import read_rows
from typesetting import MARKING, Typesetter, TypesettingError

ROOT = Path(__file__).parent.parent
REFERENCE = "SCR-2013-001"
HEAD = 3  # rows above the entries


@cache
def typesetter() -> Typesetter:
    return Typesetter(ROOT / "templates" / "fonts")


@cache
def whole() -> Merged:
    return merge(chronologies())


def told(*events: str, agency: str = "police") -> Merged:
    rows = enumerate(events, 2)
    return merge({agency: [Entry(agency=agency, row=row, on="2013", event=event, source="Log") for row, event in rows]})


def xlsx(merged: Merged, fictional: bool = True) -> bytes:
    return as_xlsx(merged, REFERENCE, TITLES, fictional, TODAY)


def pdf(merged: Merged, fictional: bool = True, titles: dict[str, str] = TITLES) -> bytes:
    return as_pdf(merged, REFERENCE, titles, fictional, TODAY, typesetter())


def sheets(content: bytes) -> list[list[list[Any]]]:
    workbook = CalamineWorkbook.from_filelike(BytesIO(content))
    return [workbook.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in workbook.sheet_names]


def words(content: bytes) -> str:
    """The words of all pages without their spaces, header and footer, for lines are broken anywhere."""
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(content)).pages)
    return tight(re.sub(rf"Our reference: {REFERENCE}\s+({DEMONSTRATION}\s+)?Page \d+ of \d+\s+{MARKING}", "", text))


def tight(text: str) -> str:
    return "".join(text.split())


def parts(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


# ---------------------------------------------------------------------------------------------------------------- XLSX


def test_the_workbook_read_again_is_what_was_merged() -> None:
    rows = sheets(xlsx(whole()))[0][HEAD:]
    assert len(rows) == len(whole().entries)
    for number, (row, entry) in enumerate(zip(rows, whole().entries, strict=True), 1):
        assert row[0] == number
        assert row[1] == (entry.on if isinstance(entry.on, date) else plain_day(entry.on))
        assert row[2:9] == [
            entry.at or "", entry.until or "", TITLES[entry.agency], entry.row,
            entry.event, entry.source, entry.significance,
        ]  # fmt: skip
        assert row[9].split("\n") == marks_of(number - 1)
    assert {type(row[1]) for row in rows} == {date, str}


def marks_of(position: int) -> list[str]:
    before = [gap_words(gap, TITLES) for gap in whole().gaps if gap.position == position]
    return [*before, *marks(whole(), TITLES)[position]] or [""]


def test_the_second_sheet_lists_every_mark() -> None:
    rows = sheets(xlsx(whole()))[1][HEAD:]
    assert [row[0] for row in rows] == [
        "Gap", "Silence", "Silence", "Gap", "Silence", "Silence",
        "Clash", "Clash", "Clash", "Uncertain", "Uncertain", "Uncertain", "Repeated",
    ]  # fmt: skip
    assert rows[0][1:] == [
        "All agencies", date(2013, 1, 31), date(2013, 6, 4), "12",
        "Gap: no agency has a record between 31 January 2013 and 4 June 2013 (123 days).",
    ]  # fmt: skip
    assert rows[7][1:5] == [
        "Demoshire Constabulary and Demoshire Health Trust", date(2013, 8, 5), date(2013, 8, 6), "16, 17",
    ]  # fmt: skip
    assert [row[5] for row in rows] == [found.words for found in findings(whole(), TITLES)]


HOSTILE = ("=1+1", '=HYPERLINK("http://example.invalid","x")', "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "{=1}")


def test_text_that_looks_like_a_formula_or_a_link_or_a_number_stays_text() -> None:
    events = (*HOSTILE, "http://example.invalid", "mailto:a@example.invalid", "007", "a_x0041_b", "<b>&amp;", "a\nb")
    content = xlsx(told(*events))
    assert sorted(row[6] for row in sheets(content)[0][HEAD:]) == sorted(events)
    for name, text in parts(content).items():
        assert "<f>" not in text, name
        assert "<hyperlink" not in text, name


def test_the_sheets_are_marked_frozen_filtered_and_have_no_colour_without_words() -> None:
    content = parts(xlsx(whole()))
    for number, last in ((1, "J27"), (2, "F16")):
        sheet = content[f"xl/worksheets/sheet{number}.xml"]
        assert '<pane ySplit="3"' in sheet
        assert f'<autoFilter ref="A3:{last}"/>' in sheet
        assert f"&amp;C{MARKING}" in sheet
    first, second = sheets(xlsx(whole()))
    assert first[0][0] == f"{MARKING} · {REFERENCE} · Merged chronology · {DEMONSTRATION}"
    assert first[1][0].startswith("24 entries of 3 agencies: Demoshire Constabulary, Demoshire Health Trust, Larkmoor")
    assert "2 gaps, 4 silences of one agency, 3 clashes, 3 uncertain orders, 1 repetition" in first[1][0]
    assert second[0][0].startswith(MARKING)
    assert DEMONSTRATION not in sheets(xlsx(whole(), fictional=False))[0][0][0]


def test_the_same_chronology_gives_the_same_bytes() -> None:
    assert xlsx(whole()) == xlsx(merge(dict(reversed(chronologies().items()))))
    assert pdf(whole()) == pdf(whole())
    assert xlsx(whole()) != xlsx(told("Visit"))


def test_an_entry_with_more_clashes_than_a_cell_can_hold_names_five() -> None:
    text = "Child admitted to hospital with a broken arm"
    many = [Entry(agency="police", row=row, on=date(2013, 8, 5), event=text, source="Log") for row in range(2, 90)]
    merged = merge({"police": many, "health": [Entry(agency="health", row=2, on="2013-07", event=text, source="x")]})
    said = sheets(xlsx(merged))[0][HEAD][9]
    assert said.count("Clash with entry") == 5
    assert said.endswith("Clash with 83 more entries.")


def test_an_empty_merge_gives_files_too() -> None:
    nothing = merge({})
    assert len(sheets(xlsx(nothing))[0]) == HEAD
    assert "0entriesof0agencies" in words(pdf(nothing))


# ----------------------------------------------------------------------------------------------------------------- PDF


def test_the_pdf_holds_every_entry_and_every_mark() -> None:
    said = words(pdf(whole()))
    for entry in whole().entries:
        for text in (*entry.event.replace("✓", "[U+2713]").split("\n"), entry.source, entry.significance):
            assert tight(text) in said
        assert tight(plain_day(entry.on)) in said
    for position in range(len(whole().entries)):
        for mark in marks_of(position):
            assert tight(mark) in said
    assert tight("4 June 2013, 16:10") in said
    assert tight("6 August 2013 to 9 August 2013") in said


def test_the_pdf_is_tagged_titled_and_in_english_and_its_table_has_headers() -> None:
    reader = pypdf.PdfReader(BytesIO(pdf(whole())))
    catalogue: Any = reader.trailer["/Root"]
    assert catalogue["/MarkInfo"]["/Marked"].value is True
    assert catalogue["/Lang"] == "en-GB"
    assert reader.metadata is not None
    assert reader.metadata.title == f"{REFERENCE}: Merged chronology"
    assert b"<pdfuaid:part>1<" in catalogue["/Metadata"].get_data()
    tags = list(kinds(catalogue["/StructTreeRoot"]["/K"]))
    assert tags.count("/TH") == 6
    assert tags.count("/TR") == 1 + len(whole().entries) + len(whole().gaps)
    assert "/H1" in tags


def kinds(node: Any) -> Any:
    node = node.get_object()
    if isinstance(node, list):
        for child in node:
            yield from kinds(child)
    elif isinstance(node, dict):
        if "/S" in node:
            yield node["/S"]
        if "/K" in node:
            yield from kinds(node["/K"])


def test_every_page_bears_marking_reference_number_and_heading() -> None:
    pages = [page.extract_text() for page in pypdf.PdfReader(BytesIO(pdf(whole()))).pages]
    assert len(pages) > 1
    for number, page in enumerate(pages, 1):
        for text in (MARKING, f"Our reference: {REFERENCE}", f"Page {number} of {len(pages)}", DEMONSTRATION):
            assert text in page
        assert "Event and marks" in page
    box = pypdf.PdfReader(BytesIO(pdf(whole()))).pages[0].mediabox
    assert round(float(box.width)) == 842
    assert round(float(box.height)) == 595
    assert tight(DEMONSTRATION) not in words(pdf(whole(), fictional=False))


def test_what_is_typst_to_typst_is_text_here() -> None:
    hostile = '#import "@preview/x:0.1.0": y #{ panic() } $x$ @label <label> // no *b* _i_ = h \\ ` " [a]'
    merged = told(hostile, "{{ 7 * 7 }}", *HOSTILE)
    said = words(pdf(merged, titles={"police": hostile}))
    assert said.count(tight(hostile)) >= 2 + len(merged.entries)  # the summary, and each entry's agency
    assert "{{7*7}}" in said


def test_a_sign_that_the_font_lacks_stands_as_its_number_and_is_not_lost() -> None:
    said = words(pdf(told("Drew 漢 and 😀 at Tŷ Gwyn – “home” £5", "two")))
    assert tight("Drew [U+6F22] and [U+1F600] at Tŷ Gwyn – “home” £5") in said
    assert "Asignthatthisdocumentcannotshow" in said
    assert "Asignthatthisdocumentcannotshow" not in words(pdf(told("Plain")))
    assert sheets(xlsx(told("Drew 漢")))[0][HEAD][6] == "Drew 漢"


def test_the_typesetter_knows_what_its_fonts_can_show() -> None:
    """Every sign that it says it can show is set, and one that it says it cannot is refused by Typst."""
    can = [chr(code) for code in range(0x20, 0x3000) if typesetter().can_show(chr(code))]
    assert len(can) > 2_000
    layout = b'#set text(font: "Liberation Sans", lang: "en", fallback: false)\n#set document(title: "x")\n'
    layout += b'#let a = read("a")\n#text(a) #strong(text(a)) #emph(text(a))'
    assert typesetter().pdf(layout, {"a": " ".join(can)}, TODAY)
    for sign in ("漢", "✓", "\ue000"):
        assert not typesetter().can_show(sign)
        with pytest.raises(TypesettingError, match="could not be displayed") as caught:
            typesetter().pdf(layout, {"a": sign}, TODAY)
        assert caught.value.lacks_sign
        assert caught.value.__cause__ is None


def test_a_layout_with_a_package_and_a_chronology_too_long_are_refused() -> None:
    with pytest.raises(TypesettingError, match="imports a package"):
        typesetter().pdf(b'#import "@preview/letter:1.0.0": *', {}, TODAY)
    with pytest.raises(ChronologyError, match="3,001 entries, and a PDF holds 3,000: use the XLSX file"):
        pdf(told(*["x"] * (MOST_IN_PDF + 1)))


# ---------------------------------------------------------------------------------------------------------------- form


def test_the_empty_form_is_refused_until_it_is_filled_in_and_read_then() -> None:
    with pytest.raises(ChronologyError, match="a heading and no entry"):
        read_rows("health", read_sheet(blank_xlsx(), "form.xlsx"), TODAY)
    assert read_sheet(blank_xlsx(), "form.xlsx") == [
        ["Date", "Time", "End date", "Event", "Source", "Significance"],
    ]
    assert blank_xlsx() == blank_xlsx()


def test_the_form_keeps_what_is_typed_as_text_and_tells_what_to_type() -> None:
    content = parts(blank_xlsx())
    sheet = content["xl/worksheets/sheet1.xml"]
    assert sheet.count("<col ") == 6
    assert sheet.count("<dataValidation ") == 6
    assert 'sqref="A2:A20001"' in sheet
    assert "such as 5/8/2013" in sheet
    style = re.search(r'<col min="1" max="1" [^>]*style="(\d+)"', sheet)
    assert style is not None
    styles = re.findall(r"<xf [^>]*?numFmtId=\"(\d+)\"", content["xl/styles.xml"].partition("<cellXfs")[2])
    assert styles[int(style[1])] == "49"  # the built-in format for text


def test_the_day_that_a_file_is_made_is_stated() -> None:
    assert (
        '<dcterms:created xsi:type="dcterms:W3CDTF">2014-03-01T12:00:00Z' in parts(xlsx(whole()))["docProps/core.xml"]
    )
    assert "Made on 1 March 2014." in sheets(xlsx(whole()))[0][1][0]
    reader = pypdf.PdfReader(BytesIO(pdf(whole())))
    assert reader.metadata is not None
    assert isinstance(reader.metadata.creation_date, datetime)
    assert reader.metadata.creation_date.date() == TODAY
