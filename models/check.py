"""Does a procedure make sense as a whole? `check` names every fault with its place and its cure. Pure.

A file that `models/procedure.py` can read may still name a role or a step that is not there, wait for itself, or owe
a letter that nobody has written. This is where such faults are found, before a case is opened under it.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from pydantic import ValidationError

from models.check_book import Book, Finding, at, listed, meant, named
from models.correspondence import EACH_AGENCY
from models.flow import blocked, circles
from models.period import Period, PeriodError, parse_period
from models.procedure import DONE, LetterSpec, Procedure, ProcedureError, RungSpec, Step, faults_of, read_procedure
from models.refusal import plainly

HELP = "docs/procedures.md says what this field takes"


class Problem(NamedTuple):
    """A fault of a procedure file: where it is, what is wrong, what would be right. `str` gives it in one line."""

    file: str
    place: str
    what: str
    cure: str

    def __str__(self) -> str:
        return plainly(f"{self.file}: {self.place}: {self.what}: {self.cure}.")


def check(procedure: Procedure, name: str, templates: set[str]) -> list[Problem]:
    """Every fault of a procedure; `name` is the file's, `templates` are the names of the letters there are."""
    book = Book(procedure, templates)
    return [Problem(name, *finding) for rule in _RULES for finding in rule(book)]


def check_text(text: str, name: str, templates: set[str]) -> list[Problem]:
    """Every fault of a procedure file's text, one that cannot be read included."""
    try:
        return check(read_procedure(text, name), name, templates)
    except ProcedureError as error:
        if isinstance(error.__cause__, ValidationError):
            return [Problem(name, *_field_fault(line)) for line in faults_of(error.__cause__, text)]
        cure = "mend this line; a text stands in quotation marks, a list in square brackets"
        return [Problem(name, "file", f"not readable as TOML, {error.__cause__}", cure)]


def schema() -> dict[str, Any]:
    """The JSON schema of a procedure file, for editors that check while one writes."""
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return draft | Procedure.model_json_schema() | {"title": "A statutory procedure"}


def _ids(book: Book) -> Iterator[Finding]:
    seen: set[str] = set()
    for step in book.procedure.step:
        if step.id in seen:
            yield at(step), "another step has this id", "give each step an id of its own"
        seen.add(step.id)
    for group in book.procedure.group.keys() & seen:
        yield f'group "{group}"', "a step has this id too", "give the group an id of its own"


def _roles(book: Book) -> Iterator[Finding]:
    procedure = book.procedure
    yield from book.role("managed_by", "it", *procedure.managed_by)
    for name in procedure.managed_by:
        if book.of_agency(name):
            yield "managed_by", f'"{name}" is held in each agency', "name a role that one person holds in a case"
    for step in procedure.step:
        yield from book.role(at(step), "who", step.who)
        if book.of_agency(step.who) and step.each is None:
            cure = 'add `each = "agency"`, or name a role that one person holds in a case'
            yield at(step), f'"{step.who}" is held in each agency, and the step is not repeated', cure
    for name, group in procedure.group.items():
        yield from book.role(f'group "{name}"', "who", group.who)
        if book.of_agency(group.who):
            cure = "name a role that one person holds in a case"
            yield f'group "{name}"', f'"{group.who}" is held in each agency', cure
    for rule in procedure.rule:
        yield from book.role(f'rule "{rule.row}"', "role", rule.role)
        yield from book.role(f'rule "{rule.row}"', "not_roles", *rule.not_roles)
        yield from book.role(f'rule "{rule.row}"', "not_manager_of", *rule.not_manager_of)


def _starts(book: Book) -> Iterator[Finding]:
    procedure = book.procedure
    lost = procedure.begins not in procedure.steps and not procedure.started_by(procedure.begins)
    if lost:
        cure = meant(procedure.begins, procedure.steps, "name the step that the opening of a case completes")
        yield "begins", f'it names "{procedure.begins}", which is no step', cure
    for step in procedure.step:
        yield from book.event(at(step), "after", *step.after)
        # with no beginning, the step that should be it has nothing to start it either: one fault is enough
        if not step.after and not step.precedes and step.id != procedure.begins and not lost:
            yield at(step), "nothing starts it", 'put `after = "…"` with the step or outcome that it follows'
    order = [*procedure.steps, *procedure.group]
    for circle in circles(procedure, book.events):
        first = min(circle, key=order.index)
        turned = circle[circle.index(first) :] + circle[: circle.index(first)]
        what = f"it waits for itself, by way of {' after '.join([*turned, first])}"
        yield named(procedure, first), what, "let one of these follow something earlier"
    for stuck in blocked(procedure, book.events):
        gates = ", ".join(procedure.steps[stuck].requires)
        cure = "take out of requires what can only come after this step"
        yield named(procedure, stuck), f"it cannot pass its gates ({gates}), which wait for it", cure


def _gates(book: Book) -> Iterator[Finding]:
    procedure = book.procedure
    for step in procedure.step:
        yield from book.event(at(step), "requires", *step.requires)
        yield from book.event(at(step), "until", *step.until)
        for name in step.requires:
            if name in book.events and name.partition(".")[0] not in procedure.steps:
                yield at(step), f'requires names "{name}", which is not a step', "name the steps themselves"
        if step.requires and step.done == "letters":
            cure = 'put requires on the step that this one follows, or leave `done = "letters"` out'
            yield at(step), "its letters go when it starts and wait for no gate", cure
        heads = {name.partition(".")[0] for name in step.requires}
        for gate, before in book.repeated_gates(step.requires, step.each):
            for missing in before:
                if missing not in heads:
                    what = f'the gate "{gate}" opens as soon as those that have begun are done'
                    yield at(step), what, f'add "{missing}" to requires, so that it waits for all of them'


def _repeats(book: Book) -> Iterator[Finding]:
    procedure = book.procedure
    for step in procedure.step:
        own = book.begun_by_each(step)
        if own and len(own) < len({name.partition(".")[0] for name in step.after}):
            what = f"after mixes steps repeated for each {step.each} with others"
            yield at(step), what, "make two steps of it"
        for early, _ in book.repeated_gates(step.after, step.each):
            what = f'it starts too early: "{early}" counts as done when those that have begun are done'
            yield at(step), what, "let it follow a step that is not repeated, and name this one in requires"
    for name, group in procedure.group.items():
        for early, _ in book.repeated_gates(group.met_when or group.steps, None):
            what = f'it is met too early: "{early}" counts as done when those that have begun are done'
            yield f'group "{name}"', what, "put a step that is not repeated in met_when"


def _times(book: Book) -> Iterator[Finding]:
    procedure = book.procedure
    for step in procedure.step:
        place = at(step)
        yield from _period(place, "within", step.within)
        yield from _period(place, "at_least", step.at_least, backwards=True)
        if step.of is not None:
            yield from book.event(place, "of", step.of)
            if step.within is None:
                yield place, "of is given without a period", 'add `within = "…"`, or leave of out'
        yield from _backwards(book, step)
    for name, group in procedure.group.items():
        yield from _period(f'group "{name}"', "within", group.within)
        yield from book.event(f'group "{name}"', "of", group.of)
    for name, planned in procedure.planned.items():
        if planned.step not in procedure.steps:
            cure = meant(planned.step, procedure.steps, "name the step whose due date stands for it")
            yield f'planned "{name}"', f'step names "{planned.step}", which is no step', cure


def _backwards(book: Book, step: Step) -> Iterator[Finding]:
    place = at(step)
    if step.before is not None and step.before not in book.procedure.planned:
        cure = meant(step.before, book.procedure.planned, "add it under [planned]")
        yield place, f'before names "{step.before}", which is no planned day', cure
    if step.before is not None and step.at_least is None:
        yield place, "before is given without a period", 'add `at_least = "…"`'
    if step.at_least is not None and step.before is None:
        yield place, "at_least is given without a planned day", 'add `before = "…"`'
    if step.within is not None and (step.before is not None or step.at_least is not None):
        yield place, "it is counted both forwards and backwards", "keep either within, or at_least and before"
    if step.clear and step.before is None:
        yield place, "clear is for counting back from a planned day", 'write `within = "7 clear days"` instead'


def _ladders(book: Book) -> Iterator[Finding]:
    procedure = book.procedure
    owners = [("escalation", procedure.escalation)]
    owners += [(at(step), step.escalation or ()) for step in procedure.step]
    owners += [(f'group "{name}"', group.escalation or ()) for name, group in procedure.group.items()]
    for place, rungs in owners:
        for number, rung in enumerate(rungs, 1):
            yield from _rung(book, f"{place}, rung {number}", rung)


def _rung(book: Book, place: str, rung: RungSpec) -> Iterator[Finding]:
    period, _, side = rung.at.rpartition(" ")
    if rung.at != "expiry" and side not in ("before", "after"):
        cure = 'write "expiry", or a period with "before" or "after" such as "2 working days after"'
        yield place, f'at = "{rung.at}" is no moment of a ladder', cure
    elif rung.at != "expiry":
        yield from _period(place, "at", period, backwards=side == "before")
    yield from book.role(place, "to", *(role for role in rung.to if role != "owner"))
    for role in rung.to:
        if book.of_agency(role):
            yield place, f'"{role}" is held in each agency', 'write "owner", or a role that one person holds'


def _outcomes(book: Book) -> Iterator[Finding]:
    procedure = book.procedure
    yield from book.event("ends", "it", *procedure.ends)
    used = set(procedure.ends)
    for step in procedure.step:
        used |= {*step.after, *step.requires}
    for group in procedure.group.values():
        used |= {group.of, *(group.met_when or group.steps)}
    for step in procedure.step:
        own = set(step.outcomes)
        if own != {DONE} and (step.done == "letters" or step.precedes or step.id == procedure.begins):
            by = "its letters" if step.done == "letters" else "the opening of the case"
            yield at(step), f"it has outcomes, but is completed by {by}", "leave outcomes out"
        elif len(own) > 1 and step.id not in used:
            for outcome in step.outcomes:
                name = f"{step.id}.{outcome}"
                if name not in used and outcome not in {letter.on for letter in step.letters}:
                    cure = f'let a step follow with `after = "{name}"`, or add "{name}" to ends'
                    yield at(step), f'nothing follows from its outcome "{outcome}"', cure


def _proofs(book: Book) -> Iterator[Finding]:
    for step in book.procedure.step:
        for field, outcomes in (("evidence", step.evidence), ("searches", tuple(step.searches))):
            for outcome in outcomes:
                if outcome not in step.outcomes:
                    cure = meant(outcome, step.outcomes, f"write one of {listed(step.outcomes)}")
                    yield at(step), f'{field} names "{outcome}", which is no outcome of the step', cure
            if outcomes and step.done == "letters":
                cure = f'leave {field} out, or leave `done = "letters"` out'
                yield at(step), f"{field} has no effect on a step that is completed by its letters", cure


def _letters(book: Book) -> Iterator[Finding]:
    for step in book.procedure.step:
        if step.done == "letters" and not step.letters:
            yield at(step), "it is done by letters and has none", 'add letters, or leave `done = "letters"` out'
        for letter in step.letters:
            yield from _letter(book, step, letter)
            for to in letter.to:
                yield from _recipient(book, step, letter, to)


def _letter(book: Book, step: Step, letter: LetterSpec) -> Iterator[Finding]:
    place = f'{at(step)}, letter "{letter.template}"'
    if letter.template not in book.templates:
        cure = meant(letter.template, book.templates, "write it as a file in templates/letters")
        yield place, "there is no such template", cure
    if letter.sender is not None:
        yield from book.role(place, "from", letter.sender)
    yield from _period(place, "reply_within", letter.reply_within)
    if letter.on is not None and step.done == "letters":
        yield place, "on has no effect on a letter that goes when the step starts", "leave on out"
    elif letter.on is not None and letter.on not in step.outcomes:
        cure = meant(letter.on, step.outcomes, f"write one of {listed(step.outcomes)}")
        yield place, f'on names "{letter.on}", which is no outcome of the step', cure


def _recipient(book: Book, step: Step, letter: LetterSpec, to: str) -> Iterator[Finding]:
    place = f'{at(step)}, letter "{letter.template}"'
    role, every = to.removesuffix(EACH_AGENCY), to.endswith(EACH_AGENCY)
    yield from book.role(place, "to", role)
    if every and role in book.procedure.roles and not book.of_agency(role):
        cure = f'write "{role}", or add `of = "agency"` to the role'
        yield place, f'"{role}" is not held in each agency', cure
    if every and step.each == "agency":
        what = "the step is repeated for each agency, and each time it would write to all of them"
        yield place, what, f'write "{role}"'
    if not every and book.of_agency(role) and step.each is None:
        yield place, f'"{role}" is held in each agency, and the step is not repeated', f'write "{role}{EACH_AGENCY}"'
    if not every and not book.of_agency(role) and book.of_agency(letter.sender or step.who) and step.each is None:
        yield place, "it is not clear which agency sends it", "name a role that one person holds in from"


def _groups(book: Book) -> Iterator[Finding]:
    member: dict[str, str] = {}
    for name, group in book.procedure.group.items():
        place = f'group "{name}"'
        for step in group.steps:
            if step not in book.procedure.steps:
                cure = meant(step, book.procedure.steps, "name the steps of this file")
                yield place, f'steps names "{step}", which is no step', cure
            elif step in member:
                what = (
                    f'"{step}" is in group "{member[step]}" already' if member[step] != name else f'"{step}" is twice'
                )
                yield place, what, "let each step be in one group, once"
            member.setdefault(step, name)
        for step in group.met_when:
            if step not in group.steps:
                cure = meant(step, group.steps, "add it to steps; met_when takes steps, not outcomes")
                yield place, f'met_when names "{step}", which is none of its steps', cure


_RULES: tuple[Callable[[Book], Iterator[Finding]], ...] = (
    _ids, _roles, _starts, _gates, _repeats, _times, _ladders, _outcomes, _proofs, _letters, _groups,
)  # fmt: skip


def _period(place: str, field: str, text: str | None, *, backwards: bool = False) -> Iterator[Finding]:
    if text is None:
        return
    try:
        period: Period = parse_period(text)
    except PeriodError as error:
        what, write, cure = str(error).removesuffix(".").rpartition(": write ")
        yield place, f"{field}: {what}", (write + cure).removeprefix(": ")
        return
    if backwards and (period.unit == "immediately" or period.inclusive):
        yield place, f'{field}: "{period}" cannot be counted backwards', 'write a plain period such as "1 week"'


def _field_fault(line: str) -> Finding:
    place, _, sentence = line.partition(": ")
    what, _, cure = sentence.partition("; ")
    return place.replace("'", '"'), what, cure or HELP
