"""What goes out besides letters, from a Markdown template each: the learning bulletin, the certificate of disposal."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import jinja2

from activities import markup
from models.board import Board
from models.journal import Disposed, Lesson, Published
from models.refusal import Refusal
from models.retention import RecordKind
from models.timescale import parse_day, say_day
from publication import in_words
from typesetting import Typesetter, TypesettingError

KINDS: dict[RecordKind, str] = {
    "referral": "Referral",
    "identifiers": "Lists of what identifies people",
    "documents": "Documents",
    "letters": "Letters",
}
"""What a certificate calls each kind of record."""

HASHES: dict[RecordKind, str] = {
    "referral": "The referral (a keyed mark, not a plain hash)",
    "identifiers": "The lists of what identifies people, as they were sealed",
    "documents": "The documents",
    "letters": "The letters, as they were sent",
}
"""What the hashes of each kind were taken of."""

_NEEDLESS = re.compile(r"""(?<=\S)\\(?=[,:;'"?!/(@%=-])|(?<=[^\s\d])\\(?=[.)])""")
"""Escapes that Markdown can do without, inside a line; behind a digit a point could begin a list."""

DEMONSTRATION = "Demonstration: all people and places are invented"


@dataclass(frozen=True)
class Sheet:
    """A sheet in the forms in which it goes out."""

    title: str
    markdown: str
    text: str
    html: str
    pdf: bytes


class Sheets:
    """Makes sheets from the templates of a folder, for one board."""

    def __init__(self, templates: Path, fonts: Path, board: Board) -> None:
        self._board = board
        self._layout = (templates / "sheet.typ").read_bytes()
        self._typesetter = Typesetter(fonts)
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(templates),
            autoescape=False,  # values are escaped as Markdown, by `finalize`
            undefined=jinja2.StrictUndefined,
            finalize=_escaped,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"day": _day, "document": in_words}

    def bulletin(self, quarter: str, entries: Sequence[Published | Lesson], on: date) -> Sheet:
        """The learning bulletin of a quarter ("2026-Q4"), written on a local date."""
        of = {
            "publications": [entry for entry in entries if isinstance(entry, Published)],
            "lessons": [entry for entry in entries if isinstance(entry, Lesson)],
            "website": self._board.sender.website,
        }
        number, year = quarter[-1], quarter[:4]
        months = ("January to March", "April to June", "July to September", "October to December")[int(number) - 1]
        return self._sheet("bulletin.md.j2", f"Learning bulletin, {months} {year}", on, of)

    def certificate(self, entry: Disposed, entry_hash: str) -> Sheet:
        """The certificate of a disposal, from its entry in the journal and that entry's hash alone."""
        of = {"entry": entry, "entry_hash": entry_hash, "names": KINDS, "hashes_of": HASHES}
        return self._sheet("certificate.md.j2", "Certificate of disposal", entry.on, of)

    def _sheet(self, template: str, title: str, on: date, of: Mapping[str, Any]) -> Sheet:
        body = self._environment.get_template(template).render(of)
        blocks, board = markup.parse(body), self._board.name
        footer = DEMONSTRATION if self._board.fictional else ""
        head, tail = [f"{board}\n{title}"], [footer] if footer else []
        data = {"title": title, "board": board, "footer": footer, "blocks": markup.to_data(blocks)}
        return Sheet(
            title=title,
            markdown=_tidy("\n\n".join([f"# {title}", board, body.strip(), *tail])),
            text="\n\n".join([*head, markup.to_text(blocks), *tail]) + "\n",
            html=_page(title, board, markup.to_html(blocks), footer),
            pdf=self._pdf(data, on),
        )

    def _pdf(self, data: Mapping[str, Any], on: date) -> bytes:
        try:
            return self._typesetter.pdf(self._layout, {"sheet.json": json.dumps(data)}, on)
        except TypesettingError as error:
            if error.lacks_sign:
                raise Refusal("The text holds a sign that the font cannot show: write it in Latin letters.") from None
            raise


def certificate_data(board: str, entry: Disposed, entry_hash: str) -> dict[str, Any]:
    """The certificate as JSON values. The reason is left out: it is free text."""
    said = entry.model_dump(mode="json", exclude={"kind", "at", "seq", "because"})
    return {"board": board, **said, "entry": entry.seq, "entry_hash": entry_hash}


def _page(title: str, board: str, body: str, footer: str) -> str:
    style = "font-family:Arial,sans-serif;font-size:16px;line-height:1.5;color:#0b0c0c;max-width:42em;margin:1em"
    shown = [markup.element("p", markup.words(board)), f"<h1>{markup.words(title)}</h1>", body]
    shown += [markup.element("p", markup.words(footer))] if footer else []
    head = f'<head><meta charset="utf-8"><title>{markup.words(title)}</title></head>'
    page = ["<!doctype html>", f'<html lang="en-GB">{head}', f'<body style="{style}"><main>', *shown]
    return "\n".join([*page, "</main></body></html>", ""])


def _tidy(markdown: str) -> str:
    """Markdown as people read it: line breaks as such, no more escapes than are needed, no runs of empty lines."""
    plain = _NEEDLESS.sub("", markdown).replace(markup.LINE_BREAK, "\\\n")
    return re.sub(r"\n{3,}", "\n\n", plain) + "\n"


def _escaped(value: object) -> str:
    return markup.escape(str(value))


def _day(value: date | str) -> str:
    return say_day(parse_day(value) if isinstance(value, str) else value)
