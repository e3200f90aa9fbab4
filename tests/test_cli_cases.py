"""The command line on cases, with a real engine and worker that all tests share; each has a case of its own.

A refusal is one line on stderr that says what is right, exit code 2, nothing on stdout and nothing in the register
changed.
"""

import shutil
import sqlite3
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, on_a_terminal, referral, refused, until
from engine import ROOT, environment

from commands.cases import today
from library import Library
from models.timescale import count, count_before, parse_period, say

CALENDAR = Library().calendar("england-and-wales")
YESTERDAY = count_before(parse_period("1 day"), today(), CALENDAR).due
TOMORROW = count(parse_period("1 day"), today(), CALENDAR).due


def steps(found: Any, state: str) -> dict[str, str | None]:
    return {step["key"]: step["due"] for step in found["deadlines"] if step["state"] == state}


def test_refer_again_opens_no_second_case(desk: Desk, case: str, tmp_path: Path) -> None:
    before = desk.kept(case)
    said = desk("refer", tmp_path / "referral.toml")
    assert said == (0, f"The referral is filed as {case}. `scr case {case}` shows what the case waits for.\n", "")
    assert desk.kept(case) == before


def test_a_referral_says_which_limbs_its_facts_meet_and_that_a_person_decides(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "facts.toml"
    file.write_text(referral("With Facts") + "[facts]\nabuse_or_neglect = true\ndied = true\n", encoding="utf-8")
    said = desk("refer", file)
    assert said.code == 0
    assert "yes         The child has died" in said.out
    assert "for a person to decide" in said.out
    found = desk("refer", file, "--json").json
    assert (found["criteria"], [limb["met"] for limb in found["limbs"]][:3]) == ("yes", ["yes", "yes", "not stated"])


def test_cases_and_case(desk: Desk, case: str) -> None:
    view = next(view for view in desk("cases", "--json").json if view["reference"] == case)
    assert (view["state"], view["overdue"], view["procedure"]) == ("open", False, "wt2013")
    assert case in desk("cases", "--waiting-for", "sub-group").out
    assert case not in desk("cases", "--overdue").out
    due = count(parse_period("10 working days"), today(), CALENDAR).due
    found = desk("case", case, "--json").json
    assert set(found) == {"case", "criteria", "deadlines", "documents", "events", "people", "recused"}
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


def test_decide_says_what_is_next_for_whom_and_by_when(desk: Desk, case: str) -> None:
    by = count(parse_period("1 month"), today(), CALENDAR)
    said = desk.give(case, "decide recommend scr", "sg-lead", "--id", "a-decision-1")
    act_by = f" (act by {say(by.act_by)})" if by.act_by != by.due else ""
    assert said.out == (
        f"{case}: taken in (decision a-decision-1).\n"
        f"  Chair of the LSCB: Decide whether to initiate a Serious Case Review by {say(by.due)}{act_by}\n"
    )
    again = desk.give(case, "decide recommend scr", "sg-lead", "--id", "a-decision-1", "--json")
    assert again.json["follows"] == [line.strip() for line in said.out.splitlines()[1:]]
    assert len([e for e in desk.settle(case)["events"] if e["kind"] == "decided"]) == 1
    other = desk("decide", case, "decide", "decline", "--by", "chair", "--because", "x", "--id", "a-decision-1")
    refused(other, "a-decision-1 was used for another decision")


def test_letters(desk: Desk, case: str) -> None:
    found = desk("letters", case, "--json").json
    assert {(letter["template"], letter["recipient"], letter["state"]) for letter in found} == {
        ("referral-acknowledgement", "referrer", "sent"),
        ("information-request", "senior-manager[health]", "sent"),
        ("information-request", "senior-manager[police]", "sent"),
    }
    plain = desk("letters", case).out
    assert "senior-manager[police]" in plain
    assert f"Those that were sent lie in {desk.data / 'outbox' / case}." in plain
    before = desk.kept(case)
    refused(desk("letters", case, "--resend", "nothing", "--by", "bm"), "no letter that could not be sent")
    refused(desk("letters", case, "--resend", "nothing"), "Say with --by who has mended the cause")
    assert desk.kept(case) == before


def test_what_a_hand_writes_is_shown_as_it_is_and_commands_nobodys_terminal(desk: Desk, case: str) -> None:
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
    ("decide recommend scr", ["--by", "sg-lead", "--because", " \n"], ["because: ", "must not be empty"]),
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


def test_every_refusal_is_one_line_and_changes_nothing(desk: Desk, case: str) -> None:
    before = desk.kept(case)
    assert len(before) > 10
    for words, options, says in REFUSALS:
        kind, *rest = words.split()
        because = [] if "--because" in options else ["--because", "It is so."]
        refused(desk(kind, case, *rest, *options, *because), *says)
        refused(desk(kind, case, *rest, *options, *because, "--json"), *says)
    refused(desk("decide", "DEMO-1999-001", "recommend", "--by", "x", "--because", "y"), "no open case", "`scr cases`")
    assert desk.kept(case) == before
    desk.give(case, "decide recommend none", "sg-lead")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('why = "Invented."', "", "why: this field is missing; add it"),
        ('"police"', '"navy"', "'navy' is no agency of Demoshire Safeguarding Children Board; it has health, police"),
        ('"demo"', '"atlantis"', "There is no 'atlantis' in boards; there are "),
        (f"received = {today()}", f"received = {TOMORROW}", "lies in the future; today is"),
        (f"received = {today()}", f"received = {TOMORROW}T12:00:00Z", "lies in the future; today is"),
        (f"person = {today()}", f"person = {TOMORROW}", "after the referral was received; give the day it was done"),
        ("tell-designated-person", "decide", "is no step before the case; a referral can state tell-designated-person"),
        ('why = "Invented."', 'why = "Invented."\nmood = "bad"', "mood: there is no such field"),
        ('why = "Invented."', 'why = "Invented."\nprocedure = "wt1066"', "'wt1066'"),
        ('agencies = ["health", "police"]', "agencies = []", "agencies: "),
    ],
)
def test_refer_refuses(desk: Desk, tmp_path: Path, old: str, new: str, says: str) -> None:
    file = tmp_path / "referral.toml"
    text = referral("Nobody Refused")
    assert text.count(old) == 1, text
    file.write_text(text.replace(old, new))
    before = desk.kept()
    refused(desk("refer", file), says)
    assert desk.kept() == before


def test_a_case_from_decision_to_withdrawal(desk: Desk, case: str) -> None:
    desk.give(case, "decide recommend scr", "sg-lead")
    said = desk.give(case, "decide decide initiate", "chair", "--recorded-by", "bm")
    assert "\n  Letter: secure-records to Chief Executive, Demoshire Health Trust\n" in said.out
    owed = steps(desk.settle(case), "open")
    assert {"review", "notify-cqc", "set-terms"} <= set(owed)

    cqc = date.fromisoformat(str(owed["notify-cqc"]))
    later = count(parse_period("20 working days"), cqc, CALENDAR).due
    said = desk.give(case, "extend notify-cqc --agreed-with CQC --period", "bm", "20 working days")
    assert f"now by {say(later)}" in said.out
    assert f"before {say(cqc)}" in said.out

    said = desk.give(case, "assign lead-reviewer lead-reviewer-2", "bm")
    assert "taken in" in said.out
    said = desk.give(case, "involve school", "bm")
    assert "Harrowgale Primary School" in said.out
    mistaken = desk.give(case, "decide set-terms", "panel-chair-1", "--json").json
    assert "agency-review[school]" in steps(desk.settle(case), "open")
    desk.give(case, f"correct {mistaken['decision']}", "bm")
    found = desk.settle(case)
    assert "set-terms" in steps(found, "open")
    assert "agency-review[school]" not in steps(found, "open")

    far = count(parse_period("9 months"), today(), CALENDAR).due
    desk.give(case, f"plan publication {far}", "bm")
    desk.give(case, f"agree a1 Title --due {far}", "bm")
    desk.give(case, "adopt wt2013", "bm")
    said = desk.give(case, "reconsider decide", "chair")
    assert "Notify the Care Quality Commission: no longer owed" in said.out
    desk.give(case, "close --withdrawn", "bm")
    until(lambda: desk("case", case, "--json").json["case"]["state"] == "closed", "the case is closed")
    assert "Now: closed, withdrawn." in desk("case", case).out
    assert case not in desk("cases").out
    assert case in desk("cases", "--all").out
    said = desk("decide", case, "decide", "decline", "--by", "chair", "--because", "Too late.")
    assert said.code == 2
    assert "closed" in said.err or "no open case" in said.err


def refer_under_an_own_calendar(desk: Desk, tmp_path: Path) -> str:
    """A case under a procedure and a calendar of the office's own, so that what is proclaimed touches no other test."""
    for kind, name, own in (("procedures", "wt2013", "own-2013"), ("calendars", "england-and-wales", "own")):
        text = (ROOT / kind / f"{name}.toml").read_text(encoding="utf-8").replace(f'"{name}"', f'"{own}"')
        (desk.data / kind).mkdir(exist_ok=True)
        (desk.data / kind / f"{own}.toml").write_text(text.replace('"england-and-wales"', '"own"'), encoding="utf-8")
    file = tmp_path / "referral.toml"
    file.write_text(referral("Own Example", procedure='"own-2013"'), encoding="utf-8")
    return str(desk("refer", file, "--json").json["reference"])


def test_a_proclaimed_day_moves_open_cases_once(desk: Desk, tmp_path: Path) -> None:
    case = refer_under_an_own_calendar(desk, tmp_path)
    day, due, moved = (count(parse_period(f"{n} working days"), today(), CALENDAR).due for n in (3, 10, 11))
    assert steps(desk.settle(case), "open")["recommend"] == str(due)
    add = ("calendar", "add", day, "--calendar", "own")
    said = desk(*add, "Day of mourning")
    assert (said.code, said.err) == (0, "")
    head, *lines = said.out.splitlines()
    assert head == f"{say(day)}, Day of mourning, is a non-working day now. Open cases counted anew: 1."
    title = "Consider the case against the criteria and recommend to the Chair"
    assert f"  {case}: {title}: now by {say(moved)}, before {say(due)}" in lines
    assert f"  {case}: Letter: date-moved to LSCB SCR sub-group" in lines
    assert steps(desk.settle(case), "open")["recommend"] == str(moved)
    again = desk(*add, "Day of mourning", "--json")
    assert (again.code, again.json["cases"]) == (0, {})
    assert steps(desk.settle(case), "open")["recommend"] == str(moved)
    refused(desk(*add, "Carnival"), 'as "Day of mourning": use that name')


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
def test_calendar_add_refuses(desk: Desk, words: list[str], says: str) -> None:
    desk("cases")
    before = desk.kept()
    refused(desk("calendar", "add", *words), says)
    assert desk.kept() == before


def test_restore_leaves_running_cases_alone(desk: Desk, case: str) -> None:
    assert desk("restore") == (0, "Every open case runs already.\n", "")
    assert desk("restore", "--json").json == {"restored": []}


def test_audit_verify_names_what_was_tampered_with(
    desk: Desk, case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = desk("audit", "verify", "--json")
    assert (said.code, said.json["faults"]) == (0, [])
    copy = tmp_path / "copy"
    copy.mkdir()
    with sqlite3.connect(desk.data / "register.db") as good, sqlite3.connect(copy / "register.db") as bad:
        good.backup(bad)
        for (trigger,) in bad.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            bad.execute(f"DROP TRIGGER {trigger}")
        bad.execute("UPDATE events SET body = replace(body, '10 working', '90 working') WHERE reference = ?", (case,))
    good.close()
    bad.close()
    shutil.copy(desk.data / "register.key", copy)
    monkeypatch.setenv("SCR_DATA", str(copy))
    said = desk("audit", "verify")
    assert said.code == 1
    assert f"was changed after it was written ({case})." in said.err
    assert {fault["reference"] for fault in desk("audit", "verify", "--json").json["faults"]} == {case}


def test_demo_is_harmless_when_repeated(desk: Desk) -> None:
    said = desk("demo")
    assert (said.code, said.err, said.out.count("\n")) == (0, "", 5)
    again = desk("demo")
    assert again.out == "".join(f"{line} (It was there already.)\n" for line in said.out.splitlines())
    for reference in (line.partition(":")[0] for line in said.out.splitlines()):
        desk.settle(reference)


@pytest.mark.parametrize("width", [80, 120])
def test_a_case_keeps_to_the_terminal(desk: Desk, office: tuple[Path, int], case: str, width: int) -> None:
    shown = on_a_terminal(width, "case", case, "--why", "--history", env=environment(office[1], desk.data))
    longest = max(shown.splitlines(), key=len)
    assert len(longest) <= width or " " not in longest.strip(), "only an id, which is to be copied, may be longer"


def test_a_letter_that_will_not_go_is_shown_and_tried_again(desk: Desk, tmp_path: Path) -> None:
    board = (ROOT / "boards" / "demo.toml").read_text(encoding="utf-8").replace('id = "demo"', 'id = "mended"')
    own = desk.data / "boards" / "mended.toml"
    own.parent.mkdir(exist_ok=True)
    broken = board.replace('code = "DEMO"', 'code = "MEND"').replace('"senior-manager[police]" =', '"chair[police]" =')
    own.write_text(broken, encoding="utf-8")
    file = tmp_path / "referral.toml"
    file.write_text(referral("Mended Example", board='"mended"'), encoding="utf-8")
    reference = desk("refer", file, "--json").json["reference"]
    desk.settle(reference)
    [failed] = [letter for letter in desk("letters", reference, "--json").json if letter["state"] == "failed"]
    command = f"scr letters {reference} --resend '{failed['letter']}' --by PERSON"
    for shown in (desk("case", reference).out, desk("letters", reference).out):
        assert "Letters that could not be sent. When the cause is mended:" in shown
        assert command in shown
    refused(desk("letters", reference, "--resend", failed["letter"], "--by", "sg-lead"), "'sg-lead' does not hold")
    own.write_text(broken.replace('"chair[police]" =', '"senior-manager[police]" ='), encoding="utf-8")
    assert desk("letters", reference, "--resend", failed["letter"], "--by", "bm").code == 0
    desk.settle(reference)
    assert {letter["state"] for letter in desk("letters", reference, "--json").json} == {"sent"}
    assert "could not be sent" not in desk("case", reference).out


def test_another_register_cannot_take_a_case_of_this_engine(
    case: str,
    office: tuple[Path, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "other.toml"
    file.write_text(referral("Somebody Else"), encoding="utf-8")
    with_our_key, with_another = tmp_path / "with our key", tmp_path / "with another"
    with_our_key.mkdir()
    shutil.copy(office[0] / "register.key", with_our_key)
    elsewhere = Desk(monkeypatch, capfd, with_our_key, f"127.0.0.1:{office[1]}")
    refused(elsewhere("refer", file), "has another case", "does not belong to this register")
    elsewhere = Desk(monkeypatch, capfd, with_another, f"127.0.0.1:{office[1]}")
    refused(elsewhere("refer", file), "a case in the engine", "is sealed with the key", "put that key back")
    assert case != ""
