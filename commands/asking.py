"""A referral taken by asking question by question, as the board's form would.

Each answer is checked as it is given, and asked for again where it cannot be right. What is asked is what a referral
file may say; both become the same `Referral`.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, TypeVar

import typer
from pydantic import ValidationError

from library import Library
from models.board import Board
from models.criteria import ReferralFacts
from models.procedure import Procedure, faults_of
from models.referral import Referral
from models.refusal import Refusal
from models.timescale import Day, earliest, exact, latest, parse_day

T = TypeVar("T")

FACTS = {
    "abuse_or_neglect": "Is abuse or neglect of the child known or suspected?",
    "died": "Has the child died, by suicide included?",
    "seriously_harmed": "Was the child seriously harmed?",
    "concern_how_agencies_worked": "Is there cause for concern about how agencies worked together?",
    "died_in_custody": "Did the child die in custody, on remand or after sentence, or in a secure establishment?",
    "died_while_detained": "Did the child die while detained under the Mental Health Act 1983?",
    "deprived_of_liberty": "Was the child, aged 16 or 17, deprived of liberty under the Mental Capacity Act 2005?",
}
"""What the criteria test on, as questions."""

ANSWERS = {"y": True, "yes": True, "n": False, "no": False, "": None, "not known": None}


def ask_referral(library: Library, today: date) -> Referral:
    """Ask for everything a referral says; `today` is the local date. Raises Refusal where the answers do not agree."""
    board = _board(library)
    procedure = _procedure(library, board)
    received = _ask("On which day did the Board first hear of it (2026-11-16, or 2026-11)?", _day(today))
    given: dict[str, Any] = {
        "board": board.id,
        "procedure": procedure.id,
        "received": received,
        "why": _ask("Why is it referred? What happened, in a few sentences", _words),
        "agencies": _agencies(board),
        "stated": _stated(procedure, received),
    }
    if procedure.child:
        given["child"] = _child()
    typer.echo("\nWho refers")
    given["referrer"] = _some(
        name=_ask("Name", _words),
        title=_ask("Position", _words),
        organisation=_ask("Organisation", _words),
        email=_ask("E-mail address", _email),
    )
    if procedure.child:
        typer.echo("\nThe criteria. Answer yes or no; leave empty what is not known.")
        given["facts"] = ReferralFacts(**{fact: _ask(question, _yes_or_no) for fact, question in FACTS.items()})
    try:
        return Referral.model_validate(given)
    except ValidationError as error:
        raise Refusal(f"This referral cannot be taken: {'; '.join(faults_of(error))}.") from error


def _child() -> dict[str, Any]:
    typer.echo("\nThe child. This is kept under seal in the register and nowhere else.")
    return _some(
        name=_ask("Name", _words),
        also_known_as=_ask("Also known as (leave empty if nothing)", _perhaps),
        born=_ask("Date of birth (leave empty if not known)", _whole_day),
        died=_ask("Date of death (leave empty if none, or not known)", _whole_day),
        address=_ask("Address (leave empty if not known)", _perhaps),
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
        return library.board(_one_of(answer, known, "board"))

    return _ask(f"Which board ({', '.join(known)})?", read)


def _procedure(library: Library, board: Board) -> Procedure:
    known = list(library.procedures())

    def read(answer: str) -> Procedure:
        return library.procedure(_one_of(answer or board.procedure, known, "procedure"))

    return _ask(f"Under which procedure? Leave empty for {board.procedure}", read)


def _agencies(board: Board) -> tuple[str, ...]:
    for key, agency in board.agencies.items():
        typer.echo(f"  {key}: {agency.name}")

    def read(answer: str) -> tuple[str, ...]:
        named = [name.strip() for name in answer.split(",") if name.strip()]
        if not named:
            raise Refusal("Name at least one agency that knew the child or the family.")
        return tuple(dict.fromkeys(_one_of(name, board.agencies, "agency") for name in named))

    return _ask("Which agencies knew the child or the family (separated by commas)?", read)


def _stated(procedure: Procedure, received: Day) -> dict[str, Day]:
    """The days of steps that lie before a case, such as consulting the designated lead (000-2, 003-2)."""
    stated = {}
    for step in procedure.step:
        if not step.precedes:
            continue

        def read(answer: str) -> Day | None:
            if not answer:
                return None
            day = parse_day(answer)
            if earliest(day) > latest(received):
                raise Refusal("That is after the referral was received; give the day it was done.")
            return day

        day = _ask(f"{step.title} ({step.row}): on which day? Leave empty if not done", read)
        if day is None:
            typer.echo("  The referral is taken all the same; the step stays open until it is confirmed.")
        else:
            stated[step.id] = day
    return stated


def _one_of(answer: str, known: Iterable[str], what: str) -> str:
    if answer not in known:
        raise Refusal(f"{answer[:60]!r} is no {what} here; write one of {', '.join(known)}.")
    return answer


def _words(answer: str) -> str:
    if not answer:
        raise Refusal("This cannot be left empty.")
    return answer


def _perhaps(answer: str) -> str | None:
    return answer or None


def _email(answer: str) -> str:
    if answer.count("@") != 1 or answer.startswith("@") or answer.endswith("@") or " " in answer:
        raise Refusal("That is no e-mail address; write it like name@organisation.example.")
    return answer


def _day(today: date) -> Callable[[str], Day]:
    def read(answer: str) -> Day:
        day = parse_day(answer)
        if earliest(day) > today:
            raise Refusal("That lies in the future; give the day it was received.")
        return day

    return read


def _whole_day(answer: str) -> date | None:
    if not answer:
        return None
    day = exact(parse_day(answer))
    if day is None:
        raise Refusal("Write the whole date, like 2024-03-09, or leave it empty.")
    return day


def _yes_or_no(answer: str) -> bool | None:
    if answer.lower() not in ANSWERS:
        raise Refusal("Answer yes or no, or leave it empty.")
    return ANSWERS[answer.lower()]


def _some(**given: Any) -> dict[str, Any]:
    """The fields that were answered."""
    return {name: value for name, value in given.items() if value is not None}
