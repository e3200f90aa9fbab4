"""The chain: every way of tampering with events is named, and the database itself refuses to change them."""

from datetime import date
from pathlib import Path

import pytest
from register_stories import REFERENCE, Story, a_story, behind, in_its_words, tamper
from sqlalchemy.exc import DBAPIError

from register.audit import Fault, Head, heads, verify
from register.chain import canonical, genesis, link
from register.store import Register


async def test_the_chain_is_sha256_over_the_hash_before_and_the_canonical_event(register: Register) -> None:
    events = a_story().events
    await register.append(REFERENCE, events)
    head = genesis(REFERENCE)
    for event in events:
        head = link(head, canonical(event))
    assert await heads(register) == [Head(REFERENCE, len(events), head)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET kind = 'met' WHERE seq = 2",
        "DELETE FROM events WHERE seq = 8",
        "INSERT OR REPLACE INTO events SELECT * FROM events WHERE seq = 2",
        "TRUNCATE events",
    ],
)
async def test_the_database_itself_refuses_to_change_events(
    where: Path | str, register: Register, statement: str
) -> None:
    await register.append(REFERENCE, a_story().events)
    with pytest.raises(DBAPIError, match="events are append-only"), behind(where) as db:
        db.exec_driver_sql(in_its_words(db, statement))


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE events SET body = replace(body, 'Counted.', 'Miscounted.') WHERE seq = 2", {(2, "changed")}),
        ("UPDATE events SET body = 'no JSON' WHERE seq = 2", {(2, "changed")}),
        ("UPDATE events SET \"on\" = '2013-07-09' WHERE seq = 2", {(2, "changed")}),
        ("UPDATE events SET kind = 'moved' WHERE seq = 2", {(2, "changed")}),
        ("UPDATE events SET step = NULL WHERE seq = 2", {(2, "changed")}),
        ("UPDATE events SET at = '2013-07-08 09:31:00.000000' WHERE seq = 2", {(2, "changed")}),
        ("UPDATE events SET at = 'yesterday' WHERE seq = 2", {(2, "changed")}),
        ("UPDATE events SET previous = 'none' WHERE seq = 2", {(2, "broken"), (2, "changed")}),
        ("UPDATE events SET hash = previous WHERE seq = 2", {(2, "changed"), (3, "broken")}),
        ("DELETE FROM events WHERE seq = 3", {(3, "missing")}),
        ("DELETE FROM events WHERE seq = 1", {(1, "missing")}),
        ("DELETE FROM events WHERE seq > 5", {(6, "cut off")}),
        ("DELETE FROM events", {(1, "cut off")}),
        ("DELETE FROM cases", {(8, "missing")}),
        ("UPDATE events SET reference = 'MK-2013-002'", {(8, "missing"), (1, "broken"), (1, "cut off")}),
        ("UPDATE events SET seq = 0 WHERE seq = 2", {(0, "inserted"), (0, "changed"), (1, "broken"), (2, "missing")}),
        (
            'INSERT INTO events SELECT reference, 9, at, "on", kind, step, body, previous, hash FROM events'
            " WHERE seq = 8",
            {(9, "inserted"), (9, "broken"), (9, "changed")},
        ),
    ],
)
async def test_tampering_is_named(
    where: Path | str, register: Register, statement: str, what: set[tuple[int, str]]
) -> None:
    await register.append(REFERENCE, a_story().events)
    await register.append("MK-2013-003", a_story("MK-2013-003").events[:3])
    tamper(where, statement + (" AND" if "WHERE" in statement else " WHERE") + " reference = 'MK-2013-001'")
    assert {(fault.seq, fault.what) for fault in await verify(register)} >= what
    assert all(fault.reference != "MK-2013-003" for fault in await verify(register))


async def test_two_events_swapped_are_named(where: Path | str, register: Register) -> None:
    await register.append(REFERENCE, a_story().events)
    tamper(where, "UPDATE events SET seq = -seq WHERE seq IN (2, 3)")
    tamper(where, "UPDATE events SET seq = 5 + seq WHERE seq < 0")
    faults = await verify(register)
    assert {(2, "broken"), (2, "changed"), (3, "broken"), (3, "changed"), (4, "broken")} <= {f[1:3] for f in faults}


async def test_a_fault_is_a_plain_sentence(where: Path | str, register: Register) -> None:
    await register.append(REFERENCE, a_story().events)
    tamper(where, "DELETE FROM events WHERE seq IN (3, 4)")
    assert await verify(register) == [
        Fault(REFERENCE, 3, "missing", "Events 3 to 4 are missing (MK-2013-001)."),
    ]


async def test_a_wholly_rewritten_register_is_found_by_heads_kept_elsewhere(
    where: Path | str, register: Register
) -> None:
    await register.append(REFERENCE, a_story().events)
    kept = await heads(register)
    tamper(where, "DELETE FROM events WHERE seq > 6")
    with behind(where) as db:
        hash_ = str(db.exec_driver_sql("SELECT hash FROM events WHERE seq = 6").scalar())
    tamper(where, "UPDATE cases SET last_seq = 6, head = :head", head=hash_)
    assert await verify(register) == []
    assert {(f.seq, f.what) for f in await verify(register, kept)} == {(7, "cut off")}
    others = Story().events + [event.model_copy(update={"on": date(2013, 7, 9)}) for event in a_story().events[1:6]]
    tamper(where, "DELETE FROM events")
    for table in ("steps", "letters", "cases"):
        tamper(where, f"DELETE FROM {table}")
    await register.append(REFERENCE, others)
    assert await verify(register) == []
    rewritten = [Head(REFERENCE, 6, hash_)]
    assert {(f.seq, f.what) for f in await verify(register, rewritten)} == {(6, "rewritten")}


async def test_a_register_that_grew_agrees_with_heads_kept_before(register: Register) -> None:
    await register.append(REFERENCE, a_story().events[:4])
    kept = await heads(register)
    await register.append(REFERENCE, a_story().events)
    assert await verify(register, kept) == []
