"""Decisions that are written down by whoever gave them, while tasks of the workflow are lost and others write."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from case_world import noon, wt2013_opening
from desk import REFERRAL
from engine import SHA256, connected, dev_server, free_port
from sqlalchemy.exc import OperationalError

import recording
import starter
from library import Library
from models.case import Case, fold
from models.deciding import decide
from models.decisions import Close, Decide
from models.events import Event, digest
from models.letters import LetterReport
from models.messages import Answer
from models.referral import read_referral
from models.refusal import Refusal
from models.turn import delivered, opened
from register import queries
from register.store import Register
from worker import build_worker

AT = noon("2013-07-08")
REFERENCE = "DEMO-2013-001"
DECISION = Decide(
    id="decision-1", by="sub-group", made_on=AT.date(), because="It is so.", step="recommend", outcome="scr"
)


def letter_gone(case: Case, minutes: int) -> list[Event]:
    """What a task writes of the first letter when it comes so many minutes later."""
    letter = next(iter(case.letters))
    return delivered(case, [LetterReport(letter=letter, sha256=SHA256)], AT + timedelta(minutes=minutes))


async def test_a_decision_is_not_put_behind_what_a_lost_task_wrote(register: Register) -> None:
    """Else that would count as certain, and the register would refuse for ever what the engine has in its place."""
    begun = opened(wt2013_opening(), AT)
    await register.append(REFERENCE, begun)
    lost, real = letter_gone(fold(begun), 1), letter_gone(fold(begun), 2)
    await register.append(REFERENCE, lost, confirmed=len(begun))
    made = decide(fold([*begun, *real]), DECISION, AT + timedelta(minutes=3))
    mark = digest([real[-1], *made])
    answer = Answer(first=made[0].seq, last=made[-1].seq, at=AT + timedelta(minutes=3), digest=mark)
    async with recording.under_way(register, REFERENCE, "mark") as record:
        assert record is not None
        assert await record(DECISION, answer) is None, "the workflow must be asked"
    await register.append(REFERENCE, [*real, *made])
    assert await queries.events(register, REFERENCE) == [*begun, *real, *made]


@pytest.mark.slow
async def test_a_decision_that_closed_its_case_is_answered_again(
    register: Register, library: Library, tmp_path: Path
) -> None:
    """Whoever did not get the answer gives it again, and the workflow has ended meanwhile."""
    port, close = (
        free_port(),
        Close(id="decision-1", by="bm", made_on=date.today(), because="It is so.", how="withdrawn"),
    )
    with dev_server(tmp_path, port):
        client = await connected(port)
        async with build_worker(client, register, library, tmp_path / "outbox"):
            reference = await starter.refer(client, register, library, read_referral(REFERRAL, "referral.toml"))
            first = await starter.decide(client, register, reference, close)
            await client.get_workflow_handle(reference).result()
            again = await starter.decide(client, register, reference, close)
            assert (again.first, again.last, again.follows) == (first.first, first.last, first.follows)
            with pytest.raises(Refusal, match="no open case"):
                await starter.decide(client, register, reference, close.model_copy(update={"id": "decision-2"}))
    assert await register.unsettled(datetime.now(UTC)) == []


async def test_a_decision_is_put_behind_what_the_engine_has(register: Register) -> None:
    begun = opened(wt2013_opening(), AT)
    await register.append(REFERENCE, begun)
    made = decide(fold(begun), DECISION, AT)
    answer = Answer(first=made[0].seq, last=made[-1].seq, at=AT, digest=digest([begun[-1], *made]))
    async with recording.under_way(register, REFERENCE, "mark") as record:
        assert record is not None
        assert await record(DECISION, answer) == recording.told(answer, [*begun, *made])
    assert await queries.events(register, REFERENCE) == [*begun, *made]
    assert await register.unsettled(AT + timedelta(days=36500)) == []


async def test_what_cannot_be_written_now_is_left_to_the_worker(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = opened(wt2013_opening(), AT)
    await register.begin(REFERENCE, "mark")

    async def down(*_: object) -> None:
        raise OperationalError("", {}, Exception("The database does not answer."))

    with monkeypatch.context() as patched:
        patched.setattr(register, "append", down)
        await recording.write(register, REFERENCE, "mark", begun)
    assert await register.unsettled(datetime.now(UTC)) == [REFERENCE]
    await recording.write(register, REFERENCE, "mark", begun)
    assert await register.unsettled(datetime.now(UTC)) == []
    assert await queries.events(register, REFERENCE) == begun
