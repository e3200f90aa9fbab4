"""Reads what a board brings as files: procedures, boards, calendars, wording. The only place that knows their folders.

The product's own folders come first; a folder of the same name in the data folder adds to them and wins.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from models.board import Board, read_board
from models.calendar import Calendar, read_calendar
from models.check import Problem, check
from models.procedure import Procedure, ProcedureError, read_procedure
from models.refusal import Refusal

_T = TypeVar("_T")
ROOT = Path(__file__).resolve().parent


class NotInLibrary(Refusal):
    """A name that no file has; the message says which there are."""


def data_folder() -> Path:
    """Where the register, the outbox and a board's own files are: `SCR_DATA`, else `.data` in the project."""
    return Path(os.environ.get("SCR_DATA") or ROOT / ".data").resolve()


class Library:
    """The files of the product and of one data folder."""

    def __init__(self, own: Path | None = None) -> None:
        self._folders = [folder for folder in (own, ROOT) if folder is not None]
        self._read: dict[tuple[str, str], tuple[object, Any]] = {}

    def _files(self, kind: str) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for folder in reversed(self._folders):
            found |= {path.stem: path for path in sorted((folder / kind).glob("*.toml"))}
        return found

    def _one(self, kind: str, name: str, read: Callable[[str], _T], besides: object = None) -> _T:
        """What a file says; read again only when it has changed, or what it depends on `besides`."""
        files = self._files(kind)
        if name not in files:
            raise NotInLibrary(f"There is no {name!r} in {kind}; there are {', '.join(files)}.")
        found = files[name].stat()
        stamp = (files[name], found.st_ino, found.st_mtime_ns, found.st_size, besides)
        known = self._read.get((kind, name))
        if known is None or known[0] != stamp:
            known = (stamp, read(files[name].read_text(encoding="utf-8")))
            self._read[kind, name] = known
        said: _T = known[1]
        return said

    def procedures(self) -> dict[str, Path]:
        """The files of all procedures by id."""
        return self._files("procedures")

    def procedure(self, name: str) -> Procedure:
        """A procedure by id, checked: a faulty one would open cases that cannot go on.

        Raises NotInLibrary, ProcedureError.
        """
        file, templates = f"{name}.toml", frozenset(self.templates())

        def read(text: str) -> Procedure:
            procedure = read_procedure(text, file)
            problems = check(procedure, file, set(templates))
            if problems:
                raise ProcedureError("\n".join(map(str, problems)))
            return procedure

        return self._one("procedures", name, read, templates)

    def misfits(self, text: str, name: str) -> list[Problem]:
        """What is wrong with a sound procedure's place among the other files: its own name, its calendar."""
        procedure, stem = read_procedure(text, name), name.removesuffix(".toml")
        found = []
        if procedure.id != stem:
            found.append(Problem(name, "id", f'"{procedure.id}" is not the file\'s name', f'write "{stem}"'))
        if procedure.calendar not in self._files("calendars"):
            cure = f"write one of {', '.join(self._files('calendars'))}, or put yours in calendars"
            found.append(Problem(name, "calendar", f'there is no calendar "{procedure.calendar}"', cure))
        return found

    def boards(self) -> dict[str, Path]:
        """The files of all boards by id."""
        return self._files("boards")

    def board(self, name: str) -> Board:
        """A board by id. Raises NotInLibrary, BoardError."""
        return self._one("boards", name, read_board)

    def calendar(self, name: str) -> Calendar:
        """A calendar by name. Raises NotInLibrary, CalendarError."""
        return self._one("calendars", name, read_calendar)

    def letter_folders(self, board: str) -> list[Path]:
        """Where a board's letters are looked for, its own wording first."""
        own = [folder / "boards" / board / "letters" for folder in self._folders]
        return [folder for folder in [*own, *self._letters()[:-1]] if folder.is_dir()] + self._letters()[-1:]

    def letters(self, board: str) -> dict[str, Path]:
        """The files of the letters that a board can send, its own wording before any other, by the letter's name."""
        folders = reversed(self.letter_folders(board))
        return {path.name.removesuffix(".md.j2"): path for folder in folders for path in folder.glob("*.md.j2")}

    def templates(self) -> set[str]:
        """The names of the letters that every board can send, those added in the data folder included."""
        return {path.name.removesuffix(".md.j2") for folder in self._letters() for path in folder.glob("*.md.j2")}

    def _letters(self) -> list[Path]:
        """The folders of letters for every board: that of the data folder, then the product's own."""
        return [folder / "letters" for folder in self._folders if folder != ROOT] + [ROOT / "templates" / "letters"]

    @property
    def fonts(self) -> Path:
        """The fonts of the letters."""
        return ROOT / "templates" / "fonts"
