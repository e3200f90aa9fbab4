"""The codec endpoint and the page of saved views: readable for the few who may, refused to everybody else.

All people and cases are invented.
"""

import base64
import json
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from desk import Desk
from engine import connected, until
from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads
from visitor import Browser, office_at, signed_in

import starter
from models.refusal import Refusal
from payloads import converter
from register import accounts
from register.sealed import Ring
from register.store import Register
from web import codec, engine
from web.app import build

UI = "http://127.0.0.1:8233"
FROM_UI = {"origin": UI, "content-type": "application/json", "x-namespace": "default"}
OTHER = Ring(None, {"otherkey": bytes(32)}, "otherkey")
CORS = "access-control-allow-origin"


@pytest.fixture
def where(tmp_path: Path) -> Path:
    """Where the register is: one database will do for what is tested here."""
    return tmp_path / "register.db"


@pytest.fixture
def pages(register: Register, tmp_path: Path) -> Any:
    """An office in which the account of the Business Manager alone reads the engine."""
    return office_at(register, tmp_path, temporal_ui=UI, engine_readers=frozenset({"bm"}))


@pytest.fixture
async def reader(pages: Any) -> Browser:
    return await signed_in(pages, "bm")


async def sealed(ring: Ring, *values: object) -> list[Payload]:
    return await converter(ring).encode(values)


def body(*payloads: Payload) -> str:
    return json_format.MessageToJson(Payloads(payloads=payloads))


async def ask(browser: Browser, content: str | bytes, **headers: str) -> httpx.Response:
    return await browser.client.post("/codec/decode", content=content, headers=FROM_UI | headers)


def opened(answer: httpx.Response) -> list[Any]:
    return [json.loads(base64.b64decode(one["data"])) for one in answer.json()["payloads"]]


async def test_who_may_read_gets_payloads_opened_in_order_and_it_is_written_down(
    reader: Browser, register: Register
) -> None:
    [late, early] = await sealed(register.ring, {"step": "decide"}, "x" * 5000)
    plain = Payload(metadata={"encoding": b"json/plain"}, data=b'"never sealed"')
    answer = await ask(reader, body(late, early, plain))
    assert (answer.status_code, opened(answer)) == (200, [{"step": "decide"}, "x" * 5000, "never sealed"])
    assert answer.headers[CORS] == UI
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert (answer.headers["vary"], answer.headers["cache-control"]) == ("Origin", "no-store")
    [read] = await accounts.reads(register, codec.ENGINE)
    assert (read.account, read.what) == ("bm", "payloads: 3")


async def test_one_that_cannot_be_opened_says_why_and_keeps_no_other_back(reader: Browser, register: Register) -> None:
    [good, altered] = await sealed(register.ring, "good", "altered")
    [foreign] = await sealed(OTHER, "foreign")
    altered.data = altered.data[:-1] + bytes([altered.data[-1] ^ 1])
    short = Payload(metadata={"encoding": b"binary/encrypted"}, data=b"\x01")
    answer = await ask(reader, body(foreign, good, altered, short))
    said = opened(answer)
    assert (answer.status_code, said[1]) == (200, "good")
    assert said[0] == "This cannot be read: the key otherkey is not in the ring."
    assert said[2] == "This cannot be read: it was altered."
    assert said[3].startswith("This cannot be read: ")
    assert str(register.ring.path) not in str(said), "no place of this machine"


async def test_it_opens_nothing_but_the_engine_s_own(reader: Browser, register: Register) -> None:
    """A referral copied from the register, dressed up as a payload, stays shut."""
    blob = register.ring.seal(b"z" + b"Alex Example", "referral DEMO-2026-001")
    dressed = Payload(metadata={"encoding": b"binary/encrypted"}, data=blob)
    assert opened(await ask(reader, body(dressed))) == ["This cannot be read: it was altered."]


async def test_everybody_else_is_refused_and_nothing_is_written_down(pages: Any, register: Register) -> None:
    content = body(*await sealed(register.ring, "secret"))
    nobody = await ask(Browser(build(pages)), content)
    chair = await ask(await signed_in(pages, "chair"), content)
    manager = await ask(await signed_in(pages, "sg-lead", administrator=True), content)
    assert [answer.status_code for answer in (nobody, chair, manager)] == [401, 403, 403]
    assert [answer.headers[CORS] for answer in (nobody, chair, manager)] == [UI] * 3, "so that it can be told"
    assert not any("payloads" in answer.text for answer in (nobody, chair, manager))
    assert await accounts.reads(register, codec.ENGINE) == []


@pytest.mark.parametrize("origin", ["", "null", "http://127.0.0.1:8080", "https://127.0.0.1:8233", UI + ".example"])
async def test_a_page_from_elsewhere_gets_nothing_even_for_who_may(
    reader: Browser, register: Register, origin: str
) -> None:
    content = body(*await sealed(register.ring, "secret"))
    for method in ("POST", "OPTIONS"):
        headers = FROM_UI | {"origin": origin, "access-control-request-method": "POST"}
        answer = await reader.client.request(method, "/codec/decode", content=content, headers=headers)
        assert (answer.status_code, CORS in answer.headers) == (403, False)
    assert await accounts.reads(register, codec.ENGINE) == []


async def test_a_browser_is_told_what_the_web_ui_may_send(pages: Any) -> None:
    asked = {"origin": UI, "access-control-request-method": "POST"}
    answer = await Browser(build(pages)).client.options("/codec/decode", headers=asked)
    assert (answer.status_code, answer.headers[CORS]) == (204, UI)
    assert answer.headers["access-control-allow-headers"] == "content-type, x-namespace, authorization"
    assert answer.headers["access-control-allow-methods"] == "POST"


@pytest.mark.parametrize("content", ["", "payloads", '{"payloads": 5}', "[" * 100_000, b"\xff", '{"other": []}'])
async def test_what_is_no_payloads_is_refused(reader: Browser, content: str | bytes) -> None:
    assert (await ask(reader, content)).status_code == 400


async def test_what_is_too_large_is_refused_however_it_is_sent(
    reader: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec, "LARGEST", 1000)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * 400

    assert (await ask(reader, " " * 1001)).status_code == 413
    answer = await reader.client.post("/codec/decode", content=pieces(), headers=FROM_UI)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "https://temporal.example.org/", "temporal.example.org", "https://a.example,https://b.example"],
)
def test_exactly_one_origin_is_taken(origin: str) -> None:
    with pytest.raises(Refusal, match="write the one origin"):
        codec.ui_of({"SCR_TEMPORAL_UI": origin})


def test_the_settings_as_they_are_read() -> None:
    assert codec.ui_of({}) == UI
    assert codec.ui_of({"SCR_TEMPORAL_UI": "https://temporal.example.org"}) == "https://temporal.example.org"
    assert codec.ui_of({"SCR_TEMPORAL_UI": "http://[::1]:8233"}) == "http://[::1]:8233"
    assert codec.readers_of({}) == frozenset()
    assert codec.readers_of({"SCR_ENGINE_READERS": " bm, chair.demo,,ops "}) == {"bm", "chair.demo", "ops"}


# ---- the saved views ------------------------------------------------------------------------------------------------


async def test_the_views_are_there_for_readers_alone(pages: Any, reader: Browser) -> None:
    stranger = await signed_in(pages, "chair", administrator=True)
    assert (await stranger.get("/engine")).status_code == 404
    assert 'href="/engine"' not in (await stranger.get("/")).text
    assert 'href="/engine"' in (await reader.get("/")).text


async def test_without_an_engine_the_page_says_so(reader: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    page = await reader.get("/engine")
    assert page.status_code == 503
    assert "The engine does not answer" in reader.text
    assert "not known" in reader.text
    assert "Letters that failed" in reader.text


@pytest.mark.slow
async def test_each_view_counts_what_its_link_would_list(desk: Desk, office: tuple[Path, int], case: str) -> None:
    client = await connected(office[1], office[0])
    async with await Register.open(desk.data / "register.db", Ring.of(desk.data)) as register:
        more = {"temporal_ui": UI, "engine_readers": frozenset({"bm"}), "client": client}
        browser = await signed_in(office_at(register, desk.data, **more), "bm")
        role = "LSCB SCR sub-group"

        async def listed() -> bool:
            return await starter.counted(client, [engine._of("ScrWaitingFor", role)]) >= [1]

        await until(listed, "the engine's list has the case")
        page = unescape((await browser.get("/engine")).text)
        rows = [row for row in page.split("<tr")[1:] if "/workflows?query=" in row]
        found = {}
        for row in rows:
            link = row.partition('href="')[2].partition('"')[0]
            words = row.partition(">")[2].partition("</a>")[0].rpartition(">")[2]
            count = row.rpartition('govuk-table__cell">')[2].partition("<")[0]
            query = httpx.URL(link).params["query"]
            assert link.startswith(f"{UI}/namespaces/default/workflows?query=")
            [counted] = await starter.counted(client, [query])
            assert count == (str(counted) if counted else "none"), words
            found[words] = counted
    assert found["All open cases"] >= 1
    assert found[role] >= 1
    assert found["Consideration"] >= 1
    assert found["Demoshire Safeguarding Children Board"] >= 1
    assert found["Letters that failed"] == 0


@pytest.mark.slow
async def test_a_name_with_quotes_is_looked_for_as_it_is(desk: Desk, office: tuple[Path, int], case: str) -> None:
    client = await connected(office[1], office[0])
    odd = [engine._of("ScrStage", text) for text in ('Chair of "the" Board', "Chair's", "back\\slash", '" OR "" = "')]
    assert await starter.counted(client, odd) == [0, 0, 0, 0]
