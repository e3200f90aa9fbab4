"""Letters by SMTP, against a real mail server: encrypted or not at all, tried again or refused, never silently."""

import logging
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mail_server import PASSWORD, USER, MailServer, certificates, mail_server
from mail_world import CASE, LETTER, Post, nobody_named, order, to_nobody

from mail.carriers import Held
from mail.smtp import Smtp
from register.store import Register

PERSON = "senior-manager@health.demoshire.example"
QUOTING = f"<{PERSON}>: Nobody here called Perpetua Wainfleet"


def smtp(smtpd: MailServer, ca: Path | None = None, **more: Any) -> Smtp:
    tls = ssl.create_default_context(cafile=ca)
    known = {"host": "localhost", "port": smtpd.port, "security": "starttls", "tls": tls, "user": USER}
    return Smtp(**{**known, "password": PASSWORD, "seconds": 5.0, **more})


@pytest.fixture
async def smtpd(tmp_path: Path) -> AsyncIterator[MailServer]:
    """A server that takes letters after STARTTLS and sign-in."""
    tls, _ = certificates(tmp_path)
    async with mail_server(tls) as running:
        yield running


@pytest.fixture
def post(register: Register, tmp_path: Path, smtpd: MailServer) -> Post:
    return Post(register, tmp_path, smtp(smtpd, tmp_path / "localhost-ca.pem"))


def ids(smtpd: MailServer) -> set[bytes]:
    return {line for _, _, content in smtpd.got for line in content.splitlines() if line.startswith(b"Message-ID")}


async def test_a_letter_goes_encrypted_and_signed_in_with_the_bytes_that_are_kept(
    post: Post, smtpd: MailServer, tmp_path: Path
) -> None:
    (report,) = await post.send()
    assert report.sha256
    [(sender, recipient, content)] = smtpd.got
    assert (sender, "@" in recipient) == ("bm@demoshire-lscb.example.org", True)
    assert content == post.files[f"{LETTER}.eml"]
    assert await post.states() == ["written", "handed over"]
    (tmp_path / "boards").mkdir()
    (tmp_path / "boards" / "demo.toml").write_text("nothing of a board")
    assert await post.send() == [report], "whatever has become of address and wording since"
    assert len(smtpd.got) == 1, "what has gone does not go again"


async def test_bounces_go_where_the_settings_say(register: Register, tmp_path: Path, smtpd: MailServer) -> None:
    carrier = smtp(smtpd, tmp_path / "localhost-ca.pem", returns_to="bounces@demoshire-lscb.example.org")
    await Post(register, tmp_path, carrier).send()
    assert smtpd.got[0][0] == "bounces@demoshire-lscb.example.org"


async def test_tls_from_the_first_byte(register: Register, tmp_path: Path) -> None:
    tls, ca = certificates(tmp_path)
    async with mail_server(tls, implicit=True) as smtpd:
        post = Post(register, tmp_path, smtp(smtpd, ca, security="tls", user="", password=""))
        await post.send()
        assert len(smtpd.got) == 1


async def test_a_certificate_that_is_not_trusted_is_refused_and_nothing_goes_in_plain_text(
    register: Register, tmp_path: Path, smtpd: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    post = Post(register, tmp_path, smtp(smtpd))
    with pytest.raises(Held, match=r"certificate is refused, .*: unable to get local issuer certificate|self-signed"):
        await post.send()
    assert smtpd.got == []
    assert [state for state, _ in await post.journey()] == ["written", "waiting"]
    assert "certificate is refused" in caplog.text, "a person is told at once in the log, and in the letter's journey"
    trusted = Post(register, tmp_path, smtp(smtpd, tmp_path / "localhost-ca.pem"))
    assert [report.sha256 is not None for report in await trusted.send()] == [True]
    assert await post.states() == ["written", "waiting", "handed over"]


async def test_a_certificate_for_another_name_is_refused(register: Register, tmp_path: Path) -> None:
    tls, ca = certificates(tmp_path, "elsewhere.example")
    async with mail_server(tls) as smtpd:
        with pytest.raises(Held, match="certificate is refused"):
            await Post(register, tmp_path, smtp(smtpd, ca)).send()
        assert smtpd.got == []


async def test_a_server_that_offers_no_encryption_gets_nothing(register: Register, tmp_path: Path) -> None:
    async with mail_server() as smtpd:
        with pytest.raises(Held, match="does not offer the encryption"):
            await Post(register, tmp_path, smtp(smtpd, user="", password="")).send()
        assert smtpd.got == []
        plain = Post(register, tmp_path, smtp(smtpd, security="none", user="", password=""))
        await plain.send()
        assert len(smtpd.got) == 1, "unless told otherwise"
        with pytest.raises(Held, match="does not offer the encryption or sign-in"):
            await Post(register, tmp_path, smtp(smtpd, security="none")).send(order("police"))


async def test_a_wrong_password_keeps_letters_waiting(register: Register, tmp_path: Path, smtpd: MailServer) -> None:
    post = Post(register, tmp_path, smtp(smtpd, tmp_path / "localhost-ca.pem", password="wrong"))
    with pytest.raises(Held, match=r"user and password \(535") as held:
        await post.send()
    assert held.value.every
    assert smtpd.got == []


async def test_what_is_refused_for_now_is_taken_later(
    post: Post, smtpd: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    smtpd.rcpt = [f"451 4.7.1 {QUOTING}", f"451 4.7.1 {QUOTING}"]
    for _ in range(2):
        with pytest.raises(Held, match=r"does not take the recipient's address for now \(451 4\.7\.1\)\.$") as held:
            await post.send()
        assert (held.value.__cause__, held.value.__context__) == (None, None), "the engine would keep what it quotes"
    await post.send()
    journey = await post.journey()
    assert [state for state, _ in journey] == ["written", "waiting", "handed over"], "the same is not said twice"
    nobody_named([held.value, journey, caplog.text], "Perpetua")


@pytest.mark.parametrize("at", ["rcpt", "data"])
async def test_what_is_refused_for_good_is_a_persons_task_and_goes_anew_when_mended(
    post: Post, smtpd: MailServer, caplog: pytest.LogCaptureFixture, at: str
) -> None:
    setattr(smtpd, at, [f"550 5.1.1 {QUOTING}"])
    began = datetime.now(UTC)
    (report,) = await post.send(scheduled=began)
    assert report.sha256 is None
    assert "for good (550 5.1.1)." in str(report.because)
    assert await post.send(scheduled=began) == [report], "the same order is not tried again"
    assert await post.states() == ["written", "refused"]
    first = post.files[f"{LETTER}.eml"]
    nobody_named([report.because, await post.journey(), caplog.text], "Perpetua")
    (again,) = await post.send(scheduled=datetime.now(UTC) + timedelta(seconds=1))  # somebody has it sent again
    assert again.sha256
    assert await post.states() == ["written", "refused", "written", "handed over"]
    assert post.files[f"{LETTER}.refused-2.eml"] == first
    assert len(smtpd.got) == 1


async def test_a_server_that_goes_after_the_letter_gets_it_again_with_the_same_message_id(
    post: Post, smtpd: MailServer
) -> None:
    smtpd.drop_after_data = 1
    with pytest.raises(Held, match="does not answer"):
        await post.send()
    await post.send()
    assert len(smtpd.got) == 2, "nobody can know whether it was taken"
    assert len(ids(smtpd)) == 1, "but whoever has both can tell that it is the same"
    assert len({content for _, _, content in smtpd.got}) == 1


async def test_a_letter_that_was_taken_while_the_register_was_down_does_not_go_again(
    post: Post, smtpd: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = post.register.write
    writes = 0

    async def write(work: Any) -> Any:
        nonlocal writes
        writes += 1
        if writes == 2:  # the first is before the letter goes, the second after
            raise ConnectionError("The register is down.")
        return await real(work)

    monkeypatch.setattr(post.register, "write", write)
    with pytest.raises(ConnectionError):
        await post.send()
    (report,) = await post.send()
    assert report.sha256
    assert len(smtpd.got) == 1
    assert await post.states() == ["written", "handed over"]


async def test_while_the_server_is_down_every_letter_waits_and_says_so(
    register: Register, tmp_path: Path, smtpd: MailServer
) -> None:
    free = Post(register, tmp_path, smtp(smtpd, port=1))
    orders = (order("health"), order("police"))
    with pytest.raises(Held, match=r"does not answer \(SMTPConnectError\)"):
        await free.send(*orders)
    for one in orders:
        assert await free.states(one.id) == ["written", "waiting"]
    assert len(free.files) == 2, "both lie in the outbox already"
    back = Post(register, tmp_path, smtp(smtpd, tmp_path / "localhost-ca.pem"))
    assert len(await back.send(*orders)) == 2
    assert len(ids(smtpd)) == 2


async def test_one_letter_that_waits_does_not_keep_the_others(post: Post, smtpd: MailServer) -> None:
    smtpd.rcpt = ["450 Later"]
    orders = (order("health"), order("police"))
    with pytest.raises(Held):
        await post.send(*orders)
    assert await post.states(orders[1].id) == ["written", "handed over"]
    reports = await post.send(*orders)
    assert [report.sha256 is not None for report in reports] == [True, True]
    assert len(smtpd.got) == 2


async def test_who_has_no_address_is_written_to_by_post(post: Post, smtpd: MailServer) -> None:
    family = {"name": "The family", "address": ["3 Invented Mews", "Demoshire"]}
    assert await post.register.file_referral("DEMO", 2013, "demo", {"family": family}) == CASE
    letter = to_nobody()
    (report,) = await post.send(letter)
    assert report.sha256
    assert smtpd.connections == 0
    assert await post.journey(letter.id) == [
        ("written", None),
        ("to post", "There is no e-mail address: print the letter and post it."),
    ]


async def test_nothing_that_goes_wrong_names_anybody(
    post: Post, smtpd: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for answers in ({"rcpt": [f"550 {QUOTING}"]}, {"data": [f"554 {QUOTING}"]}, {"rcpt": [f"421 {QUOTING}"]}):
        smtpd.rcpt, smtpd.data = answers.get("rcpt", []), answers.get("data", [])
        try:
            said: Any = await post.send(scheduled=datetime.now(UTC) + timedelta(seconds=1))
        except Held as held:
            said = [held]
        assert any("for good" in str(one) or "for now" in str(one) for one in said), said
        nobody_named(said, "Perpetua")
    ours = [record.getMessage() for record in caplog.records if record.name in ("mail", "temporalio.activity")]
    nobody_named(ours, "Perpetua")
