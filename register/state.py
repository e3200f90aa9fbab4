"""How the register is, in numbers, for those who run it: what is owed and late, what has not gone, how large it is."""

from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from register import database, deliveries
from register.store import Register
from register.tables import CaseRow, LetterRow, StepRow

UNSETTLED = timedelta(minutes=2)
"""How long the events of a workflow task may wait before their case counts as unsettled: upkeep settles it."""


class Numbers(NamedTuple):
    """Counts over all boards. `oldest_unsent` is in seconds, 0 where no letter is owed; `size` in bytes.

    A letter is owed until its case knows that it has gone; `returned`: came back, and nobody has posted it since.
    """

    open_cases: int
    overdue_steps: int
    letters_waiting: int
    oldest_unsent: float
    letters_failed: int
    letters_returned: int
    letters_to_post: int
    unsettled_cases: int
    size: int


async def numbers(register: Register, today: date, now: datetime) -> Numbers:
    """The numbers now, an aware moment; `today` is the local date, before which a step was due that is overdue."""
    unsent = await deliveries.unsent_since(register)
    concerns = [one.what for one in await deliveries.concerns(register, now)]
    unsettled = await register.unsettled(now - UNSETTLED)

    def read(db: Connection) -> tuple[int, int, int, int]:
        cases = select(func.count()).select_from(CaseRow).where(CaseRow.state == "open")
        steps = select(func.count()).select_from(StepRow).join(CaseRow, CaseRow.reference == StepRow.reference)
        late = steps.where(CaseRow.state == "open", StepRow.state == "open", StepRow.due < today)
        owed = select(func.count()).select_from(LetterRow).where(LetterRow.state == "owed")
        counts = [db.scalar(query) or 0 for query in (cases, late, owed)]
        return counts[0], counts[1], counts[2], database.size(db)

    open_cases, overdue, waiting, size = await register.read(read)
    return Numbers(
        open_cases=open_cases,
        overdue_steps=overdue,
        letters_waiting=waiting,
        oldest_unsent=max(((now - since).total_seconds() for since in unsent), default=0.0),
        letters_failed=concerns.count("failed"),
        letters_returned=concerns.count("bounced"),
        letters_to_post=concerns.count("to post"),
        unsettled_cases=len(unsettled),
        size=size,
    )


async def is_up_to_date(register: Register) -> bool:
    """Whether the tables are those that this version of the product works with."""
    return await register.read(database.at_head)
