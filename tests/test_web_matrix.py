"""Every route of the pages against everybody who may not have it: made from the routes, so that none is forgotten."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from reading_world import CASE, Reader, post, read_by, told
from starlette.routing import Route

from models.events import LetterSent, Taken
from register.queries import events
from web.app import build
from web.forms import KINDS
from web.frame import Office

OUTSIDERS = (("a-stranger", "demo"), ("odd-one", "demo"), ("bm", "milton-keynes"), ("school-imr-author", "demo"))
"""Who sees nothing of the case: no role, a conflict of interest, another board, an agency that is not involved."""
OPEN = {"/health", "/sign-in", "/sign-out", "/welcome/{token}", "/feed/{token}.ics"}
"""What is there for whoever is not signed in."""


def routes() -> list[tuple[str, str]]:
    """Every path of the pages with each of its methods."""
    app = build(Office(None, None, Path()))  # type: ignore[arg-type]
    found = [route for route in app.routes if isinstance(route, Route)]
    return sorted({(one.path, how) for one in found for how in one.methods or {"GET"} if how != "HEAD"})


OF_A_CASE = [one for one in routes() if one[0].startswith("/cases/{reference}")]
OF_STAFF = [one for one in routes() if one[0] not in OPEN]


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[Reader]:
    story = told()
    post(story, tmp_path / "outbox")
    async with read_by(tmp_path, story) as opened:
        yield opened


async def addresses(reader: Reader, path: str) -> list[str]:
    """Addresses of a route of the case, such as they are there for who may see it."""
    known = await events(reader.register, CASE)
    decision = next(event.decision.id for event in known if isinstance(event, Taken))
    letter = next(event.letter for event in known if isinstance(event, LetterSent))
    for name, value in {"reference": CASE, "decision": decision, "letter": letter, "version:int": "1"}.items():
        path = path.replace("{" + name + "}", value)
    kinds = KINDS if "/change/" in path else ("xlsx", "pdf")
    key = "chronology[health]" if "/documents/" in path else "recommend"
    return sorted({path.replace("{kind}", kind).replace("{key:path}", key) for kind in kinds})


@pytest.mark.parametrize(("path", "method"), OF_A_CASE)
async def test_nothing_of_a_case_is_there_for_who_may_not_see_it(reader: Reader, path: str, method: str) -> None:
    for address in await addresses(reader, path):
        for who, board in OUTSIDERS:
            ask = reader.get if method == "GET" else reader.post
            assert (await ask(address, who, board)).status_code == 404, (who, address)
        if method == "GET":
            assert (await reader.get(address, "bm")).status_code in (200, 404, 409), address


async def test_a_manager_sees_what_outsiders_do_not(reader: Reader) -> None:
    """Against a matrix that is green because nothing is there at all."""
    seen = []
    for path, method in OF_A_CASE:
        for address in await addresses(reader, path) if method == "GET" else []:
            seen.append((await reader.get(address, "bm")).status_code == 200)
    assert sum(seen) > 0.9 * len(seen)


@pytest.mark.parametrize(("path", "method"), OF_STAFF)
async def test_whoever_is_not_signed_in_is_sent_to_sign_in_or_gets_nothing(
    reader: Reader, path: str, method: str
) -> None:
    transport = httpx.ASGITransport(reader.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://pages") as client:
        for address in await addresses(reader, path):
            answer = await client.request(method, address)
            sent_away = answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
            assert sent_away or answer.status_code in (403, 404), (address, answer.status_code)


@pytest.mark.parametrize("path", [path for path, method in OF_A_CASE if method == "POST"])
async def test_a_form_of_another_page_is_refused(reader: Reader, path: str) -> None:
    for address in await addresses(reader, path):
        assert (await reader.post(address, "bm", csrf="forged")).status_code == 403, address
