"""What a living case does: it takes decisions in, waits for the next rung, has letters sent and events kept.

What a decision or a deadline means is decided by the pure code of `models/`; nothing here knows a rule. All cases of a
worker share this module, so it holds no state; for time, chance and all that is outside it asks `temporalio.workflow`.
"""

import asyncio
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, is_cancelled_exception

from models import messages
from models.case import apply as apply_event
from models.case import fold, next_rung
from models.deciding import decide, refused
from models.decisions import Decision, DecisionAdapter
from models.events import Event, EventAdapter, Opened, digest
from models.letters import LetterOrder, LetterReport
from models.messages import Answer, Carried, CaseEnd, CaseInput, EventBatch, Mail
from models.procedure import faults_of
from models.refusal import Refusal
from models.telling import follows, in_markdown
from models.turn import delivered, opened, tick
from workflows import attributes

AT_ONCE = timedelta(seconds=2)
"""How long the register may take while a decision waits for it; after that it is written to beside the case's life."""
PATIENCE = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=10))
"""Register and mail may be down for long; activities go on trying until they are back."""


class LivingCase:
    """One case, its state and its handlers; the workflow itself is `SeriousCaseReview`."""

    def __init__(self, start: CaseInput) -> None:
        self._start = start
        self._helpers: list[asyncio.Task[None]] = []
        self._posts: list[asyncio.Task[None]] = []
        self._posted: set[str] = set()
        self._log: list[bytes | Event] = []
        self._task = workflow.info().get_current_history_length()
        self._opened = 0
        if start.carried is not None:
            self._case = start.carried.case
            self._log.extend(map(_packed, start.carried.events or start.carried.unrecorded))
            self._confirmed = self._ours = self._case.seq
            self._recorded = self._case.seq - len(start.carried.unrecorded)
        elif start.opening is not None:
            events = opened(start.opening, start.opened_at or self._now())
            self._case = fold(events)
            self._confirmed = self._recorded = 0
            if start.opened_at is None:
                self._log.extend(map(_packed, events))
                self._ours = self._case.seq
            else:
                self._ours, self._opened = 0, self._case.seq
        else:
            raise ApplicationError("A case begins with an opening or with what an earlier run carried on.")

    # ---- what a run is made of ------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Show the case, and begin to write to the register and to send letters."""
        self._helpers = [asyncio.create_task(self._keep_register()), asyncio.create_task(self._send_letters())]
        self._show()

    def note_what_is_due(self) -> None:
        """Take in every rung whose moment has come."""
        self._take_in(tick(self._case, self._now()))

    def stop(self) -> None:
        """End the helpers, which have nothing left to do."""
        for helper in [*self._helpers, *self._posts]:
            helper.cancel()

    def renewed(self) -> CaseInput:
        """What the next run of this case begins with."""
        return self._start.model_copy(update={"opening": None, "carried": self._carried(), **messages.AS_NOW})

    def end(self) -> CaseEnd:
        """What a closed case leaves in the engine."""
        closed = self._case.facts.closed or ""
        return CaseEnd(reference=self._case.opening.reference, closed=closed, events=self._case.seq)

    # ---- decisions ------------------------------------------------------------------------------------------------

    @workflow.signal(dynamic=True)  # not by its name alone: anything may be sent, and none of it may stop a case
    def signalled(self, name: str, given: Sequence[RawValue]) -> None:
        """Take a decision in (`decide`); a signal that is refused changes nothing and is written down."""
        decision: Any = None
        try:
            decision = _plain(name, given)
            self._take_in(decide(self._case, _read(decision), self._now()))
        except Refusal as refusal:
            known = decision.get("id") if isinstance(decision, dict) else None
            self._take_in(refused(self._case, str(known or "unknown"), str(refusal), self._now()))

    @workflow.update(name=messages.DECIDE)
    def decided(self, decision: Any) -> Answer:
        """Take a decision in and say what follows from it.

        A sender that writes the events to the register itself, as soon as it has the answer and with it the engine's
        word for them, says so beside the decision (`SENDER_RECORDS`), and is told what it needs to make them: the
        case costs the engine nothing more then.
        """
        before = self._case.seq
        try:
            events = decide(self._case, _read(decision), self._now())
        except Refusal as refusal:  # another decision came between the validator and here
            raise ApplicationError(str(refusal), type=messages.REFUSED, non_retryable=True) from refusal
        left = self._start.writes_locally and isinstance(decision, dict) and messages.SENDER_RECORDS in decision
        behind = self._last(1)
        self._take_in(events, ours=not left)
        answer = Answer(first=before + 1, last=self._case.seq)
        if left:
            return answer.model_copy(update={"at": self._now(), "digest": digest([*behind, *events])})
        return answer.model_copy(update={"follows": tuple(follows(self._case, events))})

    @decided.validator
    def _may_decide(self, decision: Any) -> None:
        try:
            decide(self._case, _read(decision), self._now())
        except Refusal as refusal:
            raise ApplicationError(str(refusal), type=messages.REFUSED, non_retryable=True) from refusal

    @workflow.query(name=messages.CASE)
    def case(self) -> Carried:
        """The living case, and what it still has to write to the register."""
        return Carried(case=self._case, unrecorded=self._unrecorded() if self.owes_register() else ())

    @workflow.query(name=messages.EVENTS)
    def events(self) -> Carried:
        """The living case with all its events: what a lost register is written from again."""
        return self._carried()

    def _carried(self) -> Carried:
        events = self._last(self._opened + len(self._log))
        return Carried(case=self._case, unrecorded=self._unrecorded(), events=events)

    def _unrecorded(self) -> tuple[Event, ...]:
        """The events after the last one that this case has written to the register."""
        return self._last(self._case.seq - self._recorded)

    def _last(self, number: int) -> tuple[Event, ...]:
        """The last events; those of an opening are made again rather than kept."""
        kept = tuple(map(_unpacked, self._log[-number:])) if number else ()
        if len(kept) == number or not self._opened:
            return kept
        return (*opened(self._case.opening, self._case.opened_at)[len(kept) - number :], *kept)

    # ---- the clock ------------------------------------------------------------------------------------------------

    def _now(self) -> datetime:
        return workflow.now() - self._start.behind

    async def wait_for_next_rung(self) -> None:
        """Sleep until the earliest rung comes due; wake before only if an earlier one appears or the run ends.

        A fault of a helper is raised here, so that it shows in the engine and is not lost with the helper.
        """
        armed = next_rung(self._case)

        def woken() -> bool:
            rung = next_rung(self._case)
            earlier = rung is not None and (armed is None or rung.at < armed.at)
            return earlier or self.is_finished() or self.must_renew() or any(map(asyncio.Task.done, self._helpers))

        try:
            await workflow.wait_condition(
                woken,
                timeout=armed.at - self._now() if armed else None,
                timeout_summary=f"{armed.id.partition('.')[0]}: {armed.words}" if armed else None,
            )
        except TimeoutError:
            return
        for helper in filter(asyncio.Task.done, self._helpers):
            raise RuntimeError("A helper of this case stopped; mend it and the case goes on.") from helper.exception()

    def is_finished(self) -> bool:
        """Whether the case is closed and nothing is left to send or to write down."""
        return self._case.facts.closed is not None and self._quiet()

    def _quiet(self) -> bool:
        return not self.owes_register() and not any(letter.state == "owed" for letter in self._case.letters.values())

    def must_renew(self) -> bool:
        """Continue as new when the engine suggests it, at a quiet moment unless the history has grown very long."""
        length = workflow.info().get_current_history_length()
        return self._renewal_is_due() and (self._quiet() or length > LONGEST_HISTORY)

    def _renewal_is_due(self) -> bool:
        after = self._start.renew_after
        length = workflow.info().get_current_history_length()
        return length >= after if after else workflow.info().is_continue_as_new_suggested()

    # ---- what follows ---------------------------------------------------------------------------------------------

    def _take_in(self, events: Sequence[Event], *, ours: bool = True) -> None:
        """Apply events; `ours` are those that nobody else writes to the register."""
        self._confirm()
        for event in events:
            self._case = apply_event(self._case, event)
        self._log.extend(map(_packed, events))
        if events:
            self._ours = self._case.seq if ours else self._ours
            self._show()

    def _confirm(self) -> None:
        """Note, at the first event of a workflow task, that the engine has those of the tasks before for certain."""
        task = workflow.info().get_current_history_length()
        if task != self._task:
            self._task, self._confirmed = task, self._case.seq

    def _show(self) -> None:
        """Tell the Temporal Web UI what the case waits for."""
        values = attributes.values(self._case, None if self._start.counts_no_overdue else self._now())
        changes = attributes.changes(workflow.info().typed_search_attributes, values)
        if changes:
            workflow.upsert_search_attributes(changes)
        workflow.set_current_details(in_markdown(self._case, self._now()))

    async def _keep_register(self) -> None:
        """Write events to the register in order; a decision or a timer hardly ever waits for it."""
        while True:
            await workflow.wait_condition(self.owes_register)
            self._confirm()
            self._recorded = await self._written_at_once() or await self._written()

    def owes_register(self) -> bool:
        """Whether there is anything to write: not for what senders of decisions write, unless the run is to end."""
        if self._recorded < self._ours:
            return True
        if self._recorded == self._case.seq:
            return False
        ends = self._case.facts.closed is not None or self._renewal_is_due()
        return ends or self._case.seq - self._recorded > MOST_UNRECORDED

    async def _written_at_once(self) -> int:
        """Try the register within this workflow task, which costs the engine next to nothing.

        The number of the last event written; 0 if that failed. It is written before the engine has the task for
        certain. If the task is lost, done again and makes other events, `confirmed` tells the register which ones may
        be replaced. What closes a case is not written so: nothing comes after it that could replace it. The first
        events are left to who opened the case: they can come out in one way only, and if the register lacks them it
        says so.
        """
        if self._case.facts.closed is not None or not self._start.writes_locally or self._case.seq == self._opened:
            return 0
        batch = self._batch(max(self._recorded, self._opened), self._confirmed)
        try:
            await workflow.execute_local_activity(
                messages.RECORD_EVENTS,
                batch,
                schedule_to_close_timeout=AT_ONCE,
                retry_policy=RetryPolicy(maximum_attempts=1),
            )
        except FailureError as error:  # not an ActivityError: a local activity raises what it failed with
            if is_cancelled_exception(error):
                raise
            return 0
        return batch.events[-1].seq

    async def _written(self) -> int:
        """Write by a regular activity, for as long as it takes; the number of the last event written."""
        batch = self._batch(self._recorded)
        await workflow.execute_activity(
            messages.RECORD_EVENTS,
            batch,
            start_to_close_timeout=timedelta(minutes=1),
            retry_policy=PATIENCE,
            summary=f"Write events {batch.events[0].seq} to {batch.events[-1].seq} to the register",
        )
        return batch.events[-1].seq

    def _batch(self, after: int, confirmed: int | None = None) -> EventBatch:
        events = self._last(self._case.seq - after)
        return EventBatch(reference=self._case.opening.reference, events=events, confirmed=confirmed)

    async def _send_letters(self) -> None:
        """Send what is owed, all letters that are owed at a moment in one activity.

        Those owed later do not wait for one that a mail server keeps putting off: they go in an activity of their own.
        """
        while True:
            await workflow.wait_condition(
                lambda: (
                    any(map(asyncio.Task.done, self._posts)) or (len(self._posts) < MOST_POSTS and bool(self._orders()))
                )
            )
            for post in [post for post in self._posts if post.done()]:
                self._posts.remove(post)
                post.result()  # raises what went wrong in it
            if (orders := self._orders()) and len(self._posts) < MOST_POSTS:
                mail = Mail(reference=self._case.opening.reference, board=self._case.opening.board, letters=orders)
                if self._start.sends_apart:
                    self._posted.update(order.id for order in orders)
                    self._posts.append(asyncio.create_task(self._deliver(mail)))
                else:
                    await self._deliver(mail)

    async def _deliver(self, mail: Mail) -> None:
        reports = await self._send(mail)  # first, for the case goes on meanwhile
        self._posted.difference_update(order.id for order in mail.letters)
        self._take_in(delivered(self._case, reports, self._now()))

    async def _send(self, mail: Mail) -> list[LetterReport]:
        """Have letters sent; if the activity is ended for good, by a person or by a fault, each is a person's task."""
        templates = sorted({order.template for order in mail.letters})
        try:
            reports: list[LetterReport] = await workflow.execute_activity(
                messages.SEND_LETTERS,
                mail,
                result_type=list[LetterReport],
                start_to_close_timeout=timedelta(minutes=5),
                retry_policy=PATIENCE,
                summary=f"Letters: {', '.join(templates)}",
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return [LetterReport(letter=order.id, because=GIVEN_UP) for order in mail.letters]
        return reports

    def _orders(self) -> tuple[LetterOrder, ...]:
        owed = [letter.order for letter in self._case.letters.values() if letter.state == "owed" and letter.order]
        return tuple(order for order in owed if order.id not in self._posted)


LONGEST_HISTORY = 20_000
MOST_POSTS = 4
"""How many activities with letters a case has at a time; while all of them wait, what is owed later waits together."""
MOST_UNRECORDED = 100
"""How many events are kept in case a sender has not written them."""
GIVEN_UP = "Sending it was given up; look at the activity in the engine, mend the cause, and resend it."


def _packed(event: Event) -> bytes | Event:
    """An event as it is kept in memory; the opening as it is, for the case holds it anyway."""
    if isinstance(event, Opened):
        return event
    return zlib.compress(EventAdapter.dump_json(event), 1)


def _unpacked(packed: bytes | Event) -> Event:
    return EventAdapter.validate_json(zlib.decompress(packed)) if isinstance(packed, bytes) else packed


def _plain(name: str, given: Sequence[RawValue]) -> Any:
    """What a signal carries, as plain JSON. Raises Refusal."""
    if name != messages.DECIDE or len(given) != 1:
        raise Refusal(f"A signal is named {messages.DECIDE!r} and carries one decision; this one does not.")
    try:
        return workflow.payload_converter().from_payload(given[0].payload)
    except Exception as error:  # converters raise what they like
        raise Refusal("This signal cannot be read; a decision is one JSON object.") from error


def _read(decision: Any) -> Decision:
    """A decision from a payload. Raises Refusal that names the field and what would be right."""
    if isinstance(decision, dict):
        decision = {name: value for name, value in decision.items() if name != messages.SENDER_RECORDS}
    try:
        return DecisionAdapter.validate_python(decision)
    except ValidationError as error:
        raise Refusal(f"This decision cannot be read: {'; '.join(faults_of(error))}.") from error
