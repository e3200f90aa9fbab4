"""Bounces: notices of non-delivery (RFC 3464) in a Maildir, matched with letters by the Message-ID that they quote."""

import asyncio
import re
from contextlib import suppress
from datetime import datetime
from email import message_from_bytes, policy
from email.message import Message
from pathlib import Path
from typing import NamedTuple

from mail.carriers import Stage
from register import deliveries
from register.deliveries import State
from register.store import Register

AWAITED: tuple[State, ...] = ("handed over", "delivered")
"""States of a letter of which a notice can tell something new."""
_KEY = re.compile(r"<([A-Za-z0-9.-]+)@[^<>@\s]+>")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
LARGEST = 20_000_000
"""Bytes of the largest message that is looked into."""


class Notice(NamedTuple):
    """A notice about a letter of ours: the letter's key, and what the notice says; nothing for a delay."""

    key: str
    stage: Stage | None


class Sorted(NamedTuple):
    """What lay in the folder: how many notices about letters of ours were new, and how much else was left there."""

    noted: int
    left: int


async def read(register: Register, folder: Path, at: datetime) -> Sorted:
    """Write down what the new messages of a Maildir say of letters of ours, and mark those messages as seen.

    Everything else is left as it is, for a person. Raises OSError where the folder cannot be read.
    """
    noted = left = 0
    known: dict[str, tuple[str, str]] | None = None
    for path in await asyncio.to_thread(_new_messages, folder):
        try:
            notice = await asyncio.to_thread(_notice_in, path)
        except FileNotFoundError:  # another worker has dealt with it
            continue
        if notice is not None and known is None:
            known = await deliveries.known_keys(register)
        if notice is None or known is None or notice.key not in known:
            left += 1
            continue
        if notice.stage is not None:
            said = ("smtp", notice.stage.state, notice.stage.detail)
            noted += await deliveries.note(register, *known[notice.key], said, at=at, after=AWAITED)
        name = f"{path.name.partition(':')[0]}:2,S"
        with suppress(FileNotFoundError):
            await asyncio.to_thread(path.rename, folder / "cur" / name)  # how a Maildir says that it was seen
    return Sorted(noted, left)


def _new_messages(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "new").iterdir() if path.is_file() and not path.is_symlink())


def _notice_in(path: Path) -> Notice | None:
    return None if path.stat().st_size > LARGEST else notice_of(path.read_bytes())


def notice_of(content: bytes) -> Notice | None:
    """What a message says of a letter of ours; None for a message that is no notice, or of no letter of ours."""
    message = message_from_bytes(content, policy=policy.compat32)  # which takes headers however odd they are
    if message.get_content_type() != "multipart/report":
        return None
    parts = list(message.walk())
    report = next((part for part in parts if part.get_content_type() == "message/delivery-status"), None)
    key = next((found for part in parts[1:] if (found := _key(part))), None)
    return Notice(key, _stage(report)) if report is not None and key is not None else None


def _key(part: Message) -> str | None:
    """The key in the Message-ID of the letter that a notice encloses, whole or as its headers alone."""
    if part.get_content_type() == "text/rfc822-headers":
        enclosed = part.get_payload(decode=True)
        part = message_from_bytes(enclosed if isinstance(enclosed, bytes) else b"", policy=policy.compat32)
    found = _KEY.fullmatch(str(part.get("Message-ID", "")).strip())
    return found.group(1) if found else None


def _stage(report: Message) -> Stage | None:
    """What became of the one recipient: the first block is about the message, the next about them."""
    blocks = report.get_payload()
    fields = next((one for one in blocks if isinstance(one, Message) and one.get("Action")), None) if blocks else None
    action = str(fields.get("Action", "")).strip().lower() if fields is not None else ""
    status = _STATUS.match(str(fields.get("Status", "")).strip()) if fields is not None else None
    code = f" ({status.group()})" if status else ""
    if action == "failed":
        return Stage("bounced", f"The mail systems on its way could not deliver it{code}.")
    return Stage("delivered") if action == "delivered" else None
