"""Invented cases on which a wording is tried before it is used. All people and places in them are invented."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from activities.safe_rendering import Given
from models.board import Board
from models.letters import Correspondent, LetterOrder

REFERENCE = "EXAMPLE-2026-001"
FACTS: dict[str, Any] = {
    "procedure_title": "Example review (invented rules)",
    "step_title": "Consider the case against the criteria",
    "row": "1-23",
    "who": "Review sub-group",
    "outcome": "Begin a review",
    "outcome_id": "begin",
    "reason": "The criteria are met.\nTwo agencies did not share what they knew.",
    "note": "A criminal investigation has begun.",
    "decided_on": "2026-03-23",
    "notified_on": "2026-03",
    "due": "2026-04-12",
    "act_by": "2026-04-10",
    "because": "Thursday 12 March 2026 is not counted; one month later is Sunday 12 April 2026.",
    "reply_by": "2026-05-06",
    "agency": "Fernmouth Health Trust",
    "publication": "2027-02-15",
    "planned": "2027-02-22",
    "due_dates": [
        {"title": "Recommend to the Chair", "who": "Sub-group", "due": "2026-04-22", "act_by": "2026-04-22"},
        {"title": "Decide", "who": "Chair", "due": "2026-04-12", "act_by": "2026-04-10"},
        {"title": "Report"},
    ],
    "moved_from": "2026-04-06",
    "rung": "2 working days overdue",
    "since": "2026-04-13",
    "action": {"title": "Name a nurse for every school", "owner": "Fernmouth Health Trust", "due": "2026-12-01"},
    "proposed": "2027-06-01",
    "terms": ["How information was shared", "Whether the child was heard"],
}
"""Every fact that a case can tell a letter; each is tried given and not given."""
CHILD = {
    "name": "Oriel Example-Thorne",
    "also_known_as": "Ory",
    "born": "2019-03-17",
    "died": "2026-02-01",
    "address": "3 Invented Mews, Fernmouth",
}
PRINTED = {
    "reference": "the reference of the case",
    "board.name": "the Board",
    "board.sender.email": "the e-mail address of its office; also phone and website, between {% if … %}",
    "sender.name": "who signs; also title, organisation and email",
    "recipient.name": "to whom the letter goes; also title and organisation",
    "procedure_title": "the procedure of the case",
    "step_title": "the step that the letter is about",
    "row": "its row in the guidance",
    "who": "the role that owes the step",
    "outcome": "how the step was decided",
    "outcome_id": "the same as the procedure's short name, for {% if outcome_id == … %}",
    "reason": "the reason of the decision told of",
    "note": "the note of the entry itself",
    "decided_on | day": "the day of the decision",
    "notified_on | day": "the day on which the case was notified",
    "due | day": "the day by which the step is due",
    "act_by | day": "the last working day to act",
    "because": "how the date was counted",
    "reply_by | day": "the day by which an answer is asked for",
    "agency": "the agency that the letter is about",
    "publication | day": "the planned day of publication",
    "planned | day": "the planned day that the step is counted back from",
    "due_dates": "what happens next, a list: title, who, due and act_by of each",
    "moved_from | day": "the due day before it was moved",
    "rung": "how late the step is, in words",
    "since | day": "the day from which the step is overdue",
    "action": "an agreed action: title, owner and due",
    "proposed | day": "another day of completion that is asked for",
    "terms": "the terms of reference: one text, or a list",
    "child.name": "the child, where the first lines say child = true; also also_known_as, born, died and address",
}
"""What a letter may print, as it is written between {{ and }}, and what that is."""


def whole(board: Board, letter: str) -> tuple[Given, Given]:
    """The letter with everything that can be known, and with the least."""
    sender = Correspondent(name="Morwenna Quillfeather", title="Independent Chair", email="chair@fernmouth.example")
    recipient = Correspondent(
        name="Tobias Larkspur",
        title="Chief Executive",
        organisation="Fernmouth Health Trust",
        address=("1 Invented Street", "Fernmouth"),
        email="chief.executive@health.fernmouth.example",
    )
    full = Given(
        order=_order(letter, FACTS),
        reference=REFERENCE,
        board=board.model_copy(update={"fictional": True}),  # so that it says that it is none to be sent
        sender=sender,
        recipient=recipient,
        child=CHILD,
        told="every fact given",
    )
    nobody = Correspondent(title="The Records Office", address=("2 Invented Street", "Fernmouth"))
    bare = {"order": _order(letter, {}), "child": {"name": CHILD["name"]}, "told": "no fact given"}
    contact = board.sender.model_copy(update={"phone": "", "website": ""})
    board = full.board.model_copy(update={"sender": contact})
    return full, full.model_copy(update={**bare, "board": board, "recipient": nobody})


def partly(board: Board, letter: str) -> Iterator[Given]:
    """The letter with each fact left out, with each fact alone, and with facts in another form."""
    full, least = whole(board, letter)
    for name in FACTS:
        others = {other: FACTS[other] for other in FACTS if other != name}
        yield full.model_copy(update={"order": _order(letter, others), "told": f"no {name}"})
    for name, value in FACTS.items():
        yield least.model_copy(update={"order": _order(letter, {name: value}), "told": f"no fact but {name}"})
    other = {"terms": "What was known, and to whom.", "action": {"title": "Train the staff"}}
    yield full.model_copy(update={"order": _order(letter, FACTS | other), "told": "terms as one text"})


def _order(letter: str, facts: dict[str, Any]) -> LetterOrder:
    on = date(2026, 4, 15)
    return LetterOrder(id="1-example", template=letter, sender="chair", recipient="referrer", on=on, facts=facts)
