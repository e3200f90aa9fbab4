"""What waits for the register at one moment is written in one transaction, and each is told its own."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, text
from sqlalchemy.exc import DBAPIError

from register.errors import RegisterError
from register.store import Register
from register.tables import ProclaimedRow
from register.writer import Writer

DAY = date(2026, 1, 1)


@pytest.fixture
def writer(register: Register) -> Iterator[Writer]:
    writer = Writer(register._engine)
    yield writer
    writer.close()


@contextmanager
def commits(register: Register) -> Iterator[list[Connection]]:
    """The transactions that are committed meanwhile."""
    found: list[Connection] = []
    note = found.append
    event.listen(register._engine, "commit", note)
    yield found
    event.remove(register._engine, "commit", note)


def keep(db: Connection, name: str) -> str:
    db.execute(insert(ProclaimedRow), {"calendar": name, "day": DAY, "name": name})
    return name


async def kept(register: Register) -> set[str]:
    query = text("SELECT name FROM proclaimed")
    return set(await register.read(lambda db: db.scalars(query).all()))


async def together(writer: Writer, *works: Callable[[Connection], Any]) -> list[Any]:
    """The outcomes of works that wait at one moment: the thread is kept busy until all have been handed in."""
    begin = asyncio.Event()
    busy = asyncio.create_task(writer.run(lambda: asyncio.run_coroutine_threadsafe(begin.wait(), loop).result()))
    loop = asyncio.get_running_loop()
    given = [asyncio.create_task(writer.write_with_others(work)) for work in works]
    await asyncio.sleep(0)
    begin.set()
    await busy
    return list(await asyncio.gather(*given, return_exceptions=True))


async def test_what_waits_is_written_in_one_transaction_and_each_has_its_answer(
    register: Register, writer: Writer
) -> None:
    names = [f"day {number}" for number in range(20)]
    with commits(register) as found:
        answers = await together(writer, *[lambda db, name=name: keep(db, name) for name in names])
    assert answers == names
    assert await kept(register) == set(names)
    assert len(found) == 1


async def test_what_one_raises_undoes_it_alone(register: Register, writer: Writer) -> None:
    def refused(db: Connection) -> None:
        keep(db, "refused")
        raise RegisterError("The register does not take this.")

    def impossible(db: Connection) -> None:
        keep(db, "impossible")
        db.execute(text("SELECT * FROM what_is_not_there"))

    first, second, third, last = await together(
        writer, lambda db: keep(db, "first"), refused, impossible, lambda db: keep(db, "last")
    )
    assert (first, last) == ("first", "last")
    assert isinstance(second, RegisterError)
    assert isinstance(third, DBAPIError)
    assert await kept(register) == {"first", "last"}


async def test_who_no_longer_waits_writes_nothing(register: Register, writer: Writer) -> None:
    begin, loop = asyncio.Event(), asyncio.get_running_loop()
    busy = asyncio.create_task(writer.run(lambda: asyncio.run_coroutine_threadsafe(begin.wait(), loop).result()))
    gone = asyncio.create_task(writer.write_with_others(lambda db: keep(db, "gone")))
    stays = asyncio.create_task(writer.write_with_others(lambda db: keep(db, "stays")))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    begin.set()
    await asyncio.gather(busy, stays)
    assert await kept(register) == {"stays"}
