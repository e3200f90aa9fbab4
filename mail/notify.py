"""Letters by GOV.UK Notify: e-mail, and printed letters for those who have no address; each is taken in once."""

import asyncio
import io
import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import pypdf
from notifications_python_client.errors import APIError
from notifications_python_client.notifications import NotificationsAPIClient

from mail.carriers import Held, Letter, NotTaken, Stage

# It would write what Notify answers into the log, and an answer may quote what was sent.
logging.getLogger("notifications_python_client").setLevel(logging.CRITICAL)

_T = TypeVar("_T")
SECONDS = 30
"""How long Notify may take for an answer."""
PAGES = 10
"""The most pages of a letter that Notify prints."""
Postage = Literal["first", "second", "economy"]

RETURNED = {
    "permanent-failure": "The address does not exist, or does not take e-mail or post.",
    "temporary-failure": "The recipient's mail system did not take it for days.",
    "technical-failure": "GOV.UK Notify could not send it for a fault of its own.",
    "validation-failed": "GOV.UK Notify cannot print it: its layout is not what a printed letter must have.",
    "virus-scan-failed": "GOV.UK Notify did not print it: its search for viruses stopped it.",
    "cancelled": "Somebody cancelled it at GOV.UK Notify before it was printed.",
}
"""What Notify says of letters that did not arrive (its `status`), in our words."""
ARRIVED = {"delivered": None, "received": "GOV.UK Notify has it printed and posted."}
SETTINGS = ("team-only", "trial mode", "personalisation", "template", "reply_to", "api key", "not allowed", "service")
"""Words in a refusal (400) that say that it is about settings, not about the letter."""


@dataclass(frozen=True)
class Notify:
    """Hands letters to GOV.UK Notify.

    `template` is the id of an e-mail template whose subject is ((subject)) and whose body is ((body)).
    """

    key: str = field(repr=False)
    template: str
    url: str
    reply_to: str = ""
    postage: Postage = "second"
    name: str = field(default="notify", init=False)

    async def carry(self, letter: Letter) -> Stage | None:
        """Have Notify send a letter, unless it has taken it in before."""
        if not letter.recipient:
            _must_be_printable(letter.pdf)
        if await self._known(letter.key) is None:
            await self._call(lambda client: self._send(client, letter))
        return Stage("handed over", None if letter.recipient else "As a letter to be printed and posted.")

    async def ask(self, key: str) -> Stage | None:
        """What has become of a letter."""
        known = await self._known(key)
        status = str(known["status"]) if known else ""
        if status in ARRIVED:
            return Stage("delivered", ARRIVED[status])
        return Stage("bounced", RETURNED[status]) if status in RETURNED else None

    async def _known(self, key: str) -> dict[str, Any] | None:
        """What Notify has under our reference; it keeps that for seven days unless the service says otherwise."""
        answer: dict[str, Any] = await self._call(lambda client: client.get_all_notifications(reference=key))
        found: list[dict[str, Any]] = answer["notifications"]
        return found[0] if found else None

    def _send(self, client: Any, letter: Letter) -> None:
        if not letter.recipient:
            client.send_precompiled_letter_notification(letter.key, io.BytesIO(letter.pdf), self.postage)
            return
        client.send_email_notification(
            email_address=letter.recipient,
            template_id=self.template,
            personalisation={"subject": letter.subject, "body": letter.text},
            reference=letter.key,
            email_reply_to_id=self.reply_to or None,
        )

    async def _call(self, work: Callable[[Any], _T]) -> _T:
        """Do something with a client of its own, in a thread: the client waits, and is for one thread alone."""

        def run() -> _T | APIError:
            client: Any = NotificationsAPIClient(self.key, self.url, SECONDS)  # type: ignore[no-untyped-call]
            with closing(client.request_session):
                try:
                    return work(client)
                except APIError as error:
                    return error

        answer = await asyncio.to_thread(run)
        if isinstance(answer, APIError):
            raise verdict(answer)
        return answer


def verdict(error: APIError) -> Held | NotTaken:
    """What a refusal means for the letter, in words that quote nothing of what Notify said."""
    status = error.status_code
    if error.response is None:
        return Held("GOV.UK Notify does not answer.")
    if status in (401, 403):
        return Held(f"GOV.UK Notify does not accept our key ({status}), or the clock of this machine is wrong.")
    if status == 429 or status >= 500:
        return Held(f"GOV.UK Notify cannot take letters for now ({status}).")
    words = str(error.message).lower()
    if status == 404 or (status == 400 and any(word in words for word in SETTINGS)):
        return Held(f"GOV.UK Notify refuses how it is asked ({status}): look at key, template and reply-to.")
    what = "the recipient's e-mail address" if "email_address" in words else "this letter"
    return NotTaken(f"GOV.UK Notify refuses {what} for good ({status}).")


def _must_be_printable(pdf: bytes) -> None:
    pages = len(pypdf.PdfReader(io.BytesIO(pdf)).pages)
    if pages > PAGES:
        raise NotTaken(f"The letter has {pages} pages, and GOV.UK Notify prints {PAGES} at most: post it by hand.")
