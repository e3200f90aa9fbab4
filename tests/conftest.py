"""What tests share: the product's own library, and a register in a folder of its own."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from desk import Desk, referral, until
from engine import ROOT, connected, dev_server, environment, free_port

from library import Library
from register.sealed import Ring
from register.store import Register


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say last of all, so that it is not overlooked, how many browser tests were skipped for want of a browser."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = (
        [report for report in reporter.stats.get("skipped", ()) if "test_browser" in report.nodeid] if reporter else []
    )
    if skipped:
        print(f"{len(skipped)} browser tests were skipped: no Chromium could be had.")


@pytest.fixture(scope="session")
def library() -> Library:
    return Library()


@pytest.fixture
async def register(tmp_path: Path) -> AsyncIterator[Register]:
    async with await Register.open(tmp_path / "register.db", Ring.load_or_make(tmp_path / "register.key")) as opened:
        yield opened


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """A data folder with a running engine and worker, and the engine's port."""
    folder, port = tmp_path_factory.mktemp("office"), free_port()
    with dev_server(folder, port), (folder / "worker.log").open("wb") as log:
        asyncio.run(connected(port))
        command = [sys.executable, "-m", "worker"]
        worker = subprocess.Popen(command, cwd=ROOT, env=environment(port, folder), stdout=log, stderr=log)
        try:
            until(lambda: "The worker is ready" in (folder / "worker.log").read_text(), "the worker begins")
            yield folder, port
        finally:
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(30) == 0


@pytest.fixture
def desk(office: tuple[Path, int], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Desk:
    """`scr` in the office."""
    return Desk(monkeypatch, capfd, office[0], f"127.0.0.1:{office[1]}")


@pytest.fixture
def case(desk: Desk, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A case of the test's own, referred today, when everything it has begun is done and written down."""
    file = tmp_path / "referral.toml"
    file.write_text(referral(request.node.name), encoding="utf-8")
    said = desk("refer", file, "--json")
    assert (said.code, said.err) == (0, "")
    reference = str(said.json["reference"])
    desk.settle(reference)
    return reference
