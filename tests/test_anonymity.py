"""The anonymity search. Every person, place, school and date in this file is invented."""

from datetime import date

import pytest

from library import Library
from models.anonymity import (
    MOST_HITS,
    DocumentText,
    Identifier,
    IdentifierError,
    Part,
    Report,
    identifiers_of,
    read_identifiers,
    search,
)
from models.referral import Referral

CHILD = Identifier(kind="name", text="Ottilie Example-Marsh")
BORN = Identifier(kind="born", text=date(2024, 3, 9))


def name(text: str) -> Identifier:
    return Identifier(kind="name", text=text)


def found(text: str, *identifiers: Identifier) -> list[tuple[str, str]]:
    report = search(DocumentText(pages=(text,)), "report.pdf", identifiers)
    return [(hit.found, hit.strength) for hit in report.hits]


# --------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("Ottilie Example-Marsh died.", [("Ottilie Example-Marsh", "exact")]),
        ("Example-Marsh, Ottilie", [("Example-Marsh, Ottilie", "exact")]),
        ("OTTILIE EXAMPLE MARSH", [("OTTILIE EXAMPLE MARSH", "exact")]),
        ("Ottilie J. Marsh", [("Ottilie J. Marsh", "exact")]),
        ("Ottilie\nExample–Marsh", [("Ottilie Example–Marsh", "exact")]),
        ("ottilie was ill", [("ottilie", "exact")]),
        ("Ottilie’s mother", [("Ottilie", "exact")]),
        ("the Marshes were", []),
        ("Ms Marsh said", [("Marsh", "possible")]),
        ("on the marsh, for example", []),
        ("O T T I L I E", [("O T T I L I E", "possible")]),
        ("O.t.t.i.l.i.e", [("O.t.t.i.l.i.e", "possible")]),
        ("Ot-\ntilie", [("Ot- tilie", "possible")]),
        ("Ott\u00adilie", [("Ottilie", "exact")]),
        ("Ott\u200bilie", [("Ottilie", "exact")]),
        ("Ott ilie", [("Ott ilie", "possible")]),
        ("OttilieExampleMarsh", [("OttilieExampleMarsh", "possible")]),
        ("reviewofOttilie", [("Ottilie", "possible")]),
        ("Ottilie, reviewofOttilie", [("Ottilie", "exact"), ("Ottilie", "possible")]),
        ("Ottilie / / / Marsh", [("Ottilie", "exact"), ("Marsh", "possible")]),
        ("Óttílié", [("Óttílié", "exact")]),
        ("O\u0308ttilie", [("Öttilie", "exact")]),
        ("Ｏｔｔｉｌｉｅ", [("Ottilie", "exact")]),
        ("Ottilienne and Bottilie", []),
    ],
)
def test_a_name_however_it_is_written(text: str, hits: list[tuple[str, str]]) -> None:
    assert found(text, CHILD) == hits


@pytest.mark.parametrize("text", ["O.E-M.", "O.E.M.", "OEM", "O. E. M.", "O E M", "OE", "O.M.", "OM", "OE-M"])
def test_initials_of_a_full_name(text: str) -> None:
    [(letters, strength)] = found(f"The child, {text} was seen", CHILD)
    assert (letters, strength) == (text.rstrip("."), "possible")


@pytest.mark.parametrize("text", ["oem", "POEM", "Oem", "O and E", "NOEM", "O E"])
def test_letters_that_are_no_initials(text: str) -> None:
    assert found(f"The child {text} was seen", CHILD) == []


def test_initials_that_mean_something_else_need_their_dots() -> None:
    staff = Identifier(kind="staff", text="Gethin Pugh")
    assert found("The GP was told, and the gp as well.", staff) == []
    assert found("G.P. was told.", staff) == [("G.P", "possible")]


def test_listed_initials() -> None:
    assert found("JRX and J.R.X.", Identifier(kind="initials", text="J.R.X.")) == [
        ("JRX", "possible"),
        ("J.R.X", "possible"),
    ]


@pytest.mark.parametrize("text", ["The family", "Mr and Mrs", "the", "X", "Mother", "…"])
def test_ordinary_words_are_not_searched_and_that_is_said(text: str) -> None:
    listed = name(text)
    report = search(DocumentText(pages=("The family and the mother, Mr and Mrs X.",)), "family.docx", [listed, CHILD])
    assert report.hits == ()
    assert report.not_searched == (listed,)
    assert report.searched == 1


def test_the_words_around_a_family_name_are_not_searched() -> None:
    assert found("The family met Mrs Quill. The Quills left.", name("The Quill family")) == [
        ("Quill", "exact"),
        ("Quills", "possible"),
    ]


@pytest.mark.parametrize("word", ["May", "Grace", "Mark", "Hope", "Jo"])
def test_a_name_that_is_a_word_needs_its_capital_letter(word: str) -> None:
    person = name(f"{word} Invented")
    assert found(f"it {word.lower()} be", person) == []
    assert found(f"then {word} left", person) == [(word, "possible")]
    assert found(f"then {word.lower()} invented left", person) == [(f"{word.lower()} invented", "exact")]


def test_two_ordinary_words_beside_each_other_are_only_possible() -> None:
    assert found("they may hope", name("May Hope")) == [("may hope", "possible")]
    assert found("then May Hope", name("May Hope")) == [("May Hope", "exact")]


@pytest.mark.parametrize(
    ("person", "text"),
    [
        ("Siân O'Dunnowhere", "Sian O’Dunnowhere"),
        ("Siân O'Dunnowhere", "ODunnowhere"),
        ("Łucja Invéntska", "Lucja Inventska"),
        ("Jürgen Großinvented", "Jurgen GROSSINVENTED"),
        ("Ludwig van Nowhere", "Nowhere, Ludwig"),
        ("Ludwig van Nowhere", "Ludwig van Nowhere"),
    ],
)
def test_names_of_many_kinds(person: str, text: str) -> None:
    [(words, _)] = found(f"and {text} came", name(person))
    assert words == text


@pytest.mark.parametrize("text", ["as if by chance", "may a child", "to by the", "is mail", "hol land"])
def test_small_words_do_not_make_a_name_together(text: str) -> None:
    listed = [name(f"{forename} Quill") for forename in ("Asif", "Maya", "Toby", "Ismail", "Holland")]
    assert found(text, *listed) == []


# --------------------------------------------------------------------------------------------------------------- dates


@pytest.mark.parametrize(
    "text",
    [
        "9 March 2024", "9th March 2024", "9 Mar 24", "09/03/2024", "9/3/24", "9.3.24", "9-3-2024", "2024-03-09",
        "March 9 2024", "March 9th, 2024", "9th of March, 2024", "9th day of March 2024", "9-Mar-2024", "9Mar2024",
        "ninth of March 2024", "9 MARCH 2024", "9 / 3 / 2024", "20240309", "09032024", "2024/03/09", "9\nMarch\n2024",
        "9 march ’24", "03/09/2024", "9th\u00a0March\u00a02024", "9–3–2024",
    ],
)  # fmt: skip
def test_a_date_however_it_is_written(text: str) -> None:
    for around in (f"born on Saturday, {text}, in", text, f"({text})"):
        hits = found(around, BORN)
        assert [strength for _, strength in hits] == ["exact"]
        assert hits[0][0] in " ".join(text.replace("\u00a0", " ").split())


@pytest.mark.parametrize(
    "text", ["March 2024", "Mar 2024", "03/2024", "9 March", "9th of March", "9 March 2025", "Mar-24"]
)
def test_a_part_of_a_date_is_possible(text: str) -> None:
    assert found(f"in {text}, when", BORN) == [(text, "possible")]


@pytest.mark.parametrize(
    "text",
    ["9 April 2024", "19 March 2024", "10/03/2024", "March 2023", "2024", "109/03/2024", "9/3/20245", "9 Marches"],
)
def test_other_dates_are_none_of_the_case(text: str) -> None:
    assert found(text, BORN) == []


@pytest.mark.parametrize(
    ("day", "text"), [(21, "twenty-first of May"), (31, "thirty-first May"), (12, "twelfth of May")]
)
def test_days_in_words(day: int, text: str) -> None:
    assert found(f"the {text} 2021", Identifier(kind="died", text=date(2021, 5, day))) == [(f"{text} 2021", "exact")]


# ------------------------------------------------------------------------------- addresses, schools and everything else


ADDRESS = Identifier(kind="address", text="Rosebush Cottage, 5 Nowhere Lane, Demoton, ZZ8 8ZZ")


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("at 5 Nowhere Lane, Demoton", [("5 Nowhere Lane", "exact")]),
        ("at 5, Nowhere Ln.", [("5, Nowhere Ln", "exact")]),
        ("in Nowhere Lane", [("Nowhere Lane", "possible")]),
        ("at 15 Nowhere Lane", [("Nowhere Lane", "possible")]),
        ("zz88zz", [("zz88zz", "exact")]),
        ("ZZ8 8ZZ", [("ZZ8 8ZZ", "exact")]),
        ("ZZ8 8ZA in Demoton", []),
        ("at rosebush cottage", [("rosebush cottage", "exact")]),
        ("nowhere in the lane", []),
        ("Nowhere ------ Lane", []),
    ],
)
def test_an_address(text: str, hits: list[tuple[str, str]]) -> None:
    assert found(text, ADDRESS) == hits


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("Flat 2, 7a Invented St", "7A Invented Street"),
        ("7 St Nowhere's Road", "7 St Nowheres Rd"),
        ("The Old Mill", "the Old Mill"),
    ],
)
def test_more_addresses(address: str, text: str) -> None:
    listed = Identifier(kind="address", text=address)
    if address.endswith("St"):
        listed = Identifier(kind="address", text=address + "reet")
    assert [words for words, _ in found(f"at {text} then", listed)] == [text]


@pytest.mark.parametrize(
    ("school", "text", "hits"),
    [
        ("Harrowgale Primary School", "at Harrowgale Primary School", [("Harrowgale Primary School", "exact")]),
        ("Harrowgale Primary School", "at Harrowgale", [("Harrowgale", "possible")]),
        ("Harrowgale Primary School", "at a primary school", []),
        ("Harrowgale Primary School", "over the harrowgale", []),
        ("St Nowhere's C of E Primary School", "at St. Nowhere’s", [("St. Nowhere’s", "exact")]),
        ("St Nowhere's C of E Primary School", "at St Nowheres", [("St Nowheres", "possible")]),
        ("The High School", "at the high school", [("the high school", "exact")]),
        ("The High School", "a high wall", []),
    ],
)
def test_a_school(school: str, text: str, hits: list[tuple[str, str]]) -> None:
    assert found(text, Identifier(kind="school", text=school)) == hits


@pytest.mark.parametrize("text", ["943 476 0000", "9434760000", "943-476-0000"])
def test_a_number_however_it_is_grouped(text: str) -> None:
    assert found(f"NHS {text}.", Identifier(kind="other", text="943 476 0000")) == [(text, "exact")]


def test_other_words_are_one_phrase() -> None:
    listed = Identifier(kind="other", text="the blue van")
    assert found("a van, blue; the Blue Van", listed) == [("the Blue Van", "exact")]


# ----------------------------------------------------------------------------------------------------------- documents


def test_every_hit_has_its_place_and_its_surroundings() -> None:
    document = DocumentText(
        pages=("Nothing here.", f"{'long ' * 20}ago Ottilie\nlived {'here ' * 20}", "born 9 March 2024"),
        hidden=(Part(place="metadata: author", text="ottilie.marsh"), Part(place="comment 2", text="Is it Ottilie?")),
        unread=("Page 4 is a picture: read it by eye.",),
    )
    report = search(document, "ottilie_example_oem_090324.docx", [CHILD, BORN])
    assert [(hit.place, hit.kind, hit.found) for hit in report.hits] == [
        ("file name", "name", "ottilie_example"),
        ("file name", "name", "oem"),
        ("file name", "born", "090324"),
        ("page 2", "name", "Ottilie"),
        ("page 3", "born", "9 March 2024"),
        ("metadata: author", "name", "ottilie.marsh"),
        ("comment 2", "name", "Ottilie"),
    ]
    assert report.hits[3].excerpt == "long long long long long ago Ottilie lived here here here here her"
    assert report.unread == document.unread
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_a_name_over_the_end_of_a_page_is_found() -> None:
    report = search(DocumentText(pages=("Ottilie", "Marsh")), "", [CHILD])
    assert [(hit.found, hit.place) for hit in report.hits] == [("Ottilie Marsh", "page 1")]


def test_a_text_without_pages_says_so() -> None:
    [hit] = search(DocumentText(pages=("Ottilie",), paged=False), "", [CHILD]).hits
    assert hit.place == "the text"


def test_hits_beyond_the_most_are_counted() -> None:
    report = search(DocumentText(pages=("Ottilie. " * (MOST_HITS + 7),)), "", [CHILD])
    assert (len(report.hits), report.further) == (MOST_HITS, 7)


def test_halves_of_signs_are_replaced() -> None:
    assert DocumentText(pages=("a\ud800b",)).pages == ("a\ufffdb",)


# --------------------------------------------------------------------------------------------------------- identifiers


def test_what_a_referral_and_its_board_give(library: Library) -> None:
    referral = Referral.model_validate(
        {
            "board": "demo", "received": "2026-11-16", "why": "because", "agencies": ["health"],
            "child": {
                "name": "Ottilie Example-Marsh", "also_known_as": "Tilly or Otto", "born": "2024-03-09",
                "died": "2026-11-02",
                "address": "5 Nowhere Lane, Demoton",
            },
            "referrer": {"name": "Perpetua Quill", "email": "quill@health.demoshire.example"},
            "family": {"name": "The Quill family", "address": ["6 Nowhere Lane", "Demoton"]},
        }
    )  # fmt: skip
    listed = identifiers_of(referral, library.board("demo"))
    given = {(identifier.kind, identifier.text) for identifier in listed}
    assert {
        ("name", "Ottilie Example-Marsh"), ("name", "Tilly"), ("name", "Otto"), ("born", date(2024, 3, 9)),
        ("died", date(2026, 11, 2)),
        ("address", "5 Nowhere Lane, Demoton"), ("name", "Perpetua Quill"), ("name", "The Quill family"),
        ("other", "quill@health.demoshire.example"), ("address", "6 Nowhere Lane, Demoton"),
        ("staff", "Felix Barrowclough-Day"), ("staff", "Septimus Hale-Orton"), ("school", "Harrowgale Primary School"),
        ("address", "13 Invented Way, Demoshire, ZZ8 4ZZ"),
    } <= given  # fmt: skip
    assert not {"Eleri Dŵr-Hughes", "Lucan Merrivale"} & {text for _, text in given}, "independent people are named"
    assert len(listed) == len(set(listed))


def test_a_list_of_identifiers() -> None:
    text = """
        names = ["Tilly"]
        dates = [2024-03-09]
        died = ["2024-04-01"]
        schools = ["Nowhere Nursery"]
        other = ["the blue van"]
    """
    assert read_identifiers(text, "list.toml") == (
        Identifier(kind="name", text="Tilly"),
        Identifier(kind="died", text=date(2024, 4, 1)),
        Identifier(kind="date", text=date(2024, 3, 9)),
        Identifier(kind="school", text="Nowhere Nursery"),
        Identifier(kind="other", text="the blue van"),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("names = [", "not readable as TOML"),
        ('names = "Tilly"', "names"),
        ('nmaes = ["Tilly"]', "no such field"),
        ('dates = ["Tilly"]', "dates number 1"),
        ('names = [""]', "1 to 300 characters"),
        ("names = ['" + "Tilly" * 100 + "']", "1 to 300 characters"),
        ("", "lists nothing"),
    ],
)
def test_a_list_that_is_wrong_is_refused_without_its_words(text: str, said: str) -> None:
    with pytest.raises(IdentifierError, match=said) as refused:
        read_identifiers(text, "list.toml")
    assert str(refused.value).startswith("list.toml: ")
    assert "Tilly" not in str(refused.value)


def test_an_identifier_keeps_its_date_on_its_way_through_json() -> None:
    assert Identifier.model_validate_json(BORN.model_dump_json()) == BORN
    with pytest.raises(ValueError, match="is a date"):
        Identifier(kind="name", text=date(2024, 3, 9))
    with pytest.raises(ValueError, match="Invalid isoformat"):
        Identifier.model_validate({"kind": "born", "text": "soon"})
