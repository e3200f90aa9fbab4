"""Letters by GOV.UK Notify, against a server that speaks its protocol: each is taken in once, and followed up."""

import base64
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdf
import pytest
from mail_world import CASE, LETTER, Post, nobody_named, order, to_nobody
from notify_server import KEY, SECRET, SERVICE, TEMPLATE, NotifyServer, notify_server

from activities.outbox import path_of
from mail.carriers import Held, Letter, NotTaken
from mail.notify import Notify
from mail.watching import look
from register import deliveries
from register.store import Register

QUOTING = "Not for senior-manager@health.demoshire.example"


@pytest.fixture
def notified() -> Iterator[NotifyServer]:
    with notify_server() as running:
        yield running


def notify(server: NotifyServer, **more: Any) -> Notify:
    return Notify(**{"key": KEY, "template": TEMPLATE, "url": server.url, **more})


@pytest.fixture
def post(register: Register, tmp_path: Path, notified: NotifyServer) -> Post:
    return Post(register, tmp_path, notify(notified))


async def test_a_letter_goes_as_an_e_mail_with_our_reference(post: Post, notified: NotifyServer) -> None:
    (report,) = await post.send()
    assert report.sha256
    (sent,) = notified.sent
    assert sent["reference"] == deliveries.letter_key(CASE, LETTER)
    kept = Letter.read(path_of(post.outbox, CASE, LETTER), "")
    assert len(kept.text) > 100
    assert sent["body"]["personalisation"] == {"subject": kept.subject, "body": kept.text}
    assert sent["body"]["email_address"] == kept.recipient
    assert await post.states() == ["written", "handed over"]


@pytest.mark.parametrize("taken", [True, False])
async def test_a_letter_is_taken_in_once_though_the_answer_was_lost(
    post: Post, notified: NotifyServer, taken: bool
) -> None:
    if taken:
        notified.drop_after_sending = 1
    else:
        notified.refusals = [(500, "Exception", "Internal server error")]
    with pytest.raises(Held, match=r"does not answer|\(500\)"):
        await post.send()
    await post.send()
    await post.send()
    assert len(notified.sent) == 1
    assert await post.states() == ["written", "waiting", "handed over"]


async def test_a_try_that_has_used_up_half_of_its_time_begins_no_other_letter(
    post: Post, notified: NotifyServer
) -> None:
    """After the other half the engine begins the next try, and two at once might both find that Notify has it not."""
    orders = (order("health"), order("police"))
    for sent in (1, 2):
        with suppress(TimeoutError):
            await post.send(*orders, limit=timedelta(microseconds=1))
        assert len(notified.sent) == sent, "one letter a try, however short"
    assert len(await post.send(*orders)) == 2


async def test_who_has_no_address_gets_a_printed_letter(post: Post, notified: NotifyServer) -> None:
    family = {"name": "The family", "address": ["3 Invented Mews", "Demoshire"]}
    assert await post.register.file_referral("DEMO", 2013, "demo", {"family": family}) == CASE
    await post.send(to_nobody())
    (sent,) = notified.sent
    assert (sent["type"], sent["body"]["postage"]) == ("letter", "second")
    assert base64.b64decode(sent["body"]["content"]).startswith(b"%PDF-")
    assert await post.journey("4-family") == [
        ("written", None),
        ("handed over", "As a letter to be printed and posted."),
    ]


async def test_a_letter_of_more_pages_than_are_printed_is_refused(notified: NotifyServer) -> None:
    book = pypdf.PdfWriter()
    for _ in range(11):
        book.add_blank_page(100, 100)
    book.write(pdf := BytesIO())
    letter = Letter("key", b"", "", "", "Subject", "Text", pdf.getvalue())
    with pytest.raises(NotTaken, match=r"has 11 pages, and GOV.UK Notify prints 10 at most"):
        await notify(notified).carry(letter)
    assert notified.sent == []


@pytest.mark.parametrize(
    ("refusal", "says"),
    [
        ((429, "RateLimitError", "Exceeded rate limit"), r"for now \(429\)"),
        ((503, "Down", "Down"), r"for now \(503\)"),
        ((403, "AuthError", "Invalid token"), r"does not accept our key \(403\)"),
        ((400, "BadRequestError", "Can't send to this recipient using a team-only API key"), "how it is asked"),
        ((400, "BadRequestError", "Missing personalisation: body"), "how it is asked"),
    ],
)
async def test_what_may_pass_or_be_mended_in_the_settings_waits(
    post: Post, notified: NotifyServer, refusal: tuple[int, str, str], says: str
) -> None:
    notified.refusals = [refusal]
    with pytest.raises(Held, match=says) as held:
        await post.send()
    assert (held.value.__cause__, held.value.__context__) == (None, None)
    await post.send()
    assert await post.states() == ["written", "waiting", "handed over"]


async def test_what_is_refused_for_good_is_a_persons_task_and_quotes_nobody(
    post: Post, notified: NotifyServer, caplog: pytest.LogCaptureFixture
) -> None:
    notified.refusals = [(400, "ValidationError", f"email_address {QUOTING}")]
    notified.refusals.insert(0, (429, "RateLimitError", QUOTING))
    with pytest.raises(Held) as held:
        await post.send()
    (report,) = await post.send()
    assert report.because == "GOV.UK Notify refuses the recipient's e-mail address for good (400)."
    nobody_named([held.value, report.because, caplog.text, await post.journey()])


async def test_a_key_that_is_not_known_keeps_letters_waiting(
    register: Register, tmp_path: Path, notified: NotifyServer
) -> None:
    wrong = f"invented-{SERVICE}-{SECRET[::-1]}"
    with pytest.raises(Held, match="does not accept our key") as held:
        await Post(register, tmp_path, notify(notified, key=wrong)).send(order("health"), order("police"))
    assert held.value.every
    assert SECRET[::-1] not in str(held.value)
    assert (notified.sent, notified.asked) == ([], 0)
    assert notified.requests == 1, "the second letter is not tried in vain"


@pytest.mark.parametrize(
    ("status", "state", "says"),
    [
        ("sending", None, None),
        ("delivered", "delivered", None),
        ("received", "delivered", "GOV.UK Notify has it printed and posted."),
        ("permanent-failure", "bounced", "does not exist"),
        ("temporary-failure", "bounced", "did not take it for days"),
        ("technical-failure", "bounced", "a fault of its own"),
        ("validation-failed", "bounced", "its layout"),
    ],
)
async def test_what_became_of_a_letter_is_asked_for(
    post: Post, notified: NotifyServer, status: str, state: str | None, says: str | None
) -> None:
    await post.send()
    notified.set(status)
    carrier = notify(notified)
    for _ in range(2):
        await look(post.register, carrier, None, datetime.now(UTC))
    journey = await post.journey()
    assert [one for one, _ in journey] == ["written", "handed over", *([state] if state else [])]
    assert says is None or says in str(journey[-1][1])


async def test_a_letter_is_not_asked_for_when_notify_has_forgotten_it(post: Post, notified: NotifyServer) -> None:
    await post.send()
    notified.asked = 0
    await look(post.register, notify(notified), None, datetime.now(UTC) + timedelta(days=8))
    assert notified.asked == 0
