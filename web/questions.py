"""The questions of which a referral on the pages is made: which there are, how an answer is read, what is left to ask.

Answers are kept as they were typed, by question and field; a date is three fields, its day or month left empty where
it is not known. What an answer must be is said in `models/answers.py`, for the command line too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError
from starlette.datastructures import FormData

from library import Library
from models import answers
from models.board import Board
from models.criteria import ReferralFacts
from models.period import PeriodError
from models.procedure import Procedure, faults_of
from models.referral import Referral
from models.refusal import Refusal
from models.timescale import Day, exact, parse_day, say, say_day

Given = Mapping[str, Mapping[str, Any]]
"""What has been typed: question -> field -> text, or a list of texts where several may be chosen."""
LONGEST = 20_000
"""Characters of the longest answer."""
PARTS = ("day", "month", "year")


@dataclass(frozen=True)
class Field:
    """A field of a question; `read` gives what its text says, or raises Refusal. `choices` are ids with words."""

    name: str
    label: str
    read: Callable[[Any], Any]
    kind: Literal["text", "long", "date", "one", "several"] = "text"
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()

    def typed(self, form: FormData) -> dict[str, Any]:
        """What a form holds for this field, as it was typed."""
        if self.kind == "several":
            return {self.name: [str(one)[:LONGEST] for one in form.getlist(self.name)]}
        names = [f"{self.name}-{part}" for part in PARTS] if self.kind == "date" else [self.name]
        return {name: str(form.get(name, "")).strip()[:LONGEST] for name in names}

    def value(self, given: Mapping[str, Any]) -> Any:
        """What was typed, read. Raises Refusal."""
        if self.kind == "several":
            return self.read(given.get(self.name, []))
        if self.kind == "date":
            return self.read(_day(*(given.get(f"{self.name}-{part}", "") for part in PARTS)))
        return self.read(given.get(self.name, ""))

    def shown(self, given: Mapping[str, Any]) -> str:
        """The answer in words; empty where it was left out."""
        value, words = self.value(given), dict(self.choices)
        if self.kind == "several":
            return "\n".join(words[one] for one in value)
        if self.kind == "one":
            return words[given[self.name]]
        if self.kind == "date" and value is not None:
            whole = exact(value)
            return say(whole) if whole else say_day(value)
        return "\n".join(value) if isinstance(value, tuple) else value or ""


class Question(NamedTuple):
    """One page: a question of one field or of several that belong together; `section` is the heading it is under."""

    id: str
    title: str
    section: str
    fields: tuple[Field, ...]
    hint: str = ""

    def typed(self, form: FormData) -> dict[str, Any]:
        """What a form holds for this question, as it was typed."""
        return {name: text for field in self.fields for name, text in field.typed(form).items()}

    def faults(self, given: Mapping[str, Any]) -> dict[str, str]:
        """What is wrong with what was typed, by field; empty where nothing is."""
        found = {}
        for field in self.fields:
            try:
                field.value(given)
            except Refusal as refusal:
                found[field.name] = str(refusal)
        if self.id == "family" and not found and any(given.values()) and not given.get("name"):
            found["name"] = "Give the name too, or leave all of it empty."
        return found

    def values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What was typed, read; what was left out is left out. Raises Refusal."""
        read = {field.name: field.value(given) for field in self.fields}
        return {name: value for name, value in read.items() if value is not None}

    def is_answered(self, given: Given) -> bool:
        """Whether this question has an answer that can be taken."""
        return self.id in given and not self.faults(given[self.id])


def questions(library: Library, board: Board, today: date, given: Given) -> list[Question]:
    """The questions of a referral to a board, in order; some depend on the answers so far. `today` is local."""
    procedure = procedure_of(library, board, given)
    found = _head(library, board, today) + _before(procedure, _received(today, given))
    if procedure.child:
        found += [_child(today)]
    found += [_referrer(), *_family(procedure)]
    if procedure.child:
        found += [_fact(fact, words) for fact, words in answers.FACTS.items()]
    return found


def procedure_of(library: Library, board: Board, given: Given) -> Procedure:
    """The procedure that was chosen; the board's own until then."""
    chosen = given.get("procedure", {}).get("procedure", "")
    return library.procedure(chosen if chosen in library.procedures() else board.procedure)


def referral_of(board: Board, asked: list[Question], given: Given) -> Referral:
    """The referral that the answers make. Raises Refusal where one is missing or cannot be right."""
    missing = [question.title for question in asked if not question.is_answered(given)]
    if missing:
        raise Refusal("\n".join(f"Not answered yet: {title}" for title in missing))
    said: dict[str, Any] = {"board": board.id, "stated": {}}
    facts: dict[str, bool | None] = {}
    for question in asked:
        values = question.values(given[question.id])
        if question.id in ("child", "referrer"):
            said[question.id] = values
        elif question.id == "family":
            said |= {"family": values} if values else {}
        elif question.id in answers.FACTS:
            facts |= {question.id: values.get(question.id)}
        elif question.id.startswith("before-"):
            said["stated"] |= {question.id.removeprefix("before-"): day for day in values.values()}
        else:
            said |= values
    try:
        return Referral.model_validate(said | {"facts": ReferralFacts(**facts)})
    except ValidationError as error:
        raise Refusal("\n".join(faults_of(error))) from error


def _head(library: Library, board: Board, today: date) -> list[Question]:
    section = "The referral"
    known = {name: library.procedure(name).title for name in library.procedures()}
    own = {board.procedure: f"{known[board.procedure]} (what your Board works by)"}
    procedures, agencies = tuple((own | {k: v for k, v in known.items() if k not in own}).items()), board.agencies
    members = tuple((key, agency.name) for key, agency in agencies.items())
    return [
        Question("procedure", "Under which procedure is it referred?", section, (
            Field("procedure", "Procedure", lambda text: _chosen(text, known), "one", choices=procedures),
        )),
        Question("received", "On which day did the Board first hear of it?", section, (
            Field("received", "Day", lambda text: answers.received(answers.words(text), today), "date",
                  "By word or in writing, whichever came first. Leave the day empty where only the month is known."),
        ), "The time limits count from this day."),
        Question("why", "Why is it referred?", section, (
            Field("why", "What happened", answers.words, "long", "A few sentences. This is kept under seal."),
        )),
        Question("agencies", "Which agencies knew the child or the family?", section, (
            Field("agencies", "Agencies", lambda named: answers.agencies(named, agencies), "several",
                  "Choose all that did. Others can be involved later.", members),
        )),
    ]  # fmt: skip


def _before(procedure: Procedure, received: Day) -> list[Question]:
    """The steps that lie before a case, such as consulting the designated lead (000-2, 003-2)."""
    hint = "Leave it empty if it was not done: the step then stays open until it is confirmed in the case."
    return [
        Question(f"before-{step.id}", step.title, "Before the case", (
            Field("day", "On which day was it done?", lambda text: answers.stated(text, received), "date", hint),
        ), f"Row {step.row} of the guidance." if step.row else "")
        for step in procedure.step
        if step.precedes
    ]  # fmt: skip


def _child(today: date) -> Question:
    return Question("child", "Who is the child?", "The child", (
        Field("name", "Name", answers.words),
        Field("also_known_as", "Also known as", answers.perhaps, hint="Leave empty if nothing."),
        Field("born", "Date of birth", lambda text: _past(text, today), "date", "Leave empty if not known."),
        Field("died", "Date of death", lambda text: _past(text, today), "date", "Leave empty if none, or not known."),
        Field("address", "Address", answers.perhaps, hint="Leave empty if not known."),
    ), "This is kept under seal in the register and nowhere else.")  # fmt: skip


def _family(procedure: Procedure) -> list[Question]:
    """To whom of the family letters go, where the procedure knows a family."""
    if "family" not in procedure.roles:
        return []
    return [
        Question("family", "To whom of the family do letters go?", "The family", (
            Field("name", "Name", answers.perhaps, hint="Leave all of it empty if nobody is known yet."),
            Field("address", "Address", answers.lines, "long", "Line by line. Letters go there by post."),
            Field("email", "E-mail address", answers.perhaps_email, hint="Leave empty if letters go by post."),
        ), "This is kept under seal in the register and nowhere else."),
    ]  # fmt: skip


def _referrer() -> Question:
    return Question("referrer", "Who refers?", "The referrer", (
        Field("name", "Name", answers.words),
        Field("title", "Position", answers.words),
        Field("organisation", "Organisation", answers.words),
        Field("email", "E-mail address", answers.email, hint="The Board's answers go there."),
    ))  # fmt: skip


def _fact(fact: str, words: str) -> Question:
    choices = (("yes", "Yes"), ("no", "No"), ("not known", "Not known"))

    def read(text: str) -> bool | None:
        return answers.yes_or_no(_chosen(text, dict(choices)))

    hint = "Answer what is known today. What the facts meet is shown before you send; a person decides."
    return Question(fact, words, "The facts", (Field(fact, words, read, "one", choices=choices),), hint)


def _received(today: date, given: Given) -> Day:
    typed = given.get("received", {})
    try:
        text = _day(*(typed.get(f"received-{part}", "") for part in PARTS))
        return answers.received(text, today) if text else today
    except Refusal:
        return today


def _chosen(text: str, known: Mapping[str, Any]) -> str:
    if text not in known:
        raise Refusal("Choose one of the answers.")
    return text


def _past(text: str, today: date) -> date | None:
    day = answers.whole_day(text)
    if day is not None and day > today:
        raise Refusal("That lies in the future; give a day that has come.")
    return day


def _day(day: str, month: str, year: str) -> str:
    """The text of a day of its three fields: "2026-11-16", "2026-11", "2026" or nothing. Raises Refusal."""
    if not (day or month or year):
        return ""
    parts = [year, *([f"{month:0>2}"] if month or day else []), *([f"{day:0>2}"] if day else [])]
    try:
        parse_day("-".join(parts))
    except PeriodError as error:
        raise Refusal("That is no day of the calendar; write it like 16 11 2026.") from error
    return "-".join(parts)
