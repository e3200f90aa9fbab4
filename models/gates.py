"""What must be there before a step can be decided: earlier steps, evidence, documents searched for identifying facts.

Each function refuses with what is missing and says what would be right.
"""

from models.case import Case, role_key
from models.decisions import Decide
from models.events import DocumentFact, StepRecord
from models.procedure import Step
from models.refusal import Refusal
from models.timescale import Day, earliest, latest
from models.turn import said


def must_pass(case: Case, step: Step, record: StepRecord, decision: Decide) -> None:
    """Refuse a decision of a step that does not pass all of its gates."""
    _must_follow(case, step, record, decision.made_on)
    filed = role_key("evidence", record.item) in case.facts.documents
    if decision.outcome in step.evidence and decision.evidence is None and not filed:
        raise Refusal(
            f"{record.key!r} cannot be {step.outcomes[decision.outcome]!r} without evidence ({step.row}); say where "
            "it lies, or file it as a document first."
        )
    _must_be_searched(case, step, record, decision)


def _must_follow(case: Case, step: Step, record: StepRecord, made_on: Day) -> None:
    for name in step.requires:
        gate = case.procedure.steps[name.partition(".")[0]]
        same = f"{name}[{record.item}]" if step.each is not None and gate.each == step.each else name
        passed = case.facts.happened.get(same)
        if passed is not None and latest(made_on) >= earliest(passed):
            continue
        if passed is not None:
            raise Refusal(
                f"{said(made_on)} is before {said(passed)}, the day of {gate.title!r} ({gate.row}), for which "
                f"{record.key!r} must wait; give a later day."
            )
        if "." not in name and _begun_for_nobody(case, gate):
            continue
        missing = [r.key for r in case.steps.values() if r.step == gate.id and r.state == "open"] or [same]
        raise Refusal(
            f"{record.key!r} must wait for {gate.title!r} ({gate.row}); still to be decided: {', '.join(missing)}."
        )


def _begun_for_nobody(case: Case, gate: Step) -> bool:
    """A repeated step that can begin for nobody any more: what it follows from is done, with other outcomes."""
    if gate.each is None or any(record.step == gate.id for record in case.steps.values()):
        return False
    before = [case.procedure.steps.get(name.partition(".")[0]) for name in gate.after]
    repeated = [step for step in before if step is not None and step.each == gate.each]
    return bool(repeated) and all(s.id in case.facts.happened or _begun_for_nobody(case, s) for s in repeated)


WHERE_THERE_ARE = ("agency-statement", "action-plan", "lessons-learnt-report")
"""Documents that may be published beside a report (003-5): searched with it where they are filed, not waited for."""


def to_search(case: Case, step: Step, outcome: str) -> dict[str, DocumentFact]:
    """The documents, by key, of which the current version must be searched before this outcome."""
    if outcome not in step.searches:
        return {}
    kinds = (*step.searches[outcome], *WHERE_THERE_ARE)
    return {key: fact for key, fact in case.facts.documents.items() if fact.document in kinds}


def _must_be_searched(case: Case, step: Step, record: StepRecord, decision: Decide) -> None:
    """The gate of anonymity (001-13, 004-14): each document searched as it is now. Whether it passes, a person says."""
    documents = to_search(case, step, decision.outcome)
    for kind in step.searches.get(decision.outcome, ()):
        if kind not in {fact.document for fact in documents.values()}:
            raise Refusal(
                f"{record.key!r} must wait until the document {kind!r} is filed, so that it can be searched for what "
                f"identifies people ({step.row}); file it and decide again."
            )
    searched = {said.document: said.sha256 for said in decision.searched}
    for key, fact in documents.items():
        if searched.get(key) != fact.sha256:
            raise Refusal(
                f"{record.key!r} must wait until version {fact.version} of the document {key!r} has been searched for "
                f"what identifies people ({step.row}); search it and decide again."
            )
