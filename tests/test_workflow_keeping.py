"""The workflow on a time-skipping server: renewal, and a register and a post that are down."""

import asyncio
import json
from datetime import datetime, timedelta

import pytest
from case_world import day
from engine import Office, Play, fired, playing, until
from stories import REVIEW, assignment, closing
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.exceptions import ApplicationError

import starter
from models import messages
from models.decisions import Resend
from models.letters import LetterReport
from models.messages import CaseEnd, EventBatch, Mail

SECOND = timedelta(seconds=1)


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
    await play.give(closing("2013-10-11"))
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
    assert ends[0].closed == "withdrawn"
    assert ends[0].events == len(events[0])


def carried_stage(run: WorkflowHistory) -> str:
    fields = run.events[0].workflow_execution_started_event_attributes.search_attributes.indexed_fields
    return str(json.loads(fields["ScrStage"].data))


async def test_renewal_keeps_deadlines_ids_and_search_attributes() -> None:
    async with playing(renew_after=8) as play, play.worker():
        await play.settle()
        decision = await play.decision("recommend", "scr")
        await play.give(decision)
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
        assert len(office.mails) <= 5  # four that tried, and all the rest at once


async def test_a_letter_that_is_put_off_again_and_again_holds_up_no_later_one() -> None:
    class PuttingOff(Office):
        putting_off = True

        @activity.defn(name=messages.SEND_LETTERS)
        async def send(self, mail: Mail) -> list[LetterReport]:
            if self.putting_off and "referral-acknowledgement" in {order.template for order in mail.letters}:
                raise ConnectionError("Come back later.")
            return await super().send(mail)

    office = PuttingOff()
    async with playing(office=office) as play, play.worker():
        await play.decide("recommend", "scr")
        await play.decide("decide", "initiate")
        await play.go_to("2013-07-09")
        await until(lambda: _sent(play, "decision-notice"), "the later letter goes")
        letters = (await play.case()).letters.values()
        assert {letter.state for letter in letters if letter.template == "referral-acknowledgement"} == {"owed"}
        office.putting_off = False
        assert {letter.state for letter in (await play.settle()).letters.values()} == {"sent"}
        assert len(office.sent) == len(set(office.sent))


async def _sent(play: Play, template: str) -> bool:
    return any(x.state == "sent" for x in (await play.case()).letters.values() if x.template == template)


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
