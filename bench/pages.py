"""How long the pages take with a full register: median milliseconds a page, asked for by a Business Manager.

Eleven cases are played by the pure code, from just notified to closed; the others are copies of them under numbers of
their own, made in the database. Everybody and everything is invented.
"""

import asyncio
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from statistics import median

import httpx
from sqlalchemy import ColumnElement, Connection, Table, func, insert, literal, select

from bench.report import plain_table
from library import Library
from models.case import fold
from models.deciding import decide
from models.decisions import Close, Decide, Decision
from models.events import Event
from models.letters import LetterReport
from models.referral import Referral, opening_of
from models.turn import delivered, opened
from register.sealed import Ring
from register.store import Register
from register.tables import AccountRow, CaseRow, EventRow, LetterRow, MemberRow, SessionRow, StepRow
from web.app import build
from web.frame import COOKIE, Office

AGO = 150
"""Days since the cases were notified."""
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
TRIES = 7
TABLES: tuple[Table, ...] = tuple(
    row.__table__  # type: ignore[misc]
    for row in (CaseRow, EventRow, StepRow, LetterRow, MemberRow)
)


def played(library: Library, reference: str, steps: int, *, closed: bool = False) -> list[Event]:
    """The events of a case in which so many steps of the story are decided."""
    board, rules = library.board("demo"), library.procedure("wt2013")
    notified = date.today() - timedelta(days=AGO)
    referral = Referral.model_validate({
        "board": "demo", "procedure": "wt2013", "received": notified, "why": "Invented.",
        "agencies": ["health", "police"], "child": {"name": "Example"}, "referrer": {"name": "N. Body"},
    })  # fmt: skip
    start = opening_of(referral, reference, board, rules, library.calendar(rules.calendar), date.today())
    events = list(opened(start, datetime.now(UTC) - timedelta(days=AGO)))
    for days, step, outcome in STORY[:steps]:
        on = notified + timedelta(days=days)
        events += _given(events, Decide(**_said(f"{reference}-{step}", on), step=step, outcome=outcome), days)
    if closed:
        events += _given(events, Close(**_said(f"{reference}-closed", date.today()), how="withdrawn"), AGO)
    return events


def _said(id_: str, on: date) -> dict[str, object]:
    return {"id": id_, "by": "bm", "made_on": on, "because": "It is so."}


def _given(events: list[Event], decision: Decision, days: int) -> list[Event]:
    case, at = fold(events), datetime.now(UTC) - timedelta(days=AGO - days)
    if isinstance(decision, Decide):
        owner = case.steps[decision.step].owner
        decision = decision.model_copy(update={"by": case.facts.holders[owner][0], "recorded_by": "bm"})
    follow = decide(case, decision, at)
    after = fold([*events, *follow])
    sent = [LetterReport(letter=one.id, sha256="ab" * 32) for one in after.letters.values() if one.state == "owed"]
    return [*follow, *delivered(after, sent, at)]


async def fill(register: Register, library: Library, cases: int) -> str:
    """Have a register hold so many cases, every other one closed; the reference of one that is open."""
    patterns = [f"DEMO-2001-{number:03}" for number in range(1, 2 * len(STORY) + 3)]
    for number, reference in enumerate(patterns):
        await register.append(reference, played(library, reference, number // 2, closed=number % 2 == 1))

    def copy(db: Connection) -> None:
        for number in range(cases - len(patterns)):
            pattern = patterns[number % len(patterns)]
            _copy(db, pattern, f"DEMO-{2002 + number // 1000}-{number % 1000 + 1:03}")

    await register.write(copy)
    return patterns[-2]


def _copy(db: Connection, pattern: str, reference: str) -> None:
    for table in TABLES:
        changed: dict[str, ColumnElement[str]] = {"reference": literal(reference)}
        if "body" in table.c:
            changed["body"] = func.replace(table.c.body, pattern, reference)
        columns = [changed.get(column.name, column) for column in table.c]
        db.execute(insert(table).from_select(list(table.c), select(*columns).where(table.c.reference == pattern)))


async def _sign_in(register: Register, person: str) -> str:
    token, now = f"session of {person}", datetime.now(UTC)
    account = {"name": person, "board": "demo", "person": person, "administrator": False, "password_hash": None}
    session = {"token_hash": sha256(token.encode()).hexdigest(), "account": person, "csrf": "x", "seen_at": now}

    def write(db: Connection) -> None:
        db.execute(insert(AccountRow), account)
        db.execute(insert(SessionRow), session)

    await register.write(write)
    return token


async def main(cases: int) -> list[tuple[str, float]]:
    """Median milliseconds of each page with so many cases in the register, by the page's name; printed as a table."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        library = Library(data)
        async with await Register.open(data / "register.db", Ring.load_or_make(data / "register.key")) as register:
            one = await fill(register, library, cases)
            token = await _sign_in(register, "bm")
            transport = httpx.ASGITransport(build(Office(register, library, data)))
            async with httpx.AsyncClient(
                transport=transport, base_url="http://pages", cookies={COOKIE: token}, timeout=600
            ) as client:
                found = [(name, await _median(client, path)) for name, path in _pages(one).items()]
    print(plain_table((f"page, {cases:,} cases", "ms"), [(name, f"{ms:.0f}") for name, ms in found]))
    return found


def _pages(one: str) -> dict[str, str]:
    return {
        "My work": "/",
        "Cases": "/cases",
        "Cases, a late page": "/cases?page=40",
        "Cases, overdue": "/cases?overdue=yes",
        "Cases, waiting for a role": "/cases?role=chair",
        "Cases, of a stage": "/cases?stage=Decision",
        "Cases, closed": "/cases?state=closed",
        "Search by reference": "/cases?text=2004-77",
        "A case": f"/cases/{one}",
        "Timeline": f"/cases/{one}/timeline",
        "Dates": f"/cases/{one}/dates",
        "Letters": f"/cases/{one}/letters",
        "Records of a case": f"/cases/{one}/records",
        "Change": f"/cases/{one}/change",
        "Decide": f"/cases/{one}/decide/decide-publication",
        "Figures": f"/figures?year={date.today().year}",
        "Figures as CSV": f"/exports/figures.csv?year={date.today().year}",
        "Records": "/records",
        "Retention, all": "/records/retention?show=all",
        "Export of cases, CSV": "/exports/cases.csv",
        "Export of what waits, XLSX": "/exports/waiting.xlsx",
    }


async def _median(client: httpx.AsyncClient, path: str) -> float:
    """Milliseconds; a page that takes long is asked for less often."""
    taken: list[float] = []
    while len(taken) < (TRIES if sum(taken) < 5_000 else 1):
        begun = time.perf_counter()
        answer = await client.get(path)
        taken.append(1000 * (time.perf_counter() - begun))
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code}")
    return median(taken)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000))
