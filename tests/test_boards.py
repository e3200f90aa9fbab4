"""Boards: complete enough to write to every role, invented throughout, refused in one sentence when wrong."""

import re
from pathlib import Path

import pytest

from library import Library
from models.board import BoardError, read_board
from models.correspondence import EACH_AGENCY

ROOT = Path(__file__).parent.parent
ROLES = [
    "referrer",
    "designated-person",
    "business-manager",
    "chair",
    "sub-group",
    "panel",
    "panel-chair",
    "panel-member",
    "lead-reviewer",
    "overview-author",
    "lscb",
    "health-manager",
    "pct-commissioners",
    "police",
    "ofsted",
    "gose",
    "national-panel",
    "dfe-serious-incidents",
    "cqc",
    "sha",
    "hmic",
    "legal-adviser",
    "family",
    "nspcc-repository",
]
AGENCY_ROLES = ["designated-person", "senior-manager", "imr-author", "chief-executive", "lead-professionals"]


@pytest.mark.parametrize("name", ["milton-keynes", "demo"])
def test_board_can_write_to_every_role_and_holds_invented_addresses_alone(name: str) -> None:
    text = (ROOT / "boards" / f"{name}.toml").read_text()
    of = read_board(text)
    assert of.id == name
    assert of.fictional
    assert sorted(agency.kind for agency in of.agencies.values()) == ["health", "local-authority", "police", "school"]
    for role in [*ROLES, *(f"{role}[{agency}]" for role in AGENCY_ROLES for agency in of.agencies)]:
        assert of.correspondent(role).lines, role
    for domain in re.findall(r"@([\w.-]+)|https://([\w.-]+)", text):
        assert re.search(r"(\.|^)example(\.org)?$", "".join(domain))


@pytest.mark.parametrize("name", sorted(Library().boards()))
def test_board_can_write_every_letter_of_its_procedure_and_is_invented(name: str) -> None:
    """Roles that are assigned in the case, because a rule guards them, need no standing holder."""
    text = (ROOT / "boards" / f"{name}.toml").read_text()
    of = read_board(text)
    procedure = Library().procedure(of.procedure)
    assert (of.id, of.fictional, of.calendar) == (name, True, procedure.calendar)
    written = {role for step in procedure.step for letter in step.letters for role in (*letter.to, letter.sender)}
    named = {role.removesuffix(EACH_AGENCY) for role in written if role} | {step.who for step in procedure.step}
    for role in sorted(named - {rule.role for rule in procedure.rule} - {"referrer", "supporter"}):
        keys = [f"{role}[{agency}]" for agency in of.agencies] if procedure.roles[role].of else [role]
        assert all(of.correspondent(key).lines for key in keys), role
    for domain in re.findall(r"@([\w.-]+)|https://([\w.-]+)", text):
        assert re.search(r"(\.|^)example(\.org)?$", "".join(domain))


def test_no_person_is_in_two_boards() -> None:
    """The people are invented, and each for one board."""
    boards = [Library().board(name) for name in Library().boards()]
    names = [person.name for of in boards for person in of.people.values()]
    assert len(names) == len(set(names))


def test_holders_of_the_case_come_before_standing_ones() -> None:
    of = read_board((ROOT / "boards" / "demo.toml").read_text())
    assert of.correspondent("panel-chair", ("panel-chair-2",)).title.startswith("Member of the Board")
    assert of.correspondent("panel-chair") == of.person("panel-chair-1")
    with pytest.raises(BoardError, match="neither a holder nor a contact"):
        of.correspondent("chief-executive[nowhere]")
    with pytest.raises(BoardError, match="is nobody of"):
        of.person("nobody")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("[people]", "[people"), "not TOML"),
        (('code = "DEMO"', ""), "code: "),
        (('chair = ["chair"]', 'chair = ["nobody"]'), 'held by "nobody"'),
        (('"imr-author[police]"', '"imr-author[navy]"'), "names no agency"),
        (('employer = "school"', 'employer = "navy"'), "employed by"),
        (('kind = "school"', 'kind = "ship"'), "agencies.school.kind"),
    ],
)
def test_wrong_board_is_refused_in_one_sentence(change: tuple[str, str], said: str) -> None:
    text = (ROOT / "boards" / "demo.toml").read_text()
    with pytest.raises(BoardError, match=re.escape(said)) as caught:
        read_board(text.replace(*change))
    assert "\n" not in str(caught.value)
