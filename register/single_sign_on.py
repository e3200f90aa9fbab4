"""Single sign-on: sign-ons under way, and who an account is at the provider. It opens no account.

An account is linked at its first single sign-on. From then on the issuer and the subject say whose it is; that a
provider gives somebody else's e-mail address to another person later changes nothing.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from models.refusal import Refusal
from register.accounts import hash_of, open_session
from register.store import Register
from register.tables import AccountRow, IdentityRow, SignOnRow

LONGEST = timedelta(minutes=10)
"""How long a sign-on may take, from leaving for the provider to coming back."""


async def begin(register: Register, token: str, path: str, now: datetime) -> None:
    """Note that the browser which holds a token has left for the provider, to go on to a path afterwards."""

    def write(db: Connection) -> None:
        db.execute(delete(SignOnRow).where(SignOnRow.expires_at < now))
        values = {"token_hash": hash_of(token), "path": path, "expires_at": now + LONGEST}
        db.execute(insert(SignOnRow), values)

    await register.write(write)


async def come_back(register: Register, token: str, now: datetime) -> str:
    """The path to go on to, once. Raises Refusal for a sign-on that has been used or took too long."""
    used = delete(SignOnRow).where(SignOnRow.token_hash == hash_of(token), SignOnRow.expires_at >= now)
    path: str | None = await register.write(lambda db: db.scalar(used.returning(SignOnRow.path)))
    if path is None:
        raise Refusal("This sign-on has been used or took too long; start again.")
    return path


async def is_linked(register: Register, board: str, issuer: str, subject: str) -> bool:
    """Whether an account of a board is known by its subject."""
    return await register.read(lambda db: _holder(db, board, _hash(issuer, subject)) is not None)


async def link(register: Register, board: str, people: Collection[str], issuer: str, subject: str) -> None:
    """Have the account of one of these people of a board belong to a subject. Raises Refusal where there is none."""

    def write(db: Connection) -> None:
        query = select(AccountRow.name, AccountRow.closed_at)
        known = db.execute(query.where(AccountRow.board == board, AccountRow.person.in_(people))).all()
        names = [row.name for row in known if row.closed_at is None]
        if not names:
            raise Refusal(_CLOSED if known else _UNKNOWN)
        if len(names) > 1:
            raise Refusal("More than one account has this address; ask your administrator to close all but one.")
        theirs = (IdentityRow.account == names[0]) & (IdentityRow.issuer == issuer)
        mine = IdentityRow.subject_hash == _hash(issuer, subject)
        if db.scalar(select(IdentityRow.account).where(theirs | mine)) is not None:
            raise Refusal(_ANOTHERS)
        values = {"account": names[0], "issuer": issuer, "subject_hash": _hash(issuer, subject)}
        db.execute(insert(IdentityRow), values)

    await register.write(write)


async def sign_in(register: Register, board: str, issuer: str, subject: str, now: datetime) -> str:
    """Open a session of the account that belongs to a subject; its token. Raises Refusal where there is none."""

    def write(db: Connection) -> str:
        name = _holder(db, board, _hash(issuer, subject))
        if name is None:
            raise Refusal(_UNKNOWN)
        return open_session(db, name, now, single_sign_on=True)

    return await register.write(write)


_UNKNOWN = "You have no account here; ask your board's administrator to invite you."
_CLOSED = "Your account is closed; ask your board's administrator."
_ANOTHERS = "This account belongs to another sign-on; ask your administrator to close it and invite you again."


def _holder(db: Connection, board: str, subject_hash: str) -> str | None:
    query = select(AccountRow.name).join(IdentityRow, IdentityRow.account == AccountRow.name)
    open_ones = query.where(AccountRow.board == board, AccountRow.closed_at.is_(None))
    return db.scalar(open_ones.where(IdentityRow.subject_hash == subject_hash))


def _hash(issuer: str, subject: str) -> str:
    return hash_of(f"{issuer} {subject}")  # an issuer is a URL: it has no space
