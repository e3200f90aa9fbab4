"""The activities of the plain workflow: a row in a database, a letter in a folder."""

import asyncio

from temporalio import activity

from bench.deeds import Letter, Write, insert, send


@activity.defn
async def write_down(write: Write) -> None:
    """Keep a decision."""
    await asyncio.to_thread(insert, write)


@activity.defn
async def send_letter(letter: Letter) -> None:
    """Render a letter and write it into the outbox."""
    await asyncio.to_thread(send, letter)
