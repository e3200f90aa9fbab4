"""Rehearses a dated story on the real workflow, worker, letters and register, in skipped time.

The test server's clock begins now, the story in its own year: the case's clock is set behind by the difference.
"""

import shutil
import sys
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

import filing
import starter
from library import Library
from models.calendar import ZONE
from models.case import Case
from models.decisions import Decide, Decision, DecisionAdapter, Proclaim
from models.events import Event, LetterFailed, StepRecord
from models.procedure import faults_of
from models.referral import Referral
from models.refusal import Refusal
from models.timescale import Day, at_hour, latest
from models.toml import read_toml
from payloads import converter
from register import queries
from register.queries import LetterView
from register.sealed import Ring
from register.store import Register
from worker import build_worker
from workflows.attributes import REGISTRY

HOUR = 12
"""The local hour at which the story's entries are made; several on one day follow each other by a minute."""


class ScenarioError(Refusal):
    """A scenario that cannot be read or rehearsed; the message names file, entry and what would be right."""


class Entry(BaseModel):
    """One dated decision of the story: the fields of its kind, with `on` for the day it was made.

    `recorded` is the day it was entered, where that was later; `label` lets a later `correct` refer to it; `refused`
    holds words of the refusal that the story expects; `text` is the content of a document that is filed; `found` is
    how many places of a search have been looked at.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    on: Day
    kind: str = "decide"
    by: str | None = None
    recorded: Day | None = None
    label: str | None = None
    because: str = "As the story tells."
    refused: str | None = None
    text: str | None = None
    found: int = 0


class Scenario(BaseModel):
    """A story: board, procedure, referral, decisions in the order in which they were entered.

    `until` lets time pass after the last of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    note: str = ""
    procedure: str
    board: str = "demo"
    referral: dict[str, Any]
    decision: tuple[Entry, ...] = Field(default=())
    until: Day | None = None


class Rehearsal(BaseModel):
    """What came of it: the case as it ended, its events, letters and deadlines."""

    title: str
    case: Case
    events: tuple[Event, ...]
    letters: tuple[LetterView, ...]

    @property
    def deadlines(self) -> list[StepRecord]:
        """Every step that had a due date or was met."""
        return [record for record in self.case.steps.values() if record.due is not None or record.met_on is not None]

    @property
    def failed(self) -> list[str]:
        """Each letter that could not be sent, and why."""
        return [f"{event.letter}: {event.because}" for event in self.events if isinstance(event, LetterFailed)]

    def as_json(self) -> dict[str, Any]:
        """One object: case, events, letters, deadlines."""
        opening, facts = self.case.opening, self.case.facts
        keys = ("due", "act_by", "met_on", "late_by", "outcome", "state")
        return {
            "title": self.title,
            "case": {
                "reference": opening.reference,
                "board": opening.board,
                "procedure": opening.procedure.id,
                "notified_on": str(opening.notified_on),
                "closed": facts.closed,
                "agencies": list(facts.agencies),
            },
            "events": [event.model_dump(mode="json", exclude={"opening"}) for event in self.events],
            "letters": [letter.model_dump(mode="json") for letter in self.letters],
            "deadlines": [
                {"step": record.key, "title": record.title, **record.model_dump(mode="json", include=set(keys))}
                for record in self.deadlines
            ],
        }


def read_scenario(text: str, name: str) -> Scenario:
    """Read a scenario from TOML text; `name` is the file's. Raises ScenarioError."""
    try:
        return Scenario.model_validate(read_toml(text))
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{name}: not readable as TOML: {error}.") from error
    except ValidationError as error:
        raise ScenarioError("\n".join(f"{name}: {fault}." for fault in faults_of(error, text))) from error


async def rehearse(
    scenario: Scenario, library: Library, folder: Path, progress: Callable[[str], None] = lambda _: None
) -> Rehearsal:
    """Play a story to its end, with register and outbox in `folder`. Raises ScenarioError where it cannot go on."""
    referral = _referral(scenario)
    story = at_hour(latest(referral.received), HOUR, ZONE)
    ring = Ring.load_or_make(folder / "register.key")
    async with _server(ring) as env, await Register.open(folder / "register.db", ring) as register:
        behind = await env.get_current_time() - story
        async with build_worker(env.client, register, library, folder / "outbox"):
            try:
                reference = await starter.refer(env.client, register, library, referral, behind=behind)
            except (Refusal, LookupError) as error:
                raise ScenarioError(f"{scenario.title}: the referral is refused: {error}") from error
            stage = _Stage(env, register, library, reference, behind, story)
            for number, entry in enumerate(scenario.decision, start=1):
                progress(f"{entry.on} {entry.kind}")
                await stage.play(scenario, number, entry)
            case = await stage.finish(scenario.until)
            return Rehearsal(
                title=scenario.title,
                case=case,
                events=tuple(await queries.events(register, reference)),
                letters=tuple(await queries.letters(register, reference)),
            )


class _Stage:
    """A case in its skipped time."""

    def __init__(
        self,
        env: WorkflowEnvironment,
        register: Register,
        library: Library,
        reference: str,
        behind: timedelta,
        story: datetime,
    ) -> None:
        self._env = env
        self._register = register
        self._library = library
        self._reference = reference
        self._behind = behind
        self._last = story
        self._ids: dict[str, str] = {}

    async def play(self, scenario: Scenario, number: int, entry: Entry) -> None:
        """Wait for the day of an entry and take it in."""
        await self._wait_until(entry.recorded or entry.on)
        where = f"{scenario.title}, entry {number} ({entry.kind} on {entry.on})"
        fields = await self._fields(number, entry)
        decision = _decision(where, fields) if entry.text is None else None
        try:
            if decision is None:
                await self._file(fields, entry.text or "")
            else:
                await self._give(scenario, decision, entry.found)
        except Refusal as refusal:
            if entry.refused and entry.refused in str(refusal):
                if decision is not None:
                    await self._signal(decision)
                return
            raise ScenarioError(f"{where} is refused: {refusal}") from refusal
        if entry.refused:
            raise ScenarioError(f"{where} should have been refused, but it was taken in.")

    async def _file(self, fields: dict[str, Any], text: str) -> None:
        client, name = self._env.client, f"{fields.get('document')}.txt"
        now = await self._env.get_current_time() - self._behind
        await filing.file(client, self._register, self._reference, fields, text.encode(), name, now)

    async def _give(self, scenario: Scenario, decision: Decision, found: int) -> None:
        client, register, reference = self._env.client, self._register, self._reference
        if isinstance(decision, Proclaim):
            calendar = self._library.procedure(scenario.procedure).calendar
            await register.proclaim(calendar, decision.day, decision.name)
        elif isinstance(decision, Decide):
            decision = await filing.with_search(client, register, self._library, reference, decision, found)
        await starter.decide(client, register, reference, decision, self._behind)

    async def _signal(self, decision: Decision) -> None:
        """Give a refused decision as a signal too, so that the refusal is written down."""
        handle = self._env.client.get_workflow_handle(self._reference)
        await handle.signal("decide", decision.model_dump(mode="json"))

    async def _fields(self, number: int, entry: Entry) -> dict[str, Any]:
        fields = entry.model_dump(exclude={"on", "recorded", "label", "refused", "text", "found"}, exclude_none=True)
        fields["made_on"] = entry.on
        fields["id"] = str(uuid5(NAMESPACE_URL, f"{self._reference}/{number}"))
        if entry.kind == "correct":
            fields["decision"] = self._ids.get(fields.get("decision", ""), fields.get("decision", ""))
        elif entry.kind == "adopt" and isinstance(fields.get("procedure"), str):
            fields["procedure"] = self._library.procedure(fields["procedure"]).model_dump(mode="json", by_alias=True)
        if entry.by is None:
            fields["by"] = await self._whose_turn(entry)
        if entry.label:
            self._ids[entry.label] = fields["id"]
        return fields

    async def _whose_turn(self, entry: Entry) -> str:
        """Who decides where the story does not say: the holder of the step's role, else who manages the case."""
        case = (await starter.ask(self._env.client, self._reference)).case
        key = (entry.model_extra or {}).get("step", "")
        roles = [case.steps[key].owner] if key in case.steps and entry.kind in ("decide", "reconsider") else []
        for role in [*roles, *case.procedure.managed_by]:
            for person in case.facts.holders.get(role, ()):
                return person
        return "nobody"

    async def _wait_until(self, day: Day) -> None:
        moment = max(at_hour(latest(day), HOUR, ZONE), self._last + timedelta(minutes=1))
        self._last = moment
        ahead = moment - (await self._env.get_current_time() - self._behind)
        if ahead > timedelta():
            await self._env.sleep(ahead)

    async def finish(self, until: Day | None) -> Case:
        """Let time pass until then, and until register and post have caught up; the case as it is."""
        if until is not None:
            await self._wait_until(until)
        while True:
            await self._env.sleep(timedelta(minutes=1))
            carried = await starter.ask(self._env.client, self._reference)
            if not carried.unrecorded and not any(x.state == "owed" for x in carried.case.letters.values()):
                return carried.case


def _decision(where: str, fields: dict[str, Any]) -> Decision:
    try:
        return DecisionAdapter.validate_python(fields)
    except ValidationError as error:
        raise ScenarioError(f"{where}: {'; '.join(faults_of(error))}.") from error


def _referral(scenario: Scenario) -> Referral:
    fields = {"board": scenario.board, "procedure": scenario.procedure, **scenario.referral}
    try:
        return Referral.model_validate(fields)
    except ValidationError as error:
        raise ScenarioError("\n".join(f"{scenario.title}: referral, {fault}." for fault in faults_of(error))) from error


@asynccontextmanager
async def _server(ring: Ring) -> AsyncIterator[WorkflowEnvironment]:
    async with await WorkflowEnvironment.start_time_skipping(
        data_converter=converter(ring), test_server_existing_path=server_program()
    ) as env:
        await add_search_attributes(env.client)
        yield env


def server_program() -> str | None:
    """The program of the skipping test server: one on the PATH, else the one beside Python; None if there is none."""
    beside = Path(sys.executable).with_name("temporal-test-server")
    return shutil.which("temporal-test-server") or (str(beside) if beside.exists() else None)


async def add_search_attributes(client: Client) -> None:
    """Tell the test server of the search attributes; without them every workflow task would fail."""
    request = AddSearchAttributesRequest(
        namespace=client.namespace,
        search_attributes={key.name: IndexedValueType.ValueType(int(key.indexed_value_type)) for key in REGISTRY},
    )
    await client.operator_service.add_search_attributes(request)
