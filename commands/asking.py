"""A referral taken by asking question by question, as the board's form would.

Each answer is checked as it is given, and asked for again where it cannot be right. What is asked is what a referral
file may say; both become the same `Referral`.
"""

from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar

import typer
from pydantic import ValidationError

from library import Library
from models import answers
from models.board import Board
from models.criteria import ReferralFacts
from models.procedure import Procedure, faults_of
from models.referral import Referral
from models.refusal import Refusal
from models.timescale import Day

T = TypeVar("T")


def ask_referral(library: Library, today: date) -> Referral:
    """Ask for everything a referral says; `today` is the local date. Raises Refusal where the answers do not agree."""
    board = _board(library)
    procedure = _procedure(library, board)
    received = _ask(
        "On which day did the Board first hear of it (2026-11-16, or 2026-11)?",
        lambda answer: answers.received(answer, today),
    )
    given: dict[str, Any] = {
        "board": board.id,
        "procedure": procedure.id,
        "received": received,
        "why": _ask("Why is it referred? What happened, in a few sentences", answers.words),
        "agencies": _agencies(board),
        "stated": _stated(procedure, received),
    }
    if procedure.child:
        given["child"] = _child()
    typer.echo("\nWho refers")
    given["referrer"] = _some(
        name=_ask("Name", answers.words),
        title=_ask("Position", answers.words),
        organisation=_ask("Organisation", answers.words),
        email=_ask("E-mail address", answers.email),
    )
    family = _family()
    if family:
        given["family"] = family
    if procedure.child:
        typer.echo("\nThe criteria. Answer yes or no; leave empty what is not known.")
        facts = {fact: _ask(question, answers.yes_or_no) for fact, question in answers.FACTS.items()}
        given["facts"] = ReferralFacts(**facts)
    try:
        return Referral.model_validate(given)
    except ValidationError as error:
        raise Refusal(f"This referral cannot be taken: {'; '.join(faults_of(error))}.") from error


def _family() -> dict[str, Any]:
    """To whom letters to the family go; empty where nobody is known."""
    name = _ask("\nTo whom of the family letters go (leave empty if not known)", answers.perhaps)
    if name is None:
        return {}
    address = _ask("Their address, its lines separated by commas (leave empty if not known)", answers.perhaps)
    return {"name": name, "address": [line.strip() for line in (address or "").split(",") if line.strip()]}


def _child() -> dict[str, Any]:
    typer.echo("\nThe child. This is kept under seal in the register and nowhere else.")
    return _some(
        name=_ask("Name", answers.words),
        also_known_as=_ask("Also known as (leave empty if nothing)", answers.perhaps),
        born=_ask("Date of birth (leave empty if not known)", answers.whole_day),
        died=_ask("Date of death (leave empty if none, or not known)", answers.whole_day),
        address=_ask("Address (leave empty if not known)", answers.perhaps),
    )


def _ask(question: str, read: Callable[[str], T]) -> T:
    """Ask until the answer can be read; what is wrong with it is said in one sentence."""
    while True:
        answer = typer.prompt(question, default="", show_default=False, prompt_suffix=": ")
        try:
            return read(str(answer).strip())
        except Refusal as refusal:
            typer.echo(f"  {refusal}")


def _board(library: Library) -> Board:
    known = list(library.boards())

    def read(answer: str) -> Board:
        return library.board(answers.one_of(answer, known, "board"))

    return _ask(f"Which board ({', '.join(known)})?", read)


def _procedure(library: Library, board: Board) -> Procedure:
    known = list(library.procedures())

    def read(answer: str) -> Procedure:
        return library.procedure(answers.one_of(answer or board.procedure, known, "procedure"))

    return _ask(f"Under which procedure? Leave empty for {board.procedure}", read)


def _agencies(board: Board) -> tuple[str, ...]:
    for key, agency in board.agencies.items():
        typer.echo(f"  {key}: {agency.name}")

    return _ask(
        "Which agencies knew the child or the family (separated by commas)?",
        lambda answer: answers.agencies(answer.split(","), board.agencies),
    )


def _stated(procedure: Procedure, received: Day) -> dict[str, Day]:
    """The days of steps that lie before a case, such as consulting the designated lead (000-2, 003-2)."""
    stated = {}
    for step in procedure.step:
        if not step.precedes:
            continue
        question = f"{step.title} ({step.row}): on which day? Leave empty if not done"
        day = _ask(question, lambda answer: answers.stated(answer, received))
        if day is None:
            typer.echo("  The referral is taken all the same; the step stays open until it is confirmed.")
        else:
            stated[step.id] = day
    return stated


def _some(**given: Any) -> dict[str, Any]:
    """The fields that were answered."""
    return {name: value for name, value in given.items() if value is not None}
