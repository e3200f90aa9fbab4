"""Letters from wording that was edited in the browser, made in a child process with limits: it takes only itself down.

`python -m activities.safe_rendering SECONDS` is that child, which may compute for so long: what is asked as JSON on
standard input, the answer as JSON on standard output.
"""

import resource
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from activities.rendering import FillingError, LetterError, Renderer
from models.board import Board
from models.letters import Correspondent, LetterOrder, RenderedLetter

PROCESSOR_SECONDS = 5
WALL_SECONDS = 60.0
MEMORY = 1_500_000_000
"""Bytes of address space."""
LONGEST = 100_000
"""Characters of a letter as it is read: some forty pages."""

_AT_ONCE = threading.BoundedSemaphore(2)  # whoever sends many forms fills no machine with children
_ROOT = Path(__file__).resolve().parent.parent


class Given(BaseModel):
    """What a letter is made from beside its wording, as `Renderer.render` takes it.

    `told` says in words what is special about these facts, for a refusal; empty for a real case.
    """

    order: LetterOrder
    reference: str
    board: Board
    sender: Correspondent
    recipient: Correspondent
    child: dict[str, Any] | None = None
    told: str = ""

    @property
    def arguments(
        self,
    ) -> tuple[LetterOrder, str, Board, Correspondent, Correspondent, dict[str, Any] | None]:
        """The arguments of `Renderer.render`, but the wording."""
        return self.order, self.reference, self.board, self.sender, self.recipient, self.child


class _Asked(BaseModel):
    folders: list[Path]
    fonts: Path
    wording: str
    rendered: Sequence[Given]
    filled: Sequence[Given]


class _Letter(RenderedLetter):
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")


class _Answer(BaseModel):
    """What the child says: the letters, or why it refuses; `filling` where the facts would not fill the template."""

    letters: list[_Letter] = []
    refused: str | None = None
    filling: bool = False


def make(
    folders: list[Path], fonts: Path, wording: str, rendered: Sequence[Given], filled: Sequence[Given] = ()
) -> list[RenderedLetter]:
    """The letters that a wording (the source of a template) makes of what is given; `filled` are tried, not set.

    Takes at most `WALL_SECONDS`. Raises LetterError for what cannot be made, FillingError where that is the facts'.
    """
    asked = _Asked(folders=folders, fonts=fonts, wording=wording, rendered=rendered, filled=filled)
    too_much = LetterError(
        f'The letter "{rendered[0].order.template}" takes too much time or memory to make: '
        "take out what repeats itself."
    )
    try:
        with _AT_ONCE:
            answer = _Answer.model_validate_json(_child(asked.model_dump_json()))
    except (subprocess.SubprocessError, ValidationError):
        raise too_much from None  # its cause would quote the letter
    if answer.refused is not None:
        raise (FillingError if answer.filling else LetterError)(answer.refused)
    return [RenderedLetter.model_validate(dict(letter)) for letter in answer.letters]


def _child(asked: str) -> bytes:
    """What a child says to what it is asked. Raises SubprocessError where it does not come to an end of its own."""
    return subprocess.run(
        # -P: nothing is imported from the folder that the caller happens to run in
        [sys.executable, "-B", "-P", "-m", "activities.safe_rendering", str(PROCESSOR_SECONDS)],
        input=asked.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what goes wrong there may quote the letter
        env={"PYTHONPATH": str(_ROOT), "PYTHONHASHSEED": "0"},
        cwd="/",
        timeout=WALL_SECONDS,
        check=True,
    ).stdout


def _made(asked: _Asked) -> _Answer:
    renderer, letters = Renderer(asked.folders, asked.fonts), []
    for number, one in enumerate([*asked.rendered, *asked.filled]):
        try:
            if number < len(asked.rendered):
                letters.append(_Letter.model_validate(dict(_short(renderer.render(*one.arguments, asked.wording)))))
            else:
                renderer.fill(*one.arguments, asked.wording)
        except LetterError as error:
            tried = f" (tried with {one.told})." if one.told else "."
            return _Answer(refused=str(error).rstrip(".") + tried, filling=isinstance(error, FillingError))
    return _Answer(letters=letters)


def _short(letter: RenderedLetter) -> RenderedLetter:
    if len(letter.text) > LONGEST:
        raise LetterError(f"A letter has at most {LONGEST:,} characters: take out what repeats itself.")
    return letter


def _limit(seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it writes no files
    if sys.platform == "linux":  # macOS refuses this one
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    _limit(int(sys.argv[1]))
    print(_made(_Asked.model_validate_json(sys.stdin.buffer.read())).model_dump_json(), end="")
