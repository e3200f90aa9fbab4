"""A review as a workflow: it lives from its referral to its closing, and sleeps until the next rung of its ladders.

Its whole life is `run`; what it does in it is in `living_case`.
"""

import asyncio

from temporalio import workflow

from models import messages
from models.messages import CaseEnd, CaseInput
from workflows.living_case import LivingCase


@workflow.defn(name=messages.WORKFLOW)
class SeriousCaseReview(LivingCase):
    """One case, from its referral to its closing."""

    @workflow.init
    def __init__(self, start: CaseInput) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: CaseInput) -> CaseEnd:
        """Live until the case is closed and nothing is left to send or to write down."""
        self.begin()
        try:
            while not self.is_finished() and not self.must_renew():
                self.note_what_is_due()
                await self.wait_for_next_rung()
        except asyncio.CancelledError:  # by an administrator: what was taken in is written down first
            await workflow.wait_condition(lambda: not self.owes_register())
            raise
        await workflow.wait_condition(workflow.all_handlers_finished)
        self.stop()
        if not self.is_finished():
            workflow.continue_as_new(self.renewed())
        return self.end()
