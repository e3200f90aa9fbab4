"""The worker as it is, but for its patience: what waits minutes there waits seconds here, or rounds would take hours.

`python -m faults.hurried` is `python -m worker`, with these limits laid over what the workflow asks for.
"""

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeAlias

from temporalio.common import RetryPolicy
from temporalio.worker import (
    Interceptor,
    StartActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)
from temporalio.workflow import ActivityHandle

import worker
from mail import notify, settings
from mail.carriers import Carrier
from mail.smtp import Smtp
from models.events import Event
from register import queries
from register.store import Register

log = logging.getLogger("settling")
MENDED = "The register had other events of %s than the engine, and has them now."
Settle: TypeAlias = Callable[[Register, str, Sequence[Event], str | None], Awaitable[None]]

TRY = timedelta(seconds=8)
"""How long one try of an activity may take."""
TASK = timedelta(seconds=1)
"""How long a workflow task may take before the engine has it done again."""
ANSWER = 2
"""Seconds that a mail server has for its answers: a try outlasts it, as it does in the product."""
UNSETTLED = timedelta(seconds=1)
"""How long a case may differ from what the register has of it before the worker, twice a second, looks after it."""
RETRY = RetryPolicy(initial_interval=timedelta(seconds=0.3), maximum_interval=timedelta(seconds=1))


class Patience(Interceptor):
    """Other limits for every activity of the workflows than those that they ask for."""

    def __init__(self, retry: RetryPolicy, once: timedelta) -> None:
        self.limits: dict[str, Any] = {"retry_policy": retry, "start_to_close_timeout": once}

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002 - the name is the SDK's
    ) -> type[WorkflowInboundInterceptor] | None:
        limits = self.limits

        class Outbound(WorkflowOutboundInterceptor):
            def start_activity(self, input: StartActivityInput) -> ActivityHandle[Any]:  # noqa: A002
                return super().start_activity(dataclasses.replace(input, **limits))

        class Inbound(WorkflowInboundInterceptor):
            def init(self, outbound: WorkflowOutboundInterceptor) -> None:
                super().init(Outbound(outbound))

        return Inbound


async def main() -> None:
    """Run the worker until it is told to stop."""
    built, chosen = worker.build_worker, settings.carrier_of

    def carrier_of(environment: Mapping[str, str]) -> Carrier:
        carrier = chosen(environment)
        return dataclasses.replace(carrier, seconds=ANSWER / 2) if isinstance(carrier, Smtp) else carrier

    Register.settle = _telling(Register.settle)  # type: ignore[method-assign, assignment]
    vars(worker)["UNSETTLED"] = UNSETTLED
    worker.CONFIRMING = timedelta(seconds=0.5)
    notify.SECONDS = ANSWER
    settings.carrier_of = carrier_of
    worker.build_worker = lambda *given, **named: built(*given, **named, interceptors=[Patience(RETRY, TRY)])
    await worker.main()


def _telling(settle: Settle) -> Settle:
    """Settling that says where the register had other events than the engine."""

    async def settle_and_tell(register: Register, reference: str, events: Sequence[Event], seen: str | None) -> None:
        before = await queries.events(register, reference)
        await settle(register, reference, events, seen)
        if before != list(events):
            log.warning(MENDED, reference)

    return settle_and_tell


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        asyncio.run(main())
    except ConnectionError as error:
        raise SystemExit(str(error)) from error
