"""Writes docs/mission.md: what carries out each obligation, its letter, the tests that walk it.

`python -m tests.mission` writes it anew, from docs/obligations.toml, the procedures and the stories.
"""

import tomllib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from library import Library
from models.procedure import Procedure

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "mission.md"
DECIDED = "tests/test_scenarios.py::test_it_ends_closed_with_nothing_owed_and_its_events_make_the_case"
SENT = "tests/test_scenarios.py::test_every_letter_went_once_to_whom_it_should"
DATED = "tests/test_scenarios.py::test_every_date_and_how_late_each_was"
REFUSED = "tests/test_scenarios.py::test_refused_entries_are_written_down_with_the_reason"
WALKED = "tests/test_branches.py::test_every_walk_comes_to_a_completed_close_and_together_they_meet_every_outcome"


class Row(NamedTuple):
    """An obligation: what carries it out, the letters it sends, the tests that walk it."""

    id: str
    words: str
    done_by: tuple[str, ...]
    letters: tuple[str, ...]
    tests: tuple[str, ...]


class Told(NamedTuple):
    """A scenario: the steps that it decides, and what it is expected to come to."""

    name: str
    procedure: str
    decided: frozenset[str]
    refused: str
    expected: dict[str, Any]


class Mission:
    """The obligations, held against procedures and stories."""

    def __init__(self) -> None:
        self.said = tomllib.loads((ROOT / "docs" / "obligations.toml").read_text(encoding="utf-8"))
        library = Library()
        self.procedures = [library.procedure(name) for name in sorted(library.procedures())]

    @cached_property
    def stories(self) -> list[Told]:
        """The scenarios with what is expected of them."""
        return [_told(path) for path in sorted((ROOT / "scenarios").glob("*.toml"))]

    def seeds(self) -> Iterator[tuple[str, list[Row]]]:
        """Each document's title and rows."""
        for part in self.said.values():
            if "rows" in part:
                yield part["title"], [self._row(row, words) for row, words in part["rows"].items()]

    def _row(self, row: str, words: str) -> Row:
        found = [line for procedure in self.procedures for line in self._of(procedure, row)]
        done_by = [*(place for place, _, _ in found), *self.said["also"].get(row, ())]
        letters = [template for _, templates, _ in found for template in templates]
        tests = [test for _, _, test in found] + self.said["tests"].get(row, [])
        return Row(row, words, *(tuple(dict.fromkeys(each)) for each in (done_by, letters, tests)))

    def _of(self, procedure: Procedure, row: str) -> Iterator[tuple[str, list[str], str]]:
        """Place, letters and test of everything in a procedure that names the row."""
        file = f"procedures/{procedure.id}.toml"
        for step in procedure.step:
            if step.row == row:
                letters = [letter.template for letter in step.letters]
                yield f"{file}: {step.id}", letters, self._walking(procedure, step.id, letters)
        for name, group in procedure.group.items():
            if group.row == row:
                yield f"{file}: {name}", [], self._walking(procedure, name, [])
        for rule in procedure.rule:
            if rule.row == row:
                told = next((s for s in self._own(procedure) if rule.text[:60] in s.refused), None)
                test = f"{REFUSED}[{told.name}]" if told else f"{WALKED}[{procedure.id}]"
                yield f"{file}: rule for {rule.role}", [], test

    def _own(self, procedure: Procedure) -> list[Told]:
        return [story for story in self.stories if story.procedure == procedure.id]

    def _walking(self, procedure: Procedure, step: str, letters: list[str]) -> str:
        """The test that walks a step: a story that decides it, dates it or sends its letters, else the random walks."""
        for story in self._own(procedure):
            if step in story.decided or step == procedure.begins:
                return f"{DECIDED}[{story.name}]"
            if any(f"{letter}:" in story.expected["letters"] for letter in letters):
                return f"{SENT}[{story.name}]"
            if step in story.expected["dates"].replace("[", " ").split():
                return f"{DATED}[{story.name}]"
        return f"{WALKED}[{procedure.id}]"


def _told(path: Path) -> Told:
    scenario = tomllib.loads(path.read_text(encoding="utf-8"))
    expected = tomllib.loads((ROOT / "tests" / "stories" / path.name).read_text(encoding="utf-8"))
    taken = [entry for entry in scenario["decision"] if "refused" not in entry]
    decided = frozenset(str(entry["step"]).partition("[")[0] for entry in taken if "step" in entry)
    stated = frozenset(scenario["referral"].get("stated", {}))
    refused = "\n".join(expected.get("refused", ()))
    return Told(path.stem, scenario["procedure"], decided | stated, refused, expected)


def page(mission: Mission) -> str:
    """The page, in Markdown."""
    seeds = list(mission.seeds())
    count = sum(len(rows) for _, rows in seeds)
    lines = [
        "# What was asked for, and what carries it out",
        "",
        f"{count} obligations from five documents. Made by `python -m tests.mission`; a test fails when a row is "
        "missing, its test does not exist, or this page is not what it would be now.",
    ]
    for title, rows in seeds:
        lines += ["", f"## {title}", "", "| row | what | carried out by | letters | tests |", "|---|---|---|---|---|"]
        lines += [_line(row) for row in rows]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    done_by = "<br>".join(f"{place}" for place in row.done_by)
    tests = "<br>".join(_short(test) for test in row.tests)
    return f"| {row.id} | {row.words} | {done_by} | {'<br>'.join(row.letters) or '—'} | {tests} |"


def _short(test: str) -> str:
    """A test's id without the folder, on as little room as it takes."""
    return f"`{test.removeprefix('tests/')}`"


if __name__ == "__main__":
    PAGE.write_text(page(Mission()), encoding="utf-8")
