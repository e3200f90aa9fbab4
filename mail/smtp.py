"""Letters by SMTP: encrypted or not at all, and each try with the same bytes and the same Message-ID."""

import asyncio
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import aiosmtplib

from mail.carriers import Held, Letter, NotTaken, Stage

SECONDS = 60.0
"""How long the server may take for each of its answers."""
LEAVE = 5.0
"""Seconds for taking leave of the server."""
TO_POST = "There is no e-mail address: print the letter and post it."
NOT_OURS = frozenset({530, 534, 535, 538})
"""Permanent answers that are about who sends, not about the letter: sign-in is needed or fails."""

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True)
class Smtp:
    """Hands letters to a mail server. `returns_to` is the address for bounces; the letter's sender where it is empty.

    `security`: "starttls" and "tls" never fall back to a connection that can be read on its way.
    """

    host: str
    port: int
    security: Security
    tls: ssl.SSLContext | None
    user: str = ""
    password: str = field(default="", repr=False)
    returns_to: str = ""
    seconds: float = SECONDS
    name: str = field(default="smtp", init=False)

    async def carry(self, letter: Letter) -> Stage | None:
        """Hand a letter to the server; one without an e-mail address is for the post."""
        if not letter.recipient:
            return Stage("to post", TO_POST)
        fault: Exception | None = None
        try:
            await self._send(letter)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            fault = error
        # Outside of the except clause: what the server says may quote the address, and is kept as nobody's cause.
        if fault is not None:
            raise verdict(fault)
        return Stage("handed over")

    async def ask(self, key: str) -> Stage | None:
        """Nothing: a mail server says no more. What comes back comes as a bounce."""
        return None

    async def _send(self, letter: Letter) -> None:
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            use_tls=self.security == "tls",
            start_tls=self.security == "starttls",
            tls_context=self.tls,
            username=self.user or None,
            password=self.password or None,
            timeout=self.seconds,
        )
        try:
            async with asyncio.timeout(2 * self.seconds):  # all in all, so that one letter does not use up the try
                await client.connect()
                options = ["BODY=8BITMIME"] if client.supports_extension("8bitmime") else []
                sender = self.returns_to or letter.sender
                await client.sendmail(sender, [letter.recipient], letter.content, mail_options=options)
            with suppress(aiosmtplib.SMTPException, OSError):  # it is taken, whatever comes of taking leave
                await client.quit(timeout=LEAVE)
        finally:
            client.close()


def verdict(error: Exception) -> Held | NotTaken:
    """What a fault means for the letter, in words that quote nothing of what the server said."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        error = error.recipients[0]
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return Held(f"The mail server does not accept our user and password ({error.code}).")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _answered(error)
    certificate = _certificate(error)
    if certificate:
        return Held(f"The mail server's certificate is refused, and nothing is sent without one: {certificate}.")
    if isinstance(error, ValueError):
        return NotTaken("The recipient's e-mail address cannot be written in a message to the mail server.")
    if isinstance(error, OSError):
        return Held(f"The mail server does not answer ({type(error).__name__}).")
    return Held("The mail server does not offer the encryption or sign-in that is asked for, so nothing is sent.")


def _answered(error: aiosmtplib.SMTPResponseException) -> Held | NotTaken:
    code = _code(error)
    whose = {
        aiosmtplib.SMTPRecipientRefused: "the recipient's address",
        aiosmtplib.SMTPSenderRefused: "the sender's address",
        aiosmtplib.SMTPDataError: "the letter",
    }.get(type(error))
    if whose is None:
        return Held(f"The mail server does not work with us ({code}).")
    if error.code in NOT_OURS:
        return Held(f"The mail server wants us to sign in first ({code}).")
    if 500 <= error.code < 600:
        return NotTaken(f"The mail server refuses {whose} for good ({code}).")
    return Held(f"The mail server does not take {whose} for now ({code}).", every=error.code == 421)


def _code(error: aiosmtplib.SMTPResponseException) -> str:
    """The answer's code, with the enhanced one (RFC 3463) where it has one: no words, for they may name somebody."""
    enhanced = re.match(r"[245]\.\d{1,3}\.\d{1,3}(?!\S)", error.message)
    return f"{error.code} {enhanced.group()}" if enhanced else str(error.code)


def _certificate(error: BaseException | None) -> str:
    """Why a certificate is refused; empty where that is not the fault."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message.rstrip(".")
        error = error.__cause__ or error.__context__
    return ""
