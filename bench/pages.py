"""How long the pages take with a full register: median milliseconds a page, asked for by a Business Manager."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import NamedTuple

import httpx
from sqlalchemy import Connection, insert

from bench.closed_cases import fill
from bench.report import plain_table
from library import Library
from register.sealed import Ring
from register.store import Register
from register.tables import AccountRow, SessionRow
from web.app import build
from web.frame import COOKIE, Office

TRIES = 15
SLOW = 20_000
"""After so many milliseconds a page is asked for no more."""


async def _sign_in(register: Register, person: str) -> str:
    token, now = f"session of {person}", datetime.now(UTC)
    account = {"name": person, "board": "demo", "person": person, "administrator": False, "password_hash": None}
    session = {"token_hash": sha256(token.encode()).hexdigest(), "account": person, "csrf": "x", "seen_at": now}

    def write(db: Connection) -> None:
        db.execute(insert(AccountRow), account)
        db.execute(insert(SessionRow), session)

    await register.write(write)
    return token


async def measure(open_cases: int, closed_cases: Sequence[int]) -> list[dict[str, float]]:
    """Median milliseconds of each page by its name, once for each number of closed cases in a register.

    The registers are asked in turn, so that whatever else the machine does meets all of them.
    """
    found: list[dict[str, float]] = [{} for _ in closed_cases]
    async with AsyncExitStack() as stack:
        served = [await _served(stack, open_cases, number) for number in closed_cases]
        for name in served[0].pages:
            taken: list[list[float]] = [[] for _ in served]
            while len(taken[0]) < TRIES and sum(map(sum, taken)) < SLOW:
                for one, of in zip(served, taken, strict=True):
                    of.append(await _timed(one.client, one.pages[name]))
            for which, of in zip(found, taken, strict=True):
                which[name] = median(of)
    return found


class _Served(NamedTuple):
    client: httpx.AsyncClient
    pages: dict[str, str]


async def _served(stack: AsyncExitStack, open_cases: int, closed_cases: int) -> _Served:
    """The pages over a register of so many cases; each has been asked for once."""
    data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
    library, ring = Library(data), Ring.load_or_make(data / "register.key")
    register = await stack.enter_async_context(await Register.open(data / "register.db", ring))
    pages = _pages(*await fill(register, library, open_cases, closed_cases))
    transport = httpx.ASGITransport(build(Office(register, library, data)))
    cookies = {COOKIE: await _sign_in(register, "bm")}
    client = httpx.AsyncClient(transport=transport, base_url="http://pages", cookies=cookies, timeout=600)
    await stack.enter_async_context(client)
    for path in pages.values():
        await _timed(client, path)
    return _Served(client, pages)


def _pages(one: str, closed: str) -> dict[str, str]:
    return {
        "My work": "/",
        "Cases": "/cases",
        "Cases, the last page": "/cases?page=999999",
        "Cases, overdue": "/cases?overdue=yes",
        "Cases, waiting for a role": "/cases?role=chair",
        "Cases, of a stage": "/cases?stage=Decision",
        "Cases, closed": "/cases?state=closed",
        "Cases, closed, the last page": "/cases?state=closed&page=999999",
        "Cases, all, opened last first": "/cases?state=all&order=opened",
        "Search by reference, open": f"/cases?text={one[-8:]}",
        "Search by reference, all": f"/cases?state=all&text={closed[-8:]}",
        "A case": f"/cases/{one}",
        "Timeline": f"/cases/{one}/timeline",
        "Dates": f"/cases/{one}/dates",
        "Letters": f"/cases/{one}/letters",
        "Records of a case": f"/cases/{one}/records",
        "Change": f"/cases/{one}/change",
        "Decide": f"/cases/{one}/decide/decide-publication",
        "A closed case": f"/cases/{closed}",
        "Timeline of a closed case": f"/cases/{closed}/timeline",
        "Records of a closed case": f"/cases/{closed}/records",
        "Figures": f"/figures?year={date.today().year}",
        "Figures as CSV": f"/exports/figures.csv?year={date.today().year}",
        "Records": "/records",
        "Publications": "/records/publications",
        "Retention": "/records/retention",
        "Retention, all": "/records/retention?show=all",
        "Export of cases, CSV": "/exports/cases.csv",
        "Export of what waits, XLSX": "/exports/waiting.xlsx",
    }


async def _timed(client: httpx.AsyncClient, path: str) -> float:
    begun = time.perf_counter()
    answer = await client.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.status_code}")
    return 1000 * (time.perf_counter() - begun)


def main(cases: int) -> None:
    """Print the times with so many cases, half of them closed."""
    found = asyncio.run(measure(cases - cases // 2, [cases // 2]))[0]
    print(plain_table((f"page, {cases:,} cases", "ms"), [(name, f"{ms:.0f}") for name, ms in found.items()]))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000)
