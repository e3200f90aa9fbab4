"""Sealing what identifies a child, a family or a referrer: AES-256-GCM under a ring of keys.

The ring is one JSON text: in a file (`register.key` of the data folder, or the one named in `SCR_KEY_FILE`), or in the
environment (`SCR_KEYS`) where a secret store hands it over.

A sealed blob is: version (1 byte), key id (8 bytes), nonce (12 bytes), ciphertext with its tag. Version, key id and
a context such as "referral MK-2013-001" are authenticated, so that a blob cannot be passed off as another's.
"""

import base64
import fcntl
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from models.refusal import Refusal

LOOKED_AT_EVERY = 1.0
"""Seconds after which the key file is looked at again before sealing: a busy worker seals hundreds of times in one."""
_VERSION = b"\x01"
_ID, _NONCE, _TAG, _KEY = 8, 12, 16, 32


class SealError(Refusal):
    """Something cannot be sealed or unsealed; the message is one sentence that says what would be right."""


class Ring:
    """The keys: one current, with which everything new is sealed, and the older ones, which still open.

    A ring whose file does not exist makes its first key when it first seals, not when it is loaded, so that a
    mislaid file is never quietly replaced by a new one beside data that needs the old. A key that another process
    adds to the file is used a second later at the latest, without a restart, and opens what it sealed at once.
    """

    def __init__(self, path: Path | None, keys: dict[str, bytes], current: str) -> None:
        self.path = path
        self._keys = keys
        self._current = current
        self._read_at: tuple[int, int] | None = None
        self._looked_at = -LOOKED_AT_EVERY

    @classmethod
    def of(cls, folder: Path) -> Self:
        """The ring of a data folder: from `SCR_KEYS`, else from the file in `SCR_KEY_FILE`, else `register.key` there.

        Raises SealError for what is no key ring.
        """
        if content := os.environ.get("SCR_KEYS"):
            return cls(None, *_parsed(content, "What SCR_KEYS holds"))
        return cls.load_or_make(os.environ.get("SCR_KEY_FILE") or folder / "register.key")

    @classmethod
    def load_or_make(cls, path: Path | str) -> Self:
        """Load the ring from a file, or prepare one to be made there (mode 0600) when it is first used to seal.

        Raises SealError for a file that is not a key ring.
        """
        ring = cls(Path(path), {}, "")
        ring._reload()
        return ring

    @property
    def name(self) -> str:
        """Where the keys are kept, in words."""
        return "SCR_KEYS" if self.path is None else f"the key file {self.path}"

    @property
    def current(self) -> str:
        """The id of the key with which everything new is sealed; empty before there is one."""
        return self._current

    @property
    def exists(self) -> bool:
        """Whether there is a key yet."""
        return bool(self._keys)

    @property
    def key_ids(self) -> frozenset[str]:
        """The ids of all keys of the ring; an id tells nothing about its key."""
        return frozenset(self._keys)

    def seal(self, plain: bytes, context: str) -> bytes:
        """Encrypt under the current key for one context; the same context is needed to read it."""
        if time.monotonic() >= self._looked_at + LOOKED_AT_EVERY:
            self._reload()
        self._make_if_needed()
        head = _VERSION + self._current.encode()
        nonce = secrets.token_bytes(_NONCE)
        return head + nonce + AESGCM(self._keys[self._current]).encrypt(nonce, plain, head + context.encode())

    def unseal(self, blob: bytes, context: str) -> bytes:
        """Decrypt what was sealed for this context. Raises SealError for a missing key and for anything altered."""
        head, nonce, sealed = blob[: 1 + _ID], blob[1 + _ID : 1 + _ID + _NONCE], blob[1 + _ID + _NONCE :]
        if head[:1] != _VERSION or len(sealed) < _TAG:
            raise SealError(f'What is kept as "{context}" is not sealed data: restore it from a backup.')
        key_id = key_id_of(blob)
        if key_id not in self._keys:
            self._reload()
        if key_id not in self._keys:
            raise SealError(f'"{context}" is sealed with the key {key_id}, which {self._where()}: put that key back.')
        try:
            return AESGCM(self._keys[key_id]).decrypt(nonce, sealed, head + context.encode())
        except InvalidTag:
            raise SealError(
                f'What is kept as "{context}" was altered or sealed for something else: restore it from a backup.'
            ) from None

    def fingerprint(self, content: bytes) -> str:
        """HMAC-SHA256 (hexadecimal) of content: recognises it again and, without the ring, reveals nothing of it."""
        self._make_if_needed()
        return _fingerprint(self._keys[self._current], content)

    def fingerprints(self, content: bytes) -> list[str]:
        """The fingerprints of content under every key, so that what was filed under another key is recognised."""
        self._make_if_needed()
        self._reload()  # another process may have added a key
        return [_fingerprint(key, content) for key in self._keys.values()]

    def rotate(self) -> str:
        """Add a new current key and write the file anew; the older keys stay. Returns the new key's id.

        Raises SealError where the keys are in the environment, which nobody can write to.
        """
        if self.path is None:
            raise SealError("The keys come from SCR_KEYS: rotate a key file, and put its whole content there.")
        self._make_if_needed()
        with alone(self.path.parent):  # two rotations at once must not drop each other's key
            self._load(self.path)
            key_id, key = _new_key()
            draft = _draft(self.path, {**self._keys, key_id: key}, key_id)
            os.replace(draft, self.path)
            sync_folder(self.path.parent)
            self._load(self.path)
        return key_id

    def _make_if_needed(self) -> None:
        if self._keys or self.path is None:
            return
        key_id, key = _new_key()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = _draft(self.path, {key_id: key}, key_id)
        try:
            os.link(draft, self.path)  # refuses where another process was first: its key is then ours too
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        sync_folder(self.path.parent)
        self._load(self.path)

    def _reload(self) -> None:
        """Read the file again if it is another one than was read last: it is always replaced as a whole."""
        if self.path is None:
            return
        self._looked_at = time.monotonic()
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return
        if (found.st_ino, found.st_mtime_ns) != self._read_at:
            self._load(self.path)

    def _load(self, path: Path) -> None:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            self._keys, self._current = _parsed(file.read(), f"The key file {path}")
        self._read_at = (found.st_ino, found.st_mtime_ns)

    def _where(self) -> str:
        return f"is not in {self.name}" if self._keys else f"is in no file at {self.path}"


def _parsed(content: str | bytes, what: str) -> tuple[dict[str, bytes], str]:
    """The keys of a ring's JSON, and which is the current one. Raises SealError."""
    try:
        read = json.loads(content)
        keys = {str(i): base64.b64decode(key, validate=True) for i, key in read["keys"].items()}
        current = str(read["current"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SealError(f"{what} is not readable as a ring of keys: put the right one back.") from error
    if current not in keys or any(not i.isascii() or len(i) != _ID or len(key) != _KEY for i, key in keys.items()):
        raise SealError(f"{what} is damaged: put an undamaged copy back.")
    return keys, current


def _draft(path: Path, keys: dict[str, bytes], current: str) -> Path:
    content = {"current": current, "keys": {i: base64.b64encode(key).decode() for i, key in keys.items()}}
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(json.dumps(content, indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())  # a key must be on disk before anything sealed with it
    return draft


def key_id_of(blob: bytes) -> str:
    """The id of the key with which a blob was sealed."""
    return blob[1 : 1 + _ID].decode("ascii", "replace")


def _new_key() -> tuple[str, bytes]:
    return secrets.token_hex(_ID // 2), AESGCM.generate_key(bit_length=8 * _KEY)


def _fingerprint(key: bytes, content: bytes) -> str:
    # a key of its own, so that fingerprints and ciphertexts never share one
    derived = HKDF(algorithm=SHA256(), length=_KEY, salt=None, info=b"fingerprint").derive(key)
    return hmac.new(derived, content, hashlib.sha256).hexdigest()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder: of the processes that ask for it, one is inside at a time."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)  # and with it the lock


def sync_folder(folder: Path) -> None:
    """Have a folder's new names on the disk before anybody is told of them."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
