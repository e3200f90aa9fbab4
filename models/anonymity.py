"""The anonymity search: where a document names what identifies the people of its case. Pure.

The search assists and a person decides: it lists what it found, what it was not sure of and what it could not read.
It finds slips of the pen, not concealment: letters of other alphabets that look alike, or a nickname that nobody
listed, need a reader's eye.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from models.identifiers import Identifier, IdentifierError, IdentifierKind, identifiers_of, read_identifiers
from models.spotting import spots
from models.written import Lexicon, Strength, lexicon_of, plain

__all__ = [
    "DocumentText", "Hit", "Identifier", "IdentifierError", "Part", "Report", "identifiers_of", "read_identifiers",
    "search",
]  # fmt: skip

MOST_HITS = 2_000
_AROUND = 30  # characters of an excerpt on each side
# Where names are written without capital letters, as in "ottilie_report" or an e-mail address.
_LOOSE = ("file name", "metadata", "link")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _whole(value: Any) -> Any:
    """A PDF may give halves of a sign (surrogates), which no file or message can hold."""
    return re.sub("[\ud800-\udfff]", "\ufffd", value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_whole)]


class Part(_Model):
    """Text that stands outside the pages, with its place in words: "comment 2", "metadata: author"."""

    place: Text
    text: Text


class DocumentText(_Model):
    """The text of a document: its pages, what is hidden or stands beside them, and what could not be read.

    `paged` is False where the file does not say where its pages end; then `pages` has one entry, the whole text.
    `unread` are sentences for the person who decides, such as "Page 4 is a picture: read it by eye."
    """

    pages: tuple[Text, ...]
    hidden: tuple[Part, ...] = ()
    unread: tuple[str, ...] = ()
    paged: bool = True


class Hit(_Model):
    """An identifier in a document: as it stands there, where, and some text around it.

    `exact` is what can hardly be anything else; `possible` needs a look, and `why` says what was recognised.
    """

    kind: IdentifierKind
    found: str
    place: str
    excerpt: str
    strength: Strength
    why: str


class Report(_Model):
    """What the search found, in the order of the document, file name first.

    `further` hits were counted and not listed. `not_searched` are identifiers of ordinary words alone ("The family").
    """

    hits: tuple[Hit, ...]
    further: int = 0
    searched: int
    not_searched: tuple[Identifier, ...] = ()
    unread: tuple[str, ...] = ()


def search(document: DocumentText, file_name: str, identifiers: Sequence[Identifier]) -> Report:
    """Every place where a document, what is hidden in it or its file name gives an identifier."""
    lexicon = lexicon_of(identifiers)
    hits: list[Hit] = []
    further = 0
    for hit in _hits(document, file_name, identifiers, lexicon):
        if len(hits) < MOST_HITS:
            hits.append(hit)
        else:
            further += 1
    return Report(
        hits=tuple(hits),
        further=further,
        searched=len(identifiers) - len(lexicon.left_out),
        not_searched=tuple(identifiers[number] for number in lexicon.left_out),
        unread=document.unread,
    )


def _hits(document: DocumentText, file_name: str, identifiers: Sequence[Identifier], lexicon: Lexicon) -> Iterator[Hit]:
    for text, place in _texts(document, file_name):
        for spot in spots(text, lexicon, loose=place(0).startswith(_LOOSE)):
            yield Hit(
                kind=identifiers[spot.owner].kind,
                found=" ".join(text[spot.start : spot.end].split()),
                place=place(spot.start),
                excerpt=" ".join(text[max(0, spot.start - _AROUND) : spot.end + _AROUND].split()),
                strength=spot.strength,
                why=spot.why,
            )


def _texts(document: DocumentText, file_name: str) -> Iterator[tuple[str, Callable[[int], str]]]:
    """Each plain text to search, with what says the place of a character in it."""
    yield plain(file_name), partial(_always, "file name")
    pages = [plain(page) for page in document.pages]
    starts = [0, *accumulate(len(page) + 1 for page in pages)]
    # one text, so that what runs on over the end of a page is found
    yield "\n".join(pages), (lambda at: f"page {bisect_right(starts, at)}") if document.paged else _in_the_text
    for part in document.hidden:
        yield plain(part.text), partial(_always, part.place)


def _always(place: str, _: int) -> str:
    return place


_in_the_text = partial(_always, "the text")
