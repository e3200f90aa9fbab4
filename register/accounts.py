"""Who may sign in: accounts, the links that set a password, sessions, and what has been read.

Passwords are kept as argon2id hashes, tokens as SHA-256 hashes: nothing in the database signs anybody in.
"""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, delete, exists, func, insert, select, update

from models.access import Viewer
from models.refusal import Refusal
from register.store import Register
from register.tables import AccountRow, CaseRow, FeedRow, IdentityRow, InvitationRow, MemberRow, ReadRow, SessionRow

INVITATION = timedelta(hours=72)
IDLE = timedelta(minutes=30)
"""After how long without a click somebody is signed out."""
SHORTEST = 12
"""Characters of a password."""

_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash("nobody has this password")


class SignedIn(NamedTuple):
    """Somebody signed in, and what the forms of their session carry."""

    viewer: Viewer
    csrf: str


class Account(NamedTuple):
    """An account as an administrator sees it; `linked` where single sign-on knows whose it is."""

    name: str
    board: str
    person: str
    administrator: bool
    open: bool
    linked: bool


class Read(NamedTuple):
    """Somebody has looked at something of a case; `because` is the reason of an emergency."""

    at: datetime
    account: str
    reference: str
    what: str
    because: str | None


async def invite(
    register: Register, name: str, board: str, person: str, now: datetime, *, administrator: bool = False
) -> str:
    """Open an account, or open it anew, and give the token of the link that sets its password (valid for 3 days).

    One that was closed has no password until then. Raises Refusal for a name that is somebody else's.
    """
    token = secrets.token_urlsafe(32)
    fields = {"board": board, "person": person, "administrator": administrator, "closed_at": None}

    def write(db: Connection) -> None:
        columns = (AccountRow.board, AccountRow.person, AccountRow.closed_at)
        known = db.execute(select(*columns).where(AccountRow.name == name)).one_or_none()
        if known is None:
            db.execute(insert(AccountRow), {"name": name, "password_hash": None, **fields})
        elif (known.board, known.person) != (board, person):
            raise Refusal(f"The account {name!r} is somebody else's; give another name.")
        else:
            gone = {"password_hash": None} if known.closed_at else {}
            db.execute(update(AccountRow).where(AccountRow.name == name).values(**fields, **gone))
        db.execute(delete(InvitationRow).where(InvitationRow.account == name))
        values = {"token_hash": hash_of(token), "account": name, "expires_at": now + INVITATION}
        db.execute(insert(InvitationRow), values)

    await register.write(write)
    return token


async def name_for(register: Register, board: str, person: str) -> str:
    """The name of the account of a board's person: the one they have, else their id, longer where it is taken."""
    own = select(AccountRow.name).where(AccountRow.board == board, AccountRow.person == person)
    taken = select(AccountRow.name).where(AccountRow.name == person)

    def read(db: Connection) -> str:
        known = db.scalar(own.order_by(AccountRow.name))
        return known or (person if db.scalar(taken) is None else f"{person}.{board}")

    return await register.read(read)


async def has_accounts(register: Register) -> bool:
    """Whether anybody may sign in yet."""
    return await register.read(lambda db: bool(db.scalar(select(func.count()).select_from(AccountRow))))


async def accounts(register: Register, board: str | None = None) -> list[Account]:
    """The accounts of a board, or of all boards, by board and name."""
    linked = exists().where(IdentityRow.account == AccountRow.name)
    columns = (AccountRow.name, AccountRow.board, AccountRow.person, AccountRow.administrator)
    query = select(*columns, AccountRow.closed_at.is_(None), linked).order_by(AccountRow.board, AccountRow.name)
    if board is not None:
        query = query.where(AccountRow.board == board)
    return [Account(*row) for row in await register.read(lambda db: db.execute(query).all())]


async def close_account(register: Register, name: str, now: datetime) -> None:
    """Let an account sign in no more, and sign it out: its link, its single sign-on and its feed lead nowhere.

    Raises Refusal for one that is not there or is closed.
    """

    def write(db: Connection) -> None:
        known = db.execute(select(AccountRow.closed_at).where(AccountRow.name == name)).one_or_none()
        if known is None:
            raise Refusal(f"There is no account {name!r}; `scr account list` shows them.")
        if known.closed_at is not None:
            raise Refusal(f"The account {name!r} is closed already.")
        db.execute(update(AccountRow).where(AccountRow.name == name).values(closed_at=now))
        for row in (SessionRow, InvitationRow, FeedRow, IdentityRow):
            db.execute(delete(row).where(row.account == name))

    await register.write(write)


async def set_password(register: Register, token: str, password: str, now: datetime) -> str:
    """Set the password of the account that a link is for; the link is used up. Raises Refusal. The account's name."""
    if len(password) < SHORTEST:
        raise Refusal(f"A password has at least {SHORTEST} characters; three or four words that you can remember do.")
    hashed = _HASHER.hash(password)

    def write(db: Connection) -> str | None:
        query = select(InvitationRow.account, InvitationRow.expires_at)
        row = db.execute(query.where(InvitationRow.token_hash == hash_of(token))).one_or_none()
        if row is None or row.expires_at < now:
            return None
        db.execute(delete(InvitationRow).where(InvitationRow.token_hash == hash_of(token)))
        db.execute(delete(SessionRow).where(SessionRow.account == row.account))
        db.execute(update(AccountRow).where(AccountRow.name == row.account).values(password_hash=hashed))
        return str(row.account)

    name = await register.write(write)
    if name is None:
        raise Refusal("This link has been used or has expired; ask your administrator for another one.")
    return name


async def sign_in(
    register: Register, name: str, password: str, now: datetime, *, linked_too: bool = True
) -> str | None:
    """Sign in and give the session's token; None where name or password are wrong (which of them is not said).

    Without `linked_too`, an account that single sign-on knows has no password.
    """
    query = select(AccountRow.password_hash).where(AccountRow.name == name, AccountRow.closed_at.is_(None))
    if not linked_too:
        query = query.where(~exists().where(IdentityRow.account == AccountRow.name))
    kept = await register.read(lambda db: db.scalar(query))
    if not _is_password(kept or _NOBODY, password) or kept is None:
        return None
    return await register.write(lambda db: open_session(db, name, now))


def open_session(db: Connection, name: str, now: datetime, *, single_sign_on: bool = False) -> str:
    """Open a session of an account whose holder has shown who they are; its token."""
    token = secrets.token_urlsafe(32)
    values = {"token_hash": hash_of(token), "account": name, "csrf": secrets.token_urlsafe(32), "seen_at": now}
    db.execute(insert(SessionRow), values | {"single_sign_on": single_sign_on})
    return token


async def signed_in(register: Register, token: str, now: datetime) -> SignedIn | None:
    """Who a session's token belongs to; None where it has ended. It goes on for another half hour."""
    columns = (SessionRow.csrf, SessionRow.seen_at, AccountRow.name, AccountRow.board)
    query = (
        select(*columns, AccountRow.person, AccountRow.administrator)
        .join(AccountRow, AccountRow.name == SessionRow.account)
        .where(SessionRow.token_hash == hash_of(token), AccountRow.closed_at.is_(None))
    )
    row = await register.read(lambda db: db.execute(query).one_or_none())
    if row is None or row.seen_at + IDLE < now:
        return None
    if row.seen_at + timedelta(minutes=1) < now:  # not a write for every click
        seen = update(SessionRow).where(SessionRow.token_hash == hash_of(token)).values(seen_at=now)
        await register.write(lambda db: db.execute(seen))
    return SignedIn(Viewer(row.name, row.board, row.person, row.administrator), row.csrf)


async def sign_out(register: Register, token: str) -> bool:
    """End a session; whether it began with single sign-on."""
    ended = delete(SessionRow).where(SessionRow.token_hash == hash_of(token)).returning(SessionRow.single_sign_on)
    return await register.write(lambda db: bool(db.scalar(ended)))


async def roles_in_cases(
    register: Register, person: str, among: Sequence[str] | None = None, *, open_in: str | None = None
) -> dict[str, tuple[str, ...]]:
    """The cases in which a person holds a role, with the roles; only those `among` some, or open ones of a board."""
    query = select(MemberRow.reference, MemberRow.role).where(MemberRow.person == person)
    if open_in is not None:
        query = query.join(CaseRow, CaseRow.reference == MemberRow.reference)
        query = query.where(CaseRow.board == open_in, CaseRow.state == "open")
    if among is not None:
        query = query.where(MemberRow.reference.in_(among))
    found: dict[str, tuple[str, ...]] = {}
    for reference, role in await register.read(lambda db: db.execute(query.order_by(MemberRow.role)).all()):
        found[reference] = (*found.get(reference, ()), role)
    return found


async def note_read(
    register: Register, viewer: Viewer, reference: str, what: str, now: datetime, because: str | None = None
) -> None:
    """Write down that somebody has looked at something of a case."""
    values = {"at": now, "account": viewer.account, "reference": reference, "what": what, "because": because}
    await register.write(lambda db: db.execute(insert(ReadRow), values))


async def reads(
    register: Register, reference: str, limit: int = 500, offset: int = 0, what: str | None = None
) -> list[Read]:
    """Who has looked at what of a case, the latest first; only at `what` where that is given."""
    columns = (ReadRow.at, ReadRow.account, ReadRow.reference, ReadRow.what, ReadRow.because)
    query = select(*columns).where(ReadRow.reference == reference).order_by(ReadRow.number.desc())
    if what is not None:
        query = query.where(ReadRow.what == what)
    query = query.limit(limit).offset(offset)
    return [Read(*row) for row in await register.read(lambda db: db.execute(query).all())]


async def count_reads(register: Register, reference: str) -> int:
    """How often anybody has looked at anything of a case."""
    query = select(func.count()).select_from(ReadRow).where(ReadRow.reference == reference)
    return await register.read(lambda db: db.scalar(query) or 0)


async def emergency(register: Register, viewer: Viewer, reference: str, since: datetime) -> bool:
    """Whether somebody has opened a case in an emergency, with a reason, since an aware moment."""
    query = select(func.count()).select_from(ReadRow)
    query = query.where(ReadRow.reference == reference, ReadRow.account == viewer.account, ReadRow.at >= since)
    return bool(await register.read(lambda db: db.scalar(query.where(ReadRow.what == EMERGENCY))))


EMERGENCY = "emergency access"
"""What a read says that opens a case to somebody who holds no role in it."""


def _is_password(kept: str, password: str) -> bool:
    try:
        return _HASHER.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


def hash_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
