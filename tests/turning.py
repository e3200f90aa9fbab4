"""A workflow that may go on for ever."""

import asyncio

from temporalio import workflow


@workflow.defn
class Turning:
    """Is done at once, or never."""

    @workflow.run
    async def run(self, how: str) -> str:
        """Turn for as long as it is told to."""
        while how == "endless":
            pass
        while how == "step by step":  # noqa: ASYNC110 - it is to turn
            await asyncio.sleep(0)
        return "done"
