"""Lists of cases that a member sees, and cases opened in an emergency. All of it is invented."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from reading_world import CASE, OWN, Reader, post, read_by, told
from sqlalchemy import insert

from models.access import Viewer
from register import accounts, queries
from register.queries import CaseFilter
from register.store import Register
from register.tables import CaseRow, MemberRow, StepRow


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[Reader]:
    story = told()
    post(story, tmp_path / "outbox")
    async with read_by(tmp_path, story) as reader:
        yield reader


async def test_the_list_tells_an_agency_of_its_own_steps_alone(reader: Reader) -> None:
    assert CASE in (await reader.get("/cases?overdue=yes")).text
    assert CASE in (await reader.get("/cases", OWN[0])).text
    for asked in ("overdue=yes", "role=lscb", "stage=Action+plan"):
        assert CASE not in (await reader.get(f"/cases?{asked}", OWN[0])).text, asked
    assert "Local Safeguarding Children Board<" not in (await reader.get("/cases", OWN[0])).text.partition("<table")[2]


# ---- emergencies ----------------------------------------------------------------------------------------------------

WHY = "The child is said to be in danger tonight."


async def test_a_case_opens_in_an_emergency_for_an_hour(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = await reader.post("/emergency", "stranger", reference=CASE.lower(), because=WHY)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/cases/{CASE}")
    text = (await reader.get(f"/cases/{CASE}", "stranger")).text
    assert "You opened this case in an emergency" in text
    assert not [way for way in ("/decide/", "/change", "/bundle", "/what-if") if way in text]
    assert (await reader.get(f"/cases/{CASE}/audit", "stranger")).status_code == 404
    assert WHY in (await reader.get(f"/cases/{CASE}")).text
    assert WHY in (await reader.get(f"/cases/{CASE}/audit")).text
    assert WHY not in (await reader.get(f"/cases/{CASE}", "lead-reviewer")).text
    assert (await reader.get(f"/cases/{CASE}", "another")).status_code == 404
    later = datetime.now(UTC) + timedelta(minutes=61)
    monkeypatch.setattr("web.frame.now", lambda: later)
    assert (await reader.get(f"/cases/{CASE}", "stranger")).status_code == 404


@pytest.mark.parametrize(("who", "board"), [("odd-one", "demo"), ("stranger", "milton-keynes")])
async def test_an_emergency_opens_nothing_to_whoever_may_never_see_it(reader: Reader, who: str, board: str) -> None:
    answer = await reader.post("/emergency", who, board, reference=CASE, because=WHY)
    missing = await reader.post("/emergency", who, board, reference="DEMO-2013-999", because=WHY)
    assert (answer.status_code, answer.text) == (422, missing.text.replace("DEMO-2013-999", CASE))
    assert (await reader.get(f"/cases/{CASE}", who, board)).status_code == 404
    noted = [(read.what, read.because) for read in await accounts.reads(reader.register, CASE)]
    assert noted == [("emergency access refused", WHY)]


async def test_an_emergency_wants_a_reason_and_a_form_of_ours(reader: Reader) -> None:
    answer = await reader.post("/emergency", "stranger", reference=CASE, because="  urgent  ")
    assert answer.status_code == 422
    assert "Say in 10 to" in answer.text
    assert CASE in answer.text  # nothing typed is lost
    answer = await reader.post("/emergency", "stranger", reference=CASE, because=WHY, csrf="another")
    assert answer.status_code == 403
    assert await accounts.reads(reader.register, CASE) == []


async def test_whoever_sees_the_case_anyway_needs_no_emergency(reader: Reader) -> None:
    assert (await reader.post("/emergency", "bm", reference=CASE, because=WHY)).status_code == 303
    assert await accounts.reads(reader.register, CASE, what=accounts.EMERGENCY) == []
    since = datetime.now(UTC) - timedelta(hours=1)
    assert not await accounts.emergency(reader.register, Viewer("bm@demo", "demo", "bm"), CASE, since)


# ---- many cases -----------------------------------------------------------------------------------------------------

MANY = 5_000


async def fill(register: Register) -> None:
    """Five thousand open cases; `bm` holds a role in all, `chair` in each tenth, a stranger in none."""
    plain: dict[str, Any] = {
        "board": "demo",
        "procedure": "wt2013",
        "procedure_title": "Invented",
        "outline": {},
        "state": "open",
        "how": None,
        "notified_on": "2013-07-08",
        "opened_at": datetime(2013, 7, 8, 9, tzinfo=UTC),
        "waiting_for": ["chair"],
        "next_due": date(2013, 8, 8),
        "last_seq": 1,
        "head": "",
    }
    names = [f"DEMO-2020-{number:04}" for number in range(MANY)]
    stages = ("Decision", "Review")
    cases = [{**plain, "reference": name, "stage": stages[number % 2]} for number, name in enumerate(names)]
    members = [{"reference": name, "person": "bm", "role": "business-manager"} for name in names]
    members += [{"reference": name, "person": "chair", "role": "chair"} for name in names[::10]]
    step = {"key": "decide", "step": "decide", "title": "Decide", "owner": "chair", "state": "open", "round": 1}
    steps = [{**step, "reference": name, "since": "2013-07-08", "due": date(2013, 8, 8)} for name in names]

    def write(db: Any) -> None:
        db.execute(insert(CaseRow), cases)
        db.execute(insert(MemberRow), members)
        db.execute(insert(StepRow), steps)

    await register.write(write)


async def test_a_list_of_five_thousand_cases_goes_by_pages(reader: Reader) -> None:
    await fill(reader.register)
    first = (await reader.get("/cases?order=reference&text=2020")).text
    assert "5,000 cases: 1 to 25 on this page" in first
    assert first.count('href="/cases/DEMO-2020-') == 25
    last = (await reader.get("/cases?order=reference&text=2020&page=200")).text
    assert "DEMO-2020-4999" in last
    assert "page=199" in last
    assert "text=2020" in last.partition("govuk-pagination")[2]
    work = (await reader.get("/", "chair")).text
    assert "501 steps wait" in work or "500 steps wait" in work
    stage = (await reader.get("/cases?stage=Review&text=2020")).text
    assert "2,500 cases" in stage


async def test_a_filter_counts_only_the_members_cases(reader: Reader) -> None:
    await fill(reader.register)
    register, whole = reader.register, ("business-manager", "chair")
    chair = CaseFilter(board="demo", member="chair", whole=whole, text="2020")
    assert await queries.count_cases(register, chair) == MANY // 10
    late = chair.model_copy(update={"overdue_on": date(2013, 8, 9), "waiting_for": "chair"})
    assert await queries.count_cases(register, late) == MANY // 10
    assert await queries.count_cases(register, late.model_copy(update={"overdue_on": date(2013, 8, 8)})) == 0
    blind = CaseFilter(board="demo", member="bm", text="2020")  # sees nothing as a whole, and owes no step
    assert await queries.count_cases(register, blind) == MANY
    assert await queries.count_cases(register, blind.model_copy(update={"waiting_for": "chair"})) == 0
    assert await queries.count_cases(register, blind.model_copy(update={"stage": "Review"})) == 0
    assert await queries.count_cases(register, CaseFilter(member="stranger")) == 0
