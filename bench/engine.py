"""One engine for a whole run, one worker process for each variant, and what they cost in CPU, memory and actions."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import IO, NamedTuple

from worker import attribute_types

ROOT = Path(__file__).resolve().parents[1]
_NOT_HANDED_ON = ("SCR_", "TEMPORAL_", "PYTHONDONTWRITEBYTECODE")  # compiled modules are kept, as where it is installed
_TICK = os.sysconf("SC_CLK_TCK")
_ACTION = re.compile(r"^action(?:_total)?\{(?P<labels>[^}]*)\} (?P<value>[0-9.e+]+)$", re.MULTILINE)


class Engine(NamedTuple):
    """A dev server on a file, with write-ahead log and fewer waits for the disk (a benchmark's setting)."""

    address: str
    metrics: str
    process: int

    def actions(self) -> float:
        """The billable actions so far, by the engine's own counter, without those of its own namespace."""
        with urllib.request.urlopen(self.metrics, timeout=30) as answer:
            text = answer.read().decode()
        found = _ACTION.finditer(text)
        return sum(float(match["value"]) for match in found if "temporal_system" not in match["labels"])


class WorkerProcess(NamedTuple):
    """A worker of one variant, its task queue and its folder."""

    variant: str
    queue: str
    data: Path
    process: "subprocess.Popen[bytes]"

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it and wait for that."""
        self.process.send_signal(number)
        self.process.wait(60)


def free_port() -> int:
    """A port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def dev_server(folder: Path) -> Iterator[Engine]:
    """The engine of a run."""
    port, metrics = free_port(), free_port()
    command = [
        str(Path(sys.executable).with_name("temporal")),
        "server",
        "start-dev",
        "--headless",
        "--ip",
        "127.0.0.1",
    ]
    command += ["--port", str(port), "--metrics-port", str(metrics), "--db-filename", str(folder / "engine.db")]
    command += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL", "--log-level", "error"]
    for attribute in attribute_types():
        command += ["--search-attribute", attribute]
    with (folder / "engine.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_for(port)
            yield Engine(f"127.0.0.1:{port}", f"http://127.0.0.1:{metrics}/metrics", process.pid)
        finally:
            process.kill()
            process.wait()


def wait_for(port: int) -> None:
    """Wait until somebody listens at a port. Raises TimeoutError."""
    import time

    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"Nobody listens at port {port}; the logs in the run's folder say why.")


def start_worker(
    engine: Engine, variant: str, queue: str, data: Path, cache: int = 2000, sticky: float | None = None
) -> WorkerProcess:
    """Start the worker of a variant; it is ready on return. `sticky`: seconds that cases wait for it if it dies."""
    data.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_HANDED_ON)}
    environment = {**kept, "TEMPORAL_ADDRESS": engine.address, "SCR_DATA": str(data), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bench.workers", variant, queue, str(cache)]
    command += [] if sticky is None else [str(sticky)]
    with (data / "worker.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log)
    assert process.stdout is not None
    if process.stdout.readline() != b"ready\n":
        raise RuntimeError(f"The worker {variant} does not start: see {data / 'worker.log'}.")
    Thread(target=_keep_reading, args=(process.stdout, data / "worker.log"), daemon=True).start()
    return WorkerProcess(variant, queue, data, process)


def _keep_reading(output: IO[bytes], log: Path) -> None:
    """Put what a worker says into its log: it would stop for good at a full pipe."""
    with log.open("ab", buffering=0) as file:
        for line in output:
            file.write(line)


def cpu(*processes: int) -> float:
    """The CPU that processes and their children have used, in seconds; children that have ended are included."""
    return sum(_cpu(one) for process in processes for one in family(process))


def family(process: int) -> list[int]:
    """A process and all that descend from it and still run."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            children.setdefault(int(_stat(stat)[1]), []).append(int(stat.parent.name))
    found = [process]
    for one in found:
        found += children.get(one, [])
    return found


def _cpu(process: int) -> float:
    with suppress(FileNotFoundError, ProcessLookupError):  # what it had used is now in its parent's count
        return sum(int(ticks) for ticks in _stat(Path(f"/proc/{process}/stat"))[11:15]) / _TICK
    return 0.0


def _stat(path: Path) -> list[str]:
    return path.read_text().rpartition(")")[2].split()


def memory(*processes: int) -> int:
    """The memory that belongs to processes and their children, in bytes (their proportional shares)."""
    return sum(_memory(one) for process in processes for one in family(process))


def _memory(process: int) -> int:
    text = Path(f"/proc/{process}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024
