"""Documents read in the child process, and what hostile files do to it. All people and places are invented."""

import asyncio
import signal
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from papers import docx, paragraph, pdf, raw_pdf

from documents import text as reading
from documents.kinds import LARGEST, DocumentRefused, Kind
from documents.text import read, text_of

ROOT = Path(__file__).resolve().parent.parent


async def test_the_child_reads_like_its_parent() -> None:
    for content, kind in ((pdf("Dŵr, Ottilie"), "pdf"), (docx(paragraph("Dŵr")), "docx"), (b"words", "text")):
        known: Kind = kind  # type: ignore[assignment]
        assert await text_of(content, known) == read(content, known)


def bomb_stream(size: int) -> bytes:
    packed = zlib.compress(b" " * size, 9)
    return b"<</Filter /FlateDecode /Length %d>>\nstream\n%s\nendstream" % (len(packed), packed)


CATALOG = b"<</Type /Catalog /Pages 2 0 R>>"
HOSTILE = {
    "a circular page tree": raw_pdf(CATALOG, b"<</Type /Pages /Kids [2 0 R] /Count 1>>"),
    "a page tree with itself far below": raw_pdf(
        CATALOG, b"<</Type /Pages /Kids [3 0 R 3 0 R] /Count 9>>", b"<</Type /Pages /Kids [2 0 R 2 0 R] /Count 9>>"
    ),
    "a bomb": raw_pdf(
        CATALOG,
        b"<</Type /Pages /Kids [3 0 R] /Count 1>>",
        b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R>>",
        bomb_stream(1_000_000_000),
    ),
    "garbage for a table": b"%PDF-1.7\n" + bytes(range(256)) * 50 + b"xref\n0 99999999\nstartxref\n7\n%%EOF",
    "only a head": b"%PDF-1.7\n%%EOF",
    "no pages": raw_pdf(CATALOG, b"<</Type /Pages /Kids [] /Count 0>>"),
    "cut off": pdf("Hello", "there")[:-700],
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_pdf_is_refused_and_says_nothing(content: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DocumentRefused, match="PDF") as refused:
        await text_of(content, "pdf")
    assert refused.value.__cause__ is None
    assert capfd.readouterr() == ("", "")


async def test_a_docx_that_is_none_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="damaged"):
        await text_of(b"PK\x03\x04 and no more", "docx")


async def test_too_much_text_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="more text"):
        await text_of(b"word " * 4_100_000, "text")


@pytest.mark.slow
async def test_memory_is_limited() -> None:
    # eight million elements, packed small, of more than a hundred bytes each
    content = docx("<w:x a='1'/>" * 7_500_000)
    assert len(content) < LARGEST
    with pytest.raises(DocumentRefused, match="cannot be read"):
        await text_of(content, "docx")


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[asyncio.subprocess.Process]:
    """The child processes of a test, each of which never answers."""
    started: asyncio.Queue[asyncio.subprocess.Process] = asyncio.Queue()
    start = asyncio.create_subprocess_exec

    async def start_a_mute(*_: Any, **pipes: Any) -> asyncio.subprocess.Process:
        child = await start(sys.executable, "-c", "import signal; signal.pause()", **pipes)
        started.put_nowait(child)
        return child

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start_a_mute)
    return started


async def test_a_child_that_does_not_answer_is_ended(
    children: asyncio.Queue[asyncio.subprocess.Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "WALL_SECONDS", 0.05)
    with pytest.raises(DocumentRefused, match="cannot be read"):
        await text_of(b"words", "text")
    assert children.get_nowait().returncode == -signal.SIGKILL


async def test_a_child_whose_parent_is_cancelled_is_ended(children: asyncio.Queue[asyncio.subprocess.Process]) -> None:
    reader = asyncio.create_task(text_of(b"words", "text"))
    child = await children.get()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert child.returncode == -signal.SIGKILL


def test_the_child_limits_itself() -> None:
    code = (
        "import resource, documents.text as t; t._limit();"
        "print([resource.getrlimit(r)[1] for r in (resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)])"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    assert said.stdout.strip() == str([reading.PROCESSOR_SECONDS, 0, 0])
