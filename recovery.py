"""Two memories that rebuild each other: the engine from the register, the register from the living workflows."""

import logging
from collections.abc import Callable
from datetime import datetime

import starter
from models import messages
from models.messages import CaseInput
from models.refusal import Refusal
from register import queries
from register.queries import CaseFilter
from register.store import Register
from starter import Engine

log = logging.getLogger("recovery")


async def restore(
    client: Engine, register: Register, progress: Callable[[str, bool], None] = lambda *_: None
) -> list[str]:
    """Start every open case that the engine does not have, from its events in the register; their references.

    The deadlines are the same. Cases that run already are left alone, so it can be broken off and given again.
    `progress` is told of each case, and whether it was started.
    """
    begun = []
    for view in await queries.cases(register, CaseFilter(state="open", order="reference")):
        carried = await starter.from_register(register, view.reference)
        started = carried is not None and await starter.start(client, CaseInput(carried=carried))
        progress(view.reference, started)
        if started:
            begun.append(view.reference)
    return begun


async def rebuild(
    client: Engine, register: Register, progress: Callable[[str, int | Refusal], None] = lambda *_: None
) -> dict[str, int | Refusal]:
    """Write the events of every living case into the register, from its workflow; by case the number of its events.

    What is there already is left as it is, so it can be broken off and given again. A case that refuses (its register
    says something else) does not keep the others from it. What no workflow knows (referrals, documents, closed cases,
    accounts) comes from a backup alone. Raises Unreachable.
    """
    written: dict[str, int | Refusal] = {}
    for reference in await starter.running(client):
        try:
            written[reference] = await settle(client, register, reference)
        except Refusal as refusal:
            written[reference] = refusal
        progress(reference, written[reference])
    return written


async def settle(client: Engine, register: Register, reference: str) -> int:
    """Have the register hold exactly the events that a living case has; how many.

    Raises Refusal, also where the case was written to meanwhile, and Unreachable.
    """
    seen = await register.head(reference)
    events = (await starter.ask(client, reference, messages.EVENTS)).events
    if not events or events[0].seq != 1:
        raise Refusal(f"The workflow of {reference} does not have its first events: put back a backup of the register.")
    await register.settle(reference, events, seen)
    return len(events)


async def confirm(client: Engine, register: Register, before: datetime) -> list[str]:
    """Settle the cases of which the register may lack events, or have some that the engine lost, since before a moment.

    Cases that refuse or do not answer now are left for the next time; the references of those that were settled.
    """
    settled = []
    for reference in await register.unsettled(before):
        try:
            if await _has_begun(client, register, reference) and not await _is_over(register, reference):
                await settle(client, register, reference)
                settled.append(reference)
            await register.forget(reference, before)
        except (Refusal, starter.Unreachable) as error:
            log.warning("The events of %s could not be confirmed: %s", reference, error)
    return settled


async def _has_begun(client: Engine, register: Register, reference: str) -> bool:
    """Whether a case is known at all: one that was to be opened while the engine was down is not."""
    if await queries.has_case(register, reference):
        return True
    try:
        await starter.ask(client, reference)
    except starter.NoOpenCase:
        return False
    return True


async def _is_over(register: Register, reference: str) -> bool:
    """Whether a case is closed in the register: its workflow ended when it had written everything there."""
    carried = await starter.from_register(register, reference)
    return carried is not None and carried.case.facts.closed is not None
