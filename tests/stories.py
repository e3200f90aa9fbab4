"""The story of a review under Working Together 2013 in which everything is done, and its end."""

from typing import Literal

from case_world import day

from models.decisions import Assign, Close

REVIEW = (
    ("2013-07-08", "written-notification", "received"),
    ("2013-07-19", "recommend", "scr"),
    ("2013-08-02", "decide", "initiate"),
    ("2013-08-05", "notify-cqc", "notified"),
    ("2013-08-09", "commission-reviewer", "done"),
    ("2013-08-09", "set-terms", "done"),
    ("2013-08-30", "agency-review[health]", "submitted"),
    ("2013-08-30", "agency-review[police]", "submitted"),
    ("2013-09-13", "consider-draft", "done"),
    ("2013-09-16", "decide-publication", "publish"),
    ("2013-09-16", "sign-off", "done"),
    ("2013-09-16", "decide-family", "not-involve"),
    ("2013-09-30", "copy-to-panel", "sent"),
    ("2013-09-30", "copy-to-dfe", "sent"),
    ("2013-10-11", "publish", "done"),
    ("2013-10-11", "action-plan", "agreed"),
)
"""Day, step and outcome of each decision."""


def closing(on: str, how: Literal["completed", "withdrawn"] = "withdrawn") -> Close:
    return Close(id="closing-1", by="chair", made_on=day(on), because="There is nothing more to do.", how=how)


def assignment(number: int) -> Assign:
    return Assign(
        id=f"assign-{number:03}",
        by="chair",
        made_on=day("2013-07-08"),
        because="It is so.",
        person=f"person-{number}",
        role="panel",
    )
