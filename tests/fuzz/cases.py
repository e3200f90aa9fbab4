"""Decisions on living cases, and events as the register keeps them."""

import gzip
import json
from functools import reduce
from random import Random
from typing import Any

from case_world import ROOT, Story
from pydantic import ValidationError
from reading_world import told
from stories import REVIEW

from fuzz.driver import Target
from fuzz.mutating import ODD, text_of, tree_of
from models.case import Case, apply
from models.deciding import decide
from models.decisions import DecisionAdapter
from models.events import EventAdapter, Taken
from models.procedure import faults_of
from models.refusal import Refusal

DOCUMENT = {"sha256": "0" * 64, "media_type": "text/plain", "size": 5}


def as_refusal(error: ValidationError) -> Refusal:
    """What a person is told of a validation error."""
    return Refusal("\n".join(faults_of(error)))


class Decisions(Target):
    """A decision as anybody may signal it, taken on a case at some stage: it is refused, or the case goes on."""

    name, share = "decisions", 40

    def __init__(self) -> None:
        story = Story()
        early = told()
        self._cases = [(story.case, story.at), (early.case, early.at)]
        for at in (3, 9):
            again = Story(early.log[0].opening, at="2013-07-08")  # type: ignore[union-attr]
            for on, step, outcome in REVIEW[:at]:
                again.decide(step, outcome, on)
            self._cases.append((again.case, again.at))
        taken = [event.decision for event in early.log if isinstance(event, Taken)]
        self._known = [json.loads(DecisionAdapter.dump_json(decision)) for decision in taken]

    def make(self, random: Random) -> tuple[int, bytes]:
        """The number of a case, and a decision as JSON."""
        number = random.randrange(len(self._cases))
        case = self._cases[number][0]
        made = self._fresh(random, case) if random.random() < 0.7 else random.choice(self._known)
        if random.random() < 0.6:
            words = [*case.steps, *case.facts.holders, *case.facts.agencies, *case.letters]
            made = tree_of(random, [made], words)
        sent = json.dumps(made)
        return number, (text_of(random, [sent]) if random.random() < 0.1 else sent).encode("utf-8", "surrogatepass")

    def _fresh(self, random: Random, case: Case) -> dict[str, Any]:
        roles = list(case.facts.holders)
        who = random.choice([person for held in case.facts.holders.values() for person in held])
        step = random.choice(list(case.steps))
        known = case.procedure.steps.get(case.steps[step].step)
        on = random.choice(("2013-07-08", "2013-08-30", "2013-10", "2013", "2014-01-01", "1990-01-01"))
        owner = case.facts.holders.get(case.steps[step].owner, (who,))
        by = random.choice((who, *owner, *case.facts.holders.get(case.procedure.managed_by[0], ())))
        agency = random.choice([*case.facts.agencies, None, "school"])
        more: dict[str, dict[str, Any]] = {
            "decide": {"step": step, "outcome": random.choice(list(known.outcomes) if known else ["done"])},
            "extend": {"step": step, "period": random.choice(("1 month", "2 weeks", "9999 months", "x")),
                       "agreed_with": "O"},
            "reconsider": {"step": step},
            "correct": {"decision": "none"},
            "assign": {"person": who, "role": random.choice(roles).partition("[")[0], "agency": agency,
                       "stands_down": random.random() < 0.5},
            "recuse": {"person": who},
            "file": {"document": random.choice(("chronology", "overview-report", "imr")), "agency": agency, **DOCUMENT},
            "involve": {"agency": random.choice(("school", "health")), "name": "School", "agency_kind": "school"},
            "plan": {"what": "publication", "day": random.choice(("2014-01-01", "9999-12-31", "1990-01-01"))},
            "agree": {"action": "train", "title": "Train", "agency": agency,
                      "due": random.choice(("2014-01-01", on[:4] + "-01-01"))},
            "proclaim": {"day": random.choice(("2013-09-02", "2013-09-01", "9999-12-31")), "name": "Mourning"},
            "resend": {"letter": random.choice([*case.letters, "none"])},
            "close": {"how": random.choice(("completed", "withdrawn"))},
        }  # fmt: skip
        kind = random.choice(list(more))
        said = {"kind": kind, "id": f"fuzzed-{random.randrange(10**6)}", "by": by, "made_on": on, "because": "So."}
        if kind == "correct":
            more[kind]["decision"] = random.choice([entry.decision.id for entry in case.log] or ["none"])
        return said | more[kind]

    def give(self, made: Any) -> None:
        case, at = self._cases[made[0]]
        try:
            decision = DecisionAdapter.validate_json(made[1])
        except ValidationError as error:
            raise as_refusal(error) from error
        assert DecisionAdapter.validate_json(DecisionAdapter.dump_json(decision)) == decision
        events = decide(case, decision, at)
        after = reduce(apply, events, case)
        assert [event.seq for event in events] == list(range(case.seq + 1, after.seq + 1))
        for event in events:
            assert EventAdapter.validate_json(EventAdapter.dump_json(event)) == event
        assert decide(after, decision, at) == []  # the same decision again has no effect


class Events(Target):
    """Events as a register, a backup or a history holds them."""

    name, share = "events", 35

    def __init__(self) -> None:
        path = ROOT / "tests" / "histories" / "writes-locally" / "2013-late.json.gz"
        kept = json.loads(gzip.decompress(path.read_bytes()))["events"]
        self._small = [event for event in kept if len(json.dumps(event)) < 4_000]
        self._large = [event for event in kept if len(json.dumps(event)) >= 4_000]

    def make(self, random: Random) -> bytes:
        """An event as JSON."""
        samples = self._large if self._large and random.random() < 0.02 else self._small
        if random.random() < 0.7:
            return json.dumps(tree_of(random, samples)).encode("utf-8", "surrogatepass")
        return text_of(random, [json.dumps(random.choice(samples))], ODD).encode("utf-8", "surrogatepass")

    def give(self, made: Any) -> None:
        try:
            event = EventAdapter.validate_json(made)
        except ValidationError as error:
            raise as_refusal(error) from error
        kept = EventAdapter.dump_json(event)
        assert EventAdapter.dump_json(EventAdapter.validate_json(kept)) == kept
