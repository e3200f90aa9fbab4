"""Sheets as bytes, honest and hostile: what rows they give, and that the rest is refused in one sentence."""

import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from chronologies import TODAY
from hypothesis import given, settings
from hypothesis import strategies as st
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from documents.spreadsheets import LARGEST, MOST_COLUMNS, SheetError, read_sheet
from models.chronology_rows import MOST_ROWS, read_rows
from models.refusal import Refusal
from models.written_day import Cell

ROOT = Path(__file__).parent.parent
HEADING = ["Date", "Event", "Source", "Significance"]
CSV = "Date,Event,Source,Significance\n5/8/2013,Home visit,HV 1,\n"
ROWS = [HEADING, ["5/8/2013", "Home visit", "HV 1", ""]]


def book(fill: Callable[[Workbook], object]) -> bytes:
    content = BytesIO()
    with Workbook(content, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as made:
        fill(made)
    return content.getvalue()


def xlsx(rows: list[list[Cell]]) -> bytes:
    def fill(made: Workbook) -> None:
        formats = {datetime: "d/m/yyyy hh:mm", date: "d/m/yyyy", time: "hh:mm"}
        sheet = made.add_worksheet()
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                shown = formats.get(type(cell))
                sheet.write(row, column, cell, *([made.add_format({"num_format": shown})] if shown else []))

    return book(fill)


def changed(content: bytes, old: str, new: str, part: str = "xl/worksheets/sheet1.xml") -> bytes:
    """A workbook with one part of it written anew; `old` must be there."""
    made = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as archive, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as again:
        for name in archive.namelist():
            text = archive.read(name)
            if name == part:
                assert old.encode() in text
                text = text.replace(old.encode(), new.encode())
            again.writestr(name, text)
    return made.getvalue()


def refusal(content: bytes, name: str = "chronology.xlsx") -> str:
    with pytest.raises(Refusal) as caught:
        read_sheet(content, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ----------------------------------------------------------------------------------------------------------------- CSV


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_read_in_each_encoding_and_with_each_delimiter(encoding: str, delimiter: str) -> None:
    text = CSV.replace(",", delimiter).replace("Home visit", "Siân said: “no”")
    assert read_sheet(text.encode(encoding), "a.csv") == [HEADING, ["5/8/2013", "Siân said: “no”", "HV 1", ""]]


def test_csv_keeps_quoted_delimiters_line_breaks_and_empty_rows() -> None:
    text = '\r\nDate;"Event; in words";Source\r\n\r\n5/8/2013;"a;b\n""c""";x\r\n'
    rows = read_sheet(text.encode(), "a.csv")
    assert rows == [[], ["Date", "Event; in words", "Source"], [], ["5/8/2013", 'a;b\n"c"', "x"]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (CSV.replace("Home", "Siân").encode("cp1252"), 'save the sheet as XLSX, or as "CSV UTF-8"'),
        (CSV.encode("utf-16-le"), "neither an XLSX workbook nor text in UTF-8"),
        (CSV.encode() + b"\x00", "neither an XLSX workbook nor text in UTF-8"),
        (b"\x89PNG\r\n\x1a\n", "neither an XLSX workbook nor text in UTF-8"),
        (b"", "empty"),
        (CSV.encode() + b'"never closed', "Line 3 is not CSV"),
        (CSV.encode() + b"x" * 200_000, "Line 3 is not CSV"),
        (CSV.encode() + b"5/8/2013,Visit,x,\n" * MOST_ROWS, "20,000 rows below its heading"),
        (CSV.encode() + b"," * MOST_COLUMNS, "50 columns at the most"),
        (CSV.encode() + b" " * LARGEST, "has 10.0 MB, and 10 MB is the most"),
        (b"<html><table><tr><td>Date</td></tr></table></html>", "a web page"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "save it as XLSX without a password"),
    ],
)
def test_what_is_no_csv_is_refused(content: bytes, said: str) -> None:
    assert said in refusal(content, "a.csv")


def test_a_hundred_thousand_rows_are_refused() -> None:
    assert "20,000 rows" in refusal(b"a,b\n" * 100_000, "a.csv")
    assert "20,000 rows" in refusal(xlsx([["a"]] * 100_000))


def test_the_kind_is_told_by_the_content_and_the_name_must_agree() -> None:
    assert "ends in .csv, but it is an Excel workbook" in refusal(xlsx([["a"]]), "a.csv")
    assert "ends in .xlsx, but it is plain text" in refusal(CSV.encode(), "a.xlsx")
    assert read_sheet(CSV.encode(), "chronology") == ROWS
    assert "no sheet" in refusal(b"%PDF-1.7\n%%EOF", "a.pdf")


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_any_bytes_give_rows_or_a_refusal(content: bytes) -> None:
    for start in (b"", CSV.encode(), b"PK\x03\x04"):
        try:
            rows = read_sheet(start + content, "sheet")
        except Refusal:
            continue
        assert all(isinstance(cell, str) for row in rows for cell in row)


# ---------------------------------------------------------------------------------------------------------------- XLSX


def test_a_workbook_gives_its_cells_as_they_are() -> None:
    cells: list[Cell] = [
        date(2013, 8, 5), datetime(2013, 8, 5, 14, 30), time(14, 30), 2013, 41491, 1.5, True, "007", "=1+1", "a\nb",
    ]  # fmt: skip
    assert read_sheet(xlsx([[], ["x"], cells]), "a.xlsx") == [[""] * 10, ["x", *[""] * 9], cells]


def test_numbers_as_text_and_dates_with_a_time_are_read_to_entries() -> None:
    rows: list[list[Cell]] = [
        [*HEADING, "Time"],
        [datetime(2013, 8, 5, 14, 30), "Visit", 7, "", None],
        ["2013", "Visit", "007", "", "0905"],
        [date(2013, 8, 6), '=HYPERLINK("http://x.invalid")', "=cmd|' /C calc'!A0", "", time(9, 5)],
    ]
    first, second, third = read_rows("health", read_sheet(xlsx(rows), "a.xlsx"), TODAY)
    assert (first.on, first.at, first.source) == (date(2013, 8, 5), "14:30", "7")
    assert (second.on, second.at, second.source) == ("2013", "09:05", "007")
    assert (third.at, third.event, third.source) == (
        "09:05", '=HYPERLINK("http://x.invalid")', "=cmd|' /C calc'!A0",
    )  # fmt: skip


def test_days_counted_from_1904_are_the_days_that_are_shown() -> None:
    content = BytesIO()
    with Workbook(content, {"in_memory": True, "date_1904": True}) as made:
        shown = made.add_format({"num_format": "d/m/yyyy"})
        made.add_worksheet().write_datetime(0, 0, datetime(2013, 8, 5), shown)
    assert read_sheet(content.getvalue(), "a.xlsx") == [[date(2013, 8, 5)]]


def test_hours_beyond_a_day_are_no_time() -> None:
    def fill(made: Workbook) -> None:
        sheet, shown = made.add_worksheet(), made.add_format({"num_format": "[h]:mm"})
        sheet.write(0, 0, timedelta(hours=9, minutes=5), shown)
        sheet.write(0, 1, timedelta(hours=30), shown)

    assert read_sheet(book(fill), "a.xlsx") == [[time(9, 5), "1 day, 6:00:00"]]


def test_a_day_that_is_shown_by_its_month_is_known_by_its_month() -> None:
    shown = ("mmm-yy", "mmmm yyyy", "yyyy", "d mmm yyyy", '"day" mmm yyyy', "[$-809]mmmm yyyy;@", "hh:mm", 17)

    def fill(made: Workbook) -> None:
        sheet = made.add_worksheet()
        for column, code in enumerate(shown):
            for row, day in enumerate((datetime(2013, 1, 1), datetime(2013, 8, 1), datetime(2013, 8, 5))):
                sheet.write_datetime(row, column, day, made.add_format({"num_format": code}))

    first, august, fifth = read_sheet(book(fill), "a.xlsx")
    day, month = date(2013, 8, 1), "2013-08"
    assert first[:4] == ["2013-01", "2013-01", "2013", date(2013, 1, 1)]
    assert august[:6] == [month, month, day, day, month, month]
    assert august[7] == month
    assert fifth[:6] == [date(2013, 8, 5)] * 6


def test_a_formula_counts_as_its_last_value_and_an_error_is_refused() -> None:
    def fill(made: Workbook) -> None:
        sheet = made.add_worksheet()
        sheet.write_formula(0, 0, "=1+1", None, 2)
        sheet.write_formula(0, 1, '="a"&"b"', None, "ab")

    assert read_sheet(book(fill), "a.xlsx") == [[2.0, "ab"]]
    broken = changed(book(fill), "<v>2</v>", "<v>#REF!</v>")
    assert "A1 shows an error" in refusal(changed(broken, '<c r="A1"', '<c r="A1" t="e"'))


def test_merged_cells_hold_their_text_once_so_the_other_rows_lack_their_day() -> None:
    def fill(made: Workbook) -> None:
        sheet = made.add_worksheet()
        for row, cells in enumerate((HEADING, ["", "Visit", "HV 1"], ["", "Call", "HV 2"])):
            sheet.write_row(row, 0, cells)
        sheet.merge_range(1, 0, 2, 0, "5/8/2013")

    rows = read_sheet(book(fill), "a.xlsx")
    assert [row[0] for row in rows] == ["Date", "5/8/2013", ""]
    with pytest.raises(Refusal, match=r"^Row 3, date: it is empty; [^\n]*$"):
        read_rows("health", rows, TODAY)


def test_hidden_rows_and_columns_are_read() -> None:
    def fill(made: Workbook) -> None:
        sheet: Worksheet = made.add_worksheet()
        for row in range(3):
            sheet.write_row(row, 0, [f"a{row}", f"b{row}"])
        sheet.set_row(1, None, None, {"hidden": True})
        sheet.set_column(1, 1, None, None, {"hidden": True})

    assert read_sheet(book(fill), "a.xlsx") == [["a0", "b0"], ["a1", "b1"], ["a2", "b2"]]


def test_the_only_sheet_with_something_in_it_is_taken() -> None:
    def fill(*filled: int, hidden: int | None = None) -> bytes:
        def sheets(made: Workbook) -> None:
            for number in range(3):
                sheet = made.add_worksheet(f"Sheet {number}")
                if number in filled:
                    sheet.write_string(0, 0, f"text {number}")
                if number == hidden:
                    sheet.hide()

        return book(sheets)

    assert read_sheet(fill(1), "a.xlsx") == [["text 1"]]
    assert '2 sheets with something in them ("Sheet 0", "Sheet 2"): keep one' in refusal(fill(0, 2))
    assert "2 sheets" in refusal(fill(0, 2, hidden=2))
    assert '("Sheet 2") is hidden: show it' in refusal(fill(2, hidden=2))
    assert "The workbook is empty" in refusal(fill())


def test_a_heading_alone_and_an_empty_sheet_are_refused_as_chronologies() -> None:
    with pytest.raises(Refusal, match="no entry"):
        read_rows("health", read_sheet(xlsx([list(HEADING)]), "a.xlsx"), TODAY)
    with pytest.raises(Refusal, match="The sheet is empty"):
        read_rows("health", read_sheet(b"\n\n", "a.csv"), TODAY)


# ------------------------------------------------------------------------------------------------------ hostile XLSX

SMALL: list[list[Cell]] = [["a", None], [None, "b"]]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('r="B2"', 'r="XFD1048576"'),
        ('r="B2"', "r = 'zzzzzzzzzz2'"),
        ('r="B2"', 'r="B99999999999"'),
        ("<sheetData>", "<sheetData>" + "<row>" + "<c><v>1</v></c>" * 5_000 + "</row>" + "<row><c/></row>" * 5_000),
    ],
)
def test_a_small_file_that_would_take_all_memory_is_refused(old: str, new: str) -> None:
    assert "reaches far beyond its entries" in refusal(changed(xlsx(SMALL), old, new))


def test_the_reader_itself_would_not_survive_it(tmp_path: Path) -> None:
    """Why `_must_not_sprawl` is there: if this fails, the reader has been mended and the guard can go."""
    path = tmp_path / "far.xlsx"
    path.write_bytes(changed(xlsx(SMALL), 'r="B2"', 'r="XFD1048576"'))
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30)); "
        "from python_calamine import CalamineWorkbook; CalamineWorkbook.from_path(sys.argv[1]).get_sheet_by_index(0)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True).returncode < 0


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    made = BytesIO(xlsx(SMALL))
    with zipfile.ZipFile(made, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/big.xml", "w") as part:
        for _ in range(101):
            part.write(b" " * 1_000_000)
    assert len(made.getvalue()) < 200_000
    assert "unpack to more than can be read" in refusal(made.getvalue())


def test_entities_are_not_unfolded() -> None:
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><worksheet '
    bomb = changed(xlsx(SMALL), "<worksheet ", laughs)
    bomb = changed(bomb, '<c r="B2" t="s"><v>1</v>', '<c r="B2" t="inlineStr"><is><t>&b;&b;</t></is>')
    assert "damaged" in refusal(bomb)
    assert "damaged" in refusal(changed(xlsx(SMALL), "<styleSheet ", "<!DOCTYPE x><styleSheet ", "xl/styles.xml"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('r="B2"', 'r="B0"'),
        ('r="B2"', 'r="&x;"'),
        ("<v>1</v>", "<v>99999</v>"),
        ('<row r="2"', '<row r="-2"'),
        ("</sheetData>", ""),
    ],
)
def test_a_damaged_sheet_is_refused(old: str, new: str) -> None:
    assert "damaged" in refusal(changed(xlsx(SMALL), old, new))


def test_a_workbook_cut_off_is_refused() -> None:
    whole = xlsx(SMALL)
    for at in range(4, len(whole), 500):
        assert refusal(whole[:at])


def test_the_parts_may_have_other_names_and_the_guard_still_sees_them() -> None:
    """The reader follows the workbook's own list of parts, so the guard goes by what a part holds."""
    far = changed(xlsx(SMALL), 'r="B2"', 'r="XFD1048576"')
    moved = BytesIO()
    with zipfile.ZipFile(BytesIO(far)) as archive, zipfile.ZipFile(moved, "w") as again:
        for name in archive.namelist():
            text = archive.read(name).replace(b"worksheets/sheet1.xml", b"worksheets/hidden.png")
            again.writestr(name.replace("sheet1.xml", "hidden.png"), text)
    assert "far beyond" in refusal(moved.getvalue())


def test_a_refusal_is_a_sheet_error_that_quotes_no_cell() -> None:
    with pytest.raises(SheetError) as caught:
        read_sheet(CSV.replace("Home visit", '"Zephyrine" Quorn').encode(), "a.csv")
    assert "Zephyrine" not in str(caught.value)
