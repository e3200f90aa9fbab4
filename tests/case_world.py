"""A small invented procedure with every feature, and a `Story` that takes a case through it. No I/O but one file.

The days: notified on Monday 8 July 2013; London is an hour ahead of UTC until 27 October.
"""

from collections.abc import Iterable
from datetime import date, datetime
from functools import cache
from hashlib import sha256
from itertools import count as numbers
from pathlib import Path
from typing import Any

import pytest

from models import events as ev
from models.calendar import Calendar, read_calendar
from models.case import Case, apply
from models.deciding import AGENCYS_OWN, decide
from models.decisions import (
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
    Resend,
    Searched,
)
from models.gates import to_search
from models.letters import LetterReport
from models.procedure import Procedure, Step, read_procedure
from models.refusal import Refusal
from models.timescale import Day, at_hour, local_date, parse_day
from models.turn import delivered, opened, tick

ROOT = Path(__file__).resolve().parents[1]
ZONE = "Europe/London"
NOTIFIED = "2013-07-08"

TINY = (ROOT / "tests" / "tiny.toml").read_text(encoding="utf-8")

HOLDERS = {
    "referrer": ("rosa",),
    "manager": ("mina",),
    "chair": ("carl",),
    "board": ("bea",),
    "panel": ("pat", "petra"),
    "lead[health]": ("lena",),
    "lead[police]": ("luke",),
    "author[health]": ("ada",),
    "author[police]": ("abel",),
}
AGENCIES = {
    "health": ev.AgencyFact(name="Demo Health Trust", kind="health"),
    "police": ev.AgencyFact(name="Demo Police", kind="police"),
}


@cache
def tiny() -> Procedure:
    return read_procedure(TINY, "tiny.toml")


@cache
def wt2013() -> Procedure:
    return read_procedure((ROOT / "procedures" / "wt2013.toml").read_text(encoding="utf-8"), "wt2013.toml")


@cache
def england() -> Calendar:
    return read_calendar((ROOT / "calendars" / "england-and-wales.toml").read_text(encoding="utf-8"))


def day(text: str) -> date:
    return date.fromisoformat(text)


def noon(text: str) -> datetime:
    """Noon by the local clock in London, as an aware moment in UTC."""
    return at_hour(day(text), 12, ZONE)


def opening(**changes: Any) -> ev.Opening:
    """A referral of two agencies, everybody appointed; all names are invented."""
    plain = ev.Opening(
        reference="DEMO-2013-001",
        board="demo",
        procedure=tiny(),
        calendar=england(),
        notified_on=day(NOTIFIED),
        holders=HOLDERS,
        agencies=AGENCIES,
        stated={"told": day(NOTIFIED)},
    )
    return plain.model_copy(update=changes)


def wt2013_opening(**changes: Any) -> ev.Opening:
    """The same referral under Working Together 2013; each role is held by a person of the same name."""
    holders = {
        key: (key,)
        for role, said in wt2013().roles.items()
        for key in ([f"{role}[{agency}]" for agency in AGENCIES] if said.of else [role])
    }
    stated = {"tell-designated-person": day(NOTIFIED)}
    return opening(procedure=wt2013(), holders=holders, stated=stated, **changes)


class Story:
    """A case with its events; every method takes it on by one turn and gives back that turn's events."""

    def __init__(self, start: ev.Opening | None = None, at: str = NOTIFIED) -> None:
        self.at = noon(at)
        self.log: list[ev.Event] = []
        self.contents: list[bytes] = []
        self._case: Case | None = None
        self._ids = numbers(1)
        self.extend_by(opened(start or opening(), self.at))

    @property
    def case(self) -> Case:
        assert self._case is not None
        return self._case

    @property
    def happened(self) -> dict[str, Day]:
        return self.case.facts.happened

    def extend_by(self, events: Iterable[ev.Event]) -> list[ev.Event]:
        new = list(events)
        for event in new:
            self._case = apply(self._case, event)
        self.log += new
        return new

    def id(self) -> str:
        return f"decision-{next(self._ids)}"

    def go_to(self, at: str | datetime | None) -> None:
        """Let the clock go forward to noon of a day, or to a moment, without telling the case."""
        if at is not None:
            self.at = max(self.at, noon(at) if isinstance(at, str) else at)

    def tick(self, at: str | datetime | None = None) -> list[ev.Event]:
        self.go_to(at)
        return self.extend_by(tick(self.case, self.at))

    def take(self, decision: Decision, at: str | datetime | None = None) -> list[ev.Event]:
        self.go_to(at)
        return self.extend_by(decide(self.case, decision, self.at))

    def decide(self, step: str, outcome: str = "done", on: str | None = None, **more: Any) -> Decide:
        """Decide a step on a day, by who owes it; the clock goes on to that day. Gives the decision taken."""
        decision = self.deciding(step, outcome, on, **more)
        self.take(decision, on if on and len(on) == len(NOTIFIED) else None)
        return decision

    def deciding(self, step: str, outcome: str = "done", on: str | None = None, **more: Any) -> Decide:
        owner = self.case.steps[step].owner if step in self.case.steps else "manager"
        by = next(iter(self.case.facts.holders.get(owner, ())), "mina")
        return Decide(**self.said(on, by) | {"step": step, "outcome": outcome} | more)

    def said(self, on: str | None = None, by: str = "mina") -> dict[str, Any]:
        """What every decision says: its id, who, which day (today if None) and why."""
        made_on = parse_day(on) if on else local_date(self.at, ZONE)
        return {"id": self.id(), "by": by, "made_on": made_on, "because": "because it is so"}

    def file(self, document: str, on: str | None = None, by: str | None = None, **more: Any) -> File:
        """File another version of a document, with a content that no other has."""
        by = by or self.case.facts.holders[self.case.procedure.managed_by[0]][0]
        content = f"{document} {self.id()}".encode()
        self.contents.append(content)
        given: dict[str, Any] = {
            "sha256": sha256(content).hexdigest(),
            "media_type": "text/plain",
            "size": len(content),
        }
        decision = File(**self.said(on, by) | {"document": document} | given | more)
        self.take(decision, on)
        return decision

    def searched(self, step: Step, outcome: str) -> tuple[Searched, ...]:
        """The documents that an outcome wants searched, filed where they are not, as searched in their last version."""
        for kind in step.searches.get(outcome, ()):
            if not any(fact.document == kind for fact in self.case.facts.documents.values()):
                own = {"agency": next(iter(self.case.facts.agencies))} if kind in AGENCYS_OWN else {}
                self.file(kind, **own)
        found = to_search(self.case, step, outcome)
        return tuple(Searched(document=key, sha256=fact.sha256, hits=0) for key, fact in found.items())

    def extend(self, step: str, on: str | None = None, *, by: str = "mina", **more: Any) -> Extend:
        decision = Extend(**self.said(on, by), step=step, agreed_with="Ofsted", **more)
        self.take(decision, on)
        return decision

    def plan(self, when: str, on: str | None = None) -> list[ev.Event]:
        by = self.case.facts.holders[self.case.procedure.managed_by[0]][0]
        return self.take(Plan(**self.said(on, by), what="publication", day=day(when)), on)

    def reconsider(self, step: str, on: str | None = None, by: str = "carl") -> list[ev.Event]:
        return self.take(Reconsider(**self.said(on, by), step=step), on)

    def correct(self, decision: str, on: str | None = None) -> list[ev.Event]:
        return self.take(Correct(**self.said(on), decision=decision), on)

    def proclaim(self, when: str, on: str | None = None) -> list[ev.Event]:
        return self.take(Proclaim(**self.said(on, "anyone"), day=day(when), name="A day of mourning"), on)

    def assign(self, person: str, role: str, agency: str | None = None, **more: Any) -> list[ev.Event]:
        return self.take(Assign(**self.said(), person=person, role=role, agency=agency, **more))

    def resend(self, letter: str, on: str | None = None) -> list[ev.Event]:
        return self.take(Resend(**self.said(on), letter=letter), on)

    def close(self, on: str | None = None, **more: Any) -> Close:
        decision = Close(**self.said(on), **more)
        self.take(decision, on)
        return decision

    def report(self, *letters: str, because: str | None = None, at: str | None = None) -> list[ev.Event]:
        """What became of these letters: sent, or failed with a cause."""
        self.go_to(at)
        sha256 = None if because else "5" * 64
        reports = [LetterReport(letter=letter, sha256=sha256, because=because) for letter in letters]
        return self.extend_by(delivered(self.case, reports, self.at))

    def send_all(self, at: str | None = None) -> list[ev.Event]:
        """Send all letters that are owed, and those that these make owed."""
        events: list[ev.Event] = []
        while owed := self.owed():
            events += self.report(*owed, at=at)
        return events

    def owed(self, containing: str = "") -> list[str]:
        return [i for i, letter in self.case.letters.items() if letter.state == "owed" and containing in i]

    def to_decision(self, outcome: str = "yes", on: str = "2013-08-05") -> "Story":
        """On to the Chair's decision, all letters sent."""
        self.send_all()
        self.decide("recommend", outcome, "2013-07-19")
        self.decide("decide", outcome, on)
        self.send_all()
        return self

    def to_reviews(self) -> "Story":
        """On to the agencies' reviews: terms set on Monday 12 August."""
        self.to_decision()
        self.decide("terms", on="2013-08-12")
        return self

    def to_draft(self, on: str = "2013-10-01") -> "Story":
        """On to the draft considered: everything before it done."""
        self.to_reviews()
        for agency in AGENCIES:
            self.decide(f"imr[{agency}]", "submitted", "2013-09-02")
            self.decide(f"sign-off-imr[{agency}]", on="2013-09-05")
            self.decide(f"read-imr[{agency}]", on="2013-09-06")
        self.decide("draft", on=on)
        self.send_all()
        return self

    def to_action_plan(self) -> "Story":
        """On to the published report with an action plan agreed: Tuesday 5 November."""
        self.to_draft()
        self.decide("accept", on="2013-10-08")
        self.decide("decide-publication", "publish", on="2013-10-08")
        self.decide("copy", "sent", on="2013-10-20")
        self.decide("publish", on="2013-11-01")
        self.go_to("2013-11-05")
        self.take(agree(self, "first"))
        self.decide("plan", on="2013-11-05")
        self.send_all()
        return self


def agree(story: Story, action: str = "a1", **more: Any) -> Agree:
    """An action of health, due on Monday 3 March 2014."""
    given = {"title": "Train the staff", "agency": "health", "due": day("2014-03-03")} | more
    return Agree(**story.said(), action=action, **given)


def kinds(events: Iterable[ev.Event]) -> list[str]:
    return [event.kind for event in events]


def about(events: Iterable[ev.Event], kind: str) -> list[str]:
    """The keys of the steps that events of this kind are about, sorted."""
    return sorted(event.step or "" for event in events if event.kind == kind)


def words(events: Iterable[ev.Event], kind: str, step: str) -> str:
    """The reasoning of the event of this kind about this step."""
    return next(str(getattr(e, "because", "")) for e in events if e.kind == kind and e.step == step)


def bare(case: Case) -> tuple[ev.Facts, dict[str, ev.StepRecord]]:
    """What has been established and what is owed, without the rungs."""
    return case.facts, {key: record.model_copy(update={"rungs": ()}) for key, record in case.steps.items()}


def refusal(story: Story, decision: Decision, *, at: str | None = None) -> str:
    """The sentence with which a decision is refused, nothing having changed."""
    story.go_to(at)
    before = story.case.model_copy(deep=True)
    with pytest.raises(Refusal) as caught:
        decide(story.case, decision, story.at)
    assert story.case == before
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith((".", ".)"))
    return text


def involve(story: Story, agency: str = "school", kind: str = "education", on: str | None = None) -> Involve:
    return Involve(**story.said(on), agency=agency, name=f"Demo {agency.title()}", agency_kind=kind)
