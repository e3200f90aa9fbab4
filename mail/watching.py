"""What is looked after while the worker runs: bounces that came in, and what carriers know of letters handed over."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mail import bounces
from mail.carriers import Carrier, Held
from register import deliveries
from register.store import Register
from upkeep import Job

EVERY = timedelta(minutes=5)
ASKED_FOR = timedelta(hours=7 * 24)
"""How long a carrier is asked about a letter: GOV.UK Notify forgets after that."""

log = logging.getLogger("mail")


def job(register: Register, carrier: Carrier, folder: Path | None, every: timedelta = EVERY) -> Job:
    """Looking again and again; `folder` is the Maildir of bounces."""

    async def work() -> None:
        try:
            await look(register, carrier, folder, datetime.now(UTC))
        except Held as held:
            log.warning("%s", held)

    return Job("Bounces and receipts", every, work)


async def look(register: Register, carrier: Carrier, folder: Path | None, at: datetime) -> None:
    """Look once. Raises Held, OSError."""
    if folder is not None:
        found = await bounces.read(register, folder, at)
        if found.noted:
            log.info("%d letters came back or were confirmed.", found.noted)
    for sent in await deliveries.under_way(register, carrier.name, at - ASKED_FOR):
        stage = await carrier.ask(deliveries.letter_key(sent.reference, sent.letter))
        if stage is not None:
            said = (carrier.name, stage.state, stage.detail)
            await deliveries.note(register, sent.reference, sent.letter, said, at=at, after=bounces.AWAITED)
