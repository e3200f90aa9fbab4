"""Synthetic cases in several stages for `./dev up --demo`. All people and places in them are invented."""

import contextlib
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

import starter
from library import Library, data_folder
from models.calendar import ZONE, Calendar
from models.case import Case
from models.decisions import Decide
from models.letters import ChildIdentity, Correspondent
from models.referral import Referral
from models.timescale import count, count_before, local_date, parse_period
from register import queries
from register.errors import RegisterError
from register.queries import CaseFilter
from register.store import Register


class Said(NamedTuple):
    """A decision of a story: the step, its outcome, how long after the referral it was made."""

    step: str
    outcome: str
    after: str


class Story(NamedTuple):
    """A synthetic case: how long ago it was referred, why, and what has been decided since."""

    child: str
    ago: str
    why: str
    said: tuple[Said, ...]


RECEIVED = Said("written-notification", "received", "1 working day")
RECOMMENDED = Said("recommend", "scr", "7 working days")
INITIATED = Said("decide", "initiate", "12 working days")
STORIES = (
    Story("Alder Example", "3 working days", "A new referral, waiting for the sub-group.", (RECEIVED,)),
    Story("Birch Example", "13 working days", "The sub-group is overdue.", (RECEIVED,)),
    Story("Cedar Example", "11 working days", "Waiting for the Chair.", (RECEIVED, RECOMMENDED)),
    Story("Elder Example", "25 working days", "A review has begun.", (RECEIVED, RECOMMENDED, INITIATED)),
    Story(
        "Hazel Example",
        "90 working days",
        "The agencies are writing their reviews.",
        (
            RECEIVED,
            RECOMMENDED,
            INITIATED,
            Said("notify-cqc", "notified", "14 working days"),
            Said("commission-reviewer", "done", "20 working days"),
            Said("set-terms", "done", "25 working days"),
            Said("decide-family", "involve", "25 working days"),
        ),
    ),
)


async def add(register: Register) -> None:
    """Refer the synthetic cases that are not there yet and take their decisions in; harmless when repeated."""
    client, library = await starter.connect(), Library(data_folder())
    calendar = library.calendar(library.procedure(library.board("demo").procedure).calendar)
    known = await _known(register)
    for story in STORIES:
        if story.child in known:
            print(f"{known[story.child]}: {story.why} (It was there already.)")
            continue
        referral = _referral(story, calendar)
        reference = await starter.refer(client, register, library, referral)
        for said in story.said:
            case = (await starter.ask(client, reference)).case
            if case.steps[said.step].state == "open":
                await starter.decide(client, register, reference, _decision(case, said))
        print(f"{reference}: {story.why}")


async def _known(register: Register) -> dict[str, str]:
    """The references of the cases of the demo board that were referred here, by the child's name."""
    found = {}
    for view in await queries.cases(register, CaseFilter(board="demo")):
        with contextlib.suppress(RegisterError):  # a case that was restored without its referral
            found[(await register.referral(view.reference))["child"]["name"]] = view.reference
    return found


def _referral(story: Story, calendar: Calendar) -> Referral:
    received = count_before(parse_period(story.ago), local_date(datetime.now(UTC), ZONE), calendar).due
    return Referral(
        board="demo",
        received=received,
        why=story.why,
        agencies=("health", "police", "childrens-social-care"),
        child=ChildIdentity(name=story.child),
        referrer=Correspondent(name="Perpetua Quill", title="Named nurse", email="referrer@health.demoshire.example"),
        family=Correspondent(name=f"The family of {story.child}", address=("1 Invented Row", "Demoton")),
        stated={"tell-designated-person": received},
    )


def _decision(case: Case, said: Said) -> Decide:
    opening = case.opening
    received = opening.notified_on
    assert not isinstance(received, str)
    return Decide(
        id=str(uuid5(NAMESPACE_URL, f"{opening.reference}/{said.step}")),
        by=case.facts.holders[case.steps[said.step].owner][0],
        made_on=count(parse_period(said.after), received, opening.calendar).due,
        because="A synthetic case for trying the product.",
        step=said.step,
        outcome=said.outcome,
    )
