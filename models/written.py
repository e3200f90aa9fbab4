"""How identifiers are written: the forms in which a report may give a name, an address, a school or initials. Pure.

A text is read as tokens (runs of letters, runs of digits) and a form is a row of tokens. Forms are looked up by
their letters without what stands between them, so that "Ott-ilie" over a line's end, "O T T I L I E" and
"OttilieExample" lead to the same entry; `Form.fits` then judges what stands between.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date
from functools import lru_cache
from typing import Literal, NamedTuple

from models.identifiers import Identifier
from models.ordinary import ABBREVIATIONS, ORDINARY, SCHOOL, STOP, STREETS

Strength = Literal["exact", "possible"]

WIDEST_GAP = 3  # characters between two tokens of one form

_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_INVISIBLE = re.compile(
    "[\u00ad\u0300-\u036f\u061c\u180e\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\ufeff\ufff9-\ufffb\U000e0000-\U000e01ef]"
)
_WITHOUT_MARKS = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)
_POSTCODE = re.compile(r"\b([A-Z]{1,2}\d[A-Z\d]?)\s*(\d[A-Z]{2})\b", re.IGNORECASE)


class Token(NamedTuple):
    """A run of letters or digits: `folded` for comparison, `start` and `end` in the text, `raw` as it stands there."""

    folded: str
    start: int
    end: int
    raw: str


class Form(NamedTuple):
    """One way to write an identifier (its number in the list).

    `word` says which word of a name this is, None for a whole phrase; `ordinary` asks for a capital letter where it
    stands alone; `loose` lets the tokens be cut anywhere (postcodes, numbers); `glued` finds it only without gaps.
    """

    owner: int
    tokens: tuple[str, ...]
    strength: Strength = "exact"
    why: str = "as written"
    word: str | None = None
    ordinary: bool = False
    loose: bool = False
    glued: bool = False


class Lexicon(NamedTuple):
    """Everything that is looked for, by its letters; `starts` are all beginnings of these letters."""

    forms: dict[str, list[Form]]
    starts: frozenset[str]
    initials: dict[str, int]
    initial_starts: frozenset[str]
    dates: dict[date, int]
    months: dict[tuple[int, int], int]
    birthdays: dict[tuple[int, int], int]
    left_out: tuple[int, ...]


def plain(text: str) -> str:
    """A text with compatibility letters and marks made plain, without invisible characters, its gaps narrow."""
    if not text.isascii():
        text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    text = re.sub(r"[^\S\n]+", " ", text.replace("\r", "\n"))
    return re.sub(r" ?\n[ \n]*", "\n", text)


@lru_cache(maxsize=100_000)
def fold(word: str) -> str:
    """A word for comparison: without case and diacritics."""
    if word.isascii():
        return word.lower()
    bare = unicodedata.normalize("NFKD", word.casefold().translate(_WITHOUT_MARKS))
    return "".join(letter for letter in bare if not unicodedata.combining(letter))


def tokens_of(text: str) -> list[Token]:
    """The tokens of a text that `plain` has made plain."""
    return [Token(fold(match[0]), match.start(), match.end(), match[0]) for match in _TOKEN.finditer(text)]


def lexicon_of(identifiers: Iterable[Identifier]) -> Lexicon:
    """Everything to look for. Identifiers that consist of ordinary small words alone are left out, and said to be."""
    forms: dict[str, list[Form]] = {}
    initials: dict[str, int] = {}
    dates: dict[date, int] = {}
    left_out: list[int] = []
    for owner, identifier in enumerate(identifiers):
        if isinstance(identifier.text, date):
            dates.setdefault(identifier.text, owner)
            continue
        text = plain(identifier.text)
        found = list(_forms(owner, identifier.kind, text))
        letters = _initials(text) if identifier.kind in ("name", "staff") else []
        if identifier.kind == "initials":
            letters = ["".join(token.folded for token in tokens_of(text))]
        letters = [run for run in letters if len(run) > 1]
        for form in found:
            forms.setdefault("".join(form.tokens), []).append(form)
        for run in letters:
            initials.setdefault(run, owner)
        if not found and not letters:
            left_out.append(owner)
    return Lexicon(
        forms=forms,
        starts=_starts(forms),
        initials=initials,
        initial_starts=_starts(initials),
        dates=dates,
        months={(day.year, day.month): owner for day, owner in dates.items()},
        birthdays={(day.month, day.day): owner for day, owner in dates.items()},
        left_out=tuple(left_out),
    )


def _starts(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word[:end] for word in words for end in range(1, len(word)))


def _forms(owner: int, kind: str, text: str) -> Iterator[Form]:
    match kind:
        case "name" | "staff":
            yield from _of_name(owner, text)
        case "address":
            yield from _of_address(owner, text)
        case "school":
            yield from _of_school(owner, text)
        case "other":
            yield from _of_other(owner, text)


def _folded(text: str) -> tuple[str, ...]:
    return tuple(token.folded for token in tokens_of(text))


# --------------------------------------------------------------------------------------------------------------- names


def _words(name: str) -> list[tuple[str, ...]]:
    """The words of a name, parts of a double-barrelled one each by itself; "O'Neill" is one word of two tokens."""
    words = (_folded(word) for word in re.split(r"[^\w'’`´.]+|(?<=\.)(?=\w)", name))
    return [word for word in words if word and "".join(word) not in STOP]


def _of_name(owner: int, name: str) -> Iterator[Form]:
    words = [word for word in _words(name) if len("".join(word)) > 1]
    for word in dict.fromkeys(words):
        letters = "".join(word)
        ordinary = letters in ORDINARY or len(letters) < 3
        why = "a name that is an ordinary word as well" if ordinary else "one of the names"
        yield Form(owner, word, "possible" if ordinary else "exact", why, word=letters, ordinary=ordinary)
        if not ordinary:
            for ending in ("s", "es"):
                yield Form(owner, (letters + ending,), "possible", "a name with an ending", ordinary=True, glued=True)
    if len(words) > 1:
        for order in (words, words[1:] + words[:1], [words[0], words[-1]], [words[-1], words[0]]):
            whole = tuple(token for word in order for token in word)
            yield Form(owner, whole, "possible", "names written together", glued=True)


def _initials(name: str) -> list[str]:
    """The initials of a full name: all, and those of the first and the last name, each part of a surname or one."""
    chunks = [[word[0][0] for word in _words(chunk)] for chunk in name.split()]
    chunks = [chunk for chunk in chunks if chunk]
    if len(chunks) < 2:
        return []
    given = "".join(letter for chunk in chunks[:-1] for letter in chunk)
    surname = "".join(chunks[-1])
    ends = (surname, surname[0], surname[-1])
    return list(dict.fromkeys(first + end for first in (given, given[0]) for end in ends))


# ----------------------------------------------------------------------------------------------- addresses and schools


def _of_address(owner: int, address: str) -> Iterator[Form]:
    """Postcode, street with and without its number, and the lines above it (a house, a flat).

    Places after the street (town, county) are not searched: a report may say where its board is.
    """
    for match in _POSTCODE.finditer(address):
        yield Form(owner, _folded(match[0]), loose=True)
    lines = [_folded(line) for line in re.split(r"[,;\n]", _POSTCODE.sub("", address))]
    lines = [line for line in lines if line]
    streets = [number for number, line in enumerate(lines) if _street(line)]
    for line in lines[: streets[0] if streets else 1]:
        if len(line) > 1 and any(not part.isdigit() for part in line) and line[0] not in ("flat", "apartment", "unit"):
            yield Form(owner, line, why="a line of an address")
        elif not streets and line[0] not in STOP:
            yield Form(owner, line, "possible", "a line of an address", ordinary=True)
    if streets:
        yield from _of_street(owner, _street(lines[streets[0]]))


def _street(line: tuple[str, ...]) -> tuple[str, ...]:
    """A line of an address up to the last word that means a street, if it has one after a name."""
    ends = [number for number, word in enumerate(line) if number and word in STREETS]
    named = ends and any(not word.isdigit() for word in line[: ends[-1]])
    return line[: ends[-1] + 1] if named else ()


def _of_street(owner: int, street: tuple[str, ...]) -> Iterator[Form]:
    start = max((number + 1 for number, word in enumerate(street[:-1]) if word.isdigit()), default=0)
    if start and start < len(street) - 2 and len(street[start]) == 1:
        start += 1  # 5 a Nowhere Lane
    for last in (street[-1], *STREETS[street[-1]]):
        if start:
            yield Form(owner, (*street[:-1], last), why="house and street")
        yield Form(owner, (*street[start:-1], last), "possible", "the street alone")


def _of_school(owner: int, school: str) -> Iterator[Form]:
    """The full name, and what is left of it without "Primary School" and the like."""
    tokens = _folded(school)
    yield Form(owner, tokens, why="the school's full name")
    own = tokens[1:] if tokens[:1] == ("the",) else tokens
    while own and own[-1] in SCHOOL:
        own = own[:-1]
    if own and own != tokens and any(word not in STOP | SCHOOL and len(word) > 1 for word in own):
        alone = len(own) == 1
        yield Form(owner, own, "possible" if alone else "exact", "the school's own name", ordinary=alone)


def _of_other(owner: int, text: str) -> Iterator[Form]:
    tokens = _folded(text)
    letters = "".join(tokens)
    if len(letters) > 1 and letters not in STOP:
        numbered = len(letters) > 5 and any(letter.isdigit() for letter in letters)
        yield Form(owner, tokens, loose=numbered, ordinary=letters in ORDINARY or len(letters) < 3)


def is_abbreviation(letters: str) -> bool:
    """Whether initials, written without dots, mean something else to everybody in this work."""
    return letters in ABBREVIATIONS or letters in STOP
