"""The text of a document by page, read in a child process with limits: a hostile file takes only the child down.

`python -m documents.text KIND` is that child: the document on standard input, JSON on standard output.
"""

import asyncio
import resource
import sys
from pathlib import Path

from pydantic import BaseModel, ValidationError

from documents.kinds import DocumentRefused, Kind, text_in
from documents.office import text_of_docx, text_of_xlsx
from documents.pdf import text_of_pdf
from models.anonymity import DocumentText

PROCESSOR_SECONDS = 30
WALL_SECONDS = 60.0
MEMORY = 1_500_000_000  # bytes of address space
MOST_TEXT = 20_000_000  # characters

_CALLED: dict[Kind, str] = {"pdf": "PDF", "docx": "DOCX", "xlsx": "XLSX", "text": "plain text in UTF-8"}
_ROOT = Path(__file__).resolve().parent.parent


class _Answer(BaseModel):
    """What the child says: the text, or why it refuses."""

    text: DocumentText | None = None
    refused: str | None = None


async def text_of(content: bytes, kind: Kind) -> DocumentText:
    """The text of a document of which `documents.kinds.checked` has told the kind.

    Takes at most `WALL_SECONDS`. Raises DocumentRefused for what cannot be read, in one sentence without its text.
    """
    unreadable = DocumentRefused(f"This document cannot be read: save it anew as {_CALLED[kind]} and send it again.")
    # -P: nothing is imported from the folder that the worker happens to run in
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-B", "-P", "-m", "documents.text", kind),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # what goes wrong there may quote the document
        env={"PYTHONPATH": str(_ROOT), "PYTHONHASHSEED": "0"},
        cwd="/",
    )
    try:
        async with asyncio.timeout(WALL_SECONDS):
            said, _ = await child.communicate(content)
    except TimeoutError:
        raise unreadable from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode != 0:
        raise unreadable
    try:
        answer = _Answer.model_validate_json(said)
    except ValidationError:
        raise unreadable from None  # its cause would quote the document
    if answer.text is None:
        raise DocumentRefused(answer.refused or str(unreadable))
    return answer.text


def read(content: bytes, kind: Kind) -> DocumentText:
    """The text of a document, read here and now: for the child. Raises DocumentRefused, or anything for a bad file."""
    match kind:
        case "pdf":
            return text_of_pdf(content)
        case "docx":
            return text_of_docx(content)
        case "xlsx":
            return text_of_xlsx(content)
        case "text":
            return _of_plain_text(content)


def _of_plain_text(content: bytes) -> DocumentText:
    text = text_in(content)
    if text is None:
        raise DocumentRefused("This is not plain text: save it as plain text in UTF-8.")
    pages = tuple(text.split("\f"))
    return DocumentText(pages=pages, paged=len(pages) > 1)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it writes no files
    if sys.platform == "linux":  # macOS refuses this one
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _main(kind: Kind) -> None:
    _limit()
    try:
        text = read(sys.stdin.buffer.read(), kind)
        if sum(map(len, (*text.pages, *(part.text for part in text.hidden)))) > MOST_TEXT:
            raise DocumentRefused("This document has more text than can be searched: send it in parts.")  # noqa: TRY301
        answer = _Answer(text=text)
    except DocumentRefused as refusal:
        answer = _Answer(refused=str(refusal))
    sys.stdout.write(answer.model_dump_json())


if __name__ == "__main__":
    _main(sys.argv[1])  # type: ignore[arg-type]
