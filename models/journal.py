"""A board's journal: what a board keeps beyond single cases, as entries that are only ever added. Pure.

Published reviews (003-5, 000-8), the learning log (003-8), quarterly bulletins (000-9), legal holds and disposals.
Like a case, the journal is a fold over its entries: `apply(journal, entry)` refuses an entry that does not fit.
"""

import re
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from models.decisions import Sha256
from models.procedure import faults_of
from models.refusal import Refusal
from models.retention import RecordKind
from models.timescale import Day


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("this must be one line of visible signs; take out line breaks and tabs")
    return text


def _month(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{3}-(0[1-9]|1[0-2])", text):
        raise ValueError(f'"{text[:20]}" is no month; it must be known to the month, as in 2017-06')
    return text


Text = Annotated[str, Field(min_length=1, max_length=4000)]
Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
Reference = Annotated[str, Field(pattern=r"^[A-Z0-9]+-[0-9]{4}-[0-9]{3,9}$")]
Month = Annotated[str, AfterValidator(_month)]
QUARTER = r"^[1-9][0-9]{3}-Q[1-4]$"
Quarter = Annotated[str, Field(pattern=QUARTER)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class _Entry(_Model):
    """What every entry says: who (person id), the local day, why. Number and aware moment come with the writing."""

    seq: int = 0
    at: AwareDatetime | None = None
    by: Text
    on: date
    because: Text


class PublishedDocument(_Model):
    """A document as it was published; `size` is in bytes."""

    document: Line
    sha256: Sha256
    media_type: Annotated[str, Field(max_length=100)]
    size: Annotated[int, Field(gt=0)]


class Published(_Entry):
    """A review was published under a title that names nobody ("Child N"), in a month ("2017-06").

    `sort` is what kind of review it is, `presented_on` the day it was presented to the Board (000-8).
    """

    kind: Literal["published"] = "published"
    reference: Reference
    review: Line
    sort: Line
    month: Month
    presented_on: Day | None = None
    documents: Annotated[tuple[PublishedDocument, ...], Field(min_length=1)]


class Unpublished(_Entry):
    """A review was taken off the publication register."""

    kind: Literal["unpublished"] = "unpublished"
    reference: Reference


class Lesson(_Entry):
    """An entry of the learning log (003-8): a lesson of this board's or another's review, and what it means here."""

    kind: Literal["lesson"] = "lesson"
    source: Line
    review: Line
    where: Line
    lesson: Text
    relevance: Text


class LessonWithdrawn(_Entry):
    """An entry of the learning log no longer stands; `lesson` is its number in the journal."""

    kind: Literal["lesson withdrawn"] = "lesson withdrawn"
    lesson: int


class Bulletin(_Entry):
    """The bulletin of a quarter was written (000-9): the entries that it held, and the SHA-256 of its Markdown."""

    kind: Literal["bulletin"] = "bulletin"
    quarter: Quarter
    held: tuple[int, ...]
    sha256: Sha256


class Held(_Entry):
    """A legal hold: nothing of this case may be disposed of. On `review_on` somebody looks whether it still must be."""

    kind: Literal["held"] = "held"
    reference: Reference
    review_on: date | None = None


class Released(_Entry):
    """A legal hold was lifted."""

    kind: Literal["released"] = "released"
    reference: Reference


class DisposedRecords(_Model):
    """Records of one kind that were disposed of: how many, their hashes, and the rule that had run out.

    The hashes are of documents and letters as filed and sent, of identifiers as sealed, of a referral its keyed mark.
    """

    kind: RecordKind
    count: Annotated[int, Field(gt=0)]
    hashes: tuple[Sha256, ...]
    period: Line
    kept_until: date


class Disposed(_Entry):
    """Records of a closed case were disposed of. `head` is the hash of the case's last event, number `last_event`."""

    kind: Literal["disposed"] = "disposed"
    reference: Reference
    closed_on: Day
    records: Annotated[tuple[DisposedRecords, ...], Field(min_length=1)]
    last_event: int
    head: Sha256


Entry = Annotated[
    Published | Unpublished | Lesson | LessonWithdrawn | Bulletin | Held | Released | Disposed,
    Field(discriminator="kind"),
]
EntryAdapter: TypeAdapter[Entry] = TypeAdapter(Entry)
E = TypeVar("E", bound=_Entry)


def checked(kind: type[E], **fields: Any) -> E:
    """An entry of these fields. Raises Refusal in one sentence that says what is wrong with them."""
    try:
        return kind(**fields)
    except ValidationError as error:
        faults = "; ".join(fault.replace("value error, ", "") for fault in faults_of(error))
        raise Refusal(f"This cannot be entered: {faults}.") from error


class Journal(_Model):
    """What the entries come to: what stands in the publication register and the learning log, holds, disposals."""

    board: str
    seq: int = 0
    published: dict[str, Published] = Field(default_factory=dict)
    lessons: dict[int, Lesson] = Field(default_factory=dict)
    bulletins: dict[str, Bulletin] = Field(default_factory=dict)
    holds: dict[str, Held] = Field(default_factory=dict)
    disposals: tuple[Disposed, ...] = ()

    @property
    def publications(self) -> list[Published]:
        """The publication register, the newest month first, within a month by title."""
        by_title = sorted(self.published.values(), key=lambda entry: (entry.review.casefold(), entry.reference))
        return sorted(by_title, key=lambda entry: entry.month, reverse=True)

    def of_quarter(self, quarter: str) -> list[Published | Lesson]:
        """What was entered in a quarter and still stands, in the order of the journal."""
        standing: list[Published | Lesson] = [*self.published.values(), *self.lessons.values()]
        return sorted((entry for entry in standing if quarter_of(entry.on) == quarter), key=lambda entry: entry.seq)

    def disposals_of(self, reference: str) -> list[Disposed]:
        """The disposals of records of a case, the first one first."""
        return [entry for entry in self.disposals if entry.reference == reference]

    def published_hashes(self, reference: str) -> frozenset[str]:
        """The hashes of a case's documents that stand in the publication register."""
        entry = self.published.get(reference)
        return frozenset(document.sha256 for document in entry.documents) if entry else frozenset()


def fold(board: str, entries: Iterable[Entry]) -> Journal:
    """The journal that these entries, all from the first one, make."""
    journal = Journal(board=board)
    for entry in entries:
        journal = apply(journal, entry)
    return journal


def apply(journal: Journal, entry: Entry) -> Journal:
    """The journal after an entry. Raises Refusal for one that does not fit, ValueError for a gap in the numbers."""
    if entry.seq != journal.seq + 1:
        raise ValueError(f"Entry {entry.seq} does not follow entry {journal.seq}.")
    return _after(journal, entry).model_copy(update={"seq": entry.seq})


def _after(journal: Journal, entry: Entry) -> Journal:
    match entry:
        case Published() | Unpublished():
            return journal.model_copy(update={"published": _published(journal, entry)})
        case Lesson():
            return journal.model_copy(update={"lessons": {**journal.lessons, entry.seq: entry}})
        case LessonWithdrawn():
            if entry.lesson not in journal.lessons:
                _refuse(f"The learning log has no entry {entry.lesson}", "`scr learning list` shows their numbers")
            left = {number: lesson for number, lesson in journal.lessons.items() if number != entry.lesson}
            return journal.model_copy(update={"lessons": left})
        case Bulletin():
            return journal.model_copy(update={"bulletins": _with_bulletin(journal, entry)})
        case Held() | Released():
            return journal.model_copy(update={"holds": _holds(journal, entry)})
        case Disposed():
            _may_dispose(journal, entry)
            return journal.model_copy(update={"disposals": (*journal.disposals, entry)})


def _published(journal: Journal, entry: Published | Unpublished) -> dict[str, Published]:
    known = journal.published.get(entry.reference)
    if isinstance(entry, Unpublished):
        if known is None:
            _refuse(f"{entry.reference} is not in the publication register", "`scr publication list` shows what is")
        return {key: other for key, other in journal.published.items() if key != entry.reference}
    if known is not None:
        _refuse(f"{entry.reference} is published already, as {known.review!r}", "remove that entry first")
    return {**journal.published, entry.reference: entry}


def _with_bulletin(journal: Journal, entry: Bulletin) -> dict[str, Bulletin]:
    if entry.quarter in journal.bulletins:
        _refuse(f"The bulletin of {entry.quarter} is written already", "give the quarter that follows")
    if entry.quarter >= quarter_of(entry.on):
        _refuse(f"{entry.quarter} is not over on {entry.on}", "a bulletin is written when its quarter is over")
    return {**journal.bulletins, entry.quarter: entry}


def _holds(journal: Journal, entry: Held | Released) -> dict[str, Held]:
    if isinstance(entry, Released):
        if entry.reference not in journal.holds:
            _refuse(f"{entry.reference} is not under a legal hold", "there is nothing to release")
        return {key: other for key, other in journal.holds.items() if key != entry.reference}
    if entry.reference in journal.holds:
        _refuse(f"{entry.reference} is under a legal hold already", "release it first to hold it for another reason")
    if entry.review_on is not None and entry.review_on <= entry.on:
        _refuse(f"A hold that begins on {entry.on} cannot be reviewed on {entry.review_on}", "give a later day")
    return {**journal.holds, entry.reference: entry}


def _may_dispose(journal: Journal, entry: Disposed) -> None:
    must_not_be_held(journal, entry.reference)
    for records in entry.records:
        if entry.on <= records.kept_until:
            _refuse(
                f"The {records.kind} of {entry.reference} are kept until {records.kept_until}", "dispose of them later"
            )


def must_not_be_held(journal: Journal, reference: str) -> None:
    """Refuse to dispose of anything of a case under a legal hold."""
    if reference in journal.holds:
        held = journal.holds[reference]
        _refuse(
            f"{reference} is under a legal hold since {held.on} (entry {held.seq})", "nothing of it may be disposed of"
        )


def quarter_of(day: date) -> str:
    """The quarter of a local date, such as "2026-Q4"."""
    return f"{day.year}-Q{(day.month + 2) // 3}"


def _refuse(wrong: str, right: str) -> NoReturn:
    raise Refusal(f"{wrong}; {right}.")
