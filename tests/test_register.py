"""The register: events added once and in order, the chain, what is read from them, references, migrations."""

import asyncio
import multiprocessing
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from register_stories import AT, DAY, REFERENCE, Story, a_story, behind, procedure, tamper
from sqlalchemy import Connection
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.register import RegisterActivities
from models import events as ev
from models.decisions import Adopt, Close, Correct, Reconsider
from models.messages import EventBatch
from models.telling import in_words
from register import queries
from register.audit import verify
from register.chain import canonical
from register.errors import Gap, RegisterError
from register.queries import CaseFilter
from register.sealed import Ring
from register.store import Register
from register.tables import Base

# Appending


async def test_events_are_kept_as_they_were_and_twice_is_once(register: Register) -> None:
    events = a_story().events
    assert await register.append(REFERENCE, events) == len(events)
    assert await register.append(REFERENCE, events[2:]) == len(events)
    assert await queries.events(register, REFERENCE) == events
    assert await queries.events(register, REFERENCE, after=3) == events[3:]
    assert await verify(register) == []


async def test_batches_may_overlap_what_is_there(register: Register) -> None:
    events = a_story().events
    await register.append(REFERENCE, events[:4])
    assert await register.append(REFERENCE, events[1:]) == len(events)
    assert await queries.events(register, REFERENCE) == events


async def test_nothing_to_append_is_nothing(register: Register) -> None:
    assert await register.append(REFERENCE, []) == 0


@pytest.mark.parametrize(("order", "missing"), [([1], 1), ([0, 2], 2), ([0, 2, 1], 2), ([0, 1, 4], 3)])
async def test_a_gap_is_refused_by_its_number_and_leaves_nothing(
    register: Register, order: list[int], missing: int
) -> None:
    events = a_story().events
    with pytest.raises(Gap, match=f"^Event {missing} of {REFERENCE} is missing: send it before event ") as refused:
        await register.append(REFERENCE, [events[n] for n in order])
    assert refused.value.missing == missing
    assert await queries.events(register, REFERENCE) == []


async def test_other_content_under_a_number_that_is_taken_is_refused(register: Register) -> None:
    events = a_story().events
    await register.append(REFERENCE, events)
    other = events[1].model_copy(update={"because": "Counted otherwise."})
    with pytest.raises(RegisterError, match=f"^Event 2 of {REFERENCE} is kept with other content"):
        await register.append(REFERENCE, [other])
    assert await queries.events(register, REFERENCE) == events


async def test_a_case_begins_with_its_own_opening_and_opens_once(register: Register) -> None:
    events = a_story().events
    with pytest.raises(RegisterError, match=r"a case opens once, with event 1\."):
        await register.append(REFERENCE, [events[1].model_copy(update={"seq": 1})])
    with pytest.raises(RegisterError, match="cannot be kept as MK-2013-002"):
        await register.append("MK-2013-002", events[:1])
    await register.append(REFERENCE, events)
    with pytest.raises(RegisterError, match="is 'opened': a case opens once"):
        await register.append(REFERENCE, [events[0].model_copy(update={"seq": len(events) + 1})])


async def test_a_body_from_before_a_field_was_added_is_still_the_same(where: Path | str, register: Register) -> None:
    story = Story().add(ev.Met, step="notify")
    await register.append(REFERENCE, story.events)
    body = canonical(story.events[1]).replace('"late_by":null,', "")
    tamper(where, "UPDATE events SET body = :body WHERE seq = 2", body=body)
    assert await register.append(REFERENCE, story.events) == 2


async def test_ten_tasks_with_the_same_batch_have_one_effect(register: Register) -> None:
    events = a_story().events
    assert set(await asyncio.gather(*(register.append(REFERENCE, events) for _ in range(10)))) == {len(events)}
    assert await queries.events(register, REFERENCE) == events


def _append_in_a_process(where: Path | str, keys: Path, start: Any) -> None:
    async def run() -> None:
        start.wait()
        async with await Register.open(where, Ring.load_or_make(keys)) as register:
            for n in range(1, len(a_story().events) + 1):
                await register.append(REFERENCE, a_story().events[:n])
            await register.file_referral("MK", 2014, "mk", {"case": "the same"})

    asyncio.run(run())


async def test_two_processes_that_open_a_new_register_at_once_have_one_effect(bare: Path | str, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    processes = [
        context.Process(target=_append_in_a_process, args=(bare, tmp_path / "ring.json", start)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        await asyncio.to_thread(process.join)
    assert [process.exitcode for process in processes] == [0, 0]
    async with await Register.open(bare, Ring.load_or_make(tmp_path / "ring.json")) as register:
        assert await queries.events(register, REFERENCE) == a_story().events
        assert await register.referral("MK-2014-001") == {"case": "the same"}
        assert await verify(register) == []


# What is read


async def test_a_case_its_steps_and_letters_are_read_from_its_events(register: Register) -> None:
    await register.append(REFERENCE, a_story().events)
    case = await queries.case(register, REFERENCE)
    assert (case.stage, case.state, case.how, case.notified_on) == ("Stage 3", "open", None, "2013-07")
    assert (case.waiting_for, case.next_due, case.opened_at) == (("sub-group[health]",), date(2013, 8, 8), AT)
    assert (case.board, case.procedure, case.procedure_title) == ("milton-keynes", "tiny", "Tiny 1")
    assert not case.is_overdue(date(2013, 8, 8))
    assert case.is_overdue(date(2013, 8, 9))
    open_step, done = await queries.steps(register, REFERENCE)
    assert (open_step.key, open_step.row, open_step.since, open_step.expires) == ("decide", "002-3", DAY, AT)
    assert (done.key, done.state, done.outcome, done.met_on, done.late_by) == ("recommend", "done", "scr", DAY, 2)
    assert open_step.is_overdue(date(2013, 8, 9))
    assert not done.is_overdue(date(2013, 8, 9))
    sent, failed = await queries.letters(register, REFERENCE)
    assert (sent.letter, sent.state, sent.sha256, sent.sent_at, sent.step) == ("l1", "sent", "ab" * 32, AT, "decide")
    assert (failed.letter, failed.state, failed.because) == ("l2", "failed", "No address.")


async def test_closing_ends_all_waiting_and_reconsidering_begins_it_again(register: Register) -> None:
    story = a_story().take("closed", Close, how="withdrawn")
    await register.append(REFERENCE, story.events)
    case = await queries.case(register, REFERENCE)
    assert (case.state, case.how, case.stage, case.waiting_for, case.next_due) == (
        "closed", "withdrawn", "Withdrawn", (), None,
    )  # fmt: skip
    assert not case.is_overdue(date(2014, 1, 1))
    await register.append(REFERENCE, story.take("reconsidered", Reconsider, step="decide").events)
    assert (await queries.case(register, REFERENCE)).waiting_for == ("sub-group[health]",)


async def test_a_correction_returns_to_the_procedure_the_case_opened_with(register: Register) -> None:
    story = a_story().take("adopted", Adopt, procedure=procedure("2"))
    await register.append(REFERENCE, story.events)
    assert (await queries.case(register, REFERENCE)).procedure_title == "Tiny 2"
    await register.append(REFERENCE, story.take("corrected", Correct, decision="12345678").events)
    assert (await queries.case(register, REFERENCE)).procedure_title == "Tiny 1"


async def test_cases_are_filtered_ordered_and_paged(register: Register) -> None:
    for reference, board, due in (("MK-2013-001", "a", 9), ("MK-2013-002", "a", None), ("BU-2013-001", "b", 3)):
        day = date(2013, 8, due) if due else None
        story = Story(reference, board).start("decide", "chair[x]" if board == "b" else "chair", day)
        await register.append(reference, story.events)
    done = Story("MK-2012-001", "a").start("decide").take("closed", Close)
    await register.append("MK-2012-001", done.events)

    async def listed(**which: Any) -> list[str]:
        found = await queries.cases(register, CaseFilter(**which))
        if "limit" not in which and "offset" not in which:
            assert await queries.count_cases(register, CaseFilter(**which)) == len(found)
        return [case.reference for case in found]

    every = ["BU-2013-001", "MK-2013-001", "MK-2012-001", "MK-2013-002"]
    assert await listed() == every
    assert await listed(order="reference") == sorted(every)
    assert await listed(order="opened") == sorted(every)
    assert await listed(limit=2) == every[:2]
    assert await listed(limit=2, offset=3) == every[3:]
    assert await listed(state="closed") == ["MK-2012-001"]
    assert await listed(board="b") == ["BU-2013-001"]
    assert await listed(overdue_on=date(2013, 8, 3)) == []
    assert await listed(overdue_on=date(2013, 8, 4)) == ["BU-2013-001"]
    assert await listed(waiting_for="chair", order="reference") == ["BU-2013-001", "MK-2013-001", "MK-2013-002"]
    assert await listed(waiting_for="chair[x]") == ["BU-2013-001"]
    assert await listed(waiting_for="hai") == []
    assert await listed(text="2013-00", state="open", board="a") == ["MK-2013-001", "MK-2013-002"]
    assert await listed(text="bu-") == ["BU-2013-001"]
    assert await listed(text="%") == []
    assert await listed(begins="MK-2013") == ["MK-2013-001", "MK-2013-002"]
    assert await listed(begins="MK", state="closed") == ["MK-2012-001"]
    assert await listed(begins="2013") == []
    assert await queries.count_cases(register, most=3) == 3


async def test_what_is_not_there_is_said(register: Register) -> None:
    with pytest.raises(RegisterError, match=r"There is no case MK-1\."):
        await queries.case(register, "MK-1")
    with pytest.raises(RegisterError, match=r"There is no referral MK-1\."):
        await register.referral("MK-1")
    with pytest.raises(RegisterError, match="There is no case MK-1 with events"):
        await register.rebuild("MK-1")
    assert await queries.events(register, "MK-1") == []


async def test_history_has_a_sentence_for_every_event(register: Register) -> None:
    await register.append(REFERENCE, a_story().events)
    lines = [in_words(event) for event in await queries.events(register, REFERENCE)]
    assert lines == [
        "The case was opened under Tiny 1.",
        "Recommend: due Monday 22 July 2013. Counted.",
        "Decide: due Thursday 8 August 2013. Counted.",
        "Outcome: scr, 2 days late. Decided by A. Nobody: So it was agreed.",
        'Letter "notice" to ofsted must go.',
        'Letter "notice" to ofsted must go.',
        "Letter l1 to ofsted went out.",
        "Letter l2 to ofsted did not go: No address.",
    ]


# References and proclaimed days


async def test_twenty_referrals_at_once_get_twenty_references_without_gaps(register: Register) -> None:
    filings = [register.file_referral("MK", 2013, "mk", {"case": n}) for n in range(20)]
    assert sorted(await asyncio.gather(*filings)) == [f"MK-2013-{n:03d}" for n in range(1, 21)]


async def test_references_count_per_board_and_year_and_repetitions_do_not_count(register: Register) -> None:
    async def file(code: str, year: int, content: int) -> str:
        return await register.file_referral(code, year, code.lower(), {"case": content})

    assert [await file("MK", 2013, 1), await file("MK", 2013, 1), await file("MK", 2013, 2)] == [
        "MK-2013-001", "MK-2013-001", "MK-2013-002",
    ]  # fmt: skip
    assert [await file("MK", 2014, 3), await file("BU", 2013, 1)] == ["MK-2014-001", "BU-2013-001"]


async def test_a_reference_is_not_allotted_to_a_case_that_has_it_already(register: Register) -> None:
    await register.append("MK-2013-007", a_story("MK-2013-007").events)
    assert await register.file_referral("MK", 2013, "mk", {}) == "MK-2013-008"


async def test_a_proclaimed_day_is_kept_once_under_one_name(register: Register) -> None:
    await register.proclaim("england", date(2013, 7, 22), "Royal birth")
    await register.proclaim("england", date(2013, 7, 22), "Royal birth")
    await register.proclaim("england", date(2013, 7, 1), "Another")
    assert await register.proclaimed("england") == {date(2013, 7, 1): "Another", date(2013, 7, 22): "Royal birth"}
    assert await register.proclaimed("scotland") == {}
    with pytest.raises(RegisterError, match='already proclaimed in england, as "Royal birth": use that name'):
        await register.proclaim("england", date(2013, 7, 22), "Royal wedding")


# Opening, migrations, the activity


async def test_the_migrations_make_the_tables_that_the_code_expects(where: Path | str, register: Register) -> None:
    with behind(where) as db:
        assert compare_metadata(MigrationContext.configure(db), Base.metadata) == []


async def test_a_register_can_be_opened_by_url_and_again(tmp_path: Path) -> None:
    path = tmp_path / "register.db"
    for where in (f"sqlite:///{path}", path, str(path)):
        async with await Register.open(where, Ring.load_or_make(tmp_path / "ring.json")) as register:
            await register.append(REFERENCE, Story().events)
            pragmas = ("synchronous", "foreign_keys", "busy_timeout", "journal_mode")
            assert [await register.read(_pragma(name)) for name in pragmas] == [2, 1, 30000, "wal"]


def _pragma(name: str) -> Callable[[Connection], object]:
    return lambda db: db.exec_driver_sql(f"PRAGMA {name}").scalar()


async def test_a_moment_without_a_zone_is_refused(register: Register) -> None:
    with pytest.raises(Exception, match="has no time zone"):
        await register.append(REFERENCE, [Story().events[0].model_copy(update={"at": datetime(2013, 7, 8)})])


async def test_the_activity_records_and_stays_visible_where_the_register_refuses(register: Register) -> None:
    events = a_story().events
    record = RegisterActivities(register).record
    batch = EventBatch.model_validate_json(EventBatch(reference=REFERENCE, events=tuple(events)).model_dump_json())
    assert await ActivityEnvironment().run(record, batch) == len(events)
    gap = EventBatch(reference=REFERENCE, events=(events[1].model_copy(update={"seq": 11}),))
    with pytest.raises(Gap, match=r"^Event 9 .* is missing"):  # no ApplicationError: the engine goes on trying
        await ActivityEnvironment().run(record, gap)


async def test_a_database_that_is_down_is_worth_another_try(where: Path | str, register: Register) -> None:
    tamper(where, "ALTER TABLE events RENAME TO elsewhere")
    batch = EventBatch(reference=REFERENCE, events=tuple(a_story().events))
    with pytest.raises(Exception, match=r"no such table|relation .* does not exist") as failed:
        await ActivityEnvironment().run(RegisterActivities(register).record, batch)
    assert not isinstance(failed.value, ApplicationError)
