"""Whether every step of a procedure can come about: circles in what starts steps, and gates that nothing can pass."""

from collections.abc import Set as AbstractSet

from models.procedure import Procedure


def circles(procedure: Procedure, events: AbstractSet[str]) -> list[list[str]]:
    """Steps and groups that wait for each other, so that none of them ever starts; each circle in order of waiting.

    A circle that something outside starts is no fault: it is how work is sent back for more. Names that are not in
    `events` are faults of another kind and hold nothing up here.
    """
    reached = _reached(procedure, events, gates=False)
    waiting = [name for name in [*procedure.steps, *procedure.group] if name not in reached]
    found: list[list[str]] = []
    seen: set[str] = set()
    for name in waiting:
        path: list[str] = []
        while name not in seen:
            seen.add(name)
            path.append(name)
            name = next(other for other in _waits_for(procedure, name) if other in waiting)
        if name in path:
            found.append(path[path.index(name) :])
    return found


def blocked(procedure: Procedure, events: AbstractSet[str]) -> list[str]:
    """Steps whose gates can only open after the step itself is done, so that it never is."""
    found: list[str] = []
    for name, step in procedure.steps.items():
        reached = _reached(procedure, events, gates=True, free=found)
        if name in reached or not step.requires:
            continue
        without = _reached(procedure, events, gates=True, free=[*found, name])
        if name in without and all(gate.partition(".")[0] in without for gate in step.requires if gate in events):
            found.append(name)
    return found


def _waits_for(procedure: Procedure, name: str) -> list[str]:
    if name in procedure.steps:
        return [event.partition(".")[0] for event in procedure.steps[name].after]
    group = procedure.group[name]
    return [group.of.partition(".")[0], *(group.met_when or group.steps)]


def _reached(procedure: Procedure, events: AbstractSet[str], *, gates: bool, free: list[str] | None = None) -> set[str]:
    """The steps and groups that can be done, from the opening of the case on; `free` steps pass all gates."""
    done: set[str] = {procedure.begins}
    grown = True

    def happens(event: str) -> bool:
        return event not in events or event.partition(".")[0] in done

    while grown:
        before = len(done)
        for step in procedure.step:
            starts = not step.after or step.precedes or any(happens(event) for event in step.after)
            if starts and (not gates or step.id in (free or []) or all(happens(event) for event in step.requires)):
                done.add(step.id)
        for name, group in procedure.group.items():
            if happens(group.of) and all(happens(step) for step in group.met_when or group.steps):
                done.add(name)
        grown = len(done) > before
    return done
