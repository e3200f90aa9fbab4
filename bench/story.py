"""The story that every variant plays: twenty decisions with a deadline each; at four of them five letters go out."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from library import Library
from models.case import fold, next_rung
from models.decisions import Decide
from models.events import Opening
from models.referral import Referral, opening_of
from models.timescale import local_date
from models.turn import opened

STEPS = 20
WITH_LETTERS = (5, 10, 15, 20)
"""The steps whose decision has five letters sent."""
RECIPIENTS = ("business-manager", "lscb", "sub-group", "panel", "ofsted")
LETTERS_A_CASE = len(WITH_LETTERS) * len(RECIPIENTS)
REASON = "The sub-group has weighed what the agencies told it, and the criteria are met."


def procedure() -> str:
    """The story as a procedure file."""
    steps = []
    for number in range(1, STEPS + 1):
        after = "notified" if number == 1 else f"s{number - 1}.done"
        lines = [
            "[[step]]",
            f'id = "s{number}"',
            f'row = "b-{number}"',
            'stage = "Work"',
            f'title = "Piece of work number {number}"',
            'who = "chair"',
            f'after = "{after}"',
            'within = "10 working days"',
            'outcomes.done = "It is done"',
        ]
        if number in WITH_LETTERS:
            lines.append(f'letters = [{{ template = "decision-notice", to = {json.dumps(RECIPIENTS)} }}]')
        steps.append("\n".join(lines))
    roles = "\n".join(f'{role} = "{role.title()}"' for role in ("chair", *RECIPIENTS))
    head = 'id = "bench"\ntitle = "A story of twenty decisions"\ncalendar = "england-and-wales"\nbegins = "notified"\n'
    head += f'managed_by = ["business-manager", "chair"]\nends = ["s{STEPS}.done"]\n\n[roles]\n{roles}\n'
    ladder = '[[escalation]]\nat = "expiry"\ndo = "overdue"\nto = []\n'  # written down; the story has no letter then
    begun = '[[step]]\nid = "notified"\nrow = "b-0"\nstage = "Work"\ntitle = "Hear of the case"\nwho = "chair"\n'
    return "\n".join([head, ladder, begun, *steps]) + "\n"


def furnish(data: Path) -> Library:
    """Put the procedure into a data folder and give its library."""
    (data / "procedures").mkdir(parents=True, exist_ok=True)
    (data / "procedures" / "bench.toml").write_text(procedure(), encoding="utf-8")
    return Library(data)


def referral(number: int) -> Referral:
    """The referral of one case; every case has another child."""
    return Referral.model_validate(
        {
            "board": "demo",
            "procedure": "bench",
            "received": date.today(),
            "why": "A story for the benchmarks; all of it is invented.",
            "agencies": ["health"],
            "child": {"name": f"Example {number}", "born": "2024-03-09"},
            "referrer": {"name": "N. Body", "title": "Nurse", "email": "referrer@example.org"},
        }
    )


def opening(library: Library, reference: str, now: datetime) -> Opening:
    """The opening of a case that no referral was filed for."""
    board, rules = library.board("demo"), library.procedure("bench")
    calendar = library.calendar(rules.calendar)
    return opening_of(referral(0), reference, board, rules, calendar, local_date(now, calendar))


def behind(first: Opening, due: datetime) -> timedelta:
    """How far a case's clock must be behind the engine's for its first deadline to strike when that says `due`."""
    rung = next_rung(fold(opened(first, due)))
    assert rung is not None
    return due - rung.at


def decision(reference: str, number: int) -> Decide:
    """The decision that does a step."""
    return Decide(
        id=f"{reference}-{number:04d}",
        by="chair",
        step=f"s{number}",
        outcome="done",
        made_on=date.today(),
        because=REASON,
    )


def plain_decision(reference: str, number: int) -> dict[str, Any]:
    """The same for the plain workflow, as a dictionary."""
    return decision(reference, number).model_dump(mode="json")
