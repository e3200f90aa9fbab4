"""A mail server as a process: `python -m faults.mailbox PORT FOLDER`. It has each letter on its disk before it says so.

A line that begins with `refuse` in the folder's file `refuse` has it answer that it takes nothing for now.
"""

import asyncio
import os
import sys
from pathlib import Path
from uuid import uuid4

from aiosmtpd.smtp import SMTP, Envelope, Session


class Mailbox:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if (self.folder / "refuse").exists():
            return "451 4.3.2 Not now"
        assert envelope.original_content is not None
        path = self.folder / f"{uuid4()}.part"
        with path.open("wb") as file:
            file.write(envelope.original_content)
            file.flush()
            os.fsync(file.fileno())
        path.rename(path.with_suffix(".eml"))
        return "250 OK"


async def main(port: int, folder: Path) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Mailbox(folder), hostname="mail.example"), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
