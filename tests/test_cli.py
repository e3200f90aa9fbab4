"""The command line as a person meets it: every command, what it prints, every refusal, and that no traceback shows.

A refusal is one line on stderr that says what is right, exit code 2, nothing on stdout and not a byte of the register
changed. The commands that need an engine share one real dev server and one worker; each test has a case of its own.
"""

import asyncio
import errno
import fcntl
import json
import os
import pty
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import termios
import time
import tomllib
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from engine import BESIDE, ROOT, connected, dev_server, environment, free_port

import cli
from casework import today
from library import Library
from models.referral import read_referral
from models.timescale import count, count_before, parse_period, say

REFERRAL = (ROOT / "examples" / "referral.toml").read_text(encoding="utf-8")
CALENDAR = Library().calendar("england-and-wales")
YESTERDAY = count_before(parse_period("1 day"), today(), CALENDAR).due
TOMORROW = count(parse_period("1 day"), today(), CALENDAR).due


class Said(NamedTuple):
    """What a command ended with, and what it wrote to stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Scr = Callable[..., Said]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own; no engine answers."""
    folder = tmp_path / "data"
    monkeypatch.setenv("SCR_DATA", str(folder))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    return folder


@pytest.fixture
def scr(data: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Scr:
    """`scr` in this process, its real stdout and stderr caught."""

    def run(*words: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["scr", *map(str, words)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Said(int(ended.value.code or 0), *capfd.readouterr())

    return run


def refused(said: Said, *words: str) -> None:
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1), said
    assert [word for word in words if word not in said.err] == [], said.err


def until(probe: Callable[[], Any], what: str, seconds: float = 20) -> Any:
    """Ask again and again until the answer is true; fail after a deadline."""
    deadline = time.monotonic() + seconds
    while not (answer := probe()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} seconds"
        time.sleep(0.05)
    return answer


def contents(folder: Path, reference: str = "") -> list[str]:
    """What a register keeps as SQL: referrals and proclaimed days, and of one case everything."""
    with sqlite3.connect(f"file:{folder / 'register.db'}?mode=ro", uri=True) as db:
        rows = list(db.iterdump())
    db.close()
    kept = ('INSERT INTO "referrals"', 'INSERT INTO "proclaimed"')
    return [row for row in rows if row.startswith(kept) or (reference and f"'{reference}'" in row)]


# ---- dates --------------------------------------------------------------------------------------------------------

# Row, period, options, due, act by: the table at the end of part 4 of the domain.
DUE = [
    ("1", "10 working days", "--from 2013-07-08", "2013-07-22", "2013-07-22"),
    ("2", "10 working days", "--from 2013-04-12T23:40+01:00", "2013-04-26", "2013-04-26"),
    ("3", "1 month", "--from 2013-04-12T23:40+01:00", "2013-05-12", "2013-05-10"),
    ("4", "10 working days", "--from 2013-06-10T23:30Z", "2013-06-25", "2013-06-25"),
    ("5", "10 working days", "--from 2013-12-20", "2014-01-08", "2014-01-08"),
    ("6", "1 month", "--from 2014-01-31", "2014-02-28", "2014-02-28"),
    ("7", "1 month", "--from 2014-02-28", "2014-03-28", "2014-03-28"),
    ("8", "6 months", "--from 2013-08-31", "2014-02-28", "2014-02-28"),
    ("9", "4 months", "--from 1978-09-30", "1979-01-30", "1979-01-30"),
    ("10", "5 working days", "--from 2014-04-17", "2014-04-28", "2014-04-28"),
    ("11", "1 working day", "--from 2014-03-01", "2014-03-03", "2014-03-03"),
    ("12", "2 weeks", "--from 2011-04-15", "2011-04-29", "2011-04-28"),
    ("12 next", "2 weeks", "--from 2011-04-15 --on-non-working-day next", "2011-05-03", "2011-05-03"),
    ("12 previous", "2 weeks", "--from 2011-04-15 --on-non-working-day previous", "2011-04-28", "2011-04-28"),
    ("13", "5 working days", "--from 2012-06-01", "2012-06-12", "2012-06-12"),
    ("14", "1 week", "--before 2014-05-15", "2014-05-08", "2014-05-08"),
    ("14 clear", "1 week", "--before 2014-05-15 --clear", "2014-05-07", "2014-05-07"),
    ("15", "28 days", "--from 2013-12-05", "2014-01-02", "2014-01-02"),
    ("15 copies", "1 week", "--before 2014-01-02", "2013-12-26", "2013-12-24"),
    ("16", "7 working days", "--before 2025-05-01", "2025-04-22", "2025-04-22"),
    ("17", "5 working days", "--from 2022-09-12", "2022-09-20", "2022-09-20"),
    ("clear forwards", "7 days", "--from 2013-07-01 --clear", "2013-07-09", "2013-07-09"),
]


@pytest.mark.parametrize(("row", "period", "options", "due", "act_by"), DUE, ids=[row[0] for row in DUE])
def test_due(scr: Scr, row: str, period: str, options: str, due: str, act_by: str) -> None:
    said = scr("due", period, *options.split(), "--json")
    assert (said.code, said.err, said.json["due"], said.json["act_by"]) == (0, "", due, act_by)
    assert set(said.json) == {"due", "act_by", "because"}
    plain = scr("due", period, *options.split())
    assert plain.out == (
        f"Due     {say(date.fromisoformat(due))}\nAct by  {say(date.fromisoformat(act_by))}\n{said.json['because']}\n"
    )


def test_due_of_hours_gives_the_moment(scr: Scr) -> None:
    said = scr("due", "48 hours", "--from", "2013-07-08T09:30+01:00", "--json")
    assert (said.json["due"], said.json["moment"]) == ("2013-07-10", "2013-07-10T09:30:00+01:00")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["10 working days"], "either --from which day or --before which day"),
        (["1 week", "--from", "2013-01-01", "--before", "2013-02-01"], "either --from which day or --before which day"),
        (["two moons", "--from", "2013-01-01"], '"two moons" is not a period: write a number'),
        (["0 days", "--from", "2013-01-01"], "a whole number from 1"),
        (["1 week", "--from", "2013-02-30"], '"2013-02-30" is not a day: write it as 2013-08-05'),
        (["1 week", "--from", "yesterday"], '"yesterday" is not a day: write it as 2013-08-05'),
        (["1 week", "--from", "2013-02"], "is no whole day"),
        (["1 week", "--from", "2013-04-12T25:00"], "is no moment; write it like 2013-06-10T23:30Z"),
        (["1 week", "--from", "2013-04-12T23:40"], "has no time zone"),
        (["1 week", "--from", "1901-01-01"], "knows 1978 to 2030"),
        (["9999 months", "--from", "2013-01-01"], "knows 1978 to 2030"),
        (["1 week", "--from", "2013-01-01", "--calendar", "mars"], "there are england-and-wales"),
        (["1 week", "--from", "2013-01-01", "--on-non-working-day", "skip"], "'keep', 'next', 'previous'"),
        (["48 hours", "--from", "2013-01-01", "--clear"], "Hours are elapsed time"),
        (["1 week", "--from", "\x1b[31m2013"], r"\x1b[31m2013"),
        (["1 week", "--from", "2" * 100_000], "is not a day"),
        ([], "Missing argument 'PERIOD'. `scr due --help` says more."),
        (["1 week", "--since", "2013-01-01"], "No such option: --since"),
    ],
)
def test_due_refuses(scr: Scr, words: list[str], says: str) -> None:
    refused(scr("due", *words), says)


# ---- usage --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["fly"], "No such command 'fly'. `scr --help` says more."),
        (["procedure", "fly"], "No such command 'fly'. `scr procedure --help` says more."),
        (["refer"], "Missing argument 'FILE'"),
        (["case"], "Missing argument 'REF'"),
        (["decide", "DEMO-2026-001", "recommend", "scr", "--because", "x"], "Missing option '--by'"),
        (["decide", "DEMO-2026-001", "recommend", "scr", "--by", "x"], "Missing option '--because'"),
        (["calendar", "add", "2026-12-24"], "Missing argument 'NAME'"),
        (["case", "../../etc"], "is no reference of a case, such as DEMO-2013-001; `scr cases --all` lists them"),
        (["case", "x" * 100_000], "is no reference of a case"),
        (["decide", "", "a", "b", "--by", "x", "--because", "y"], "is no reference of a case"),
        (["case", "\udcff"], "is not UTF-8 text"),
        (["case", "DEMO-2026-999"], "There is no case DEMO-2026-999; `scr cases --all` lists them"),
        (["letters", "DEMO-2026-999"], "There is no case DEMO-2026-999"),
    ],
)
def test_usage_errors_are_one_line(scr: Scr, words: list[str], says: str) -> None:
    refused(scr(*words), says)


def test_help_names_every_command(scr: Scr) -> None:
    said = scr("--help")
    words = (
        "due procedure rehearse refer cases case decide extend reconsider correct assign involve plan agree adopt "
        "close letters audit restore calendar"
    )
    assert [word for word in words.split() if f"\n  {word} " not in said.out] == []
    assert said.code == 0


# ---- procedures ---------------------------------------------------------------------------------------------------


def test_procedure_list(scr: Scr) -> None:
    found = {p["id"]: p for p in scr("procedure", "list", "--json").json}
    assert found["wt2013"]["title"] == "Serious Case Review (Working Together 2013)"
    plain = scr("procedure", "list")
    assert all(name in plain.out for name in found)


def test_procedure_show(scr: Scr) -> None:
    table = scr("procedure", "show", "wt2013").out
    assert "002-18" in table
    assert "within 28 days of sign-off" in table
    assert scr("procedure", "show", "wt2013", "--format", "mermaid").out.startswith("flowchart TD\n")
    shown = scr("procedure", "show", "wt2013", "--format", "json").json
    assert (shown["id"], shown["step"][1]["id"]) == ("wt2013", "notified")
    refused(scr("procedure", "show", "wt1066"), "'wt1066'", "there are", "wt2013")
    refused(scr("procedure", "show", "../boards/demo"), "there are")


def test_procedure_check(scr: Scr) -> None:
    file = ROOT / "procedures" / "wt2013.toml"
    assert scr("procedure", "check", file) == (0, "wt2013.toml: nothing wrong.\n", "")
    assert scr("procedure", "check", file, "--json").json == {"file": "wt2013.toml", "problems": []}


@pytest.mark.parametrize("file", sorted((ROOT / "tests" / "bad_procedures").glob("*.toml")), ids=lambda file: file.stem)
def test_procedure_check_names_file_place_and_cure(scr: Scr, file: Path) -> None:
    said = scr("procedure", "check", file)
    assert (said.code, said.out) == (2, "")
    assert said.err
    assert all(line.startswith(f"{file.name}: ") and line.count(": ") >= 3 for line in said.err.splitlines())
    as_json = scr("procedure", "check", file, "--json")
    assert (as_json.code, as_json.err) == (2, said.err)
    assert all(problem["what"] and problem["cure"] for problem in as_json.json["problems"])


# ---- files that are none --------------------------------------------------------------------------------------------


def _deep() -> bytes:
    return b"a = " + b"[" * 100_000


FILES = {
    "unreadable": (b"board = [", "not readable as TOML"),
    "latin-1": ("why = 'Gr\xfc\xdfe'".encode("latin-1"), "is not UTF-8 text; save it as UTF-8"),
    "utf-16": ("why = 'x'".encode("utf-16"), "is not UTF-8 text"),
    "nul": (b"why = '\0'", "not readable as TOML"),
    "huge": (b"# " + b"a" * 10_000_000, "is larger than 1,000,000 bytes"),
    "deep": (_deep(), "a list too deep"),
    "long number": (b"why = " + b"1" * 5000, "a number is too long"),
}


@pytest.mark.parametrize("command", ["refer", "rehearse", "procedure check"])
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_read(scr: Scr, tmp_path: Path, command: str, name: str) -> None:
    content, says = FILES[name]
    file = tmp_path / "given.toml"
    file.write_bytes(content)
    refused(scr(*command.split(), file), "given.toml", says)


@pytest.mark.parametrize("command", ["refer", "rehearse", "procedure check"])
def test_a_file_that_is_none(scr: Scr, tmp_path: Path, command: str) -> None:
    refused(scr(*command.split(), tmp_path), "cannot be read: Is a directory")
    refused(scr(*command.split(), tmp_path / "missing.toml"), "cannot be read: No such file or directory")
    refused(scr(*command.split(), tmp_path / ("x" * 5000)), "cannot be read: File name too long")
    (tmp_path / "empty.toml").write_text("")
    said = scr(*command.split(), tmp_path / "empty.toml")
    assert (said.code, said.out) == (2, "")
    assert all(line.startswith("empty.toml: ") and "missing" in line for line in said.err.splitlines())


# ---- without an engine --------------------------------------------------------------------------------------------


def test_nothing_is_there_yet(scr: Scr) -> None:
    assert scr("cases") == (0, "There are no such cases.\n", "")
    assert scr("cases", "--json").json == []
    assert scr("audit", "verify") == (0, "Nothing wrong in 0 cases.\n", "")
    assert scr("audit", "verify", "--json").json == {"faults": [], "heads": []}


@pytest.mark.parametrize(
    "words", [["refer", "examples/referral.toml"], ["restore"], ["calendar", "add", "2026-12-24", "x"], ["demo"]]
)
def test_engine_down(scr: Scr, data: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.chdir(ROOT)
    scr("cases")
    before = contents(data)
    said = scr(*words)
    assert said == (1, "", "The engine at 127.0.0.1:1 does not answer; `./dev up` starts one.\n")
    assert contents(data) == before


def test_settings_of_the_engine_that_cannot_be_used(scr: Scr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_PROFILE", "nowhere")
    refused(scr("restore"), "The TEMPORAL_* settings cannot be used", "nowhere", "mend or unset them")


def test_a_data_folder_that_cannot_be_used(scr: Scr, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data.write_text("a file")
    said = scr("cases")
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "name another in SCR_DATA" in said.err
    data.unlink()
    data.mkdir()
    (data / "register.db").write_text("no database" * 100)
    said = scr("cases")
    assert (said.code, said.err) == (
        1,
        f"The register {data / 'register.db'} cannot be used: file is not a database.\n",
    )


# ---- rehearsals -----------------------------------------------------------------------------------------------------

STORY = """
title = "A short story [red]"
procedure = "wt2013"
referral.received = 2013-12-20
referral.agencies = ["health"]
referral.why = "Invented."
referral.child.name = "Nobody Example"
referral.referrer = { name = "Perpetua Quill", email = "referrer@health.demoshire.example" }
decision = [
    { on = 2013-12-20, step = "tell-designated-person", because = "Told." },
    { on = 2013-12-20, step = "written-notification", outcome = "received", because = "It came." },
    { on = 2014-01-09, step = "recommend", outcome = "none", because = "The criteria are not met." },
]
"""


def test_rehearse(scr: Scr, tmp_path: Path) -> None:
    file, folder = tmp_path / "story.toml", tmp_path / "kept" / "here"
    file.write_text(STORY)
    said = scr("rehearse", file, "--into", folder, "--json")
    assert (said.code, said.err) == (0, "")
    assert {"case", "events", "letters", "deadlines"} <= set(said.json)
    [recommend] = [row for row in said.json["deadlines"] if row["step"] == "recommend"]
    assert {key: recommend[key] for key in ("due", "act_by", "met_on", "late_by")} == {
        "due": "2014-01-08", "act_by": "2014-01-08", "met_on": "2014-01-09", "late_by": 1,
    }  # fmt: skip
    [decide] = [row for row in said.json["deadlines"] if row["step"] == "decide"]
    assert (decide["due"], decide["act_by"], decide["met_on"]) == ("2014-01-20", "2014-01-20", None)
    assert all({"on", "kind", "step"} <= set(event) for event in said.json["events"])
    assert (folder / "register.db").is_file()
    refused(scr("rehearse", file, "--into", folder), "is not empty; name a new folder")
    refused(scr("rehearse", file, "--into", file), "cannot be used as a folder: File exists; name another")


def test_rehearse_for_people(scr: Scr, tmp_path: Path) -> None:
    file = tmp_path / "story.toml"
    file.write_text(STORY)
    said = scr("rehearse", file)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("A short story [red]\n")
    assert "Thu 9 Jan 2014   decided  recommend\n      Outcome: none, 1 day late." in said.out
    assert said.out.index("\nLetters\n") < said.out.index("\nDue dates\n")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('title = "A short story [red]"', "", "title: this field is missing; add it"),
        ("wt2013", "wt1066", "there are wt2010-milton-keynes"),
        ('outcome = "none"', 'outcome = "maybe"', "'maybe' is no outcome of 'recommend'; it has scr, none"),
        ("on = 2014-01-09", 'on = "soon"', "decision number 3, on"),
        ("referral.why", "referral.how", "referral, "),
    ],
)
def test_rehearse_refuses(scr: Scr, tmp_path: Path, old: str, new: str, says: str) -> None:
    file = tmp_path / "story.toml"
    assert STORY.count(old) == 1
    file.write_text(STORY.replace(old, new))
    said = scr("rehearse", file)
    assert (said.code, said.out) == (2, "")
    assert says in said.err
    assert "Traceback" not in said.err


# ---- pipes and terminals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["procedure", "list"], ["procedure", "show", "wt2013", "--format", "json"]])
def test_a_reader_who_has_had_enough(words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([BESIDE / "scr", *words], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def on_a_terminal(width: int, *words: str) -> str:
    """What a command prints on a terminal of a width."""
    own, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    env = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    command = subprocess.Popen([BESIDE / "scr", *words], stdout=its, env=env | {"TERM": "dumb"})
    os.close(its)
    found = b""
    try:
        while piece := os.read(own, 65536):
            found += piece
    except OSError as error:  # this is how Linux says that nobody writes any more
        if error.errno != errno.EIO:
            raise
    finally:
        os.close(own)
    assert command.wait() == 0
    return found.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("width", [80, 120])
def test_tables_keep_to_the_terminal(width: int) -> None:
    lines = on_a_terminal(width, "procedure", "show", "wt2013").splitlines()
    assert max(map(len, lines)) <= width
    assert sum(line.strip().startswith("002-") for line in lines) == 27


# ---- with an engine -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """A data folder with a running engine and worker, and the engine's port."""
    folder, port = tmp_path_factory.mktemp("office"), free_port()
    with dev_server(folder, port), (folder / "worker.log").open("wb") as log:
        asyncio.run(_answers(port))
        command = [sys.executable, "-m", "worker"]
        worker = subprocess.Popen(command, cwd=ROOT, env=environment(port, folder), stdout=log, stderr=log)
        try:
            yield folder, port
        finally:
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(30) == 0


async def _answers(port: int) -> None:
    await connected(port)


@pytest.fixture
def desk(office: tuple[Path, int], scr: Scr, monkeypatch: pytest.MonkeyPatch) -> Scr:
    """`scr` in the office."""
    monkeypatch.setenv("SCR_DATA", str(office[0]))
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{office[1]}")
    return scr


def referral(child: str, **changes: str) -> str:
    """The example's referral for another child, received today; `changes` are lines of its head."""
    parsed = tomllib.loads(REFERRAL)
    lines = {"board": '"demo"', "received": f"{today()}", "why": '"Invented."', "agencies": '["health", "police"]'}
    head = "\n".join(f"{key} = {value}" for key, value in (lines | changes).items())
    people = "\n".join(
        f"[{who}]\n" + "\n".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items())
        for who, fields in (parsed | {"child": parsed["child"] | {"name": child}}).items()
        if who in ("child", "referrer", "family")
    )
    return f"{head}\n[stated]\ntell-designated-person = {today()}\n{people}\n"


@pytest.fixture
def case(desk: Scr, office: tuple[Path, int], tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A case of the test's own, referred today, when everything it has begun is done and written down."""
    file = tmp_path / "referral.toml"
    file.write_text(referral(request.node.name), encoding="utf-8")
    said = desk("refer", file, "--json")
    assert (said.code, said.err) == (0, "")
    reference = str(said.json["reference"])
    settle(desk, reference)
    return reference


def settle(desk: Scr, reference: str) -> Any:
    """The case as JSON, when its letters have gone and that is written down."""

    def quiet() -> Any:
        letters = desk("letters", reference, "--json")
        if letters.code == 0 and all(letter["state"] != "owed" for letter in letters.json):
            return letters.json and desk("case", reference, "--json").json
        return None

    return until(quiet, f"the letters of {reference} go")


def steps(found: Any, state: str) -> dict[str, str | None]:
    return {step["key"]: step["due"] for step in found["deadlines"] if step["state"] == state}


def give(desk: Scr, reference: str, words: str, by: str, *more: object) -> Said:
    kind, *rest = words.split()
    said = desk(kind, reference, *rest, *more, "--by", by, "--because", "It is so.")
    assert (said.code, said.err) == (0, ""), said
    return said


def test_the_example_of_the_readme_is_a_referral() -> None:
    example = read_referral(REFERRAL, "referral.toml")
    assert (example.board, len(example.agencies)) == ("demo", 3)
    assert "invented" in REFERRAL


def test_refer_again_opens_no_second_case(desk: Scr, office: tuple[Path, int], case: str, tmp_path: Path) -> None:
    before = contents(office[0], case)
    said = desk("refer", tmp_path / "referral.toml")
    assert said == (0, f"The referral is filed as {case}. `scr case {case}` shows what the case waits for.\n", "")
    assert contents(office[0], case) == before


def test_cases_and_case(desk: Scr, case: str) -> None:
    view = next(view for view in desk("cases", "--json").json if view["reference"] == case)
    assert (view["state"], view["overdue"], view["procedure"]) == ("open", False, "wt2013")
    assert case in desk("cases", "--waiting-for", "sub-group").out
    assert case not in desk("cases", "--overdue").out
    due = count(parse_period("10 working days"), today(), CALENDAR).due
    found = desk("case", case, "--json").json
    assert set(found) == {"case", "deadlines", "events"}
    assert steps(found, "open") == {"written-notification": str(today()), "recommend": str(due)}
    plain = desk("case", case, "--why", "--history").out
    shown = [
        f"{due:%a %-d %b %Y}",
        "sub-group",
        "(sg-lead)",
        f"The period is 10 working days from {say(today())}",
    ]
    assert [words for words in shown if words not in plain] == []
    assert "Waits for\n" in plain
    assert plain.index("Why on these days") < plain.index("History")


def test_decide_says_what_is_next_for_whom_and_by_when(desk: Scr, case: str) -> None:
    by = count(parse_period("1 month"), today(), CALENDAR)
    said = give(desk, case, "decide recommend scr", "sg-lead", "--id", "a-decision-1")
    act_by = f" (act by {say(by.act_by)})" if by.act_by != by.due else ""
    assert said.out == (
        f"{case}: taken in (decision a-decision-1).\n"
        f"  Chair of the LSCB: Decide whether to initiate a Serious Case Review by {say(by.due)}{act_by}\n"
    )
    again = give(desk, case, "decide recommend scr", "sg-lead", "--id", "a-decision-1", "--json")
    assert again.json["follows"] == [line.strip() for line in said.out.splitlines()[1:]]
    assert len([e for e in settle(desk, case)["events"] if e["kind"] == "decided"]) == 1
    other = desk("decide", case, "decide", "decline", "--by", "chair", "--because", "x", "--id", "a-decision-1")
    refused(other, "a-decision-1 was used for another decision")


def test_letters(desk: Scr, office: tuple[Path, int], case: str) -> None:
    found = desk("letters", case, "--json").json
    assert {(letter["template"], letter["recipient"], letter["state"]) for letter in found} == {
        ("referral-acknowledgement", "referrer", "sent"),
        ("information-request", "senior-manager[health]", "sent"),
        ("information-request", "senior-manager[police]", "sent"),
    }
    plain = desk("letters", case).out
    assert "senior-manager[police]" in plain
    assert f"Those that were sent lie in {office[0] / 'outbox' / case}." in plain
    before = contents(office[0], case)
    refused(desk("letters", case, "--resend", "nothing", "--by", "bm"), "no letter that could not be sent")
    refused(desk("letters", case, "--resend", "nothing"), "Say with --by who has mended the cause")
    assert contents(office[0], case) == before


def test_what_a_hand_writes_is_shown_as_it_is_and_commands_nobodys_terminal(desk: Scr, case: str) -> None:
    reason = "[red]Grüße[/red] ☂ \x1b[31m\x9b2J \u202eright to left"
    said = desk(
        "decide", case, "written-notification", "received", "--by", "health-designated-person", "--because", reason
    )
    assert (said.code, said.err) == (0, "")
    plain = desk("case", case, "--history").out
    assert r"[red]Grüße[/red] ☂ \x1b[31m\x9b2J \x202eright to left" in plain
    assert not {"\x1b", "\x9b", "\u202e"} & set(plain)
    decided = [e for e in desk("case", case, "--json").json["events"] if e["kind"] == "decided"]
    assert decided[0]["decision"]["because"] == reason


LONG = "x" * 100_000
REFUSALS: list[tuple[str, list[object], list[str]]] = [
    ("decide recommend approve", ["--by", "sg-lead"], ["'approve' is no outcome of 'recommend'; it has scr, none"]),
    ("decide recommned scr", ["--by", "sg-lead"], ["'recommned' is no step of wt2013; its steps are", "recommend,"]),
    ("decide decide initiate", ["--by", "chair"], ["'decide' is not owed yet", "it follows from recommend"]),
    ("decide ask-agencies", ["--by", "bm"], ["say ask-agencies[health] or ask-agencies[police]"]),
    ("decide recommend scr", ["--by", "chair"], ["'chair' does not hold the role LSCB SCR sub-group", "for sg-lead"]),
    ("decide recommend scr", ["--by", "sg-lead", "--recorded-by", "sg-2"], ["'sg-2' does not hold the role"]),
    ("decide recommend scr", ["--by", "sg-lead", "--on", TOMORROW], ["lies in the future", "give the day it happened"]),
    ("decide recommend scr", ["--by", "sg-lead", "--on", YESTERDAY], ["'recommend' follows from; give a later day"]),
    ("decide recommend scr", ["--by", "sg-lead", "--on", "2013-02-30"], ["is not a day: write it as 2013-08-05"]),
    ("decide recommend scr", ["--by", "sg-lead", "--on", "yesterday"], ["is not a day: write it as 2013-08-05"]),
    ("decide recommend scr", ["--by", "sg-lead", "--id", "x"], ["id: ", "at least 8 characters"]),
    ("decide recommend scr", ["--by", LONG], ["by: ", "at most 4000 characters"]),
    ("decide recommend scr", ["--by", "sg-lead", "--because", LONG], ["because: ", "at most 4000 characters"]),
    ("decide recommend scr", ["--by", "sg-lead", "--because", " \n"], ["because: ", "at least 1 character"]),
    ("decide tell-designated-person", ["--by", "bm"], ["decided already; reconsider it"]),
    ("extend recommend", ["--by", "bm", "--agreed-with", "x"], ["until which day (to) or by which period"]),
    ("extend recommend", ["--by", "bm", "--agreed-with", "x", "--to", "soon"], ["is not a day: write it as"]),
    ("extend recommend", ["--by", "bm", "--agreed-with", "x", "--to", TOMORROW], ["An extension ends later than"]),
    (
        "extend recommend",
        ["--by", "bm", "--agreed-with", "x", "--period", "two moons"],
        ['"two moons" is not a period'],
    ),
    ("extend ask-agencies[health]", ["--by", "bm", "--agreed-with", "x", "--to", TOMORROW], ["is not owed any more"]),
    ("extend recommend", ["--by", "bm", "--to", TOMORROW], ["Missing option '--agreed-with'"]),
    ("reconsider recommend", ["--by", "sg-lead"], ["has not been decided, so there is nothing to reconsider"]),
    ("correct nothing", ["--by", "bm"], ["'nothing' is no decision that stands in this case"]),
    ("assign chair nobody", ["--by", "bm"], ["'nobody' is not among the people of Demoshire", "bm,"]),
    ("assign king bm", ["--by", "bm"], ["'king' is no role of wt2013; it has", "chair"]),
    ("assign imr-author health-imr-author", ["--by", "bm"], ["say which of those involved (health, police)"]),
    ("assign chair bm", ["--by", "sg-lead"], ["'sg-lead' does not hold the role"]),
    ("assign panel bm", ["--by", "bm", "--stands-down"], ["so cannot stand down from it"]),
    ("involve navy", ["--by", "bm"], ["'navy' is no agency of Demoshire", "health, police"]),
    ("involve health", ["--by", "bm"], ["'health' is involved already"]),
    ("plan publication 2026-13-01", ["--by", "bm"], ["is not a day: write it as"]),
    ("plan publication 2027", ["--by", "bm"], ["is no whole day; write it like"]),
    ("plan party", [TOMORROW, "--by", "bm"], ["'party' is no day that wt2013 plans; it plans publication"]),
    ("plan publication", [YESTERDAY, "--by", "bm"], ["A planned day lies ahead"]),
    ("agree A! Title", ["--due", TOMORROW, "--by", "bm"], ["action: 'A!' must be in small letters"]),
    ("agree a1 Title", ["--due", "soon", "--by", "bm"], ["is not a day: write it as"]),
    ("agree a1 Title", ["--due", YESTERDAY, "--by", "bm"], ["An action is due after it is agreed"]),
    ("agree a1 Title", ["--due", TOMORROW, "--agency", "navy", "--by", "bm"], ["one of health, police"]),
    ("adopt wt1066", ["--by", "bm"], ["'wt1066'", "there are"]),
    ("close", ["--by", "bm"], ["Still owed: ", "close the case as withdrawn"]),
    ("close", ["--by", "sg-lead", "--withdrawn"], ["'sg-lead' does not hold the role"]),
]


def test_every_refusal_is_one_line_and_changes_nothing(desk: Scr, office: tuple[Path, int], case: str) -> None:
    before = contents(office[0], case)
    assert len(before) > 10
    for words, options, says in REFUSALS:
        kind, *rest = words.split()
        because = [] if "--because" in options else ["--because", "It is so."]
        refused(desk(kind, case, *rest, *options, *because), *says)
        refused(desk(kind, case, *rest, *options, *because, "--json"), *says)
    refused(desk("decide", "DEMO-1999-001", "recommend", "--by", "x", "--because", "y"), "no open case", "`scr cases`")
    assert contents(office[0], case) == before
    give(desk, case, "decide recommend none", "sg-lead")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('why = "Invented."', "", "why: this field is missing; add it"),
        ('"police"', '"navy"', "'navy' is no agency of Demoshire Safeguarding Children Board; it has health, police"),
        ('"demo"', '"atlantis"', "There is no 'atlantis' in boards; there are demo"),
        (f"received = {today()}", f"received = {TOMORROW}", "lies in the future; today is"),
        (f"received = {today()}", f"received = {TOMORROW}T12:00:00Z", "lies in the future; today is"),
        (f"person = {today()}", f"person = {TOMORROW}", "after the referral was received; give the day it was done"),
        ("tell-designated-person", "decide", "is no step before the case; a referral can state tell-designated-person"),
        ('why = "Invented."', 'why = "Invented."\nmood = "bad"', "mood: there is no such field"),
        ('why = "Invented."', 'why = "Invented."\nprocedure = "wt1066"', "'wt1066'"),
        ('agencies = ["health", "police"]', "agencies = []", "agencies: "),
    ],
)
def test_refer_refuses(desk: Scr, office: tuple[Path, int], tmp_path: Path, old: str, new: str, says: str) -> None:
    file = tmp_path / "referral.toml"
    text = referral("Nobody Refused")
    assert text.count(old) == 1, text
    file.write_text(text.replace(old, new))
    before = contents(office[0])
    refused(desk("refer", file), says)
    assert contents(office[0]) == before


def test_a_case_from_decision_to_withdrawal(desk: Scr, case: str) -> None:
    give(desk, case, "decide recommend scr", "sg-lead")
    said = give(desk, case, "decide decide initiate", "chair", "--recorded-by", "bm")
    assert "\n  Letter: secure-records to Chief Executive, Demoshire Health Trust\n" in said.out
    owed = steps(settle(desk, case), "open")
    assert {"review", "notify-cqc", "set-terms"} <= set(owed)

    cqc = date.fromisoformat(str(owed["notify-cqc"]))
    later = count(parse_period("20 working days"), cqc, CALENDAR).due
    said = give(desk, case, "extend notify-cqc --agreed-with CQC --period", "bm", "20 working days")
    assert f"now by {say(later)}" in said.out
    assert f"before {say(cqc)}" in said.out

    said = give(desk, case, "assign lead-reviewer lead-reviewer-2", "bm")
    assert "taken in" in said.out
    said = give(desk, case, "involve school", "bm")
    assert "Harrowgale Primary School" in said.out
    mistaken = give(desk, case, "decide set-terms", "panel-chair-1", "--json").json
    assert "agency-review[school]" in steps(settle(desk, case), "open")
    give(desk, case, f"correct {mistaken['decision']}", "bm")
    found = settle(desk, case)
    assert "set-terms" in steps(found, "open")
    assert "agency-review[school]" not in steps(found, "open")

    far = count(parse_period("9 months"), today(), CALENDAR).due
    give(desk, case, f"plan publication {far}", "bm")
    give(desk, case, f"agree a1 Title --due {far}", "bm")
    give(desk, case, "adopt wt2013", "bm")
    said = give(desk, case, "reconsider decide", "chair")
    assert "Notify the Care Quality Commission: no longer owed" in said.out
    give(desk, case, "close --withdrawn", "bm")
    until(lambda: desk("case", case, "--json").json["case"]["state"] == "closed", "the case is closed")
    assert "Now: closed, withdrawn." in desk("case", case).out
    assert case not in desk("cases").out
    assert case in desk("cases", "--all").out
    said = desk("decide", case, "decide", "decline", "--by", "chair", "--because", "Too late.")
    assert said.code == 2
    assert "closed" in said.err or "no open case" in said.err


def test_a_proclaimed_day_moves_open_cases_once(desk: Scr, case: str) -> None:
    day = count(parse_period("3 working days"), today(), CALENDAR).due
    due = date.fromisoformat(str(steps(settle(desk, case), "open")["recommend"]))
    moved = count(parse_period("1 working day"), due, CALENDAR).due
    said = desk("calendar", "add", day, "Day of mourning")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"{say(day)}, Day of mourning, is a non-working day now. Open cases counted anew: ")
    assert (
        f"  {case}: Consider the case against the criteria and recommend to the Chair: now by {say(moved)}" in said.out
    )
    assert steps(settle(desk, case), "open")["recommend"] == str(moved)
    again = desk("calendar", "add", day, "Day of mourning", "--json")
    assert (again.code, again.json["cases"]) == (0, {})
    assert steps(settle(desk, case), "open")["recommend"] == str(moved)
    refused(desk("calendar", "add", day, "Carnival"), 'as "Day of mourning": use that name')


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["2026-12-25", "x"], "is not a working day already (Christmas Day)"),
        (["2026-12-26", "x"], "is not a working day already (Saturday)"),
        (["2050-12-23", "x"], "knows 1978 to 2030"),
        (["2026-12", "x"], "is no whole day"),
        (["soon", "x"], "is not a day"),
        (["2026-12-22", " "], "name of the day is 0 characters long"),
        (["2026-12-22", "x" * 5000], "give one of 1 to 200"),
        (["2026-12-22", "x", "--by", ""], "give one of 1 to 200"),
        (["2026-12-22", "x", "--calendar", "mars"], "there are england-and-wales"),
    ],
)
def test_calendar_add_refuses(desk: Scr, office: tuple[Path, int], words: list[str], says: str) -> None:
    desk("cases")
    before = contents(office[0])
    refused(desk("calendar", "add", *words), says)
    assert contents(office[0]) == before


def test_restore_leaves_running_cases_alone(desk: Scr, case: str) -> None:
    assert desk("restore") == (0, "Every open case runs already.\n", "")
    assert desk("restore", "--json").json == {"restored": []}


def test_audit_verify_names_what_was_tampered_with(
    desk: Scr, office: tuple[Path, int], case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = desk("audit", "verify", "--json")
    assert (said.code, said.json["faults"]) == (0, [])
    copy = tmp_path / "copy"
    copy.mkdir()
    with sqlite3.connect(office[0] / "register.db") as good, sqlite3.connect(copy / "register.db") as bad:
        good.backup(bad)
        for (trigger,) in bad.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            bad.execute(f"DROP TRIGGER {trigger}")
        bad.execute("UPDATE events SET body = replace(body, '10 working', '90 working') WHERE reference = ?", (case,))
    good.close()
    bad.close()
    shutil.copy(office[0] / "register.key", copy)
    monkeypatch.setenv("SCR_DATA", str(copy))
    said = desk("audit", "verify")
    assert said.code == 1
    assert f"was changed after it was written ({case})." in said.err
    assert {fault["reference"] for fault in desk("audit", "verify", "--json").json["faults"]} == {case}


def test_demo_is_harmless_when_repeated(desk: Scr) -> None:
    said = desk("demo")
    assert (said.code, said.err, said.out.count("\n")) == (0, "", 5)
    again = desk("demo")
    assert again.out == "".join(f"{line} (It was there already.)\n" for line in said.out.splitlines())
    for reference in (line.partition(":")[0] for line in said.out.splitlines()):
        settle(desk, reference)
