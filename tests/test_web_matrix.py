"""Every route of the pages against every kind of viewer, in a matrix made of the routes and of who may (`matrix.py`).

What is refused is not there: the page says what it says of a case that does not exist.
"""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from case_world import Story
from matrix import PEOPLE, WITHOUT, Rule, Somebody, may, rules
from reading_world import CASE, Reader, post, read_by, signed_in, told
from sqlalchemy import update
from starlette.routing import Route

from library import Library
from models.access import Viewer
from models.decisions import Assign
from models.events import Taken
from register import accounts, audit, drafts, feeds, papers, queries
from register.tables import AccountRow, SessionRow
from starter import Unreachable
from web.app import build
from web.frame import COOKIE, Office
from web.public import build_public

LEAST = 6_800
"""Requests of the matrix, at the least."""
UI = "http://127.0.0.1:8233"
FIELDS = {
    "csrf": "token of forms", "id": "4d6f7c1e-8f0a-4a52-9f0e-2f6d0b9a1c11", "source": "x" * 20_001, "reference": CASE,
    "because": "x", "do": "save",
}  # fmt: skip
"""What every form carries here: a sound token, and nothing that is taken in."""


class Request(NamedTuple):
    """A request of the matrix: the route, the values of its address, and whether the rule lets it through."""

    route: str
    values: dict[str, str]
    let: bool


def made() -> Story:
    """The case, in which somebody has stood down besides."""
    told_of = told()
    told_of.assign("former", "panel")
    told_of.take(Assign(**told_of.said(None, "bm"), person="former", role="panel", stands_down=True))
    return told_of


story = cache(made)


def routes() -> list[str]:
    """Every path of the pages with each of its methods."""
    app = build(Office(None, None, Path()))  # type: ignore[arg-type]
    found = [route for route in app.routes if isinstance(route, Route)]
    return sorted({f"{how} {one.path}" for one in found for how in one.methods or {"GET"} if how != "HEAD"})


def all_rules(letters: dict[str, str]) -> list[tuple[str, Rule]]:
    taken = [event for event in story().log if isinstance(event, Taken)]
    of: dict[str, set[str]] = {
        "recommend": set(), "decide": set(), "agency-review[health]": {"health"}, "agency-review[police]": {"police"},
        "notify-cqc": {"health-manager"},
    }  # fmt: skip
    decisions = {event.decision.id: of[event.step] for event in taken if event.step in of}
    return list(rules(letters, decisions))


def requests(who: Somebody, letters: dict[str, str]) -> Iterator[Request]:
    """All that somebody asks for."""
    for route, rule in sorted(all_rules(letters), key=lambda one: one[0] == "POST /sign-out"):  # last of all
        for values, whose in rule.things:
            yield Request(route, values, may(rule.who, who, whose))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[tuple[Reader, dict[str, str]]]:
    own = made()
    letters = post(own, tmp_path / "outbox")
    async with read_by(tmp_path, own) as reader:
        for content in own.contents:
            await papers.keep(reader.register, CASE, content, "report.txt")
        office: Office = reader.app.state.office
        office.temporal_ui, office.engine_readers = UI, frozenset({"operator@demo"})

        async def no_engine() -> Any:
            raise Unreachable("The engine does not answer.")

        office.engine = no_engine  # type: ignore[method-assign]
        yield reader, letters


class Visit:
    """Somebody at the pages, with a session as theirs is."""

    def __init__(self, reader: Reader, who: Somebody) -> None:
        self._register, self._who, self._n = reader.register, who, 0
        self.account = f"{who.person}@{who.board}"
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(reader.app), base_url="http://pages")

    async def come(self) -> None:
        """Open an account and a session, and let both be as they are for this one."""
        who, now = self._who, datetime.now(UTC)
        token = f"session of {who.person}"
        if who.session != "none":
            self.client.cookies.set(COOKIE, token)
        if who.session not in ("none", "forged"):
            await signed_in(self._register, token, who.person, who.board)
            row, session = update(AccountRow), update(SessionRow)
            closed, seen = now if who.session == "closed" else None, now - timedelta(hours=2)
            await self._register.write(
                lambda db: db.execute(row.values(closed_at=closed, administrator=who.administrator))
            )
            if who.session == "over":
                await self._register.write(lambda db: db.execute(session.values(seen_at=seen)))
        await signed_in(self._register, "of another", "another", "demo")
        if who.emergency:
            at = now - timedelta(minutes=61 if who.emergency == "over" else 5)
            viewer = Viewer(self.account, who.board, who.person)
            await accounts.note_read(self._register, viewer, CASE, accounts.EMERGENCY, at, "There is nobody else here.")

    async def ask(self, asked: Request) -> httpx.Response:
        """Send a request, with a session and a form as they should be."""
        method, path = asked.route.split(" ", 1)
        for name, value in {**asked.values, "reference": CASE}.items():
            path = path.replace("{" + name + "}", await self._value(value))
        headers = {"origin": UI} if path == "/codec/decode" else {}
        if method != "POST":
            return await self.client.request(method, path, headers=headers)
        return await self.client.post(path, data=FIELDS, headers=headers)

    async def _value(self, value: str) -> str:
        """What stands in an address, made now where it is used up by being asked for."""
        now = datetime.now(UTC)
        self._n += 1
        match value:
            case "their own" if not self._who.outside:
                return await drafts.begin(self._register, self.account, now)
            case "their own" | "another's":
                return await drafts.begin(self._register, "another@demo", now)
            case "a feed's":
                return await feeds.make(self._register, "another@demo", now)
            case "another@demo":
                await signed_in(self._register, f"other {self._n}", f"other-{self._n}", "demo")
                return f"other-{self._n}@demo"
        return value


def wrong(asked: Request, who: Somebody, answer: httpx.Response) -> bool:
    """Whether an answer is not as the rules have it."""
    status, where = answer.status_code, answer.headers.get("location", "")
    sent_away = status == 303 and where.startswith("/sign-in")
    if asked.let:
        ended = (
            asked.route == "POST /sign-out"
        )  # which leads there too, and for nobody signed in is a form of no session
        return status in (401, 404, 405, 500) or (status == 403 and not who.outside) or (sent_away and not ended)
    if who.outside:
        return not sent_away and status not in (401, 403, 404)
    return status != (403 if asked.route == "POST /codec/decode" else 404)


# ---- the matrix -----------------------------------------------------------------------------------------------------


def test_every_route_has_a_rule_or_a_reason() -> None:
    ruled = {route for route, _ in all_rules({"referrer": "a-letter"})}
    assert sorted({*ruled, *WITHOUT}) == routes()


def test_the_matrix_is_as_large_as_is_said(tmp_path: Path) -> None:
    letters = post(made(), tmp_path)
    number = sum(1 for who in PEOPLE.values() for _ in requests(who, letters))
    assert number >= LEAST, number


@pytest.mark.slow
@pytest.mark.parametrize("name", PEOPLE)
async def test_each_gets_what_is_theirs_and_nothing_else(world: tuple[Reader, dict[str, str]], name: str) -> None:
    (reader, letters), who = world, PEOPLE[name]
    visit, before = Visit(reader, who), await queries.events(reader.register, CASE)
    await visit.come()
    faults, compared = [], set[str]()
    for asked in requests(who, letters):
        answer = await visit.ask(asked)
        if wrong(asked, who, answer):
            faults.append((asked.route, asked.values, asked.let, answer.status_code))
        elif answer.status_code == 404 and asked.route.startswith("GET /cases/") and asked.route not in compared:
            compared.add(asked.route)
            missing = await visit.client.get(str(answer.url).replace(CASE, "DEMO-2013-999"))
            assert answer.text == missing.text, asked  # nothing tells what is there from what is not
    assert not faults, faults
    assert await queries.events(reader.register, CASE) == before
    assert not await audit.verify(reader.register)


# ---- what a matrix does not say -------------------------------------------------------------------------------------


async def test_a_role_that_is_withdrawn_is_withdrawn_from_a_session_that_lives(tmp_path: Path) -> None:
    before = told()
    before.assign("former", "panel")
    async with read_by(tmp_path, before) as reader:
        visit = Visit(reader, Somebody("former"))
        await visit.come()
        assert (await visit.client.get(f"/cases/{CASE}")).status_code == 200
        gone = before.take(Assign(**before.said(None, "bm"), person="former", role="panel", stands_down=True))
        await reader.register.append(CASE, gone)
        for path in ("", "/documents/1/chronology[health]", "/chronology.xlsx", "/bundle"):
            assert (await visit.client.get(f"/cases/{CASE}{path}")).status_code == 404, path


async def test_a_closed_account_is_closed_for_a_session_that_lives(world: tuple[Reader, dict[str, str]]) -> None:
    reader, _ = world
    visit = Visit(reader, PEOPLE["chair"])
    await visit.come()
    assert (await visit.client.get(f"/cases/{CASE}")).status_code == 200
    await accounts.close_account(reader.register, visit.account, datetime.now(UTC))
    assert (await visit.client.get(f"/cases/{CASE}")).status_code == 303


@pytest.mark.slow
async def test_a_form_without_the_token_of_its_session_is_refused_and_other_methods_too(
    world: tuple[Reader, dict[str, str]],
) -> None:
    (reader, letters), known = world, set(routes())
    visit = Visit(reader, PEOPLE["business manager"])
    await visit.come()
    for route, rule in all_rules(letters):
        method, path = route.split(" ", 1)
        address = path
        for name, value in {**rule.things[0][0], "reference": CASE}.items():
            address = address.replace("{" + name + "}", value)
        if method == "POST" and path != "/codec/decode":
            answer = await visit.client.post(address, data=FIELDS | {"csrf": "forged"})
            assert answer.status_code in (403, 404), route
        others = [how for how in ("PUT", "DELETE", "PATCH", "GET", "POST") if f"{how} {path}" not in known]
        for other in others:
            assert (await visit.client.request(other, address)).status_code in (404, 405), (other, route)


async def test_the_public_page_serves_its_own_files_and_nothing_else(tmp_path: Path) -> None:
    async with read_by(tmp_path, told()) as reader:
        await signed_in(reader.register, "bm's", "bm", "demo")
        app = build_public(reader.register, Library(tmp_path).board("demo"), tmp_path / "public")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://public") as client:
            for cookie in ("", "bm's"):
                client.cookies.set(COOKIE, cookie)
                for path in ("/", "/index.html", "/register.css", "/reviews.json"):
                    assert (await client.get(path)).status_code == 200, path
                    assert CASE not in (await client.get(path)).text
                    for method in ("POST", "PUT", "DELETE"):
                        assert (await client.request(method, path)).status_code in (404, 405)
                for path in HIDDEN:
                    assert (await client.get(path)).status_code == 404, path


HIDDEN = (
    *("/..%2fregister.db", "/../register.key", "/%2e%2e/register.key", "//etc/passwd", "/register.db", "/a%00b"),
    *(f"/cases/{CASE}", "/documents/", "/documents/overview-report", "/accounts", "/health"),
)
