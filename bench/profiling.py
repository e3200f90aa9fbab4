"""Where each millisecond of one decision goes, from the click that confirms it to its last letter on the disk.

The real engine, worker and pages, each a process of its own; somebody who is signed in confirms by HTTP a decision that
has five letters sent. One decision at a time. What each passes through is timed from outside (`bench/spans.py`), what
lies between them comes from the times in the case's history. Medians over all decisions.
"""

import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from html import unescape
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import httpx
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

import starter
from bench import spans, story
from bench.bare import Ours
from bench.engine import ROOT, Engine, WorkerProcess, dev_server, free_port, wait_for
from bench.report import plain_table
from bench.spans import Span
from models.messages import TASK_QUEUE
from register import accounts
from register.sealed import Ring
from register.store import Register

PASSWORD = "four words to remember"
Row = tuple[str, str]
"""Whose time a stage is, and what is done in it."""
CLICK = (
    ("pages", "sign-in check"),
    ("pages", "the case read, folded, and the reading noted"),
    ("pages", "the form read, the decision tried"),
    ("pages", "note in the register, on the disk"),
    ("engine", "the update taken to a workflow task"),
    ("engine", "the task to the worker"),
    ("worker", "validator, rules, answer"),
)
"""The stages to the answer and to the letters alike."""
ANSWER = (
    ("engine", "the answer to the pages"),
    ("pages", "its events made, and written to the register, on the disk"),
    ("pages", "HTTP, middleware, the rest of the request"),
)
LETTERS = (
    ("engine", "the activity to the worker"),
    ("worker", "the activity begun: payload unsealed and read"),
    ("worker", "referral, journeys and wording looked up"),
    ("worker", "text and HTML of five letters"),
    ("worker", "PDF of five letters"),
    ("worker", "e-mail of five letters composed"),
    ("worker", "five files written, on the disk"),
    ("worker", "threads and the rest, five letters"),
)
AFTER = (
    ("engine", "the report to the case"),
    ("worker", "letters known as sent: events, written to the register"),
)
ALL_ANSWER, ALL_LETTERS = ("all", "click to answer"), ("all", "click to last letter")


class Office(NamedTuple):
    """What the profile works with."""

    client: Client
    register: Register
    cases: Ours
    pages: httpx.AsyncClient
    files: tuple[Path, Path]


class Click(NamedTuple):
    """A decision that was confirmed: its case, when the form was sent and when the answer was there."""

    reference: str
    began: float
    ended: float


async def profile(quick: bool) -> tuple[str, dict[str, object]]:
    """The table, and for JSON the medians in milliseconds."""
    found: list[dict[Row, float]] = []
    async for click, office in _clicks(2 if quick else 8):
        found.append(await _stages(office, click))
    medians = {row: median(one[row] for one in found) for row in found[0]}
    return _table(medians, len(found)), {f"{who}: {what}, ms": round(ms, 2) for (who, what), ms in medians.items()}


def _table(medians: dict[Row, float], number: int) -> str:
    def rows(stages: Sequence[Row], to_answer: bool, to_letter: bool) -> list[tuple[str, ...]]:
        return [
            (who, what, *(f"{medians[who, what]:.1f}" if on else "" for on in (to_answer, to_letter)))
            for who, what in stages
        ]

    total = ("", "**all, measured as one**", f"**{medians[ALL_ANSWER]:.1f}**", f"**{medians[ALL_LETTERS]:.1f}**")
    head = ("whose", f"median of {number} decisions, ms", "click to answer", "click to last letter")
    every = [*rows(CLICK, True, True), *rows(ANSWER, True, False), *rows(LETTERS, False, True), total]
    after = [(who, what, f"{medians[who, what]:.1f}") for who, what in AFTER]
    return plain_table(head, every) + "\n\n" + plain_table(("whose", "afterwards", "ms"), after)


async def _clicks(cases: int) -> AsyncIterator[tuple[Click, Office]]:
    """Play the story in so many cases; each decision with letters is confirmed by HTTP and given on when settled."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, dev_server(Path(name)) as engine:
        folder = Path(name)
        library, ring = story.furnish(folder), Ring.of(folder)
        async with await Register.open(folder / "register.db", ring) as register:
            with _running(engine, folder) as (worker, address):
                client = await starter.connect(ring, engine.address)
                cases_of = Ours(client, register, library, worker)
                async with httpx.AsyncClient(base_url=address, timeout=60) as pages:
                    await _sign_in(pages, register)
                    files = (folder / "web.spans", folder / "worker.spans")
                    office = Office(client, register, cases_of, pages, files)
                    for reference in await cases_of.begin(cases + 1):
                        for number in range(1, story.STEPS + 1):
                            click = await _decide(office, reference, number)
                            if click is not None and not reference.endswith("-001"):  # the first case warms up
                                yield click, office


async def _decide(office: Office, reference: str, number: int) -> Click | None:
    """Give a decision of the story and wait until it is settled; None for one without letters, which is not timed."""
    click = None
    if number in story.WITH_LETTERS:
        click = await _confirm(office.pages, reference, number)
    else:
        await office.cases.decide(reference, number)
    letters = len(story.RECIPIENTS) * sum(step <= number for step in story.WITH_LETTERS)
    await office.cases.settled([reference], number, letters)
    return click


async def _confirm(pages: httpx.AsyncClient, reference: str, number: int) -> Click:
    """Fill in the form of a step, have it checked, and confirm it: that click is timed."""
    path, today = f"/cases/{reference}/decide/s{number}", date.today()
    typed = {"outcome": "done", "because": story.REASON, "by": "chair"}
    typed |= {f"made_on-{part}": str(getattr(today, part)) for part in ("day", "month", "year")}
    shown = await pages.get(path)
    shown = await pages.post(path, data={**_hidden(shown), **typed, "stage": "check"})
    given = {**_hidden(shown), "stage": "confirm"}
    began = time.time()
    answer = await pages.post(path, data=given)
    ended = time.time()
    if answer.status_code != 303:
        raise RuntimeError(f"{path}: {answer.status_code}")
    return Click(reference, began, ended)


def _hidden(page: httpx.Response) -> dict[str, str]:
    """What the form of a page sends without being asked."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    return {name: unescape(value) for name, value in found}


async def _sign_in(pages: httpx.AsyncClient, register: Register) -> None:
    now = datetime.now(UTC)
    token = await accounts.invite(register, "chair", "demo", "chair", now)
    await accounts.set_password(register, token, PASSWORD, now)
    shown = await pages.get("/sign-in")
    given = {**_hidden(shown), "name": "chair", "password": PASSWORD}
    if (await pages.post("/sign-in", data=given)).status_code != 303:
        raise RuntimeError("Nobody can sign in.")


@contextmanager
def _running(engine: Engine, folder: Path) -> Iterator[tuple[WorkerProcess, str]]:
    """Worker and pages of a data folder, and the address of the pages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCR_", "TEMPORAL_"))}
    environment = {**kept, "TEMPORAL_ADDRESS": engine.address, "SCR_DATA": str(folder), "PYTHONPATH": str(ROOT)}
    port = free_port()
    with (folder / "processes.log").open("ab") as log:
        given: Any = {"cwd": ROOT, "env": environment, "stderr": log}
        command = [sys.executable, "-m", "bench.spans"]
        worker = subprocess.Popen([*command, "worker", str(folder / "worker.spans")], stdout=subprocess.PIPE, **given)
        web = subprocess.Popen([*command, "web", str(folder / "web.spans"), str(port)], stdout=log, **given)
        try:
            assert worker.stdout is not None
            worker.stdout.readline()
            wait_for(port)
            yield WorkerProcess("ours", TASK_QUEUE, folder, worker), f"http://127.0.0.1:{port}"
        finally:
            for process in (web, worker):
                process.send_signal(signal.SIGTERM)
                process.wait(60)


class _Passed:
    """The spans of one decision, by name."""

    def __init__(self, every: Sequence[Span], began: float) -> None:
        self._every = [span for span in every if span.began >= began]

    def all(self, name: str) -> list[Span]:
        """The spans of a name."""
        return [span for span in self._every if span.name == name]

    def ms(self, *names: str) -> float:
        """How long these took, all of them together."""
        return 1000 * sum(span.ended - span.began for name in names for span in self.all(name))


async def _passed(files: tuple[Path, Path], click: Click) -> tuple[_Passed, _Passed]:
    """The spans of pages and worker: the last is written a moment after the register shows what was done."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        web, worker = (_Passed(spans.read(file), click.began) for file in files)
        sent = worker.all("send")
        if web.all("decide") and sent and any(span.began >= sent[0].ended for span in worker.all("append")):
            return web, worker
        await asyncio.sleep(0.01)
    raise TimeoutError(f"The decision of {click.reference} does not pass through all stages.")


async def _stages(office: Office, click: Click) -> dict[Row, float]:
    """The milliseconds of each stage of one decision."""
    web, worker = await _passed(office.files, click)
    history = await _history(office.client, click)
    update, given, send = web.all("_answer")[0], web.all("decide")[0], worker.all("send")[0]
    kept = next(span for span in worker.all("append") if span.began >= send.ended)
    (task, task_started, task_done), (letters, letters_started, letters_done) = history
    words = worker.ms("render") - worker.ms("pdf")
    looked = worker.ms("referral", "journeys", "newest")
    written = worker.ms("_write_once", "sync_folder")
    last = worker.all("sync_folder")[-1].ended
    parts = (worker.ms("pdf"), worker.ms("compose"), written)
    signed_in, seen, tried = web.ms("signed_in"), web.ms("seen"), web.ms("decision_of", "trial")
    made = 1000 * (given.ended - update.ended)
    note = 1000 * (update.began - given.began)
    rest = 1000 * (click.ended - click.began - (given.ended - given.began)) - signed_in - seen - tried
    between = (
        1000 * (task - update.began),
        1000 * (task_started - task),
        1000 * (task_done - task_started),
    )
    of_letters = 1000 * (last - send.began) - looked - words - sum(parts)
    figures = [
        *(signed_in, seen, tried, note, *between),
        *(1000 * (update.ended - task_done), made, rest),
        *(1000 * (letters_started - letters), 1000 * (send.began - letters_started)),
        *(looked, words, *parts, of_letters),
        *(1000 * (letters_done - send.ended), 1000 * (kept.ended - letters_done)),
    ]
    stages = dict(zip((*CLICK, *ANSWER, *LETTERS, *AFTER), figures, strict=True))
    return stages | {ALL_ANSWER: 1000 * (click.ended - click.began), ALL_LETTERS: 1000 * (last - click.began)}


async def _history(client: Client, click: Click) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """When the workflow task with the decision, and the activity with the letters, was scheduled, started, done."""
    events = (await client.get_workflow_handle(click.reference).fetch_history()).events
    since = [event for event in events if event.event_time.ToNanoseconds() / 1e9 >= click.began]

    def first(kind: "EventType.ValueType") -> float:
        return next(event.event_time.ToNanoseconds() / 1e9 for event in since if event.event_type == kind)

    task = (
        first(EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED),
        first(EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED),
        first(EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED),
    )
    letters = (
        first(EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED),
        first(EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED),
        first(EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED),
    )
    return task, letters
