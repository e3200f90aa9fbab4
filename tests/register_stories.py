"""Cases written by hand, for the tests of the register."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, NullPool, create_engine, inspect, text

from models import events as ev
from models.calendar import Calendar
from models.decisions import Decide, Decision
from models.letters import LetterOrder
from models.procedure import Group, Procedure, Role, Step
from register import database

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


@contextmanager
def behind(where: Path | str) -> Iterator[Connection]:
    """The database of a register, behind its back; what is done there is kept."""
    engine = create_engine(database.url_of(where), poolclass=NullPool)
    with engine.begin() as db:
        yield db
    engine.dispose()


def tamper(where: Path | str, statement: str, **values: Any) -> None:
    """Do as somebody would who administers the database and means ill: without triggers and foreign keys."""
    with behind(where) as db:
        if db.dialect.name == "postgresql":
            db.exec_driver_sql("SET session_replication_role = replica")
        else:
            for trigger in db.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all():
                db.exec_driver_sql(f"DROP TRIGGER {trigger.name}")
        db.execute(text(statement), values)


def in_its_words(db: Connection, statement: str) -> str:
    """A statement that changes rows, as this database says it: it has REPLACE or TRUNCATE, and not the other."""
    if db.dialect.name == "postgresql":
        said = statement.replace("INSERT OR REPLACE", "INSERT")
        keys = "reference" if " events " in statement else "board"
        return said if said == statement else f"{said} ON CONFLICT ({keys}, seq) DO UPDATE SET kind = 'met'"
    return statement.replace("TRUNCATE", "DELETE FROM")


def stored(where: Path | str) -> bytes:
    """All that a register keeps: the files of SQLite as they are, every value of every table of PostgreSQL."""
    if isinstance(where, Path):
        return b"".join(file.read_bytes() for file in where.parent.glob(f"{where.name}*"))
    with behind(where) as db:
        tables = inspect(db).get_table_names()
        values = [value for table in tables for row in db.exec_driver_sql(f'SELECT * FROM "{table}"') for value in row]
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in values)


def in_files(where: Path | str) -> bytes:
    """The bytes of the files of a database on the disk, its log left aside on PostgreSQL."""
    if isinstance(where, Path):
        return stored(where)
    with behind(where) as db:
        db.exec_driver_sql("CHECKPOINT")
        table = db.exec_driver_sql("SELECT current_setting('data_directory') || '/' || pg_relation_filepath('cases')")
        folder = Path(str(table.scalar())).parent
    return b"".join(file.read_bytes() for file in folder.iterdir())
