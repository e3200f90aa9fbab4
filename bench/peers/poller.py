# mypy: disable-error-code="import-untyped, import-not-found"
"""A hand-written poller: SQLAlchemy tables on SQLite, and APScheduler that looks at them ten times a second."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import Engine, create_engine, event, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from bench import deeds, story
from bench.peers.process import Client

INTERVAL = 0.1
"""Seconds from one look at the tables to the next."""


class Base(DeclarativeBase):
    """The tables."""


class Decision(Base):
    """A decision that has been done; the table of `bench.deeds`."""

    __tablename__ = "decisions"
    rowid: Mapped[int] = mapped_column(primary_key=True, system=True)
    reference: Mapped[str]
    number: Mapped[int]
    text: Mapped[str]


class Given(Base):
    """A decision as it was given, and whether it has been done."""

    __tablename__ = "given"
    reference: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    because: Mapped[str]
    done: Mapped[bool] = mapped_column(default=False, index=True)


class Deadline(Base):
    """When the next decision of a case is due, if that has not passed."""

    __tablename__ = "deadlines"
    reference: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int]
    seconds: Mapped[float]
    due: Mapped[datetime | None] = mapped_column(index=True)


class Letter(Base):
    """A letter to send, and whether it has been sent."""

    __tablename__ = "letters"
    reference: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    recipient: Mapped[str] = mapped_column(primary_key=True)
    sent: Mapped[bool] = mapped_column(default=False, index=True)


def now() -> datetime:
    """The moment, as the tables have it."""
    return datetime.now(UTC).replace(tzinfo=None)


def open_tables() -> Engine:
    """The database, with the same care for what was acknowledged as everybody's."""
    engine = create_engine(f"sqlite:///{deeds.folder() / 'plain.db'}", connect_args={"timeout": 30})
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=FULL"))
    Base.metadata.create_all(engine)
    return engine


def poll(engine: Engine) -> None:
    """Do what is to be done now; what is done and what follows from it are one transaction."""
    with Session(engine) as db:
        for given in db.scalars(select(Given).where(Given.done.is_(False)).order_by(Given.number)).all():
            do(db, given)
            db.commit()
        for deadline in db.scalars(select(Deadline).where(Deadline.due <= now())).all():
            db.add(Decision(reference=deadline.reference, number=deadline.number, text="overdue"))
            deadline.due = None
            db.commit()
        for letter in db.scalars(select(Letter).where(Letter.sent.is_(False))).all():
            deeds.send(deeds.Letter(letter.reference, letter.step, letter.recipient))
            letter.sent = True
            db.commit()


def do(db: Session, given: Given) -> None:
    """Keep a decision, set the next deadline, put its letters on the list."""
    given.done = True
    db.add(Decision(reference=given.reference, number=given.number, text=given.because))
    deadline = db.get_one(Deadline, given.reference)
    if given.number == story.STEPS:
        db.delete(deadline)
    else:
        deadline.number, deadline.due = given.number + 1, now() + timedelta(seconds=deadline.seconds)
    for recipient in story.RECIPIENTS if given.number in story.WITH_LETTERS else ():
        db.add(Letter(reference=given.reference, step=given.number, recipient=recipient))


@asynccontextmanager
async def work() -> AsyncIterator[None]:
    """Poll."""
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # it warns of every look that is left out
    engine = open_tables()
    scheduler = AsyncIOScheduler()
    scheduler.add_executor("threadpool", "one", max_workers=1)
    scheduler.add_job(poll, "interval", [engine], seconds=INTERVAL, executor="one", coalesce=True, max_instances=1)
    scheduler.start()
    yield
    scheduler.shutdown()


class Writer:
    """Writes into the tables."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def begin(self, reference: str, deadline: float) -> None:
        """Set the first deadline of a case."""
        due = now() + timedelta(seconds=deadline)
        await self._write(insert(Deadline).values(reference=reference, number=1, seconds=deadline, due=due))

    async def decide(self, reference: str, number: int, because: str) -> None:
        """Put a decision on the list."""
        given = insert(Given).values(reference=reference, number=number, because=because, done=False)
        await self._write(given.on_conflict_do_nothing())

    async def _write(self, statement: Any) -> None:
        await asyncio.to_thread(self._commit, statement)

    def _commit(self, statement: Any) -> None:
        with self.engine.begin() as db:
            db.execute(statement)


@asynccontextmanager
async def client() -> AsyncIterator[Client]:
    """Open the tables."""
    yield Writer(open_tables())
