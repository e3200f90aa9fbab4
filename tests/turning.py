"""A workflow that may go on for ever."""

from temporalio import workflow


@workflow.defn
class Turning:
    """Is done at once, or never."""

    @workflow.run
    async def run(self, endless: bool) -> str:
        """Turn for as long as it is told to."""
        while endless:
            pass
        return "done"
