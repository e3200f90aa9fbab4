"""The sandbox that cases run in, as light as thousands of them need it to be.

Nothing here changes what a case may do: the sandbox is Temporal's own, and what it forbids it still forbids.
"""

import threading
from dataclasses import replace
from functools import cache, cached_property
from types import CodeType
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
    WorkflowRunner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.worker.workflow_sandbox._importer import Importer
from temporalio.worker.workflow_sandbox._restrictions import RestrictionContext
from temporalio.worker.workflow_sandbox._runner import _Instance

PASSED_THROUGH = ("models", "pydantic", "pydantic_core", "dateutil")
"""What the sandbox lets through: it does not look into it."""


def runner() -> SandboxedWorkflowRunner:
    """What makes the cases of a worker."""
    return _Runner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))


class _Runner(SandboxedWorkflowRunner):
    """Has the cases of a worker share a sandbox: their modules, which have no state, are read once, not for each."""

    @cached_property
    def _sandbox(self) -> Importer:
        return Importer(self.restrictions, _OfThisThread())

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        # Whatever refers to a piece of a message keeps the whole of it: 20 KB, as long as the case waits.
        light = replace(det, last_completion_result=Payloads(), last_failure=None)
        return _SandboxedCase(light, self.runner_class, self._sandbox)


class _OfThisThread(threading.local, RestrictionContext):
    """Whether a case is being run: where threads run them, as a replayer's do, each runs another one."""


class _SandboxedCase(_Instance):
    """A case in a sandbox that it shares with others."""

    def __init__(self, det: WorkflowInstanceDetails, runner_class: type[WorkflowRunner], sandbox: Importer) -> None:
        self.instance_details, self.runner_class, self.importer = det, runner_class, sandbox
        self._current_thread_id = None
        self.globals_and_locals = {"__file__": __file__}
        self._create_instance()

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        completion = super().activate(act)
        # These refer to pieces of the message that was just dealt with; the next one sets them anew.
        inside: Any = self.globals_and_locals["__temporal_in_sandbox"]
        inside.instance._current_internal_flags = ()
        inside.instance._deployment_version_for_current_task = None
        return completion

    def _run_code(self, code: str, **extra_globals: Any) -> None:
        super()._run_code(_compiled(code), **extra_globals)  # type: ignore[arg-type] # `exec` takes both

    # The SDK asks for a context for each payload, and would have it worked out inside the sandbox: an eighth of what a
    # decision costs the worker, for a converter that does not look at it.

    def get_serialization_context(self, command_info: object) -> SerializationContext | None:
        return None

    def get_external_store_context(self, command_info: object) -> StorageDriverStoreContext:
        return StorageDriverStoreContext(target=None)


@cache
def _compiled(code: str) -> CodeType:
    """The few lines by which the SDK enters a sandbox; it has them compiled each time."""
    return compile(code, "<entering the sandbox>", "exec")


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
