"""The whole product as it is run: `./dev up` with a data folder and ports of its own, stopped and started again."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from engine import ROOT, connected, free_port
from temporalio.client import WorkflowExecutionStatus

from commands.cases import today
from library import Library
from models.timescale import count, parse_period

pytestmark = pytest.mark.slow


class Office:
    """A data folder and its ports, the product running on them, and `scr` there."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.log = folder / "up.log"
        self.port, ui = free_port(), free_port()
        self.web, self.public = free_port(), free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCR_", "TEMPORAL_"))}
        self.env = kept | {"SCR_DATA": str(self.data), "SCR_ENGINE_PORT": str(self.port), "SCR_UI_PORT": str(ui)}
        self.env |= {"SCR_WEB_PORT": str(self.web), "SCR_PUBLIC_PORT": str(self.public)}
        self.said = ""

    @contextmanager
    def up(self) -> Iterator[None]:
        """`./dev up` until it says that it runs; at the end Ctrl-C, which ends it with 0 and leaves no child."""
        command = [sys.executable, str(ROOT / "dev"), "up"]
        with (
            self.log.open("a") as errors,
            subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, stderr=errors, text=True) as running,
        ):
            try:
                assert running.stdout is not None
                self.said = ""
                for line in running.stdout:
                    self.said += line
                    if line.startswith("Next"):
                        break
                else:
                    pytest.fail(self.log.read_text())
                children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
                assert len(children) == 4, "engine, worker, pages and the public page"
                yield
                running.send_signal(signal.SIGINT)
                assert running.wait(45) == 0
                assert [child for child in children if Path("/proc", child).exists()] == []
            finally:
                running.terminate()

    def scr(self, *words: object) -> Any:
        """What `./dev scr` answers as JSON; it must end with 0 and without a word on stderr."""
        command = [sys.executable, str(ROOT / "dev"), "scr", *map(str, words), "--json"]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, ""), (words, done.stderr)
        return json.loads(done.stdout)

    def refer(self) -> str:
        """The example of the README, received today; its case's reference when its first three letters have gone."""
        example = (ROOT / "examples" / "referral.toml").read_text(encoding="utf-8")
        file = self.data.parent / "referral.toml"
        file.write_text(example.replace("2026-11-16", str(today())), encoding="utf-8")
        reference = str(self.scr("refer", file)["reference"])
        self.letters(reference, 4)
        return reference

    def letters(self, reference: str, number: int) -> list[Path]:
        """The letters of a case, when so many lie in the outbox."""
        outbox = self.data / "outbox" / reference
        until(lambda: len(list(outbox.glob("*.eml"))) >= number, f"{number} letters go")
        found = sorted(outbox.glob("*.eml"))
        assert len(found) == number
        return found

    def due(self, reference: str) -> dict[str, str]:
        """The due dates of the open steps of a case."""
        deadlines = self.scr("case", reference)["deadlines"]
        return {step["key"]: step["due"] for step in deadlines if step["state"] == "open" and step["due"]}

    async def running(self, reference: str) -> bool:
        """Whether the engine runs the workflow of a case."""
        handle = (await connected(self.port, self.data)).get_workflow_handle(reference)
        return (await handle.describe()).status is WorkflowExecutionStatus.RUNNING


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def answer(port: int, path: str) -> httpx.Response:
    """What a page of this machine answers."""
    return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=30)


def until(probe: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Ask again and again until it is so; fail after a deadline."""
    deadline = time.monotonic() + seconds
    while not probe():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} seconds"
        time.sleep(0.05)


def test_a_case_goes_on_where_it_was(office: Office) -> None:
    why = ("--by", "sg-lead", "--because", "Abuse is suspected and the child has died.")
    with office.up():
        reference = office.refer()
        assert asyncio.run(office.running(reference))
        [link] = re.findall(rf"http://127\.0\.0\.1:{office.web}(/welcome/\S+)", office.said)
        assert "Set your password" in answer(office.web, link).text
        assert answer(office.web, f"/cases/{reference}").status_code == 303, "to sign in"
        assert "Demoshire" in answer(office.public, "/").text
        said = office.scr("decide", reference, "recommend", "scr", *why)
        assert "Decide whether to initiate a Serious Case Review by " in said["follows"][0]
        due = office.due(reference)
        assert set(due) == {"written-notification", "decide"}
    assert "engine has stopped" in office.log.read_text()
    with office.up():
        assert office.due(reference) == due
        assert asyncio.run(office.running(reference))
        office.scr("decide", reference, "decide", "initiate", "--by", "chair", "--because", "The criteria are met.")
        found = office.letters(reference, 4 + 2 + 3 + 4)
        assert len([letter for letter in found if "secure-records" in letter.name]) == 3
        until(lambda: office.scr("audit", "verify")["faults"] == [], "the register is whole")


def test_a_lost_engine_is_restored_and_a_proclaimed_day_moves_the_case(office: Office) -> None:
    with office.up():
        reference = office.refer()
        due = office.due(reference)
        letters = office.letters(reference, 4)
    for file in office.data.glob("engine.db*"):
        file.unlink()
    with office.up():
        assert office.scr("restore") == {"restored": [reference]}
        assert office.scr("restore") == {"restored": []}
        assert office.due(reference) == due
        assert asyncio.run(office.running(reference))

        calendar = Library().calendar("england-and-wales")
        day = count(parse_period("3 working days"), today(), calendar).due
        moved = count(parse_period("11 working days"), today(), calendar).due
        [answer] = office.scr("calendar", "add", day, "Day of mourning")["cases"].values()
        assert answer["follows"]
        until(lambda: office.due(reference)["recommend"] == str(moved), "the due date moves")
        assert set(letters) < set(office.letters(reference, len(letters) + 1)), "who must act is told, nobody twice"
