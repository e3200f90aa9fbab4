"""A letter order → subject, plain text, HTML, PDF/UA. One Jinja2 Markdown source a letter, one fixed layout.

A template may print `reference`, `board`, `sender`, `recipient` and the names of `LetterFacts`; where its
front matter says `child = true` also `child`. Every printed value is escaped; an unknown name is an error.
"""

import json
import re
import tomllib
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, ValidationError

from activities import markup
from models.board import Board
from models.letters import (
    ChildIdentity,
    Correspondent,
    LetterFacts,
    LetterOrder,
    RenderedLetter,
    content_hash,
)
from models.timescale import PeriodError, parse_day, say, say_day
from models.toml import read_toml
from typesetting import MARKING, Typesetter, TypesettingError, check_layout

DEMONSTRATION = "Demonstration: all people and places in this letter are invented"
WINDOW_LINES = 7  # what the window of a C5 or DL envelope shows
TITLE_FACTS = (
    "procedure_title",
    "step_title",
    "row",
    "who",
    "agency",
)  # the procedure's words: nothing personal

_NOT_GIVEN = "it prints a fact that the case has not given: put it between {% if … %} and {% endif %}"
_MOST_TEMPLATES = 200
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SOURCE = re.compile(r"\A\+\+\+\n(?P<front>.*?)^\+\+\+\n(?P<body>.*)\Z", re.DOTALL | re.MULTILINE)


class LetterError(ValueError):
    """A letter cannot be made; the message is one sentence to act on and holds nothing of a letter's content."""


class FillingError(LetterError):
    """A template fails on the facts it is given; wording that is written for it can make the message quote them."""


class FrontMatter(BaseModel):
    """The TOML between the +++ lines at the head of a template.

    `title` is the subject (it may print the names of TITLE_FACTS alone), `signed_by` stands below the signer's
    name in place of their title, `child` lets the letter identify the child, `dear` and `closing` replace
    "Dear …" and "Yours …".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    signed_by: str | None = None
    child: bool = False
    dear: str | None = None
    closing: str | None = None


def day(value: str | date | None) -> str:
    """Jinja filter: "2013-07-08" → "Monday 8 July 2013", "2013-07" → "July 2013", "2013" → "2013"."""
    if value is None:
        raise LetterError(_NOT_GIVEN)
    if isinstance(value, date):
        return say(value)
    try:
        return say_day(parse_day(value))
    except PeriodError as error:
        raise LetterError(f"A letter prints as a day what is none: {error}") from error


def _shown(value: object) -> str:
    if value is None:
        raise LetterError(_NOT_GIVEN)
    if isinstance(value, jinja2.Undefined | str | int):
        return str(value)  # an Undefined raises here, with its name
    raise LetterError(f"it prints a {type(value).__name__} as a whole: print its parts")


def _escaped(value: object) -> str:
    return markup.escape(_shown(value))


class _Sandbox(ImmutableSandboxedEnvironment):
    """Wording that prints facts and does nothing else; the same facts give the same words."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.filters["day"] = day
        del self.globals["lipsum"], self.filters["random"]  # they draw by lot

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Of a model its fields alone: `parse_raw` and its like read files and run what they are given."""
        if isinstance(obj, BaseModel):
            return attr in type(obj).model_fields
        return super().is_safe_attribute(obj, attr, value)


class _Loader(jinja2.FileSystemLoader):
    """Gives sources with their line ends kept."""

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        source, path, up_to_date = super().get_source(environment, template)
        return _keep_line_ends(source), path, up_to_date


def _keep_line_ends(source: str) -> str:
    """Lines of nothing but tags leave no line behind; lines with words or an include keep their end."""
    return "\n".join(map(_keep_line_end, source.splitlines())) + "\n"


def _keep_line_end(line: str) -> str:
    words = re.sub(r"\{%(?!-?\s*include).*?%\}", "", line).strip()
    return re.sub(r"\s*(?<![-+])%\}$", " +%}", line) if words else line


class Renderer:
    """Renders letters. The first folder that holds a template wins (a board's own before the default ones).

    The layout is `letter.typ` of the last folder: boards word their letters, they do not lay them out.
    `fonts` is the folder of the only fonts used. Safe to share between threads.
    """

    def __init__(self, template_folders: list[Path], fonts: Path) -> None:
        self._loader = _Loader(template_folders)
        self._body = _Sandbox(
            loader=self._loader,
            undefined=jinja2.StrictUndefined,
            finalize=_escaped,
            autoescape=False,  # values are escaped as Markdown, by `finalize`
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates: dict[tuple[bool, str], jinja2.Template] = {}
        self._title = self._body.overlay(finalize=_shown)
        self._layout = (template_folders[-1] / "letter.typ").read_bytes()
        try:
            check_layout(self._layout, "letter.typ")
        except TypesettingError as error:
            raise LetterError(str(error)) from error
        self._typesetter = Typesetter(fonts)

    def render(
        self,
        order: LetterOrder,
        reference: str,
        board: Board,
        sender: Correspondent,
        recipient: Correspondent,
        child: Mapping[str, Any] | None,
        wording: str | None = None,
    ) -> RenderedLetter:
        """The letter that an order asks for; the same arguments give the same bytes.

        `child` (the keys of ChildIdentity) is looked at by letters with `child = true` alone; `wording` is a source
        that stands in for the letter's file: render one that was edited in the browser in a process of its own
        (`activities/safe_rendering.py`). Raises LetterError.
        """
        front, title, blocks = self.fill(order, reference, board, sender, recipient, child, wording)
        letter = _compose(front, title, order.on, reference, board, sender, recipient)
        subject = f"{reference}: {title}"
        text, html = _as_text(letter, blocks), _as_html(letter, blocks)
        pdf = self._typeset(order.template, {**letter, "blocks": markup.to_data(blocks)}, order.on)
        return RenderedLetter(
            subject=subject, text=text, html=html, pdf=pdf, sha256=content_hash(subject, text, html, pdf)
        )

    def fill(
        self,
        order: LetterOrder,
        reference: str,
        board: Board,
        sender: Correspondent,
        recipient: Correspondent,
        child: Mapping[str, Any] | None,
        wording: str | None = None,
    ) -> tuple[FrontMatter, str, tuple[markup.Block, ...]]:
        """A letter's front matter, title and blocks, filled in and not yet set. Arguments and errors as in `render`."""
        front, source = self._read(order.template, wording)
        facts = _facts(order)
        context = {"reference": reference, "board": board, "sender": sender, "recipient": recipient, **facts}
        if front.child:
            context["child"] = _child(order.template, child)
        named = {name: facts[name] for name in TITLE_FACTS}
        title = " ".join(self._fill(self._title, order.template, front.title, named).split())
        blocks = markup.parse(self._fill(self._body, order.template, source, context))
        if not blocks:
            raise LetterError(f'The letter "{order.template}" says nothing.')
        return front, title, blocks

    def _read(self, name: str, wording: str | None) -> tuple[FrontMatter, str]:
        """Front matter and body; the body keeps its line numbers."""
        source = self._source(name) if wording is None else _keep_line_ends(wording)
        parts = _SOURCE.match(source)
        if parts is None:
            raise LetterError(f'The letter "{name}" should begin with TOML between two lines of +++.')
        try:
            front = FrontMatter.model_validate(read_toml(parts["front"]))
        except tomllib.TOMLDecodeError as error:
            raise LetterError(f'The front matter of the letter "{name}" is not TOML: {error}.') from error
        except ValidationError as error:
            raise LetterError(f'The front matter of the letter "{name}" is wrong: {_first(error)}.') from error
        return front, "\n" * source[: parts.start("body")].count("\n") + parts["body"]

    def _compiled(self, environment: jinja2.Environment, source: str) -> jinja2.Template:
        """A template of this text; the same text again need not be read again."""
        key = (environment is self._title, source)
        if key not in self._templates:
            if len(self._templates) >= _MOST_TEMPLATES:
                self._templates.clear()
            self._templates[key] = environment.from_string(source)
        return self._templates[key]

    def _source(self, name: str) -> str:
        if _NAME.fullmatch(name):
            with suppress(jinja2.TemplateNotFound):
                return self._loader.get_source(self._body, f"{name}.md.j2")[0]
        raise LetterError(f'There is no letter "{name}": templates/letters/{name}.md.j2 would be its text.')

    def _fill(self, environment: jinja2.Environment, name: str, source: str, context: dict[str, Any]) -> str:
        try:
            return self._compiled(environment, source).render(context)
        except jinja2.TemplateSyntaxError as error:
            raise LetterError(f'The letter "{name}" is wrong in line {error.lineno}: {error.message}.') from error
        except (jinja2.TemplateError, LetterError) as error:
            why = str(error).rstrip(".")
            raise FillingError(f'The letter "{name}" cannot be filled in{_line(error)}: {why}.') from error
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
            why = f"its template fails ({type(error).__name__})"
            raise FillingError(f'The letter "{name}" cannot be filled in{_line(error)}: {why}.') from error

    def _typeset(self, name: str, letter: dict[str, Any], on: date) -> bytes:
        try:
            return self._typesetter.pdf(self._layout, {"letter.json": json.dumps(letter)}, on)
        except TypesettingError as error:
            # Without the cause: Typst quotes the letter, and what is raised here is logged.
            raise LetterError(_why_not(name, error)) from None


def _line(error: Exception) -> str:
    """Where a letter's own wording failed; Jinja puts its lines into the trace, under this name of a file."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return f" (line {lines[-1]})" if lines else ""


def _facts(order: LetterOrder) -> dict[str, Any]:
    try:
        facts = LetterFacts.model_validate(order.facts)
    except ValidationError as error:
        raise LetterError(f'The facts of the letter "{order.id}" are wrong: {_first(error)}.') from None
    return {name: getattr(facts, name) for name in LetterFacts.model_fields}


def _child(name: str, child: Mapping[str, Any] | None) -> ChildIdentity:
    if child is None:
        raise LetterError(f'The letter "{name}" must identify the child: record the identity in the register first.')
    try:
        return ChildIdentity.model_validate(child)
    except ValidationError as error:
        raise LetterError(f"The child's identity is wrong: {_first(error)}.") from None


def _first(error: ValidationError) -> str:
    """The first fault in words, without the value that was given."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _why_not(name: str, error: TypesettingError) -> str:
    if error.lacks_sign:
        return f'The letter "{name}" holds a sign that its font cannot show: write it in Latin letters.'
    return f'The letter "{name}" does not pass as an accessible PDF: {error}.'


def _compose(
    front: FrontMatter,
    title: str,
    on: date,
    reference: str,
    board: Board,
    sender: Correspondent,
    recipient: Correspondent,
) -> dict[str, Any]:
    """All of a letter but its body, in the words in which it is shown."""
    if len(recipient.lines) > WINDOW_LINES:
        raise LetterError(f"The address has {len(recipient.lines)} lines, and the envelope shows {WINDOW_LINES}.")
    known = recipient.name or front.dear
    signature = (sender.name, front.signed_by or sender.title, sender.organisation or board.name)
    head = board.sender
    return {
        "title": title,
        "board": board.name,
        "marking": MARKING,
        "reference": reference,
        "date": say(on),
        "recipient": recipient.lines,
        "sender": [*head.address, *(way for way in (head.phone, head.email, head.website) if way)],
        "greeting": front.dear or f"Dear {recipient.name.removeprefix('The ') or 'Sir or Madam'}",
        "closing": front.closing or ("Yours sincerely" if known else "Yours faithfully"),
        "signature": list(dict.fromkeys(line for line in signature if line)),
        "footer": DEMONSTRATION if board.fictional else "",
    }


def _as_text(letter: dict[str, Any], blocks: tuple[markup.Block, ...]) -> str:
    head = [letter["marking"], f"{letter['date']}\nOur reference: {letter['reference']}"]
    body = [letter["greeting"], letter["title"], markup.to_text(blocks)]
    end = [letter["closing"], "\n".join(letter["signature"]), "\n".join([letter["board"], *letter["sender"]])]
    return "\n\n".join(part for part in [*head, *body, *end, letter["footer"]] if part) + "\n"


def _as_html(letter: dict[str, Any], blocks: tuple[markup.Block, ...]) -> str:
    def paragraph(*lines: str) -> str:
        return markup.element("p", "<br>".join(markup.words(line) for line in lines))

    signer = markup.element("strong", markup.words(letter["signature"][0]))
    title = markup.words(letter["title"])
    body = [
        paragraph(letter["marking"]),
        paragraph(letter["date"], f"Our reference: {letter['reference']}"),
        paragraph(letter["greeting"]),
        f'<h1 style="font-size:1.1em;margin:0 0 1em">{title}</h1>',
        markup.to_html(blocks),
        paragraph(letter["closing"]),
        markup.element("p", "<br>".join([signer, *map(markup.words, letter["signature"][1:])])),
        paragraph(letter["board"], *letter["sender"]),
        *([paragraph(letter["footer"])] if letter["footer"] else []),
    ]
    style = "font-family:Arial,sans-serif;font-size:16px;line-height:1.5;color:#0b0c0c;max-width:42em;margin:1em"
    head = f'<head><meta charset="utf-8"><title>{title}</title></head>'
    return "\n".join(
        ["<!doctype html>", f'<html lang="en-GB">{head}', f'<body style="{style}">', *body, "</body></html>"]
    )
