"""What a carrier is: it takes a letter that lies in the outbox folder and hands it on, or says why not."""

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from register.deliveries import State


class Held(Exception):
    """A letter waits, and is tried again. The message is one sentence that names nobody.

    `every`: no other letter would go either, for the carrier is down or set wrongly.
    """

    def __init__(self, because: str, *, every: bool = True) -> None:
        super().__init__(because)
        self.every = every


class NotTaken(Exception):
    """A letter is refused for good: a person's task. The message is one sentence that names nobody."""


@dataclass(frozen=True)
class Letter:
    """A letter as it lies in the outbox folder; `key` is its name for carriers, `content` the e-mail as it is sent.

    `recipient` is an e-mail address, empty for one who is written to by post.
    """

    key: str
    content: bytes
    sender: str
    recipient: str
    subject: str
    text: str
    pdf: bytes

    @classmethod
    def read(cls, path: Path, key: str) -> "Letter":
        """Read a letter from its e-mail file. Raises OSError."""
        content = path.read_bytes()
        message = message_from_bytes(content, policy=policy.SMTP)
        assert isinstance(message, EmailMessage)
        return cls(
            key=key,
            content=content,
            sender=_address(message, "From"),
            recipient=_address(message, "To"),
            subject=str(message["Subject"] or "").strip(),
            text=_part(message, "text/plain").decode("utf-8", "replace").replace("\r\n", "\n"),
            pdf=_part(message, "application/pdf"),
        )


@dataclass(frozen=True)
class Stage:
    """What a carrier says of a letter."""

    state: State
    detail: str | None = None


class Carrier(Protocol):
    """Hands letters on."""

    @property
    def name(self) -> str:
        """What the carrier is called in a letter's journey."""

    async def carry(self, letter: Letter) -> Stage | None:
        """Hand a letter on and say how far it is; None where there is no more to say.

        Raises Held for what may pass and NotTaken for what will not.
        """

    async def ask(self, key: str) -> Stage | None:
        """What has become of a letter handed over before; None where nothing new is known. Raises Held."""


class OutboxFolder:
    """Letters stay in the outbox folder, for something else to pick them up."""

    name = "outbox"

    async def carry(self, letter: Letter) -> Stage | None:
        """Leave the letter where it is."""
        return None

    async def ask(self, key: str) -> Stage | None:
        """Nothing: the folder does not know who picks letters up."""
        return None


def _address(message: EmailMessage, header: str) -> str:
    named = message[header]
    return str(named.addresses[0].addr_spec) if named is not None and named.addresses else ""


def _part(message: EmailMessage, kind: str) -> bytes:
    """The first part of a kind, decoded; empty where there is none."""
    found = next((part for part in message.walk() if part.get_content_type() == kind), None)
    content = found.get_payload(decode=True) if found is not None else b""
    return content if isinstance(content, bytes) else b""
