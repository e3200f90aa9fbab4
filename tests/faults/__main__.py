"""The long form, `./dev faults --rounds N [--seed S]`: rounds of the seeds S, S+1, … and one table of all of them."""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from postgres import Server

import telemetry
from faults.plan import SECONDS, plan
from faults.rounds import Round, play


def table(rounds: Sequence[Round], failed: Sequence[int]) -> str:
    """What the rounds came to, as Markdown."""
    faults = sum((one.faults for one in rounds), Counter[str]())
    kinds = Counter[str]()
    for name, number in faults.items():
        kinds[name.partition(" ")[0]] += number
    found = [one.found for one in rounds]
    lines = {
        "rounds": len(rounds) + len([seed for seed in failed if seed not in {one.plan.seed for one in rounds}]),
        "faults": f"{faults.total()}: " + ", ".join(f"{number} × {kind}" for kind, number in kinds.most_common()),
        "decisions": sum(one.decisions for one in found),
        "given again, for nobody had answered": sum(one.again for one in rounds),
        "letters": sum(one.letters for one in found),
        "repeated by SMTP with the same Message-ID": sum(one.repeated for one in found),
        "rungs of deadlines that fired": sum(one.timers for one in found),
        "lost": sum(len(one.lost) for one in found),
        "doubled": sum(len(one.doubled) for one in found),
        "otherwise wrong": sum(len(one.wrong) for one in found),
        "times that the worker's upkeep put the register right": sum(one.mended for one in rounds),
        "failing seeds": ", ".join(map(str, failed)) or "none",
    }
    return "\n".join(["| what | number |", "|---|---|", *(f"| {name} | {value} |" for name, value in lines.items())])


async def main(first: int, number: int, seconds: float, folder: Path) -> int:
    """Play rounds one after another, until told to stop. The folder of a failing round stays where it is."""
    current = asyncio.current_task()
    assert current is not None
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, current.cancel)
    rounds: list[Round] = []
    failed: list[int] = []
    server: Server | None = None
    try:
        for seed in range(first, first + number):
            wanted = plan(seed, seconds)
            if wanted.register == "postgresql" and server is None:
                server = Server()
            place = folder / f"seed-{seed}"
            place.mkdir()
            try:
                one = await play(wanted, place, server)
            except Exception:  # noqa: BLE001 - a round that could not be finished has failed; the others go on
                failed.append(seed)
                print(f"seed {seed}: not finished; its folder is {place}", flush=True)
                traceback.print_exc()
                continue
            rounds.append(one)
            print(line(one), flush=True)
            if one.found.faults:
                failed.append(seed)
                print(*[f"  {fault}" for fault in one.found.faults], f"  its folder is {place}", sep="\n", flush=True)
            else:
                shutil.rmtree(place)
    except asyncio.CancelledError:
        print("Broken off.", file=sys.stderr)
        return 130
    finally:
        if server is not None:
            server.close()
        print(table(rounds, failed))
    return 1 if failed else 0


def line(one: Round) -> str:
    """A round in a line."""
    made, found = one.plan, one.found
    parts = f"{made.register}, {made.mail}, {made.workers} worker{'s' * (made.workers - 1)}"
    done = f"{one.faults.total()} faults, {found.decisions} decisions, {found.letters} letters, {found.timers} rungs"
    return f"seed {made.seed} ({parts}): {done}; {len(found.faults)} wrong; {one.seconds:.0f} s"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="./dev faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="how many (10)")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the first one (1)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"how long each one breaks things ({SECONDS:g})")
    given = parser.parse_args()
    telemetry.keep_stdout_clean()
    kept = Path(tempfile.mkdtemp(prefix="scr-faults-"))
    code = asyncio.run(main(given.seed, given.rounds, given.seconds, kept))
    with suppress(OSError):  # something failed, and is kept
        kept.rmdir()
    sys.exit(code)
