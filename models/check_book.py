"""A procedure with what the rules of `models/check.py` look up in it, and how they word what they find."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import cached_property

from models.procedure import DONE, Procedure, Step

Finding = tuple[str, str, str]
"""Place, what is wrong, cure."""


class Book:
    """A procedure with what the rules look up in it."""

    def __init__(self, procedure: Procedure, templates: set[str]) -> None:
        self.procedure = procedure
        self.templates = templates

    @cached_property
    def events(self) -> frozenset[str]:
        """Everything that can be named as having happened."""
        procedure = self.procedure
        names = {
            procedure.begins,
            *procedure.steps,
            *procedure.group,
            *(f"{group}.{DONE}" for group in procedure.group),
        }
        return frozenset(names | {f"{step.id}.{outcome}" for step in procedure.step for outcome in step.outcomes})

    def role(self, place: str, field: str, *names: str) -> Iterator[Finding]:
        """Roles that are not under [roles]."""
        for name in names:
            if name not in self.procedure.roles:
                cure = meant(name, self.procedure.roles, "add it under [roles]")
                yield place, f'{field} names "{name}", which is no role', cure

    def event(self, place: str, field: str, *names: str) -> Iterator[Finding]:
        """Events that cannot happen in this procedure."""
        for name in names:
            if name in self.events:
                continue
            head = name.partition(".")[0]
            if head in self.procedure.steps and head != name:
                own = [f"{head}.{outcome}" for outcome in self.procedure.steps[head].outcomes]
                cure = meant(name, own, f'write "{head}", or one of {listed(own)}')
                yield place, f'{field} names "{name}", which is no outcome of "{head}"', cure
            else:
                near = [event for event in self.events if "." not in event or "." in name]
                cure = meant(name, near, 'write a step, or its outcome such as "decide.initiate"')
                yield place, f'{field} names "{name}", which is no step', cure

    def of_agency(self, role: str) -> bool:
        """Whether each agency has its own holder of the role."""
        return role in self.procedure.roles and self.procedure.roles[role].of == "agency"

    def begun_by_each(self, step: Step) -> list[str]:
        """The steps repeated as `step` is, from which it follows item by item."""
        heads = dict.fromkeys(name.partition(".")[0] for name in step.after)
        return [head for head in heads if step.each and self._each(head) == step.each]

    def repeated_gates(self, names: Iterable[str], each: str | None) -> Iterator[tuple[str, list[str]]]:
        """Of the steps named, those that begin item by item, with the steps they begin from."""
        for head in dict.fromkeys(name.partition(".")[0] for name in names):
            gate = self.procedure.steps.get(head)
            if gate and gate.each and gate.each != each and (before := self.begun_by_each(gate)):
                yield head, before

    def _each(self, step: str) -> str | None:
        return self.procedure.steps[step].each if step in self.procedure.steps else None


def at(step: Step) -> str:
    """A step as a place of the file."""
    return f'step "{step.id}"'


def named(procedure: Procedure, name: str) -> str:
    """A step or group as a place of the file."""
    return f'{"step" if name in procedure.steps else "group"} "{name}"'


def listed(names: Iterable[str]) -> str:
    """Names in quotation marks, after each other."""
    return ", ".join(f'"{name}"' for name in names)


def meant(name: str, known: Iterable[str], otherwise: str) -> str:
    """The cure for a name that is not known: the known one that is nearest, else `otherwise`."""
    close = get_close_matches(name, sorted(known), 1, 0.7)
    return f'write "{close[0]}", if that is what it means' if close else otherwise
