"""Documents and sheets as they are handed in: their bytes changed, or the parts of their archives."""

import asyncio
import zipfile
from datetime import date
from io import BytesIO
from random import Random
from typing import Any

from chronologies import TITLES, TODAY, chronologies
from papers import archive, docx, paragraph, pdf, xlsx

from documents.chronology_files import as_xlsx, blank_xlsx
from documents.kinds import checked
from documents.spreadsheets import read_sheet
from documents.text import text_of as text_of_document
from fuzz.driver import Target
from fuzz.mutating import ODD, bytes_of, text_of
from models.chronology import merge
from models.chronology_rows import read_rows

ROWS: list[list[Any]] = [
    ["Date", "Time", "End date", "Event", "Source", "Significance"],
    [date(2013, 8, 5), "09:30", "", "New birth visit.", "HV 101", ""],
    ["5/8/2013", "", "9/8/2013", "Home visit; card left.", "HV 108", "None"],
    ["2013-08", "", "", "Seen, and heard.", "HV 3", ""],
]
CSV = "Date,Time,End date,Event,Source,Significance\n5/8/2013,14:30,,Seen by a nurse,HV 1,None\n2013,,,Moved,HV 2,\n"
NAMES = (
    "sheet.xlsx",
    "sheet.csv",
    "report.pdf",
    "report.docx",
    "notes.txt",
    "a",
    "",
    "x.exe",
    "\u202exslx.scr",
    "a.b.c",
)


def unpacked(content: bytes) -> dict[str, bytes]:
    """The parts of an archive."""
    with zipfile.ZipFile(BytesIO(content)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def repacked(random: Random, parts: dict[str, bytes]) -> bytes:
    """An archive with one or two of its parts changed, taken out, or called otherwise."""
    parts = dict(parts)
    for _ in range(random.choice((1, 1, 2))):
        name = random.choice(list(parts))
        match random.randrange(8):
            case 0:
                del parts[name]
            case 1:
                parts[random.choice((*parts, *ODD[:30], "../up", "xl/vbaProject.bin"))] = parts[name]
            case 2 | 3:
                parts[name] = bytes_of(random, [parts[name], *parts.values()])
            case _:
                text = parts[name].decode("utf-8", "replace")
                parts[name] = text_of(random, [text]).encode("utf-8", "surrogatepass") if text else b"<"
        if not parts:
            return b"PK\x03\x04"
    names = {name[:200].replace("\0", "") or "x": part for name, part in parts.items()}
    return archive({name.encode("utf-8", "replace").decode(): part for name, part in names.items()})


class Sheets(Target):
    """A sheet as agencies hand it in, and the chronology that is read from it."""

    name, share = "spreadsheets", 14
    seconds, may_end_all = 4.0, True

    def __init__(self) -> None:
        merged = as_xlsx(merge(chronologies()), "SCR-2013-001", TITLES, True, TODAY)
        self._whole = (xlsx(ROWS), merged, blank_xlsx())
        self._parts = [unpacked(xlsx(ROWS)), unpacked(blank_xlsx())]
        self._texts = (CSV, CSV.replace(",", ";"), CSV.replace(",", "\t"), CSV.replace("\n", "\r\n"))

    def make(self, random: Random) -> tuple[bytes, str]:
        """The content of a file and its name."""
        match random.randrange(5):
            case 0:
                content = text_of(random, self._texts).encode("utf-8", "surrogatepass")
            case 1:
                content = bytes_of(random, self._whole)
            case _:
                content = repacked(random, random.choice(self._parts))
        return content, random.choice(NAMES[:2]) if random.random() < 0.9 else random.choice(NAMES)

    def give(self, made: Any) -> None:
        rows = read_sheet(*made)
        assert len(rows) <= 20_001
        entries = read_rows("health", rows, TODAY)
        merge({"health": list(entries)})


class Kinds(Target):
    """What kind of document something is, which is told in the service's own process."""

    name, share = "kinds of documents", 14.0

    def __init__(self) -> None:
        words = docx(paragraph("Seen on 5 August 2013."))
        self._samples = (pdf("Seen on 5 August 2013.", "Page two"), words, xlsx(ROWS), CSV.encode())
        self._parts = [unpacked(words), unpacked(xlsx(ROWS))]

    def make(self, random: Random) -> tuple[bytes, str]:
        """The content of a file and its name."""
        by_parts = random.random() < 0.5
        content = repacked(random, random.choice(self._parts)) if by_parts else bytes_of(random, self._samples)
        return content, random.choice(NAMES)

    def give(self, made: Any) -> None:
        assert checked(*made) in ("pdf", "docx", "xlsx", "text")


class Documents(Kinds):
    """The text of a document, which a child process reads."""

    name, share = "text of documents", 0.25

    def give(self, made: Any) -> None:
        kind = checked(made[0], "")
        asyncio.run(text_of_document(made[0], kind))
