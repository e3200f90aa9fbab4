"""All variants in one run: rounds in shuffled order for pace and CPU, then each alone, then with its worker killed."""

import random
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench.bare import ROUNDS, WANDERS, play
from bench.environments import NoEnvironment
from bench.peers.alone import Alone, all_alone
from bench.peers.losses import Losses, all_losses
from bench.peers.peer import KINDS
from bench.peers.restate_server import binary
from bench.peers.worlds import world
from bench.report import Figure, plain_table, ratios

AGAIN = "plain again"
"""A second plain worker, which shows how far the figures wander by themselves."""
TO_BEAT = ("dbos", "spiff")
"""What ours is to cost less than."""
SEED = 1


class Found(NamedTuple):
    """What a run has found, and why which peers were left out."""

    rounds: Mapping[str, Sequence[Mapping[str, float]]]
    alone: Mapping[str, Alone]
    losses: Mapping[str, Losses]
    left_out: Mapping[str, str]


async def compare(quick: bool) -> Found:
    """The whole run; a quick one has one round, few cases, and does not kill the plain workflow's worker."""
    left_out = unavailable()
    names = ["ours", "plain", *(name for name in KINDS if name not in left_out)]
    rounds = await in_rounds([*names, AGAIN], 1 if quick else ROUNDS)
    apart = await all_alone(names, *((24, 1, 1) if quick else (200, 3, 3)))
    killed = [name for name in names if not (quick and name == "plain")]
    return Found(rounds, apart, await all_losses(killed, 1), left_out)


def unavailable() -> dict[str, str]:
    """The peers whose packages or whose server cannot be had here, and why."""
    found = {}
    for name, kind in KINDS.items():
        try:
            python = kind.python
            if name == "restate":
                subprocess.run([binary(), "--version"], check=True, capture_output=True)
            subprocess.run([python, "-c", f"import {kind.imports}"], check=True, capture_output=True)
        except (NoEnvironment, OSError, subprocess.CalledProcessError) as error:
            found[name] = f"left out: {str(error).partition(':')[0]}"
            print(f"{name} is left out: {error}", file=sys.stderr, flush=True)
    return found


async def in_rounds(names: Sequence[str], rounds: int) -> dict[str, list[dict[str, float]]]:
    """Pace and CPU of each variant in each round; the first round, which warms up, is not counted."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    order = random.Random(SEED)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with AsyncExitStack() as stack:
            worlds = {name: await stack.enter_async_context(world(name, Path(folder) / name)) for name in names}
            for number in range(rounds + 1):
                for name in order.sample(names, len(names)):
                    figures = await play(worlds[name].variant, *worlds[name].processes)
                    if number:
                        found[name].append(figures)
    return found


def void(found: Found) -> bool:
    """Whether plain against plain strayed too far."""
    low, high = WANDERS
    again, plain = found.rounds[AGAIN], found.rounds["plain"]
    return any(not low <= median(ratios(again, plain, name)) <= high for name in ("cpu", "decisions"))


def figures(found: Found) -> list[Figure]:
    """CPU for each decision: each variant's to the plain workflow's, ours to each peer's; the goals are ours."""
    rounds, goals = found.rounds, dict.fromkeys(TO_BEAT, 1.0)
    plain = rounds["plain"]
    to_plain = [
        Figure(f"cpu, {name} to plain", ratios(rounds[name], plain, "cpu")) for name in rounds if name != "plain"
    ]
    to_peers = [
        Figure(f"cpu, ours to {name}", ratios(rounds["ours"], rounds[name], "cpu"), goals.get(name))
        for name in KINDS
        if name in rounds
    ]
    return to_plain + to_peers


def words(found: Found) -> str:
    """What the figures come to, said plainly."""
    plain = found.rounds["plain"]
    cost = {name: median(ratios(rounds, plain, "cpu")) for name, rounds in found.rounds.items() if name != AGAIN}
    mine, base = cost["ours"], median(one["cpu"] for one in plain) * 1000
    shares = ", ".join(f"{name} {share:.2f}" for name, share in sorted(cost.items(), key=lambda each: -each[1]))
    cheaper = [name for name, share in cost.items() if share < mine]
    to_beat = [name for name in TO_BEAT if name in cost]
    missed = [name for name in to_beat if cost[name] <= mine]
    goal = f"it is not met against {' and '.join(missed)}" if missed else "it is met"
    return (
        f"A decision costs the plain workflow {base:.1f} ms of CPU; of that: {shares}. The goal is to cost less than "
        f"{' and '.join(to_beat) or 'those left out'}: {goal}. Cheaper than ours: {', '.join(cheaper) or 'none'}; what "
        "they do not give stands in [bench/peers/README.md](../bench/peers/README.md)."
    )


def table(found: Found) -> str:
    """What one would want to know of each, medians."""
    head = ["variant", "decisions a second", "decision to letters, ms", "CPU ms a decision", "of plain"]
    head += ["memory KB an idle case, worker + servers", "KB on disk a case"]
    rows: list[Sequence[object]] = []
    for name, apart in found.alone.items():
        rounds, plain = found.rounds[name], found.rounds["plain"]
        cells = [
            f"{median(one['decisions'] for one in rounds):.0f}",
            f"{apart.letters:.0f}",
            f"{median(one['cpu'] for one in rounds) * 1000:.1f}",
            f"{median(ratios(rounds, plain, 'cpu')):.2f}",
            f"{apart.worker / 1024:.0f} + {apart.servers / 1024:.0f}",
            f"{apart.disk / 1024:.0f}",
        ]
        rows.append((name, *cells))
    rows += [(name, why) for name, why in found.left_out.items()]
    return plain_table(head, rows)


def table_of_losses(found: Found) -> str:
    """What was missing or there twice after the kills."""
    head = ["variant", "kills", "decisions missing / twice", "letters missing / twice"]
    head += ["deadlines missing / twice", "seconds to settle after a kill"]
    rows: list[Sequence[object]] = [(name, *losses.row()) for name, losses in found.losses.items()]
    rows += [(name, "not killed in a quick run") for name in found.alone if name not in found.losses]
    rows += [(name, why) for name, why in found.left_out.items()]
    return plain_table(head, rows)


def said(found: Found) -> dict[str, Any]:
    """The same as an object."""
    return {
        "cpu_to_plain": {
            name: round(median(ratios(rounds, found.rounds["plain"], "cpu")), 3)
            for name, rounds in found.rounds.items()
        },
        "rounds": found.rounds,
        "alone": {name: apart._asdict() for name, apart in found.alone.items()},
        "losses": {name: vars(losses) for name, losses in found.losses.items()},
        "left_out": found.left_out,
        "void": void(found),
    }
