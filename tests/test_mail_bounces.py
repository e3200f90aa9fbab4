"""Bounces: notices of non-delivery in a Maildir are found again as the letters that came back."""

import mailbox
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from desk import Desk
from engine import until
from mail_world import CASE, LETTER, Post, order

from activities.outbox import path_of
from mail import bounces, watching
from mail.carriers import Letter, OutboxFolder, Stage
from register import deliveries
from register.store import Register
from upkeep import keeping

NOW = datetime(2026, 7, 24, 9, tzinfo=UTC)
PERSON = "somebody@nowhere.example"


class Taking(OutboxFolder):
    """A carrier that takes everything."""

    name = "smtp"

    async def carry(self, letter: Letter) -> Stage | None:
        return Stage("handed over")


@pytest.fixture
def box(tmp_path: Path) -> mailbox.Maildir:
    return mailbox.Maildir(tmp_path / "bounces")


@pytest.fixture
def folder(box: mailbox.Maildir, tmp_path: Path) -> Path:
    return tmp_path / "bounces"


@pytest.fixture
async def post(register: Register, tmp_path: Path) -> Post:
    sending = Post(register, tmp_path, Taking())
    await sending.send(order("health"), order("police"))
    return sending


def notice(original: bytes, action: str = "failed", *, headers_only: bool = False) -> bytes:
    """A notice as mail systems write it (RFC 3464), about a letter."""
    report = f"Reporting-MTA: dns; mail.example\r\n\r\nFinal-Recipient: rfc822; {PERSON}\r\nAction: {action}\r\n"
    report += f"Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 <{PERSON}>: unknown\r\n"
    enclosed = original.partition(b"\r\n\r\n")[0] + b"\r\n" if headers_only else original
    kind = b"text/rfc822-headers" if headers_only else b"message/rfc822"
    return b"\r\n".join(
        [
            b"From: MAILER-DAEMON@mail.example\r\nTo: bm@demoshire-lscb.example.org\r\nSubject: Undelivered",
            b"Message-ID: <notice@mail.example>\r\nMIME-Version: 1.0",
            b'Content-Type: multipart/report; report-type=delivery-status; boundary="next"\r\n',
            b"--next\r\nContent-Type: text/plain\r\n\r\nIt did not arrive.\r\n",
            b"--next\r\nContent-Type: message/delivery-status\r\n\r\n" + report.encode(),
            b"--next\r\nContent-Type: " + kind + b"\r\n\r\n" + enclosed,
            b"--next--\r\n",
        ]
    )


def sent(post: Post, letter: str = LETTER) -> bytes:
    return path_of(post.outbox, CASE, letter).read_bytes()


@pytest.mark.parametrize("headers_only", [False, True])
async def test_a_letter_that_came_back_is_written_down_once(
    post: Post, box: mailbox.Maildir, folder: Path, headers_only: bool
) -> None:
    box.add(notice(sent(post), headers_only=headers_only))
    assert await bounces.read(post.register, folder, NOW) == (1, 0)
    assert await bounces.read(post.register, folder, NOW) == (0, 0)
    journey = await post.journey()
    assert journey[-1] == ("bounced", "The mail systems on its way could not deliver it (5.1.1).")
    assert PERSON not in str(journey)
    assert await post.states(order("police").id) == ["written", "handed over"]
    assert [path.name.endswith(":2,S") for path in (folder / "cur").iterdir()] == [True], "it is marked as seen"


async def test_a_letter_that_a_person_has_posted_meanwhile_stays_done(
    post: Post, box: mailbox.Maildir, folder: Path
) -> None:
    box.add(notice(sent(post)))
    await bounces.read(post.register, folder, NOW)
    await deliveries.note(post.register, CASE, LETTER, ("person", "posted", "Entered by bm."), at=NOW)
    box.add(notice(sent(post)))
    assert await bounces.read(post.register, folder, NOW) == (0, 0)
    assert (await post.states())[-2:] == ["bounced", "posted"]


@pytest.mark.parametrize(("action", "state"), [("delivered", "delivered"), ("delayed", "handed over")])
async def test_other_notices(post: Post, box: mailbox.Maildir, folder: Path, action: str, state: str) -> None:
    box.add(notice(sent(post), action))
    assert (await bounces.read(post.register, folder, NOW)).left == 0
    assert (await post.states())[-1] == state


def away() -> bytes:
    message = EmailMessage(policy=policy.SMTP)
    message["Subject"] = "Out of office"
    message.set_content("I am away.")
    return bytes(message)


async def test_everything_else_is_left_for_a_person(post: Post, box: mailbox.Maildir, folder: Path) -> None:
    stranger = message_from_bytes(sent(post), policy=policy.SMTP)
    stranger.replace_header("Message-ID", "<somebody.elses@example.org>")
    odd = (b"", b"\xff\xfe\x00", b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\n\r\n--x--", sent(post))
    for content in (away(), notice(stranger.as_bytes()), notice(b"Nothing: of it\r\n\r\n"), *odd):
        box.add(content)
    assert await bounces.read(post.register, folder, NOW) == (0, 7)
    assert len(list((folder / "new").iterdir())) == 7
    assert await post.states() == ["written", "handed over"]


async def test_the_worker_reads_them_by_itself(post: Post, box: mailbox.Maildir, folder: Path) -> None:
    box.add(notice(sent(post)))

    async def bounced() -> bool:
        return (await post.states())[-1] == "bounced"

    async with keeping(watching.job(post.register, OutboxFolder(), folder)):
        await until(bounced, "the bounce is read")


async def test_a_folder_that_is_gone_does_not_end_the_worker(
    post: Post, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    every = timedelta(milliseconds=1)

    async def told_again() -> bool:
        return caplog.text.count("failed and is tried again") > 1

    async with keeping(watching.job(post.register, OutboxFolder(), tmp_path / "gone", every)):
        await until(told_again, "it is looked for again")


def test_the_command_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(monkeypatch, capfd, tmp_path / "data")
    missing = desk("mail", "bounces", tmp_path)
    assert (missing.code, "is no Maildir" in missing.err) == (2, True)
    monkeypatch.delenv("SCR_BOUNCES", raising=False)
    assert "set SCR_BOUNCES" in desk("mail", "bounces").err
    box = mailbox.Maildir(tmp_path / "bounces")
    box.add(away())
    assert desk("mail", "bounces", tmp_path / "bounces", "--json").json == {"noted": 0, "left": 1}
    monkeypatch.setenv("SCR_BOUNCES", str(tmp_path / "bounces"))
    assert "about no letter of ours: 1." in desk("mail", "bounces").out
