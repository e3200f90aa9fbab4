"""The only door to Temporal for people: connect, open a case, decide, ask."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias
from uuid import NAMESPACE_URL, uuid5

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import (
    HeaderCodecBehavior,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

import recording
from library import Library, data_folder
from models import messages
from models.calendar import Calendar
from models.case import fold
from models.decisions import Decision, Proclaim
from models.events import Opening
from models.messages import AS_NOW, Answer, Carried, CaseInput
from models.referral import Referral, opening_of
from models.refusal import Refusal
from models.timescale import earliest, local_date
from models.turn import opened
from payloads import converter
from register import queries
from register.queries import CaseFilter
from register.sealed import Ring
from register.store import Register
from workflows import attributes

PATIENCE = timedelta(seconds=30)
"""How long a person waits for an answer before being told that the worker does not answer."""
REOPENING = ("reconsider", "correct")
"""The decisions that a closed case takes: they open it again."""
Engine: TypeAlias = Client
"""A connection to the engine, for those who go through this door."""


class Unreachable(ConnectionError):
    """The engine or the worker does not answer; nothing is lost, the same command may be given again."""


class NoOpenCase(Refusal):
    """There is no such case in the engine, or it is closed."""


async def connect(ring: Ring | None = None, address: str | None = None) -> Client:
    """Connect to an address, or as the `TEMPORAL_*` variables or the profile file say, else to this machine.

    All that is sent is sealed with `ring`, by default that of the data folder.

    Raises Unreachable, and Refusal where the settings cannot be read.
    """
    try:
        config = ClientConfig.load_client_connect_config()
    except RuntimeError as error:
        first = str(error).partition("\n")[0]
        raise Refusal(f"The TEMPORAL_* settings cannot be used: {first}; mend or unset them.") from error
    config["target_host"] = address or config.get("target_host", "localhost:7233")
    sealing = converter(ring or Ring.of(data_folder()))
    try:
        return await Client.connect(**config, data_converter=sealing, header_codec_behavior=HeaderCodecBehavior.CODEC)
    except RuntimeError as error:
        raise Unreachable(f"The engine at {config['target_host']} does not answer; `./dev up` starts one.") from error


async def must_answer(client: Client) -> None:
    """Raise Unreachable unless the engine answers, and has the namespace."""
    await counted(client, [""])


async def counted(client: Client, queries: Sequence[str]) -> list[int]:
    """How many workflows each visibility query finds, as the Temporal Web UI would list them. Raises Unreachable."""
    try:
        found = await asyncio.gather(*(client.count_workflows(query, rpc_timeout=PATIENCE) for query in queries))
    except RPCError as error:
        raise Unreachable("The engine does not answer; ask again later.") from error
    return [one.count for one in found]


async def refer(
    client: Client,
    register: Register,
    library: Library,
    referral: Referral,
    behind: timedelta = timedelta(),
    task_queue: str = messages.TASK_QUEUE,
) -> str:
    """File a referral under seal, open its case and return its reference; the same referral again opens no second one.

    Raises Refusal, and Unreachable when it is filed but the engine does not answer.
    """
    board = library.board(referral.board)
    procedure = library.procedure(referral.procedure or board.procedure)
    calendar = await _calendar(register, library, procedure.calendar)
    now = datetime.now(UTC) - behind
    trial = opening_of(referral, f"{board.code}-0", board, procedure, calendar, local_date(now, calendar))
    opened(trial, now)  # refuses what could not be counted, before anything is filed
    year = earliest(referral.received).year
    reference = await register.file_referral(board.code, year, board.id, referral.model_dump(mode="json"))
    mark = await register.referral_mark(reference)
    if await queries.has_case(register, reference):
        return reference
    opening = trial.model_copy(update={"reference": reference, "referral": mark})
    if not await open_case(client, register, opening, now, behind, task_queue):
        await _must_be_the_same(client, reference, mark)
    return reference


async def open_case(
    client: Client,
    register: Register,
    opening: Opening,
    at: datetime,
    behind: timedelta = timedelta(),
    task_queue: str = messages.TASK_QUEUE,
) -> bool:
    """Begin a case `at` its own aware moment and write its first events; False if the engine has or had it already.

    If the register goes down in between, or whoever does this, the worker writes them. Raises Refusal, Unreachable.
    """
    mark, case = f"{opening.reference}/opened", CaseInput(opening=opening, opened_at=at, behind=behind)
    await register.begin(opening.reference, mark)
    if not await start(client, case, task_queue):
        return False
    await recording.write(register, opening.reference, mark, opened(opening, at))
    return True


async def _calendar(register: Register, library: Library, name: str) -> Calendar:
    """A calendar with the days that have been proclaimed since it was written."""
    calendar = library.calendar(name)
    proclaimed = await register.proclaimed(name)
    days = {day: known for day, known in proclaimed.items() if calendar.is_working_day(day)}
    return calendar.with_days(days) if days else calendar


async def _must_be_the_same(client: Client, reference: str, mark: str) -> None:
    """Refuse where the engine has another case under a reference that this register has given out."""
    if (await ask(client, reference)).case.opening.referral != mark:
        raise Refusal(
            f"The engine has another case {reference} already, so it does not belong to this register: "
            "put back the register of that engine, or start with an empty engine and `scr restore`."
        )


async def start(client: Client, case: CaseInput, task_queue: str = messages.TASK_QUEUE) -> bool:
    """Start the workflow of a case; False if the engine has or had it already. Raises Unreachable."""
    options = _options(case, task_queue)
    try:
        await client.start_workflow(messages.WORKFLOW, case.model_copy(update=AS_NOW), **options)
    except WorkflowAlreadyStartedError:
        return False
    except RPCError as error:
        raise Unreachable(
            f"The referral is filed as {options['id']}, but the engine does not answer: give `scr refer --filed "
            f"{options['id']}` when it does."
        ) from error
    return True


def _options(case: CaseInput, task_queue: str) -> dict[str, Any]:
    opening = case.opening or (case.carried.case.opening if case.carried else None)
    assert opening is not None
    # A case that is carried on may follow a run that was cancelled or terminated; a new one follows none.
    again = WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY
    return {
        "id": opening.reference,
        "task_queue": task_queue,
        "id_reuse_policy": again if case.carried else WorkflowIDReusePolicy.REJECT_DUPLICATE,
        "search_attributes": _attributes(case, opening),
        "static_summary": opening.procedure.title,
        "static_details": f"Case {opening.reference}. What it waits for stands under current details.",
    }


def _attributes(case: CaseInput, opening: Opening) -> TypedSearchAttributes:
    if case.opened_at is None:
        return attributes.fixed(opening.board, opening.procedure.id)
    return attributes.at_start(fold(opened(opening, case.opened_at)))


async def decide(
    client: Client, register: Register, reference: str, decision: Decision, behind: timedelta = timedelta()
) -> Answer:
    """Give a decision to a case and return what follows; the same decision again has no second effect.

    What it led to is in the register on return, unless that is down. A decision on a closed case opens it again from
    the register where that is possible (reconsider, correct), with its clock `behind` the engine's as before. Raises
    Refusal with what would be right, and Unreachable.
    """
    payload = decision.model_dump(mode="json")
    # The engine answers a repeated update id with its first answer, unread: another content needs another id.
    update_id = str(uuid5(NAMESPACE_URL, decision.model_dump_json()))
    if decision.kind in REOPENING:
        with _in_plain_words(reference, decision):
            if await _is_closed(client, reference):
                case = CaseInput(carried=await _closed(register, reference), behind=behind)
                async with asyncio.timeout(PATIENCE.total_seconds()):
                    return await _reopen(client, case, update_id, payload)
    mark = f"{reference}/{update_id}"
    async with recording.under_way(register, reference, mark) as record:
        if record is not None:
            payload[messages.SENDER_RECORDS] = True
        try:
            answer = await _answer(client, reference, decision, update_id, payload)
        except NoOpenCase:  # this very decision, given before, may have closed it
            known = await recording.taken_in(register, reference, decision)
            if known is None and decision.kind in REOPENING:  # it has closed a moment ago
                return await decide(client, register, reference, decision, behind)
            if known is None:
                raise
            await register.finish(reference, mark)
            return known
        if record is None or answer.at is None:
            return answer
        told = await record(decision, answer)
        if told is None:
            events = (await ask(client, reference, messages.EVENTS)).events
            await recording.write(register, reference, mark, events)
            told = recording.told(answer, events)
    return told


async def _answer(client: Client, reference: str, decision: Decision, update_id: str, payload: Any) -> Answer:
    with _in_plain_words(reference, decision):
        async with asyncio.timeout(PATIENCE.total_seconds()):
            handle = client.get_workflow_handle(reference)
            answer: Answer = await handle.execute_update(messages.DECIDE, payload, id=update_id, result_type=Answer)
            return answer


@contextmanager
def _in_plain_words(reference: str, decision: Decision) -> Iterator[None]:
    """Turn what the engine says to a decision into Refusal and Unreachable."""
    try:
        yield
    except WorkflowUpdateFailedError as error:
        if isinstance(error.cause, ApplicationError) and error.cause.type == messages.REFUSED:
            raise Refusal(error.cause.message) from error
        raise
    except RPCError as error:
        _must_exist(error, reference)
        raise Unreachable("The engine does not answer; give the same decision again later.") from error
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        raise Unreachable(
            f"The worker does not answer; the decision may still be taken in. Give it again with --id {decision.id}."
        ) from error


async def _is_closed(client: Client, reference: str) -> bool:
    # Not `describe()` of the handle: it fails on a date attribute that was taken away (time-skipping server).
    execution = WorkflowExecution(workflow_id=reference)
    request = DescribeWorkflowExecutionRequest(namespace=client.namespace, execution=execution)
    try:
        info = (await client.workflow_service.describe_workflow_execution(request)).workflow_execution_info
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND or _names_namespace(error):
            raise
        return True  # closed long ago, and purged since
    return WorkflowExecutionStatus(int(info.status)) is not WorkflowExecutionStatus.RUNNING


async def _closed(register: Register, reference: str) -> Carried:
    """A closed case from the register. Raises Refusal for one that is open, or never was."""
    carried = await from_register(register, reference)
    if carried is None:
        raise Refusal(f"There is no case {reference!r} in engine or register; `scr cases` lists them.")
    if carried.case.facts.closed is None:
        raise Refusal(f"The engine has lost case {reference!r}, which is open: `scr restore` starts it again.")
    return carried


async def from_register(register: Register, reference: str) -> Carried | None:
    """A case as its events in the register leave it; None where there are none."""
    known = await register.known(reference)
    return Carried(case=known.case, events=known.events) if known else None


async def _reopen(client: Client, case: CaseInput, update_id: str, payload: Mapping[str, Any]) -> Answer:
    options = _options(case, messages.TASK_QUEUE)
    options["id_reuse_policy"] = WorkflowIDReusePolicy.ALLOW_DUPLICATE
    operation = WithStartWorkflowOperation[Any, Any](
        messages.WORKFLOW,
        case.model_copy(update=AS_NOW),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        **options,
    )
    answer: Answer = await client.execute_update_with_start_workflow(
        messages.DECIDE, payload, id=update_id, result_type=Answer, start_workflow_operation=operation
    )
    return answer


async def ask(client: Client, reference: str, query: str = messages.CASE) -> Carried:
    """The living case from its workflow, with all its events if asked for `messages.EVENTS`.

    Raises Refusal if there is none, Unreachable.
    """
    handle = client.get_workflow_handle(reference)
    try:
        carried: Carried = await handle.query(query, result_type=Carried, rpc_timeout=PATIENCE)
    except RPCError as error:
        _must_exist(error, reference)
        raise Unreachable("The engine or the worker does not answer; ask again later.") from error
    return carried


def _must_exist(error: RPCError, reference: str) -> None:
    if _names_namespace(error):
        raise Unreachable(f"The engine does not have what TEMPORAL_NAMESPACE names: {error.message}") from error
    if error.status == RPCStatusCode.NOT_FOUND:
        raise NoOpenCase(f"There is no open case {reference!r}; `scr cases` lists them.") from error


def _names_namespace(error: RPCError) -> bool:
    return error.status == RPCStatusCode.NOT_FOUND and error.message.startswith("Namespace ")


async def running(client: Client) -> list[str]:
    """The references of the cases that live in the engine. Raises Unreachable."""
    query = f'WorkflowType = "{messages.WORKFLOW}" AND ExecutionStatus = "Running"'
    try:
        return sorted([found.id async for found in client.list_workflows(query)])
    except RPCError as error:
        raise Unreachable("The engine does not answer; give the same command again later.") from error


async def proclaim(
    client: Client, register: Register, calendar: Calendar, day: date, name: str, by: str
) -> dict[str, Answer | Refusal]:
    """Make a day a non-working one for new cases, and for every open case of that calendar; the answers by case.

    A case that refuses does not keep the others from it. May be given again: a case takes the same day in once.
    Raises Refusal if the day is none already.
    """
    if day not in await register.proclaimed(calendar.name):
        calendar.with_days({day: name})  # refuses a day that is a non-working one already
    await register.proclaim(calendar.name, day, name)
    today = local_date(datetime.now(UTC), calendar)
    answers: dict[str, Answer | Refusal] = {}
    for view in await queries.cases(register, CaseFilter(state="open", order="reference")):
        case = (await register.whole(view.reference)).case
        if case.calendar.name != calendar.name or not case.calendar.is_working_day(day):
            continue
        decision = Proclaim(
            id=str(uuid5(NAMESPACE_URL, f"{view.reference}/{calendar.name}/{day}/{today}")),
            by=by,
            made_on=today,
            because=f"{name} was proclaimed.",
            day=day,
            name=name,
        )
        try:
            answers[view.reference] = await decide(client, register, view.reference, decision)
        except Refusal as refusal:
            answers[view.reference] = refusal
    return answers
