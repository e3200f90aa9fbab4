"""Migrations: from every revision, with rows in the tables, to the tables that the code expects; on both databases."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from engine import ROOT
from register_stories import REFERENCE, a_story, behind
from sqlalchemy import Connection, MetaData, Row, insert, select

from models.access import Viewer
from models.decisions import Assign
from models.journal import Lesson
from register import (
    accounts,
    database,
    deliveries,
    drafts,
    feeds,
    journal,
    papers,
    queries,
    single_sign_on,
    upgrading,
    wordings,
)
from register.audit import heads, verify
from register.sealed import Ring
from register.store import Register
from register.tables import Base

REVISIONS = [one.revision for one in ScriptDirectory(str(database.MIGRATIONS)).walk_revisions()][::-1]
NOW = datetime(2026, 11, 22, 9, 30, 15, 123456, tzinfo=UTC)
Rows = dict[str, list[dict[str, Any]]]


async def filled(register: Register) -> None:
    """Have a register hold something of everything."""
    reference = await register.file_referral("MK", 2013, "milton-keynes", {"name": "Zoë Invented"})
    story = a_story(reference).take("assigned", Assign, role="chair", person="chair-to-be")
    await register.append(reference, story.events)
    await register.proclaim("england", date(2013, 7, 22), "Royal birth")
    await papers.keep(register, reference, b"The report.", "report.txt")
    await papers.add_identifiers(register, reference, [{"kind": "name", "text": "Somebody"}])
    said: dict[str, Any] = {"by": "bm", "on": date(2026, 11, 22), "because": "It is so."}
    lesson = Lesson(**said, source="A", review="Child N", where="B", lesson="C", relevance="D")
    await journal.append(register, "milton-keynes", lesson, NOW)
    token = await accounts.invite(register, "bm", "milton-keynes", "bm", NOW, administrator=True)
    await accounts.set_password(register, token, "four words to remember", NOW)
    await accounts.invite(register, "chair", "milton-keynes", "chair", NOW)
    await drafts.begin(register, "bm", NOW)
    await feeds.make(register, "bm", NOW)
    assert await accounts.sign_in(register, "bm", "four words to remember", NOW)
    await single_sign_on.begin(register, "token", "/", NOW)
    await single_sign_on.link(register, "milton-keynes", ["bm"], "https://login.example", "subject")
    viewer = Viewer("bm", "milton-keynes", "bm", True)
    await accounts.note_read(register, viewer, reference, "case", NOW)
    await wordings.save(register, "milton-keynes", wordings.Wording("notice", 1, NOW, "bm", "It is so.", "Dear Sir,"))
    await deliveries.note(register, reference, "l1", ("outbox", "written", None), at=NOW)
    await register.begin(reference, "a decision on its way")


def rows_of(db: Connection) -> Rows:
    return {
        table.name: [dict(row._mapping) for row in db.execute(select(table).order_by(*table.primary_key))]
        for table in Base.metadata.sorted_tables
    }


@pytest.fixture
async def sample(tmp_path: Path) -> Rows:
    """What a register holds that holds something of everything."""
    folder = tmp_path / "sample"
    folder.mkdir()
    async with await Register.open(folder / "register.db", Ring.load_or_make(tmp_path / "ring.json")) as register:
        await filled(register)
        return await register.read(rows_of)


def put(db: Connection, sample: Rows) -> Rows:
    """Write of the sample what the tables of a database at some revision have room for; what was written."""
    there = MetaData()
    there.reflect(db)
    written: Rows = {}
    for table in Base.metadata.sorted_tables:
        if table.name in there.tables:
            columns = [column for column in table.columns if column.name in there.tables[table.name].columns]
            written[table.name] = [{column.name: row[column.name] for column in columns} for row in sample[table.name]]
            if written[table.name]:
                db.execute(insert(table), written[table.name])
    return written


@pytest.mark.parametrize("revision", REVISIONS)
async def test_every_revision_is_brought_up_to_date_with_what_it_holds(
    bare: Path | str, tmp_path: Path, sample: Rows, revision: str
) -> None:
    engine = database.connect(database.url_of(bare))
    upgrading.upgrade(engine, revision)
    engine.dispose()
    with behind(bare) as db:
        written = put(db, sample)
    assert written["events"]
    async with await Register.open(bare, Ring.load_or_make(tmp_path / "ring.json")) as register:
        now: Rows = await register.read(rows_of)
        for table, rows in written.items():
            kept = [{name: row[name] for name in rows[0]} for row in now[table]] if rows else []
            assert kept == rows, table
        assert now["members"] == sample["members"]
        assert await verify(register) == []
        assert len(await heads(register)) == 1 + bool(written.get("journal"))
        assert await register.referral(REFERENCE) == {"name": "Zoë Invented"}
        assert (await queries.case(register, REFERENCE)).last_seq == len(sample["events"])
    with behind(bare) as db:
        assert compare_metadata(MigrationContext.configure(db), Base.metadata) == []
        assert unsorted(db) == []


def unsorted(db: Connection) -> Sequence[Row[Any]]:
    """The text columns that PostgreSQL would sort and compare as a language does."""
    if db.dialect.name != "postgresql":
        return []
    return db.exec_driver_sql(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND data_type NOT IN ('integer', 'bytea', 'boolean', 'date', 'json', 'timestamp with time zone')"
        " AND (collation_name, table_name) IS DISTINCT FROM ('C', table_name) AND table_name <> 'alembic_version'"
    ).all()


async def test_the_sample_holds_something_of_everything(sample: Rows) -> None:
    assert {name for name, rows in sample.items() if not rows} == set()


def test_the_newest_migration_is_told_by_the_names_of_the_files() -> None:
    assert database._newest() == REVISIONS[-1]


OPENING = """
import asyncio, sys
from register import store
from register.sealed import Ring

async def main():
    async with await store.Register.open(sys.argv[1], Ring(None, {"12345678": bytes(32)}, "12345678")) as register:
        await register.file_referral("MK", 2013, "mk", {"number": sys.argv[2]})

asyncio.run(main())
print(*(name for name in ("alembic", "psycopg") if name in sys.modules))
"""


def test_what_is_up_to_date_opens_without_what_takes_long_to_import(tmp_path: Path) -> None:
    for number, imported in enumerate(("alembic", "")):
        command = [sys.executable, "-c", OPENING, str(tmp_path / "register.db"), str(number)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == imported
