"""The real Temporal Web UI in a real browser: what cases hold is readable for who may, and under seal for who may not.

All people and cases are invented.
"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import CHROMIUM, let_in, serving, sign_in
from desk import Desk
from engine import connected, dev_server, environment, free_port
from playwright.sync_api import Browser, Page, expect, sync_playwright
from processes import worker

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium"),
    pytest.mark.timeout(240),
]
INPUT, LETTERS = '"reference": "DEMO-', "Letters: information-request"
"""What a case's page shows of its start, and of the letters that it sends, where they can be read."""
SETTING = """(endpoint) => {
    localStorage.setItem("endpoint", JSON.stringify(endpoint));
    localStorage.setItem("overrideRemoteCodecConfiguration", "true");
    localStorage.setItem("includeCredentials", "true");
}"""


@pytest.fixture(scope="module")
def ui() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, ui: str) -> Iterator[tuple[Path, int]]:
    """A data folder with a running worker and an engine with its Web UI, and the engine's port."""
    folder, port = tmp_path_factory.mktemp("office"), free_port()
    with dev_server(folder, port, ui=("--ui-port", ui.rpartition(":")[2])):
        asyncio.run(connected(port))
        with worker(environment(port, folder), folder / "worker.log"):
            yield folder, port


@pytest.fixture(scope="module")
def base(office: tuple[Path, int], ui: str) -> Iterator[str]:
    """The pages; the Business Manager's account reads the engine, nobody else's."""
    let_in(office[0], "demo")
    known = {"SCR_TEMPORAL_UI": ui, "SCR_ENGINE_READERS": "bm"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in known.items():
            patch.setitem(os.environ, name, value)
        with serving(*office) as address:
            yield address


@pytest.fixture
def browser(base: str, case: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


def looking(browser: Browser, base: str, ui: str, case: str, person: str) -> Page:
    """Somebody who is signed in, at the page of a case in the Web UI that sends their session along."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, base, person)
    page.goto(f"{ui}/namespaces/default/workflows")
    page.evaluate(SETTING, f"{base}/codec")
    page.goto(f"{ui}/namespaces/default/workflows/{case}")
    return page


def test_who_may_reads_the_case_and_its_letters(browser: Browser, base: str, ui: str, case: str) -> None:
    page = looking(browser, base, ui, case, "bm")
    expect(page.get_by_text(INPUT).first).to_be_visible()
    expect(page.get_by_text(LETTERS).first).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_who_may_not_sees_that_it_is_under_seal(browser: Browser, base: str, ui: str, case: str) -> None:
    page = looking(browser, base, ui, case, "chair")
    expect(page.get_by_role("alert")).to_contain_text("Codec Server could not connect")
    expect(page.get_by_text(case).first).to_be_visible()
    expect(page.get_by_text(INPUT)).to_have_count(0)
    expect(page.get_by_text(LETTERS)).to_have_count(0)


def test_a_page_from_elsewhere_reads_nothing_with_the_session_of_who_may(
    browser: Browser, base: str, ui: str, case: str
) -> None:
    """The public pages of another port of this machine are of the same site: the cookie goes along, the answer not."""
    page = browser.new_context().new_page()
    sign_in(page, base, "bm")
    elsewhere = ui.replace("127.0.0.1", "localhost")
    page.goto(f"{elsewhere}/namespaces")
    asked = """(at) => fetch(at, {method: "POST", credentials: "include", body: '{"payloads": []}',
        headers: {"content-type": "application/json"}}).then(() => "answered", () => "refused")"""
    assert page.evaluate(asked, f"{base}/codec/decode") == "refused"
    page.goto(f"{ui}/namespaces")
    assert page.evaluate(asked, f"{base}/codec/decode") == "answered"


def test_a_saved_view_leads_to_its_list(
    browser: Browser, base: str, case: str, desk: Desk, office: tuple[Path, int]
) -> None:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, base, "bm")
    page.get_by_role("link", name="Engine").click()
    expect(page.get_by_role("heading", name="Engine")).to_be_visible()
    found = Axe().run(page).response["violations"]
    assert [violation["id"] for violation in found] == []
    page.get_by_role("link", name="LSCB SCR sub-group").click()
    expect(page.get_by_role("link", name=case).first).to_be_visible()
