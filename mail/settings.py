"""How letters go, as the environment says: which carrier, with which settings. What is wrong is said in a sentence."""

import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

from mail.carriers import Carrier, OutboxFolder
from mail.smtp import Smtp
from models.refusal import Refusal

CARRIERS = ("outbox", "smtp", "notify")
PORTS = {"starttls": 587, "tls": 465, "none": 25}
NOTIFY = "https://api.notifications.service.gov.uk"
HERE = ("localhost", "127.0.0.1", "::1")
_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_KEY = re.compile(rf".*-?{_UUID}-{_UUID}", re.IGNORECASE)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


def carrier_of(environment: Mapping[str, str]) -> Carrier:
    """The carrier that the settings name: SCR_MAIL and what it needs. Raises Refusal."""
    which = environment.get("SCR_MAIL") or "outbox"
    if which not in CARRIERS:
        raise Refusal(f"SCR_MAIL is {which!r}; say {' or '.join(CARRIERS)}.")
    if which == "outbox":
        return OutboxFolder()
    return _smtp(environment) if which == "smtp" else _notify(environment)


def bounces_of(environment: Mapping[str, str]) -> Path | None:
    """The Maildir into which bounces are delivered; None where there is none. Raises Refusal."""
    named = environment.get("SCR_BOUNCES")
    if not named:
        return None
    folder = Path(named)
    if not all((folder / part).is_dir() for part in ("cur", "new", "tmp")):
        raise Refusal(f"SCR_BOUNCES names {named}, which is no Maildir: it should have the folders cur, new and tmp.")
    return folder


def _smtp(environment: Mapping[str, str]) -> Smtp:
    host = _needed(environment, "SCR_SMTP_HOST", "smtp")
    security = environment.get("SCR_SMTP_SECURITY") or "starttls"
    if security not in PORTS:
        raise Refusal(f"SCR_SMTP_SECURITY is {security!r}; say {' or '.join(PORTS)}.")
    port = environment.get("SCR_SMTP_PORT") or str(PORTS[security])
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise Refusal(f"SCR_SMTP_PORT is {port!r}; give the number of a port, such as 587.")
    user, password = environment.get("SCR_SMTP_USER", ""), _secret(environment, "SCR_SMTP_PASSWORD")
    if bool(user) != bool(password):
        raise Refusal("SCR_SMTP_USER and SCR_SMTP_PASSWORD (or SCR_SMTP_PASSWORD_FILE) go together; give both or none.")
    if user and security == "none":
        raise Refusal("A password is not sent unencrypted; set SCR_SMTP_SECURITY to starttls or tls.")
    returns_to = environment.get("SCR_SMTP_RETURN_PATH", "")
    if returns_to and not _ADDRESS.fullmatch(returns_to):
        raise Refusal("SCR_SMTP_RETURN_PATH should be an e-mail address, for bounces.")
    tls = None if security == "none" else _tls(environment.get("SCR_SMTP_CA_FILE") or None)
    return Smtp(host, int(port), security, tls, user, password, returns_to)  # type: ignore[arg-type]


def _tls(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise Refusal(f"SCR_SMTP_CA_FILE names {ca_file}, which is no readable file of certificates (PEM).") from error


def _notify(environment: Mapping[str, str]) -> Carrier:
    from mail.notify import Notify  # here, for its client takes a fifth of a second that others need not wait

    key = _secret(environment, "SCR_NOTIFY_KEY")
    if not key:
        raise Refusal("SCR_MAIL is notify, which needs SCR_NOTIFY_KEY or SCR_NOTIFY_KEY_FILE.")
    if not _KEY.fullmatch(key):
        raise Refusal("SCR_NOTIFY_KEY is no key of GOV.UK Notify: it ends in the service's id and the secret.")
    url = environment.get("SCR_NOTIFY_URL") or NOTIFY
    parts = urlsplit(url)
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in HERE)):
        raise Refusal(f"SCR_NOTIFY_URL is {url!r}; it should begin with https:// (http:// on this machine alone).")
    template, reply_to = (
        _needed(environment, "SCR_NOTIFY_EMAIL_TEMPLATE", "notify"),
        environment.get("SCR_NOTIFY_REPLY_TO", ""),
    )
    for name, value in (("SCR_NOTIFY_EMAIL_TEMPLATE", template), ("SCR_NOTIFY_REPLY_TO", reply_to)):
        if value and not _is_id(value):
            raise Refusal(f"{name} should be an id of GOV.UK Notify, such as {UUID(int=0)}.")
    postage = environment.get("SCR_NOTIFY_POSTAGE") or "second"
    if postage not in ("first", "second", "economy"):
        raise Refusal(f"SCR_NOTIFY_POSTAGE is {postage!r}; say first, second or economy.")
    return Notify(key, template, url, reply_to, postage)  # type: ignore[arg-type]


def _is_id(text: str) -> bool:
    return re.fullmatch(_UUID, text, re.IGNORECASE) is not None


def _needed(environment: Mapping[str, str], name: str, carrier: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise Refusal(f"SCR_MAIL is {carrier}, which needs {name}.")
    return value


def _secret(environment: Mapping[str, str], name: str) -> str:
    """A secret from the environment, or from the file that NAME_FILE names; empty where there is neither."""
    if file := environment.get(f"{name}_FILE"):
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Refusal(f"{name}_FILE names {file}, which cannot be read as text.") from error
    return environment.get(name, "").strip()
