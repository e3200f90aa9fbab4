"""The same story as the engine's own samples would write it: a signal, a timer, an activity per write and per letter.

Default converter, no register, no encryption, no explanation of any date. What it must do is the same: keep each
decision in a database, send the letters (the same text and PDF) and wait for the next deadline.
"""

from datetime import timedelta
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from bench.deeds import Letter, Write
    from bench.plain_activities import send_letter, write_down

STEPS = 20
WITH_LETTERS = (5, 10, 15, 20)
"""After which decision five letters go out."""


@workflow.defn
class PlainReview:
    """One case."""

    def __init__(self) -> None:
        self.pending: list[dict[str, Any]] = []
        self.done = 0

    @workflow.signal
    def decide(self, decision: dict[str, Any]) -> None:
        """Take a decision in."""
        self.pending.append(decision)

    @workflow.query
    def decided(self) -> int:
        """How many decisions have been taken."""
        return self.done

    @workflow.run
    async def run(self, reference: str, recipients: list[str], deadline_seconds: float) -> int:
        """Take decisions until all are taken, each with a deadline."""
        patience = timedelta(minutes=1)
        while self.done < STEPS:
            try:
                await workflow.wait_condition(lambda: bool(self.pending), timeout=timedelta(seconds=deadline_seconds))
            except TimeoutError:
                overdue = Write(reference, self.done, "overdue")
                await workflow.execute_activity(write_down, overdue, start_to_close_timeout=patience)
                await workflow.wait_condition(lambda: bool(self.pending))
            decision = self.pending.pop(0)
            self.done += 1
            write = Write(reference, self.done, decision["because"])
            await workflow.execute_activity(write_down, write, start_to_close_timeout=patience)
            for recipient in recipients if self.done in WITH_LETTERS else []:
                letter = Letter(reference, self.done, recipient)
                await workflow.execute_activity(send_letter, letter, start_to_close_timeout=patience)
        return self.done
