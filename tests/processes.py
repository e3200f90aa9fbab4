"""Processes of ours, run as in production."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from desk import until
from engine import ROOT


@contextmanager
def process(module: str, env: dict[str, str], log: Path, ready: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours, from when its `log` says that it is ready; stopped at the end.

    If it ends before that, the test fails with what it said.
    """
    with log.open("wb") as said:
        started = subprocess.Popen([sys.executable, "-m", module], cwd=ROOT, env=env, stdout=said, stderr=said)
    try:
        until(lambda: ready in log.read_text() or started.poll() is not None, f"{module} begins")
        assert started.poll() is None, log.read_text()
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(40)


@contextmanager
def worker(env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The worker; its engine has to answer already, for without one it ends at once."""
    with process("worker", env, log, "The worker is ready") as started:
        yield started
