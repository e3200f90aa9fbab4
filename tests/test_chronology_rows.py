"""Agencies' sheets: what is read from them, and what is refused by row and column, and why. All of it is invented."""

import re
from datetime import date, datetime, time

import pytest
from chronologies import TODAY
from hypothesis import given, settings
from hypothesis import strategies as st

from models.chronology import ChronologyError, Entry
from models.chronology_rows import LONGEST, MOST_FAULTS, MOST_ROWS, read_rows
from models.timescale import Day, earliest, latest
from models.written_day import Cell, WrittenError, read_day, read_time

HEADING: list[Cell] = ["Date", "Time", "End date", "Event", "Source", "Significance"]
ROW: dict[str, Cell] = {"date": "5/8/2013", "event": "Home visit", "source": "HV 1"}


def sheet(*rows: dict[str, Cell]) -> list[list[Cell]]:
    """A sheet whose rows are ROW but for what is given."""
    return [HEADING, *([{**ROW, **row}.get(str(name).lower()) for name in HEADING] for row in rows)]


def one(**cells: Cell) -> Entry:
    (entry,) = read_rows("health", sheet({name.replace("_", " "): cell for name, cell in cells.items()}), TODAY)
    return entry


def fault(**cells: Cell) -> str:
    with pytest.raises(ChronologyError) as caught:
        one(**cells)
    return str(caught.value)


# ------------------------------------------------------------------------------------------------------ days and times


@pytest.mark.parametrize(
    ("written", "read"),
    [
        *((text, date(2013, 8, 5)) for text in ("2013-08-05", "5/8/2013", "05/08/2013", "05.08.2013", "5-8-2013")),
        *((text, date(2013, 8, 5)) for text in ("5 August 2013", "5th Aug 2013", "5-Aug-2013", "Monday 5 August 2013")),
        *((text, date(2013, 8, 5)) for text in (" 5 / 8 / 2013 ", "5 of August, 2013", "5. 8. 2013", "2013/08/05")),
        *((text, "2013-08") for text in ("August 2013", "2013-08", "Aug-2013", "08/2013", "Aug. 2013")),
        ("3/4/2013", date(2013, 4, 3)),
        ("29/02/2012", date(2012, 2, 29)),
        ("Sept 2013", "2013-09"),
        ("2013", "2013"),
        (2013, "2013"),
        (2013.0, "2013"),
        (date(2013, 8, 5), date(2013, 8, 5)),
        (datetime(2013, 8, 5), date(2013, 8, 5)),
    ],
)
def test_a_day_is_read_as_british_people_write_it(written: Cell, read: Day) -> None:
    assert read_day(written) == (read, None)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("31/02/2013", "February 2013 has 28"),
        ("29/02/2013", "write the day that the record gives, or 2013-02 if no more is known"),
        ("00/00/2013", "write 2013 if no more is known"),
        ("00/08/2013", "write 2013-08 if no more is known"),
        ("08/25/2013", "25 for the month; a day is read as day, month, year"),
        ("5/8/13", "write the year in full"),
        ("Aug-13", "write the year in full"),
        ("Tuesday 5 August 2013", "2013-08-05 is a Monday, not a Tuesday"),
        ("5/8/0213", "the year 0213 is not from 1900 to 2100"),
        ("0000-01-01", "the year 0000"),
        (41491, "41491 is a number and no day; format the column as dates"),
        ("41491", "format the column as dates"),
        (2013.5, "format the column as dates"),
        (float("nan"), "format the column as dates"),
        (True, "no day that can be read"),
        (time(14, 30), "holds a time and no day"),
        (date(1905, 7, 5), "write the year as text"),
        ("summer 2013", "write it as 5/8/2013"),
        ("unknown", "write it as 5/8/2013"),
        ("c. 2013", "write it as 5/8/2013"),
        ("05/08-2013", "write it as 5/8/2013"),
        ("２０１３", "write it as 5/8/2013"),
        ("9" * 5_000, "format the column as dates"),
        ("5/8/2013 25:00", "25:00 is no time of day"),
    ],
)
def test_what_is_no_day_is_refused_with_what_would_be_right(written: Cell, said: str) -> None:
    with pytest.raises(WrittenError) as caught:
        read_day(written)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_refused_day_repeats_no_words_of_the_cell() -> None:
    for written in ("Zephyrine seen", "Zephyrine 5 Aug 13", "5 Zephyrine 2013", "Zephyrine 5 Aug 2013"):
        assert "Zephyrine" not in fault(date=written)


@given(st.dates(date(1906, 1, 1), date(2100, 12, 31)))
def test_every_day_is_read_back_from_each_way_of_writing_it(day: date) -> None:
    for written in ("{0:%d/%m/%Y}", "{0.day}.{0.month}.{0.year}", "{0:%Y-%m-%d}", "{0:%A %d %B %Y}", "{0:%d-%b-%Y}"):
        assert read_day(written.format(day)) == (day, None)


@given(st.text(max_size=30) | st.text("0123456789/-. :aAugstJn", max_size=14))
def test_any_text_is_a_day_or_refused(text: str) -> None:
    try:
        day, at = read_day(text)
    except WrittenError:
        return
    assert earliest(day) <= latest(day)
    assert at is None or ":" in at


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("14:30", "14:30"), ("14.30", "14:30"), ("1430", "14:30"), ("2:30pm", "14:30"), ("2.30 p.m.", "14:30"),
        ("9:05", "09:05"), ("0905 hrs", "09:05"), ("12am", "00:00"), ("12 pm", "12:00"), ("14:30:59", "14:30"),
        (time(9, 5), "09:05"), (datetime(1899, 12, 31, 9, 5), "09:05"),
    ],
)  # fmt: skip
def test_a_time_is_read(written: Cell, read: str) -> None:
    assert read_time(written) == read


@pytest.mark.parametrize("written", ["24:00", "9:60", "13pm", "0am", "noon", 930, 0.604, True, date(2013, 8, 5), "9:5"])
def test_what_is_no_time_is_refused(written: Cell) -> None:
    with pytest.raises(WrittenError, match="14:30"):
        read_time(written)


# --------------------------------------------------------------------------------------------------------------- sheets


def test_a_sheet_is_read_whatever_its_columns_are_called_and_wherever_it_begins() -> None:
    rows: list[list[Cell]] = [
        [],
        ["", None],
        ["What happened:", "WHEN (day/month/year)", "Comments", "Record*", "until", "At"],
        ["Home visit", "5/8/2013", "", "HV 1", "", ""],
        [None, None, None, " ", "", None],
        ["Admitted", "August 2013", "Long", "HV 2", "2013-09", "2pm", "", None],
    ]
    assert read_rows("health", rows, TODAY) == (
        Entry(agency="health", row=4, on=date(2013, 8, 5), event="Home visit", source="HV 1"),
        Entry(
            agency="health", row=6, on="2013-08", until="2013-09", at="14:00", event="Admitted", source="HV 2",
            significance="Long",
        ),
    )  # fmt: skip


def test_time_and_end_date_may_be_missing_but_the_other_columns_may_not() -> None:
    rows: list[list[Cell]] = [["date", "event", "source", "significance"], ["5/8/2013", "Visit", "HV 1", ""]]
    assert read_rows("health", rows, TODAY)[0].at is None
    for missing in range(4):
        fewer = [[cell for at, cell in enumerate(row) if at != missing] for row in rows]
        with pytest.raises(ChronologyError, match=f"^Row 1, heading: no column is called {rows[0][missing]};"):
            read_rows("health", fewer, TODAY)


def test_headings_that_are_unknown_or_twice_there_are_refused() -> None:
    with pytest.raises(ChronologyError) as caught:
        read_rows("health", [[*HEADING, "Name of child", "When"], ["5/8/2013"]], TODAY)
    unknown, twice = str(caught.value).split("\n")
    assert "column G is none of date, time, end date, event, source and significance" in unknown
    assert "columns A and H are both the date; keep one" in twice
    assert "child" not in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"date": None}, "Row 2, date: it is empty"),
        ({"date": "31/02/2013"}, "Row 2, date: 31/02/2013 is no day"),
        ({"date": "2/3/2014"}, "Row 2, date: 2014-03-02 lies in the future, today is 2014-03-01"),
        ({"date": "2014-04"}, "Row 2, date: 2014-04 lies in the future"),
        ({"end_date": "2015"}, "Row 2, end date: 2015 lies in the future"),
        ({"end_date": "4/8/2013"}, "Row 2, end date: 2013-08-04 is before the date, 2013-08-05"),
        ({"end_date": "2013-07"}, "Row 2, end date: 2013-07 is before the date"),
        ({"event": "  "}, "Row 2, event: it is empty; say what happened"),
        ({"event": "\u200b"}, "Row 2, event: it is empty"),
        ({"source": None}, "Row 2, source: it is empty; name the record"),
        ({"event": "x" * (LONGEST + 1)}, "Row 2, event: it has 4,001 characters; write 4,000 at the most"),
        ({"significance": "a\x07b"}, "Row 2, significance: it has a control sign"),
        ({"event": "a\ud800"}, "Row 2, event: it has a control sign"),
        ({"time": "noon"}, "Row 2, time: it is no time of day"),
        ({"date": datetime(2013, 8, 5, 9, 0), "time": "10:00"}, "Row 2, time: it says 10:00, and the date has 09:00"),
    ],
)
def test_a_faulty_row_is_named_with_its_column(cells: dict[str, Cell], said: str) -> None:
    text = fault(**cells)
    assert text.startswith(said)
    assert "\n" not in text


def test_a_partial_day_of_this_month_is_not_the_future_and_may_end_in_itself() -> None:
    assert one(date="2014-03").on == "2014-03"
    assert one(date="2014").on == "2014"
    assert one(date="2013-08", end_date="5/8/2013").until == date(2013, 8, 5)
    assert one(date="5/8/2013", end_date="2013-08").until == "2013-08"
    assert one(date=TODAY).on == TODAY


def test_a_time_beside_the_day_is_taken() -> None:
    assert one(date=datetime(2013, 8, 5, 14, 30)).at == "14:30"
    assert one(date="5/8/2013 14:30").at == "14:30"
    assert one(date=datetime(2013, 8, 5, 14, 30), time=time(14, 30)).at == "14:30"
    assert one(date=datetime(2013, 8, 5), time="2pm").at == "14:00"


def test_text_is_cleaned_of_what_does_not_show_and_kept_otherwise() -> None:
    assert one(event=" a\r\nb\rc\td\u200be\x0bf ").event == "a\nb\nc de\nf"
    assert one(event="Sia\u0302n \u202espoke").event == "Siân spoke"
    assert one(event="=1+1").event == "=1+1"
    assert one(date="\u200e5/8/2013").on == date(2013, 8, 5)
    assert [one(source=cell).source for cell in (12, 12.0, 1.5, True, date(2013, 8, 5), time(9))] == [
        "12", "12", "1.5", "TRUE", "2013-08-05", "09:00",
    ]  # fmt: skip


def test_text_under_no_heading_is_not_lost_unseen() -> None:
    rows: list[list[Cell]] = [*sheet({}), ["5/8/2013", "", "", "Visit", "HV 1", "", "", "stray"]]
    with pytest.raises(ChronologyError, match=r"^Row 3, column H: it has no heading"):
        read_rows("health", rows, TODAY)


def test_all_faults_are_told_up_to_fifty_and_nothing_is_taken() -> None:
    with pytest.raises(ChronologyError) as caught:
        read_rows("health", sheet({}, {"date": "x", "event": None, "source": ""}, {}, {"time": "x"}), TODAY)
    assert [line.split(":")[0] for line in str(caught.value).split("\n")] == [
        "Row 3, date", "Row 3, event", "Row 3, source", "Row 5, time",
    ]  # fmt: skip
    faulty: dict[str, Cell] = {"date": "x"}
    with pytest.raises(ChronologyError) as caught:
        read_rows("health", sheet(*(faulty for _ in range(MOST_FAULTS + 7))), TODAY)
    lines = str(caught.value).split("\n")
    assert len(lines) == MOST_FAULTS + 1
    assert lines[-1] == "and 7 more."


def test_empty_sheets_and_sheets_too_long_are_refused() -> None:
    nothing: list[list[list[Cell]]] = [[], [[]], [[None, " "]]]
    for empty in nothing:
        with pytest.raises(ChronologyError, match="The sheet is empty: its first row should be date, time"):
            read_rows("health", empty, TODAY)
    with pytest.raises(ChronologyError, match="a heading and no entry"):
        read_rows("health", [HEADING, [None]], TODAY)
    most = sheet(*[{}] * MOST_ROWS)
    assert len(read_rows("health", most, TODAY)) == MOST_ROWS
    with pytest.raises(ChronologyError, match="20,001 entries: hand in 20,000"):
        read_rows("health", [*most, most[1]], TODAY)


CELLS = st.none() | st.text(max_size=6) | st.integers() | st.floats() | st.booleans() | st.dates() | st.times()
ROWS = st.fixed_dictionaries({}, optional={str(name).lower(): CELLS | st.datetimes() for name in HEADING})


@settings(max_examples=200)
@given(st.lists(ROWS, min_size=1, max_size=5))
def test_any_sheet_is_taken_whole_or_refused_by_row(rows: list[dict[str, Cell]]) -> None:
    numbers, said = taken_or_refused(sheet(*({**row, "source": "HV 1"} for row in rows)))  # so that none is empty
    assert said or numbers == list(range(2, len(rows) + 2))
    assert all(re.fullmatch(r"Row \d+, [a-z ]+: .+\.", line) for line in said)


def taken_or_refused(rows: list[list[Cell]]) -> tuple[list[int], list[str]]:
    """The rows taken, or what was said of those refused."""
    try:
        return [found.row for found in read_rows("health", rows, TODAY)], []
    except ChronologyError as refused:
        return [], str(refused).split("\n")
