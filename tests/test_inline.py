"""Cases run in the event loop of their worker: each alone, none for ever."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from engine import connected, dev_server, free_port, until
from temporalio.worker import Worker
from turning import Turning

from inline import Inline, TooLong
from sandbox import runner


async def test_what_is_done_in_the_loop_is_done_in_its_thread_and_leaves_the_loop_as_it_was() -> None:
    loop = asyncio.get_running_loop()

    def work(given: int) -> tuple[int, str]:
        asyncio._set_running_loop(None)  # as the loop of a case does when it stops
        return given, threading.current_thread().name

    assert await loop.run_in_executor(Inline(), work, 7) == (7, threading.main_thread().name)
    assert asyncio.get_running_loop() is loop


async def test_what_goes_wrong_is_raised_where_it_is_waited_for() -> None:
    with pytest.raises(ZeroDivisionError):
        await asyncio.get_running_loop().run_in_executor(Inline(), lambda: 1 / 0)


async def test_what_does_not_come_to_an_end_is_broken_off_although_it_keeps_what_is_raised_in_it() -> None:
    def work() -> str:
        for _ in range(2):
            try:
                while True:
                    pass
            except BaseException:  # noqa: BLE001 - as a task does in which it is raised
                continue
        return "half of it"

    loop = asyncio.get_running_loop()
    with pytest.raises(TooLong, match="broken off"):
        await loop.run_in_executor(Inline(0.05), work)
    assert await loop.run_in_executor(Inline(0.05), lambda: "the next") == "the next"


def test_a_worker_is_not_started_where_its_cases_could_not_be_broken_off() -> None:
    with ThreadPoolExecutor(1) as other, pytest.raises(RuntimeError, match="in the main thread"):
        other.submit(Inline).result()


@pytest.mark.parametrize("how", ["endless", "step by step"])
async def test_a_case_that_does_not_come_to_an_end_keeps_none_of_the_others(
    how: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with dev_server(tmp_path, port := free_port()):
        client = await connected(port)
        async with Worker(
            client,
            task_queue="turning",
            workflows=[Turning],
            workflow_runner=runner(),
            workflow_task_executor=Inline(0.1),
        ):
            endless = await client.start_workflow(Turning.run, how, id="endless", task_queue="turning")

            async def failed() -> str | None:
                events = (await endless.fetch_history()).events
                causes = [event.workflow_task_failed_event_attributes.failure for event in events]
                return next(filter(None, (cause.application_failure_info.type for cause in causes)), None)

            assert await until(failed, "its task has failed") == "TooLong"
            assert await client.execute_workflow(Turning.run, "once", id="other", task_queue="turning") == "done"
            await endless.terminate()
    assert "eviction" not in caplog.text  # it could be let go of
