"""The workflow on a time-skipping server: decisions, timers, renewal, register and post that are down."""

import ast
import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from case_world import ZONE, day, noon, opening, tiny, wt2013_opening
from engine import ROOT, Office, Play, counted, playing, skipping, until
from stories import REVIEW, closing
from temporalio import activity
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError, WorkflowHistory, WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

import starter
from models import messages
from models.case import fold, next_rung
from models.decisions import Assign, Extend, Plan, Proclaim, Resend
from models.events import Fired
from models.letters import LetterReport
from models.messages import Carried, CaseEnd, CaseInput, EventBatch, Mail
from models.refusal import Refusal
from models.timescale import end_of_day
from models.turn import opened
from worker import DRAIN, build_worker, runner

RECOMMEND_EXPIRES = end_of_day(day("2013-07-22"), ZONE)
SECOND = timedelta(seconds=1)


def fired(play: Play, step: str | None = None) -> list[str]:
    """The rungs that the register knows of, in order: step, kind, day."""
    rungs = [event for event in play.office.events if isinstance(event, Fired)]
    return [f"{e.step} {e.kind} {e.on}" for e in rungs if step is None or e.step == step]


def timers(history: WorkflowHistory) -> list[str]:
    """The summaries of the timers armed in a run."""
    started = [e for e in history.events if e.HasField("timer_started_event_attributes")]
    return [json.loads(event.user_metadata.summary.data) for event in started]


async def refusal(play: Play, decision: Any) -> ApplicationError:
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await play.say(decision)
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause


# ---- decisions ----------------------------------------------------------------------------------------------------


async def test_a_decision_is_taken_in_by_signal_and_by_update() -> None:
    async with playing() as play, play.worker():
        await play.settle()
        written = await play.decision("written-notification", "received")
        await play.signal(written.model_dump(mode="json"))
        assert (await play.case()).steps["written-notification"].state == "done"
        answer = await play.say(await play.decision("recommend", "scr"))
        case = await play.settle()
        assert case.steps["recommend"].outcome == "scr"
        assert (answer.first, answer.last) == (19, 20)
        assert answer.follows == (
            "Chair of the LSCB: Decide whether to initiate a Serious Case Review by Thursday 8 August 2013",
        )
        assert [event.seq for event in play.office.events] == list(range(1, case.seq + 1))


UNREADABLE: list[tuple[Any, str]] = [
    ([], "carries one decision"),
    ([1, 2], "carries one decision"),
    (["a word"], "cannot be read"),
    ([{"kind": "decide", "id": "decision-x"}], "by: this field is missing"),
    ([{"kind": "wish"}], "cannot be read"),
    ([None], "cannot be read"),
    ([RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b"{not json"))], "one JSON object"),
    ([RawValue(Payload(metadata={"encoding": b"never/heard"}, data=b"\x00\xff"))], "one JSON object"),
]


async def test_an_unreadable_signal_changes_nothing_and_is_written_down() -> None:
    async with playing() as play, play.worker():
        before = await play.settle()
        for given, _ in UNREADABLE:
            await play.handle.signal(messages.DECIDE, args=given)
        await play.handle.signal("decided", {"kind": "decide"})  # a name that nobody listens to
        case = await play.settle()
        refused = [event for event in play.office.events if event.kind == "refused"]
        assert len(refused) == len(UNREADABLE) + 1
        for event, (_, because) in zip(refused, UNREADABLE, strict=False):
            assert because in event.because
        assert refused[3].decision == "decision-x"
        assert case == before.model_copy(update={"seq": case.seq})


async def test_a_refused_signal_is_written_down_and_a_refused_update_leaves_no_trace() -> None:
    async with playing() as play, play.worker():
        await play.settle()
        decision = await play.decision("recommend", "scr", by="somebody-else")
        before, length = await play.case(), len((await play.history()).events)
        error = await refusal(play, decision)
        assert error.type == messages.REFUSED
        assert error.message == (
            "'somebody-else' does not hold the role LSCB SCR sub-group in this case; it is for sub-group."
        )
        assert (await refusal(play, {"kind": "wish"})).type == messages.REFUSED
        assert await play.case() == before
        assert "WORKFLOW_EXECUTION_UPDATE_ACCEPTED" not in await play.counts()
        assert len((await play.history()).events) <= length + 6  # two empty workflow tasks at most
        await play.signal(decision.model_dump(mode="json"))
        await play.settle()
        assert [e.because for e in play.office.events if e.kind == "refused"] == [error.message]


async def test_a_decision_given_again_has_one_effect() -> None:
    async with playing() as play, play.worker():
        await play.settle()
        decision = await play.decide("recommend", "scr")
        again = await play.say(decision)
        assert again.last < again.first
        await play.signal(decision.model_dump(mode="json"))
        await play.settle()
        assert [e.kind for e in play.office.events].count("decided") == 1
        other = await refusal(play, decision.model_copy(update={"because": "It is otherwise."}))
        assert "was used for another decision" in other.message


async def test_the_door_tells_a_repetition_from_another_decision_with_the_same_id(register: Any) -> None:
    async with playing() as play, play.worker():
        await play.settle()
        decision = await play.decision("recommend", "scr")
        first = await starter.decide(play.client, register, play.reference, decision)
        assert await starter.decide(play.client, register, play.reference, decision) == first
        other = decision.model_copy(update={"step": "written-notification", "outcome": "received"})
        with pytest.raises(Refusal, match="was used for another decision"):
            await starter.decide(play.client, register, play.reference, other)


async def test_two_decisions_at_once_on_one_step_are_one_decision_and_one_refusal() -> None:
    async with playing() as play, play.worker():
        await play.settle()
        given = [await play.decision("recommend", outcome) for outcome in ("scr", "none")]
        answers = await asyncio.gather(*(play.say(decision) for decision in given), return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, WorkflowUpdateFailedError)]
        assert len(refused) == 1
        assert isinstance(refused[0].cause, ApplicationError)
        assert refused[0].cause.type == messages.REFUSED
        await play.settle()
        assert [e.kind for e in play.office.events].count("decided") == 1


# ---- the clock ----------------------------------------------------------------------------------------------------


async def test_one_timer_is_armed_for_each_deadline_that_is_waited_for() -> None:
    async with playing() as play, play.worker():
        await play.decide("written-notification", "received")
        await play.settle()
        rungs = list((await play.case()).steps["recommend"].rungs)
        assert timers(await play.history()) == [
            "written-notification: overdue",  # armed before the decision, and left to run out: it wakes nobody early
        ]
        await play.go_to(rungs[-1].at + SECOND)
        await play.settle()
        history = await play.history()
        assert timers(history)[1:] == [f"recommend: {rung.words}" for rung in rungs]
        assert counted(history)["TIMER_CANCELED"] == 0
        assert fired(play) == [
            "recommend reminded 2013-07-15",
            "recommend reminded 2013-07-19",
            "recommend expired 2013-07-23",
            "recommend escalated 2013-07-24",
            "recommend escalated 2013-08-05",
        ]


async def test_a_timer_is_armed_again_only_when_an_earlier_deadline_appears() -> None:
    async with playing() as play, play.worker():
        await play.decide("written-notification", "received")
        await play.settle()
        await play.go_to("2013-07-09")
        before = await play.counts()
        await play.decide("recommend", "scr")  # its own first rung was armed; the next deadline lies later
        assert (await play.counts())["TIMER_STARTED"] == before["TIMER_STARTED"]
        await play.decide("decide", "initiate")  # letters due on the next working day: earlier
        await play.settle()
        after = await play.counts()
        assert (after["TIMER_STARTED"], after["TIMER_CANCELED"]) == (before["TIMER_STARTED"] + 1, 1)


@pytest.mark.parametrize(("ahead", "state"), [(-1, []), (0, ["expired"]), (1, ["expired"])])
async def test_a_deadline_expires_at_its_moment_and_not_before(ahead: int, state: list[str]) -> None:
    async with playing() as play, play.worker():
        await play.go_to(RECOMMEND_EXPIRES + ahead * SECOND)

        async def kinds() -> list[str]:
            rungs = [rung for rung in (await play.case()).fired if rung.startswith("recommend")]
            return [rung.rpartition(".")[2] for rung in rungs]

        async def expired() -> bool:
            return "2" in await kinds()

        if state:
            await until(expired, "the rung fires")  # no more time passes
        assert await kinds() == ["0", "1", *(["2"] if state else [])]


@pytest.mark.parametrize(
    ("ahead", "made_on", "late_by"),
    [(-1, "2013-07-22", 0), (0, "2013-07-22", 0), (1, "2013-07-22", 0), (0, "2013-07-23", 1), (86400, "2013-07-24", 2)],
)
async def test_late_is_decided_by_the_day_it_was_made(ahead: int, made_on: str, late_by: int) -> None:
    async with playing() as play, play.worker():
        await play.go_to(RECOMMEND_EXPIRES + ahead * SECOND)
        await play.decide("recommend", "scr", on=made_on)
        assert (await play.case()).steps["recommend"].late_by == late_by


async def test_rungs_missed_in_weeks_without_a_worker_fire_in_order_each_once() -> None:
    before = fold(opened(wt2013_opening(), noon("2013-07-08")))
    async with skipping() as env:
        behind = await env.get_current_time() - noon("2013-08-06")
        office = Office()
        office.books["DEMO-2013-001"] += opened(wt2013_opening(), noon("2013-07-08"))
        play = Play(env, office, CaseInput(carried=Carried(case=before), behind=behind))
        await starter.start(env.client, play.start)
        async with play.worker():
            await play.settle()
            rungs = [event.rung for event in play.office.events if isinstance(event, Fired)]
            assert [(rung.at, rung.id) for rung in rungs] == sorted({(rung.at, rung.id) for rung in rungs})
            assert fired(play, "recommend") == [
                "recommend reminded 2013-07-15",
                "recommend reminded 2013-07-19",
                "recommend expired 2013-07-23",
                "recommend escalated 2013-07-24",
                "recommend escalated 2013-08-05",
            ]
            assert len(set(play.office.sent)) == len(play.office.sent)
            assert len(timers(await play.history())) == 0, "nothing is left to wait for"


async def test_a_deadline_moved_later_leaves_no_stray_rung() -> None:
    async with playing() as play, play.worker():
        await play.go_to("2013-07-17")
        move = {"id": "extension-1", "by": "sub-group", "made_on": day("2013-07-17"), "because": "Holidays."}
        await play.say(Extend(**move, step="recommend", to=day("2013-07-31"), agreed_with="the Chair"))
        await play.go_to("2013-07-30")
        await play.settle()
        days = [event.partition(" reminded ")[2] for event in fired(play, "recommend")]
        assert days == ["2013-07-15", "2013-07-24", "2013-07-30"]
        await play.decide("recommend", "scr")
        await play.go_to("2013-08-20")
        await play.settle()
        assert len(fired(play, "recommend")) == 3


async def test_a_proclaimed_day_moves_the_deadline_and_nothing_fires_on_the_old_one() -> None:
    async with playing() as play, play.worker():
        await play.go_to("2013-07-16")
        said = {"id": "proclaim-1", "by": "anyone", "made_on": day("2013-07-16"), "because": "It was proclaimed."}
        await play.say(Proclaim(**said, day=day("2013-07-18"), name="A day of mourning"))
        assert (await play.case()).steps["recommend"].due == day("2013-07-23")
        await play.go_to("2013-07-23", hour=23)
        await play.settle()
        assert "recommend expired" not in " ".join(fired(play))
        await play.go_to("2013-07-24")
        await play.settle()
        assert fired(play, "recommend")[-1] == "recommend expired 2013-07-24"


async def to_publication(play: Play) -> None:
    """Play a case to the decision to publish, on Monday 16 September 2013."""
    await play.play(*REVIEW[:10])


async def test_a_deadline_moved_into_the_past_expires_once_and_one_moved_earlier_wakes_the_timer() -> None:
    async with playing() as play, play.worker():
        await to_publication(play)
        await play.decide("sign-off")
        said = {"by": "business-manager", "because": "The printer is ready."}
        copies = (await play.case()).steps["copy-to-panel"]
        assert copies.due == day("2013-10-07")  # a week before the last day for publication
        plan = Plan(id="planned-1", made_on=day("2013-09-16"), what="publication", day=day("2013-09-30"), **said)
        await play.say(plan)
        await play.go_to("2013-09-17")
        assert next_rung(await play.case()).at < copies.rungs[0].at  # type: ignore[union-attr]
        await play.go_to("2013-09-24")
        await play.settle()
        assert fired(play, "copy-to-panel") == [
            "copy-to-panel reminded 2013-09-20",
            "copy-to-panel expired 2013-09-24",
        ]
        sooner = Plan(id="planned-2", made_on=day("2013-09-24"), what="publication", day=day("2013-09-25"), **said)
        await play.say(sooner)  # it is due on the 18th now, six days ago
        await play.settle()
        assert fired(play, "copy-to-panel")[2:] == ["copy-to-panel escalated 2013-09-20"]


# ---- renewal ------------------------------------------------------------------------------------------------------


async def runs_of(play: Play) -> list[WorkflowHistory]:
    """The histories of all runs of a case, the first one first."""
    last = await play.history()
    found = [last]
    while earlier := found[0].events[0].workflow_execution_started_event_attributes.continued_execution_run_id:
        handle = play.client.get_workflow_handle(play.reference, run_id=earlier)
        found.insert(0, await handle.fetch_history())
    return found


async def whole(play: Play) -> CaseEnd:
    """Play a whole review to its end."""
    await play.settle()
    await play.play(*REVIEW)
    await play.say(closing("2013-10-11"))
    end: CaseEnd = await play.client.get_workflow_handle(play.reference, result_type=CaseEnd).result()
    return end


async def test_renewal_at_every_stage_changes_nothing() -> None:
    events, ends = [], []
    for renew_after in (None, 8):
        async with playing(renew_after=renew_after) as play, play.worker():
            ends.append(await whole(play))
            events.append([e.model_dump(exclude={"at"}) for e in play.office.events])
            assert len(set(play.office.sent)) == len(play.office.sent)
            runs = await runs_of(play)
            assert (len(runs) == 1) == (renew_after is None)
            if renew_after:
                assert len(runs) >= len(REVIEW)
                stages = {carried_stage(run) for run in runs[1:]}
                assert stages >= {"Consideration", "Decision", "Review", "Publication", "Action plan"}
    assert events[0] == events[1]
    assert ends[0] == ends[1]
    assert ends[0].closed == "completed"
    assert ends[0].events == len(events[0])


def carried_stage(run: WorkflowHistory) -> str:
    fields = run.events[0].workflow_execution_started_event_attributes.search_attributes.indexed_fields
    return str(json.loads(fields["ScrStage"].data))


async def test_renewal_keeps_deadlines_ids_and_search_attributes() -> None:
    async with playing(renew_after=8) as play, play.worker():
        await play.settle()
        decision = await play.decide("recommend", "scr")
        case = await play.settle()
        runs = await runs_of(play)
        assert len(runs) >= 2
        begun = [event.event_type for event in runs[-1].events[:5]]
        assert EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES not in begun  # what it has is kept
        assert await play.say(decision, update_id="another-1") == messages.Answer(first=case.seq + 1, last=case.seq)
        assert (await play.case()).model_copy(update={"seq": 0}) == case.model_copy(update={"seq": 0})
        await play.go_to((case.steps["decide"].expires or datetime.max) + SECOND)
        await play.settle()
        assert fired(play, "decide")[-1] == "decide expired 2013-08-09"
        description = await play.handle.describe()
        assert carried_stage(runs[-1]) == "Decision"
        assert description.run_id != runs[0].run_id


async def test_renewal_waits_for_a_quiet_moment_and_carries_on_when_the_history_is_very_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with playing(renew_after=8) as play, play.worker():
        await play.settle()
        play.office.register_up = False
        for person in range(12):
            await play.signal(assignment(person).model_dump(mode="json"))
        await play.case()
        length = len((await play.history()).events)
        assert len(await runs_of(play)) >= 1
        assert length > 8, "it does not renew while events wait for the register"
        play.office.register_up = True
        await play.settle()
        assert [event.seq for event in play.office.events] == list(range(1, (await play.case()).seq + 1))


def assignment(number: int) -> Assign:
    return Assign(
        id=f"assign-{number:03}",
        by="chair",
        made_on=day("2013-07-08"),
        because="It is so.",
        person=f"person-{number}",
        role="panel",
    )


# ---- register and post --------------------------------------------------------------------------------------------


async def test_while_the_register_is_down_decisions_and_timers_go_on_and_it_catches_up_in_order() -> None:
    async with playing() as play, play.worker():
        await play.settle()
        kept = len(play.office.events)
        play.office.register_up = False
        await play.decide("recommend", "scr")
        await play.go_to("2013-07-12")
        case = await play.case()
        assert case.steps["recommend"].state == "done"
        assert [rung.partition(".")[0] for rung in case.fired] == ["written-notification"] * 2
        assert len(play.office.sent) == 3 + 3  # letters go on too
        assert len(play.office.events) == kept
        waiting = (await starter.ask(play.client, play.reference)).unrecorded
        assert [event.seq for event in waiting] == list(range(kept + 1, case.seq + 1))
        play.office.register_up = True
        await play.settle()
        assert [event.seq for event in play.office.events] == list(range(1, case.seq + 1))
        assert play.office.batches[-1][0] == kept + 1 or play.office.batches[-2][0] == kept + 1


async def test_a_register_that_hangs_does_not_hold_up_a_decision() -> None:
    class Hanging(Office):
        @activity.defn(name=messages.RECORD_EVENTS)
        async def record(self, batch: EventBatch) -> int:
            if not self.register_up:
                await asyncio.Event().wait()
            return await super().record(batch)

    async with playing(office=Hanging()) as play, play.worker():
        await play.settle()
        play.office.register_up = False
        async with asyncio.timeout(4):
            await play.decide("recommend", "scr")
        assert (await play.case()).steps["recommend"].state == "done"
        play.office.register_up = True


async def test_while_the_post_is_down_timers_go_on_and_letters_go_once_when_it_is_back() -> None:
    office = Office()
    office.post_up = False
    async with playing(office=office) as play, play.worker():
        await play.decide("written-notification", "received")
        await play.go_to("2013-07-24")
        case = await play.case()
        assert fired(play, "recommend")[-1] == "recommend escalated 2013-07-24"
        assert office.sent == []
        assert sum(letter.state == "owed" for letter in case.letters.values()) == 3 + 5
        office.post_up = True
        case = await play.settle()
        assert sorted(office.sent) == sorted(case.letters)  # each of them once
        assert {letter.state for letter in case.letters.values()} == {"sent"}
        assert len(office.mails) == 2  # what was owed at first, then all the rest at once


async def test_a_letter_activity_that_ends_for_good_becomes_a_persons_task() -> None:
    class Broken(Office):
        @activity.defn(name=messages.SEND_LETTERS)
        async def send(self, mail: Mail) -> list[LetterReport]:
            if not self.post_up:
                raise ApplicationError("Rosa Quill lives at 3 Nowhere Lane.", non_retryable=True)
            return await super().send(mail)

    office = Broken()
    office.post_up = False
    async with playing(office=office) as play, play.worker():
        case = await play.settle()
        assert {letter.state for letter in case.letters.values()} == {"failed"}
        assert not any("Rosa" in str(letter.because) for letter in case.letters.values())
        office.post_up = True
        letter = next(iter(case.letters))
        said = {"by": "chair", "made_on": day("2013-07-08"), "because": "Mended."}
        await play.say(Resend(id="resend-01", letter=letter, **said))
        assert (await play.settle()).letters[letter].state == "sent"
        assert office.sent == [letter]


async def test_a_fault_of_ours_in_a_helper_shows_in_the_engine() -> None:
    class Foolish(Office):
        @activity.defn(name=messages.SEND_LETTERS)
        async def send(self, mail: Mail) -> list[LetterReport]:
            return ["nonsense"] * len(mail.letters)  # type: ignore[list-item]

    async with playing(office=Foolish()) as play, play.worker():

        async def failed() -> bool:
            return "WORKFLOW_TASK_FAILED" in await play.counts()

        await until(failed, "the workflow task fails")


async def test_all_letters_of_one_event_go_in_one_activity() -> None:
    async with playing() as play, play.worker():
        await play.settle()
        await play.decide("recommend", "scr")
        mails = len(play.office.mails)
        await play.decide("decide", "initiate")
        await play.settle()
        assert len(play.office.mails) == mails + 1
        assert len(play.office.mails[-1]) == 2 + 2 + 3  # Ofsted and Panel, the Chief Executives, the outcome thrice


# ---- the end ------------------------------------------------------------------------------------------------------


async def test_a_case_ends_only_when_register_and_post_have_everything() -> None:
    office = Office()
    office.register_up = office.post_up = False
    async with playing(office=office) as play, play.worker():
        await play.say(closing("2013-07-08", "withdrawn"))
        for gone in ("register_up", "post_up"):
            await play.env.sleep(timedelta(minutes=20))
            assert "WORKFLOW_EXECUTION_COMPLETED" not in await play.counts()
            setattr(office, gone, True)
        await play.env.sleep(timedelta(minutes=20))
        end = await play.client.get_workflow_handle(play.reference, result_type=CaseEnd).result()
        assert end == CaseEnd(reference=play.reference, closed="withdrawn", events=len(office.events))
        assert fired(play) == []
        assert len(office.sent) == 3


async def test_nothing_fires_after_a_case_is_closed_and_a_decision_on_it_is_refused() -> None:
    office = Office()
    office.post_up = False
    async with playing(office=office) as play, play.worker():
        await play.say(closing("2013-07-08", "withdrawn"))
        await play.go_to("2013-07-12")  # it is still open in the engine, for the letters
        error = await refusal(play, assignment(1))
        assert error.message == "Case DEMO-2013-001 is closed; reconsider a decision to open it again."
        assert (await play.case()).fired == ()


async def test_a_cancelled_case_writes_down_what_it_took_in_before_it_ends() -> None:
    async with playing() as play, play.worker():
        await play.settle()
        play.office.register_up = False
        await play.decide("recommend", "scr")
        await play.handle.cancel()
        await play.env.sleep(timedelta(minutes=1))
        play.office.register_up = True
        await play.env.sleep(timedelta(minutes=5))
        with pytest.raises(WorkflowFailureError) as caught:
            await play.handle.result()
        assert isinstance(caught.value.cause, CancelledError)
        assert play.office.events[-2].kind == "decided"


async def test_a_second_start_changes_nothing() -> None:
    async with playing() as play, play.worker():
        await play.decide("recommend", "scr")
        assert not await starter.start(play.client, play.start)
        assert (await play.case()).steps["recommend"].state == "done"


# ---- what keeps it sound ------------------------------------------------------------------------------------------


async def test_a_worker_that_forgets_a_case_after_every_task_replays_it_each_time() -> None:
    async with playing() as play, play.worker(max_cached_workflows=0):
        await play.settle()
        await play.play(*REVIEW[:4])
        case = await play.settle()
        assert case.steps["notify-cqc"].state == "done"
        assert "WORKFLOW_TASK_FAILED" not in await play.counts()


async def test_another_procedure_runs_the_same_way() -> None:
    async with playing(opening(procedure=tiny())) as play, play.worker():
        case = await play.settle()
        assert case.procedure.id == "tiny"
        assert timers(await play.history())[0].startswith("ask[")


def test_the_sandbox_is_on() -> None:
    assert isinstance(runner(), SandboxedWorkflowRunner)
    passed = runner().restrictions.passthrough_modules
    assert "models" in passed
    assert not passed & {"workflows", "activities", "register", "sqlalchemy", "jinja2"}


async def test_the_real_worker_runs_in_the_sandbox(register: Any, library: Any, tmp_path: Any) -> None:
    async with skipping() as env:
        built = build_worker(env.client, register, library, tmp_path)
        config = built.config()
        assert isinstance(config.get("workflow_runner"), SandboxedWorkflowRunner)
        assert not config.get("debug_mode")
        assert config.get("graceful_shutdown_timeout") == DRAIN > timedelta()


def test_workflow_files_import_models_and_workflows_only() -> None:
    allowed = {"models", "workflows", "temporalio", "pydantic", "asyncio", "collections", "datetime", "typing"}
    for path in (ROOT / "workflows").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        names |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert {name.partition(".")[0] for name in names} <= allowed, path.name


def test_the_workflow_reads_in_one_screen() -> None:
    tree = ast.parse((ROOT / "workflows" / "serious_case_review.py").read_text(encoding="utf-8"))
    run = next(n for n in ast.walk(tree) if isinstance(n, ast.AsyncFunctionDef) and n.name == "run")
    assert (run.end_lineno or 0) - run.lineno < 30
