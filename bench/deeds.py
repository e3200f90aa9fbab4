"""What a decision must have done, whatever engine has it done: a row in a database, a letter in a folder."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Any

from activities import outbox
from activities.rendering import Renderer
from library import Library
from models.letters import LetterOrder

SENDS = "BENCH_SENDS"
"""The environment variable that names the file in which each letter sent is counted."""


@dataclass
class Write:
    """A decision to keep."""

    reference: str
    number: int
    text: str


@dataclass
class Letter:
    """A letter to send, about a step."""

    reference: str
    step: int
    recipient: str


def folder() -> Path:
    """Where this worker keeps its database and its letters."""
    return Path(os.environ["SCR_DATA"])


def make_database(data: Path) -> None:
    """Make the table if it is missing, with the same care for what was acknowledged as the register's."""
    with closing(sqlite3.connect(data / "plain.db", timeout=30)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE IF NOT EXISTS decisions (reference TEXT, number INTEGER, text TEXT)")


def insert(write: Write) -> None:
    """Keep a decision. There is no key: one that is kept twice shows."""
    with closing(sqlite3.connect(folder() / "plain.db", timeout=30)) as db:
        db.execute("PRAGMA synchronous=FULL")
        with db:
            db.execute("INSERT INTO decisions VALUES (?, ?, ?)", (write.reference, write.number, write.text))


class _Office:
    """The board and the renderer, loaded once."""

    def __init__(self) -> None:
        library = Library(folder())
        self.board = library.board("demo")
        self.renderer = Renderer(library.letter_folders("demo"), library.fonts)
        self.titles = {step.id: step for step in library.procedure("bench").step}


_office: list[_Office] = []


def send(letter: Letter) -> None:
    """Render a letter and write it into the outbox."""
    if not _office:
        _office.append(_Office())
    office, step = _office[0], _office[0].titles[f"s{letter.step}"]
    order = LetterOrder(
        id=f"s{letter.step}.{letter.recipient}",
        template="decision-notice",
        sender="chair",
        recipient=letter.recipient,
        on=date.today(),
        facts={"step_title": step.title, "row": step.row or "", "who": "Chair"},
    )
    sender, recipient = office.board.correspondent("chair"), office.board.correspondent(letter.recipient)
    rendered = office.renderer.render(order, letter.reference, office.board, sender, recipient, None)
    outbox.write_eml(folder() / "outbox", letter.reference, order, rendered, sender, recipient)
    outbox.keep(folder() / "outbox", letter.reference)


def count_sends() -> None:
    """Have every letter that this process puts into an outbox counted, if the environment says where.

    The file of a letter is written once; a mail server would have sent it again. So what is counted is the calls.
    """
    if SENDS in os.environ:
        outbox.write_eml = _counted(outbox.write_eml)


def note_send(letter: str) -> None:
    """Count a letter as sent, on the disk."""
    handle = os.open(os.environ[SENDS], os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.write(handle, f"{letter}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def _counted(write_eml: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(write_eml)
    def written(to: Path, reference: str, order: LetterOrder, *rest: Any) -> Any:
        result = write_eml(to, reference, order, *rest)
        note_send(f"{reference}/{order.id}")
        return result

    return written
