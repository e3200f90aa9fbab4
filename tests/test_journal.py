"""A board's journal and its retention schedule, without a register: what fits is kept, what does not is refused."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from library import Library
from models.board import BoardError, read_board
from models.journal import (
    Bulletin,
    Disposed,
    DisposedRecords,
    Entry,
    EntryAdapter,
    Held,
    Journal,
    Lesson,
    LessonWithdrawn,
    Published,
    PublishedDocument,
    Released,
    Unpublished,
    apply,
    fold,
    quarter_of,
)
from models.refusal import Refusal
from models.retention import KINDS, Retention, due_for_disposal

CASE, OTHER = "DEMO-2013-001", "DEMO-2013-002"
DAY = date(2026, 11, 22)
SAID: dict[str, Any] = {"by": "bm", "on": DAY, "because": "It is so."}
REPORT = PublishedDocument(document="overview-report", sha256="ab" * 32, media_type="application/pdf", size=10)


def published(reference: str = CASE, month: str = "2017-06", review: str = "Child N", **more: Any) -> Published:
    given = SAID | {"reference": reference, "month": month, "review": review, "sort": "Serious Case Review"}
    return Published(**{**given, "documents": (REPORT,), **more})


def lesson(**more: Any) -> Lesson:
    said = {"source": "Demoshire", "review": "Child N", "where": "Website", "lesson": "Ask.", "relevance": "Here too."}
    return Lesson(**{**SAID, **said, **more})


def disposed(reference: str = CASE, until: date = date(2023, 7, 8), on: date = DAY) -> Disposed:
    records = DisposedRecords(kind="letters", count=1, hashes=("cd" * 32,), period="120 months", kept_until=until)
    given = SAID | {"on": on, "reference": reference, "closed_on": date(2013, 7, 8), "records": (records,)}
    return Disposed(**given, last_event=3, head="ef" * 32)


def numbered(entries: Iterable[Entry]) -> list[Entry]:
    at = datetime(2026, 11, 22, 9, tzinfo=UTC)
    return [entry.model_copy(update={"seq": number, "at": at}) for number, entry in enumerate(entries, 1)]


def journal(*entries: Entry) -> Journal:
    return fold("demo", numbered(entries))


def test_publications_stand_newest_month_first_until_they_are_removed() -> None:
    entries = [
        published(CASE, "2016-01"),
        published(OTHER, "2017-06", "Child Z"),
        published("DEMO-2013-003", "2017-06", "Child A"),
    ]
    assert [entry.review for entry in journal(*entries).publications] == ["Child A", "Child Z", "Child N"]
    left = journal(*entries, Unpublished(**SAID, reference=OTHER))
    assert [entry.review for entry in left.publications] == ["Child A", "Child N"]
    assert [entry.month for entry in journal(*entries, Unpublished(**SAID, reference=CASE), published()).publications]


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([published(), published()], "is published already, as 'Child N'; remove that entry first"),
        ([Unpublished(**SAID, reference=CASE)], "is not in the publication register"),
        ([published(OTHER), Unpublished(**SAID, reference=CASE)], "is not in the publication register"),
        ([LessonWithdrawn(**SAID, lesson=1)], "has no entry 1"),
        ([published(), LessonWithdrawn(**SAID, lesson=1)], "has no entry 1"),
        ([lesson(), LessonWithdrawn(**SAID, lesson=1), LessonWithdrawn(**SAID, lesson=1)], "has no entry 1"),
        ([Released(**SAID, reference=CASE)], "is not under a legal hold"),
        ([Held(**SAID, reference=CASE), Held(**SAID, reference=CASE)], "is under a legal hold already"),
        ([Held(**SAID, reference=CASE, review_on=DAY)], "cannot be reviewed on 2026-11-22; give a later day"),
        ([Held(**SAID, reference=CASE), disposed()], "is under a legal hold since 2026-11-22 (entry 1)"),
        ([disposed(until=DAY)], "are kept until 2026-11-22; dispose of them later"),
        ([Bulletin(**SAID, quarter="2026-Q4", held=(), sha256="ab" * 32)], "2026-Q4 is not over on 2026-11-22"),
        ([Bulletin(**SAID, quarter="2026-Q3", held=(), sha256="ab" * 32)] * 2, "of 2026-Q3 is written already"),
    ],
)
def test_what_does_not_fit_is_refused_by_the_last_entry(entries: list[Entry], says: str) -> None:
    *before, last = numbered(entries)
    standing = fold("demo", before)
    with pytest.raises(Refusal) as refused:
        apply(standing, last)
    assert says in str(refused.value)
    assert str(refused.value).endswith(".")


def test_what_fits_just_so_is_taken() -> None:
    assert journal(disposed(until=date(2026, 11, 21))).disposals
    assert journal(Held(**SAID, reference=OTHER), disposed()).disposals_of(CASE)
    released = journal(Held(**SAID, reference=CASE), Released(**SAID, reference=CASE), disposed())
    assert (released.holds, len(released.disposals_of(CASE))) == ({}, 1)
    assert journal(Held(**SAID, reference=CASE, review_on=date(2026, 11, 23))).holds
    assert journal(Bulletin(**SAID, quarter="2026-Q3", held=(), sha256="ab" * 32)).bulletins


def test_a_gap_in_the_numbers_is_a_fault_not_a_refusal() -> None:
    for wrong in (0, 1, 3):
        with pytest.raises(ValueError, match="does not follow entry 1") as fault:
            apply(journal(published()), lesson().model_copy(update={"seq": wrong}))
        assert not isinstance(fault.value, Refusal)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"review": " "}, "at least 1 character"),
        ({"review": "Child\nN"}, "one line of visible signs"),
        ({"review": "Child \u202eN"}, "one line of visible signs"),
        ({"review": "x" * 201}, "at most 200"),
        ({"month": "2017"}, "is no month"),
        ({"month": "2017-13"}, "is no month"),
        ({"documents": ()}, "at least 1 item"),
        ({"reference": "../etc"}, "pattern"),
        ({"by": ""}, "at least 1 character"),
        ({"name": "Somebody"}, "Extra inputs"),
    ],
)
def test_an_entry_is_checked_by_itself(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        published(**fields)


def test_a_quarter_holds_what_was_entered_in_it_and_still_stands() -> None:
    def on(day: str) -> dict[str, Any]:
        return {"on": date.fromisoformat(day)}

    entries: list[Entry] = [
        lesson(**on("2026-03-31")),
        lesson(**on("2026-04-01")),
        published(**on("2026-06-30")),
        lesson(**on("2026-07-01")),
        lesson(**on("2026-05-05")),
        LessonWithdrawn(**SAID, lesson=5),
    ]
    assert [entry.seq for entry in journal(*entries).of_quarter("2026-Q2")] == [2, 3]
    assert journal(*entries).of_quarter("2025-Q2") == []


@given(st.dates())
def test_every_day_lies_in_one_quarter_of_three_months(day: date) -> None:
    year, number = quarter_of(day).split("-Q")
    assert int(year) == day.year
    assert (int(number) - 1) * 3 < day.month <= int(number) * 3


REFERENCES = st.sampled_from([CASE, OTHER])
ENTRIES = st.one_of(
    REFERENCES.map(published),
    REFERENCES.map(lambda reference: Unpublished(**SAID, reference=reference)),
    REFERENCES.map(lambda reference: Held(**SAID, reference=reference)),
    REFERENCES.map(lambda reference: Released(**SAID, reference=reference)),
    REFERENCES.map(disposed),
    st.just(lesson()),
    st.integers(1, 12).map(lambda number: LessonWithdrawn(**SAID, lesson=number)),
)


@given(st.lists(ENTRIES, max_size=30))
def test_however_it_is_used_the_journal_agrees_with_a_plain_account(given_entries: list[Entry]) -> None:
    """Taken one by one, refusals skipped: the same as plain sets say, and the same when folded again from JSON."""
    public: set[str] = set()
    held: set[str] = set()
    lessons: set[int] = set()
    now, taken = Journal(board="demo"), []
    for given_entry in given_entries:
        entry = given_entry.model_copy(update={"seq": now.seq + 1})
        match entry:
            case Published(reference=of):
                fits = of not in public
            case Unpublished(reference=of):
                fits = of in public
            case Held(reference=of) | Disposed(reference=of):
                fits = of not in held
            case Released(reference=of):
                fits = of in held
            case LessonWithdrawn(lesson=number):
                fits = number in lessons
            case _:
                fits = True
        try:
            now = apply(now, entry)
        except Refusal:
            assert not fits, entry
            continue
        assert fits, entry
        taken.append(entry)
        match entry:
            case Published(reference=of):
                public.add(of)
            case Unpublished(reference=of):
                public.discard(of)
            case Held(reference=of):
                held.add(of)
            case Released(reference=of):
                held.discard(of)
            case Lesson(seq=number):
                lessons.add(number)
            case LessonWithdrawn(lesson=number):
                lessons.discard(number)
    assert (set(now.published), set(now.holds), set(now.lessons)) == (public, held, lessons)
    assert fold("demo", [EntryAdapter.validate_json(entry.model_dump_json()) for entry in taken]) == now


# ---- retention


def test_each_kind_is_kept_through_its_last_day_and_may_go_on_the_next() -> None:
    keeps = due_for_disposal(date(2013, 8, 31), Retention(letters="6 months", documents="1 day", referral="1 week"))
    assert [(keep.kind, str(keep.until), str(keep.from_day)) for keep in keeps] == [
        ("documents", "2013-09-01", "2013-09-02"),
        ("referral", "2013-09-07", "2013-09-08"),
        ("letters", "2014-02-28", "2014-03-01"),
        ("identifiers", "2038-08-31", "2038-09-01"),
    ]


def test_what_is_searched_for_is_kept_as_long_as_what_is_searched() -> None:
    for shorter in ({"identifiers": "299 months"}, {"referral": "1 week"}):
        with pytest.raises(ValueError, match="kept at least as long as documents"):
            Retention(**shorter)


@pytest.mark.parametrize(("closed", "until"), [("2013", "2014-01-31"), ("2013-02", "2013-03-28")])
def test_a_partial_day_of_closing_counts_as_its_last(closed: str, until: str) -> None:
    keeps = {keep.kind: str(keep.until) for keep in due_for_disposal(closed, Retention(letters="1 month"))}
    assert keeps["letters"] == until


@given(st.dates(date(1, 1, 1), date(9000, 1, 1)), st.integers(1, 1200), st.integers(1, 1200))
def test_a_longer_period_never_ends_earlier_and_none_before_the_close(closed: date, months: int, more: int) -> None:
    short, long = (
        {keep.kind: keep for keep in due_for_disposal(closed, Retention(letters=f"{n} months"))}["letters"]
        for n in (months, months + more)
    )
    assert closed < short.until < short.from_day <= long.until


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('letters = "10 years"', "years, which are counted in months here"),
        ('letters = "10 working days"', "is no period of keeping"),
        ('letters = "immediately"', "is no period of keeping"),
        ('letters = "7 clear days"', "is no period of keeping"),
        ('photographs = "10 months"', "retention.photographs"),
    ],
)
def test_a_board_writes_its_own_schedule_and_is_told_what_is_wrong_with_it(line: str, says: str) -> None:
    text = (Library().boards()["demo"]).read_text(encoding="utf-8")
    own = read_board(f'{text}\n[retention]\nletters = "36 months"\n')
    assert [own.retention.period(kind) for kind in KINDS] == ["300 months"] * 3 + ["36 months"]
    with pytest.raises(BoardError) as refused:
        read_board(f"{text}\n[retention]\n{line}\n")
    assert says in str(refused.value)
