"""The pages in a real browser: a review by clicking, with and without JavaScript; axe, keyboard, narrow screens.

All people, places and cases are invented.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import CHROMIUM, let_in, serving, sign_in
from desk import until
from engine import BESIDE, environment
from playwright.sync_api import Browser, Page, expect, sync_playwright

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium"),
    pytest.mark.timeout(240),
]

STORY = (
    ("health-designated-person", "written-notification", "received"),
    ("sg-lead", "recommend", "scr"),
    ("chair", "decide", "initiate"),
    ("chair", "commission-reviewer", "done"),
    ("panel-chair-1", "set-terms", "done"),
    ("panel-chair-1", "decide-family", "not-involve"),
    ("health-senior-manager", "agency-review[health]", "submitted"),
    ("police-senior-manager", "agency-review[police]", "submitted"),
    ("panel-chair-1", "consider-draft", "done"),
    ("chair", "sign-off", "done"),
    ("chair", "decide-publication", "publish"),
    ("bm", "copy-to-panel", "sent"),
    ("bm", "copy-to-dfe", "sent"),
)
"""Who decides what, from the notification to the day before publication."""


@pytest.fixture(scope="module")
def base(office: tuple[Path, int]) -> Iterator[str]:
    """The address of the pages, beside a running engine and worker; everybody of Demoshire may sign in."""
    let_in(office[0], "demo")
    with serving(*office) as address:
        yield address


@pytest.fixture
def browser(base: str, case: str) -> Iterator[Browser]:
    """A browser, started when service and case are there: while it runs, nothing else in this process may wait."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def decide(page: Page, base: str, case: str, step: str, outcome: str) -> None:
    """Decide a step by its form, the answers checked before they are sent."""
    choice = page.locator(f"input[name=outcome][value='{outcome}']")
    until(lambda: page.goto(f"{base}/cases/{case}/decide/{step}") and choice.count(), f"{step} is owed")
    choice.check()
    page.locator("[name=because]").fill("It is so.")
    page.get_by_role("button", name="Check your answers").click()
    expect(page.get_by_role("heading", name="What will follow")).to_be_visible()
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("main")).to_contain_text("Taken in")


def told(office: tuple[Path, int], case: str) -> Any:
    """A case as the command line has it, in a process of its own."""
    command = [str(BESIDE / "scr"), "case", case, "--json"]
    known = environment(office[1], office[0])
    return json.loads(subprocess.run(command, env=known, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_review_from_its_notification_to_publication_by_clicking(
    office: tuple[Path, int], case: str, browser: Browser, base: str, tmp_path: Path, script: bool
) -> None:
    report = tmp_path / "report.txt"
    report.write_text("What two agencies knew was never put together.", encoding="utf-8")
    context = browser.new_context(java_script_enabled=script)
    page = context.new_page()
    somebody = ""
    for person, step, outcome in STORY:
        if person != somebody:
            sign_in(page, base, person)
            somebody = person
        decide(page, base, case, step, outcome)
    page.goto(f"{base}/cases/{case}/change/file")
    page.locator("[name=document]").select_option("overview-report")
    page.locator("input[type=file]").set_input_files(report)
    page.locator("[name=because]").fill("As signed off.")
    page.get_by_role("button", name="File the document").click()
    decide(page, base, case, "publish", "done")
    context.close()
    until(lambda: outcome_of(office, case, "publish") == "done", "the report is published")


def outcome_of(office: tuple[Path, int], case: str, step: str) -> str | None:
    """How a step ended."""
    return next((one["outcome"] for one in told(office, case)["deadlines"] if one["key"] == step), None)


def test_a_double_click_has_one_effect(office: tuple[Path, int], base: str, case: str, browser: Browser) -> None:
    # with JavaScript the button keeps the second click to itself
    page = browser.new_context(java_script_enabled=False).new_page()
    sign_in(page, base, "sg-lead")
    page.goto(f"{base}/cases/{case}/decide/recommend")
    page.locator("input[name=outcome][value='scr']").check()
    page.locator("[name=because]").fill("It is so.")
    page.get_by_role("button", name="Check your answers").click()
    page.get_by_role("button", name="Confirm").dblclick()
    expect(page.locator("main")).to_contain_text("Taken in")
    until(lambda: outcome_of(office, case, "recommend") == "scr", "the decision is written down")
    events = told(office, case)["events"]
    assert sum(event["kind"] == "decided" and event["step"] == "recommend" for event in events) == 1


def test_axe_finds_nothing_on_any_page(base: str, case: str, page: Page) -> None:
    page.goto(f"{base}/sign-in")
    found = {"/sign-in": violations(page)}
    sign_in(page, base, "bm")
    one = f"/cases/{case}"
    parts = ("", "/timeline", "/dates", "/dates/recommend", "/people", "/letters", "/documents", "/chronology")
    more = ("/actions", "/audit", "/change", "/change/extend", "/change/assign", "/change/file", "/change/close")
    general = ("/", "/cases", "/refer", "/procedures", "/procedures/wt2013", "/accounts", "/feed", "/emergency")
    records = ("/figures", *(f"/records{part}" for part in ("", "/publications", "/learning", "/learning/add",
               "/bulletins", "/retention", "/retention?show=all", "/holiday")))  # fmt: skip
    kept = ("/records", *(f"/records/{kind}" for kind in ("publish", "hold", "dispose", "identifiers")))
    wording = ("/wording", *(f"/wording/reminder{part}" for part in ("", "/versions", "/versions/0")))
    paths = [
        *general,
        *wording,
        *records,
        *(one + part for part in (*parts, *more, *kept)),
        f"{one}/decide/recommend",
        f"{one}/what-if",
        "/nowhere",
    ]
    for path in paths:
        page.goto(base + path)
        found[path] = violations(page)
    assert {path: told for path, told in found.items() if told} == {}
    page.goto(f"{base}/records/learning/add")
    for name in ("source", "review", "where", "lesson", "relevance", "because"):
        page.locator(f"[name={name}]").fill("Invented.")
    page.get_by_role("button", name="Check your answers").click()
    expect(page.get_by_role("heading", name="What will follow")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Learning log")).to_be_visible()
    assert violations(page) == []
    assert len(found) > 40


def violations(page: Page) -> list[str]:
    """What axe finds wrong with a page."""
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in Axe().run(page).response["violations"]]


def test_by_keyboard_alone(base: str, case: str, page: Page) -> None:
    page.goto(f"{base}/sign-in")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.get_by_label("Name of your account").focus()
    page.keyboard.type("sg-lead")
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse battery staple")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="My work")).to_be_visible()
    page.goto(f"{base}/cases/{case}/decide/recommend")
    page.locator("input[name=outcome]").first.focus()
    page.keyboard.press("Space")
    expect(page.locator("input[name=outcome]").first).to_be_checked()
    page.locator("[name=because]").focus()
    page.keyboard.type("It is so.")
    page.get_by_role("button", name="Check your answers").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Check your answers")).to_be_visible()


def test_on_a_narrow_screen_nothing_is_cut_off(base: str, case: str, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 640})
    page = context.new_page()
    sign_in(page, base, "bm")
    wide = []
    one = f"/cases/{case}"
    parts = ("", "/timeline", "/dates", "/letters", "/people", "/decide/recommend", "/change/extend", "/records")
    records = ("/records", "/records/retention?show=all", "/records/learning/add", "/records/holiday", "/figures")
    for path in ("/", "/cases", "/refer", *(one + part for part in parts), *records, "/wording", "/wording/reminder"):
        page.goto(base + path)
        if page.evaluate("document.documentElement.scrollWidth") > 320:
            wide.append(path)
    context.close()
    assert wide == []


def test_a_stranger_to_a_case_finds_nothing(base: str, case: str, page: Page) -> None:
    sign_in(page, base, "school-imr-author")
    page.goto(f"{base}/cases")
    assert case not in page.content()
    assert page.goto(f"{base}/cases/{case}") is not None
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
