"""What tests share: the product's own library, and a register in a folder of its own."""

import asyncio
import gc
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from desk import Desk, referral
from engine import connected, dev_server, environment, free_port
from postgres import Place, Server
from processes import worker

from library import Library
from register import accounts, database
from register.sealed import Ring
from register.store import Register


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say last of all, so that it is not overlooked, how many tests were skipped for want of a browser or a server."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", ()) if reporter else ()
    if browser := [report for report in skipped if "test_browser" in report.nodeid]:
        print(f"{len(browser)} browser tests were skipped: no Chromium could be had.")
    reasons = [str(report.longrepr[2]) for report in skipped if isinstance(report.longrepr, tuple)]
    if server := [reason for reason in reasons if NO_SERVER in reason]:
        print(f"{len(server)} tests on PostgreSQL were skipped. {server[0].removeprefix('Skipped: ')}")


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


NO_SERVER = "No PostgreSQL could be started: "


@pytest.fixture(scope="session", autouse=True)
def hasher() -> Iterator[PasswordHasher]:
    """What the product hashes passwords with, a tenth of a second each; the tests have one that nobody waits for."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    own = accounts._HASHER
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_HASHER", cheap)
        patch.setattr(accounts, "_NOBODY", cheap.hash("nobody has this password"))
        yield own


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL for all tests of this process."""
    try:
        made = Server()
    except (OSError, LookupError, RuntimeError, subprocess.CalledProcessError) as error:
        pytest.skip(NO_SERVER + " ".join(str(error).split()))
    yield made
    made.close()


@pytest.fixture(scope="session")
def migrated(server: Server) -> Iterator[str]:
    """The name of a database with the tables of the register, and nothing in them."""
    with server.database() as url:
        engine = database.connect(database.url_of(url))
        database.upgrade(engine)
        engine.dispose()
        yield str(engine.url.database)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Place:
    """Gives a register its place for a while, on each of the databases that it can be on."""
    if request.param == "sqlite":
        return lambda folder: nullcontext(folder / "register.db")
    server: Server = request.getfixturevalue("server")
    migrated: str = request.getfixturevalue("migrated")
    return lambda _: server.database(migrated)


@pytest.fixture
def postgresql(server: Server, migrated: str) -> Iterator[str]:
    """Where an empty register on PostgreSQL is."""
    with server.database(migrated) as url:
        yield url


@pytest.fixture
def where(place: Place, tmp_path: Path) -> Iterator[Path | str]:
    """Where an empty register is."""
    with place(tmp_path) as found:
        yield found


@pytest.fixture(params=["sqlite", "postgresql"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    """Where a register will be that nobody has opened yet, on each of the databases that it can be on."""
    if request.param == "sqlite":
        yield tmp_path / "register.db"
        return
    server: Server = request.getfixturevalue("server")
    with server.database() as url:
        yield url


@pytest.fixture(scope="session")
def library() -> Library:
    return Library()


@pytest.fixture
async def register(where: Path | str, tmp_path: Path) -> AsyncIterator[Register]:
    async with await Register.open(where, Ring.load_or_make(tmp_path / "register.key")) as opened:
        yield opened


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """A data folder with a running engine and worker, and the engine's port."""
    folder, port = tmp_path_factory.mktemp("office"), free_port()
    with dev_server(folder, port):
        asyncio.run(connected(port))
        with worker(environment(port, folder), folder / "worker.log") as working:
            yield folder, port
    assert working.returncode == 0


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
