"""Cases written by hand, for the tests of the register."""

import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from models import events as ev
from models.calendar import Calendar
from models.decisions import Decide, Decision
from models.letters import LetterOrder
from models.procedure import Group, Procedure, Role, Step

REFERENCE = "MK-2013-001"
AT = datetime(2013, 7, 8, 9, 30, tzinfo=UTC)
DAY = date(2013, 7, 8)
DUE = date(2013, 7, 22)
CALENDAR = Calendar(name="none", title="No holidays", version="1", first_year=2013, last_year=2014)
STEPS = ("notify", "recommend", "decide", "secure")


def procedure(version: str = "1") -> Procedure:
    steps = tuple(
        Step(id=name, row=f"002-{n}", title=name.title(), who="chair", stage=f"Stage {n}", optional=name == "secure")
        for n, name in enumerate(STEPS, 1)
    )
    return Procedure(
        id="tiny", title=f"Tiny {version}", version=version, calendar="none", begins="notify", managed_by=("chair",),
        roles={"chair": Role(title="Chair")}, step=steps,
        group={"whole": Group(row="002-9", title="Whole", who="chair", steps=STEPS, of="notify")},
    )  # fmt: skip


class Story:
    """A case written by hand, event after event."""

    def __init__(self, reference: str = REFERENCE, board: str = "milton-keynes") -> None:
        self.events: list[ev.Event] = []
        opening = ev.Opening(
            reference=reference, board=board, procedure=procedure(), calendar=CALENDAR, notified_on="2013-07"
        )
        self.add(ev.Opened, opening=opening, on="2013-07")

    def add(self, event: type[Any], **fields: Any) -> "Story":
        fields.setdefault("on", DAY)
        self.events.append(event(seq=len(self.events) + 1, at=AT, **fields))
        return self

    def start(self, step: str, owner: str = "chair", due: date | None = DUE, number: int = 1) -> "Story":
        record = ev.StepRecord(
            key=step, step=step.partition("[")[0], title=step.title(), owner=owner, round=number, cause="notify",
            since=DAY, due=due, act_by=due, expires=AT if due else None,
        )  # fmt: skip
        return self.add(ev.Started, step=step, record=record, because="Counted.")

    def take(self, kind: str, model: type[Any], late_by: int | None = None, **fields: Any) -> "Story":
        number = f"decision-{len(self.events)}"
        said: Decision = model(id=number, by="A. Nobody", made_on=DAY, because="So it was agreed.", **fields)
        facts = ev.Facts(happened={"notify": "2013-07"}) if kind == "corrected" else None
        step = fields.get("step")
        return self.add(ev.Taken, kind=kind, decision=said, late_by=late_by, step=step, facts=facts)

    def owe(self, letter: str, step: str | None = None) -> "Story":
        order = LetterOrder(id=letter, template="notice", sender="chair", recipient="ofsted", on=DAY)
        return self.add(ev.LetterOwed, step=step, letter=order)


def a_story(reference: str = REFERENCE) -> Story:
    story = Story(reference).start("recommend").start("decide", "sub-group[health]", date(2013, 8, 8))
    story.take("decided", Decide, step="recommend", outcome="scr", late_by=2).owe("l1", "decide").owe("l2")
    story.add(ev.LetterSent, step="decide", letter="l1", recipient="ofsted", sha256="ab" * 32)
    return story.add(ev.LetterFailed, letter="l2", recipient="ofsted", because="No address.")


def tamper(path: Path, statement: str, *values: Any) -> None:
    db = sqlite3.connect(path)
    for trigger in ("events_no_update", "events_no_delete", "events_no_replace"):
        db.execute(f"DROP TRIGGER IF EXISTS {trigger}")
    db.execute(statement, values)
    db.commit()
    db.close()
