"""Environments for what is only compared to: `.venv-NAME` beside `.venv`, so that the product's lock stays clean."""

import fcntl
import os
import subprocess
import sys
import sysconfig
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 600.0
"""Seconds for the packages of an environment to be installed."""


class NoEnvironment(Exception):
    """An environment cannot be made or does not run; the message says which, and why."""


def environment(name: str, requirements: Path) -> Path:
    """The Python of `.venv-NAME`, which has what `requirements` pins, and sees the main environment's packages.

    Made when it is first asked for, and anew when `requirements` or the project's lock has changed; safe when two ask
    at once. Run it with the project's folder as its working folder. Raises NoEnvironment.
    """
    folder = ROOT / f".venv-{name}"
    python, stamp = folder / "bin" / "python", folder / "made-from"
    hashes = [sha256(file.read_bytes()).hexdigest() for file in (requirements, ROOT / "requirements.lock")]
    target = "\n".join([str(ROOT), sys.version, *hashes])
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (python.exists() and stamp.exists() and stamp.read_text() == target):
            print(f"Setting up .venv-{name} (once): {requirements.name} …", file=sys.stderr, flush=True)
            stamp.unlink(missing_ok=True)  # if we are interrupted now, the next call starts afresh
            _make(folder, python, requirements)
            stamp.write_text(target)
    return python


def run(name: str, requirements: Path, *arguments: str) -> str:
    """What that Python prints when it is given these arguments. Raises NoEnvironment."""
    command = [str(environment(name, requirements)), *arguments]
    done = subprocess.run(command, cwd=ROOT, env=_surroundings(), check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise NoEnvironment(f".venv-{name} does not do `{' '.join(arguments)}`; why stands above.")
    return done.stdout


def _surroundings() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}


def _make(folder: Path, python: Path, requirements: Path) -> None:
    """A virtual environment, the main one's packages within its sight (pip too), then what those do not have."""
    _run(folder.name, [sys.executable, "-m", "venv", "--without-pip", str(folder)])
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    # Its own packages come before these on the path, so that it may pin another version of one that the product has.
    seen = folder / "lib" / version / "site-packages" / "main-environment.pth"
    seen.write_text(sysconfig.get_path("purelib") + "\n")
    pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--only-binary", ":all:"]
    _run(folder.name, [*pip, "--requirement", str(requirements)])


def _run(name: str, command: list[str]) -> None:
    options = {"cwd": ROOT, "env": _surroundings(), "timeout": PATIENCE}
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, **options)  # type: ignore[call-overload]
    except subprocess.CalledProcessError as error:
        raise NoEnvironment(f"{name} cannot be made: {error.stderr.strip()[-500:]}") from error
    except subprocess.TimeoutExpired as error:
        raise NoEnvironment(f"{name} cannot be made: it takes longer than {PATIENCE:.0f} seconds.") from error
