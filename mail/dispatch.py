"""Handing a letter of the outbox folder to its carrier, with what becomes of it written down before and after."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mail.carriers import Carrier, Held, Letter, NotTaken, OutboxFolder, Stage
from register import deliveries
from register.deliveries import Delivery
from register.store import Register

log = logging.getLogger("mail")


class Dispatch:
    """The way from the outbox folder to a carrier."""

    def __init__(self, register: Register, carrier: Carrier) -> None:
        self._register = register
        self._carrier = carrier
        self._taken: dict[str, Stage | None] = {}

    async def hand_on(
        self, reference: str, letter: str, path: Path, journey: Sequence[Delivery], down: Held | None
    ) -> None:
        """Hand on a letter that lies at `path`, unless its journey says that it has gone; write down what follows.

        `down` is why another letter has just found the carrier closed. Raises Held, NotTaken, OSError.
        """
        if self._carrier.name == OutboxFolder.name or deliveries.has_gone(journey):
            return  # in the outbox folder it is where it belongs, and the case itself knows so
        if not deliveries.is_written(journey, self._carrier.name):
            await self._note(reference, letter, Stage("written"))
        try:
            if down is not None:
                raise down
            stage = await self._carry(Letter.read(path, deliveries.letter_key(reference, letter)))
        except Held as held:
            log.warning("The letter %s of %s waits: %s", letter, reference, held)
            await self._note(reference, letter, Stage("waiting", str(held)))
            raise
        except NotTaken as refused:
            await self._note(reference, letter, Stage("refused", str(refused)))
            raise
        if stage is not None:
            await self._note(reference, letter, stage)
        self._taken.pop(deliveries.letter_key(reference, letter), None)

    async def _carry(self, letter: Letter) -> Stage | None:
        """Have the carrier take a letter; one that it took when the register could not write that down is not sent."""
        if letter.key not in self._taken:
            self._taken[letter.key] = await self._carrier.carry(letter)
        return self._taken[letter.key]

    async def _note(self, reference: str, letter: str, stage: Stage) -> None:
        said = (self._carrier.name, stage.state, stage.detail)
        await deliveries.note(self._register, reference, letter, said, at=datetime.now(UTC))
