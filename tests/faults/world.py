"""The world of a round: engine, workers, register and mail as processes, with a line that can be cut between them."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from engine import ROOT, connected, dev_server_command, free_port
from notify_server import KEY, TEMPLATE, NotifyServer, notify_server
from postgres import Server
from temporalio.client import Client

from faults.hurried import TASK
from faults.lines import Line
from faults.parts import Part
from faults.plan import Fault, Plan
from faults.registers import Database, SqliteFile, database
from register.sealed import Ring
from register.store import Register

PULSE = 0.1


class World:
    """What runs, and how it is broken. `client` and `register` are the people's own way in."""

    client: Client
    register: Register
    database: Database

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self.parts: dict[str, Part] = {}
        self.lines: dict[str, Line] = {}
        self.notify: NotifyServer | None = None
        self.done: Counter[str] = Counter()
        self._refusing = 0

    @property
    def outbox(self) -> Path:
        return self.folder / "outbox"

    @property
    def mailbox(self) -> Path:
        return self.folder / "mailbox"

    async def do(self, fault: Fault) -> None:
        """Break something, and mend it after its time."""
        await asyncio.sleep(fault.at)
        part, line = self.parts.get(fault.part), self.lines.get(fault.part)
        if line is not None:
            await _break_line(line, fault)
        elif fault.part == "register":
            await asyncio.to_thread(self.database.do, fault)
        elif fault.kind in ("refuse", "drop"):
            await self._refuse(fault)
        else:
            assert part is not None
            await self._break_part(part, fault)
        self.done[f"{fault.kind} {fault.part.split('-')[0]}"] += 1

    async def _break_part(self, part: Part, fault: Fault) -> None:
        if fault.kind == "restart":
            await part.restart()
        elif fault.kind == "full":
            limit = int(fault.amount) + _largest(self.folder) if fault.amount else 0
            await part.full(fault.lasting, limit)
        else:
            kill, lasting = fault.kind == "kill", fault.lasting
            if fault.kind == "catch":
                await asyncio.to_thread(self.database.wait_for_write)
                kill, lasting = fault.amount < 0.1, lasting + TASK.total_seconds()
            await (part.kill if kill else part.stop)(lasting)

    async def _refuse(self, fault: Fault) -> None:
        """Have the mail server take nothing for a while, or (Notify) go before it says that it has taken a letter."""
        if self.notify is not None:
            if fault.kind == "drop":
                self.notify.drop_after_sending += 1
            else:
                self.notify.refusals.append((429 if fault.amount < 0.1 else 503, "Refused", "not now"))
            return
        flag = self.mailbox / "refuse"
        self._refusing += 1
        flag.touch()
        await asyncio.sleep(fault.lasting)
        self._refusing -= 1
        if not self._refusing:
            flag.unlink()

    async def watch(self) -> None:
        """Have what ended by itself come back."""
        while True:
            await asyncio.sleep(PULSE)
            for part in self.parts.values():
                part.watch()

    def said(self, words: str) -> int:
        """How often parts have said something in their logs."""
        return sum(part.log.read_text(errors="replace").count(words) for part in self.parts.values())

    def add_part(self, name: str, command: list[str], env: Mapping[str, str], cwd: Path = ROOT) -> Part:
        self.parts[name] = Part(name, command, env, cwd, self.folder / f"{name}.log")
        self.parts[name].start()
        return self.parts[name]


async def _break_line(line: Line, fault: Fault) -> None:
    if fault.kind == "slow":
        await line.slow(fault.lasting, fault.amount)
    else:
        await {"cut": line.cut, "stall": line.stall}[fault.kind](fault.lasting)


def _largest(folder: Path) -> int:
    """The size of the largest file that a register in a folder has, in bytes."""
    return max((path.stat().st_size for path in folder.glob("register.db*")), default=0)


@asynccontextmanager
async def world(plan: Plan, folder: Path, server: Server | None) -> AsyncIterator[World]:
    """A world that runs, everything in it whole; `server` is the PostgreSQL for plans that want one."""
    made = World(plan, folder)
    async with AsyncExitStack() as stack:
        stack.callback(_end, made)
        port = free_port()
        made.add_part("engine", dev_server_command(folder, port), os.environ)
        env = {**_plain_environment(), "SCR_DATA": str(folder), "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
        env |= await _register(made, stack, server)
        env |= await _mail(made, stack)
        made.register = await stack.enter_async_context(await Register.open(made.database.where, Ring.of(folder)))
        await connected(port, folder)
        for number in range(plan.workers):
            line = await _line(made, stack, f"engine line of worker-{number}", port)
            command = [sys.executable, "-m", "faults.hurried"]
            made.add_part(f"worker-{number}", command, {**env, "TEMPORAL_ADDRESS": f"127.0.0.1:{line.port}"})
        people = await _line(made, stack, "engine line of people", port)
        made.client = await connected(people.port, folder)
        watching = asyncio.create_task(made.watch())
        stack.callback(watching.cancel)
        yield made


def _end(made: World) -> None:
    for part in made.parts.values():
        part.end()


def _plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("SCR_", "TEMPORAL_"))}


async def _line(made: World, stack: AsyncExitStack, name: str, to: int | Path) -> Line:
    made.lines[name] = await stack.enter_async_context(Line(to))
    return made.lines[name]


async def _register(made: World, stack: AsyncExitStack, server: Server | None) -> dict[str, str]:
    if made.plan.register == "sqlite":
        made.database = SqliteFile(made.folder / "register.db")
        return {}
    assert server is not None, "a PostgreSQL is needed"
    made.database = here = stack.enter_context(database(server))
    line = await _line(made, stack, "register line", server.folder / ".s.PGSQL.5432")
    return {"SCR_REGISTER": f"postgresql://postgres@127.0.0.1:{line.port}/{here.name}?sslmode=disable"}


async def _mail(made: World, stack: AsyncExitStack) -> dict[str, str]:
    if made.plan.mail == "outbox":
        return {}
    if made.plan.mail == "notify":
        made.notify = stack.enter_context(notify_server())
        line = await _line(made, stack, "mail line", int(made.notify.url.rpartition(":")[2]))
        url = f"http://127.0.0.1:{line.port}"
        return {
            "SCR_MAIL": "notify",
            "SCR_NOTIFY_KEY": KEY,
            "SCR_NOTIFY_EMAIL_TEMPLATE": TEMPLATE,
            "SCR_NOTIFY_URL": url,
        }
    port = free_port()
    made.mailbox.mkdir()
    command = [sys.executable, "-m", "faults.mailbox", str(port), str(made.mailbox)]
    made.add_part("mail", command, {**os.environ, "PYTHONPATH": str(ROOT / "tests")})
    line = await _line(made, stack, "mail line", port)
    where = {"SCR_SMTP_HOST": "127.0.0.1", "SCR_SMTP_PORT": str(line.port), "SCR_SMTP_SECURITY": "none"}
    return {"SCR_MAIL": "smtp", **where}
