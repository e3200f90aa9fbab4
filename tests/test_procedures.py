"""Procedure files: those we ship hold together, and each kind of fault is found where it is, with its cure."""

import copy
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.check import Problem, check, check_text, schema
from models.procedure import Procedure, read_procedure
from models.show import mermaid, remarks, table, timescale

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = sorted((ROOT / "procedures").glob("*.toml"))
BAD = sorted((Path(__file__).parent / "bad_procedures").glob("*.toml"))
TEMPLATES = {path.name.removesuffix(".md.j2") for path in (ROOT / "templates" / "letters").glob("*.md.j2")}
BAD_TEMPLATES = {"decision-notice", "information-request"}

# Every row of the guidance that a file implements.
ROWS = {
    "wt2010-milton-keynes": (
        "001-1 001-2 001-3 001-4 001-5a 001-5b 001-6 001-7a 001-7b 001-8a 001-8b 001-8c 001-8d 001-9 001-10 001-11 "
        "001-12 001-13 001-14 001-15"
    ),
    "wt2013": (
        "002-1 002-2 002-3 002-4 002-5a 002-5b 002-6 002-7 002-8 002-9 002-10 002-11 002-12 002-13 002-14 002-15 "
        "002-16 002-17 002-18 002-19 002-20"
    ),
    "wt2015-milton-keynes": ("000-1 000-2 000-3 000-4 000-5 000-6 000-7 000-8 000-9 000-10 000-11 WT2015-4"),
    "wt2015-buckinghamshire": (
        "003-1 003-2 003-3 003-4 003-5 003-6 003-7 003-8 003-9 004-1 004-2 004-3 004-4 004-5 004-6 004-7 004-8 004-9 "
        "004-10 004-11 004-12 004-13 004-14 WT2015-4"
    ),
    "wt2023": "2023-1 2023-2 2023-3 2023-4 2023-5 2023-6 2023-7 2023-8",
    "northern-ireland-2012": "r17-1 r17-2 r17-3 r38 s5-3 s5-4 s5-7",
}


def shipped(name: str) -> Procedure:
    return read_procedure((ROOT / "procedures" / f"{name}.toml").read_text(encoding="utf-8"), f"{name}.toml")


def lines(problems: list[Problem]) -> list[str]:
    return [str(problem) for problem in problems]


# ---- What we ship ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_procedure_has_no_fault(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert lines(check_text(text, path.name, TEMPLATES)) == []
    assert read_procedure(text, path.name).id == path.stem


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_procedure_names_its_schema_and_calendar(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("#:schema ./procedure.schema.json\n")
    assert (ROOT / "calendars" / f"{shipped(path.stem).calendar}.toml").is_file()


@pytest.mark.parametrize("name", ROWS)
def test_a_shipped_procedure_holds_every_row_of_its_guidance(name: str) -> None:
    procedure = shipped(name)
    rows = {step.row for step in procedure.step} | {group.row for group in procedure.group.values()}
    assert rows | {rule.row for rule in procedure.rule} == set(ROWS[name].split())


@pytest.mark.parametrize(
    ("name", "step", "within", "of", "after"),
    [
        ("wt2010-milton-keynes", "consult-leads", "2 working days", None, ("referred",)),
        ("wt2010-milton-keynes", "recommend", "2 weeks", None, ("refer-to-sub-group",)),
        ("wt2010-milton-keynes", "decide", "1 week", None, ("recommend",)),
        ("wt2010-milton-keynes", "review", "6 months", "decide.initiate", None),
        ("wt2013", "recommend", "10 working days", None, ("notified",)),
        ("wt2013", "decide", "1 month", "notified", ("recommend",)),
        ("wt2013", "secure-records", "1 working day", None, ("decide.initiate",)),
        ("wt2013", "notify-decision", "1 working day", None, ("decide",)),
        ("wt2013", "notify-cqc", "5 working days", None, ("decide.initiate",)),
        ("wt2013", "review", "6 months", "decide.initiate", None),
        ("wt2013", "publish", "28 days", "sign-off", ("decide-publication.publish",)),
        ("wt2013", "action-plan", "28 days", None, ("sign-off",)),
        ("wt2015-milton-keynes", "decide", "1 month", "referred", ("recommend",)),
        ("wt2015-milton-keynes", "review", "6 months", "decide.initiate", None),
        ("wt2015-buckinghamshire", "decide", "1 month", "referred", ("recommend",)),
        ("wt2015-buckinghamshire", "review", "6 months", "decide.initiate", None),
        ("wt2023", "notify", "5 working days", None, ("aware",)),
        ("wt2023", "rapid-review", "15 working days", None, ("notify",)),
        ("wt2023", "local-review", "6 months", "decide-review.commission", None),
        ("wt2023", "publish", "6 months", "decide-review.commission", ("decide-publication.publish",)),
        ("northern-ireland-2012", "answer-requisition", "14 days", None, ("requisition",)),
        ("northern-ireland-2012", "meet-again", "1 month from and including", None, ("meet.not-quorate",)),
    ],
)
def test_the_clocks_of_the_guidance(
    name: str, step: str, within: str, of: str | None, after: tuple[str, ...] | None
) -> None:
    timed = shipped(name).timed(step)
    assert (timed.within, timed.of, getattr(timed, "after", None)) == (within, of, after)


def test_the_independence_rules_of_2010() -> None:
    writer, chair = shipped("wt2010-milton-keynes").rule
    assert (writer.row, writer.role, writer.except_agency_kind) == ("001-7b", "imr-author", "health")
    assert "panel-member" in writer.not_roles
    assert (chair.row, chair.role, chair.not_roles) == ("001-10", "panel-chair", ("overview-author",))
    assert chair.not_board_member
    assert chair.not_employed_by_agency


@pytest.mark.parametrize(
    ("name", "step", "at_least", "before", "clear"),
    [
        ("wt2013", "copy-to-panel", "1 week", "publication", False),
        ("wt2013", "copy-to-dfe", "1 week", "publication", False),
        ("wt2023", "send-report", "7 working days", "publication", False),
        ("northern-ireland-2012", "serve-notice", "7 days", "meeting", True),
        ("northern-ireland-2012", "serve-further-notice", "7 days", "further-meeting", True),
    ],
)
def test_the_clocks_that_run_backwards(name: str, step: str, at_least: str, before: str, clear: bool) -> None:
    timed = shipped(name).steps[step]
    assert (timed.at_least, timed.before, timed.clear) == (at_least, before, clear)


@pytest.mark.parametrize(
    ("name", "dated"),
    [
        ("wt2015-milton-keynes", {"decide", "bulletin"}),
        ("wt2015-buckinghamshire", {"decide"}),
        ("wt2023", {"notify", "rapid-review", "send-report", "publish", "publish-improvements"}),
        ("northern-ireland-2012", {"answer-requisition", "serve-notice", "serve-further-notice", "meet-again"}),
    ],
)
def test_no_clock_is_invented(name: str, dated: set[str]) -> None:
    """Pages without periods stay without: every step that has one is here, with those of the tables above."""
    assert {step.id for step in shipped(name).step if step.within or step.at_least} == dated


def test_no_report_is_published_in_buckinghamshire_but_both_and_redacted() -> None:
    procedure = shipped("wt2015-buckinghamshire")
    assert procedure.steps["decide-publication"].row == "003-6"
    assert procedure.steps["publish"].after == ("decide-publication.publish-both",)
    assert procedure.steps["publish"].requires == ("redact.redacted", "send-report")


# ---- Each fault -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_fault_is_named_with_its_place_and_cure(path: Path) -> None:
    """The first line of each file says what the check should say of it."""
    text = path.read_text(encoding="utf-8")
    expected = text.splitlines()[0].removeprefix("# ")
    assert lines(check_text(text, path.name, BAD_TEMPLATES)) == [f"{path.name}: {expected}"]


def test_every_fault_has_a_file() -> None:
    assert len(BAD) >= 55


def test_several_faults_are_all_named() -> None:
    text = (ROOT / "procedures" / "wt2013.toml").read_text(encoding="utf-8")
    text = text.replace('within = "1 month"', 'within = "one moon"').replace('who = "sub-group"', 'who = "subgroup"')
    found = check_text(text, "mine.toml", TEMPLATES)
    assert [(problem.place, problem.what.split()[0]) for problem in found] == [
        ('step "recommend"', "who"),
        ('step "learning-review"', "who"),
        ('step "decide"', "within:"),
    ]
    assert found[0].cure == 'write "sub-group", if that is what it means'


def test_a_field_fault_hides_no_other() -> None:
    found = check_text('id = "x"\ncolour = 1\n[[step]]\nid = "first"\nrow = 3\n', "mine.toml", TEMPLATES)
    places = {problem.place for problem in found}
    assert {"title", "calendar", "begins", "managed_by", "roles", "colour", 'step "first", row'} <= places


def test_work_may_be_sent_back() -> None:
    """A circle that something outside starts is how a report is returned for more work."""
    data = raw("wt2013")
    step(data, "sign-off")["outcomes"] = {"signed": "Signed off", "returned": "Returned"}
    step(data, "consider-draft")["after"] = ["set-terms", "sign-off.returned"]
    step(data, "publish")["of"] = "sign-off.signed"
    step(data, "action-plan")["after"] = "sign-off.signed"
    assert lines(check(Procedure.model_validate(data), "mine.toml", TEMPLATES)) == []


def test_two_gates_that_wait_for_each_other_are_one_fault() -> None:
    data = raw("wt2013")
    step(data, "copy-to-panel")["requires"] = "copy-to-dfe"
    step(data, "copy-to-dfe")["requires"] = "copy-to-panel"
    found = check(Procedure.model_validate(data), "mine.toml", TEMPLATES)
    assert [(problem.place, problem.what) for problem in found] == [
        ('step "copy-to-panel"', "it cannot pass its gates (copy-to-dfe), which wait for it")
    ]


# ---- Any wrong reference is found -----------------------------------------------------------------------------------


def raw(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / "procedures" / f"{name}.toml").read_text(encoding="utf-8"))


def step(data: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(entry for entry in data["step"] if entry["id"] == name)
    return found


REFERENCES = {"after", "requires", "of", "before", "who", "to", "from", "template", "on", "steps", "met_when", "step",
              "role", "not_roles", "managed_by", "begins", "ends"}  # fmt: skip
Place = tuple[str | int, ...]


def references(value: Any, place: Place = (), field: str = "") -> Iterator[Place]:
    """The places of all texts in a procedure that name a role, a step, an outcome, a planned day or a template."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key != "roles":
                yield from references(inner, (*place, key), key)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from references(inner, (*place, number), field)
    elif field in REFERENCES and isinstance(value, str):
        yield place


GOOD = {name: raw(name) for name in ROWS}
PLACES = [(name, place) for name, data in GOOD.items() for place in references(data)]


def replaced(data: dict[str, Any], place: Place, text: str) -> dict[str, Any]:
    changed: Any = copy.deepcopy(data)
    inner = changed
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = text
    return changed  # type: ignore[no-any-return]


@settings(deadline=None)
@given(st.sampled_from(PLACES), st.from_regex(r"[a-z]{1,8}(-[a-z]{1,8})?", fullmatch=True))
def test_a_reference_to_nothing_is_always_found(where: tuple[str, Place], ending: str) -> None:
    name, place = where
    value = f"{value_at(GOOD[name], place)}-not-{ending}"
    wrong = Procedure.model_validate(replaced(GOOD[name], place, value))
    assert check(wrong, "mine.toml", TEMPLATES)


def value_at(data: Any, place: Place) -> Any:
    for part in place:
        data = data[part]
    return data


# `begins` may name an event that is no step, so only the other references miss the step they name.
NAMED = sorted(
    {
        (name, str(value_at(GOOD[name], place)).partition(".")[0])
        for name, place in PLACES
        if place != ("begins",) and place[-1] not in ("who", "to", "from", "template", "role")
    }
    & {(name, entry["id"]) for name, data in GOOD.items() for entry in data["step"]}
    - {(name, data["begins"]) for name, data in GOOD.items()}
)


@settings(deadline=None)
@given(st.data())
def test_no_procedure_is_too_muddled_to_check(data: st.DataObject) -> None:
    """References that exist, put in the wrong places: faults may be found, but the check and the views always end."""
    name = data.draw(st.sampled_from(sorted(GOOD)))
    places = [place for known, place in PLACES if known == name]
    muddled = GOOD[name]
    for place in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=8)):
        muddled = replaced(muddled, place, value_at(GOOD[name], data.draw(st.sampled_from(places))))
    procedure = Procedure.model_validate(muddled)
    for problem in check(procedure, "mine.toml", TEMPLATES):
        assert all(problem), problem
    assert table(procedure)
    assert mermaid(procedure)


@settings(deadline=None)
@given(st.sampled_from(NAMED))
def test_a_step_that_is_left_out_is_missed_where_it_is_named(where: tuple[str, str]) -> None:
    name, gone = where
    data = copy.deepcopy(GOOD[name])
    data["step"] = [entry for entry in data["step"] if entry["id"] != gone]
    assert any(gone in problem.what for problem in check(Procedure.model_validate(data), "mine.toml", TEMPLATES))


# ---- Schema and views -----------------------------------------------------------------------------------------------


def test_the_schema_file_is_the_models() -> None:
    path = ROOT / "procedures" / "procedure.schema.json"
    wanted = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    again = f"write it anew: ./dev scr procedure schema > procedures/{path.name}"
    assert path.read_text(encoding="utf-8") == wanted, again


def test_the_schema_allows_one_name_or_several() -> None:
    after = schema()["$defs"]["Step"]["properties"]["after"]
    assert {option["type"] for option in after["anyOf"]} == {"string", "array"}
    assert "from" in schema()["$defs"]["LetterSpec"]["properties"]


def test_a_table_holds_each_step_and_group_once() -> None:
    procedure = shipped("wt2013")
    rows = {row.step: row for row in table(procedure)}
    assert set(rows) == {*procedure.steps, *procedure.group}
    assert len(table(procedure)) == len(rows)
    assert rows["decide"].timescale == "within 1 month of notified"
    assert rows["copy-to-panel"].timescale == "at least 1 week before Publication of the overview report"
    assert rows["review-progress"].timescale == "as the action plan says"
    assert rows["written-notification"].timescale == "immediately"
    assert rows["review"].outcomes == "met when sign-off, decide-publication"
    sent = "secure-records to chief-executive (answer within 5 working days) (done when they have gone)"
    assert rows["secure-records"].letters == sent
    assert rows["publish"].outcomes == "done: Done (after a search of overview-report)"
    assert rows["notified"].after == "the opening of the case"
    assert list(rows).index("review") < list(rows).index("commission-reviewer")


def test_what_the_rows_do_not_say_stands_below_the_table() -> None:
    said = "\n".join(remarks(shipped("wt2015-buckinghamshire")))
    for words in (
        "Managed by: BSCB Business Manager, Chair of the BSCB.",
        "Planned: Publication of the overview report (publication); until then the due day of publish stands for it.",
        "Rule 004-11, for Supporter at an interview: Whoever supports",
        "bars who manages member-of-staff",
        "Ladder: 2 working days after, escalate chair.",
        "Ladder of consult-lead: none.",
        "Note on decide:",
    ):
        assert words in said


def test_a_day_off_at_the_end_and_a_target_are_said() -> None:
    procedure = shipped("wt2013").with_targets({"set-terms": "4 weeks"})
    rows = {row.step: row.timescale for row in table(procedure)}
    assert rows["set-terms"] == "within 4 weeks; the Board's own target"
    rolled = procedure.steps["recommend"].model_copy(update={"on_non_working_day": "next"})
    assert timescale(procedure, rolled).endswith("; on a day off: the next working day")


@pytest.mark.parametrize("name", ROWS)
def test_a_flowchart_draws_each_step_once_and_every_arrow(name: str) -> None:
    procedure = shipped(name)
    drawn = mermaid(procedure).splitlines()
    names = [*procedure.steps, *procedure.group]
    assert drawn[0] == "flowchart TD"
    assert sum(line.startswith("subgraph") for line in drawn) == drawn.count("end")
    for number, one in enumerate(names):
        shapes = [line for line in drawn if line.startswith((f"n{number}[", f"n{number}{{", f"n{number}("))]
        assert len(shapes) == 1, one
        assert procedure.timed(one).row in shapes[0]
    arrows = sum(len(entry.after) + len(entry.requires) for entry in procedure.step)
    arrows += sum(1 + len(group.met_when or group.steps) for group in procedure.group.values())
    assert sum("->" in line for line in drawn) == arrows


def test_a_flowchart_is_not_broken_by_what_a_title_holds() -> None:
    data = raw("wt2013")
    step(data, "decide")["title"] = 'Decide "now"; <b>or\nend</b> `x` #1'
    line = next(line for line in mermaid(Procedure.model_validate(data)).splitlines() if "Decide #34;" in line)
    assert line.count('"') == 2
    assert "Decide #34;now#34;#59; #60;b#62;or end#60;/b#62; #96;x#96; #35;1<br/>" in line
