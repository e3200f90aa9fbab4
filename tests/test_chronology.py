"""Agencies' chronologies merged: the order, and the gaps, clashes and repetitions that are marked. All invented."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from chronologies import chronologies
from hypothesis import given, settings
from hypothesis import strategies as st

from models.chronology import ChronologyError, Entry, Merged, merge
from models.timescale import days_between, earliest, latest, parse_day


def entry(on: str, event: str = "Home visit", agency: str = "health", row: int = 2, **more: Any) -> Entry:
    source = more.pop("source", "Notes")
    if "until" in more:
        more["until"] = parse_day(more["until"])
    return Entry(agency=agency, row=row, on=parse_day(on), event=event, source=source, **more)


def merged(*entries: Entry, **how: int) -> Merged:
    agencies = {found.agency for found in entries}
    return merge({agency: [e for e in entries if e.agency == agency] for agency in agencies}, **how)


def test_the_order_is_by_first_day_then_last_then_time_then_agency() -> None:
    found = merged(
        entry("2013-08", "f", "police"),
        entry("2013-08-01", "d", "school", at="09:00"),
        entry("2013", "g", "police", row=9),
        entry("2013-08-01", "c", "police", at="09:00", row=3),
        entry("2013-08-01", "b", "school", row=3),
        entry("2013-01-01", "a", "school", row=4),
        entry("2013-08-01", "e", "health", at="10:00"),
    ).entries
    assert "".join(e.event for e in found) == "agbcdef"


def test_a_gap_is_longer_than_its_days_and_counts_the_days_between() -> None:
    # April 2013 begins 91 days after 31 December: 90 days lie between them
    assert merged(entry("2012-12-31"), entry("2013-04-01", "Other")).gaps == ()
    (gap,) = merged(entry("2012-12-31"), entry("2013-04-02", "Other")).gaps
    assert (gap.agency, gap.days, gap.position) == (None, 91, 1)
    assert (gap.after, gap.before) == (date(2012, 12, 31), date(2013, 4, 2))
    assert merged(entry("2013-01-01"), entry("2013-01-04"), gap=1).gaps[0].days == 2
    assert merged(entry("2013-01-01"), entry("2013-01-04"), gap=2).gaps == ()


def test_a_partial_day_or_an_end_leaves_no_false_gap() -> None:
    far = entry("2013-06-30", "Far")
    assert len(merged(entry("2013-01-01"), far).gaps) == 1
    assert merged(entry("2013"), far).gaps == ()  # may be any day of the year
    assert merged(entry("2013-01-01", until="2013-04-01"), far).gaps == ()  # 89 days from 2 April to 29 June
    assert merged(entry("2013-01-01", until="2013-06"), entry("2013-02-01"), far).gaps == ()
    assert merged(entry("2013-01-01"), entry("2013-04"), gap=89).gaps == ()  # April begins on the 1st, 89 days between
    assert merged(entry("2013-01-01"), entry("2013-04"), gap=88).gaps[0].days == 89


def test_a_silence_is_one_agencys_while_others_recorded() -> None:
    found = merged(
        entry("2013-01-01"),
        entry("2013-03-01", "Called", "police", row=2),
        entry("2013-05-01", "Left", "police", row=3),
        entry("2013-06-01", "Weighed", row=3),
    ).gaps
    assert [(gap.agency, gap.days, gap.position, gap.others) for gap in found] == [("health", 150, 3, 2)]


def test_what_may_lie_outside_a_silence_is_no_witness_of_it() -> None:
    silent = [entry("2013-03-10"), entry("2013-09-20", "Weighed", row=3)]
    assert merged(*silent, entry("2013", "Called", "police")).gaps == ()
    (silence,) = merged(*silent, entry("2013-06", "Called", "police")).gaps
    assert silence.others == 1
    # in September it may have been after the silence: what is sure is that nobody has a record until then
    assert [gap.agency for gap in merged(*silent, entry("2013-09", "Called", "police")).gaps] == [None]
    # one common gap is not told again for the only agency that made entries
    assert [gap.agency for gap in merged(*silent).gaps] == [None]
    # before its first entry and after its last an agency may not have known the family
    early_and_late = merged(*(entry(f"2013-{month:02}-01", str(month), "police", row=month) for month in range(1, 12)))
    assert early_and_late.gaps == ()


ADMITTED = "Child admitted to hospital with a broken arm"
BROUGHT = "Broken arm: the child was brought to hospital by ambulance"


def clashes(*entries: Entry, **how: int) -> list[tuple[int, int, int, str]]:
    return [(found.first, found.second, found.days, found.alike) for found in merged(*entries, **how).clashes]


def test_two_agencies_that_tell_of_one_event_on_different_days_clash() -> None:
    police = entry("2013-08-06", BROUGHT, "police")
    assert clashes(entry("2013-08-05", ADMITTED), police) == [(0, 1, 1, "words")]
    assert clashes(entry("2013-08-06", ADMITTED), police) == []
    assert clashes(entry("2013-08", ADMITTED), police) == []  # both can be right
    assert clashes(entry("2013-08-01", ADMITTED, until="2013-08-09"), police) == []
    assert clashes(entry("2013-07", ADMITTED), police) == [(0, 1, 6, "words")]
    assert clashes(entry("2013-08-05", "Child seen at home"), police) == []


def test_half_of_the_words_are_to_be_the_same_but_not_their_endings() -> None:
    three_of_seven = (
        "Child: broken arm, bruised cheek, thin, crying",
        "Child: arm, cheek washed; fed, clothed, taken home",
    )
    assert clashes(entry("2013-08-05", three_of_seven[0]), entry("2013-08-06", three_of_seven[1], "police")) == []
    endings = "Visits attended, injuries assessed", "Visited; attending, injury, assessment"
    assert clashes(entry("2013-08-05", endings[0]), entry("2013-08-06", endings[1], "police")) == [(0, 1, 1, "words")]


def test_a_clash_is_looked_for_within_fourteen_days() -> None:
    first = entry("2013-08-01", ADMITTED)
    assert clashes(first, entry("2013-08-15", BROUGHT, "police")) == [(0, 1, 14, "words")]
    assert clashes(first, entry("2013-08-16", BROUGHT, "police")) == []
    assert clashes(first, entry("2013-08-16", BROUGHT, "police"), near=15) == [(0, 1, 15, "words")]


def test_the_same_source_reference_needs_fewer_words_in_common() -> None:
    said = ("Arm broken", "Broken arm set")
    assert clashes(entry("2013-08-05", said[0]), entry("2013-08-06", said[1], "police")) == []
    for source, alike in (("Ward notes 7", [(0, 1, 1, "source")]), ("Ward notes", [])):
        found = clashes(
            entry("2013-08-05", said[0], source=source),
            entry("2013-08-06", said[1], "police", source=source.upper() + "."),
        )
        assert found == alike
    one_word = entry("2013-08-05", "Arm broken", source="Notes 7"), entry("2013-08-06", "Arm itching", source="Notes 7")
    assert clashes(*one_word) == []


def test_one_agencys_routine_is_no_clash_but_a_long_story_told_twice_is() -> None:
    visits = [entry(f"2013-08-0{day}", "Home visit, no reply, card left", row=day) for day in (1, 4, 8)]
    assert clashes(*visits) == []
    told = "Mother disclosed that father hit her while she held the baby in the kitchen"
    assert clashes(entry("2013-08-01", told), entry("2013-08-03", told, row=3)) == [(0, 1, 2, "words")]
    assert clashes(*(one.model_copy(update={"source": "HV 12"}) for one in visits[:2])) == [(0, 1, 3, "source")]


def test_words_that_all_use_tell_no_event_from_another() -> None:
    days = [date(2013, 8, 1), date(2013, 8, 3)]
    few = [(agency, row) for agency in ("health", "police") for row in range(2, 52)]
    text = "Telephone call about school attendance"
    found = [entry(str(days[agency == "police"]), text, agency, row) for agency, row in few]
    assert len(merged(*found).clashes) == 1_000  # 50 times 50, of which the first thousand are kept
    assert merged(*found).more_clashes
    assert merged(*found, entry("2013-08-03", text, "school")).clashes == ()
    assert not merged(*found[:40], *found[50:70]).more_clashes  # 40 times 20


def test_a_partial_day_beside_days_that_it_overlaps_has_no_certain_place() -> None:
    assert merged(entry("2013-08"), entry("2013-08-20", "Other")).uncertain == (0,)
    assert merged(entry("2013-07-31"), entry("2013-08"), entry("2013-09-01", "Other")).uncertain == ()
    assert merged(entry("2013-08-01"), entry("2013-08", "Other")).uncertain == (1,)
    assert merged(entry("2013-08"), entry("2013-08", "Other", "police")).uncertain == (0, 1)
    assert merged(entry("2013")).uncertain == ()


def test_the_same_event_twice_on_a_day_is_marked_unless_each_has_its_time() -> None:
    twice = [entry("2013-08-05", "Home visit."), entry("2013-08-05", "home visit", row=7)]
    assert merged(*twice).repeated == ((0, 1),)
    assert merged(twice[0], entry("2013-08-05", "Home visit.", "police")).repeated == ()
    assert merged(twice[0], entry("2013-08-06", "Home visit.")).repeated == ()
    timed = [entry("2013-08-05", row=2, at="09:00"), entry("2013-08-05", row=3, at="16:00")]
    assert merged(*timed).repeated == ()
    assert merged(*timed, entry("2013-08-05", row=4)).repeated == ((0, 1, 2),)
    assert merged(timed[0], entry("2013-08-05", row=3, at="09:00")).repeated == ((0, 1),)


def test_the_invented_chronologies_as_counted_by_hand() -> None:
    found = merge(chronologies())
    assert len(found.entries) == 24
    assert [(gap.agency, gap.position + 1, gap.days, gap.others) for gap in found.gaps] == [
        (None, 12, 123, 0),  # 1 February to 3 June 2013: 28 + 31 + 30 + 31 + 3
        ("school", 13, 135, 1),  # 23 January to 6 June 2013: 9 + 28 + 31 + 30 + 31 + 6
        ("police", 14, 236, 6),  # 4 December 2012 to 27 July 2013: 28 + 31 + 28 + 31 + 30 + 31 + 30 + 27
        (None, 23, 94, 0),  # 17 September to 19 December 2013: 14 + 31 + 30 + 19
        ("police", 23, 110, 3),  # 1 September to 19 December 2013: 30 + 31 + 30 + 19
        ("school", 24, 150, 1),  # 17 September 2013 to 13 February 2014: 14 + 31 + 30 + 31 + 31 + 13
    ]
    assert [(c.first + 1, c.second + 1, c.days) for c in found.clashes] == [(12, 13, 3), (16, 17, 1), (18, 19, 4)]
    assert [position + 1 for position in found.uncertain] == [1, 8, 15]
    assert found.repeated == ((5, 6),)


def test_an_entry_of_another_agency_and_periods_without_days_are_refused() -> None:
    with pytest.raises(ChronologyError, match="chronology of police holds an entry of another agency"):
        merge({"police": [entry("2013-08-05")]})
    for how in ({"gap": 0}, {"near": 0}):
        with pytest.raises(ChronologyError, match="1 day or more"):
            merge({}, **how)
    assert merge({}) == merge({"police": []})


DAYS = st.dates(date(2013, 1, 1), date(2013, 12, 31)).map(str) | st.sampled_from(["2012", "2013", "2013-02", "2013-08"])
STORIES = st.sampled_from(["Home visit", ADMITTED, BROUGHT, "Called to the address: mother hurt", "x"])
PLACES = st.tuples(DAYS, STORIES, st.sampled_from(["health", "police", "school"]), st.sampled_from([None, "09:00"]))


def entries_of(places: Sequence[tuple[str, str, str, str | None]]) -> list[Entry]:
    return [entry(on, event, agency, row, at=at) for row, (on, event, agency, at) in enumerate(places, 2)]


@settings(max_examples=150, deadline=None)
@given(st.lists(PLACES, max_size=25), st.randoms(use_true_random=False))
def test_merging_loses_nothing_and_does_not_depend_on_the_order_of_what_comes_in(places: Any, random: Any) -> None:
    entries = entries_of(places)
    whole = merged(*entries)
    assert sorted(found.row for found in whole.entries) == [found.row for found in entries]
    random.shuffle(entries)
    assert merged(*entries) == whole


@settings(max_examples=150, deadline=None)
@given(st.lists(PLACES, max_size=25))
def test_what_is_marked_holds_for_the_entries_that_it_names(places: Any) -> None:
    found = merged(*entries_of(places))
    entries = found.entries
    for before, after in pairwise(entries):
        assert not latest(after.on) < earliest(before.on)
    for gap in found.gaps:
        own = [e for e in entries if gap.agency in (None, e.agency)]
        assert not any(earliest(e.on) < gap.before and gap.after < latest(e.on) for e in own)
        assert gap.days == days_between(gap.after, gap.before) - 1 > 90
    clashing = {(c.first, c.second) for c in found.clashes}
    for first, one in enumerate(entries):
        for second, other in enumerate(entries):
            apart = days_between(latest(one.on), earliest(other.on))
            if {one.event, other.event} == {ADMITTED, BROUGHT} and one.agency != other.agency and 1 <= apart <= 14:
                assert (first, second) in clashing
            if (first, second) in clashing:
                assert 1 <= apart <= 14
