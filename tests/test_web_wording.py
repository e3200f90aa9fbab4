"""The pages that edit letters' wording: who may, what is previewed, saved, refused, and two who edit at once."""

import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pypdf
import pytest
from case_world import Story, wt2013_opening
from reading_world import Reader, read_by
from sqlalchemy import select
from test_wordings import BOMBS, ESCAPES
from visitor import Browser, office_at, signed_in

from activities.rendering import DEMONSTRATION
from library import Library
from register import wordings
from register.sealed import Ring
from register.store import Register
from register.tables import WordingRow
from typesetting import MARKING
from web import wording as pages
from web.frame import Office

ONE = "/wording/reminder"
SOURCE = '+++\ntitle = "Reminder of ours"\n+++\nOur own words about {{ reference }}.\n'
OUTSIDERS = (("chair", "demo"), ("sg-lead", "demo"), ("nobody", "demo"), ("chair", "milton-keynes"))


@pytest.fixture
async def register(tmp_path: Path) -> AsyncIterator[Register]:
    async with await Register.open(tmp_path / "register.db", Ring.load_or_make(tmp_path / "register.key")) as opened:
        yield opened


@pytest.fixture
def office(register: Register, tmp_path: Path) -> Office:
    return office_at(register, tmp_path)


@pytest.fixture
async def bm(office: Office) -> Browser:
    return await signed_in(office, "bm")


async def send(browser: Browser, do: str = "save", source: str = SOURCE, based_on: int = 0, **more: str) -> int:
    """Send the form of the letter; the status of the answer."""
    await browser.get(ONE)
    typed = {"do": do, "source": source.replace("\n", "\r\n"), "based_on": f"{based_on}", **more}
    answer = await browser.post(ONE, typed)
    return answer.status_code


# ---- who may


def routes() -> list[tuple[str, str]]:
    both = [(route.path, how) for route in pages.ROUTES for how in sorted(route.methods or ()) if how != "HEAD"]
    assert len(both) == 6
    return [(path.replace("{letter}", "reminder").replace("{version:int}", "0"), how) for path, how in both]


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[Reader]:
    async with read_by(tmp_path, Story(wt2013_opening())) as opened:
        yield opened


@pytest.mark.parametrize(("path", "method"), routes())
async def test_there_is_no_such_page_but_for_the_business_manager(reader: Reader, path: str, method: str) -> None:
    for who, board in OUTSIDERS:
        ask = reader.get if method == "GET" else reader.post
        assert (await ask(path, who, board)).status_code == 404, (who, board)
    if method == "GET":
        assert (await reader.get(path)).status_code == 200
    else:
        assert (await reader.post(path, "bm", csrf="forged", do="save", source=SOURCE)).status_code == 403
    async with httpx.AsyncClient(transport=httpx.ASGITransport(reader.app), base_url="http://pages") as client:
        sent_away = await client.request(method, path)
    assert sent_away.status_code == 303
    assert sent_away.headers["location"].startswith("/sign-in")
    assert await reader.register.read(lambda db: db.scalars(select(WordingRow.version)).all()) == []


async def test_an_administrator_is_no_editor_and_sees_no_link(office: Office) -> None:
    browser = await signed_in(office, "chair", administrator=True)
    assert 'href="/wording"' not in browser.text
    assert (await browser.get("/wording")).status_code == 404


async def test_a_letter_that_is_none_is_not_there(bm: Browser) -> None:
    for path in ("/wording/none", "/wording/parts%2Fcontact", "/wording/..%2Freminder", f"{ONE}/versions/1"):
        assert (await bm.get(path)).status_code == 404, path


async def test_each_board_has_its_own(office: Office) -> None:
    mine, theirs = await signed_in(office, "bm"), await signed_in(office, "bm", board="milton-keynes", name="mk")
    assert await send(mine) == 303
    await theirs.get(ONE)
    assert "Our own words" not in theirs.text
    assert (await theirs.get(f"{ONE}/versions/1")).status_code == 404


# ---- editing


async def test_the_list_says_whose_wording_each_letter_has(office: Office) -> None:
    browser = await signed_in(office, "bm", board="milton-keynes", name="mk")
    assert 'href="/wording"' in browser.text
    assert await send(browser) == 303
    await browser.get("/wording")
    rows = {row.split("</a>")[0].rpartition(">")[2]: row for row in browser.text.split("<tr ")[2:]}
    assert sorted(rows) == sorted(
        name.replace("-", " ").capitalize() for name in Library(office.data).letters("milton-keynes")
    )
    assert "Version 1, edited here" in rows["Reminder"]
    assert "Business Manager" in rows["Reminder"]
    assert "The Board’s file" in rows["Referral acknowledgement"]
    assert "The product’s own" in rows["Escalation"]


async def test_a_wording_is_previewed_and_nothing_is_saved(bm: Browser, office: Office) -> None:
    assert await send(bm, "preview", because="A <b>trial</b>") == 200
    for words in (
        "Our own words about EXAMPLE-2026-001.",
        DEMONSTRATION,
        MARKING,
        "Tobias Larkspur",
        "nothing is saved",
    ):
        assert words in bm.text
    assert SOURCE in bm.text
    assert 'value="A <b>trial</b>"' in bm.text
    assert "<b>" not in bm.page.text
    assert await wordings.in_use(office.register, "demo") == {}


async def test_the_preview_as_pdf(bm: Browser) -> None:
    assert await send(bm, "pdf") == 200
    assert bm.page.headers["content-type"] == "application/pdf"
    words = " ".join(pypdf.PdfReader(io.BytesIO(bm.page.content)).pages[0].extract_text().split())
    assert "Our own words about EXAMPLE-2026-001." in words
    assert DEMONSTRATION in words


async def test_a_saved_version_is_in_use_and_says_who_when_and_why(bm: Browser, office: Office) -> None:
    assert await send(bm, because="The old one was too short") == 303
    await bm.follow()
    for words in ("Version 1", "In use", "Business Manager", "The old one was too short", "The product’s own"):
        assert words in bm.text
    [kept] = await wordings.versions(office.register, "demo", "reminder")
    assert (kept.version, kept.by, kept.because, kept.source) == (1, "bm", "The old one was too short", SOURCE)
    await bm.get(ONE)
    assert SOURCE in bm.text
    assert "Version 1, edited here" in bm.text
    assert await send(bm, based_on=0) == 303, "a second click"
    assert await send(bm, based_on=1) == 422
    assert "is the wording that is in use" in bm.text
    assert len(await wordings.versions(office.register, "demo", "reminder")) == 1


@pytest.mark.parametrize("do", ["preview", "pdf", "save"])
@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("Words without a head", "should begin with TOML"),
        ('+++\ntitle = "x"\n+++\n{{ surname }}', "line 4"),
        ('+++\ntitle = "x"\n+++\n' + BOMBS["much memory"], "too much time or memory"),
        ('+++\ntitle = "x"\n+++\n' + ESCAPES["a file above"], "register.key"),
        ('+++\ntitle = "x"\n+++\n' + "x" * 20_000, "write at most 20,000"),
        ('+++\ntitle = "x"\n+++\nA\x07B', "control character"),
        ("", "should begin with TOML"),
    ],
    ids=["head", "name", "bomb", "include", "long", "control", "empty"],
)
async def test_what_is_refused_keeps_what_was_typed(
    bm: Browser, office: Office, do: str, source: str, told: str
) -> None:
    assert await send(bm, do, source, because="Why not") == 422
    assert "There is a problem" in bm.text
    assert told in bm.text
    assert source in bm.text
    assert 'value="Why not"' in bm.text
    assert await wordings.in_use(office.register, "demo") == {}


async def test_a_fact_that_some_case_does_not_give_is_refused_before_it_is_saved(bm: Browser, office: Office) -> None:
    unguarded = SOURCE + "{% if due %}Act by {{ act_by | day }}.{% endif %}\n"
    assert await send(bm, "preview", unguarded) == 200, "the preview shows every fact and none"
    assert await send(bm, "save", unguarded) == 422
    assert "(tried with no act_by)" in bm.text
    assert await wordings.in_use(office.register, "demo") == {}


async def test_a_long_reason_is_refused(bm: Browser) -> None:
    assert await send(bm, because="x" * 501) == 422
    assert "at most 500" in bm.text


async def test_of_two_who_edit_at_once_the_second_is_told_and_loses_nothing(office: Office) -> None:
    first, second = await signed_in(office, "bm"), await signed_in(office, "bm", name="again")
    await second.get(ONE)
    assert await send(first, source=SOURCE) == 303
    mine = SOURCE.replace("Our own", "Quite other")
    assert await send(second, source=mine, based_on=0, because="Mine") == 422
    assert "Version 1 was saved meanwhile" in second.text
    assert mine in second.text
    assert "<del" in second.page.text
    assert 'name="based_on" value="1"' in second.text
    assert 'value="Mine"' in second.text
    assert [one.source for one in await wordings.versions(office.register, "demo", "reminder")] == [SOURCE]
    assert await send(second, source=mine, based_on=1) == 303
    assert [one.source for one in await wordings.versions(office.register, "demo", "reminder")] == [mine, SOURCE]


# ---- versions


async def test_an_earlier_version_and_the_file_are_used_again_as_new_versions(bm: Browser, office: Office) -> None:
    other = SOURCE.replace("Our own", "Quite other")
    await send(bm)
    await send(bm, source=other, based_on=1)
    await bm.get(f"{ONE}/versions/1")
    assert "What using it again would change" in bm.text
    assert (await bm.post(f"{ONE}/versions/1", based_on="2")).status_code == 303
    await bm.get(f"{ONE}/versions/0")
    assert (await bm.post(f"{ONE}/versions/0", based_on="3")).status_code == 303
    known = await wordings.versions(office.register, "demo", "reminder")
    assert [(one.version, one.source) for one in known] == [(4, None), (3, SOURCE), (2, other), (1, SOURCE)]
    await bm.get("/wording")
    assert "edited here" not in bm.text
    await bm.get(ONE)
    assert Library().letters("demo")["reminder"].read_text() in bm.text
    await bm.get(f"{ONE}/versions/3")
    assert (await bm.post(f"{ONE}/versions/3", based_on="3")).status_code == 422
    assert "Version 4 was saved meanwhile" in bm.text
    await bm.get(f"{ONE}/versions/0")
    assert (await bm.post(f"{ONE}/versions/0", based_on="4")).status_code == 422
    assert "is the wording that is in use" in bm.text
    assert len(await wordings.versions(office.register, "demo", "reminder")) == 4


async def test_the_difference_of_a_version_is_told_in_words_and_escaped(bm: Browser) -> None:
    await send(bm)
    await send(bm, source=SOURCE + "\n**<script>alert(1)</script>**\n", based_on=1)
    await bm.get(f"{ONE}/versions/2")
    assert "<script>alert" not in bm.page.text
    assert "New: </span>**<script>alert(1)</script>**" in bm.text
    assert "Gone: " not in bm.text.partition("All of it")[0]


async def test_an_earlier_version_that_no_longer_fills_is_refused(bm: Browser, office: Office) -> None:
    old = wordings.Wording("reminder", 1, datetime.now(UTC), "bm", "", SOURCE + "{{ gone }}\n")
    await wordings.save(office.register, "demo", old)
    await send(bm, based_on=1)
    await bm.get(f"{ONE}/versions/1")
    assert (await bm.post(f"{ONE}/versions/1", based_on="2")).status_code == 422
    assert "is undefined" in bm.text
