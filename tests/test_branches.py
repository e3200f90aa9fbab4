"""Every branch of every shipped procedure can be walked to its end, and the case then be closed as completed."""

from collections.abc import Iterator
from functools import cache
from random import Random

import pytest
from case_world import NOTIFIED, Story, day, opening

from library import Library
from models.decisions import Agree, Close, Plan
from models.events import AgencyFact, Opening
from models.procedure import Procedure, Step
from models.refusal import Refusal

AGENCIES = {"health": AgencyFact(name="Demo Health", kind="health"), "police": AgencyFact(name="Police", kind="police")}
NAMES = sorted(Library().procedures())
WALKS = 40
FAILED = ("quality-assure.not-assured", "redact.not-redacted")


def begun(procedure: Procedure) -> Opening:
    """A case of two agencies in which each role is held by a person of the same name."""
    keys = [
        key
        for role, said in procedure.roles.items()
        for key in ([f"{role}[{agency}]" for agency in AGENCIES] if said.of else [role])
    ]
    return opening(
        procedure=procedure,
        calendar=Library().calendar(procedure.calendar),
        holders={key: (key,) for key in keys},
        agencies=AGENCIES,
        stated={step.id: day(NOTIFIED) for step in procedure.step if step.precedes},
    )


def owed(story: Story, random: Random) -> Iterator[tuple[str, Step]]:
    """The steps that somebody has to decide, in any order."""
    records = [record for record in story.case.open_steps if record.step in story.case.procedure.steps]
    random.shuffle(records)
    for record in records:
        step = story.case.procedure.steps[record.step]
        if step.done == "decision":
            yield record.key, step


def chosen(key: str, step: Step, random: Random) -> str:
    """An outcome at random; of the first agency whatever the file puts first, for one agency at least takes part."""
    return next(iter(step.outcomes)) if key.endswith("[health]") else random.choice(list(step.outcomes))


def one_more(story: Story, random: Random) -> tuple[str, str] | None:
    """Decide one step that is owed and not held up by a gate; None where there is none."""
    for key, step in owed(story, random):
        outcome = chosen(key, step, random)
        proof = {"evidence": "Seen on a visit."} if outcome in step.evidence else {}
        try:
            story.decide(key, outcome, searched=story.searched(step, outcome), **proof)
        except Refusal as refusal:
            if "must wait for" not in str(refusal):
                raise
            continue
        story.send_all()
        return step.id, outcome
    return gate_passed_after_all(story)


def gate_passed_after_all(story: Story) -> tuple[str, str] | None:
    """Reconsider a gate of anonymity that was failed, and pass it; None where there is none."""
    for record in list(story.case.steps.values()):
        step = story.case.procedure.steps.get(record.step)
        if step and step.searches and record.state == "done" and f"{step.id}.{record.outcome}" in FAILED:
            story.reconsider(record.key, by=story.case.facts.holders[record.owner][0])
            outcome = next(iter(step.searches))
            story.decide(record.key, outcome, searched=story.searched(step, outcome))
            return step.id, outcome
    return None


def prepare(story: Story) -> None:
    """What people plan and agree beforehand: each planned day, and one action for the action plan."""
    by = story.case.procedure.managed_by[0]
    for what in story.case.procedure.planned:
        story.take(Plan(**story.said(by=by), what=what, day=day("2014-06-02")))
    story.take(Agree(**story.said(by=by), action="one", title="An action", agency="health", due=day("2014-06-02")))
    story.send_all()


@cache
def walked(name: str, seed: int) -> frozenset[str]:
    """Walk one case to its end, all on one day; the outcomes that it met."""
    random, procedure = Random(f"{name} {seed}"), Library().procedure(name)
    story = Story(begun(procedure))
    prepare(story)
    met = set()
    while taken := one_more(story, random):
        met.add(f"{taken[0]}.{taken[1]}")
    story.take(Close(**story.said(by=procedure.managed_by[0])))
    assert story.case.facts.closed == "completed"
    return frozenset(met)


@pytest.mark.parametrize("name", NAMES)
def test_every_walk_comes_to_a_completed_close_and_together_they_meet_every_outcome(name: str) -> None:
    met = frozenset[str]().union(*(walked(name, seed) for seed in range(WALKS)))
    steps = [s for s in Library().procedure(name).step if s.done == "decision" and not s.precedes]
    begins = Library().procedure(name).begins
    assert {f"{s.id}.{outcome}" for s in steps if s.id != begins for outcome in s.outcomes} - met == set()
