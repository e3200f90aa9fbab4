"""Restate's server: a binary from npm, in a folder beside `.venv`, that keeps its state in the peer's data folder."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.engine import ROOT, free_port, wait_for
from bench.environments import NoEnvironment
from bench.peers.servers import Server

VERSION = "1.7.12"
PLACE = ROOT / ".venv-restate"


def binary() -> Path:
    """The server, installed if it is not there. Raises NoEnvironment."""
    if found := _found():
        return found
    npm = shutil.which("npm")
    if npm is None:
        raise NoEnvironment("restate-server cannot be had: there is no npm on PATH.")
    package = f"@restatedev/restate-server@{VERSION}"
    command = [npm, "install", "--prefix", str(PLACE), "--no-audit", "--no-fund", "--ignore-scripts", package]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    if found := _found():
        return found
    raise NoEnvironment(f"restate-server cannot be had: {(asked.stderr or 'npm brings no binary').strip()[-300:]}")


def _found() -> Path | None:
    return next(PLACE.glob("node_modules/@restatedev/restate-server-*/bin/restate-server"), None)


@contextmanager
def restate(data: Path) -> Iterator[Server]:
    """A server with everything as it comes, but its ports."""
    ingress, admin, fabric, worker = (free_port() for _ in range(4))
    settings = {
        "BASE_DIR": data / "restate",
        "BIND_IP": "127.0.0.1",
        "BIND_PORT": fabric,
        "INGRESS__BIND_PORT": ingress,
        "ADMIN__BIND_PORT": admin,
        "LISTEN_MODE": "tcp",
        "LOG_FILTER": "error",
        "DISABLE_TELEMETRY": "true",
    }
    environment = os.environ | {f"RESTATE_{name}": str(value) for name, value in settings.items()}
    with (data / "restate.log").open("ab") as log:
        process = subprocess.Popen([str(binary())], env=environment, stdout=log, stderr=log)
    try:
        wait_for(ingress)
        wait_for(admin)
        url = " ".join(f"http://127.0.0.1:{port}" for port in (ingress, admin, worker))
        yield Server(url, (process.pid,), lambda: _folder_size(data / "restate"))
    finally:
        process.kill()
        process.wait()


def _folder_size(folder: Path) -> int:
    """The bytes of all files, the log that will be trimmed later included."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
