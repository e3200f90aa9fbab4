"""A whole rehearsal of twelve months beside a bare case of twelve months, both on the skipping test server.

The rehearsal has everything on: sealed payloads, register, letters as files, every date explained. The bare case is the
plain workflow of `bench/plain.py` with as many decisions, a deadline that passes before each, and no letter.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median

from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

import rehearsal
import telemetry
from bench import story
from bench.deeds import make_database
from bench.plain import PlainReview
from bench.plain_activities import send_letter, write_down
from bench.report import plain_table, ratios
from library import ROOT, Library

STORY = ROOT / "scenarios" / "2013-partial-dates.toml"
"""A story of a year and two days."""
YEAR = timedelta(days=365)
Round = dict[str, float]


async def compare(quick: bool) -> tuple[str, dict[str, object]]:
    """The figures as a table and for JSON, in milliseconds of wall time."""
    telemetry.keep_stdout_clean()  # the client's warnings would stand in the JSON
    ours: list[Round] = []
    bare: list[Round] = []
    for turn in range(3 if quick else 9):
        mine, plain = (await _ours(), await _bare()) if turn % 2 else reversed((await _bare(), await _ours()))
        if turn:  # the first round warms up
            ours.append(mine)
            bare.append(plain)
    beside = {f"rehearsal to bare case, {name}": ratios(ours, bare, name) for name in ours[0]}
    said: dict[str, object] = {f"ratio, {name}": round(median(each), 2) for name, each in beside.items()}
    text = plain_table(
        ("ratio", "median", "range"),
        [(name, f"{median(x):.2f}", f"{min(x):.2f} to {max(x):.2f}") for name, x in beside.items()],
    )
    rows = []
    for what, rounds in (("rehearsal", ours), ("bare case", bare)):
        for name in rounds[0]:
            every = [1000 * one[name] for one in rounds]
            said[f"{what}, {name}, ms"] = round(median(every))
            rows.append((f"{what}, {name}", f"{median(every):.0f}", f"{min(every):.0f} to {max(every):.0f}"))
    return f"{text}\n\n{plain_table(('what', 'ms', 'range'), rows)}", said


async def _ours() -> Round:
    """One rehearsal: whole, and from its first decision to its end."""
    scenario = rehearsal.read_scenario(STORY.read_text(encoding="utf-8"), STORY.name)
    first: list[float] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        began = time.perf_counter()
        await rehearsal.rehearse(scenario, Library(), Path(folder), lambda _: first.append(time.perf_counter()))
        ended = time.perf_counter()
    return {"whole": ended - began, "played": ended - first[0]}


async def _bare() -> Round:
    """One bare case: whole, with server and worker, and from its start to its end."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, _data(Path(folder)):
        path = rehearsal.server_program()
        async with await WorkflowEnvironment.start_time_skipping(test_server_existing_path=path) as env:
            options = {"workflows": [PlainReview], "activities": [write_down, send_letter]}
            async with Worker(env.client, task_queue="bare", **options):  # type: ignore[arg-type]
                started = time.perf_counter()
                given = ["bare", [], timedelta(days=14).total_seconds()]
                handle = await env.client.start_workflow(PlainReview.run, args=given, id="bare", task_queue="bare")
                for number in range(1, story.STEPS + 1):
                    await env.sleep(YEAR / story.STEPS)
                    await handle.signal(PlainReview.decide, story.plain_decision("bare", number))
                await handle.result()
                ended = time.perf_counter()
    return {"whole": time.perf_counter() - began, "played": ended - started}


@contextmanager
def _data(folder: Path) -> Iterator[None]:
    """Have the plain activities write into a folder."""
    make_database(folder)
    before = os.environ.get("SCR_DATA")
    os.environ["SCR_DATA"] = str(folder)
    try:
        yield
    finally:
        del os.environ["SCR_DATA"]
        if before is not None:
            os.environ["SCR_DATA"] = before
