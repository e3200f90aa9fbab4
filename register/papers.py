"""The documents of a case and what identifies people in it: kept under seal, found again by the hash of the content.

Which document a content is, and which version is current, the events of the case say.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, func, insert, select

from register.chain import canonical_json
from register.errors import RegisterError
from register.sealed import key_id_of
from register.store import Register
from register.tables import ContentRow, IdentifierRow


def hash_of(content: bytes) -> str:
    """The SHA-256 of a content (hexadecimal), under which it is found again."""
    return hashlib.sha256(content).hexdigest()


async def keep(register: Register, reference: str, content: bytes, name: str) -> str:
    """Keep a content for a case with the name it came with; its SHA-256 (hexadecimal). Twice is once."""
    sha256 = hash_of(content)
    where = (ContentRow.reference == reference, ContentRow.sha256 == sha256)

    def write(db: Connection) -> None:
        if db.scalar(select(ContentRow.sha256).where(*where)) is not None:
            return
        sealed = register.ring.seal(content, _context(reference, sha256))
        values = {
            "reference": reference,
            "sha256": sha256,
            "key_id": key_id_of(sealed),
            "size": len(content),
            "name_sealed": register.ring.seal(name.encode(), _context(reference, f"name of {sha256}")),
            "sealed": sealed,
        }
        db.execute(insert(ContentRow), values)

    await register.write(write)
    return sha256


async def content(register: Register, reference: str, sha256: str) -> bytes:
    """A content that is kept for a case.

    Raises RegisterError where there is none, and where it is not what the hash says; SealError where it is unreadable.
    """
    blob = await _one(register, ContentRow.sealed, reference, sha256)
    plain = register.ring.unseal(blob, _context(reference, sha256))
    if hash_of(plain) != sha256:
        raise RegisterError(f"A document of {reference} is not what was filed: restore the register from a backup.")
    return plain


async def name(register: Register, reference: str, sha256: str) -> str:
    """The name with which a content came. It may say anything: it is shown and searched, never used as a path."""
    blob = await _one(register, ContentRow.name_sealed, reference, sha256)
    return register.ring.unseal(blob, _context(reference, f"name of {sha256}")).decode()


async def add_identifiers(register: Register, reference: str, identifiers: Iterable[dict[str, Any]]) -> int:
    """Add to what identifies people in a case; how many lists it has now."""
    plain = canonical_json({"identifiers": list(identifiers)}).encode()

    def write(db: Connection) -> int:
        highest = db.scalar(select(func.max(IdentifierRow.number)).where(IdentifierRow.reference == reference)) or 0
        number = int(highest) + 1
        sealed = register.ring.seal(plain, _context(reference, f"identifiers {number}"))
        values = {"reference": reference, "number": number, "key_id": key_id_of(sealed), "sealed": sealed}
        db.execute(insert(IdentifierRow), values)
        return number

    return await register.write(write)


async def identifiers(register: Register, reference: str) -> list[dict[str, Any]]:
    """What has been added to what identifies people in a case, in order. Raises SealError where it is unreadable."""
    query = select(IdentifierRow.number, IdentifierRow.sealed).where(IdentifierRow.reference == reference)
    rows = await register.read(lambda db: list(db.execute(query.order_by(IdentifierRow.number))))
    found: list[dict[str, Any]] = []
    for number, sealed in rows:
        found += json.loads(register.ring.unseal(sealed, _context(reference, f"identifiers {number}")))["identifiers"]
    return found


async def _one(register: Register, column: Any, reference: str, sha256: str) -> bytes:
    query = select(column).where(ContentRow.reference == reference, ContentRow.sha256 == sha256)
    blob: bytes | None = await register.read(lambda db: db.scalar(query))
    if blob is None:
        raise RegisterError(f"The register of {reference} has no document with the SHA-256 {sha256[:12]}….")
    return blob


def _context(reference: str, what: str) -> str:
    return f"document {what} of {reference}"
