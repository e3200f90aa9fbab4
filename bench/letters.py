"""Letters a second on one core: all of a letter, and its PDF alone."""

import time
from collections.abc import Callable
from datetime import date

from activities.outbox import compose
from activities.rendering import Renderer
from library import Library
from models.letters import LetterOrder


def measure(seconds: float) -> list[tuple[str, int]]:
    """Letters made in a second of processor time; no two are the same."""
    library = Library()
    board = library.board("demo")
    renderer = Renderer(library.letter_folders("demo"), library.fonts)
    sender, recipient = board.correspondent("chair"), board.correspondent("lscb")
    facts = {"step_title": "Decide", "row": "002-4", "who": "Chair"}
    order = LetterOrder(
        id="decide.lscb", template="decision-notice", sender="chair", recipient="lscb", on=date.today(), facts=facts
    )

    def render(number: int) -> object:
        return renderer.render(order, f"DEMO-2026-{number:05d}", board, sender, recipient, None)

    def email(number: int) -> object:
        reference = f"DEMO-2026-{number:05d}"
        rendered = renderer.render(order, reference, board, sender, recipient, None)
        return compose(reference, order, rendered, sender, recipient)

    return [
        ("letters as text, HTML and PDF/UA", _rate(render, seconds)),
        ("the same as an e-mail with the PDF attached", _rate(email, seconds)),
    ]


def _rate(work: Callable[[int], object], seconds: float) -> int:
    work(0)
    done, began = 0, time.process_time()
    while time.process_time() - began < seconds:
        done += 1
        work(done)
    return round(done / (time.process_time() - began))
