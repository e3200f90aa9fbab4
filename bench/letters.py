"""Letters a second on one core: text, HTML and PDF, the whole e-mail, and the same letters set by WeasyPrint.

`python -m bench.letters SECONDS ROUNDS` measures and prints JSON; it needs the packages of bench/requirements.txt.
"""

import io
import json
import sys
import time
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import pypdf

from activities.outbox import compose
from activities.rendering import Renderer
from bench import environments, story
from bench.rates import Found, Work, rates, rows
from bench.report import plain_table
from library import Library
from models.letters import LetterOrder, RenderedLetter

WORDS, OURS, MAIL = "text and HTML", "text, HTML and PDF (PDF/A-2a and PDF/UA-1)", "the whole e-mail, PDF attached"
VARIANTS = {
    "text, HTML and PDF by WeasyPrint (PDF/A-2a)": "pdf/a-2a",
    "text, HTML and PDF by WeasyPrint (PDF/UA-1)": "pdf/ua-1",
    "text, HTML and PDF by WeasyPrint (neither, no tags)": None,
}


def compare(quick: bool) -> tuple[str, dict[str, object]]:
    """The figures as a table and for JSON. Raises NoEnvironment."""
    seconds, rounds = ("0.3", "3") if quick else ("2", "9")
    requirements = Path(__file__).with_name("requirements.txt")
    found: Found = json.loads(environments.run("bench", requirements, "-m", "bench.letters", seconds, rounds))
    sizes = {name: int(found.pop(f"bytes: {name}")[0]) for name in (OURS, *VARIANTS) if name in found}
    theirs = [name for name in VARIANTS if name in found]
    ratios = {name: [a / b for a, b in zip(found[OURS], found[name], strict=True)] for name in theirs}
    said: dict[str, object] = {f"ratio to {name}": round(median(each), 2) for name, each in ratios.items()}
    said |= {name: round(median(each), 1) for name, each in found.items()}
    beside = [(name, f"{median(x):.2f}", f"{min(x):.2f} to {max(x):.2f}") for name, x in ratios.items()]
    text = plain_table(("our letters a second, divided by", "median ratio", "range"), beside)
    text += "\n\n" + plain_table(("letters as", "a second, one core", "range"), rows(found))
    return text + "\n\n" + plain_table(("PDF of", "bytes"), list(sizes.items())), said


class _WordsAlone(Renderer):
    """Makes the words of a letter, and no PDF."""

    def _typeset(self, name: str, letter: dict[str, Any], on: date) -> bytes:
        return b""


class _Letters:
    """One letter after another, no two the same, by any renderer."""

    def __init__(self) -> None:
        board = Library().board("demo")
        self._board, self._sender = board, board.correspondent("chair")
        self._to = [board.correspondent(role) for role in story.RECIPIENTS]
        facts = {
            "procedure_title": "A story of twenty decisions",
            "step_title": "Piece of work number 5",
            "row": "b-5",
            "who": "Chair",
            "outcome": "It is done",
            "reason": story.REASON,
            "decided_on": "2026-11-20",
            "notified_on": "2026-11-02",
        }
        self._order = LetterOrder(
            id="s5.lscb", template="decision-notice", sender="chair", recipient="lscb", on=date.today(), facts=facts
        )

    def make(self, renderer: Renderer, number: int) -> RenderedLetter:
        """The letter of a number."""
        reference, to = f"DEMO-2026-{number:05d}", self._to[number % len(self._to)]
        return renderer.render(self._order, reference, self._board, self._sender, to, None)

    def mail(self, renderer: Renderer, number: int) -> bytes:
        """Its e-mail."""
        letter, to = self.make(renderer, number), self._to[number % len(self._to)]
        return compose(f"DEMO-2026-{number:05d}", self._order, letter, self._sender, to)


def measure(seconds: float, rounds: int) -> Found:
    """Letters a second of processor time, and the size of a PDF. Raises ValueError where PDFs say different things."""
    library, letters = Library(), _Letters()
    folders, fonts = library.letter_folders("demo"), library.fonts
    ours = Renderer(folders, fonts)
    setters = {OURS: ours} | _by_weasyprint(folders, fonts)
    pdfs = {name: letters.make(setter, 1).pdf for name, setter in setters.items()}
    for name, pdf in pdfs.items():
        if _said(pdf) != _said(pdfs[OURS]):
            raise ValueError(f"The PDF of {name} says other words than ours, or on other pages.")
    words = _WordsAlone(folders, fonts)
    work = {WORDS: Work(lambda n: letters.make(words, n)), MAIL: Work(lambda n: letters.mail(ours, n))}
    work |= {name: Work(lambda n, by=setter: letters.make(by, n)) for name, setter in setters.items()}  # type: ignore[misc]
    found = rates(work, seconds, rounds, time.process_time)
    return found | {f"bytes: {name}": [len(pdf)] for name, pdf in pdfs.items()}


def _by_weasyprint(folders: list[Path], fonts: Path) -> dict[str, Renderer]:
    try:
        from bench.weasy import ByWeasyPrint
    except OSError as error:  # it looks for Pango when it is imported
        print(f"WeasyPrint is NOT measured: {error}", file=sys.stderr)
        return {}
    return {name: ByWeasyPrint(folders, fonts, variant) for name, variant in VARIANTS.items()}


def _said(pdf: bytes) -> list[list[str]]:
    """The signs of each page, sorted: two layouts need not have the same order of reading."""
    return [sorted("".join(page.extract_text().split())) for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]


if __name__ == "__main__":
    print(json.dumps(measure(float(sys.argv[1]), int(sys.argv[2]))))
