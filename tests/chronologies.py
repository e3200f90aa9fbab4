"""Chronologies of three agencies for the tests. All people, places and records in them are invented."""

from datetime import date

from models.chronology import Entry
from models.chronology_rows import read_rows
from models.written_day import Cell

TODAY = date(2014, 3, 1)
TITLES = {
    "health": "Demoshire Health Trust",
    "police": "Demoshire Constabulary",
    "school": "Larkmoor Primary School",
}

_HEALTH: list[list[Cell]] = [
    ["Date", "Time", "End date", "Event", "Source", "Significance"],
    ["2012", None, None, "Family registered with the practice at Larkmoor.", "GP record p. 1", ""],
    [date(2012, 11, 5), "09:30", None, "New birth visit. Home warm and clean; both parents present.", "HV 101", ""],
    ["19/11/2012", None, None, "Weight check at clinic: weight on the 50th centile.", "HV 102", ""],
    ["January 2013", None, None, "Mother told the health visitor that she slept ill.", "HV 107", "No screening done."],
    ["14/01/2013", None, None, "Home visit, no reply; card left.", "HV 108", ""],
    ["21/01/2013", None, None, "Home visit, no reply; card left.", "HV 109", "No other agency told."],
    ["4 June 2013", "16:10", None, "Bruise on left cheek seen at clinic; mother said he fell.", "HV 115", "No step."],
    ["6/8/2013", None, "9/8/2013", "Admitted to hospital with a fractured arm; discharged home.", "Ward notes 7", ""],
    ["12/8/2013", None, None, "Strategy meeting by telephone with social care and police.", "Ward notes 9", ""],
    ["2 Sep 2013", None, None, "Review clinic: arm healing well.", "Ward notes 12", ""],
]  # fmt: skip
_POLICE: list[list[Cell]] = [
    ["When", "Time", "To", "What happened", "Record", "Analysis"],
    ["03/12/2012", "23:40", None, "Neighbour reported shouting; officers attended, no offence seen.", "Log 1207", ""],
    ["03/12/2012", "23:40", None, "Neighbour reported shouting; officers attended, no offence seen.", "Log 1207", ""],
    ["28/7/2013", "01:15", None, "Called to an argument at home; child asleep.", "Log 2231", "No notice sent."],
    ["5/8/2013", None, None, "Child admitted to hospital with a fractured arm, reported by the ward.", "Log 2260", ""],
    ["8/8/2013", "11:00", None, "Strategy meeting by telephone with health and social care.", "Log 2264", ""],
    ["2013-08", None, None, "Father interviewed; no charge.", "Custody 88", ""],
    ["20/12/2013", None, None, "Intelligence: father has left the area.", "Int 5", ""],
]  # fmt: skip
_SCHOOL: list[list[Cell]] = [
    ["Date of event", "Event", "Source", "Comment"],
    ["10/9/2012", "Older sister started in Reception.", "Register 2012", ""],
    ["12/11/2012", "Sister late on four days of five.", "Register 2012", ""],
    ["22/1/2013", "Sister said that there was “lots of shouting” at home.", "Concern form 3", "Not passed on."],
    ["7/6/2013", "Head saw a bruise on the left cheek of the younger child at the gate.", "Concern form 4", ""],
    ["3/9/2013", "Sister did not return after the holidays.", "Register 2013", ""],
    ["16/9/2013", "=HYPERLINK(\"http://example.invalid\") was typed by a pupil ✓, kept as text.", "Concern form 6", ""],
    ["14/2/2014", "Sister on the roll of another school.", "Register 2014", ""],
]  # fmt: skip
SHEETS = {"health": _HEALTH, "police": _POLICE, "school": _SCHOOL}


def chronologies() -> dict[str, tuple[Entry, ...]]:
    """The three, as read from their sheets."""
    return {agency: read_rows(agency, rows, TODAY) for agency, rows in SHEETS.items()}
