"""How long it takes to read a whole case from its history, as a worker does that has forgotten it."""

import tempfile
import time
from pathlib import Path

from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer

import starter
from bench import story
from bench.engine import dev_server, start_worker
from bench.plain import PlainReview
from register.sealed import Ring
from register.store import Register
from sandbox import runner
from workflows.serious_case_review import SeriousCaseReview


async def replay(rounds: int) -> list[float]:
    """Time of a replay, ours to the plain workflow's, one ratio a round."""
    from bench.bare import Ours, Plain  # which imports this file

    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        library = story.furnish(folder / "ours")
        story.furnish(folder / "plain")
        ring = Ring.of(folder / "ours")
        with dev_server(folder) as engine:
            async with await Register.open(folder / "ours" / "register.db", ring) as register:
                workers = [start_worker(engine, kind, kind, folder / kind) for kind in ("ours", "plain")]
                sealed, client = await starter.connect(ring, engine.address), await Client.connect(engine.address)
                ours, plain = Ours(sealed, register, library, workers[0]), Plain(client, workers[1])
                histories = [await _played(ours), await _played(plain)]
                for worker in workers:
                    worker.stop()
            converters = (sealed.data_converter, client.data_converter)
    replayers = [
        Replayer(workflows=[SeriousCaseReview], workflow_runner=runner(), data_converter=converters[0]),
        Replayer(workflows=[PlainReview], data_converter=converters[1]),
    ]
    found = []
    for number in range(rounds + 1):
        took = [await _timed(replayer, history) for replayer, history in zip(replayers, histories, strict=True)]
        if number:
            found.append(took[0] / took[1])
    return found


async def _played(variant: object) -> WorkflowHistory:
    from bench.bare import CASES, Ours, Plain

    assert isinstance(variant, Ours | Plain)
    references = await variant.begin()
    for number in range(1, story.STEPS + 1):
        for reference in references:
            await variant.decide(reference, number)
        letters = len(story.RECIPIENTS) * sum(step <= number for step in story.WITH_LETTERS)
        await variant.settled(references, number * CASES, letters * CASES)
    return await variant.client.get_workflow_handle(references[0]).fetch_history()


async def _timed(replayer: Replayer, history: WorkflowHistory) -> float:
    began = time.perf_counter()
    await replayer.replay_workflow(history)
    return time.perf_counter() - began
