"""A procedure for people to look at: the rows of a table, or the text of a Mermaid flowchart. Pure."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from models.procedure import DONE, Group, LetterSpec, Procedure, Rule, RungSpec, Step


class Row(NamedTuple):
    """One step or group in words; empty where the procedure says nothing."""

    row: str
    step: str
    title: str
    who: str
    after: str
    timescale: str
    letters: str
    outcomes: str


def table(procedure: Procedure) -> list[Row]:
    """The steps in the order of the file, each group before the first of its steps."""
    shown: list[Row] = []
    waiting = dict(procedure.group)
    for step in procedure.step:
        for name, group in [(n, g) for n, g in waiting.items() if step.id in g.steps]:
            shown.append(_group_row(procedure, name, group))
            del waiting[name]
        shown.append(_step_row(procedure, step))
    return shown + [_group_row(procedure, name, group) for name, group in waiting.items()]


def timescale(procedure: Procedure, timed: Step | Group) -> str:
    """The timescale of a step or group in words, such as "within 1 month of notified"."""
    return _period(procedure, timed) + _moved(timed)


def _moved(timed: Step | Group) -> str:
    """What happens where the last day is not a working day, if anything."""
    if not isinstance(timed, Step):
        return ""
    roll = {"keep": "", "next": "; on a day off: the next working day", "previous": "; on a day off: the one before"}
    return roll[timed.on_non_working_day] + ("; the Board's own target" if timed.target else "")


def _period(procedure: Procedure, timed: Step | Group) -> str:
    if timed.within is not None:
        within = "immediately" if timed.within == "immediately" else f"within {timed.within}"
        return f"{within} of {timed.of}" if timed.of else within
    if isinstance(timed, Group):
        return ""
    if timed.before is not None:
        planned = procedure.planned.get(timed.before)
        clear = " (clear)" if timed.clear else ""
        return f"at least {timed.at_least} before {planned.title if planned else timed.before}{clear}"
    return "as the action plan says" if timed.each == "action" else ""


def mermaid(procedure: Procedure) -> str:
    """The procedure as a Mermaid flowchart: arrows start steps, dotted arrows are gates, groups are rounded."""
    ids = {name: f"n{number}" for number, name in enumerate([*procedure.steps, *procedure.group])}
    lines = ["flowchart TD", *_nodes(procedure, ids), *dict.fromkeys(_arrows(procedure, ids))]
    return "\n".join(lines) + "\n"


def _step_row(procedure: Procedure, step: Step) -> Row:
    title = step.title + (f" (each {step.each})" if step.each else "") + (" (optional)" if step.optional else "")
    start = "the opening of the case" if step.id == procedure.begins else " or ".join(step.after)
    gates = f"; not before {', '.join(step.requires)}" if step.requires else ""
    letters = "; ".join(f"{letter.template} to {', '.join(letter.to)}{_about(letter)}" for letter in step.letters)
    letters += " (done when they have gone)" if step.done == "letters" else ""
    plain = step.outcomes == {DONE: "Done"} and not step.evidence and not step.searches
    outcomes = "; ".join(f"{name}: {words}{_asks(step, name)}" for name, words in step.outcomes.items() if not plain)
    who = _role(procedure, step.who)
    return Row(step.row, step.id, title, who, start + gates, timescale(procedure, step), letters, outcomes)


def _about(letter: LetterSpec) -> str:
    said = [f"if {letter.on}"] if letter.on else []
    said += [f"from {letter.sender}"] if letter.sender else []
    said += [f"answer within {letter.reply_within}"] if letter.reply_within else []
    return f" ({', '.join(said)})" if said else ""


def _asks(step: Step, outcome: str) -> str:
    """What an outcome asks for before it can be recorded."""
    evidence = ["with evidence"] if outcome in step.evidence else []
    searched = [f"after a search of {', '.join(step.searches[outcome])}"] if outcome in step.searches else []
    return f" ({', '.join(evidence + searched)})" if evidence or searched else ""


def remarks(procedure: Procedure) -> list[str]:
    """What the rows of the table do not say: who manages, where it ends, planned days, rules, ladder, notes."""
    lines = [f"Managed by: {', '.join(_role(procedure, role) for role in procedure.managed_by)}."]
    lines += [f"Ends with: {', '.join(procedure.ends)}."] if procedure.ends else []
    for name, planned in procedure.planned.items():
        lines.append(f"Planned: {planned.title} ({name}); until then the due day of {planned.step} stands for it.")
    for rule in procedure.rule:
        lines.append(f"Rule {rule.row}, for {_role(procedure, rule.role)}: {rule.text} ({'; '.join(_bars(rule))})")
    lines += [f"Ladder: {_rung(rung)}." for rung in procedure.escalation]
    for step in procedure.step:
        if step.escalation is not None:
            rungs = "; ".join(map(_rung, step.escalation)) or "none"
            lines.append(f"Ladder of {step.id}: {rungs}.")
        if step.note:
            lines.append(f"Note on {step.id}: {step.note}")
    return lines


def _bars(rule: Rule) -> Iterator[str]:
    if rule.not_roles:
        yield f"bars {', '.join(rule.not_roles)}"
    if rule.not_manager_of:
        yield f"bars who manages {', '.join(rule.not_manager_of)}"
    if rule.not_employed_by_agency:
        yield "bars who is employed by an agency involved"
    if rule.not_board_member:
        yield "bars members of a Board involved"
    if rule.except_agency_kind:
        yield f"except {rule.except_agency_kind}"


def _rung(rung: RungSpec) -> str:
    return f"{rung.at}, {rung.do} {', '.join(rung.to)}"


def _group_row(procedure: Procedure, name: str, group: Group) -> Row:
    met = f"met when {', '.join(group.met_when or group.steps)}"
    who = _role(procedure, group.who)
    return Row(group.row, name, group.title, who, group.of, timescale(procedure, group), "", met)


def _role(procedure: Procedure, role: str) -> str:
    return procedure.roles[role].title if role in procedure.roles else role


def _nodes(procedure: Procedure, ids: dict[str, str]) -> Iterator[str]:
    stages = dict.fromkeys(step.stage for step in procedure.step)
    for number, stage in enumerate(stages):
        if stage is not None:
            yield f'subgraph g{number}["{_escaped(stage)}"]'
        for step in procedure.step:
            if step.stage == stage:
                yield f"{ids[step.id]}{_shape(procedure, step)}"
        if stage is not None:
            yield "end"
    for name, group in procedure.group.items():
        yield f'{ids[name]}(["{_label(procedure, group)}"])'


def _shape(procedure: Procedure, step: Step) -> str:
    label = _label(procedure, step)
    return f'{{"{label}"}}' if len(step.outcomes) > 1 else f'["{label}"]'


def _label(procedure: Procedure, timed: Step | Group) -> str:
    lines = [f"{timed.row}: {timed.title}", _role(procedure, timed.who), timescale(procedure, timed)]
    return "<br/>".join(_escaped(line) for line in lines if line)


def _arrows(procedure: Procedure, ids: dict[str, str]) -> Iterator[str]:
    for step in procedure.step:
        for event in step.after:
            yield from _arrow(procedure, ids, event, step.id, "-->")
        for event in step.requires:
            yield from _arrow(procedure, ids, event, step.id, "-.->")
    for name, group in procedure.group.items():
        yield from _arrow(procedure, ids, group.of, name, "-->")
        for member in group.met_when or group.steps:
            yield from _arrow(procedure, ids, member, name, "-.->")


def _arrow(procedure: Procedure, ids: dict[str, str], event: str, to: str, line: str) -> Iterator[str]:
    source, _, outcome = event.partition(".")
    if source not in ids:
        yield f'start(("{_escaped(source)}"))'
        ids = {**ids, source: "start"}
    words = procedure.steps[source].outcomes.get(outcome) if source in procedure.steps else None
    label = f'|"{_escaped(words)}"|' if words else ""
    yield f"{ids[source]} {line}{label} {ids[to]}"


def _escaped(text: str) -> str:
    """Text inside quotation marks of Mermaid; what is special there, or in its HTML, becomes an entity."""
    return re.sub(r'["#&<>`;]', lambda found: f"#{ord(found[0])};", " ".join(text.split()))
