"""A case to be read in the browser, and readers of it. All people, places and texts in it are invented."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from case_world import AGENCIES, Story, agree, wt2013_opening
from sqlalchemy import insert
from stories import REVIEW

from activities.outbox import compose
from library import Library
from models.decisions import Recuse
from models.letters import Correspondent, LetterReport, RenderedLetter, content_hash
from models.turn import delivered
from register import papers
from register.sealed import Ring
from register.store import Register
from register.tables import AccountRow, SessionRow
from web.app import build
from web.frame import COOKIE, Office

CASE = "DEMO-2013-001"
SCRIPT = "<script>alert('x')</script>"
HEALTH, POLICE = (
    b"Date,Event,Source,Significance\n5/8/2013,Seen by a nurse <script>,HV 1,None\n",
    b"Date,Event,Source,Significance\n6/8/2013,A call,P 2,None\n",
)
PAGES = ("", "/timeline", "/dates", "/dates/agency-review[health]", "/people", "/letters", "/documents", "/chronology")
ALL = (*PAGES, "/actions", "/audit", "/chronology.xlsx", "/chronology.pdf", "/documents/1/chronology[health]")
OWN = ("senior-manager[health]", "imr-author[health]")
BY: Any = count(1)


class Reader:
    """Somebody signed in, with a browser of their own."""

    def __init__(self, app: Any, register: Register) -> None:
        self.app = app
        self.register = register

    async def get(self, path: str, who: str = "bm", board: str = "demo") -> httpx.Response:
        return await self._ask("GET", path, who, board)

    async def post(self, path: str, who: str, board: str = "demo", **fields: str) -> httpx.Response:
        return await self._ask("POST", path, who, board, data={"csrf": "token of forms", **fields})

    async def _ask(self, method: str, path: str, who: str, board: str, **more: Any) -> httpx.Response:
        token = f"{who} of {board}, session {next(BY)}"
        await signed_in(self.register, token, who, board)
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://pages", cookies={COOKIE: token}) as client:
            return await client.request(method, path, **more)


async def signed_in(register: Register, token: str, who: str, board: str) -> None:
    """Open an account and a session for a person, without a password to be hashed."""
    name, now = f"{who}@{board}", datetime.now(UTC)
    account = {"name": name, "board": board, "person": who, "administrator": False, "password_hash": None}
    session = {
        "token_hash": sha256(token.encode()).hexdigest(),
        "account": name,
        "csrf": "token of forms",
        "seen_at": now,
    }

    def write(db: Any) -> None:
        db.execute(insert(AccountRow).prefix_with("OR IGNORE"), account)
        db.execute(insert(SessionRow), session)

    await register.write(write)


def told() -> Story:
    """A review on its way to its end: documents of two agencies, agreed actions, letters gone; script in each text."""
    agencies = {key: fact.model_copy(update={"name": f"{fact.name} {SCRIPT}"}) for key, fact in AGENCIES.items()}
    opening = wt2013_opening()
    holders = opening.holders | {"business-manager": ("bm", "mina"), "panel": ("panel", "odd-one")}
    stated = {"abuse_or_neglect": True, "died": None}
    criteria = opening.criteria.model_copy(update=stated)
    more = {"holders": holders, "agencies": agencies, "criteria": criteria}
    story = Story(opening.model_copy(update=more))
    story.take(Recuse(**story.said(None, "bm"), person="odd-one"))
    for agency, content in (("health", HEALTH), ("police", POLICE)):
        for text in (b"An earlier version.", content):
            about = {"sha256": papers.hash_of(text), "size": len(text), "media_type": "text/plain"}
            story.file("chronology", "2013-08-09", "bm", agency=agency, **about)
    for on, step, outcome in REVIEW[:-1]:
        searched = story.searched(story.case.procedure.steps[step.partition("[")[0]], outcome)
        story.decide(step, outcome, on, searched=searched, because=SCRIPT)
    story.take(agree(story, "train", title=f"Train the staff {SCRIPT}"))
    story.take(agree(story, "meet", title="Meet more often", agency="police"))
    return story


def rendered() -> RenderedLetter:
    parts = (
        f"{CASE}: Request for all information {SCRIPT}",
        f"Dear Sir, {SCRIPT}\n",
        f"<p>{SCRIPT}</p>",
        b"%PDF-1.7 invented",
    )
    return RenderedLetter(subject=parts[0], text=parts[1], html=parts[2], pdf=parts[3], sha256=content_hash(*parts))


def post(story: Story, outbox: Path) -> dict[str, str]:
    """Send every letter owed; the file of one to each recipient's role. The letter to a role, by role."""
    to: dict[str, str] = {}
    nobody = Correspondent(name="A. Nobody", title="Nobody", organisation="Nowhere", address=("1 Nowhere",), email="")
    (outbox / CASE).mkdir(parents=True)
    while owed := [letter for letter in story.case.letters.values() if letter.state == "owed"]:
        for letter in owed:
            assert letter.order is not None
            content = compose(CASE, letter.order, rendered(), nobody, nobody)
            (outbox / CASE / f"{letter.id}.eml").write_bytes(content)
            to[letter.recipient] = letter.id
        reports = [LetterReport(letter=letter.id, sha256=rendered().sha256) for letter in owed]
        story.extend_by(delivered(story.case, reports, story.at))
    return to


@asynccontextmanager
async def read_by(folder: Path, story: Story) -> AsyncIterator[Reader]:
    """The pages on a register that holds this case and its documents."""
    ring = Ring.load_or_make(folder / "register.key")
    async with await Register.open(folder / "register.db", ring) as register:
        await register.append(CASE, story.log)
        for content in (HEALTH, POLICE, b"An earlier version."):
            await papers.keep(register, CASE, content, f"{SCRIPT}.txt")
        yield Reader(build(Office(register, Library(folder), folder)), register)
