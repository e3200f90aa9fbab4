"""The addresses of calendar feeds: one an account, known by the hash of its token, until revoked."""

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from models.access import Viewer
from register.store import Register
from register.tables import AccountRow, FeedRow


async def make(register: Register, account: str, now: datetime) -> str:
    """Give an account a new address for its feed; the one before leads nowhere any more."""
    token = secrets.token_urlsafe(32)

    def write(db: Connection) -> None:
        db.execute(delete(FeedRow).where(FeedRow.account == account))
        db.execute(insert(FeedRow), {"account": account, "token_hash": _hash(token), "made_at": now})

    await register.write(write)
    return token


async def made_at(register: Register, account: str) -> datetime | None:
    """When the address of an account's feed was made; None where it has none."""
    return await register.read(lambda db: db.scalar(select(FeedRow.made_at).where(FeedRow.account == account)))


async def revoke(register: Register, account: str) -> None:
    """Have the address of an account's feed lead nowhere."""
    await register.write(lambda db: db.execute(delete(FeedRow).where(FeedRow.account == account)))


async def holder(register: Register, token: str) -> Viewer | None:
    """Whose feed an address is; None where it is revoked or its account closed."""
    query = (
        select(AccountRow.name, AccountRow.board, AccountRow.person, AccountRow.administrator)
        .join(FeedRow, FeedRow.account == AccountRow.name)
        .where(FeedRow.token_hash == _hash(token), AccountRow.closed_at.is_(None))
    )
    row = await register.read(lambda db: db.execute(query).one_or_none())
    return Viewer(*row) if row else None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
