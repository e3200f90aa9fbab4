"""A workflow that asks for what the sandbox forbids."""

import random
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from temporalio import workflow

FORBIDDEN: dict[str, Callable[[], Any]] = {
    "the time": lambda: datetime.now(),
    "the clock": lambda: time.monotonic(),
    "chance": lambda: random.random(),
    "a new name": lambda: uuid.uuid4(),
    "a file": lambda: Path("/etc/hostname").read_text(),
}


@workflow.defn
class Asking:
    """Asks for one of them."""

    @workflow.run
    async def run(self, what: str) -> str:
        """Ask; what it was refused with ends the workflow. For what is not forbidden it waits an hour."""
        await workflow.sleep(0.01 if what in FORBIDDEN else 3600)
        return str(FORBIDDEN[what]())
