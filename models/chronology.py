"""Agencies' chronologies → one, in order, with its gaps and clashes marked. Nothing is decided and nothing left out.

A mark is a question to a person. What is marked, and when:
- **gap**: a stretch of more than `gap` days in which no agency recorded anything.
- **silence**: such a stretch of one agency, between two of its own entries, in which others recorded something.
  What is known by month or year may lie anywhere in it, and what has an end was going on until then: neither makes a
  gap that may not be there.
- **clash**: two entries that seem to tell of one event, on days that cannot both be right and are at most `near` days
  apart. They seem to when they share half of their words, and at least 3; at least 2 if they have the same source
  reference; else at least 6 within one agency, which words its routine contacts alike. Words count by their first
  five letters, those of the shorter entry are the whole, and a word that stands in more than 100 entries does not
  tell one event from another.
- **uncertain**: a day known by month or year that overlaps the day of an entry next to it.
- **repeated**: one agency, day and event more than once, unless each has its own time.
"""

import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from models.refusal import Refusal
from models.timescale import Day, days_between, earliest, exact, latest

GAP = 90
"""Calendar days without a record that a review takes no notice of."""
NEAR = 14
"""Calendar days that two accounts of one event may lie apart."""
MOST_CLASHES = 1_000

_COMMON = 100  # entries: it also bounds the search for clashes
_LETTERS = 5  # so that "visit", "visits" and "visited" are one word
_STOP_WORDS = {
    "a", "about", "after", "all", "also", "an", "and", "any", "are", "as", "at", "be", "been", "before", "but",
    "by", "did", "for", "from", "had", "has", "have", "he", "her", "him", "his", "if", "in", "into", "is", "it",
    "its", "no", "not", "of", "off", "on", "or", "out", "own", "over", "said", "see", "seen", "she", "so", "that",
    "the", "their", "them", "then", "there", "they", "this", "to", "told", "under", "up", "was", "were", "when",
    "which", "who", "will", "with",
}  # fmt: skip

TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class ChronologyError(Refusal):
    """A chronology that cannot be taken or merged; one line a fault."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Entry(_Model):
    """What an agency recorded. `row` is that of its sheet as a person sees it: the first is 1.

    `on` and `until` (of what went on for a while) may be known by month or year alone; `at` is the time as "14:30".
    """

    agency: str
    row: int = Field(ge=1)
    on: Day
    until: Day | None = None
    at: TimeOfDay | None = None
    event: str = Field(min_length=1)
    source: str
    significance: str = ""


class Gap(_Model):
    """A stretch of `days` without a record, `after` one day and `before` another: both have records.

    `agency` is None where no agency recorded anything; else the one that was silent while others made `others`
    entries. `position` is that of the entry which ends the stretch.
    """

    agency: str | None
    after: date
    before: date
    days: int
    position: int
    others: int = 0


class Clash(_Model):
    """Two entries, by position, that seem to tell of one event but are at least `days` days apart; and why it seems."""

    first: int
    second: int
    days: int
    alike: Literal["source", "words"]


class Merged(_Model):
    """The chronologies as one. Positions count from 0 in `entries`; every group in `repeated` is in order.

    `clashes` holds the first 1,000; `more_clashes` tells that there are more.
    """

    entries: tuple[Entry, ...]
    gaps: tuple[Gap, ...]
    clashes: tuple[Clash, ...]
    more_clashes: bool
    uncertain: tuple[int, ...]
    repeated: tuple[tuple[int, ...], ...]


class _Told(NamedTuple):
    """What an entry is compared by: its words and the reference of its source, "" if that has no number."""

    words: frozenset[str]
    reference: str


def merge(chronologies: Mapping[str, Sequence[Entry]], *, gap: int = GAP, near: int = NEAR) -> Merged:
    """Merge chronologies by agency: by the first day possible, then the last, the time, the agency, its row.

    `gap` and `near` are calendar days. Raises ChronologyError for fewer than 1, and for an entry under another agency.
    """
    if gap < 1 or near < 1:
        raise ChronologyError("A gap and the days in which clashes are looked for should be 1 day or more.")
    for agency, given in chronologies.items():
        if any(entry.agency != agency for entry in given):
            raise ChronologyError(
                f"The chronology of {agency} holds an entry of another agency: merge each as its own."
            )
    entries = tuple(sorted((entry for given in chronologies.values() for entry in given), key=_order))
    clashes = tuple(islice(_clashes(entries, near), MOST_CLASHES + 1))
    return Merged(
        entries=entries,
        gaps=tuple(sorted(_gaps(entries, gap), key=lambda found: (found.position, found.agency or ""))),
        clashes=clashes[:MOST_CLASHES],
        more_clashes=len(clashes) > MOST_CLASHES,
        uncertain=tuple(_uncertain(entries)),
        repeated=tuple(sorted(_repeated(entries))),
    )


def _order(entry: Entry) -> tuple[date, date, str, str, int]:
    return earliest(entry.on), latest(entry.on), entry.at or "", entry.agency, entry.row


def _last(entry: Entry) -> date:
    """The last date on which the agency may have recorded this."""
    return latest(entry.on if entry.until is None else entry.until)


def _gaps(entries: Sequence[Entry], gap: int) -> Iterator[Gap]:
    """Every gap, and every silence of one agency in which others did record something."""
    for after, position in _stretches(entries, range(len(entries)), gap):
        yield _gap(entries, None, after, position, 0)
    starts = [earliest(entry.on) for entry in entries]
    own: defaultdict[str, list[int]] = defaultdict(list)
    for position, entry in enumerate(entries):
        own[entry.agency].append(position)
    for agency, positions in own.items():
        for after, position in _stretches(entries, positions, gap):
            before = starts[position]
            within = range(bisect_right(starts, after), bisect_left(starts, before))
            # none of these is the agency's own: it recorded nothing in between
            if others := sum(latest(entries[other].on) < before for other in within):
                yield _gap(entries, agency, after, position, others)


def _stretches(entries: Sequence[Entry], positions: Sequence[int], gap: int) -> Iterator[tuple[date, int]]:
    """The last day recorded before each stretch of more than `gap` days, and the position of the entry after it."""
    reach = _last(entries[positions[0]]) if positions else date.max
    for position in positions[1:]:
        if days_between(reach, earliest(entries[position].on)) - 1 > gap:
            yield reach, position
        reach = max(reach, _last(entries[position]))


def _gap(entries: Sequence[Entry], agency: str | None, after: date, position: int, others: int) -> Gap:
    before = earliest(entries[position].on)
    days = days_between(after, before) - 1
    return Gap(agency=agency, after=after, before=before, days=days, position=position, others=others)


def _clashes(entries: Sequence[Entry], near: int) -> Iterator[Clash]:
    """Every clash, in order: each entry is held against those that begin after it ends, up to `near` days later."""
    told = _told(entries)
    where: defaultdict[str, list[int]] = defaultdict(list)
    for position, one in enumerate(told):
        for word in one.words:
            where[word].append(position)
    starts = [earliest(entry.on) for entry in entries]
    days = [days_between(starts[0], start) for start in starts] if starts else []
    for first, entry in enumerate(entries):
        end = _last(entry)
        ended = days_between(starts[0], end)
        begin, stop = bisect_right(days, ended), bisect_right(days, ended + near)
        shared: Counter[int] = Counter()
        for word in told[first].words if begin < stop else ():
            found = where[word]
            shared.update(found[bisect_left(found, begin) : bisect_left(found, stop)])
        for second in sorted(shared):
            one_agency = entry.agency == entries[second].agency
            if alike := _alike(told[first], told[second], shared[second], one_agency):
                yield Clash(first=first, second=second, days=days_between(end, starts[second]), alike=alike)


def _alike(one: _Told, other: _Told, shared: int, one_agency: bool) -> Literal["source", "words"] | None:
    if 2 * shared < min(len(one.words), len(other.words)):
        return None
    if one.reference and one.reference == other.reference and shared >= 2:
        return "source"
    return "words" if shared >= (6 if one_agency else 3) else None


def _told(entries: Sequence[Entry]) -> list[_Told]:
    words = [_words(entry.event) for entry in entries]
    count = Counter(word for one in words for word in one)
    common = {word for word, times in count.items() if times > _COMMON}
    return [_Told(one - common, _reference(entry.source)) for one, entry in zip(words, entries, strict=True)]


def _words(text: str) -> frozenset[str]:
    """The words of a text that have a content, cut short; numbers are words, and whole."""
    found = re.findall(r"[^\W\d_]{2,}|\d+", re.sub(r"['’]", "", text.casefold()))
    return frozenset(word if word[0].isdigit() else word[:_LETTERS] for word in found if word not in _STOP_WORDS)


def _reference(source: str) -> str:
    plain = " ".join(re.findall(r"\w+", source.casefold()))
    return plain if re.search(r"\d", plain) else ""


def _uncertain(entries: Sequence[Entry]) -> Iterator[int]:
    for position, entry in enumerate(entries):
        if exact(entry.on) is None:
            beside = (entries[at].on for at in (position - 1, position + 1) if 0 <= at < len(entries))
            if any(earliest(on) <= latest(entry.on) and earliest(entry.on) <= latest(on) for on in beside):
                yield position


def _repeated(entries: Sequence[Entry]) -> Iterator[tuple[int, ...]]:
    groups: defaultdict[tuple[str, Day, str], list[int]] = defaultdict(list)
    for position, entry in enumerate(entries):
        groups[entry.agency, entry.on, " ".join(entry.event.casefold().split()).rstrip(".")].append(position)
    for group in groups.values():
        times = {entries[position].at for position in group} - {None}
        if len(group) > max(1, len(times)):
            yield tuple(group)
