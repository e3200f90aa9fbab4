"""Sending the letters of a case: who writes to whom comes from board and referral, the text from the template."""

import asyncio
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from temporalio import activity

from activities.outbox import write_eml
from activities.rendering import LetterError, Renderer
from library import Library
from models import messages
from models.board import Board
from models.letters import Correspondent, LetterOrder, LetterReport
from models.messages import Mail
from models.refusal import Refusal
from register.errors import RegisterError
from register.sealed import SealError
from register.store import Register

FROM_REFERRAL = ("referrer", "family")
"""Roles whose address the referral gives."""


class LetterActivities:
    """The activities that send letters; the outbox is a folder of e-mail files."""

    def __init__(self, library: Library, register: Register, outbox: Path) -> None:
        self._library = library
        self._register = register
        self._outbox = outbox
        self._renderers: dict[str, Renderer] = {}

    @activity.defn(name=messages.SEND_LETTERS)
    async def send(self, mail: Mail) -> list[LetterReport]:
        """Send letters, each once however often this is tried, and report on each.

        What is wrong for good (wording, address, no referral) is reported and becomes a person's task; what may pass
        (a full disk) is raised when the others have gone, and the engine tries again.
        """
        try:
            referral = await self._register.referral(mail.reference)
        except (RegisterError, SealError):
            referral = None  # letters that need nothing of it go all the same
        reports, passing = [], None
        for order in mail.letters:
            try:
                reports.append(await asyncio.to_thread(self._send, mail, order, referral))
            except OSError as error:
                passing = error
        if passing is not None:
            raise passing
        return reports

    def _send(self, mail: Mail, order: LetterOrder, referral: dict[str, Any] | None) -> LetterReport:
        try:
            board = self._library.board(mail.board)
            sender = board.correspondent(order.sender, _holding(order, order.sender, order.signers))
            recipient = _recipient(board, order, referral)
            child = referral.get("child") if referral else None
            rendered = self._renderer(board.id).render(order, mail.reference, board, sender, recipient, child)
            _, sha256 = write_eml(self._outbox, mail.reference, order, rendered, sender, recipient)
        except ValidationError:  # its text would quote the referral
            because = f"The referral's address for {order.recipient!r} is incomplete: send this letter by hand."
            return LetterReport(letter=order.id, because=because)
        except (Refusal, LetterError, ValueError) as error:
            return LetterReport(letter=order.id, because=str(error))
        return LetterReport(letter=order.id, sha256=sha256)

    def _renderer(self, board: str) -> Renderer:
        if board not in self._renderers:
            self._renderers[board] = Renderer(self._library.letter_folders(board), self._library.fonts)
        return self._renderers[board]


def _recipient(board: Board, order: LetterOrder, referral: dict[str, Any] | None) -> Correspondent:
    if order.recipient in FROM_REFERRAL and referral is None:
        raise LetterError("The referral cannot be read from the register, and it alone has this address.")
    given = referral.get(order.recipient) if referral and order.recipient in FROM_REFERRAL else None
    if given:
        return Correspondent.model_validate(given)
    return board.correspondent(order.recipient, _holding(order, order.recipient, order.holders))


def _holding(order: LetterOrder, role: str, holders: tuple[str, ...]) -> tuple[str, ...] | None:
    """Who holds a role in the case; None, for the board's standing holders, where nobody ever did."""
    return None if not holders and role not in order.vacant else holders
