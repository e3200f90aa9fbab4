"""The activities of the plain workflow: a row in a database, a letter in a folder."""

import asyncio
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from temporalio import activity

from activities.outbox import write_eml
from activities.rendering import Renderer
from library import Library
from models.letters import LetterOrder


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
    """Make the table, with the same care for what was acknowledged as the register's."""
    with closing(sqlite3.connect(data / "plain.db")) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE decisions (reference TEXT, number INTEGER, text TEXT)")


def _insert(write: Write) -> None:
    with closing(sqlite3.connect(folder() / "plain.db", timeout=30)) as db:
        db.execute("PRAGMA synchronous=FULL")
        with db:
            db.execute("INSERT INTO decisions VALUES (?, ?, ?)", (write.reference, write.number, write.text))


@activity.defn
async def write_down(write: Write) -> None:
    """Keep a decision."""
    await asyncio.to_thread(_insert, write)


class _Office:
    """The board and the renderer, loaded once."""

    def __init__(self) -> None:
        library = Library(folder())
        self.board = library.board("demo")
        self.renderer = Renderer(library.letter_folders("demo"), library.fonts)
        self.titles = {step.id: step for step in library.procedure("bench").step}


_office: list[_Office] = []


def _send(letter: Letter) -> None:
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
    write_eml(folder() / "outbox", letter.reference, order, rendered, sender, recipient)


@activity.defn
async def send_letter(letter: Letter) -> None:
    """Render a letter and write it into the outbox."""
    await asyncio.to_thread(_send, letter)
