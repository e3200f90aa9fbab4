"""The register on PostgreSQL: how it is named, a server that is down, and what holds while two write at once."""

import asyncio
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from desk import Desk
from engine import until
from postgres import Server
from register_stories import REFERENCE, Story, a_story, behind, in_its_words, stored
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import DBAPIError
from visitor import Browser, office_at, signed_in

import worker
from models.access import Viewer
from models.journal import Lesson
from register import accounts, database, drafts, feeds, journal, queries
from register.audit import heads, verify
from register.errors import RegisterDown
from register.queries import CaseFilter
from register.sealed import Ring
from register.store import Register
from register.tables import ProclaimedRow, ReadRow
from web.app import build

NOW = datetime(2026, 11, 22, 9, 30, 15, 123456, tzinfo=UTC)
SECRET = "hunter2-secret"
SAID: dict[str, Any] = {"by": "bm", "on": date(2026, 11, 22), "because": "It is so."}


def lesson(text: str) -> Lesson:
    return Lesson(**SAID, source="A", review="Child N", where="B", lesson=text, relevance="D")


# ---- where the register is


@pytest.mark.parametrize("named", ["postgresql://scr:p@db.example/register", "postgresql+psycopg:///register"])
def test_the_environment_may_name_a_database(named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert database.where(tmp_path) == tmp_path / "register.db"
    monkeypatch.setenv("SCR_REGISTER", named)
    assert database.where(tmp_path) == named
    assert database.url_of(named).drivername == "postgresql+psycopg"
    monkeypatch.setenv("SCR_REGISTER", f"sqlite:///{tmp_path}/other.db")
    assert database.url_of(database.where(tmp_path)).database == f"{tmp_path}/other.db"


@pytest.mark.parametrize(
    "named",
    [
        f"postgresql:/scr:{SECRET}@db.example/register",
        f"scr:{SECRET}@db.example/register",
        f"mysql://scr:{SECRET}@db.example/register",
        f"postgresql+asyncpg://scr:{SECRET}@db.example/register",
        f"postgresql://scr:{SECRET}@db.example",
        f"postgresql://scr:{SECRET}@db.example:port/register",
        f"postgresql://scr:a@{SECRET}@db.example/register",
        f"postgresql://scr:a@b/{SECRET}@db.example/register",
        "sqlite://",
        "://",
    ],
)
def test_what_is_no_database_is_refused_without_its_password(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(monkeypatch, capfd, tmp_path / "data")
    monkeypatch.setenv("SCR_REGISTER", named)
    said = desk("cases")
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert said.err.startswith("SCR_REGISTER ")
    assert SECRET not in said.err
    assert not list((tmp_path / "data").glob("*"))


@pytest.mark.parametrize(
    "named",
    [
        f"postgresql://scr:{SECRET}@127.0.0.1:1/register",
        f"postgresql://scr@127.0.0.1:1/register?password={SECRET}",
        f"postgresql://scr:{SECRET}@127.0.0.1:1/register?no_such_option={SECRET}",
        f"postgresql://scr:{SECRET}@nowhere.invalid/register",
    ],
)
def test_a_server_that_is_down_is_one_sentence_without_its_password(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(monkeypatch, capfd, tmp_path)
    monkeypatch.setenv("SCR_REGISTER", named)
    said = desk("cases")
    assert (said.code, said.out, said.err.count("\n")) == (1, "", 1)
    assert said.err.startswith("The register in the PostgreSQL database register cannot be used: ")
    assert SECRET not in said.err


def test_the_command_line_works_on_it(
    postgresql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(monkeypatch, capfd, tmp_path)
    monkeypatch.setenv("SCR_REGISTER", postgresql)
    assert desk("account", "invite", "bm", "--board", "demo").code == 0
    said = desk("audit", "verify", "--json")
    assert (said.code, said.err, said.json["heads"]) == (0, "", [])
    assert b"demo" in stored(postgresql)
    assert not list(tmp_path.glob("register.db*"))


# ---- a server that comes and goes


async def test_a_server_that_was_started_again_is_not_felt(postgresql: str, server: Server, tmp_path: Path) -> None:
    async with await Register.open(postgresql, Ring.load_or_make(tmp_path / "ring.json")) as register:
        await asyncio.gather(*(register.proclaimed("england") for _ in range(8)))
        server.stop()
        server.start()
        assert await asyncio.gather(*(register.proclaimed("england") for _ in range(8))) == [{}] * 8
        assert await register.file_referral("MK", 2013, "mk", {"case": 1}) == "MK-2013-001"


async def test_the_worker_waits_for_its_database(
    postgresql: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SCR_REGISTER", postgresql.replace("postgres@", f"postgres:{SECRET}@"))
    monkeypatch.setattr(worker, "PAUSE", worker.PAUSE / 100)
    stop = asyncio.Event()

    async def told() -> bool:
        return "It is tried again" in caplog.text

    server.stop()
    try:
        opening = asyncio.ensure_future(worker.opened(tmp_path, stop))
        await until(told, "the worker says that it waits")
    finally:
        server.start()
    register = await asyncio.wait_for(opening, 30)
    assert register is not None
    await register.close()
    assert SECRET not in caplog.text
    stop.set()
    assert await worker.opened(tmp_path, stop) is None


async def test_what_the_database_says_holds_no_value(register: Register) -> None:
    with pytest.raises(DBAPIError, match="nowhere") as failed:
        await register.write(lambda db: db.execute(text("DELETE FROM nowhere WHERE name = :name"), {"name": SECRET}))
    assert SECRET not in str(failed.value)


# ---- two who write at once


async def pair(where: Path | str, ring: Ring) -> list[Register]:
    return [await Register.open(where, ring) for _ in range(2)]


async def test_two_processes_that_write_at_once_lose_nothing(where: Path | str, tmp_path: Path) -> None:
    both = await pair(where, Ring.load_or_make(tmp_path / "ring.json"))
    stories = [a_story(f"BU-2013-00{n}").events for n in range(1, 6)]
    await both[0].append(REFERENCE, a_story().events)
    work: list[Any] = []
    for number in range(20):
        register = both[number % 2]
        work.append(register.file_referral("MK", 2014, "mk", {"case": number}))
        work.append(journal.append(register, "mk", lesson(f"Lesson {number}"), NOW))
        work.append(register.append(stories[number % 5][0].opening.reference, stories[number % 5]))  # type: ignore[union-attr]
        work.append(register.proclaim("england", date(2013, 7, 1 + number // 2), "Royal birth"))
    done = await asyncio.gather(*work)
    assert Counter(done[::4]) == Counter(f"MK-2014-{n:03d}" for n in range(1, 21))
    assert sorted(entry.seq for entry in done[1::4]) == list(range(1, 21))
    known = await journal.journal(both[0], "mk")
    assert {entry.lesson for entry in known.lessons.values()} == {f"Lesson {n}" for n in range(20)}
    assert len(await both[1].proclaimed("england")) == 10
    assert await verify(both[1]) == []
    for register in both:
        await register.close()


async def test_an_invitation_is_used_once_and_one_link_is_left(where: Path | str, tmp_path: Path) -> None:
    both = await pair(where, Ring.load_or_make(tmp_path / "ring.json"))
    invited = [accounts.invite(both[n % 2], "bm", "demo", "bm", NOW) for n in range(6)]
    tokens = await asyncio.gather(*invited)
    tries = [accounts.set_password(both[n % 2], tokens[n // 2], "four words to remember", NOW) for n in range(12)]
    used = await asyncio.gather(*tries, return_exceptions=True)
    assert used.count("bm") == 1
    made = await asyncio.gather(*(feeds.make(both[n % 2], "bm", NOW) for n in range(6)))
    assert len([token for token in made if await feeds.holder(both[0], token)]) == 1
    draft = await drafts.begin(both[0], "bm", NOW)
    await asyncio.gather(drafts.keep(both[0], "bm", draft, {"a": 1}, NOW), drafts.throw_away(both[1], "bm", draft))
    assert await drafts.drafts(both[1], "bm") == []
    for register in both:
        await register.close()


async def test_what_a_write_has_read_stays_true_until_it_is_done(where: Path | str, tmp_path: Path) -> None:
    both = await pair(where, Ring.load_or_make(tmp_path / "ring.json"))
    one, two = both
    begun, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly(db: Connection) -> list[str]:
        before = db.scalars(select(ProclaimedRow.name)).all()
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(30)
        return [*before, *db.scalars(select(ProclaimedRow.name)).all()]

    first = asyncio.ensure_future(one.write(slowly))
    await begun.wait()
    second = asyncio.ensure_future(two.proclaim("england", NOW.date(), "Royal birth"))
    assert await two.proclaimed("england") == {}  # who only reads waits for nobody
    assert not second.done()
    go_on.set()
    assert await first == []
    await second
    assert await one.proclaimed("england") == {NOW.date(): "Royal birth"}
    for register in both:
        await register.close()


async def test_what_is_read_is_one_state_and_writes_nothing(where: Path | str, tmp_path: Path) -> None:
    both = await pair(where, Ring.load_or_make(tmp_path / "ring.json"))
    loop = asyncio.get_running_loop()

    def twice(db: Connection) -> tuple[int, int]:
        before = len(db.scalars(select(ProclaimedRow.name)).all())
        asyncio.run_coroutine_threadsafe(both[1].proclaim("england", NOW.date(), "Royal birth"), loop).result(30)
        return before, len(db.scalars(select(ProclaimedRow.name)).all())

    assert await both[0].read(twice) == (0, 0)
    assert len(await both[0].proclaimed("england")) == 1
    for register in both:
        await register.close()


async def test_who_reads_cannot_write_on_postgresql(postgresql: str, tmp_path: Path) -> None:
    values = {"calendar": "england", "day": NOW.date(), "name": "Royal birth"}
    async with await Register.open(postgresql, Ring.load_or_make(tmp_path / "ring.json")) as register:
        with pytest.raises(DBAPIError, match="read-only transaction"):
            await register.read(lambda db: db.execute(insert(ProclaimedRow), values))


async def test_a_write_lock_that_is_held_for_ever_is_given_up_on(
    postgresql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.1)
    async with await Register.open(postgresql, Ring.load_or_make(tmp_path / "ring.json")) as register:
        with behind(postgresql) as holder:
            holder.exec_driver_sql(f"SELECT pg_advisory_xact_lock({database._WRITE_LOCK})")
            with pytest.raises(DBAPIError, match="lock timeout"):
                await register.proclaim("england", NOW.date(), "Royal birth")


# ---- the same on both


@pytest.mark.parametrize("statement", ["UPDATE reads SET what = 'x'", "DELETE FROM reads", "TRUNCATE reads"])
async def test_the_database_itself_refuses_to_change_who_has_read_what(
    where: Path | str, register: Register, statement: str
) -> None:
    for _ in range(2):
        await accounts.note_read(register, Viewer("bm", "demo", "bm", False), REFERENCE, "case", NOW)
    with pytest.raises(DBAPIError, match="reads are append-only"), behind(where) as db:
        db.exec_driver_sql(in_its_words(db, statement))
    assert await register.read(lambda db: db.scalars(select(ReadRow.number)).all()) == [1, 2]


async def test_text_is_ordered_by_its_bytes(register: Register) -> None:
    names = ["B-2", "a-1", "É-3", "Z-4", "_-5", "a_6", "10", "9"]
    for name in names:
        await register.append(name, Story(name).start("decide", due=None).events)
        await accounts.invite(register, name, "demo", name, NOW)
    expected = sorted(names, key=str.encode)
    found = await queries.cases(register, CaseFilter(order="reference"))
    assert [case.reference for case in found] == expected
    assert [account.name for account in await accounts.accounts(register, "demo")] == expected


async def test_what_no_text_may_hold_reaches_neither(register: Register, tmp_path: Path) -> None:
    office = office_at(register, tmp_path)
    assert (await Browser(build(office)).sign_in("b\0m")).status_code == 400
    browser = await signed_in(office, "bm")
    for path in ("/cases?text=%00", "/cases?stage=a%00b", "/cases/DEMO%00", "/cases/DEMO-2013-001%00/letters"):
        assert (await browser.get(path)).status_code == 404


async def test_a_servers_own_settings_change_nothing(postgresql: str, tmp_path: Path) -> None:
    ring = Ring.load_or_make(tmp_path / "ring.json")
    with behind(postgresql) as db:
        settings = (
            "TimeZone = 'Asia/Kathmandu'",
            "DateStyle = 'SQL, DMY'",
            "default_transaction_isolation = 'serializable'",
        )
        for setting in settings:
            db.execute(text(f"ALTER DATABASE {db.engine.url.database} SET {setting}"))
    both = await pair(postgresql, ring)
    await both[0].append(REFERENCE, a_story().events)
    assert await verify(both[0]) == []
    assert await queries.events(both[1], REFERENCE) == a_story().events
    filed = await asyncio.gather(*(both[n % 2].file_referral("MK", 2014, "mk", {"case": n}) for n in range(10)))
    assert sorted(filed) == [f"MK-2014-{n:03d}" for n in range(1, 11)]
    for register in both:
        await register.close()


async def test_a_dump_is_put_back_and_verified(postgresql: str, server: Server, tmp_path: Path) -> None:
    ring, dump = Ring.load_or_make(tmp_path / "ring.json"), tmp_path / "register.dump"
    async with await Register.open(postgresql, ring) as register:
        await register.append(REFERENCE, a_story().events)
        await journal.append(register, "mk", lesson("Kept."), NOW)
        await register.file_referral("MK", 2014, "mk", {"case": 1})
        kept = await heads(register)
    with server.database() as other:
        server.run("pg_dump", "--format=custom", f"--file={dump}", postgresql)
        server.run("pg_restore", "--no-owner", f"--dbname={other}", dump)
        async with await Register.open(other, ring) as register:
            assert (await heads(register), await verify(register, kept)) == (kept, [])
            assert await register.referral("MK-2014-001") == {"case": 1}
        with pytest.raises(DBAPIError, match="events are append-only"), behind(other) as db:
            db.exec_driver_sql("DELETE FROM events")


async def test_a_role_with_the_rights_in_the_handbook_is_enough(server: Server, tmp_path: Path) -> None:
    server.sql("CREATE ROLE scr LOGIN")
    with server.database() as url:
        name = str(database.url_of(url).database)
        server.sql(f"ALTER DATABASE {name} OWNER TO scr")
        async with await Register.open(server.url(name, "scr"), Ring.load_or_make(tmp_path / "ring.json")) as register:
            assert await register.file_referral("MK", 2013, "mk", {"case": 1}) == "MK-2013-001"
            assert await register.purge()
            assert await verify(register) == []
    server.sql("DROP ROLE scr")


async def test_a_role_without_them_is_told(server: Server, migrated: str, tmp_path: Path) -> None:
    server.sql("CREATE ROLE stranger LOGIN")
    with server.database(migrated) as url:
        stranger = server.url(str(database.url_of(url).database), "stranger")
        with pytest.raises(RegisterDown, match=r"^The register in .* cannot be used: permission denied for .*\.$"):
            await Register.open(stranger, Ring.load_or_make(tmp_path / "ring.json"))
    server.sql("DROP ROLE stranger")
