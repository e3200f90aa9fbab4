"""The marks of a merged chronology in words, the same in the workbook and in the PDF. Entries are numbered from 1."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from models.chronology import Clash, Entry, Gap, Merged
from models.timescale import MONTHS, Day, exact, say_day

TITLE = "Merged chronology"
DEMONSTRATION = "Demonstration: all people and places in this chronology are invented"
HOW_TO_READ = (
    "The marks are questions for people, not findings. A gap or a silence is a stretch without a record; a clash is "
    "two entries that seem to tell of one event on different days; where the order is uncertain, a day is known by "
    "month or year alone."
)

_MOST_NAMED = 5
_WHY = {"source": "the same source", "words": "much the same words"}


class Finding(NamedTuple):
    """A line of the list of all marks: what it is, whose, from which day to which, and the numbers of the entries."""

    kind: str
    agency: str
    start: Day
    end: Day | None
    entries: tuple[int, ...]
    words: str


def plain_day(day: Day) -> str:
    """A day without its weekday: "8 July 2013", "July 2013" or "2013"."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}" if isinstance(day, date) else say_day(day)


def when(entry: Entry) -> str:
    """The day of an entry, its end and its time, as in "8 July 2013 to August 2013, 14:30"."""
    until = f" to {plain_day(entry.until)}" if entry.until is not None else ""
    return plain_day(entry.on) + until + (f", {entry.at}" if entry.at else "")


def gap_words(gap: Gap, titles: Mapping[str, str]) -> str:
    """A gap or a silence as one sentence."""
    between = f"between {plain_day(gap.after)} and {plain_day(gap.before)} ({gap.days} days)"
    if gap.agency is None:
        return f"Gap: no agency has a record {between}."
    others = "1 entry" if gap.others == 1 else f"{gap.others} entries"
    return f"Silence: {titles.get(gap.agency, gap.agency)} has no record {between}; others made {others}."


def marks(merged: Merged, titles: Mapping[str, str]) -> dict[int, list[str]]:
    """What is marked at each entry, by position, gaps and silences left out; at most 5 clashes are named for one."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    clashes: defaultdict[int, list[str]] = defaultdict(list)
    for clash in merged.clashes:
        for here, there in ((clash.first, clash.second), (clash.second, clash.first)):
            clashes[here].append(_clash_words(merged, clash, there, titles))
    for position, words in clashes.items():
        found[position] += words[:_MOST_NAMED]
        if len(words) > _MOST_NAMED:
            found[position].append(f"Clash with {len(words) - _MOST_NAMED} more entries.")
    for position in merged.uncertain:
        found[position].append(_uncertain_words(merged.entries[position]))
    for group in merged.repeated:
        for position in group:
            others = [other + 1 for other in group if other != position]
            found[position].append(f"Repeated: the same as {_numbers(others)}.")
    return found


def findings(merged: Merged, titles: Mapping[str, str]) -> list[Finding]:
    """All that is marked, in the order of the kinds: gaps and silences, clashes, uncertain orders, repetitions."""
    entries = merged.entries
    lines = [
        Finding(
            "Silence" if gap.agency else "Gap",
            titles.get(gap.agency, gap.agency) if gap.agency else "All agencies",
            gap.after,
            gap.before,
            (gap.position + 1,),
            gap_words(gap, titles),
        )
        for gap in merged.gaps
    ]
    for clash in merged.clashes:
        one, other = entries[clash.first], entries[clash.second]
        agencies = " and ".join(dict.fromkeys(titles.get(entry.agency, entry.agency) for entry in (one, other)))
        words = _clash_words(merged, clash, clash.second, titles)
        lines.append(Finding("Clash", agencies, one.on, other.on, (clash.first + 1, clash.second + 1), words))
    for position in merged.uncertain:
        entry = entries[position]
        agency = titles.get(entry.agency, entry.agency)
        lines.append(Finding("Uncertain", agency, entry.on, None, (position + 1,), _uncertain_words(entry)))
    for group in merged.repeated:
        entry = entries[group[0]]
        numbers = tuple(position + 1 for position in group)
        words = f"Repeated: {_numbers(numbers)} are the same."
        lines.append(Finding("Repeated", titles.get(entry.agency, entry.agency), entry.on, None, numbers, words))
    return lines


def summary(merged: Merged, titles: Mapping[str, str]) -> str:
    """How much there is of each, in a sentence or two."""
    agencies = {entry.agency for entry in merged.entries}
    named = ", ".join(sorted(titles.get(agency, agency) for agency in agencies))
    silences = sum(gap.agency is not None for gap in merged.gaps)
    marked = (
        _counted(len(merged.gaps) - silences, "gap", "gaps"),
        _counted(silences, "silence of one agency", "silences of one agency"),
        _counted(len(merged.clashes), "clash", "clashes"),
        _counted(len(merged.uncertain), "uncertain order", "uncertain orders"),
        _counted(len(merged.repeated), "repetition", "repetitions"),
    )
    entries = _counted(len(merged.entries), "entry", "entries")
    more = f" Only the first {len(merged.clashes):,} clashes are marked." if merged.more_clashes else ""
    return f"{entries} of {_counted(len(agencies), 'agency', 'agencies')}: {named}. Marked: {', '.join(marked)}.{more}"


def _clash_words(merged: Merged, clash: Clash, there: int, titles: Mapping[str, str]) -> str:
    one, other = merged.entries[clash.first], merged.entries[clash.second]
    agency = merged.entries[there].agency
    whose = "the same agency" if one.agency == other.agency else titles.get(agency, agency)
    apart = "1 day" if clash.days == 1 else f"{clash.days} days"
    known = "" if exact(one.on) and exact(other.on) else "at least "
    return f"Clash with entry {there + 1} ({whose}): {_WHY[clash.alike]}, {known}{apart} apart."


def _uncertain_words(entry: Entry) -> str:
    return f"Uncertain order: the day is known only as {plain_day(entry.on)}."


def _numbers(numbers: list[int] | tuple[int, ...]) -> str:
    named = ", ".join(map(str, numbers[:_MOST_NAMED]))
    more = len(numbers) - _MOST_NAMED
    label = "entry" if len(numbers) == 1 else "entries"
    return f"{label} {named}" + (f" and {more} more" if more > 0 else "")


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
