"""The register itself: opening it, writing events and referrals to it. What is read from it is in `queries.py`."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, delete, func, insert, select

from models.events import Event
from register import database, writing
from register.chain import canonical_json
from register.errors import DatabaseError, RegisterDown, RegisterError, WrittenMeanwhile
from register.folding import Folding, Whole
from register.sealed import Ring, key_id_of
from register.tables import CaseRow, ContentRow, DraftRow, IdentifierRow, ProclaimedRow, ReferralRow, UnderWayRow
from register.writer import Writer

_T = TypeVar("_T")
_READERS = 4
SEALED: dict[str, type[ReferralRow] | type[ContentRow] | type[IdentifierRow] | type[DraftRow]] = {
    "referral": ReferralRow,
    "document": ContentRow,
    "list of identifiers": IdentifierRow,
    "draft": DraftRow,
}
"""What is kept under seal, in words, with the rows that name its key."""


class Register:
    """The register of one database. Open it with `open`, close it with `close`, or use it with `async with`.

    Each call is one transaction and runs in a thread: one that writes, some that read. Handing over every statement
    by itself, as an asynchronous driver does, took about twice as long.
    """

    def __init__(self, engine: Engine, ring: Ring) -> None:
        self.ring = ring
        self._engine = engine
        self._writer = Writer(engine)
        self._folding = Folding()
        self._readers = ThreadPoolExecutor(_READERS, "register-reader")

    @classmethod
    async def open(cls, where: str | Path, ring: Ring) -> Self:
        """Open the register at the path of a SQLite file or a database URL, made or brought up to date as needed.

        Raises RegisterDown where its database does not answer; RegisterError for a URL that is none, and where the key
        of referrals that are already there is missing from the ring.
        """
        register = cls(database.connect(database.url_of(where)), ring)
        try:
            await asyncio.to_thread(database.upgrade, register._engine)
            await register.read(register._check_keys)
        except BaseException as error:
            await register.close()
            if isinstance(error, DatabaseError):
                raise RegisterDown(database.unusable(where, error)) from error
            raise
        return register

    async def close(self) -> None:
        """Finish what is under way and close every connection. The register cannot be used afterwards."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writer.close()
        self._readers.shutdown()
        self._engine.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def read(self, work: Callable[[Connection], _T]) -> _T:
        """What `work`, called in a thread, reads from one consistent state, whatever is written meanwhile."""

        def run() -> _T:
            with self._engine.connect() as db:
                return work(db)

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    async def write(self, work: Callable[[Connection], _T]) -> _T:
        """Do `work` in a transaction that holds the write lock from its beginning: what it reads stays true."""
        return await self._writer.write(work)

    async def purge(self) -> bool:
        """Have what was deleted leave the database's files for good; False where others use it all the time.

        It writes anew what may hold it and needs as much room again. What a PostgreSQL server keeps beside its tables
        (its log, copies of the database) is its operator's.
        """
        return await self._writer.run(lambda: database.purge(self._engine))

    async def sealed_under(self) -> dict[str, int]:
        """How much is kept under seal, by the id of the key."""
        total: Counter[str] = Counter()
        for counts in (await self.read(_counts)).values():
            total.update(counts)
        return dict(total)

    def _check_keys(self, db: Connection) -> None:
        missing: set[str] = set()
        lost = []
        for what, counts in _counts(db).items():
            unknown = {key: n for key, n in counts.items() if key not in self.ring.key_ids}
            missing |= set(unknown)
            if number := sum(unknown.values()):
                lost.append(f"{number} {what}{'' if number == 1 else 's'}")
        if not missing:
            return
        unreadable = f"without it {' and '.join(lost)} of this register cannot be read"
        if not self.ring.exists:
            raise RegisterError(f"The key file {self.ring.path} is missing: put it back; {unreadable}.")
        keys = ", ".join(sorted(missing))
        raise RegisterError(f"The key {keys} is not in {self.ring.name}: put the right file back; {unreadable}.")

    async def append(self, reference: str, events: Sequence[Event], confirmed: int | None = None) -> int:
        """Add events of a case, in order, and what follows from them, in one transaction; return its last number.

        Events that are there already and say the same are passed over. `confirmed` is the number of the last one that
        the engine has for certain, all of these where it is left out: one after it, written by a workflow task that was
        lost, is replaced. Raises Gap where one is missing in between, RegisterError where one that is confirmed says
        something else, Superseded where a later try at the same task has written.
        """
        return await self._writer.write_with_others(lambda db: writing.append(db, reference, events, confirmed))

    async def known(self, reference: str) -> Whole | None:
        """A case as its events make it, with them; None where there is none of that reference."""
        return await self.read(lambda db: self._folding.whole(db, reference))

    async def whole(self, reference: str) -> Whole:
        """A case as its events make it, with them. Raises RegisterError where there is none of that reference."""
        found = await self.known(reference)
        if found is None:
            raise RegisterError(f"There is no case {reference}.")
        return found

    async def head(self, reference: str) -> str | None:
        """The hash of the last event of a case; None where there is none."""
        return await self.read(lambda db: writing.head(db, reference))

    async def settle(self, reference: str, events: Sequence[Event], seen: str | None) -> None:
        """Have exactly these events of a case, which are all that the engine has.

        `seen` is its head from before the engine was asked: what was written since may well be in the engine by now.
        Raises WrittenMeanwhile where there is such, RegisterError.
        """

        def write(db: Connection) -> None:
            if writing.head(db, reference) != seen:
                raise WrittenMeanwhile(reference)
            if writing.append(db, reference, events) > events[-1].seq:
                writing.take_back(db, reference, events[-1].seq)

        await self.write(write)

    async def begin(self, reference: str, id_: str) -> None:
        """Note that a decision is on its way to the engine, so that its events are looked for if nobody writes them."""
        await self._writer.write_with_others(lambda db: writing.begin(db, reference, id_))

    async def finish(self, reference: str, id_: str, events: Sequence[Event] = ()) -> None:
        """Write what a decision on its way led to: nothing, or events that the engine has for certain.

        Raises Gap, RegisterError as `append` does; the note stays then.
        """

        def write(db: Connection) -> None:
            if events:
                writing.append(db, reference, events)
            writing.finish(db, id_)

        await self._writer.write_with_others(write)

    async def unsettled(self, before: datetime) -> list[str]:
        """The cases of which the engine may have other events than the register, since before an aware moment.

        A workflow task that wrote may have been lost; whoever gave a decision may not have written it down.
        """
        tail = select(CaseRow.reference).where(CaseRow.confirmed < CaseRow.last_seq, CaseRow.written_at < before)
        given = select(UnderWayRow.reference).where(UnderWayRow.at < before)
        return await self.read(lambda db: sorted({*db.scalars(tail), *db.scalars(given)}))

    async def forget(self, reference: str, before: datetime) -> None:
        """Drop the notes of decisions on their way to a case since before an aware moment: it has been settled."""
        old = (UnderWayRow.reference == reference) & (UnderWayRow.at < before)
        await self.write(lambda db: db.execute(delete(UnderWayRow).where(old)))

    async def rebuild(self, reference: str) -> None:
        """Read the case, its steps and its letters from its events anew, as if nothing had been kept but these.

        Raises RegisterError for an unknown case, and where its events do not end where the case does: verify first.
        """
        await self.write(lambda db: writing.rebuild(db, reference))

    async def file_referral(self, board_code: str, year: int, board_id: str, content: Mapping[str, Any]) -> str:
        """File a referral under seal and allot its reference: "MK-2013-001", per board and year without gaps.

        The same content filed with the same board again gets the reference it has.
        """
        plain = canonical_json(content).encode()
        series = f"{board_code}-{year}"

        def file(db: Connection) -> str:
            query = select(ReferralRow.reference).where(ReferralRow.board == board_id)
            known = db.scalar(query.where(ReferralRow.content_hash.in_(self.ring.fingerprints(plain))))
            if known is not None:
                return known
            number = _next_number(db, series)
            reference = f"{series}-{number:03d}"
            sealed = self.ring.seal(plain, _context(reference))
            values = {
                "reference": reference,
                "series": series,
                "number": number,
                "board": board_id,
                "content_hash": self.ring.fingerprint(plain),
                "key_id": key_id_of(sealed),
                "sealed": sealed,
            }
            db.execute(insert(ReferralRow), values)
            return reference

        return await self.write(file)

    async def referral(self, reference: str) -> dict[str, Any]:
        """The content of a referral as filed.

        Raises RegisterError if there is none, or none any more, SealError if it is unreadable.
        """
        query = select(ReferralRow.sealed, ReferralRow.disposed_on).where(ReferralRow.reference == reference)
        row = await self.read(lambda db: db.execute(query).one_or_none())
        if row is None:
            raise RegisterError(f"There is no referral {reference}.")
        if row.disposed_on is not None:
            raise RegisterError(
                f"The referral {reference} was disposed of on {row.disposed_on}; nothing of it is kept."
            )
        content: dict[str, Any] = json.loads(self.ring.unseal(row.sealed, _context(reference)))
        return content

    async def referral_mark(self, reference: str) -> str:
        """A mark that only this referral has and that reveals nothing of it. Raises RegisterError if there is none."""
        query = select(ReferralRow.content_hash).where(ReferralRow.reference == reference)
        mark = await self.read(lambda db: db.scalar(query))
        if mark is None:
            raise RegisterError(f"There is no referral {reference}.")
        return mark

    async def proclaim(self, calendar: str, day: date, name: str) -> None:
        """Keep a day that has become a non-working day. Once is enough; RegisterError if it has another name."""
        query = select(ProclaimedRow.name).where(ProclaimedRow.calendar == calendar, ProclaimedRow.day == day)

        def keep(db: Connection) -> None:
            known = db.scalar(query)
            if known is None:
                db.execute(insert(ProclaimedRow), {"calendar": calendar, "day": day, "name": name})
            elif known != name:
                raise RegisterError(f'{day} is already proclaimed in {calendar}, as "{known}": use that name.')

        await self.write(keep)

    async def proclaimed(self, calendar: str) -> dict[date, str]:
        """The days proclaimed for a calendar, in order, with their names."""
        query = select(ProclaimedRow.day, ProclaimedRow.name).where(ProclaimedRow.calendar == calendar)
        return await self.read(lambda db: dict(db.execute(query.order_by(ProclaimedRow.day)).all()))


def _counts(db: Connection) -> dict[str, dict[str, int]]:
    """How much is kept under seal: what it is, the id of its key, how often."""
    return {
        what: dict(db.execute(select(row.key_id, func.count()).where(row.key_id != "").group_by(row.key_id)).all())
        for what, row in SEALED.items()
    }


def _context(reference: str) -> str:
    return f"referral {reference}"


def _next_number(db: Connection, series: str) -> int:
    """One more than the highest number of a series, cases included: they may have come back without referrals."""
    highest = db.scalar(select(func.max(ReferralRow.number)).where(ReferralRow.series == series))
    prefix = f"{series}-"
    cases = db.scalars(select(CaseRow.reference).where(CaseRow.reference.startswith(prefix, autoescape=True)))
    numbers = [int(tail) for case in cases if (tail := case.removeprefix(prefix)).isdecimal()]
    return max([highest or 0, *numbers]) + 1
