"""Writing a case's events to the register, on behalf of its workflow."""

from temporalio import activity

from models import messages
from models.messages import EventBatch
from register.store import Register


class RegisterActivities:
    """The activities that write to a register, which whoever opened it closes."""

    def __init__(self, register: Register) -> None:
        self._register = register

    @activity.defn(name=messages.RECORD_EVENTS)
    async def record(self, batch: EventBatch) -> int:
        """Append events and return the number of the last one kept; harmless when repeated.

        Whatever fails is raised and tried again: a database that is down comes back, and a register that holds other
        content stays visible as a pending activity until a person has looked at it.
        """
        return await self._register.append(batch.reference, batch.events, batch.confirmed)
