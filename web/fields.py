"""The fields of a form: what each asks, how it is read, how it is said again. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from models.refusal import Refusal
from models.timescale import exact, parse_day, say_day

LONGEST = 4000
"""Characters of a text."""
PARTS = ("day", "month", "year")


@dataclass(frozen=True)
class Field:
    """One question of a form. `choices` are values with their words; `start` is the answer it is first shown with.

    A "day" may be known by month or year alone, a "whole day" not.
    """

    name: str
    label: str
    kind: Literal["line", "text", "day", "whole day", "select", "radios", "file"] = "line"
    hint: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    needed: bool = True
    start: str = ""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of its inputs: a day has three."""
        return tuple(f"{self.name}-{part}" for part in PARTS) if self.kind.endswith("day") else (self.name,)

    @property
    def anchor(self) -> str:
        """The id of its first input, to which a fault leads."""
        return self.inputs[0]


class Faults(Refusal):
    """What is wrong with a form: for each fault the name of a field ("" for the whole form) and the words."""

    def __init__(self, *faults: tuple[str, str]) -> None:
        super().__init__("\n".join(words for _, words in faults))
        self.faults = faults


def at_first(fields: Iterable[Field]) -> dict[str, str]:
    """What the inputs hold when a form is first shown."""
    typed: dict[str, str] = {}
    for one in fields:
        if one.kind.endswith("day"):
            year, month, day = [*(one.start.split("-") if one.start else []), "", "", ""][:3]
            typed |= dict(zip(one.inputs, (day, month, year), strict=True))
        else:
            typed[one.name] = one.start
    return typed


def typed_of(fields: Iterable[Field], text: Callable[[str], str]) -> dict[str, str]:
    """What was typed into the inputs of these fields, and into no others; `text` gives an input's text."""
    names = [name for one in fields if one.kind != "file" for name in one.inputs]
    return {name: text(name).replace("\r\n", "\n") for name in names}


def read(fields: Iterable[Field], typed: Mapping[str, str]) -> dict[str, Any]:
    """The answers by field, those left empty left out. Raises Faults with everything that is wrong."""
    answers: dict[str, Any] = {}
    faults = []
    for one in fields:
        if one.kind == "file":
            continue
        try:
            answer = _answer(one, typed)
        except Refusal as refusal:
            faults.append((one.name, str(refusal)))
            continue
        if answer is not None:
            answers[one.name] = answer
        elif one.needed:
            faults.append((one.name, f"{one.label}: {'choose one' if one.choices else 'this is missing'}."))
    if faults:
        raise Faults(*faults)
    return answers


def said(one: Field, answer: Any) -> str:
    """An answer in words."""
    if answer is None:
        return "Not given"
    if one.kind.endswith("day"):
        return say_day(answer)
    return one.choices.get(answer, str(answer))


def _answer(one: Field, typed: Mapping[str, str]) -> Any:
    if one.kind.endswith("day"):
        return _day(one, typed)
    answer = typed.get(one.name, "")
    if answer and one.kind in ("select", "radios") and answer not in one.choices:
        raise Refusal(f"{one.label}: choose one of those that the form offers.")
    if len(answer) > LONGEST:
        raise Refusal(f"{one.label}: {len(answer):,} characters are too many; {LONGEST:,} is the most.")
    return answer or None


def _day(one: Field, typed: Mapping[str, str]) -> date | str | None:
    day, month, year = (typed.get(name, "") for name in one.inputs)
    if not (day or month or year):
        return None
    if not year or (day and not month):
        raise Refusal(f"{one.label}: give {'the year' if not year else 'the month'} too.")
    parts = [year, month and month.zfill(2), day and day.zfill(2)]
    try:
        found = parse_day("-".join(part for part in parts if part))
    except Refusal as refusal:
        raise Refusal(f"{one.label}: there is no such day; write it in numbers, for example 5 8 2013.") from refusal
    if one.kind == "whole day" and exact(found) is None:
        raise Refusal(f"{one.label}: give day, month and year.")
    return found
