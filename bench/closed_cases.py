"""A register full of closed cases, as years leave them: each played once by the pure code, then copied.

A copy is a case of its own: its events carry its reference and its own chain of hashes, as the register writes them.
Everybody and everything is invented.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import cycle
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table

from library import Library
from models.case import fold
from models.deciding import decide
from models.decisions import Close, Decide, Decision
from models.events import Event
from models.letters import LetterReport
from models.referral import Referral, opening_of
from models.turn import delivered, opened
from register.chain import genesis, link
from register.store import Register
from register.tables import CaseRow, EventRow, LetterRow, MemberRow, StepRow

AGO = 150
"""Days since the cases of this year were notified."""
QUARTERS = 40
"""Over how many quarters of years the closed cases are spread."""
STORY = (
    (1, "written-notification", "received"),
    (9, "recommend", "scr"),
    (24, "decide", "initiate"),
    (30, "commission-reviewer", "done"),
    (31, "set-terms", "done"),
    (60, "agency-review[health]", "submitted"),
    (61, "agency-review[police]", "submitted"),
    (80, "consider-draft", "done"),
    (85, "sign-off", "done"),
)
"""Days after the notification, step and outcome of what is decided."""
BATCH = 500
"""How many cases are written in one transaction."""
TABLES: tuple[Table, ...] = tuple(
    row.__table__  # type: ignore[misc]
    for row in (CaseRow, EventRow, StepRow, LetterRow, MemberRow)
)


class Pattern(NamedTuple):
    """The rows of a played case as its database has them, by table; `head` and the chain are made anew for a copy."""

    reference: str
    rows: dict[str, list[dict[str, Any]]]


def played(library: Library, reference: str, steps: int, *, closed: bool = False, ago: int = AGO) -> list[Event]:
    """The events of a case notified `ago` days ago, in which so many steps of the story are decided."""
    board, rules = library.board("demo"), library.procedure("wt2013")
    notified = date.today() - timedelta(days=ago)
    referral = Referral.model_validate({
        "board": "demo", "procedure": "wt2013", "received": notified, "why": "Invented.",
        "agencies": ["health", "police"], "child": {"name": "Example"}, "referrer": {"name": "N. Body"},
    })  # fmt: skip
    start = opening_of(referral, reference, board, rules, library.calendar(rules.calendar), date.today())
    events = list(opened(start, datetime.now(UTC) - timedelta(days=ago)))

    def give(decision: Decision, days: int) -> None:
        events.extend(_given(events, decision, datetime.now(UTC) - timedelta(days=ago - days)))

    for days, step, outcome in STORY[:steps]:
        said = _said(f"{reference}-{step}", notified + timedelta(days=days))
        give(Decide(**said, step=step, outcome=outcome), days)
    if closed:
        give(Close(**_said(f"{reference}-closed", notified + timedelta(days=AGO)), how="withdrawn"), AGO)
    return events


def _said(id_: str, on: date) -> dict[str, Any]:
    return {"id": id_, "by": "bm", "made_on": on, "because": "It is so."}


def _given(events: list[Event], decision: Decision, at: datetime) -> list[Event]:
    case = fold(events)
    if isinstance(decision, Decide):
        owner = case.steps[decision.step].owner
        decision = decision.model_copy(update={"by": case.facts.holders[owner][0], "recorded_by": "bm"})
    follow = decide(case, decision, at)
    after = fold([*events, *follow])
    sent = [LetterReport(letter=one.id, sha256="ab" * 32) for one in after.letters.values() if one.state == "owed"]
    return [*follow, *delivered(after, sent, at)]


async def fill(register: Register, library: Library, open_cases: int, closed_cases: int) -> tuple[str, str]:
    """Have an empty register hold so many cases of each kind; the references of an open and of a closed one."""
    lengths = range(len(STORY) + 1)
    at_work = [(steps, False, AGO) for steps in lengths][:open_cases]
    over = [(steps, True, AGO + 91 * quarter) for quarter in range(QUARTERS) for steps in lengths][:closed_cases]
    now_open = await _patterns(register, library, "DEMO-2001", at_work)
    closed = await _patterns(register, library, "DEMO-2002", over)
    await copy(register, now_open, _references(2100, open_cases - len(at_work)))
    await copy(register, closed, _references(2200, closed_cases - len(over)))
    return now_open[-1].reference, closed[len(STORY)].reference


def _references(year: int, number: int) -> list[str]:
    """So many references, a thousand to a year."""
    return [f"DEMO-{year + of // 1000}-{of % 1000 + 1:03}" for of in range(number)]


async def _patterns(
    register: Register, library: Library, series: str, kinds: Sequence[tuple[int, bool, int]]
) -> list[Pattern]:
    found = []
    for number, (steps, closed, ago) in enumerate(kinds, start=1):
        reference = f"{series}-{number:03}"
        await register.append(reference, played(library, reference, steps, closed=closed, ago=ago))
        found.append(await register.read(lambda db: _read(db, reference)))  # noqa: B023 - awaited at once
    return found


def _read(db: Connection, reference: str) -> Pattern:
    """The rows as SQLite has them: written back, they are the same."""
    query = "SELECT * FROM {} WHERE reference = ?"
    rows = {
        table.name: [dict(row) for row in db.exec_driver_sql(query.format(table.name), (reference,)).mappings()]
        for table in TABLES
    }
    return Pattern(reference, rows | {"events": sorted(rows["events"], key=lambda row: int(row["seq"]))})


async def copy(register: Register, patterns: Sequence[Pattern], references: Sequence[str]) -> None:
    """Copy the patterns in turn, each time under the next reference."""
    pairs = list(zip(cycle(patterns), references, strict=False))
    for first in range(0, len(pairs), BATCH):
        batch = pairs[first : first + BATCH]
        await register.write(lambda db: _write(db, batch))  # noqa: B023 - awaited at once


def _write(db: Connection, batch: Iterable[tuple[Pattern, str]]) -> None:
    copies = [_copied(pattern, reference) for pattern, reference in batch]
    for table in TABLES:
        rows = [tuple(row.values()) for one in copies for row in one[table.name]]
        names = next((tuple(row) for one in copies for row in one[table.name]), ())
        if rows:
            columns = ", ".join(f'"{name}"' for name in names)
            marks = ", ".join("?" * len(names))
            db.exec_driver_sql(f"INSERT INTO {table.name} ({columns}) VALUES ({marks})", rows)


def _copied(pattern: Pattern, reference: str) -> dict[str, list[dict[str, Any]]]:
    events = list(_chained(pattern, reference))
    rows = {name: [row | {"reference": reference} for row in kept] for name, kept in pattern.rows.items()}
    rows["cases"][0]["head"] = events[-1]["hash"]
    return rows | {"events": events}


def _chained(pattern: Pattern, reference: str) -> Iterator[dict[str, Any]]:
    """The events under another reference, each with the hash that follows from its own body."""
    head = genesis(reference)
    for row in pattern.rows["events"]:
        body, previous = str(row["body"]).replace(pattern.reference, reference), head
        head = link(previous, body)
        yield row | {"reference": reference, "body": body, "previous": previous, "hash": head}
