"""The sandbox that cases run in, as light as thousands of them need it to be.

Nothing here changes what a case may do: the sandbox is Temporal's own, and what it forbids it still forbids.
"""

from dataclasses import replace
from typing import Any

from temporalio.api.common.v1 import Payloads
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import SerializationContext, StorageDriverStoreContext
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInstance,
    WorkflowInstanceDetails,
    WorkflowInterceptorClassInput,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

PASSED_THROUGH = ("models", "pydantic", "pydantic_core", "dateutil")
"""What all cases share; the sandbox reads everything else anew for each of them."""


def runner() -> SandboxedWorkflowRunner:
    """What makes the cases of a worker."""
    return _Runner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))


class _Runner(SandboxedWorkflowRunner):
    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        # Whatever refers to a piece of the message that a case begins with keeps the whole of it, as long as the case.
        light = replace(det, last_completion_result=Payloads(), last_failure=None)
        return _Instance(super().create_instance(light))


class _Instance(WorkflowInstance):
    """A case that is not asked, for each payload, for a context that our converter would not look at.

    The answer would be worked out inside the sandbox each time: an eighth of what a decision costs the worker.
    """

    def __init__(self, sandboxed: WorkflowInstance) -> None:
        self._sandboxed = sandboxed

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        return self._sandboxed.activate(act)

    def get_serialization_context(self, command_info: object) -> SerializationContext | None:
        return None

    def get_external_store_context(self, command_info: object) -> StorageDriverStoreContext:
        return StorageDriverStoreContext(target=None)

    def get_info(self) -> Any:
        return self._sandboxed.get_info()

    def get_thread_id(self) -> int | None:
        return self._sandboxed.get_thread_id()


class Forgetting(Interceptor):
    """Has a case let go of the headers that it began with, which it does not use: see `_Runner`."""

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002 - Temporal's name
    ) -> type[WorkflowInboundInterceptor]:
        """What each case gets."""
        return _WithoutHeaders


class _WithoutHeaders(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002 - Temporal's name
        input.headers = {}
        return await super().execute_workflow(input)
