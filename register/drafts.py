"""Referrals that somebody is writing: kept under seal, for their own account alone, until sent or thrown away."""

import json
import secrets
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from register.chain import canonical_json
from register.sealed import key_id_of
from register.store import Register
from register.tables import DraftRow


class Draft(NamedTuple):
    """A draft: what has been answered so far, and when it was last written to."""

    id: str
    content: dict[str, Any]
    updated_at: datetime


async def begin(register: Register, account: str, now: datetime) -> str:
    """Begin an empty draft and give its id."""
    draft = secrets.token_urlsafe(12)
    values = {"id": draft, "account": account, "updated_at": now, **_sealed(register, draft, {})}
    await register.write(lambda db: db.execute(insert(DraftRow), values))
    return draft


async def drafts(register: Register, account: str) -> list[Draft]:
    """The drafts of an account, the latest first. Raises SealError where one is unreadable."""
    query = select(DraftRow.id, DraftRow.sealed, DraftRow.updated_at).where(DraftRow.account == account)
    rows = await register.read(lambda db: db.execute(query.order_by(DraftRow.updated_at.desc(), DraftRow.id)).all())
    return [Draft(row.id, _opened(register, row.id, row.sealed), row.updated_at) for row in rows]


async def draft(register: Register, account: str, draft_id: str) -> Draft | None:
    """A draft of an account; None where it has none of that id. Raises SealError where it is unreadable."""
    return next((one for one in await drafts(register, account) if one.id == draft_id), None)


async def keep(register: Register, account: str, draft_id: str, content: dict[str, Any], now: datetime) -> None:
    """Have a draft of an account hold this; nothing happens where it has been thrown away meanwhile."""
    values = {"updated_at": now, **_sealed(register, draft_id, content)}
    where = (DraftRow.id == draft_id, DraftRow.account == account)
    await register.write(lambda db: db.execute(update(DraftRow).where(*where).values(**values)))


async def throw_away(register: Register, account: str, draft_id: str) -> None:
    """Keep a draft of an account no longer."""

    def write(db: Connection) -> None:
        db.execute(delete(DraftRow).where(DraftRow.id == draft_id, DraftRow.account == account))

    await register.write(write)


def _sealed(register: Register, draft_id: str, content: dict[str, Any]) -> dict[str, Any]:
    sealed = register.ring.seal(canonical_json(content).encode(), _context(draft_id))
    return {"key_id": key_id_of(sealed), "sealed": sealed}


def _opened(register: Register, draft_id: str, sealed: bytes) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(register.ring.unseal(sealed, _context(draft_id)))
    return content


def _context(draft_id: str) -> str:
    return f"draft {draft_id}"
