"""Where identifiers stand in one plain text. Pure; its time grows with the length of the text, not with the list."""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from models.written import WIDEST_GAP, Form, Lexicon, Strength, Token, is_abbreviation, tokens_of
from models.written_dates import Written, written_dates

_PARTICLES = frozenset("al bin da de del der di dos du el ibn la le of van von".split())  # noqa: SIM905
_BETWEEN_INITIALS = re.compile(r"[.\-‐‑–\s]{0,3}")
_NEW_HUMP = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")


class Spot(NamedTuple):
    """Identifier number `owner` between two characters of a text, how sure that is, and why."""

    start: int
    end: int
    owner: int
    strength: Strength
    why: str


class _Word(NamedTuple):
    """One word of the name of `form.owner`, at tokens `first` to `last`; `alone`: worth a hit by itself."""

    first: int
    last: int
    form: Form
    spot: Spot
    alone: bool
    capital: bool


def spots(text: str, lexicon: Lexicon, *, loose: bool = False) -> list[Spot]:
    """Where identifiers stand in a plain text, in its order; of spots within each other the longest.

    `loose` is for file names and metadata, where people write names without capital letters.
    """
    tokens = tokens_of(text)
    found = [
        *_phrases(text, tokens, lexicon, loose),
        *_initials(text, tokens, lexicon, loose),
        *_dates(text, lexicon),
    ]
    for token in tokens:
        if not (token.raw.islower() or token.raw.isupper() or token.raw[1:].islower()):
            found += [spot._replace(strength="possible") for spot in _phrases(text, _humps(token), lexicon, loose)]
    return _outermost(found)


def _outermost(found: list[Spot]) -> list[Spot]:
    kept: list[Spot] = []
    for spot in sorted(found, key=lambda spot: (spot.start, -spot.end, spot.strength, spot.owner)):
        if not kept or spot.end > kept[-1].end:
            kept.append(spot)
    return kept


def _humps(token: Token) -> list[Token]:
    """The words of "OttilieReport", with their places."""
    cuts = [0, *(match.start() for match in _NEW_HUMP.finditer(token.raw)), len(token.raw)]
    return [
        piece._replace(start=piece.start + token.start + start, end=piece.end + token.start + start)
        for start, end in pairwise(cuts)
        for piece in tokens_of(token.raw[start:end])
    ]


# ------------------------------------------------------------------------------------------- names, addresses, schools


def _phrases(text: str, tokens: Sequence[Token], lexicon: Lexicon, loose: bool) -> list[Spot]:
    found: list[Spot] = []
    words: dict[int, list[_Word]] = {}
    for first, last, form in _candidates(tokens, lexicon):
        row = tokens[first : last + 1]
        capital = loose or any(token.raw[0].isupper() for token in row)
        judged = _judged(text, row, form, capital)
        if judged is None:
            continue
        spot = Spot(row[0].start, row[-1].end, form.owner, *judged)
        alone = capital or not form.ordinary
        if form.word is not None:
            words.setdefault(form.owner, []).append(_Word(first, last, form, spot, alone, capital))
        elif alone:
            found.append(spot)
    for of_one_name in words.values():
        found += _names(text, tokens, of_one_name)
    return found


def _candidates(tokens: Sequence[Token], lexicon: Lexicon) -> Iterator[tuple[int, int, Form]]:
    """Rows of tokens whose letters are those of a form."""
    forms, starts = lexicon.forms, lexicon.starts
    for first, token in enumerate(tokens):
        letters, end, last = token.folded, token.end, first
        while True:
            if letters in forms:
                for form in forms[letters]:
                    yield first, last, form
            last += 1
            if letters not in starts or last == len(tokens) or tokens[last].start - end > WIDEST_GAP:
                break
            letters, end = letters + tokens[last].folded, tokens[last].end


def _judged(text: str, row: Sequence[Token], form: Form, capital: bool) -> tuple[Strength, str] | None:
    """Whether a row of tokens with a form's letters is that form, how surely, and why."""
    pieces = tuple(token.folded for token in row)
    letters = len("".join(pieces))
    if form.glued:
        return (form.strength, form.why) if len(row) == 1 else None
    if pieces == form.tokens or form.loose:
        return form.strength, form.why
    if len(pieces) < len(form.tokens) or len(form.tokens) > 1:
        return ("possible", "written together or apart") if letters > 3 else None
    if all(len(piece) == 1 for piece in pieces):
        return ("possible", "letters spaced out") if letters > 2 else None
    gaps = [text[one.end : other.start] for one, other in pairwise(row)]
    hyphened = all(re.search(r"[-‐‑­]", gap) for gap in gaps)
    lower = all(token.raw.islower() for token in row[1:]) or all(token.raw.isupper() for token in row)
    if capital and lower and letters > (3 if hyphened else 5):
        return "possible", "a word that is broken up"
    return None


def _names(text: str, tokens: Sequence[Token], words: list[_Word]) -> Iterator[Spot]:
    """Words of one name that stand beside each other, in any order, are one spot."""
    run: list[_Word] = []
    for word in words:  # in the order of the text
        if run and word.first <= run[-1].last:
            if word.last > run[-1].last and word.first == run[-1].first:
                run[-1] = word
            continue
        if run and not _beside(tokens, run[-1].last, word.first):
            yield from _of_run(run)
            run = []
        run.append(word)
    if run:
        yield from _of_run(run)


def _beside(tokens: Sequence[Token], last: int, first: int) -> bool:
    if first - last > 2 or any(other.start - one.end > WIDEST_GAP for one, other in pairwise(tokens[last : first + 1])):
        return False
    between = tokens[last + 1 : first]
    return all(token.folded in _PARTICLES or (len(token.raw) == 1 and token.raw.isupper()) for token in between)


def _of_run(run: list[_Word]) -> Iterator[Spot]:
    if len({word.form.word for word in run}) == 1:
        yield from (word.spot for word in run if word.alone)
        return
    telling = any(not word.form.ordinary for word in run) or all(word.capital for word in run)
    strength: Strength = "exact" if telling else "possible"
    yield run[0].spot._replace(end=run[-1].spot.end, strength=strength, why="names beside each other")


# ------------------------------------------------------------------------------------------------- initials and dates


def _initials(text: str, tokens: Sequence[Token], lexicon: Lexicon, loose: bool) -> Iterator[Spot]:
    for first, token in enumerate(tokens):
        letters, last = token.folded, first
        if letters in lexicon.initials and (loose or token.raw.isupper()) and not is_abbreviation(letters):
            yield Spot(token.start, token.end, lexicon.initials[letters], "possible", "initials")
        while token.raw.isupper() and letters in lexicon.initial_starts and last + 1 < len(tokens):
            gap = text[tokens[last].end : tokens[last + 1].start]
            last += 1
            if not (tokens[last].raw.isupper() and _BETWEEN_INITIALS.fullmatch(gap)):
                break
            letters += tokens[last].folded
            between = text[token.start : tokens[last].end]
            marked = len(letters) > 2 or re.search(r"[.\-‐‑–]", between)
            if letters in lexicon.initials and marked:
                yield Spot(token.start, tokens[last].end, lexicon.initials[letters], "possible", "initials")


def _dates(text: str, lexicon: Lexicon) -> Iterator[Spot]:
    if not lexicon.dates:
        return
    by_short_year = {(day.year % 100, day.month, day.day): day for day in lexicon.dates}
    every = list(written_dates(text))
    whole = {written.end for written in every if written.day is not None}
    for written in every:
        found = _owner(written, lexicon, by_short_year)
        # the month of a whole date that is another one is not the month alone
        if found and (written.day is not None or written.end not in whole):
            yield Spot(written.start, written.end, *found)


def _owner(
    written: Written, lexicon: Lexicon, by_short_year: dict[tuple[int, int, int], date]
) -> tuple[int, Strength, str] | None:
    _, _, year, month, day = written
    if day is None:
        years = [year, 1900 + (year or 0), 2000 + (year or 0)]
        owner = next((lexicon.months[y, month] for y in years if y and (y, month) in lexicon.months), None)
        return None if owner is None else (owner, "possible", "the month alone")
    if year is not None:
        same = by_short_year.get((year % 100, month, day))
        if same is not None and year in (same.year, same.year % 100):
            return lexicon.dates[same], "exact", "the date"
    if (month, day) in lexicon.birthdays:
        return lexicon.birthdays[month, day], "possible", "the day and month without its year"
    return None
