"""The public page on its own: what stands in the publication register, and nothing else. Everything is invented."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from closed_cases import CASE, REPORT, SAID, done, keep, reviewed
from desk import Desk

from library import Library
from register.sealed import Ring
from register.store import Register
from web.public import build_public

ADD = ("publication", "add", CASE, "--sort", "Serious Case Review", *SAID, "--review", "Child N")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Desk:
    """`scr` with a data folder of its own, and no engine."""
    desk = Desk(monkeypatch, capfd, tmp_path / "data")
    keep(desk.data, reviewed())
    return desk


@asynccontextmanager
async def outside(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody from outside."""
    ring = Ring.load_or_make(desk.data / "register.key")
    async with await Register.open(desk.data / "register.db", ring) as register:
        app = build_public(register, Library().board("demo"), desk.data / "public" / "demo")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://public.example") as client:
            yield client


async def answers(desk: Desk, *paths: str) -> list[httpx.Response]:
    """What somebody from outside is answered at these paths."""
    async with outside(desk) as client:
        return [await client.get(path) for path in paths]


async def test_the_page_follows_the_register(desk: Desk) -> None:
    document = "/documents/2013-10-child-n-overview-report.pdf"
    [page, missing] = await answers(desk, "/", document)
    assert (page.status_code, "Child N" in page.text, missing.status_code) == (200, False, 404)
    await asyncio.to_thread(done, desk, *ADD)
    page, report, style, data = await answers(desk, "/", document, "/register.css", "/reviews.json")
    assert "Child N" in page.text
    assert (report.content, report.headers["content-type"]) == (REPORT, "application/pdf")
    assert style.headers["content-type"].startswith("text/css")
    assert [review["review"] for review in data.json()["reviews"]] == ["Child N"]
    await asyncio.to_thread(done, desk, "publication", "remove", CASE, *SAID)
    [page, missing] = await answers(desk, "/", document)
    assert ("Child N" in page.text, missing.status_code) == (False, 404)


async def test_it_follows_while_it_is_served(desk: Desk) -> None:
    async with outside(desk) as client:
        assert "Child N" not in (await client.get("/")).text
        await asyncio.to_thread(done, desk, *ADD)  # as another process would
        assert "Child N" in (await client.get("/")).text


async def test_nothing_else_is_behind_it(desk: Desk) -> None:
    await asyncio.to_thread(done, desk, *ADD)
    other = ("/cases", "/sign-in", f"/cases/{CASE}", "/health", "/static/pages.css", "/index.html/", "/documents/")
    dots = ("/../register.db", "/documents/../../../register.key", "/%2e%2e/%2e%2e/register.key", "//etc/passwd")
    found = await answers(desk, "/", *other, *dots)
    assert [answer.status_code for answer in found] == [200, *[404 for _ in (*other, *dots)]]
    for answer in found:
        assert "set-cookie" not in answer.headers
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert CASE not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_it_takes_no_forms(desk: Desk) -> None:
    async with outside(desk) as client:
        assert (await client.post("/", data={"a": "b"})).status_code == 404
        assert "form-action 'none'" in (await client.get("/")).headers["content-security-policy"]
