"""Which documents of a case may be published: those that stood before the gate of anonymity, as they are now. Pure.

A publishing step is the one whose day the procedure plans as "publication", and every other whose id begins with
"publish", where outcomes of it ask for a search (001-13, 004-14). The documents that were searched for the decision
that stands there may be published, in the version that was searched, and none besides.
"""

from collections.abc import Sequence

from models.case import Case
from models.decisions import Decide
from models.journal import PublishedDocument
from models.procedure import Procedure
from models.refusal import Refusal


def publishing_steps(procedure: Procedure) -> list[str]:
    """The ids of the steps by which a procedure publishes, the planned publication first."""
    planned = procedure.planned.get("publication")
    named = [step.id for step in procedure.step if step.searches and step.id.startswith("publish")]
    first = [planned.step] if planned and procedure.steps[planned.step].searches else []
    return list(dict.fromkeys([*first, *named]))


def published_by(case: Case, step: str | None = None) -> Decide:
    """The standing decision by which a case publishes, of one step where it is named. Raises Refusal."""
    steps = publishing_steps(case.procedure)
    if step is not None and step not in steps:
        known = ", ".join(steps) or "no step, so nothing of its cases is published here"
        raise Refusal(f"{step!r} is no step by which {case.procedure.id} publishes; it publishes by {known}.")
    found = [decision for name in ([step] if step else steps) if (decision := _standing(case, name)) is not None]
    if not found:
        names = step or " or ".join(steps) or "a step that asks for a search"
        raise Refusal(
            f"{case.opening.reference} is not decided to be published; decide {names} first, on searched documents."
        )
    return found[0]


def _standing(case: Case, step: str) -> Decide | None:
    """The decision that leaves a step done with an outcome that asks for a search."""
    searches = case.procedure.steps[step].searches
    for entry in reversed(case.log):
        decision = entry.decision
        if isinstance(decision, Decide) and decision.step == step:
            record = case.steps[step]
            stands = record.state == "done" and record.outcome == decision.outcome
            return decision if stands and decision.outcome in searches else None
    return None


def to_publish(case: Case, decision: Decide, wanted: Sequence[str] = ()) -> tuple[PublishedDocument, ...]:
    """The documents that a decision publishes, by key: those it waited for, or those `wanted` where some are named.

    What was searched beside them (003-5) is published where it is named. Raises Refusal for one that was not searched
    for that decision, or not in its current version.
    """
    searched = {said.document: said.sha256 for said in decision.searched}
    found = []
    waited_for = case.procedure.steps[decision.step].searches.get(decision.outcome, ())
    for key in wanted or [key for key in searched if key.partition("[")[0] in waited_for]:
        if key not in searched:
            known = ", ".join(searched) or "none"
            raise Refusal(f"{key!r} was not searched when {decision.step!r} was decided; searched were {known}.")
        fact = case.facts.documents.get(key)
        if fact is None or fact.sha256 != searched[key]:
            raise Refusal(
                f"{key!r} is not the version that was searched when {decision.step!r} was decided; reconsider that "
                "step, so that the document is searched as it is now."
            )
        found.append(PublishedDocument(document=key, sha256=fact.sha256, media_type=fact.media_type, size=fact.size))
    return tuple(found)
