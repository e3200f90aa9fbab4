"""The anonymity search on texts made at random, and how long it takes. All people and places are invented."""

import time
from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from test_anonymity import ADDRESS, BORN, CHILD, found, name

from models.anonymity import DocumentText, Hit, Identifier, search
from models.written import fold

FORENAMES = ("Ottilie", "Siân", "Perpetua", "Łucja", "Quentin", "Zebedee")
SURNAMES = ("Example-Marsh", "O'Dunnowhere", "Quillfeather", "Inventíska", "Tarnbeck")
SENTENCE = "the child was seen by a health visitor who noted that mother and baby were well at home on the day"
FILLER = SENTENCE.split()

WAYS: tuple[Callable[[str, str], str], ...] = (
    lambda one, two: f"{one} {two}",
    lambda one, two: f"{two}, {one}",
    lambda one, two: f"{one.upper()} {two.upper()}",
    lambda one, two: f"{one.lower()} {two.lower()}",
    lambda one, _: one,
    lambda _, two: two,
    lambda one, _: f"{one}'s",
    lambda _, two: f"{two}’s",
    lambda one, _: " ".join(one.upper()),
    lambda one, _: f"{one[:3]}-\n{one[3:]}",
    lambda one, two: f"{one}\n{two.replace('-', '–')}",
    lambda one, two: f"{one[0]}. {two}",
    lambda one, two: f"{one[0]}.{two[0]}.",
    lambda one, _: f"{one[:2]}\u00ad{one[2:]}",
)
DATES: tuple[Callable[[date], str], ...] = (
    lambda day: f"{day.day} {day:%B} {day.year}",
    lambda day: f"{day:%A}, {day.day} {day:%b} {day:%y}",
    lambda day: f"{day:%d/%m/%Y}",
    lambda day: f"{day.day}.{day.month}.{day:%y}",
    lambda day: day.isoformat(),
    lambda day: f"{day:%B} {day.day}, {day.year}",
    lambda day: f"{day.day}\n{day:%B}\n{day.year}",
)
filler = st.lists(st.sampled_from(FILLER), max_size=30).map(" ".join)


@given(filler, filler, st.sampled_from(FORENAMES), st.sampled_from(SURNAMES), st.sampled_from(WAYS))
def test_a_planted_name_is_found(before: str, after: str, one: str, two: str, way: Callable[[str, str], str]) -> None:
    listed = [Identifier(kind="other", text="nothing of note"), name(f"{one} {two}")]
    hits = found(f"{before} {way(one, two)} {after}", *listed)
    assert len(hits) == 1


@given(filler, filler, st.dates(date(1950, 1, 1), date(2049, 12, 31)), st.sampled_from(DATES))
def test_a_planted_date_is_found(before: str, after: str, day: date, way: Callable[[date], str]) -> None:
    hits = found(f"{before} {way(day)} {after}", Identifier(kind="born", text=day))
    assert [strength for _, strength in hits] == ["exact"]


@given(st.text(max_size=300), st.text(max_size=40))
def test_a_text_without_the_parts_has_no_hit(text: str, file_name: str) -> None:
    letters = fold("".join(letter for letter in text + file_name if letter.isalnum()))
    assume(not any(part in letters for part in ("ottilie", "example", "marsh", "oe", "om", "20240309", "240309")))
    assume("mar" not in letters)
    assert search(DocumentText(pages=(text,)), file_name, [CHILD]).hits == ()


@given(st.text(max_size=400))
def test_any_text_can_be_searched(text: str) -> None:
    for hit in search(DocumentText(pages=(text, text)), text[:40], [CHILD, BORN, ADDRESS]).hits:
        assert isinstance(hit, Hit)
        assert hit.found in hit.excerpt


# ---------------------------------------------------------------------------------------------------------------- time


@pytest.fixture(scope="module")
def many() -> list[Identifier]:
    ends = ("ford", "wick", "beck", "thorpe", "ley", "gale", "mere", "stone", "wold", "combe")
    heads = (
        "Quil",
        "Tarn",
        "Har",
        "Wren",
        "Mar",
        "Sel",
        "Dun",
        "Fal",
        "Bram",
        "Oak",
        "Elder",
        "Win",
        "Cop",
        "Lin",
        "Ot",
    )
    surnames = [head + end for head in heads for end in ends]
    return [name(f"{one} {two}") for one, two in zip(surnames * 2, reversed(surnames * 2), strict=True)]


def test_a_long_report_is_searched_in_a_moment(many: list[Identifier]) -> None:
    page = " ".join(FILLER * 25)  # 500 words
    start = time.process_time()
    report = search(DocumentText(pages=(page,) * 199 + ("Ottilie",)), "", [*many, CHILD, BORN, ADDRESS])
    assert time.process_time() - start < 2
    assert len(many) == 300
    assert [hit.place for hit in report.hits] == ["page 200"]


@pytest.mark.parametrize(
    "pattern", ["a ", "-", " \n", "1.", "mar ", "O E ", "aB", "O T T I ", "twenty ", "9 / ", "\u0301", "'", "1"]
)
def test_hostile_text_takes_no_more_than_its_length(pattern: str, many: list[Identifier]) -> None:
    start = time.process_time()
    search(DocumentText(pages=(pattern * (1_000_000 // len(pattern)),)), "", [*many, CHILD, BORN, ADDRESS])
    assert time.process_time() - start < 15  # what grows with the square of it takes hours
