"""Saved views of the engine's list of cases, for those who may read it: links into the Temporal Web UI, with counts."""

from collections import Counter
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import starter
from models.messages import WORKFLOW
from models.refusal import Refusal
from register import accounts, queries
from register.queries import CaseFilter
from starter import Unreachable
from web.codec import ENGINE, may_read
from web.frame import address, now, office, page, viewer

SOON = timedelta(hours=7 * 24)  # of the engine's clock: a filter, no timescale
READS = 500
"""How many of the last reads are shown; a page of the Temporal Web UI makes a dozen or two in the same minute."""
RUNNING = f'WorkflowType = "{WORKFLOW}" AND ExecutionStatus = "Running"'


class View(NamedTuple):
    """A view in words, its visibility query, where it is in the Temporal Web UI, how many cases it has, if known."""

    words: str
    query: str
    link: str
    cases: int | None


async def views(request: Request) -> Response:
    """The saved views; for anybody who may not read the engine there is no such page."""
    who = viewer(request)
    if not may_read(request, who):
        raise HTTPException(404)
    groups = await _groups(request)
    wanted = [query for group in groups.values() for _, query in group]
    namespace, down = "default", ""
    counts: list[int | None] = [None] * len(wanted)
    try:
        client = await office(request).engine()
        namespace, counts = client.namespace, [*await starter.counted(client, wanted)]
    except Unreachable as error:
        down = str(error)
    known = dict(zip(wanted, counts, strict=True))
    base = f"{office(request).temporal_ui}/namespaces/{quote(namespace, safe='')}/workflows?query="
    shown = {
        title: [View(words, query, base + quote(query), known[query]) for words, query in group]
        for title, group in groups.items()
    }
    found = await accounts.reads(office(request).register, ENGINE, READS)
    reads = Counter((read.at.replace(second=0, microsecond=0), read.account) for read in found)
    context = {"ui": office(request).temporal_ui, "codec": address(request, "/codec")}
    return page(request, "engine.html.j2", 503 if down else 200, groups=shown, down=down, reads=reads, **context)


async def _groups(request: Request) -> dict[str, list[tuple[str, str]]]:
    """The views by group: their words and their query."""
    register, library = office(request).register, office(request).library
    boards = [library.board(name) for name in library.boards()]
    stages = await queries.stages(register, CaseFilter(state="open"))
    return {
        "What needs somebody": needing_somebody(now()),
        "Waiting for": [(role, _of("ScrWaitingFor", role)) for role in await _waiting_for(request)],
        "At the stage": [(stage, _of("ScrStage", stage)) for stage in stages],
        "Of the Board": [(board.name, _of("ScrBoard", board.id)) for board in boards],
    }


def needing_somebody(at: datetime) -> list[tuple[str, str]]:
    """The views of what needs somebody at an aware moment: their words and their query."""
    by_now, soon = (moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in (at, at + SOON))
    return [
        ("Overdue", f'{RUNNING} AND ScrNextDue <= "{by_now}"'),
        ("Letters that failed", f"{RUNNING} AND ScrLettersFailed > 0"),
        ("Due within seven days, or overdue", f'{RUNNING} AND ScrNextDue <= "{soon}"'),
        ("All open cases", RUNNING),
    ]


async def _waiting_for(request: Request) -> list[str]:
    """The roles that open cases wait for, in the words of their procedures, as the engine has them."""
    library = office(request).library
    titles: set[str] = set()
    waiting: dict[str, set[str]] = {}
    for case in await queries.cases(office(request).register, CaseFilter(state="open")):
        waiting.setdefault(case.procedure, set()).update(role.partition("[")[0] for role in case.waiting_for)
    for name, roles in waiting.items():
        try:
            procedure = library.procedure(name)
        except Refusal:
            continue  # its own page says what is wrong with it
        titles |= {procedure.roles[role].title for role in roles if role in procedure.roles}
    return sorted(titles)


def _of(attribute: str, value: str) -> str:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{RUNNING} AND {attribute} = "{quoted}"'


ROUTES = [Route("/engine", views, methods=["GET"])]
