"""Typst, called in one place: a layout and its data → an accessible PDF (PDF/A-2a, PDF/UA-1)."""

import re
import threading
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import typst

from models.refusal import Refusal

_SEGMENTED = 4
_PACKAGE = re.compile(rb'#?(import|include)\s*"@')

MARKING = "OFFICIAL-SENSITIVE"
"""Stands at the head of everything that is confidential."""


class TypesettingError(Refusal):
    """What Typst will not set, in Typst's words: they may quote the text, so they are not for logs.

    `lacks_sign` tells that the fonts cannot show a sign of the text.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.lacks_sign = "could not be displayed" in message


def check_layout(layout: bytes, name: str) -> None:
    """A layout is whole in itself: TypesettingError where it imports a package. `name` is the file's."""
    if _PACKAGE.search(layout):
        raise TypesettingError(f"The layout {name} imports a package: write what it needs into {name}.")


class Typesetter:
    """Sets layouts with the fonts of the folder `fonts` and no others. Safe to share between threads.

    Each thread keeps a compiler, and what is set comes to it as files, not as `sys.inputs`: Typst then knows its own
    library from one letter to the next, which saves a fifth of the time. `typst.compile` with `sys.inputs` besides
    keeps a tenth of a megabyte and more of every letter, for good.
    """

    def __init__(self, fonts: Path) -> None:
        self._fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[fonts])
        signs = [_signs(font.read_bytes()) for font in fonts.glob("*.ttf")]
        self._signs = frozenset.intersection(*signs) if signs else frozenset()
        self._own = threading.local()

    def can_show(self, sign: str) -> bool:
        """Whether every font has this one sign."""
        return ord(sign) in self._signs

    def pdf(self, layout: bytes, files: dict[str, str], on: date) -> bytes:
        """Set a layout and the files that it reads; dated noon UTC of `on`, so the same arguments give the same bytes.

        Raises TypesettingError, without its cause, for what does not pass as an accessible PDF.
        """
        check_layout(layout, "given")
        try:
            pdf: bytes = self._compiler().compile(
                {"main.typ": layout, **{name: text.encode() for name, text in files.items()}},
                format="pdf",
                pdf_standards=["a-2a", "ua-1"],  # a gate: what is not accessible does not go out
                timestamp=datetime.combine(on, time(12), UTC),
            )
        except typst.TypstError as error:
            raise TypesettingError(error.message) from None
        return pdf

    def _compiler(self) -> Any:  # its own types know nothing of several files
        """This thread's compiler: it takes one call at a time."""
        if not hasattr(self._own, "compiler"):
            self._own.compiler = typst.Compiler(b"", font_paths=self._fonts, ignore_system_fonts=True)
        return self._own.compiler


def _signs(font: bytes) -> frozenset[int]:
    """The signs that a TrueType font has: its table `cmap` in format 4, which every such font holds."""
    found: set[int] = set()
    for at in range(12, 12 + 16 * _short(font, 4), 16):
        if font[at : at + 4] == b"cmap":
            cmap = _long(font, at + 8)
            for entry in range(cmap + 4, cmap + 4 + 8 * _short(font, cmap + 2), 8):
                table = cmap + _long(font, entry + 4)
                if _short(font, table) == _SEGMENTED:
                    found |= _segments(font, table)
    return frozenset(found)


def _segments(font: bytes, table: int) -> set[int]:
    """The signs of all segments that have a glyph; 0 is the glyph of what is missing."""
    count = _short(font, table + 6) // 2
    columns = [table + 14, *(table + 16 + 2 * count * number for number in (1, 2, 3))]
    found: set[int] = set()
    for end_at, start_at, delta_at, offset_at in (tuple(at + 2 * n for at in columns) for n in range(count)):
        start, delta, offset = _short(font, start_at), _short(font, delta_at), _short(font, offset_at)
        for sign in range(start, min(_short(font, end_at), 0xFFFE) + 1):
            glyph = _short(font, offset_at + offset + 2 * (sign - start)) if offset else (sign + delta) & 0xFFFF
            if glyph:
                found.add(sign)
    return found


def _short(font: bytes, at: int) -> int:
    return int.from_bytes(font[at : at + 2])


def _long(font: bytes, at: int) -> int:
    return int.from_bytes(font[at : at + 4])
