"""The chain of one case as it stands in the register, for those who check it elsewhere."""

from typing import NamedTuple

from sqlalchemy import select

from register.store import Register
from register.tables import EventRow


class Link(NamedTuple):
    """An event as it was hashed: `body` is its canonical JSON, `previous` the hash before it (hexadecimal)."""

    seq: int
    previous: str
    hash: str
    body: str


async def links(register: Register, reference: str) -> list[Link]:
    """The events of a case with their hashes, in order."""
    columns = (EventRow.seq, EventRow.previous, EventRow.hash, EventRow.body)
    query = select(*columns).where(EventRow.reference == reference).order_by(EventRow.seq)
    return [Link(*row) for row in await register.read(lambda db: db.execute(query).all())]
