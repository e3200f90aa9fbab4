"""The command line without an engine: what each command prints, every refusal, and that no traceback shows.

A refusal is one line on stderr that says what is right, exit code 2, nothing on stdout. What needs an engine is in
test_cli_cases.py.
"""

import asyncio
import json
import os
import signal
import subprocess
from datetime import date
from functools import partial
from pathlib import Path

import pytest
from desk import Desk, on_a_terminal, refused, until
from engine import BESIDE, ROOT

from models.referral import read_referral
from models.timescale import say
from register.sealed import Ring
from register.store import Register


@pytest.fixture
def scr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Desk:
    """`scr` with a data folder of the test's own; no engine answers."""
    return Desk(monkeypatch, capfd, tmp_path / "data")


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
def test_due(scr: Desk, row: str, period: str, options: str, due: str, act_by: str) -> None:
    said = scr("due", period, *options.split(), "--json")
    assert (said.code, said.err, said.json["due"], said.json["act_by"]) == (0, "", due, act_by)
    assert set(said.json) == {"due", "act_by", "because"}
    plain = scr("due", period, *options.split())
    assert plain.out == (
        f"Due     {say(date.fromisoformat(due))}\nAct by  {say(date.fromisoformat(act_by))}\n{said.json['because']}\n"
    )


def test_due_of_hours_gives_the_moment(scr: Desk) -> None:
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
def test_due_refuses(scr: Desk, words: list[str], says: str) -> None:
    refused(scr("due", *words), says)


# ---- usage --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["fly"], "No such command 'fly'. `scr --help` says more."),
        (["procedure", "fly"], "No such command 'fly'. `scr procedure --help` says more."),
        (["refer", "a.toml", "--filed", "DEMO-2026-001"], "not both"),
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
def test_usage_errors_are_one_line(scr: Desk, words: list[str], says: str) -> None:
    refused(scr(*words), says)


def test_help_names_every_command(scr: Desk) -> None:
    said = scr("--help")
    words = (
        "due procedure rehearse refer cases case decide extend reconsider correct assign involve plan agree adopt "
        "close letters audit restore calendar"
    )
    assert [word for word in words.split() if f"\n  {word} " not in said.out] == []
    assert said.code == 0


# ---- procedures ---------------------------------------------------------------------------------------------------


def test_procedure_list(scr: Desk) -> None:
    found = {p["id"]: p for p in scr("procedure", "list", "--json").json}
    assert found["wt2013"]["title"] == "Serious Case Review (Working Together 2013)"
    plain = scr("procedure", "list")
    assert all(name in plain.out for name in found)


def test_procedure_show(scr: Desk) -> None:
    table = scr("procedure", "show", "wt2013").out
    assert "002-18" in table
    assert "within 28 days of sign-off" in table
    assert scr("procedure", "show", "wt2013", "--format", "mermaid").out.startswith("flowchart TD\n")
    shown = scr("procedure", "show", "wt2013", "--format", "json").json
    assert (shown["id"], shown["step"][1]["id"]) == ("wt2013", "notified")
    refused(scr("procedure", "show", "wt1066"), "'wt1066'", "there are", "wt2013")
    refused(scr("procedure", "show", "../boards/demo"), "there are")


def test_procedure_check(scr: Desk) -> None:
    file = ROOT / "procedures" / "wt2013.toml"
    assert scr("procedure", "check", file) == (0, "wt2013.toml: nothing wrong.\n", "")
    assert scr("procedure", "check", file, "--json").json == {"file": "wt2013.toml", "problems": []}


@pytest.mark.parametrize("file", sorted((ROOT / "tests" / "bad_procedures").glob("*.toml")), ids=lambda file: file.stem)
def test_procedure_check_names_file_place_and_cure(scr: Desk, file: Path) -> None:
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
def test_a_file_that_cannot_be_read(scr: Desk, tmp_path: Path, command: str, name: str) -> None:
    content, says = FILES[name]
    file = tmp_path / "given.toml"
    file.write_bytes(content)
    refused(scr(*command.split(), file), "given.toml", says)


@pytest.mark.parametrize("command", ["refer", "rehearse", "procedure check"])
def test_a_file_that_is_none(scr: Desk, tmp_path: Path, command: str) -> None:
    refused(scr(*command.split(), tmp_path), "is no file; name a file of TOML text")
    refused(scr(*command.split(), tmp_path / "missing.toml"), "cannot be read: No such file or directory")
    refused(scr(*command.split(), tmp_path / ("x" * 5000)), "cannot be read: File name too long")
    (tmp_path / "empty.toml").write_text("")
    said = scr(*command.split(), tmp_path / "empty.toml")
    assert (said.code, said.out) == (2, "")
    assert all(line.startswith("empty.toml: ") and "missing" in line for line in said.err.splitlines())


def test_the_example_of_the_readme_is_an_invented_referral() -> None:
    text = (ROOT / "examples" / "referral.toml").read_text(encoding="utf-8")
    assert (read_referral(text, "referral.toml").board, "invented" in text) == ("demo", True)


# ---- without an engine --------------------------------------------------------------------------------------------


def test_nothing_is_there_yet(scr: Desk) -> None:
    assert scr("cases") == (0, "There are no such cases.\n", "")
    assert scr("cases", "--json").json == []
    assert scr("audit", "verify") == (0, "Nothing wrong in 0 cases.\n", "")
    assert scr("audit", "verify", "--json").json == {"faults": [], "heads": []}


def test_heads_kept_elsewhere_are_checked_against(scr: Desk) -> None:
    kept = scr.data.parent / "heads.json"
    kept.write_text('{"heads": [{"reference": "MK-2013-001", "seq": 3, "hash": "00"}]}', encoding="utf-8")
    said = scr("audit", "verify", "--against", kept)
    assert said.code == 1
    assert "MK-2013-001" in said.err
    kept.write_text("{}", encoding="utf-8")
    refused(scr("audit", "verify", "--against", kept), "heads.json", "scr audit verify --json")


@pytest.mark.parametrize(
    "words", [["refer", "examples/referral.toml"], ["restore"], ["calendar", "add", "2026-12-24", "x"], ["demo"]]
)
def test_engine_down(scr: Desk, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.chdir(ROOT)
    scr("cases")
    before = scr.kept()
    said = scr(*words)
    assert said == (1, "", "The engine at 127.0.0.1:1 does not answer; `./dev up` starts one.\n")
    assert scr.kept() == before


def test_keys_are_listed_and_rotated_and_never_shown(scr: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no key yet" in scr("keys", "list").out
    first = scr("keys", "rotate", "--json").json["key"]
    second = scr("keys", "rotate", "--json").json["key"]
    listed = scr("keys", "list", "--json").json
    assert {row["key"]: row["current"] for row in listed if row["key"] in (first, second)} == {
        first: False,
        second: True,
    }
    content = (scr.data / "register.key").read_text()
    assert not any(key in scr("keys", "list").out for key in json.loads(content)["keys"].values())
    monkeypatch.setenv("SCR_KEYS", content)
    said = scr("keys", "rotate")
    assert (said.code, said.err) == (
        2,
        "The keys come from SCR_KEYS: rotate a key file, and put its whole content there.\n",
    )


def test_a_case_that_is_filed_but_not_begun(scr: Desk) -> None:
    async def file() -> str:
        ring = Ring.load_or_make(scr.data / "register.key")
        async with await Register.open(scr.data / "register.db", ring) as register:
            return await register.file_referral("DEMO", 2026, "demo", {"child": "invented"})

    reference = asyncio.run(file())
    for words in (["case", reference], ["letters", reference]):
        said = scr(*words)
        assert (said.code, said.out, said.err.count("\n")) == (1, "", 1)
        assert f"{reference} is filed, but the worker has not written its case down yet" in said.err


def test_settings_of_the_engine_that_cannot_be_used(scr: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_PROFILE", "nowhere")
    refused(scr("restore"), "The TEMPORAL_* settings cannot be used", "nowhere", "mend or unset them")


def test_a_data_folder_that_cannot_be_used(scr: Desk) -> None:
    data = scr.data
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


def test_rehearse(scr: Desk, tmp_path: Path) -> None:
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


def test_rehearse_for_people(scr: Desk, tmp_path: Path) -> None:
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
        ("wt2013", "wt1066", "There is no 'wt1066' in procedures; there are "),
        ('outcome = "none"', 'outcome = "maybe"', "'maybe' is no outcome of 'recommend'; it has scr, none"),
        ("on = 2014-01-09", 'on = "soon"', "decision number 3, on"),
        ("referral.why", "referral.how", "referral, "),
    ],
)
def test_rehearse_refuses(scr: Desk, tmp_path: Path, old: str, new: str, says: str) -> None:
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


@pytest.mark.parametrize("width", [80, 120])
def test_tables_keep_to_the_terminal(width: int) -> None:
    lines = on_a_terminal(width, "procedure", "show", "wt2013").splitlines()
    assert max(map(len, lines)) <= width
    assert sum(line.strip().startswith("002-") for line in lines) == 27


def test_ctrl_c(tmp_path: Path) -> None:
    story = ROOT / "scenarios" / "2013-late.toml"
    command = [str(BESIDE / "scr"), "rehearse", str(story), "--into", str(tmp_path)]
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a job in the background ignores Ctrl-C
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, preexec_fn=heeding) as running:
        until((tmp_path / "register.db").exists, "the rehearsal begins")
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    assert (running.returncode, out, err) == (130, "", "Stopped.\n")
