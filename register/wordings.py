"""The wording of letters that a board's people edit in the browser: numbered versions that are only ever added."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, tuple_

from models.refusal import Refusal
from register.store import Register
from register.tables import WordingRow

_COLUMNS = (
    WordingRow.letter,
    WordingRow.version,
    WordingRow.at,
    WordingRow.by,
    WordingRow.because,
    WordingRow.source,
)


class Wording(NamedTuple):
    """A version of a letter's wording, who of the board saved it and why (empty where they did not say).

    `source` is None where the letter went back to the wording of the files.
    """

    letter: str
    version: int
    at: datetime
    by: str
    because: str
    source: str | None


class Overtaken(Refusal):
    """Somebody else saved a version while this one was being written."""


async def in_use(register: Register, board: str) -> dict[str, Wording]:
    """The newest version of each letter of a board that was ever edited, by the letter's name."""
    newest = select(WordingRow.letter, func.max(WordingRow.version)).where(WordingRow.board == board)
    which = tuple_(WordingRow.letter, WordingRow.version).in_(newest.group_by(WordingRow.letter))
    query = select(*_COLUMNS).where(WordingRow.board == board, which)
    rows = await register.read(lambda db: db.execute(query).all())
    return {row.letter: Wording(*row) for row in rows}


async def versions(register: Register, board: str, letter: str) -> list[Wording]:
    """The versions of a letter, the newest first; empty where it was never edited."""
    return await register.read(lambda db: _versions(db, board, letter))


async def newest(register: Register, board: str, letter: str) -> Wording | None:
    """The newest version of a letter; None where it was never edited."""
    return next(iter(await versions(register, board, letter)), None)


async def save(register: Register, board: str, wording: Wording) -> Wording:
    """Add a version whose number is one more than that of the version it was written from; give what is kept.

    The same again from the same person, as a double click sends it, changes nothing. Raises Overtaken where another
    version was saved meanwhile, Refusal where it says what is in use.
    """

    def write(db: Connection) -> Wording:
        known = next(iter(_versions(db, board, wording.letter)), None)
        number, said = (known.version, known.source) if known else (0, None)
        if known and (known.version, known.by, known.source) == (wording.version, wording.by, wording.source):
            return known
        if number != wording.version - 1:
            raise Overtaken(
                f"Version {number} was saved meanwhile: look at what it says differently, then save yours again."
            )
        if said == wording.source:
            raise Refusal("This is the wording that is in use: change it before you save it.")
        db.execute(insert(WordingRow), {"board": board, **wording._asdict()})
        return wording

    return await register.write(write)


def _versions(db: Connection, board: str, letter: str) -> list[Wording]:
    query = select(*_COLUMNS).where(WordingRow.board == board, WordingRow.letter == letter)
    return [Wording(*row) for row in db.execute(query.order_by(WordingRow.version.desc()))]
