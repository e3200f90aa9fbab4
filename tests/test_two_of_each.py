"""Two workers and two servers of pages on one PostgreSQL and one engine: everything happens once, nothing is lost."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from engine import connected, dev_server, environment, free_port, until
from filling import PASSWORD, Person
from processes import process, worker
from temporalio.client import Client
from test_web_decided import scr
from test_web_referring import TODAY, answered, answers
from visitor import Browser

import starter
from models.case import fold
from models.events import LetterSent, Taken
from register import accounts, queries
from register.audit import verify
from register.sealed import Ring
from register.store import Register

pytestmark = pytest.mark.slow

CASES = 10  # with so many, hardly ever does one worker take them all
PEOPLE = ("bm", "sg-lead", "chair")


class House:
    """What runs: the addresses of two servers of pages, the engine, the register, the folder of letters."""

    def __init__(self, pages: list[str], client: Client, register: Register, outbox: Path) -> None:
        self.pages, self.client, self.register, self.outbox = pages, client, register, outbox
        self.browsers: list[httpx.AsyncClient] = []

    def browser(self, server: int, cookies: httpx.Cookies | None = None) -> httpx.AsyncClient:
        """A browser at one of the servers."""
        self.browsers.append(httpx.AsyncClient(base_url=self.pages[server], cookies=cookies, timeout=60))
        return self.browsers[-1]

    async def person(self, name: str, server: int) -> Person:
        """Somebody who has signed in at one of the servers."""
        one = Person.__new__(Person)
        one.client, one.page = self.browser(server), httpx.Response(200)
        await one.get("/sign-in")
        assert await one.send("/sign-in", "", {"name": name, "password": PASSWORD}) == 303
        return one

    async def settled(self, reference: str) -> bool:
        """Whether every letter of a case has gone and the register has all that the engine has."""
        case = (await starter.ask(self.client, reference)).case
        kept = await queries.events(self.register, reference)
        return not any(x.state == "owed" for x in case.letters.values()) and len(kept) == case.seq


@pytest.fixture
def addresses(postgresql: str, tmp_path: Path) -> Iterator[tuple[int, list[str]]]:
    """The port of an engine, and the addresses of two servers of pages; two workers work beside them."""
    port, ports = free_port(), [free_port(), free_port()]
    env = environment(port, tmp_path) | {"SCR_REGISTER": postgresql}
    with ExitStack() as house:
        house.enter_context(dev_server(tmp_path, port))
        asyncio.run(connected(port, tmp_path))
        for number, web in enumerate(ports):
            house.enter_context(worker(env, tmp_path / f"worker-{number}.log"))
            known = env | {"SCR_WEB_PORT": str(web)}
            house.enter_context(process("web.app", known, tmp_path / f"web-{number}.log", "ready at"))
        yield port, [f"http://127.0.0.1:{web}" for web in ports]


@pytest.fixture
async def house(addresses: tuple[int, list[str]], postgresql: str, tmp_path: Path) -> AsyncIterator[House]:
    port, pages = addresses
    now = datetime.now(UTC)
    async with await Register.open(postgresql, Ring.of(tmp_path)) as register:
        for person in PEOPLE:
            token = await accounts.invite(register, person, "demo", person, now)
            await accounts.set_password(register, token, PASSWORD, now)
        house = House(pages, await connected(port, tmp_path), register, tmp_path / "outbox")
        yield house
        for browser in house.browsers:
            await browser.aclose()


async def referred(house: House) -> list[str]:
    """Have two people at two servers send referrals at once, the last of them the same; their references."""
    sent = []
    for server, name in enumerate(("bm", "sg-lead")):
        one = await house.person(name, server)
        browser = Browser.__new__(Browser)
        browser.client, browser.page = one.client, one.page
        children = [*(f"Child {server}{n} Nobody-Here" for n in range(CASES // 2)), "Ottoline Nobody-Here"]
        sent += [(one, browser, await answered(browser, answers(child)), browser.csrf) for child in children]
    confirmed = [one.client.post(f"{path}/check", data={"csrf": csrf}) for one, _, path, csrf in sent]
    assert [said.status_code for said in await asyncio.gather(*confirmed)] == [303] * len(sent)
    references = await house.register.read(lambda db: db.exec_driver_sql("SELECT reference FROM referrals").all())
    return sorted(str(row.reference) for row in references)


async def test_two_of_each_do_everything_once(house: House) -> None:
    references = await referred(house)
    assert references == [f"DEMO-{TODAY.year}-{n:03d}" for n in range(1, CASES + 2)]
    for reference in references:
        await until(lambda of=reference: house.settled(of), f"{reference} begins")  # type: ignore[misc]
    await _recommend(house, references)
    await _initiate(house, references)
    for reference in references:
        await until(lambda of=reference: house.settled(of), f"the letters of {reference} go")  # type: ignore[misc]
        await _everything_once(house, reference)
    assert await verify(house.register) == []
    assert len(await _workers(house, references)) == 2


async def _recommend(house: House, references: list[str]) -> None:
    """Two people record another outcome of the same step at once: one is taken in, the other is told."""
    forms = []
    for reference in references:
        path = f"/cases/{reference}/decide/recommend"
        one, other = await house.person("sg-lead", 0), await house.person("bm", 1)
        assert await one.check(path, scr()) == 200, one.text
        assert await other.check(path, {**scr(), "by": "sg-lead"}) == 200, other.text
        forms += [one.confirm(path), other.confirm(path)]
    codes = await asyncio.gather(*forms)
    assert [sorted(codes[n : n + 2]) for n in range(0, len(codes), 2)] == [[303, 409]] * len(references)


async def _initiate(house: House, references: list[str]) -> None:
    """One form is sent twice at once, through both servers."""
    forms = []
    for reference in references:
        path = f"/cases/{reference}/decide/decide"
        one = await house.person("chair", 0)
        assert await one.check(path, {**scr(), "outcome": "initiate", "by": "chair"}) == 200, one.text
        for server in (0, 1):
            browser = house.browser(server, httpx.Cookies(dict(one.client.cookies)))
            forms.append(browser.post(path, data={**one.hidden, "stage": "confirm"}))
    assert {said.status_code for said in await asyncio.gather(*forms)} == {303}


async def _everything_once(house: House, reference: str) -> None:
    events = await queries.events(house.register, reference)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert fold(events) == (await starter.ask(house.client, reference)).case, "register and engine say the same"
    decided = Counter(e.decision.step for e in events if isinstance(e, Taken) and e.decision.kind == "decide")
    assert decided == {"recommend": 1, "decide": 1}
    sent = Counter(event.letter for event in events if isinstance(event, LetterSent))
    assert set(sent.values()) == {1}
    assert len(sent) > 3
    assert {file.stem for file in (house.outbox / reference).glob("*.eml")} == set(sent)


async def _workers(house: House, references: list[str]) -> set[str]:
    """Which workers have worked on the cases."""
    found = set()
    for reference in references:
        history = await house.client.get_workflow_handle(reference).fetch_history()
        found |= {e.workflow_task_completed_event_attributes.identity for e in history.events} - {""}
    return found
