"""Journals in the register: added only, chained, verified; and disposal, after which nothing is left in the files."""

import asyncio
import sqlite3
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from register_stories import REFERENCE, a_story, behind, in_files, in_its_words, tamper
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from models.decisions import Close
from models.journal import Disposed, Entry, Held, Lesson, Published, PublishedDocument, Released, Unpublished
from models.refusal import Refusal
from models.retention import RecordKind, Retention
from register import disposal, journal, papers, queries
from register.audit import Head, heads, verify
from register.chain import canonical_json, genesis, link
from register.errors import RegisterError
from register.store import Register
from register.tables import ContentRow, EventRow, IdentifierRow, ReferralRow

BOARD = "milton-keynes"
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
SAID: dict[str, Any] = {"by": "bm", "on": date(2026, 11, 22), "because": "It is so."}
LATE = Retention(referral="12 months", identifiers="12 months", documents="12 months", letters="6 months")
CHILD = {"name": "Somebody Invented"}


def held(reference: str = REFERENCE) -> Held:
    return Held(**SAID, reference=reference)


def lesson() -> Lesson:
    return Lesson(**SAID, source="A", review="Child N", where="B", lesson="C", relevance="D")


async def three_entries(register: Register, board: str = BOARD) -> list[Entry]:
    return [await journal.append(register, board, entry, NOW) for entry in (held(), lesson(), lesson())]


# ---- the chain


async def test_entries_are_numbered_chained_and_read_back(register: Register) -> None:
    entries = await three_entries(register)
    await journal.append(register, "other", lesson(), NOW)
    assert [(entry.seq, entry.at) for entry in entries] == [(1, NOW), (2, NOW), (3, NOW)]
    known = await journal.journal(register, BOARD)
    assert (known.seq, list(known.holds), list(known.lessons)) == (3, [REFERENCE], [2, 3])
    assert (await journal.journal(register, "nobody")).seq == 0
    head = genesis(f"journal {BOARD}")
    for number, entry in enumerate(entries, 1):
        head = link(head, canonical_json(entry))
        assert (await journal.hashes(register, BOARD))[number] == head
    assert Head(f"journal {BOARD}", 3, head) in await heads(register)
    assert await verify(register) == []


async def test_a_refused_entry_leaves_nothing(register: Register) -> None:
    await three_entries(register)
    before = await heads(register)
    with pytest.raises(Refusal, match="is under a legal hold already"):
        await journal.append(register, BOARD, held(), NOW)
    assert await heads(register) == before
    assert (await journal.append(register, BOARD, lesson(), NOW)).seq == 4


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET kind = 'held' WHERE seq = 2",
        "DELETE FROM journal WHERE seq = 3",
        "INSERT OR REPLACE INTO journal SELECT * FROM journal WHERE seq = 2",
        "TRUNCATE journal",
    ],
)
async def test_the_database_itself_refuses_to_change_a_journal(
    where: Path | str, register: Register, statement: str
) -> None:
    await three_entries(register)
    with pytest.raises(DBAPIError, match="journal is append-only"), behind(where) as db:
        db.exec_driver_sql(in_its_words(db, statement))


@pytest.mark.parametrize(
    ("statement", "faults"),
    [
        ("UPDATE journal SET body = replace(body, 'Child N', 'Child M') WHERE seq = 2", {(2, "changed")}),
        ("UPDATE journal SET kind = 'held' WHERE seq = 2", {(2, "changed")}),
        ("UPDATE journal SET at = '2026-11-22 09:01:00.000000' WHERE seq = 2", {(2, "changed")}),
        ("UPDATE journal SET hash = previous WHERE seq = 2", {(2, "changed"), (3, "broken")}),
        ("DELETE FROM journal WHERE seq = 2", {(2, "missing")}),
        ("DELETE FROM journal WHERE seq = 3", {(3, "cut off")}),
        ("DELETE FROM journal", {(1, "cut off")}),
        ("DELETE FROM journal_heads", {(3, "missing")}),
        ("UPDATE journal SET board = 'elsewhere'", {(3, "missing"), (1, "broken"), (1, "cut off")}),
        ("UPDATE journal SET seq = CASE seq WHEN 1 THEN -2 ELSE -1 END WHERE seq < 3", set()),
    ],
)
async def test_tampering_with_a_journal_is_named(
    where: Path | str, register: Register, statement: str, faults: set[tuple[int, str]]
) -> None:
    await three_entries(register)
    await three_entries(register, "other")
    await register.append(REFERENCE, a_story().events)
    of_board = f"{'AND' if 'WHERE' in statement else 'WHERE'} board = '{BOARD}'"
    tamper(where, f"{statement} {of_board}")
    if "CASE" in statement:  # two swapped
        tamper(where, "UPDATE journal SET seq = -seq WHERE seq < 0")
        faults = {(1, "broken"), (1, "changed"), (2, "broken"), (2, "changed"), (3, "broken")}
    found = await verify(register)
    assert {(fault.seq, fault.what) for fault in found} >= faults != set()
    assert {fault.reference for fault in found} <= {f"journal {BOARD}", "journal elsewhere"}
    assert all("entr" in fault.text.lower() for fault in found)


async def test_a_journal_rewritten_together_with_its_head_is_found_by_heads_kept_elsewhere(
    where: Path | str, register: Register
) -> None:
    await three_entries(register)
    kept = await heads(register)
    hashes = await journal.hashes(register, BOARD)
    tamper(where, "DELETE FROM journal WHERE seq = 3")
    tamper(where, f"UPDATE journal_heads SET last_seq = 2, head = '{hashes[2]}'")
    assert await verify(register) == []
    assert [(fault.seq, fault.what) for fault in await verify(register, kept)] == [(3, "cut off")]
    await journal.append(register, BOARD, held("MK-2013-009"), NOW)
    assert [(fault.seq, fault.what) for fault in await verify(register, kept)] == [(3, "rewritten")]


async def test_a_journal_that_was_cut_off_takes_no_entry(where: Path | str, register: Register) -> None:
    await three_entries(register)
    tamper(where, "DELETE FROM journal WHERE seq = 3")
    with pytest.raises(RegisterError, match="does not end where it should"):
        await journal.append(register, BOARD, lesson(), NOW)
    tamper(where, "UPDATE journal SET body = 'no JSON' WHERE seq = 1")
    with pytest.raises(RegisterError, match="was tampered with"):
        await journal.journal(register, BOARD)


# ---- disposal


class Filled:
    """A closed case with everything that can be disposed of, and another one that is left alone."""

    def __init__(self, register: Register, where: Path | str, folder: Path) -> None:
        self.register, self.where, self.outbox = register, where, folder / "outbox"
        self.report, self.other = b"", ""

    async def fill(self, closed: date | None = date(2013, 9, 2)) -> "Filled":
        filed = await self.register.file_referral("MK", 2013, BOARD, CHILD)
        assert filed == REFERENCE
        story = a_story()
        if closed is not None:
            story.take("closed", Close)
            event = story.events[-1]
            decision = event.decision.model_copy(update={"made_on": closed})  # type: ignore[union-attr]
            story.events[-1] = event.model_copy(update={"decision": decision, "on": closed})
        await self.register.append(REFERENCE, story.events)
        self.other = await self.register.file_referral("MK", 2013, BOARD, {"name": "Another"})
        for reference in (REFERENCE, self.other):
            await papers.keep(self.register, reference, b"The report of " + reference.encode(), "report.txt")
            await papers.add_identifiers(self.register, reference, [{"kind": "name", "text": "Somebody"}])
            (self.outbox / reference).mkdir(parents=True)
            (self.outbox / reference / "l1.eml").write_text("Dear Sir")
        return self

    def order(self, **changes: Any) -> disposal.Order:
        plain = disposal.Order(BOARD, REFERENCE, "bm", "Its time has run out.", date(2026, 11, 22), LATE)
        return plain._replace(**changes)

    async def dispose(self, **changes: Any) -> Disposed | None:
        return await disposal.dispose(self.register, self.outbox, self.order(**changes), NOW)

    async def kept(self, reference: str = REFERENCE) -> Mapping[RecordKind, int]:
        known = await journal.journal(self.register, BOARD)
        return await disposal.kept(self.register, self.outbox, reference, known)

    async def sealed(self, reference: str) -> list[bytes]:
        """All that is under seal for a case, as it is kept."""
        columns = (ReferralRow.sealed, ContentRow.sealed, ContentRow.name_sealed, IdentifierRow.sealed)
        queries = [select(column).where(column.class_.reference == reference) for column in columns]
        return await self.register.read(lambda db: [blob for query in queries for blob in db.scalars(query)])

    def in_files(self, needle: bytes) -> bool:
        """Whether bytes stand anywhere in the files of the database."""
        return needle in in_files(self.where)


@pytest.fixture
async def filled(register: Register, where: Path | str, tmp_path: Path) -> Filled:
    return await Filled(register, where, tmp_path).fill()


ALL = {"referral": 1, "identifiers": 1, "documents": 1, "letters": 1}


async def test_what_is_disposed_of_is_gone_from_tables_folders_and_files(filled: Filled, register: Register) -> None:
    blobs, others = await filled.sealed(REFERENCE), await filled.sealed(filled.other)
    assert (len(blobs), await filled.kept()) == (4, ALL)
    assert all(filled.in_files(blob) for blob in blobs)
    mark = await register.referral_mark(REFERENCE)
    before = await queries.case(register, REFERENCE)
    entry = await filled.dispose()
    assert await register.purge()
    assert not any(filled.in_files(blob) for blob in blobs)
    assert all(filled.in_files(blob) for blob in others)
    assert not (filled.outbox / REFERENCE).exists()
    assert (filled.outbox / filled.other / "l1.eml").exists()
    assert (await filled.kept(), await filled.kept(filled.other)) == ({}, ALL | {"letters": 1})
    assert entry is not None
    assert {records.kind: records.count for records in entry.records} == ALL
    hashes = {records.kind: records.hashes for records in entry.records}
    assert hashes["referral"] == (mark,)
    assert hashes["documents"] == (papers.hash_of(b"The report of " + REFERENCE.encode()),)
    assert hashes["letters"] == ("ab" * 32,)
    assert {r.kind: (r.period, str(r.kept_until)) for r in entry.records}["letters"] == ("6 months", "2014-03-02")
    assert (entry.last_event, entry.head, entry.closed_on) == (before.last_seq, before.head, date(2013, 9, 2))
    assert await queries.case(register, REFERENCE) == before
    assert await verify(register) == []


async def test_without_a_purge_the_files_would_still_hold_it(filled: Filled) -> None:
    """That the test above can fail: deleting alone leaves it there."""
    blobs = await filled.sealed(REFERENCE)
    await filled.dispose()
    assert any(filled.in_files(blob) for blob in blobs)


async def test_a_referral_that_was_disposed_of_says_so_and_its_number_is_not_given_again(
    filled: Filled, register: Register, where: Path | str
) -> None:
    await filled.dispose()
    with pytest.raises(RegisterError, match=r"MK-2013-001 was disposed of on 2026-11-22; nothing of it is kept\.$"):
        await register.referral(REFERENCE)
    with pytest.raises(RegisterError, match="has no document"):
        await papers.content(register, REFERENCE, papers.hash_of(b"The report of " + REFERENCE.encode()))
    assert await papers.identifiers(register, REFERENCE) == []
    assert await register.file_referral("MK", 2013, BOARD, CHILD) == REFERENCE
    assert await register.file_referral("MK", 2013, BOARD, {"name": "New"}) == "MK-2013-003"
    await register.close()
    async with await Register.open(where, register.ring) as again:
        assert (await again.referral("MK-2013-003"))["name"] == "New"


async def test_only_kinds_whose_time_has_run_out_go_and_the_rest_later(filled: Filled) -> None:
    letters = await filled.dispose(on=date(2014, 3, 3))
    assert letters is not None
    assert [records.kind for records in letters.records] == ["letters"]
    assert await filled.kept() == {"referral": 1, "identifiers": 1, "documents": 1}
    assert await filled.dispose(on=date(2014, 3, 4)) is None
    rest = await filled.dispose(on=date(2014, 9, 3))
    assert rest is not None
    assert [records.kind for records in rest.records] == ["referral", "identifiers", "documents"]
    assert await filled.dispose() is None


@pytest.mark.parametrize("on", [date(2013, 9, 2), date(2014, 3, 2)])
async def test_nothing_goes_before_its_day(filled: Filled, on: date) -> None:
    with pytest.raises(
        Refusal, match=r"before Monday 3 March 2014: its letters are kept for 6 months from its close on Monday 2 S"
    ):
        await filled.dispose(on=on)
    assert await filled.kept() == ALL
    assert (filled.outbox / REFERENCE / "l1.eml").exists()


async def test_nothing_goes_under_a_legal_hold_until_it_is_released(filled: Filled, register: Register) -> None:
    await journal.append(register, BOARD, held(), NOW)
    with pytest.raises(Refusal, match="is under a legal hold since 2026-11-22"):
        await filled.dispose()
    assert await filled.kept() == ALL
    assert (filled.outbox / REFERENCE / "l1.eml").exists()
    await journal.append(register, BOARD, Released(**SAID, reference=REFERENCE), NOW)
    assert await filled.dispose() is not None


async def test_nothing_of_an_open_case_goes(register: Register, where: Path | str, tmp_path: Path) -> None:
    filled = await Filled(register, where, tmp_path).fill(closed=None)
    with pytest.raises(Refusal, match=r"MK-2013-001 is open"):
        await filled.dispose()
    assert await filled.kept() == ALL
    assert (filled.outbox / REFERENCE / "l1.eml").exists()


async def test_broken_off_it_can_be_given_again_and_certifies_all(
    filled: Filled, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The letters are gone from the folder when the transaction fails; nothing else is, and nothing says so."""
    with monkeypatch.context() as patch:

        def broken(*_: object) -> None:
            raise OSError("The power failed.")

        patch.setattr(disposal, "add", broken)
        with pytest.raises(OSError, match="power failed"):
            await filled.dispose()
    assert not (filled.outbox / REFERENCE).exists()
    assert (await journal.journal(register, BOARD)).disposals == ()
    assert (await register.referral(REFERENCE)) == CHILD
    entry = await filled.dispose()
    assert entry is not None
    assert {records.kind: records.count for records in entry.records} == ALL


async def test_given_twice_at_once_it_is_done_once(filled: Filled, register: Register, where: Path | str) -> None:
    async with await Register.open(where, register.ring) as other:
        both = [disposal.dispose(of, filled.outbox, filled.order(), NOW) for of in (register, other)]
        assert [entry is None for entry in sorted(await asyncio.gather(*both), key=bool)] == [True, False]
    assert len((await journal.journal(register, BOARD)).disposals) == 1
    assert await verify(register) == []


async def test_letters_that_came_back_with_a_backup_are_disposed_of_again(filled: Filled) -> None:
    await filled.dispose()
    (filled.outbox / REFERENCE).mkdir()
    (filled.outbox / REFERENCE / "l1.eml").write_text("Dear Sir")
    again = await filled.dispose()
    assert again is not None
    assert [(records.kind, records.count, records.hashes) for records in again.records] == [
        ("letters", 1, ("ab" * 32,))
    ]
    assert not (filled.outbox / REFERENCE).exists()


async def test_published_documents_stay_until_they_are_published_no_longer(filled: Filled, register: Register) -> None:
    sha256 = papers.hash_of(b"The report of " + REFERENCE.encode())
    document = PublishedDocument(document="overview-report", sha256=sha256, media_type="text/plain", size=10)
    given = SAID | {"reference": REFERENCE, "review": "Child N", "sort": "Review", "month": "2013-09"}
    await journal.append(register, BOARD, Published(**given, documents=(document,)), NOW)
    entry = await filled.dispose()
    assert entry is not None
    assert "documents" not in {records.kind for records in entry.records}
    assert await papers.content(register, REFERENCE, sha256) == b"The report of MK-2013-001"
    await journal.append(register, BOARD, Unpublished(**SAID, reference=REFERENCE), NOW)
    last = await filled.dispose()
    assert last is not None
    assert [records.kind for records in last.records] == ["documents"]


async def test_a_disposal_holds_nothing_personal_and_no_event_is_touched(filled: Filled, register: Register) -> None:
    bodies = await register.read(lambda db: db.scalars(select(EventRow.body)).all())
    entry = await filled.dispose()
    assert entry is not None
    assert "Somebody" not in entry.model_dump_json()
    assert await register.read(lambda db: db.scalars(select(EventRow.body)).all()) == bodies
    row = select(ReferralRow.sealed, ReferralRow.key_id).where(ReferralRow.reference == REFERENCE)
    assert (await register.read(lambda db: tuple(db.execute(row).one()))) == (b"", "")


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_a_purge_waits_for_nobody_for_ever(
    filled: Filled, register: Register, where: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled.dispose()
    monkeypatch.setattr("register.database._BUSY_SECONDS", 0)
    async with await Register.open(where, register.ring) as impatient:
        other = sqlite3.connect(where, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert not await impatient.purge()
        other.execute("ROLLBACK")
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM events").fetchone()
        assert not await impatient.purge()
        other.close()
        assert await impatient.purge()


@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
async def test_a_purge_on_postgresql_waits_for_whoever_may_still_see_what_was_deleted(
    filled: Filled, register: Register, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = await filled.sealed(REFERENCE)
    with behind(where) as reader:
        reader.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.exec_driver_sql("SELECT count(*) FROM events")
        await filled.dispose()
        monkeypatch.setattr("register.database._BUSY_SECONDS", 0)
        assert not await register.purge()
    assert await register.purge()
    assert not any(filled.in_files(blob) for blob in blobs)


@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
async def test_a_purge_on_postgresql_waits_for_a_locked_table_as_long_as_for_anything(
    where: str, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("register.database._BUSY_SECONDS", 0.1)
    monkeypatch.setattr("register.database._others_have_ended", lambda _: True)
    async with await Register.open(where, register.ring) as impatient:
        with behind(where) as reader:
            reader.exec_driver_sql("LOCK TABLE referrals IN ACCESS SHARE MODE")
            assert not await impatient.purge()
