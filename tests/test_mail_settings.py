"""How letters go, as the environment says; wrong settings stop the worker with one sentence and tell no secret."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from engine import ROOT, environment
from mail_server import certificates
from notify_server import KEY, TEMPLATE

from mail.carriers import OutboxFolder
from mail.notify import Notify
from mail.settings import bounces_of, carrier_of
from mail.smtp import Smtp
from models.refusal import Refusal

SMTP = {"SCR_MAIL": "smtp", "SCR_SMTP_HOST": "mail.example"}
NOTIFY = {"SCR_MAIL": "notify", "SCR_NOTIFY_KEY": KEY, "SCR_NOTIFY_EMAIL_TEMPLATE": TEMPLATE}


def test_letters_stay_in_the_outbox_unless_told_otherwise() -> None:
    assert isinstance(carrier_of({}), OutboxFolder)
    assert isinstance(carrier_of({"SCR_MAIL": "outbox"}), OutboxFolder)
    assert bounces_of({}) is None


def test_smtp_is_encrypted_unless_told_otherwise(tmp_path: Path) -> None:
    plain = carrier_of(SMTP)
    assert isinstance(plain, Smtp)
    assert (plain.security, plain.port, plain.tls is not None) == ("starttls", 587, True)
    _, ca = certificates(tmp_path)
    (secret := tmp_path / "password").write_text("not a secret\n")
    more = {"SCR_SMTP_SECURITY": "tls", "SCR_SMTP_CA_FILE": str(ca), "SCR_SMTP_PASSWORD_FILE": str(secret)}
    signed_in = carrier_of({**SMTP, **more, "SCR_SMTP_USER": "letters", "SCR_SMTP_RETURN_PATH": "b@x.example"})
    assert isinstance(signed_in, Smtp)
    assert (signed_in.port, signed_in.password, signed_in.returns_to) == (465, "not a secret", "b@x.example")
    assert "not a secret" not in repr(signed_in)


def test_notify(tmp_path: Path) -> None:
    (secret := tmp_path / "key").write_text(KEY)
    known = carrier_of({**NOTIFY, "SCR_NOTIFY_KEY": "", "SCR_NOTIFY_KEY_FILE": str(secret)})
    assert isinstance(known, Notify)
    assert (known.key, known.url) == (KEY, "https://api.notifications.service.gov.uk")
    assert KEY not in repr(known)


@pytest.mark.parametrize(
    ("known", "says"),
    [
        ({"SCR_MAIL": "pigeon"}, "SCR_MAIL is 'pigeon'; say outbox or smtp or notify."),
        ({"SCR_MAIL": "smtp"}, "which needs SCR_SMTP_HOST"),
        ({**SMTP, "SCR_SMTP_PORT": "eighty"}, "SCR_SMTP_PORT is 'eighty'"),
        ({**SMTP, "SCR_SMTP_PORT": "99999"}, "SCR_SMTP_PORT is '99999'"),
        ({**SMTP, "SCR_SMTP_SECURITY": "ssl"}, "SCR_SMTP_SECURITY is 'ssl'; say starttls or tls or none."),
        ({**SMTP, "SCR_SMTP_USER": "letters"}, "go together"),
        ({**SMTP, "SCR_SMTP_PASSWORD": "hush"}, "go together"),
        (
            {**SMTP, "SCR_SMTP_SECURITY": "none", "SCR_SMTP_USER": "letters", "SCR_SMTP_PASSWORD": "hush"},
            "not sent unencrypted",
        ),
        ({**SMTP, "SCR_SMTP_CA_FILE": "/nowhere.pem"}, "no readable file of certificates"),
        ({**SMTP, "SCR_SMTP_PASSWORD_FILE": "/nowhere"}, "SCR_SMTP_PASSWORD_FILE names /nowhere"),
        ({**SMTP, "SCR_SMTP_RETURN_PATH": "bounces"}, "should be an e-mail address"),
        ({"SCR_MAIL": "notify"}, "SCR_NOTIFY_KEY or SCR_NOTIFY_KEY_FILE"),
        ({**NOTIFY, "SCR_NOTIFY_KEY": "hush"}, "is no key of GOV.UK Notify"),
        ({**NOTIFY, "SCR_NOTIFY_EMAIL_TEMPLATE": ""}, "which needs SCR_NOTIFY_EMAIL_TEMPLATE"),
        ({**NOTIFY, "SCR_NOTIFY_EMAIL_TEMPLATE": "letters"}, "should be an id"),
        ({**NOTIFY, "SCR_NOTIFY_URL": "http://notify.example"}, "should begin with https://"),
        ({**NOTIFY, "SCR_NOTIFY_POSTAGE": "dove"}, "say first, second or economy"),
        ({"SCR_BOUNCES": "/nowhere"}, "which is no Maildir"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(known: dict[str, str], says: str) -> None:
    read = bounces_of if "SCR_BOUNCES" in known else carrier_of
    with pytest.raises(Refusal) as refused:
        read(known)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "hush" not in str(refused.value)


async def test_a_worker_with_wrong_settings_does_not_start(tmp_path: Path) -> None:
    wrong = {**environment(1, tmp_path), "SCR_MAIL": "pigeon"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "worker", cwd=ROOT, env=wrong, stderr=subprocess.PIPE
    )
    _, stderr = await process.communicate()
    assert process.returncode == 1
    assert stderr.decode() == "SCR_MAIL is 'pigeon'; say outbox or smtp or notify.\n"
