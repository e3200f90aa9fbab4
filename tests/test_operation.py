"""Health, readiness, numbers, logs and a graceful stop, as those who run the product see them.

All people and cases are invented.
"""

import asyncio
import json
import logging
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from desk import Desk, referral, until
from engine import ROOT, connected, dev_server, environment, free_port
from processes import process, worker
from prometheus_client.parser import text_string_to_metric_families
from reading_world import CASE, told
from sqlalchemy import text
from visitor import PASSWORD, office_at

import health
import logs
from models.refusal import Refusal
from register import accounts, deliveries, state
from register.sealed import Ring
from register.store import Register
from starter import Engine, Unreachable
from web.app import build

CHILD = "Zebedee Quillfeather"


def numbers_in(page: str) -> dict[str, float]:
    """The numbers of a page for Prometheus that have no label."""
    samples = [one for family in text_string_to_metric_families(page) for one in family.samples]
    return {one.name: one.value for one in samples if not one.labels}


async def no_engine() -> Engine:
    raise Unreachable("The engine does not answer.")


# ---- health and readiness -------------------------------------------------------------------------------------------


class TestProbes:
    """What is asked of a process; one database will do."""

    @pytest.fixture
    def where(self, tmp_path: Path) -> Path:
        return tmp_path / "register.db"

    @pytest.fixture
    async def client(self, register: Register, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
        """The pages, where no engine answers."""
        transport = httpx.ASGITransport(build(office_at(register, tmp_path)))
        async with httpx.AsyncClient(transport=transport, base_url="http://pages.example") as client:
            yield client

    async def test_alive_is_not_ready(
        self, client: httpx.AsyncClient, register: Register, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
        assert (await client.get("/health")).status_code == 200
        ready = await client.get("/ready")
        assert (ready.status_code, ready.json()) == (503, {"register": "ok", "engine": "does not answer"})

    async def test_tables_of_another_version_are_told(self, client: httpx.AsyncClient, register: Register) -> None:
        await register.write(lambda db: db.execute(text("UPDATE alembic_version SET version_num = '9999'")))
        assert (await client.get("/ready")).json()["register"] == "has tables of another version"

    async def test_a_register_that_fails_is_told_and_the_process_is_alive(
        self, client: httpx.AsyncClient, register: Register
    ) -> None:
        await register.write(lambda db: db.execute(text("DROP TABLE letters")))
        page = await httpx.AsyncClient(
            transport=httpx.ASGITransport(health.build(register, no_engine)), base_url="http://worker.example"
        ).get("/metrics")
        found = numbers_in(page.text)
        assert (page.status_code, found["scr_register_up"], found["scr_engine_up"]) == (200, 0, 0)
        assert "scr_open_cases" not in found
        assert (await client.get("/health")).status_code == 200

    @pytest.mark.parametrize("port", ["0", "65536", "many", "-1", "٣"])
    def test_what_is_no_port_is_refused(self, port: str) -> None:
        with pytest.raises(Refusal, match="give a port number from 1 to 65535"):
            health.port_of({"SCR_METRICS_PORT": port}, "SCR_METRICS_PORT")


# ---- numbers --------------------------------------------------------------------------------------------------------


async def test_the_numbers_are_what_the_cases_say(register: Register) -> None:
    story = told()
    await register.append(CASE, story.log, confirmed=1)
    owed = [letter for letter in story.case.letters.values() if letter.state == "owed"]
    today = date(2014, 6, 30)
    late = [step for step in story.case.steps.values() if step.state == "open" and step.due and step.due < today]
    now = datetime.now(UTC) + timedelta(hours=1)
    found = await state.numbers(register, today, now)
    assert owed
    assert late
    assert found.open_cases == 1
    assert found.overdue_steps == len(late)
    assert found.letters_waiting == len(owed)
    assert found.oldest_unsent == max(
        (now - since).total_seconds() for since in await deliveries.unsent_since(register)
    )
    assert found.oldest_unsent > 3600
    assert (found.letters_failed, found.letters_returned, found.letters_to_post) == (0, 0, 0)
    assert found.unsettled_cases == 1
    assert found.size > 10_000

    stages: tuple[deliveries.State, ...] = ("bounced", "to post")
    for letter, stage in zip(owed, stages, strict=False):
        await deliveries.note(register, CASE, letter.id, ("smtp", stage, None), at=now)
    found = await state.numbers(register, today, now)
    assert (found.letters_returned, found.letters_to_post) == (1, 1)
    last = max(step.due for step in late if step.due)
    assert (await state.numbers(register, last, now)).overdue_steps == sum(step.due != last for step in late)
    assert await state.is_up_to_date(register)


async def test_an_empty_register_has_numbers_too(register: Register) -> None:
    found = await state.numbers(register, date(2026, 1, 1), datetime.now(UTC))
    assert found._replace(size=0) == (0,) * 9


# ---- the real processes ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Engine, worker, pages and public page as in production: logs as JSON, numbers at ports of their own."""
    folder = tmp_path_factory.mktemp("running")
    port, web, public, numbers, clients = (free_port() for _ in range(5))
    env = environment(port, folder) | {"SCR_LOG": "json", "SCR_METRICS_PORT": str(numbers)}
    env |= {"SCR_ENGINE_METRICS_PORT": str(clients), "SCR_WEB_PORT": str(web), "SCR_PUBLIC_PORT": str(public)}
    with ExitStack() as stack:
        stack.enter_context(dev_server(folder, port))
        asyncio.run(connected(port, folder))
        stack.enter_context(worker(env, folder / "worker.log"))
        stack.enter_context(process("web.app", env, folder / "pages.log", "pages are ready"))
        stack.enter_context(process("web.public", env, folder / "public.log", "publication register of"))
        yield {"folder": folder, "engine": port, "web": web, "public": public, "numbers": numbers, "clients": clients}


@pytest.fixture
def desk(running: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Desk:
    return Desk(monkeypatch, capfd, running["folder"], f"127.0.0.1:{running['engine']}")


@pytest.fixture
def quiet(desk: Desk, tmp_path: Path) -> str:
    """A case of an invented child whose letters have gone."""
    file = tmp_path / "referral.toml"
    file.write_text(referral(CHILD), encoding="utf-8")
    reference = str(desk("refer", file, "--json").json["reference"])
    desk.settle(reference)
    return reference


@pytest.mark.slow
def test_a_worker_answers_and_its_numbers_name_nobody(running: dict[str, Any], quiet: str) -> None:
    at = f"http://127.0.0.1:{running['numbers']}"
    assert httpx.get(f"{at}/health").text == "ok\n"
    assert httpx.get(f"{at}/ready", timeout=30).json() == {"register": "ok", "engine": "ok"}
    page = httpx.get(f"{at}/metrics", timeout=30).text
    found = numbers_in(page)
    assert (found["scr_register_up"], found["scr_engine_up"], found["scr_letters_waiting"]) == (1, 1, 0)
    assert found["scr_open_cases"] == 1
    client = httpx.get(f"http://127.0.0.1:{running['clients']}/metrics").text
    assert "temporal_workflow_task_execution_latency_seconds_count" in client
    for said in (page, client):
        assert quiet not in said
        assert CHILD not in said
        labels = {
            label for family in text_string_to_metric_families(said) for one in family.samples for label in one.labels
        }
        assert labels.isdisjoint({"workflow_id", "case", "reference", "board", "person"})


@pytest.mark.slow
def test_no_line_of_any_log_quotes_what_people_write(running: dict[str, Any], quiet: str, desk: Desk) -> None:
    folder, base = running["folder"], f"http://127.0.0.1:{running['web']}"
    because = "Zebedee was seen by Quillfeather"
    desk("decide", quiet, "recommend", "scr", "--by", "sg-lead", "--because", because)
    desk.settle(quiet)

    async def invited() -> str:
        async with await Register.open(folder / "register.db", Ring.of(folder)) as register:
            return await accounts.invite(register, "sg-lead", "demo", "sg-lead", datetime.now(UTC))

    token = asyncio.run(invited())
    with httpx.Client(base_url=base, timeout=30) as browser:
        form = {"csrf": _csrf(browser.get(f"/welcome/{token}").text), "password": PASSWORD, "again": PASSWORD}
        assert browser.post(f"/welcome/{token}", data=form).status_code == 303
        form = {"csrf": _csrf(browser.get("/sign-in").text), "name": "sg-lead", "password": PASSWORD, "next": "/"}
        assert browser.post("/sign-in", data=form).status_code == 303
        assert because in browser.get(f"/cases/{quiet}/timeline?name={CHILD}").text
        assert browser.get(f"/no-such-page/{CHILD}").status_code == 404
        secret = [token, *browser.cookies.values()]
    until(lambda: _listens(running["public"]), "the public page is served")
    httpx.get(f"http://127.0.0.1:{running['public']}/{CHILD}")

    lines = [
        line for name in ("worker", "pages", "public") for line in (folder / f"{name}.log").read_text().splitlines()
    ]
    records = [json.loads(line) for line in lines]
    assert all({"time", "level", "logger", "message"} <= set(record) for record in records)
    asked = {(one["method"], one["route"], one["status"]) for one in records if one["logger"] == "requests"}
    assert ("GET", "/cases/{reference}/timeline", 200) in asked
    assert ("POST", "/welcome/{token}", 303) in asked
    assert ("GET", "none", 404) in asked
    assert all(one["ms"] >= 0 for one in records if one["logger"] == "requests")
    said = "\n".join(lines)
    words = ("Zebedee", "Quillfeather", PASSWORD, "because", *secret)
    assert [word for word in words if word in said] == []


def _csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found.group(1)


@pytest.mark.slow
def test_a_request_under_way_ends_when_the_pages_are_told_to_stop(tmp_path: Path) -> None:
    web = free_port()
    env = environment(1, tmp_path) | {"SCR_WEB_PORT": str(web)}
    with process("web.app", env, tmp_path / "pages.log", "pages are ready") as pages:
        until(lambda: _listens(web), "the pages are served")
        with socket.create_connection(("127.0.0.1", web), timeout=30) as connection:
            body = b"csrf=none&name=bm&password=x"
            head = b"POST /sign-in HTTP/1.1\r\nHost: pages\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            head += b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
            connection.sendall(head)
            assert connection.recv(1000).startswith(b"HTTP/1.1 100"), "the page has begun to read the form"
            pages.send_signal(signal.SIGTERM)
            until(lambda: not _listens(web), "nothing new is taken")
            assert pages.poll() is None
            connection.sendall(body)
            assert b" 403 Forbidden" in connection.recv(100_000)
        assert pages.wait(30) in (0, -signal.SIGTERM)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"SCR_LOG": "xml"}, "SCR_LOG is 'xml'; say plain or json."),
        ({"SCR_METRICS_PORT": "taken"}, "SCR_METRICS_PORT is 'taken': give a port number from 1 to 65535."),
        ({"SCR_METRICS_PORT": "{engine}"}, "Nothing can be served at 127.0.0.1:{engine}"),
        ({"SCR_ENGINE_METRICS_PORT": "{engine}"}, "The client's metrics cannot be served at 127.0.0.1:{engine}"),
    ],
)
def test_wrong_settings_end_the_worker_with_one_sentence(
    running: dict[str, Any], settings: dict[str, str], says: str
) -> None:
    engine = str(running["engine"])
    own = {name: value.replace("{engine}", engine) for name, value in settings.items()}
    env = environment(running["engine"], running["folder"]) | own
    done = subprocess.run(
        [sys.executable, "-m", "worker"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert says.replace("{engine}", engine) in done.stderr
    assert "Traceback" not in done.stderr


# ---- logs -----------------------------------------------------------------------------------------------------------


def _record(error: Exception, name: str = "mail", message: str = "A letter failed") -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "", 0, message, None, (type(error), error, error.__traceback__))


def _raised() -> Exception:
    """An exception that came from another, both with a name in their words."""
    names: dict[str, str] = {}
    try:
        try:
            names[CHILD]
        except KeyError as error:
            raise ValueError(f"cannot write to {CHILD}") from error
    except ValueError as error:
        caught = error
    return caught


@pytest.mark.parametrize("shape", [logs.Plain(), logs.Json()])
def test_an_exception_is_told_by_its_place_and_not_by_its_words(shape: logging.Formatter) -> None:
    record = _record(_raised())
    logging.Formatter().format(record)  # another handler, which keeps the words beside the record
    said = shape.format(record)
    assert CHILD not in said
    assert "Quillfeather" not in said
    assert said.index("builtins.KeyError") < said.index("led to") < said.index("builtins.ValueError")
    assert "test_operation.py" in said
    forgotten = _record(
        ValueError(CHILD), "asyncio", f"Task exception was never retrieved\nfuture: <ValueError({CHILD!r})>"
    )
    assert CHILD not in shape.format(forgotten)
    assert "never retrieved" in shape.format(forgotten)


def test_what_ends_a_process_is_logged_without_its_words() -> None:
    code = f"import logs; logs.set_up({{'SCR_LOG': 'json'}}); raise ValueError({CHILD!r}.upper())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    [line] = done.stderr.splitlines()
    assert (done.returncode, done.stdout, json.loads(line)["level"]) == (1, "", "critical")
    assert "builtins.ValueError" in line
    assert CHILD.upper() not in line


def test_a_line_of_json_stays_one_line() -> None:
    record = logging.LogRecord("pages", logging.INFO, "", 0, "one\ntwo “ŵ”", None, None)
    line = logs.Json().format(record)
    assert "\n" not in line
    assert json.loads(line)["message"] == "one\ntwo “ŵ”"
    assert json.loads(line)["level"] == "info"
