"""Letters on their way, for tests: the real activity, a register, and a letter to each of two recipients."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.letters import LetterActivities
from library import Library
from mail.carriers import Carrier
from models.letters import LetterOrder, LetterReport
from models.messages import Mail
from register import deliveries
from register.store import Register

CASE = "DEMO-2013-001"
TO = {"health": "senior-manager[health]", "police": "senior-manager[police]"}


def order(agency: str = "health") -> LetterOrder:
    facts = {"step_title": "Ask the agencies", "agency": agency, "reply_by": "2013-08-05", "notified_on": "2013-07"}
    letter = f"3-information-request-senior-manager[{agency}]"
    return LetterOrder(
        id=letter,
        template="information-request",
        sender="business-manager",
        recipient=TO[agency],
        on=date(2013, 7, 23),
        facts=facts,
    )


LETTER = order().id


def to_nobody(agency: str = "health") -> LetterOrder:
    """A letter to somebody without an e-mail address."""
    return order(agency).model_copy(update={"id": "4-family", "recipient": "family"})


class Post:
    """The worker's side of sending letters."""

    def __init__(self, register: Register, folder: Path, carrier: Carrier | None) -> None:
        self.register = register
        self.folder = folder
        self.outbox = folder / "outbox"
        self.activities = LetterActivities(Library(folder), register, self.outbox, carrier)

    async def send(
        self, *orders: LetterOrder, scheduled: datetime | None = None, limit: timedelta = timedelta(minutes=5)
    ) -> list[LetterReport]:
        """One try of the activity, which may take so long; `scheduled` is when the case first asked for it."""
        env = ActivityEnvironment()
        env.info = replace(env.info, scheduled_time=scheduled or datetime.now(UTC), start_to_close_timeout=limit)
        mail = Mail(reference=CASE, board="demo", letters=orders or (order(),))
        reports: list[LetterReport] = await env.run(self.activities.send, mail)
        return reports

    async def journey(self, letter: str = LETTER) -> list[tuple[str, str | None]]:
        """The stages of a letter with what was said of them."""
        known = await deliveries.journeys(self.register, CASE)
        return [(stage.state, stage.detail) for stage in known.get(letter, ())]

    async def states(self, letter: str = LETTER) -> list[str]:
        return [state for state, _ in await self.journey(letter)]

    @property
    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted((self.outbox / CASE).iterdir())}


def nobody_named(words: Sequence[Any], *secrets: str) -> None:
    """None of these texts holds an address."""
    for said in map(str, words):
        assert not [secret for secret in ("@", *secrets) if secret in said], said
