"""`./dev` without the network: a stand-in project, engine and worker, each a few lines of Python."""

import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

DEV = Path(__file__).resolve().parent.parent / "dev"

# Each stand-in writes what it does into the journal; a signal ends it.
STAND_IN = """
import os, signal, socket, sys
def note(line):
    with open(os.environ["JOURNAL"], "a") as journal:
        journal.write(line + "\\n")
def stay(name):
    def end(*_):
        note(name + " stopped")
        sys.exit(0)
    signal.signal(signal.SIGTERM, end)
    note(name + " started")
    print(name + " speaks", flush=True)
    while True:
        signal.pause()
"""
ENGINE = """
if sys.argv[1] == "operator":
    note("engine: " + " ".join(sys.argv[2:4] + sys.argv[6:]))
else:
    listener = socket.create_server(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])))
    stay("engine")
"""
WORKER = """
if sys.argv[1:] == ["--search-attributes"]:
    print("ScrBoard=Keyword")
else:
    stay("worker")
"""
PAGES = """
if sys.argv[1:] == ["--first-link"]:
    print(os.environ.get("FIRST_LINK", ""), end="")
else:
    listener = socket.create_server(("127.0.0.1", int(os.environ["{variable}"])))
    stay("{name}")
"""


def load(path: Path) -> ModuleType:
    spec = spec_from_loader("dev_under_test", SourceFileLoader("dev_under_test", str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A stand-in project, already set up, in a folder with a space in its name."""
    root = tmp_path / "a project"
    program(root / "dev", DEV.read_text())
    (root / "requirements.lock").write_text("")
    (root / "pyproject.toml").write_text("")
    # Not a link: a linked Python would look for its own .venv here.
    program(root / ".venv" / "bin" / "python", f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    program(root / "worker.py", STAND_IN + WORKER)
    program(root / "cli.py", STAND_IN + 'note(" ".join(sys.argv[1:]))\nprint("chair sets one at /welcome/two")\n')
    program(root / "web" / "app.py", STAND_IN + PAGES.format(variable="SCR_WEB_PORT", name="pages"))
    program(root / "web" / "public.py", STAND_IN + PAGES.format(variable="SCR_PUBLIC_PORT", name="public page"))
    (tmp_path / "engine.py").write_text(f"{STAND_IN}{ENGINE}", encoding="utf-8")
    run = " ".join(shlex.quote(str(part)) for part in (sys.executable, tmp_path / "engine.py"))
    program(tmp_path / "temporal", f'#!/bin/sh\nexec {run} "$@"\n')  # a #! line cannot hold a path with a space
    dev = load(root / "dev")
    dev.STAMP.write_text(dev.wanted())
    return root


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def environment(project: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCR_", "TEMPORAL_"))}
    return kept | {
        "SCR_TEMPORAL": str(project.parent / "temporal"),
        "SCR_ENGINE_PORT": str(free_port()),
        "SCR_UI_PORT": str(free_port()),
        "SCR_WEB_PORT": str(free_port()),
        "SCR_PUBLIC_PORT": str(free_port()),
        "JOURNAL": str(project.parent / "journal"),
    }


def run(
    project: Path, *arguments: str, environment: Mapping[str, str], cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(project / "dev"), *arguments]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=60)


@contextmanager
def running(project: Path, *arguments: str, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """`./dev up` until it says that it runs; stopped at the end, whatever the test does."""
    command = [sys.executable, str(project / "dev"), "up", *arguments]
    output = project.parent / "stderr"
    with (
        output.open("w") as errors,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True) as up,
    ):
        try:
            assert up.stdout is not None
            told = project.parent / "said"
            told.write_text("")
            for line in up.stdout:
                told.write_text(told.read_text() + line)
                if line.startswith("Next"):
                    break
            else:
                pytest.fail(output.read_text())
            yield up
        finally:
            up.terminate()


def journal(project: Path) -> list[str]:
    return (project.parent / "journal").read_text().splitlines()


def test_help_lists_the_commands_and_sets_nothing_up(tmp_path: Path) -> None:
    program(tmp_path / "dev", DEV.read_text())
    for arguments in ([], ["help"], ["--help"]):
        done = run(tmp_path, *arguments, environment=os.environ)
        names = [line.split()[1].rstrip(":") for line in done.stdout.splitlines()]
        assert (done.returncode, names) == (0, ["up", "test", "bench", "faults", "audit", "scr", "lock"])
    assert [file.name for file in tmp_path.iterdir()] == ["dev"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["fly"], "There is no `./dev fly`: say one of up, test, bench, faults, audit, scr, lock, help."),
        (["up", "--fast"], "`./dev up` takes nothing but --demo, not --fast."),
        (["bench"], "There are no benchmarks yet: bench/__main__.py is missing."),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(
    project: Path, environment: dict[str, str], arguments: list[str], says: str
) -> None:
    done = run(project, *arguments, environment=environment)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", says + "\n")


def test_lock_says_what_it_needs(project: Path, environment: dict[str, str]) -> None:
    done = run(project, "lock", environment=environment | {"PATH": str(project)})
    assert (done.returncode, "needs uv" in done.stderr) == (2, True)


def test_a_stamp_holds_for_one_place_one_lock_and_one_pyproject(project: Path) -> None:
    dev = load(project / "dev")
    assert dev.stamped() == dev.wanted()
    (project / "requirements.lock").write_text("changed")
    assert dev.stamped() not in ("", dev.wanted())  # brought up to date, not made afresh
    moved = project.rename(project.with_name("moved"))
    assert load(moved / "dev").stamped() == ""  # made afresh


def test_an_environment_without_python_or_stamp_is_made_afresh(project: Path) -> None:
    dev = load(project / "dev")
    Path(dev.PYTHON).rename(project / "python")
    assert dev.stamped() == ""
    (project / "python").rename(dev.PYTHON)
    dev.STAMP.unlink()
    assert dev.stamped() == ""


def test_a_failed_set_up_leaves_no_stamp_and_says_where(project: Path, environment: dict[str, str]) -> None:
    program(project / ".venv" / "bin" / "python", "#!/bin/sh\nexit 7\n")
    (project / "pyproject.toml").write_text("changed")
    done = run(project, "up", environment=environment)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "Setting up (once, about half a minute)…"
    assert done.stderr.splitlines()[-1].startswith("Set-up failed at: ")
    assert load(project / "dev").stamped() == ""


def test_a_lock_is_refused_to_the_second_and_free_again_after(tmp_path: Path) -> None:
    dev = load(DEV)
    path = tmp_path / "new folder" / "lock"
    with (
        dev.locked(path, "busy", wait=False),
        pytest.raises(dev.RefusalError, match="busy"),
        dev.locked(path, "busy", wait=False),
    ):
        pytest.fail("two hold one lock")
    with dev.locked(path, "busy", wait=False):
        pass


def test_up_runs_all_and_lets_the_worker_finish_before_the_engine(project: Path, environment: dict[str, str]) -> None:
    with running(project, "--demo", environment=environment) as up:
        second = run(project, "up", environment=environment)
        assert second.returncode == 2
        assert second.stderr.startswith(f"`./dev up` is already running on {project / '.data'}: ")
        up.send_signal(signal.SIGINT)
        assert up.wait(30) == 0
    register = "engine: search-attribute create --name=ScrBoard --type=Keyword"
    assert [line for line in journal(project) if line != "demo"] == [
        *("engine started", register, "worker started", "pages started", "public page started"),
        *("public page stopped", "pages stopped", "worker stopped", "engine stopped"),
    ]
    assert "demo" in journal(project)
    assert "worker speaks" in (project / ".data" / "logs" / "worker.log").read_text()


def said(project: Path, *arguments: str, environment: Mapping[str, str]) -> str:
    """What `./dev up` says until it runs."""
    with running(project, *arguments, environment=environment) as up:
        up.send_signal(signal.SIGINT)
        assert up.wait(30) == 0
    return (project.parent / "said").read_text()


def test_up_says_where_the_pages_are_and_how_the_first_one_signs_in(project: Path, environment: dict[str, str]) -> None:
    first = {"FIRST_LINK": "http://127.0.0.1/welcome/one"}
    told = said(project, environment=environment)
    assert f"Pages            http://127.0.0.1:{environment['SCR_WEB_PORT']}\n" in told
    assert f"Public register  http://127.0.0.1:{environment['SCR_PUBLIC_PORT']}\n" in told
    assert "welcome" not in told, "somebody may sign in already"
    told = said(project, environment=environment | first)
    assert told.count("welcome") == 1
    assert "  http://127.0.0.1/welcome/one\n" in told
    told = said(project, "--demo", environment=environment | first)
    assert f"  http://127.0.0.1:{environment['SCR_WEB_PORT']}/welcome/two\n" in told
    assert journal(project).count("account invite chair --board demo") == 1


def test_when_the_worker_dies_up_says_so_and_stops_the_engine(project: Path, environment: dict[str, str]) -> None:
    crash = "if len(sys.argv) == 1:\n    sys.exit('out of paper')\n"
    program(project / "worker.py", STAND_IN + crash + WORKER)
    done = run(project, "up", environment=environment)
    assert done.returncode == 1
    assert "The worker stopped by itself (exit code 1)." in done.stderr
    assert "\n  out of paper\n" in done.stderr
    assert journal(project)[-1] == "engine stopped"


def test_a_child_that_will_not_stop_is_ended(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    dev = load(DEV)
    ready = free_port()
    deaf = (
        "import signal, socket; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f" s = socket.create_server(('127.0.0.1', {ready})); signal.pause()"
    )
    with dev.Supervisor(tmp_path) as supervisor:
        supervisor.start("child", [sys.executable, "-c", deaf], 0.2)
        supervisor.wait_for_port("child", ready)
    assert supervisor.running["child"].returncode == -signal.SIGKILL
    assert capfd.readouterr().err == "The child did not stop in 0.2 s and was ended.\n"


def test_a_taken_or_wrong_port_is_refused(project: Path, environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = str(other.getsockname()[1])
        done = run(project, "up", environment=environment | {"SCR_UI_PORT": taken})
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"Port {taken} is not free (Address already in use): ")
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = str(other.getsockname()[1])
        for variable in ("SCR_WEB_PORT", "SCR_PUBLIC_PORT"):
            done = run(project, "up", environment=environment | {variable: taken})
            assert (done.returncode, variable in done.stderr, done.stderr.count("\n")) == (2, True, 1)
    done = run(project, "up", environment=environment | {"SCR_ENGINE_PORT": "many"})
    assert done.stderr == "SCR_ENGINE_PORT is 'many': give a port number from 1 to 65535.\n"


def test_a_wrong_engine_is_refused(project: Path, environment: dict[str, str]) -> None:
    done = run(project, "up", environment=environment | {"SCR_TEMPORAL": "no-such-program"})
    says = "SCR_TEMPORAL is 'no-such-program': name a program that can be run.\n"
    assert (done.returncode, done.stderr) == (2, says)


@pytest.fixture
def tools(project: Path) -> Path:
    """Stand-ins for ruff, mypy and pytest that print how they were called."""
    for name in ("ruff", "mypy", "pytest"):
        program(project / ".venv" / "bin" / name, f'#!/bin/sh\necho "{name} $*"\n')
    return project


def called(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stdout.splitlines() if not line.startswith(("==", "  "))]


BESIDE = min(4, os.cpu_count() or 1)
"""How many tests run side by side."""


def test_test_runs_all_checks_and_pytest_has_the_last_word(tools: Path, environment: dict[str, str]) -> None:
    done = run(tools, "test", "--quick", environment=environment, cwd=tools.parent)
    last = f"pytest -n {BESIDE} --dist loadfile --no-loadscope-reorder -m not slow"
    assert called(done) == ["ruff check", "ruff format --check", "mypy ", last]
    assert done.stdout.splitlines()[-1] == last


def test_test_with_pytest_arguments_runs_those_tests_alone(tools: Path, environment: dict[str, str]) -> None:
    assert called(run(tools, "test", "-k", "one", environment=environment)) == ["pytest -k one"]


def test_test_stops_at_the_first_failure_with_its_exit_code(tools: Path, environment: dict[str, str]) -> None:
    program(tools / ".venv" / "bin" / "mypy", "#!/bin/sh\nexit 3\n")
    done = run(tools, "test", environment=environment)
    assert (done.returncode, called(done)) == (3, ["ruff check", "ruff format --check"])


def test_scr_keeps_folder_and_exit_code_and_knows_the_data(project: Path, environment: dict[str, str]) -> None:
    script = '#!/bin/sh\necho "$PWD|$SCR_DATA|$TEMPORAL_ADDRESS|$*"\nexit 2\n'
    program(project / ".venv" / "bin" / "scr", script)
    done = run(project, "scr", "refer", "a b", environment=environment, cwd=project.parent)
    address = f"127.0.0.1:{environment['SCR_ENGINE_PORT']}"
    assert done.returncode == 2
    assert done.stdout == f"{project.parent}|{project / '.data'}|{address}|refer a b\n"
