"""Sending the letters of a case: who writes to whom comes from board and referral, the text from the template."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from temporalio import activity

from activities import outbox
from activities.rendering import FillingError, LetterError, Renderer
from activities.safe_rendering import Given, make
from library import Library
from mail.carriers import Carrier, Held, NotTaken, OutboxFolder
from mail.dispatch import Dispatch
from models import messages
from models.board import Board
from models.letters import Correspondent, LetterOrder, LetterReport, RenderedLetter
from models.messages import Mail
from models.refusal import Refusal
from register import deliveries, wordings
from register.deliveries import Delivery
from register.errors import RegisterError
from register.sealed import SealError
from register.store import Register
from register.wordings import Wording

FROM_REFERRAL = ("referrer", "family")
"""Roles whose address the referral gives."""


class LetterActivities:
    """The activities that send letters: into the outbox, a folder of e-mail files, and from there by a carrier."""

    def __init__(self, library: Library, register: Register, outbox: Path, carrier: Carrier | None = None) -> None:
        self._library = library
        self._register = register
        self._outbox = outbox
        self._dispatch = Dispatch(register, carrier or OutboxFolder())
        self._renderers: dict[str, Renderer] = {}

    @activity.defn(name=messages.SEND_LETTERS)
    async def send(self, mail: Mail) -> list[LetterReport]:
        """Send letters, each once however often this is tried, and report on each.

        What is wrong for good (wording, address, no referral) is reported and becomes a person's task; what may pass
        (a full disk, a mail server that is down) is raised when the others have gone, and the engine tries again.
        All are written before the first is handed on. None is begun when half of the time for this try is over: after
        the other half the engine begins the next try, and two at once might hand the same letter on.
        """
        enough = _half_of_the_time()
        try:
            referral = await self._register.referral(mail.reference)
        except (RegisterError, SealError):
            referral = None  # letters that need nothing of it go all the same
        journeys = await deliveries.journeys(self._register, mail.reference)
        templates = {order.template for order in mail.letters}
        wording = {name: await wordings.newest(self._register, mail.board, name) for name in templates}
        written = await asyncio.to_thread(self._write_all, mail, referral, journeys, wording, enough)
        reports: list[LetterReport] = []
        passing: Held | OSError | None = None
        for order, journey in _in_time(mail, journeys, enough):
            if order.id not in written:
                break
            down = passing if isinstance(passing, Held) and passing.every else None
            try:
                reports.append(await self._hand_on(mail.reference, order, written[order.id], journey, down))
            except (Held, OSError) as error:
                passing = error
        if passing is not None:
            raise passing
        if len(reports) < len(mail.letters):
            raise TimeoutError("The letters that are left go at the next try.")
        return reports

    async def _hand_on(
        self,
        reference: str,
        order: LetterOrder,
        written: LetterReport | OSError,
        journey: list[Delivery],
        down: Held | None,
    ) -> LetterReport:
        """Hand on a letter that lies in the outbox; its report."""
        if isinstance(written, OSError):
            raise written
        if written.sha256 is None:
            return written
        path = outbox.path_of(self._outbox, reference, order.id)
        try:
            await self._dispatch.hand_on(reference, order.id, path, journey, down)
        except NotTaken as error:
            return LetterReport(letter=order.id, because=str(error))
        return written

    def _write_all(
        self,
        mail: Mail,
        referral: dict[str, Any] | None,
        journeys: Mapping[str, list[Delivery]],
        wording: Mapping[str, Wording | None],
        enough: float,
    ) -> dict[str, LetterReport | OSError]:
        """Have the letters lie in the outbox, on the disk, as many as there is time for."""
        board = cache(lambda: self._library.board(mail.board))
        written: dict[str, LetterReport | OSError] = {}
        for order, journey in _in_time(mail, journeys, enough):
            refused = deliveries.refusal(journey)
            if refused is not None and refused.at >= activity.info().scheduled_time:  # by this order, at an earlier try
                written[order.id] = LetterReport(letter=order.id, because=refused.detail)
                continue
            number = refused.number if refused is not None else None
            try:
                written[order.id] = self._write(mail, order, board, referral, number, wording[order.template])
            except OSError as error:
                written[order.id] = error
        outbox.keep(self._outbox, mail.reference)
        return written

    def _write(
        self,
        mail: Mail,
        order: LetterOrder,
        board_of: Callable[[], Board],
        referral: dict[str, Any] | None,
        refused: int | None,
        wording: Wording | None,
    ) -> LetterReport:
        """Write a letter, anew if it was refused; one that lies there is left: those bytes may have gone."""
        try:
            path = outbox.path_of(self._outbox, mail.reference, order.id)
            if refused is not None:
                outbox.set_aside(path, refused)
            if path.exists():
                return LetterReport(letter=order.id, sha256=outbox.read_hash(path))
            board = board_of()
            sender = board.correspondent(order.sender, _holding(order, order.sender, order.signers))
            recipient = _recipient(board, order, referral)
            given = Given(
                order=order,
                reference=mail.reference,
                board=board,
                sender=sender,
                recipient=recipient,
                child=referral.get("child") if referral else None,
            )
            rendered = self._rendered(given, wording)
            _, sha256 = outbox.write_eml(self._outbox, mail.reference, order, rendered, sender, recipient)
        except ValidationError:  # its text would quote the referral
            because = f"The referral's address for {order.recipient!r} is incomplete: send this letter by hand."
            return LetterReport(letter=order.id, because=because)
        except (Refusal, LetterError, ValueError) as error:
            return LetterReport(letter=order.id, because=str(error))
        return LetterReport(letter=order.id, sha256=sha256)

    def _rendered(self, given: Given, wording: Wording | None) -> RenderedLetter:
        """The letter in the product's wording or the board's file; one edited in the browser in a process apart."""
        if wording is None or wording.source is None:
            return self._renderer(given.board.id).render(*given.arguments)
        folders = self._library.letter_folders(given.board.id)
        try:
            return make(folders, self._library.fonts, wording.source, [given])[0]
        except FillingError:
            raise LetterError(  # without its cause, which may quote what the wording was to print
                f'Version {wording.version} of the Board\'s wording of the letter "{wording.letter}" cannot be '
                "filled in with what this case gives: mend it at Wording, then send the letter again."
            ) from None

    def _renderer(self, board: str) -> Renderer:
        if board not in self._renderers:
            self._renderers[board] = Renderer(self._library.letter_folders(board), self._library.fonts)
        return self._renderers[board]


def _half_of_the_time() -> float:
    """The moment, as `time.monotonic` counts, at which half of the time for this try of the activity is over."""
    limit = activity.info().start_to_close_timeout
    return time.monotonic() + limit.total_seconds() / 2 if limit else math.inf


def _in_time(
    mail: Mail, journeys: Mapping[str, list[Delivery]], enough: float
) -> Iterator[tuple[LetterOrder, list[Delivery]]]:
    """The letters with their journeys: one at least that has not gone yet, none after that one past `enough`."""
    begun = False
    for order in mail.letters:
        if begun and time.monotonic() > enough:
            return
        journey = journeys.get(order.id, [])
        begun = begun or not deliveries.has_gone(journey)
        yield order, journey


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
