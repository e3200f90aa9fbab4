"""Letters as e-mail files in a folder: written once, never overwritten, on the disk before anybody is told so."""

import os
import re
import tempfile
from base64 import encodebytes
from binascii import b2a_qp
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, time
from email import policy
from email.headerregistry import Address
from email.parser import BytesHeaderParser
from functools import lru_cache
from pathlib import Path

from models.letters import Correspondent, LetterOrder, RenderedLetter
from register.deliveries import letter_key
from register.sealed import sync_folder

HASH_HEADER = "X-Letter-SHA256"
NOWHERE = "letters.invalid"
_LONGEST_LINE = 78  # what RFC 5322 asks for
_ATOMS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_MAIL = re.compile(rf"{_ATOMS}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\[\]-]*")


def message_id(reference: str, letter: str, sender: Correspondent) -> str:
    """The same for every attempt at the same letter, so that a mail system can tell a repetition."""
    return f"<{letter_key(reference, letter)}@{sender.email.rpartition('@')[2] or NOWHERE}>"


def compose(
    reference: str, order: LetterOrder, rendered: RenderedLetter, sender: Correspondent, recipient: Correspondent
) -> bytes:
    """The e-mail: plain text and HTML, the PDF attached. The same letter gives the same bytes.

    A recipient without an e-mail address gets no `To`: the PDF is for the post. ValueError if an address is none.
    """
    shown = [_header("Date", datetime.combine(order.on, time(9), UTC)), _header("From", _address(sender))]
    if recipient.email:
        shown.append(_header("To", _address(recipient)))
    shown.append(_header("Subject", rendered.subject))
    words = {"Message-ID": message_id(reference, order.id, sender), "X-Letter-Id": order.id}
    words |= {HASH_HEADER: rendered.sha256, "MIME-Version": "1.0"}
    head = b"".join([*(_word(name, value) for name, value in words.items()), *shown])
    mark = f"==letter-{rendered.sha256[:24]}"
    texts = [_text("plain", rendered.text), _text("html", rendered.html)]
    parts = [_together("alternative", f"{mark}-1==", texts), _attached(f"{reference}.pdf", rendered.pdf)]
    return head + _together("mixed", f"{mark}-0==", parts)


# The parts are written here and not by `email`, which reads and writes each of their headers several times over: three
# times as long for the whole. Of the head it writes what a person reads: it knows how what is not ASCII is written.


@lru_cache(maxsize=1000)  # senders, days and recipients come again
def _header(name: str, value: str | datetime) -> bytes:
    """A header as it is sent, folded where it is long."""
    return policy.SMTP.fold_binary(*policy.SMTP.header_store_parse(name, value))


def _word(name: str, value: str) -> bytes:
    """A header of one word. A Message-ID stays in its line: not every mail system finds it in the next one."""
    short = len(f"{name}: {value}") <= _LONGEST_LINE or name == "Message-ID"
    between = " " if short else "\r\n "
    return f"{name}:{between}{value}\r\n".encode("ascii")


def _text(kind: str, text: str) -> bytes:
    """A part of words, quoted-printable: every mail system takes it, and a person can read it."""
    lines = b"".join(line + b"\r\n" for line in text.encode().splitlines())
    head = (f'Content-Type: text/{kind}; charset="utf-8"', "Content-Transfer-Encoding: quoted-printable")
    return _part(head, b2a_qp(lines, istext=True))


def _attached(name: str, pdf: bytes) -> bytes:
    head = ("Content-Type: application/pdf", "Content-Transfer-Encoding: base64")
    lines = encodebytes(pdf).replace(b"\n", b"\r\n")
    return _part((*head, f'Content-Disposition: attachment; filename="{name}"'), lines)


def _together(kind: str, boundary: str, parts: Sequence[bytes]) -> bytes:
    """Parts as one. None can hold a line that is the boundary: `--==` is nothing that their encodings give."""
    between = f"--{boundary}".encode("ascii")
    content = b"".join(between + b"\r\n" + part + b"\r\n" for part in parts)
    return _part((f'Content-Type: multipart/{kind};\r\n boundary="{boundary}"',), content + between + b"--\r\n")


def _part(head: Sequence[str], content: bytes) -> bytes:
    return "".join(f"{line}\r\n" for line in (*head, "")).encode("ascii") + content


def write_eml(
    folder: Path,
    reference: str,
    order: LetterOrder,
    rendered: RenderedLetter,
    sender: Correspondent,
    recipient: Correspondent,
) -> tuple[Path, str]:
    """Write `folder/reference/id.eml` once; give its path and the SHA-256 of the letter that it holds.

    A second attempt leaves the first file as it is and gives the first one's hash. The file appears whole or not
    at all, and outlasts a failure of power from `keep` on. Raises ValueError for a reference that is no file name.
    """
    path = path_of(folder, reference, order.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    written = not path.exists() and _write_once(path, compose(reference, order, rendered, sender, recipient))
    return path, rendered.sha256 if written else read_hash(path)


def keep(folder: Path, reference: str) -> None:
    """Have what was written for a case reach the disk: on return its letters are where they are for good."""
    if (letters := folder / reference).exists():
        sync_folder(letters)


def path_of(folder: Path, reference: str, letter: str) -> Path:
    """Where a letter lies, or would. Raises ValueError for a reference that is no file name."""
    if not _FILE_NAME.fullmatch(reference):
        raise ValueError(f"The reference {reference!r} should hold letters, digits, dots and hyphens only.")
    return folder / reference / f"{letter}.eml"


def set_aside(path: Path, number: int) -> None:
    """Put a letter that was refused beside the place of the one that will be written anew. Once is enough."""
    with suppress(FileNotFoundError):
        path.rename(path.with_name(f"{path.stem}.refused-{number}{path.suffix}"))


def read_hash(path: Path) -> str:
    """The SHA-256 that a letter's e-mail file says of itself."""
    with path.open("rb") as file:
        return str(BytesHeaderParser(policy=policy.SMTP).parse(file)[HASH_HEADER]).strip()


def _address(of: Correspondent) -> str:
    name, mail = of.name or of.title or of.organisation, of.email or f"office@{NOWHERE}"
    if not _MAIL.fullmatch(mail) or not name.isprintable():
        # What is raised here is written down, and an address is personal: it is not quoted.
        raise ValueError("The sender's or recipient's e-mail address should read like name@example.org.")
    return str(Address(display_name=name, addr_spec=mail))


def _write_once(path: Path, content: bytes) -> bool:
    """A temporary file beside it, then a hard link, which fails where another attempt was first: False then."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:  # the other attempt's letter stands
        return False
    finally:
        os.unlink(temporary)
    return True
