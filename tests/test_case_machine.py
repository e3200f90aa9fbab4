"""Anything may happen to a case, in any order; this is what must stay true.

After each step of the machine:
1. The id of a rung fires at most once, and only while its step is owed and the case is not closed.
2. Events are numbered without a gap; each survives JSON; the case that they make, so read back, is the case.
3. A refusal leaves the case as it was and is one sentence; the same decision again has no effect.
4. Whatever decision was taken last: correcting it at once restores the steps (rungs aside) and the facts.
5. A step that is owed and has a due date expires at the end of that day in London; one that is not owed has no rungs.
6. A letter is owed once: its id is owed again only after it was withdrawn.
7. Nothing is owed in a closed case and nothing will fire. Right after a tick, no rung lies in the past.
8. Nobody is reminded of what is not owed: a notice that has not gone belongs to a step that is.
9. What has happened agrees with the steps: a done step has its day and one outcome, an open one has neither.
10. Who has a conflict of interest holds no role; a document's version is the number of its filings that stand.
11. What asks for evidence or a search is decided with it, on the version there is.
12. An extension never brings a date forward of the statutory one, and a group is met exactly when its steps are.
At the end the events, folded anew, make the same case.
"""

from collections import Counter
from datetime import date, timedelta
from typing import Any

from case_world import TINY, ZONE, Story, noon
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from models import events as ev
from models.case import Case, apply, fold, next_rung, role_key
from models.correspondence import NOTICES
from models.deciding import decide
from models.decisions import (
    Adopt,
    Agree,
    Assign,
    Close,
    Correct,
    Decide,
    Decision,
    Extend,
    File,
    Involve,
    Plan,
    Proclaim,
    Reconsider,
    Recuse,
    Resend,
    Searched,
)
from models.letters import LetterReport
from models.procedure import read_procedure
from models.refusal import Refusal
from models.timescale import Day, end_of_day, local_date
from models.turn import delivered, tick

LAST = noon("2016-06-30")
OTHER = (
    TINY.replace('version = "1"', "")
    .replace('"10 working days"', '"12 working days"')
    .replace('"1 month"', '"40 days"')
    .replace('requires = ["accept", "copy"]', 'requires = ["accept", "copy"]\nsearches.done = ["overview-report"]')
    .replace('each = "action"', 'each = "action"\nevidence = "done"')
)
VERSIONS = (read_procedure(TINY, "tiny.toml"), read_procedure(OTHER, "other.toml"))
PERIODS = ("1 week", "1 month", "5 working days", "nonsense")
ROLES = ("panel", "author", "panel-chair", "overview-author", "king")
BACK = st.sampled_from((0, 0, 0, 1, 3, 10, 40, -1))
AHEAD = st.integers(min_value=-5, max_value=120)


def bare(case: Case) -> tuple[ev.Facts, dict[str, ev.StepRecord]]:
    return case.facts, {key: record.model_copy(update={"rungs": ()}) for key, record in case.steps.items()}


class AnyCase(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.story = Story()
        self.taken: list[Decision] = []
        self.fired: set[str] = set()
        self.read_back: Case | None = None
        self.ticked = False
        for event in self.story.log:
            self.note(event)

    @property
    def case(self) -> Case:
        return self.story.case

    @property
    def today(self) -> date:
        return local_date(self.story.at, ZONE)

    def note(self, event: ev.Event) -> None:
        """Check one event against the case so far, and read it back from JSON into the second case."""
        before = self.read_back
        if isinstance(event, ev.Fired):
            assert before is not None
            assert event.rung.id not in self.fired
            assert not before.facts.closed
            assert before.steps[event.step or ""].state == "open"
            self.fired.add(event.rung.id)
        if isinstance(event, ev.LetterOwed) and before is not None:
            known = before.letters.get(event.letter.id)
            assert known is None or known.state == "withdrawn"
        again = ev.EventAdapter.validate_json(ev.EventAdapter.dump_json(event))
        assert again == event
        self.read_back = apply(before, again)

    def commit(self, events: list[ev.Event]) -> None:
        self.ticked = False
        for event in self.story.extend_by(events):
            self.note(event)

    def attempt(self, decision: Decision) -> None:
        before = self.case
        try:
            events = decide(before, decision, self.story.at)
        except Refusal as error:
            self.refused(str(error))
            return
        assert events
        self.commit(events)
        self.taken.append(decision)
        assert decide(self.case, decision, self.story.at) == []
        if not isinstance(decision, Correct | Resend):
            self.takes_back(decision, before)

    def refused(self, text: str) -> None:
        assert "\n" not in text
        assert text.rstrip(")").endswith(".")
        assert self.case == self.read_back

    def takes_back(self, decision: Decision, before: Case) -> None:
        """Without keeping it: the case after this decision is corrected is the case before it."""
        manager = next(p for role in ("manager", "chair") for p in self.case.facts.holders.get(role, ()))
        correction = Correct(**self.said(0, manager), decision=decision.id)
        after = self.case
        for event in decide(after, correction, self.story.at):
            after = apply(after, event)
        assert bare(after) == bare(before)

    def said(self, back: int, by: str = "mina", month: bool = False) -> dict[str, Any]:
        on = self.today - timedelta(days=back)
        made_on: Day = on.isoformat()[:7] if month else on
        return {**self.story.said(by=by), "made_on": made_on}

    def pick(self, data: st.DataObject, choices: Any) -> Any:
        return data.draw(st.sampled_from(list(choices)))

    def holder(self, key: str) -> str:
        record = self.case.steps.get(key)
        return next(iter(self.case.facts.holders.get(record.owner if record else "", ())), "mina")

    # ---- What may happen ----

    @rule(hours=st.sampled_from((1, 5, 24, 24, 72, 168, 500)))
    def time_passes(self, hours: int) -> None:
        self.story.at = min(self.story.at + timedelta(hours=hours), LAST)
        self.commit(tick(self.case, self.story.at))
        self.ticked = True
        assert tick(self.case, self.story.at) == []

    @rule(hours=st.sampled_from((30, 400)))
    def the_system_is_down(self, hours: int) -> None:
        self.story.at = min(self.story.at + timedelta(hours=hours), LAST)
        self.ticked = False

    def decide_one(self, data: st.DataObject, back: int, month: bool) -> None:
        keys = [record.key for record in self.case.open_steps] or ["decide"]
        key = self.pick(data, keys)
        step = self.case.procedure.steps.get(key.partition("[")[0])
        outcome = self.pick(data, step.outcomes) if step else "done"
        proof = {
            "evidence": self.pick(data, (None, "The minutes.")),
            "searched": self.pick(data, ((), self.searched())),
        }
        decision = Decide(**self.said(back, self.holder(key), month), step=key, outcome=outcome, **proof)
        before = self.case
        self.attempt(decision)
        if step and self.taken and self.taken[-1] is decision:
            assert decision.evidence or outcome not in step.evidence
            wanted = {f.sha256 for f in before.facts.documents.values() if f.document in step.searches.get(outcome, ())}
            assert wanted <= {searched.sha256 for searched in decision.searched}
            assert bool(wanted) == (outcome in step.searches)

    def searched(self) -> tuple[Searched, ...]:
        """All documents of the case as they are now, searched."""
        documents = self.case.facts.documents
        return tuple(Searched(document=key, sha256=fact.sha256, hits=0) for key, fact in documents.items())

    @rule(data=st.data(), back=BACK, month=st.sampled_from((False, False, False, True)))
    def somebody_decides(self, data: st.DataObject, back: int, month: bool) -> None:
        self.decide_one(data, back, month)

    @rule(data=st.data())
    def much_is_decided(self, data: st.DataObject) -> None:
        for _ in range(4):
            self.decide_one(data, 0, False)
            self.letters(data, share=True)

    @rule(data=st.data(), back=BACK)
    def somebody_decides_wrongly(self, data: st.DataObject, back: int) -> None:
        key = self.pick(data, [*self.case.steps, "nothing", "imr[school]"])
        by = self.pick(data, ("carl", "pat", "nobody"))
        self.attempt(Decide(**self.said(back, by), step=key, outcome=self.pick(data, ("yes", "done", "perhaps"))))

    @rule(data=st.data(), back=BACK)
    def somebody_reconsiders(self, data: st.DataObject, back: int) -> None:
        done = [key for key, record in self.case.steps.items() if record.state == "done"]
        key = self.pick(data, done)
        self.attempt(Reconsider(**self.said(back, self.holder(key)), step=key))

    @precondition(lambda self: self.case.log)
    @rule(data=st.data(), latest=st.booleans())
    def an_entry_is_corrected(self, data: st.DataObject, latest: bool) -> None:
        entries = [entry.decision.id for entry in self.case.log]
        wrong = entries[-1] if latest else self.pick(data, entries)
        self.attempt(Correct(**self.said(0), decision=wrong))

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def a_decision_arrives_twice(self, data: st.DataObject) -> None:
        decision = self.pick(data, self.taken)
        assert decide(self.case, decision, self.story.at) == []
        other = decision.model_copy(update={"because": "another reason"})
        self.attempt(other)
        assert other not in self.taken

    @rule(data=st.data(), days=AHEAD, by_period=st.booleans())
    def a_date_is_extended(self, data: st.DataObject, days: int, by_period: bool) -> None:
        key = self.pick(data, self.case.steps)
        how = {"period": self.pick(data, PERIODS)} if by_period else {"to": self.today + timedelta(days=days)}
        self.attempt(Extend(**self.said(0), step=key, agreed_with="Ofsted", **how))

    @rule(days=AHEAD, what=st.sampled_from(("publication", "publication", "party")))
    def a_day_is_planned(self, days: int, what: str) -> None:
        self.attempt(Plan(**self.said(0), what=what, day=self.today + timedelta(days=days)))

    @rule(days=AHEAD)
    def a_holiday_is_proclaimed(self, days: int) -> None:
        self.attempt(Proclaim(**self.said(0, "anyone"), day=self.today + timedelta(days=days), name="A new day"))

    @rule(data=st.data(), days=AHEAD)
    def an_action_is_agreed(self, data: st.DataObject, days: int) -> None:
        agency = self.pick(data, ("health", "police", "school", None))
        name = self.pick(data, ("a1", "a2"))
        due = self.today + timedelta(days=days)
        self.attempt(Agree(**self.said(0), action=name, title="Train", agency=agency, due=due))

    @rule(agency=st.sampled_from(("school", "gp")), back=BACK)
    def an_agency_is_involved(self, agency: str, back: int) -> None:
        self.attempt(Involve(**self.said(back), agency=agency, name=f"Demo {agency}", agency_kind="other"))

    @rule(data=st.data(), role=st.sampled_from(ROLES), down=st.booleans())
    def a_role_changes_hands(self, data: st.DataObject, role: str, down: bool) -> None:
        agency = self.pick(data, self.case.facts.agencies) if role == "author" else None
        who = {"person": self.pick(data, ("pat", "ada", "Ines O'Hara")), "employer": self.pick(data, ("school", None))}
        self.attempt(Assign(**self.said(0), **who, role=role, agency=agency, stands_down=down))

    @rule(data=st.data(), document=st.sampled_from(("overview-report", "chronology", "evidence")))
    def a_document_is_filed(self, data: st.DataObject, document: Any) -> None:
        of = {"agency": self.pick(data, ("health", None)), "action": self.pick(data, (None, "a1"))}
        content = {"sha256": self.pick(data, "abc") * 64, "media_type": "text/plain", "size": 1}
        by = self.pick(data, ("mina", "lena", "nobody"))
        self.attempt(File(**self.said(0, by), document=document, **of, **content))

    @rule(person=st.sampled_from(("pat", "pat", "carl", "mina", "ada")), by=st.sampled_from(("mina", "pat")))
    def somebody_has_a_conflict(self, person: str, by: str) -> None:
        self.attempt(Recuse(**self.said(0, by), person=person))

    @rule(number=st.integers(min_value=0, max_value=1))
    def another_version_is_adopted(self, number: int) -> None:
        self.attempt(Adopt(**self.said(0), procedure=VERSIONS[number]))

    @rule(how=st.sampled_from(("completed", "withdrawn")))
    def the_case_is_closed(self, how: Any) -> None:
        self.attempt(Close(**self.said(0), how=how))

    @rule(data=st.data(), share=st.booleans(), fail=st.sampled_from((False, False, True)))
    def letters(self, data: st.DataObject, share: bool = True, fail: bool = False) -> None:
        owed = self.story.owed()
        some = owed if share else owed[: len(owed) // 2]
        outcome = {"because": "no address"} if fail else {"sha256": "5" * 64}
        reports = [LetterReport(letter=letter, **outcome) for letter in [*some, *some, "no-such-letter"]]
        self.commit(delivered(self.case, reports, self.story.at))
        assert delivered(self.case, reports, self.story.at) == []

    @rule(data=st.data())
    def a_letter_is_tried_again(self, data: st.DataObject) -> None:
        letters = [i for i, letter in self.case.letters.items() if letter.state == "failed"] or ["no-such-letter"]
        self.attempt(Resend(**self.said(0), letter=self.pick(data, letters)))

    # ---- What must stay true ----

    @invariant()
    def events_make_the_case(self) -> None:
        assert [event.seq for event in self.story.log] == list(range(1, len(self.story.log) + 1))
        assert self.read_back == self.case

    @invariant()
    def deadlines_end_with_their_day(self) -> None:
        for record in self.case.steps.values():
            if record.state != "open":
                assert not record.rungs
            elif record.due is not None:
                assert record.expires == end_of_day(record.due, ZONE)
                assert record.act_by is not None
                assert record.act_by <= record.due
            else:
                assert (record.act_by, record.expires, record.rungs) == (None, None, ())

    @invariant()
    def what_is_over_is_quiet(self) -> None:
        rung = next_rung(self.case)
        if self.case.facts.closed:
            assert not self.case.open_steps
            assert rung is None
        if self.ticked:
            assert rung is None or rung.at > self.story.at

    @invariant()
    def nobody_is_reminded_of_what_is_not_owed(self) -> None:
        owed = {record.key for record in self.case.open_steps}
        for letter in self.case.letters.values():
            if letter.state == "owed" and letter.template in NOTICES.values():
                assert letter.step in owed, letter.id

    @invariant()
    def who_has_a_conflict_holds_no_role(self) -> None:
        held = {person for people in self.case.facts.holders.values() for person in people}
        assert not held & set(self.case.facts.recused)

    @invariant()
    def a_documents_version_counts_its_filings(self) -> None:
        filed = Counter(
            role_key(said.document, said.agency or said.action)
            for entry in self.case.log
            if isinstance(said := entry.decision, File)
        )
        assert {key: fact.version for key, fact in self.case.facts.documents.items()} == filed

    @invariant()
    def what_happened_agrees_with_the_steps(self) -> None:
        happened = self.case.facts.happened
        for record in self.case.steps.values():
            outcomes = [
                n
                for n in happened
                if n.startswith(f"{record.step}.") and n.partition("[")[2] == (f"{record.item}]" if record.item else "")
            ]
            name = f"{record.step}[{record.item}]" if record.item else record.step
            if record.state == "done":
                assert happened[name] == record.met_on
                assert len(outcomes) == 1, outcomes
            elif record.state == "open" and record.step != self.case.procedure.begins:
                assert name not in happened
                assert record.step not in happened
                assert not outcomes

    @invariant()
    def a_group_is_met_exactly_when_its_steps_are(self) -> None:
        record = self.case.steps.get("review")
        if record is not None and record.state == "done":
            days = [self.case.steps[step] for step in ("accept", "decide-publication")]
            assert all(step.state == "done" for step in days)

    def teardown(self) -> None:
        assert fold(self.story.log) == self.case


AnyCase.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
test_any_case = AnyCase.TestCase
