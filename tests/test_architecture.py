"""The house as docs/architecture.md draws it: who may import whom."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROW = re.compile(r"^\| (?P<room>[a-z]+) \| (?P<may>[a-z, ]*) \| (?P<never>[a-z0-9, ]*) ?\|$", re.MULTILINE)


def table() -> dict[str, tuple[set[str], set[str]]]:
    text = (ROOT / "docs" / "architecture.md").read_text()
    return {m["room"]: (names(m["may"]), names(m["never"])) for m in ROW.finditer(text) if m["room"] != "room"}


def names(cell: str) -> set[str]:
    return {name.strip() for name in cell.split(",") if name.strip()}


def files(room: str) -> list[Path]:
    folder = ROOT / room
    found = sorted(folder.rglob("*.py")) if folder.is_dir() else [ROOT / f"{room}.py"]
    return [file for file in found if "migrations" not in file.parts]


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def rooms() -> list[str]:
    return sorted(
        {path.stem for path in ROOT.glob("*.py")}
        | {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    )


def test_every_room_stands_in_the_table() -> None:
    assert sorted(table()) == rooms()


@pytest.mark.parametrize("room", rooms())
def test_a_room_imports_only_what_the_table_allows(room: str) -> None:
    may, never = table()[room]
    for file in files(room):
        found = set(imported(file))
        assert found & set(rooms()) <= may | {room}, f"{file.relative_to(ROOT)} imports a room it may not"
        assert not found & never, f"{file.relative_to(ROOT)} imports what its room must not"


def test_the_pure_code_reads_no_clock() -> None:
    for file in files("models"):
        calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Attribute)]
        clock = [node.attr for node in calls if node.attr in ("now", "today", "utcnow", "monotonic")]
        # a turn's own `today` is derived from the moment it is given
        assert set(clock) <= {"today"}, f"{file.name} asks the clock"
        assert not any(
            isinstance(node.value, ast.Name) and node.value.id in ("date", "datetime", "time")
            for node in calls
            if node.attr in ("now", "today", "utcnow")
        ), f"{file.name} asks the clock"


@pytest.mark.parametrize("name", ["living_case", "attributes", "serious_case_review"])
def test_what_cases_share_holds_no_state(name: str) -> None:
    """They share a sandbox, and with it these modules: what one case left there another would find."""
    tree = ast.parse((ROOT / "workflows" / f"{name}.py").read_text())
    values = [node.value for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    assert not [node for node in values if isinstance(node, ast.List | ast.Dict | ast.Set | ast.ListComp)]
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Global)]


def test_what_cases_share_asks_for_nothing_but_by_temporal() -> None:
    """The sandbox forbids it where it is run; here it is found even where no story comes."""
    asking = {"now", "today", "utcnow", "time", "monotonic", "random", "uuid4", "urandom", "getenv", "environ", "open"}
    for name in ("living_case", "attributes"):
        tree = ast.parse((ROOT / "workflows" / f"{name}.py").read_text())
        found = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in asking]
        assert {ast.unparse(node.value) for node in found} <= {"workflow"}, f"{name}.py asks for what it must not"
        assert not {"time", "random", "uuid", "os", "secrets", "pathlib"} & set(
            imported(ROOT / "workflows" / f"{name}.py")
        )
