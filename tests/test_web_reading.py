"""The pages one reads: who sees what of a case, what is escaped, what is written down. All of it is invented."""

import re
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from case_world import Story, day
from reading_world import ALL, CASE, HEALTH, OWN, Reader, post, read_by, rendered, told

from library import Library
from models import chronology
from models.criteria import A_PERSON_DECIDES
from register import accounts
from web.pictures import drawn

READ = re.compile(rf"/(cases/{CASE}(?!/(decide|change|bundle|what-if|taken))|procedures|emergency|cases\?|$)")


@pytest.fixture
def story() -> Story:
    return told()


@pytest.fixture
def sent(story: Story, tmp_path: Path) -> dict[str, str]:
    return post(story, tmp_path / "outbox")


@pytest.fixture
async def reader(story: Story, sent: dict[str, str], tmp_path: Path) -> AsyncIterator[Reader]:
    async with read_by(tmp_path, story) as reader:
        yield reader


# ---- who sees what --------------------------------------------------------------------------------------------------


async def test_whoever_manages_a_case_sees_every_page_of_it(reader: Reader, sent: dict[str, str]) -> None:
    letter = sent["ofsted"]
    for path in (*ALL, f"/letters/{letter}", f"/letters/{letter}/pdf"):
        answer = await reader.get(f"/cases/{CASE}{path}")
        assert answer.status_code == 200, (path, answer.text.partition("<h1")[2])
    for path in ("/", "/cases", "/procedures", "/procedures/wt2013", "/procedures/wt2013/diagram", "/emergency"):
        assert (await reader.get(path)).status_code == 200, path


@pytest.mark.parametrize(
    ("who", "board"), [("stranger", "demo"), ("odd-one", "demo"), ("bm", "milton-keynes"), ("chair", "luton")]
)
async def test_nobody_else_learns_that_a_case_is_there(
    reader: Reader, sent: dict[str, str], who: str, board: str
) -> None:
    boards = Library().boards()
    board = board if board in boards else next(name for name in boards if name not in ("demo", "milton-keynes"))
    letter = sent["ofsted"]
    for path in (*ALL, f"/letters/{letter}", f"/letters/{letter}/pdf"):
        answer = await reader.get(f"/cases/{CASE}{path}", who, board)
        missing = await reader.get(f"/cases/DEMO-2013-999{path}", who, board)
        assert (answer.status_code, answer.text) == (404, missing.text), path
    for path in ("/", "/cases?state=all"):
        answer = await reader.get(path, who, board)
        assert answer.status_code == 200
        assert CASE not in answer.text
    assert await accounts.reads(reader.register, CASE) == []


async def test_every_link_of_a_page_leads_to_a_page(reader: Reader) -> None:
    asked, waiting = set[str](), {"/", "/cases", "/procedures/wt2013", f"/cases/{CASE}"}
    while waiting and len(asked) < 150:
        path = waiting.pop()
        asked.add(path)
        answer = await reader.get(path)
        assert answer.status_code == 200, path
        found = re.findall(r'href="(/[^"#]*)', answer.text) if "html" in answer.headers["content-type"] else []
        waiting |= {link.replace("&amp;", "&") for link in found if READ.match(link)} - asked
    assert len(asked) > 60


@pytest.mark.parametrize("path", [f"/cases/{CASE}", "/cases", "/", "/procedures", "/emergency"])
async def test_who_is_not_signed_in_is_asked_to(reader: Reader, path: str) -> None:
    transport = httpx.ASGITransport(reader.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://pages") as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in")


@pytest.mark.parametrize("who", OWN)
async def test_an_agency_sees_its_own_steps_and_no_others(reader: Reader, who: str) -> None:
    for path in ("", "/dates", "/timeline"):
        text = (await reader.get(f"/cases/{CASE}{path}", who)).text
        assert "Demo Health Trust" in text or path == "/timeline"
        assert "Demo Police" not in text
        assert "Consider the draft" not in text
    assert (await reader.get(f"/cases/{CASE}/dates/agency-review[health]", who)).status_code == 200
    for key in ("agency-review[police]", "decide", "no-such-step"):
        assert (await reader.get(f"/cases/{CASE}/dates/{key}", who)).status_code == 404, key


async def test_an_agency_sees_the_events_of_its_own_steps_and_no_others(reader: Reader, story: Story) -> None:
    shown = ""
    for number in range(1, 9):
        shown += (await reader.get(f"/cases/{CASE}/timeline?page={number}", OWN[0])).text
    own = [event for event in story.log if event.step and event.step.endswith("[health]")]
    assert own
    for event in story.log:
        assert (f'id="event-{event.seq}"' in shown) == (event in own), event


async def test_an_agency_sees_its_own_documents_and_no_others(reader: Reader) -> None:
    who = OWN[1]
    text = (await reader.get(f"/cases/{CASE}/documents", who)).text
    assert "documents/2/chronology%5Bhealth%5D" in text
    assert "police" not in text.lower()
    assert "overview" not in text.partition("<main")[2].lower()
    file = await reader.get(f"/cases/{CASE}/documents/2/chronology[health]", who)
    assert (file.status_code, file.content) == (200, HEALTH)
    for key in ("2/chronology[police]", "1/overview-report", "3/chronology[health]", "0/chronology[health]"):
        assert (await reader.get(f"/cases/{CASE}/documents/{key}", who)).status_code == 404, key
    merged = (await reader.get(f"/cases/{CASE}/chronology", who)).text
    assert "Seen by a nurse" in merged
    assert "A call" not in merged


async def test_an_agency_sees_the_letters_to_it_and_no_others(reader: Reader, sent: dict[str, str]) -> None:
    who = OWN[0]
    text = (await reader.get(f"/cases/{CASE}/letters", who)).text
    assert sent[who] in text
    assert sent["ofsted"] not in text
    assert sent["senior-manager[police]"] not in text
    assert (await reader.get(f"/cases/{CASE}/letters/{sent[who]}", who)).status_code == 200
    for letter in (sent["ofsted"], sent["senior-manager[police]"]):
        for path in (f"letters/{letter}", f"letters/{letter}/pdf"):
            assert (await reader.get(f"/cases/{CASE}/{path}", who)).status_code == 404, path


async def test_an_agency_sees_its_own_actions_and_people_and_no_audit(reader: Reader) -> None:
    actions = (await reader.get(f"/cases/{CASE}/actions", OWN[0])).text
    assert "Train the staff" in actions
    assert "Meet more often" not in actions
    people = (await reader.get(f"/cases/{CASE}/people", OWN[0])).text
    assert "imr-author[health]" in people
    assert "imr-author[police]" not in people
    assert "odd-one" not in people
    assert "criteria" not in (await reader.get(f"/cases/{CASE}", OWN[0])).text.lower()
    assert (await reader.get(f"/cases/{CASE}/audit", OWN[0])).status_code == 404


async def test_the_audit_is_for_those_who_manage_the_case(reader: Reader) -> None:
    await reader.get(f"/cases/{CASE}/people", "lead-reviewer")
    assert (await reader.get(f"/cases/{CASE}/audit", "lead-reviewer")).status_code == 404
    text = (await reader.get(f"/cases/{CASE}/audit", "chair")).text
    assert "lead-reviewer@demo" in text


# ---- what is shown --------------------------------------------------------------------------------------------------


async def test_no_text_becomes_a_script_or_a_style(reader: Reader, sent: dict[str, str]) -> None:
    shown = 0
    for path in (*ALL[:10], f"/letters/{sent['ofsted']}"):
        answer = await reader.get(f"/cases/{CASE}{path}")
        assert "<script>" not in answer.text.replace("<script>)", ""), path
        assert " style=" not in answer.text, path
        assert "onclick" not in answer.text, path
        shown += answer.text.count("&lt;script&gt;")
    assert shown > 20
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_case_says_what_it_waits_for(reader: Reader) -> None:
    text = (await reader.get(f"/cases/{CASE}")).text
    assert "overdue" in text
    assert f"/cases/{CASE}/dates/action-plan" in text
    assert "Not yet" in text
    assert A_PERSON_DECIDES in text
    assert f"/cases/{CASE}/decide/action-plan" not in text  # another role's turn
    assert f"/cases/{CASE}/decide/action-plan" in (await reader.get(f"/cases/{CASE}", "lscb")).text
    assert f"/cases/{CASE}/decide/action-plan" in (await reader.get("/", "lscb")).text


async def test_a_date_is_explained(reader: Reader, story: Story) -> None:
    text = (await reader.get(f"/cases/{CASE}/dates/recommend")).text
    because = [event.because for event in story.log if event.kind == "started" and event.step == "recommend"]
    assert because[0] in text
    assert "it began" in text


async def test_a_ladder_tells_what_fired_and_what_is_to_come(reader: Reader, story: Story) -> None:
    fired = story.tick("2013-10-12")
    await reader.register.append(CASE, story.log)
    assert fired or story.case.fired
    text = (await reader.get(f"/cases/{CASE}/dates/action-plan")).text
    assert "To come" in text


async def test_the_timeline_names_people_roles_outcomes_and_letters(reader: Reader) -> None:
    text = "".join([(await reader.get(f"/cases/{CASE}/timeline?page={page}")).text for page in (1, 2, 3)])
    name = Library().board("demo").people["bm"].name
    for words in (f"Decided by {name}:", "Outcome: Initiate a Serious Case Review", "Letter “Secure records” to "):
        assert words in text
    for words in ("Decided by bm", "Outcome: initiate", "to chief-executive[health]", "for sub-group"):
        assert words not in text


async def test_a_long_chronology_is_merged_while_others_are_served(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, merge, threads = threading.get_ident(), chronology.merge, set[int]()

    def watched(read: Any) -> Any:
        threads.add(threading.get_ident())
        return merge(read)

    monkeypatch.setattr(chronology, "merge", watched)
    assert "2 entries of 2 agencies" in (await reader.get(f"/cases/{CASE}/chronology")).text
    assert threads
    assert served not in threads


async def test_the_timeline_goes_by_pages_newest_first(reader: Reader, story: Story) -> None:
    first = (await reader.get(f"/cases/{CASE}/timeline")).text
    last = (await reader.get(f"/cases/{CASE}/timeline?page=99")).text
    assert first.index(f'id="event-{len(story.log)}"') < first.index(f'id="event-{len(story.log) - 1}"')
    assert 'id="event-1"' in last
    assert 'id="event-1"' not in first
    for odd in ("0", "-1", "x", "²", "9" * 40):
        assert (await reader.get(f"/cases/{CASE}/timeline?page={odd}")).status_code == 200


async def test_a_letter_is_shown_as_it_went(reader: Reader, sent: dict[str, str], tmp_path: Path) -> None:
    path = f"/cases/{CASE}/letters/{sent['ofsted']}"
    assert "not what the register says" not in (await reader.get(path)).text
    pdf = await reader.get(f"{path}/pdf")
    assert (pdf.headers["content-type"], pdf.content) == ("application/pdf", rendered().pdf)
    assert pdf.headers["content-disposition"].startswith("inline")
    file = tmp_path / "outbox" / CASE / f"{sent['ofsted']}.eml"
    file.write_bytes(file.read_bytes().replace(b"Dear Sir", b"Dear Liar"))
    assert "not what the register says" in (await reader.get(path)).text
    file.unlink()
    assert "kept no more" in (await reader.get(path)).text
    assert (await reader.get(f"{path}/pdf")).status_code == 404


@pytest.mark.parametrize("letter", ["..%2f..%2fregister.key", "%2e%2e", "register.key", "../../register.key", "x%00y"])
async def test_no_address_leads_to_another_file(reader: Reader, letter: str) -> None:
    assert (await reader.get(f"/cases/{CASE}/letters/{letter}")).status_code == 404


async def test_a_download_is_a_file_with_a_name_of_ours(reader: Reader) -> None:
    answer = await reader.get(f"/cases/{CASE}/documents/2/chronology[health]")
    assert answer.headers["content-disposition"] == f'attachment; filename="{CASE}-chronology-health-v2.txt"'
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"
    earlier = await reader.get(f"/cases/{CASE}/documents/1/chronology[health]")
    assert earlier.content == b"An earlier version."
    gone = await reader.get(f"/cases/{CASE}/documents/1/overview-report")  # never kept
    assert (gone.status_code, "cannot be read" in gone.text) == (404, True)
    book = await reader.get(f"/cases/{CASE}/chronology.xlsx")
    assert book.content.startswith(b"PK")
    assert (await reader.get(f"/cases/{CASE}/chronology.pdf")).content.startswith(b"%PDF-")
    assert (await reader.get(f"/cases/{CASE}/chronology.exe")).status_code == 404


async def test_a_procedure_that_is_not_there(reader: Reader) -> None:
    for name in ("nothing", "..%2fpyproject", "wt2013.toml"):
        assert (await reader.get(f"/procedures/{name}")).status_code == 404
    diagram = await reader.get("/procedures/wt2013/diagram")
    assert diagram.headers["content-disposition"] == 'attachment; filename="wt2013.mmd"'


def test_a_picture_keeps_within_its_frame(story: Story) -> None:
    records = list(story.case.steps.values())
    kinds = set()
    for today in (day("2013-07-08"), day("2013-10-20"), day("2026-11-22")):
        picture = drawn(story.case, records, today)
        assert picture is not None
        kinds |= {bar.kind for bar in picture.bars}
        assert len(picture.bars) == len(records)
        for bar in picture.bars:
            assert 0 <= bar.start < bar.end <= 960
        assert {line.kind for line in picture.lines} >= {"today", "limit"}
    assert kinds >= {"done", "open", "overdue"}
    assert drawn(story.case, [], day("2013-07-08")) is None


# ---- what is written down -------------------------------------------------------------------------------------------


async def test_reading_is_written_down(reader: Reader, sent: dict[str, str]) -> None:
    letter = sent["ofsted"]
    paths = ("", "/timeline", "/people", f"/letters/{letter}", "/documents/2/chronology[police]", "/chronology.pdf")
    for path in paths:
        await reader.get(f"/cases/{CASE}{path}", "chair")
    noted = {(read.account, read.what) for read in await accounts.reads(reader.register, CASE)}
    what = {"case", "timeline", "people", f"letter {letter}", "document chronology[police], version 2"}
    assert noted >= {("chair@demo", one) for one in (*what, "chronology as pdf")}
    assert await accounts.count_reads(reader.register, CASE) == len(await accounts.reads(reader.register, CASE))


async def test_what_is_refused_is_not_written_down_as_read(reader: Reader, sent: dict[str, str]) -> None:
    await reader.get(f"/cases/{CASE}/letters/{sent['ofsted']}", OWN[0])
    await reader.get(f"/cases/{CASE}/documents/2/chronology[police]", OWN[0])
    noted = {read.what for read in await accounts.reads(reader.register, CASE)}
    assert noted == {"letters", "documents"}
