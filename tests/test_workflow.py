"""The workflow on a time-skipping server: decisions, timers, renewal, register and post that are down."""

import ast
import asyncio
from datetime import timedelta
from typing import Any

import pytest
from case_world import ZONE, day, noon, opening, tiny, wt2013_opening
from engine import ROOT, Office, Play, counted, fired, playing, skipping, timers, until
from stories import REVIEW, assignment, closing
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

import starter
from models import messages
from models.case import fold, next_rung
from models.decisions import Extend, Plan, Proclaim
from models.events import Fired
from models.messages import Carried, CaseEnd, CaseInput
from models.refusal import Refusal
from models.timescale import end_of_day
from models.turn import opened
from sandbox import runner
from worker import DRAIN, build_worker

RECOMMEND_EXPIRES = end_of_day(day("2013-07-22"), ZONE)
SECOND = timedelta(seconds=1)


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
        kept = error.message.replace("somebody-else", "…")  # what the sender wrote may be anything
        assert [e.because for e in play.office.events if e.kind == "refused"] == [kept]


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
        assert await timers(await play.history()) == [
            "written-notification: overdue",  # armed before the decision, and left to run out: it wakes nobody early
        ]
        await play.go_to(rungs[-1].at + SECOND)
        await play.settle()
        history = await play.history()
        assert (await timers(history))[1:] == [f"recommend: {rung.words}" for rung in rungs]
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
            assert len(await timers(await play.history())) == 0, "nothing is left to wait for"


async def test_a_deadline_moved_later_leaves_no_stray_rung() -> None:
    async with playing() as play, play.worker():
        await play.go_to("2013-07-17")
        move = {"id": "extension-1", "by": "chair", "made_on": day("2013-07-17"), "because": "Holidays."}
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


async def test_a_cancelled_case_ends_though_a_sender_was_to_write_its_last_events() -> None:
    async with playing() as play, play.worker():
        await play.settle()
        decision = (await play.decision("recommend", "scr")).model_dump(mode="json")
        await play.say({**decision, messages.SENDER_RECORDS: True})
        await play.handle.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            async with asyncio.timeout(20):
                await play.handle.result()
        assert isinstance(caught.value.cause, CancelledError)


async def test_a_second_start_changes_nothing() -> None:
    async with playing() as play, play.worker():
        await play.decide("recommend", "scr")
        assert not await starter.start(play.client, play.start)
        assert (await play.case()).steps["recommend"].state == "done"


# ---- what keeps it sound ------------------------------------------------------------------------------------------


async def test_another_procedure_runs_the_same_way() -> None:
    async with playing(opening(procedure=tiny())) as play, play.worker():
        case = await play.settle()
        assert case.procedure.id == "tiny"
        assert (await timers(await play.history()))[0].startswith("ask[")


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
    standard = {"asyncio", "collections", "datetime", "typing", "zlib"}
    allowed = {"models", "workflows", "temporalio", "pydantic"} | standard
    for path in (ROOT / "workflows").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        names |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert {name.partition(".")[0] for name in names} <= allowed, path.name


def test_the_workflow_reads_in_one_screen() -> None:
    tree = ast.parse((ROOT / "workflows" / "serious_case_review.py").read_text(encoding="utf-8"))
    run = next(n for n in ast.walk(tree) if isinstance(n, ast.AsyncFunctionDef) and n.name == "run")
    assert (run.end_lineno or 0) - run.lineno < 30
