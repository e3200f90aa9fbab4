"""Letters: what they must say, what they must never hold, and that a wrong one is refused."""

import io
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.rendering import DEMONSTRATION, LetterError, Renderer, day
from models.board import Board, read_board
from models.letters import Correspondent, LetterFacts, LetterOrder, RenderedLetter
from typesetting import MARKING

ROOT = Path(__file__).parent.parent
DEFAULT = ROOT / "templates" / "letters"
FONTS = ROOT / "templates" / "fonts"
LETTERS = sorted(path.name.removesuffix(".md.j2") for path in DEFAULT.glob("*.md.j2"))
REFERENCE = "SCR-2013-001"
CHILD = {"name": "Zephyrine Quorn", "also_known_as": "Zeph", "born": "2009-03-17", "address": "3 Invented Mews"}
TRACES = ("Zephyrine", "Quorn", "Zeph", "17 March 2009", "2009-03-17", "Invented Mews")

FULL: dict[str, Any] = {
    "procedure_title": "Serious Case Review (Working Together 2013)",
    "step_title": "Consider the case against the criteria",
    "row": "002-3",
    "who": "LSCB SCR sub-group",
    "outcome": "Initiate a Serious Case Review",
    "outcome_id": "initiate",
    "reason": "The criteria are met.\nThe agencies did not share what they knew.",
    "note": "A criminal investigation has begun.",
    "decided_on": "2013-07-22",
    "notified_on": "2013-07",
    "due": "2013-05-12",
    "act_by": "2013-05-10",
    "because": "Friday 12 April 2013 is not counted; one month later is Sunday 12 May 2013.",
    "reply_by": "2013-08-05",
    "agency": "Demoshire Health Trust",
    "publication": "2014-05-15",
    "planned": "2014-05-22",
    "due_dates": [
        {"title": "Recommend to the Chair", "who": "Sub-group", "due": "2013-07-22", "act_by": "2013-07-22"},
        {"title": "Decide", "who": "Chair", "due": "2013-05-12", "act_by": "2013-05-10"},
        {"title": "Report"},
    ],
    "moved_from": "2013-07-19",
    "rung": "2 working days overdue",
    "since": "2013-05-13",
    "action": {"title": "Name a nurse for every school", "owner": "Health Trust", "due": "2014-06-02"},
    "proposed": "2014-04-01",
    "terms": ["How information was shared", "Whether the child was heard"],
}
NO_INQUIRY = ["not a criminal investigation", "coroner's inquiry", "not a disciplinary inquiry"]
OVERDUE = ["Consider the case", "002-3", "LSCB SCR sub-group", "Monday 13 May 2013", "2 working days overdue"]
COUNTED = ["Sunday 12 May 2013", "Friday 10 May 2013", "is not counted"]
MUST_SAY = {
    "referral-acknowledgement": [REFERENCE, "July 2013", "What happens next", "Monday 22 July 2013"],
    "information-request": ["one purpose", "section 14B of the Children Act 2004", "Monday 5 August 2013"],
    "referral-outcome": ["Initiate a Serious Case Review", "outcome only"],
    "sub-group-referral": ["against the criteria", "terms of reference", "legal advice", "recommendation"],
    "secure-records": ["Secure all records", "Name a senior manager", "Zephyrine Quorn", *NO_INQUIRY],
    "decision-notice": ["Initiate a Serious Case Review", "The reasons", "did not share what they knew"],
    "cqc-notice": ["Care Quality Commission", "decided to hold a review", "Monday 22 July 2013"],
    "sha-notice": ["Strategic Health Authority", "decided to hold a review", "Monday 22 July 2013"],
    "hmic-notice": ["Inspectorate of Constabulary", "decided to hold a review", "Monday 22 July 2013"],
    "panel-appointment": ["Declaration of independence", "not a member of a Board", *NO_INQUIRY],
    "imr-commission": ["Whether the child was heard", "sign the report off", "names nobody", *NO_INQUIRY],
    "individual-imr-request": [
        "No Serious Case Review",
        "sign the report off",
        "sub-group",
        "names nobody",
        *NO_INQUIRY,
    ],
    "overview-author-commission": ["independence", "Whether the child was heard", "not chair the review panel"],
    "lead-reviewer-commission": ["independence", "Whether the child was heard", "Monday 5 August 2013"],
    "lead-reviewer-names": ["lead reviewer", "names", "secure means"],
    "family-involvement": ["purpose is to learn", "your choice", "keep in touch", "Eleri Dŵr-Hughes"],
    "interview-invitation": ["not a disciplinary interview", "must not be your manager", "involved", *NO_INQUIRY],
    "interview-record": ["to you alone", "Correct", "by Monday 5 August 2013", *NO_INQUIRY],
    "another-date-request": ["The reason", "A criminal investigation has begun", "Tuesday 1 April 2014"],
    "action-plan-sign-up": ["Name a nurse", "Health Trust", "Monday 2 June 2014", "executive summary"],
    "report-before-publication": ["The decision on publication", "The reasons", "Thursday 15 May 2014"],
    "publication-notice": ["anonymised version", "Thursday 15 May 2014"],
    "repository-deposit": ["anonymised version", "repository"],
    "debrief-invitation": ["Support is offered", *NO_INQUIRY],
    "learning-bulletin": ["learning only", "nothing that identifies", "How information was shared"],
    "reminder": ["Consider the case", "LSCB SCR sub-group", *COUNTED],
    "overdue-notice": [*OVERDUE, *COUNTED],
    "escalation": [*OVERDUE, *COUNTED, "your turn"],
    "leaflet-for-professionals": ["not a disciplinary interview", "must not be your manager", *NO_INQUIRY],
    "learning-review-invitation": ["does not become a Serious Case Review", "Name a manager", *NO_INQUIRY],
    "meeting-notice": ["Thursday 22 May 2014", "The business", "A criminal investigation has begun", "declare"],
    "serious-incident-notification": ["section 16C of the Children Act 2004", "became aware of it", "rapid review"],
    "partnership-information-request": ["one purpose", "section 16H of the Children Act 2004", *NO_INQUIRY],
    "rapid-review-outcome": ["The outcome", "The reasons", "did not share what they knew"],
    "practice-reviewer-commission": ["improvements", "Independence", "Monday 5 August 2013", *NO_INQUIRY],
    "practice-review-before-publication": ["The decision on publication", "The reasons", "Thursday 15 May 2014"],
    "practice-review-delay": ["six months", "A criminal investigation has begun", "Tuesday 1 April 2014"],
    "date-moved": ["Friday 19 July 2013", "Sunday 12 May 2013", "is not counted"],
}


@cache
def board(name: str = "demo") -> Board:
    return read_board((ROOT / "boards" / f"{name}.toml").read_text())


@cache
def renderer() -> Renderer:
    return Renderer([DEFAULT], FONTS)


def order(template: str, facts: dict[str, Any]) -> LetterOrder:
    return LetterOrder(
        id=f"3-{template}",
        template=template,
        sender="chair",
        recipient="chief-executive[health]",
        on=date(2013, 7, 23),
        facts=facts,
    )


def render(template: str, facts: dict[str, Any], by: Renderer | None = None) -> RenderedLetter:
    chair, chief = board().correspondent("chair"), board().correspondent("chief-executive[health]")
    return (by or renderer()).render(order(template, facts), REFERENCE, board(), chair, chief, CHILD)


def pdf_text(rendered: RenderedLetter) -> str:
    """The words of all pages, without the turn of the page."""
    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(rendered.pdf)).pages]
    turn = rf"Our reference: {REFERENCE} Page \d+ of \d+ {DEMONSTRATION} {MARKING} "
    return re.sub(turn, "", " ".join(" ".join(pages).split()))


def own(folder: Path, body: str, front: str = 'title = "A trial"') -> Renderer:
    (folder / "trial.md.j2").write_text(f"+++\n{front}\n+++\n{body}\n", encoding="utf-8")
    return Renderer([folder, DEFAULT], FONTS)


def test_every_letter_has_its_must_say_list() -> None:
    assert sorted(MUST_SAY) == LETTERS


@pytest.mark.parametrize("template", LETTERS)
def test_letter_says_what_it_must(template: str) -> None:
    rendered = render(template, FULL)
    assert rendered.subject.startswith(f"{REFERENCE}: ")
    html = re.sub(r"<[^>]+>", "", rendered.html).replace("&#x27;", "'")
    for shown in (" ".join(rendered.text.split()), " ".join(html.split()), pdf_text(rendered)):
        for words in MUST_SAY[template]:
            assert words in shown
        assert MARKING in shown
        assert DEMONSTRATION in shown
        assert "None" not in shown
        assert "**" not in shown


@pytest.mark.parametrize("template", LETTERS)
def test_letter_needs_no_fact(template: str) -> None:
    rendered = render(template, {})
    assert "None" not in rendered.text
    assert not re.search(r" [.,;:]|\( |: *\n\n\n|\bby \.", rendered.text)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(LETTERS), st.sets(st.sampled_from(sorted(FULL))))
def test_any_choice_of_facts_renders(template: str, names: set[str]) -> None:
    rendered = render(template, {name: FULL[name] for name in names})
    assert "None" not in rendered.text


@pytest.mark.parametrize("template", LETTERS)
def test_child_is_identified_only_where_records_are_secured(template: str) -> None:
    rendered = render(template, FULL)
    shown = rendered.text + rendered.html + pdf_text(rendered)
    assert any(trace in shown for trace in TRACES) == (template == "secure-records")
    assert not any(trace in rendered.subject for trace in TRACES)


def test_subject_can_print_the_procedures_own_words_alone(tmp_path: Path) -> None:
    assert render("reminder", FULL).subject == f"{REFERENCE}: Reminder: Consider the case against the criteria"
    with pytest.raises(LetterError, match="'reason' is undefined"):
        render("trial", FULL, own(tmp_path, "Words", 'title = "About {{ reason }}"'))
    with pytest.raises(LetterError, match="'child' is undefined"):
        render("trial", FULL, own(tmp_path, "Words", 'title = "About {{ child.name }}"\nchild = true'))


def test_child_is_out_of_reach_of_other_letters(tmp_path: Path) -> None:
    with pytest.raises(LetterError, match="'child' is undefined"):
        render("trial", {}, own(tmp_path, "{{ child.name }}"))


def test_secure_records_refuses_to_go_without_the_identity() -> None:
    chair = board().correspondent("chair")
    with pytest.raises(LetterError, match="must identify the child"):
        renderer().render(order("secure-records", {}), REFERENCE, board(), chair, chair, None)
    with pytest.raises(LetterError, match="born") as caught:
        renderer().render(
            order("secure-records", {}), REFERENCE, board(), chair, chair, {"name": "Zephyrine", "born": "soon"}
        )
    assert "soon" not in str(caught.value)


HOSTILE = [
    "*x* <b> [a](http://b) # y",
    '#import "@preview/x:0.1.0": y #{ panic() } $x$ @label <label> // no',
    "{{ 7 * 7 }} {% if x %} \\{ }}",
    "| a | b |\n|---|---|\n1. one\n- two\n    code\n+++\n# head\n===",
    "&amp; &#42; `code` ~~~ __x__ ![i](u) \\ \\| \\*",
    "Ŵyn ŷ Siân – “quoted” £5 €6",
]
SIGNS = st.characters(codec="ascii", exclude_categories=["Cc"])
TEXTS = st.text(SIGNS | st.sampled_from("Ŵŵŷâé–“”£\n"), max_size=60).filter(str.strip)


EVERYWHERE = """{{ reason }}

**{{ reason }}** and *{{ reason }}*

## {{ reason }}

- {{ reason }}
  1. {{ reason }}

| One | Two |
|---|---|
| {{ reason }} | **{{ reason }}** |
"""


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    return own(tmp_path_factory.mktemp("letters"), EVERYWHERE)


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_value_appears_literally(everywhere: Renderer, value: str) -> None:
    assert_literal(everywhere, value)


@settings(max_examples=40, deadline=None)
@given(TEXTS)
def test_any_value_appears_literally(everywhere: Renderer, value: str) -> None:
    assert_literal(everywhere, value)


def assert_literal(by: Renderer, value: str) -> None:
    rendered, harmless = render("trial", {"reason": value}, by), render("trial", {"reason": "x"}, by)
    wanted = tight(value)
    html = unescape(re.sub(r"<[^>]+>", "", rendered.html))
    for shown in (rendered.text, html, pdf_text(rendered)):
        assert tight(shown).count(wanted) >= EVERYWHERE.count("{{ reason }}")
    assert tags(rendered.html) == tags(harmless.html)


def tags(html: str) -> list[str]:
    return [tag for tag in re.findall(r"<[^>]+>", html) if tag != "<br>"]


def tight(text: str) -> str:
    return "".join(text.split())


def test_line_breaks_of_a_value_stay() -> None:
    rendered = render("decision-notice", {"reason": "First line.\n\n  Second line."})
    assert "First line.\nSecond line." in rendered.text
    assert "First line.<br>Second line." in rendered.html


def test_sign_without_a_glyph_is_refused_without_quoting_the_letter() -> None:
    with pytest.raises(LetterError, match="its font cannot show") as caught:
        render("decision-notice", {"reason": "Secret 漢"})
    assert "Secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_pdf_is_tagged_titled_and_in_english() -> None:
    rendered = render("referral-acknowledgement", FULL)
    reader = pypdf.PdfReader(io.BytesIO(rendered.pdf))
    catalogue: Any = reader.trailer["/Root"]
    assert catalogue["/MarkInfo"]["/Marked"].value is True
    assert catalogue["/Lang"] == "en-GB"
    assert reader.metadata is not None
    assert reader.metadata.title == "We have received your referral"
    metadata = catalogue["/Metadata"].get_data()
    assert b"<pdfuaid:part>1<" in metadata
    assert b"<pdfaid:part>2<" in metadata
    fonts: Any = [page["/Resources"]["/Font"].values() for page in reader.pages]  # type: ignore[index]
    assert all("LiberationSans" in font.get_object()["/BaseFont"] for page in fonts for font in page)


def test_every_page_bears_reference_and_number() -> None:
    rows = [{"title": f"Step {number}", "due": "2013-07-22"} for number in range(40)]
    rendered = render("referral-acknowledgement", {"due_dates": rows})
    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(rendered.pdf)).pages]
    assert len(pages) > 1
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
        assert REFERENCE in page
        assert MARKING in page
    assert "Yours sincerely" in pages[-1]
    assert "If anything in this letter is unclear" in pages[-1]


def test_same_order_gives_the_same_bytes() -> None:
    first = render("imr-commission", FULL)
    assert first == render("imr-commission", FULL, Renderer([DEFAULT], FONTS))
    assert first.sha256 != render("imr-commission", {**FULL, "agency": "Another"}).sha256


def test_threads_that_set_letters_at_once_get_the_bytes_of_their_own() -> None:
    orders = [order("decision-notice", FULL | {"reason": f"Reason {number}."}) for number in range(12)]

    def made(one: LetterOrder) -> bytes:
        by = board().correspondent("chair")
        return renderer().render(one, REFERENCE, board(), by, by, None).pdf

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(made, orders)) == [made(one) for one in orders]


GROWTH = """
import resource
from test_letters import FULL, board, order, renderer
by = board().correspondent("chair")
for number in range(400):
    if number == 50:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    renderer().render(order("decision-notice", FULL), f"SCR-2013-{number}", board(), by, by, None)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / before)
"""


def test_a_letter_that_is_set_leaves_nothing_in_memory() -> None:
    """A worker sets letters for months: the tenth of a megabyte and more that each once left would fill it."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    asked = [sys.executable, "-c", GROWTH]
    done = subprocess.run(asked, env={"PYTHONPATH": paths}, check=True, capture_output=True, text=True)
    assert float(done.stdout) < 1.1


def test_boards_own_wording_wins_and_the_rest_is_the_default() -> None:
    mk = board("milton-keynes")
    theirs = Renderer([ROOT / "boards" / mk.id / "letters", DEFAULT], FONTS)
    chair, to = mk.correspondent("chair"), mk.correspondent("referrer")
    for template, own_words in (("referral-acknowledgement", True), ("referral-outcome", False)):
        text = theirs.render(order(template, FULL), REFERENCE, mk, chair, to, None).text
        assert ("Milton Keynes" in text.partition("Yours")[0]) == own_words


@pytest.mark.parametrize("name", ["no-such-letter", "parts/dates", "../letters/reminder"])
def test_a_letter_that_there_is_not_is_named(name: str) -> None:
    mk = board("milton-keynes")
    chair, to = mk.correspondent("chair"), mk.correspondent("referrer")
    with pytest.raises(LetterError, match=re.escape(f'There is no letter "{name}"')):
        renderer().render(order("reminder", FULL).model_copy(update={"template": name}), REFERENCE, mk, chair, to, None)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{{ surname }}", "'surname' is undefined"),
        ("{{ action.secret }}", "has no attribute"),
        ("{% if due %}", "wrong in line 4"),
        ("{{ due }}", "a fact that the case has not given"),
        ("{{ due_dates }}", "prints a tuple as a whole"),
        ("{{ 'soon' | day }}", "prints as a day what is none"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{% include 'parts/none.md.j2' %}", "parts/none"),
        ("", "says nothing"),
    ],
)
def test_wrong_template_is_refused_in_one_sentence(tmp_path: Path, body: str, said: str) -> None:
    with pytest.raises(LetterError, match=re.escape(said)) as caught:
        render("trial", {"action": {"title": "x"}}, own(tmp_path, body))
    assert "\n" not in str(caught.value)


def test_wrong_front_matter_layout_and_facts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LetterError, match="There is no letter"):
        render("nothing", {})
    with pytest.raises(LetterError, match="wrong: colour"):
        render("trial", {}, own(tmp_path, "Words", 'title = "x"\ncolour = "red"'))
    with pytest.raises(LetterError, match="not TOML"):
        render("trial", {}, own(tmp_path, "Words", "title"))
    (tmp_path / "trial.md.j2").write_text("No front matter")
    with pytest.raises(LetterError, match="should begin with TOML"):
        render("trial", {}, Renderer([tmp_path, DEFAULT], FONTS))
    with pytest.raises(LetterError, match="wrong: surname"):
        render("reminder", {"surname": "x"})
    (tmp_path / "letter.typ").write_text('#import "@preview/letter:1.0.0": *')
    with pytest.raises(LetterError, match="imports a package"):
        Renderer([tmp_path], FONTS)


def test_address_must_fit_the_window() -> None:
    chair = board().correspondent("chair")
    long = Correspondent(name="A", address=tuple(f"Line {number}" for number in range(7)))
    with pytest.raises(LetterError, match="8 lines"):
        renderer().render(order("reminder", {}), REFERENCE, board(), chair, long, None)


def test_greeting_and_closing_go_together() -> None:
    team = board().correspondent("ofsted")
    chair = board().correspondent("chair")
    text = renderer().render(order("decision-notice", {}), REFERENCE, board(), chair, team, None).text
    assert "Dear Sir or Madam" in text
    assert "Yours faithfully" in text
    assert "Dear Perpetua Wainfleet" in render("decision-notice", {}).text


def test_day_takes_whole_and_partial_days() -> None:
    assert [day("2013-07-08"), day("2013-07"), day("2013")] == ["Monday 8 July 2013", "July 2013", "2013"]


def test_every_fact_is_tried_here() -> None:
    assert set(FULL) == set(LetterFacts.model_fields)
