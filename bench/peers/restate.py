# mypy: disable-error-code="import-not-found, untyped-decorator"
"""Restate: a workflow for each case, a durable promise for each decision, a durable sleep for each deadline."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import hypercorn.asyncio
import restate
from hypercorn.config import Config

from bench import deeds, story
from bench.peers.process import Client, server

review = restate.Workflow("Review")


@review.main()
async def run(ctx: restate.WorkflowContext, deadline: float) -> None:
    """One case: take decisions until all are taken, each with a deadline."""
    reference = ctx.key()
    for number in range(1, story.STEPS + 1):
        decision = ctx.promise(f"decision-{number}", type_hint=str)
        match await restate.select(decision=decision.value(), late=ctx.sleep(timedelta(seconds=deadline))):
            case ["decision", because]:
                pass
            case _:
                await ctx.run_typed("overdue", keep, reference=reference, number=number, text="overdue")
                because = await decision.value()
        await ctx.run_typed(f"keep-{number}", keep, reference=reference, number=number, text=because)
        for recipient in story.RECIPIENTS if number in story.WITH_LETTERS else ():
            name = f"letter-{number}-{recipient}"
            await ctx.run_typed(name, send_letter, reference=reference, number=number, recipient=recipient)


@review.handler()
async def decide(ctx: restate.WorkflowSharedContext, decision: dict[str, str]) -> None:
    """Take a decision in."""
    await ctx.promise(f"decision-{decision['number']}", type_hint=str).resolve(decision["because"])


async def keep(reference: str, number: int, text: str) -> None:
    """Keep a decision."""
    await asyncio.to_thread(deeds.insert, deeds.Write(reference, number, text))


async def send_letter(reference: str, number: int, recipient: str) -> None:
    """Send a letter."""
    await asyncio.to_thread(deeds.send, deeds.Letter(reference, number, recipient))


def places() -> list[str]:
    """The URLs of Restate's ingress, of its administration and of this worker."""
    return server().split()


@asynccontextmanager
async def work() -> AsyncIterator[None]:
    """Serve the handlers that Restate calls."""
    config = Config()
    config.bind = [places()[2].removeprefix("http://")]
    config.accesslog, config.loglevel = None, "ERROR"
    app = restate.app([review])
    serving = asyncio.create_task(hypercorn.asyncio.serve(app, config, shutdown_trigger=asyncio.Event().wait))
    yield
    serving.cancel()


class Caller:
    """Reaches the worker by Restate alone."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def begin(self, reference: str, deadline: float) -> None:
        """Send the workflow of a case on its way."""
        await self._send(f"{reference}/run", deadline)

    async def decide(self, reference: str, number: int, because: str) -> None:
        """Send a decision on its way."""
        await self._send(f"{reference}/decide", {"number": number, "because": because}, f"{reference}-{number}")

    async def _send(self, path: str, content: object, key: str | None = None) -> None:
        headers = {} if key is None else {"idempotency-key": key}
        answer = await self.http.post(f"{places()[0]}/Review/{path}/send", json=content, headers=headers)
        answer.raise_for_status()


@asynccontextmanager
async def client() -> AsyncIterator[Client]:
    """Tell Restate where the worker is, and open a connection."""
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.post(f"{places()[1]}/deployments", json={"uri": places()[2]})
        answer.raise_for_status()
        yield Caller(http)
