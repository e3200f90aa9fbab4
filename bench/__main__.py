"""Run benchmarks: `./dev bench [NAME …] [--json] [--quick]`; all of them without names, which takes more than an hour.

What is run in full renews its own section of docs/performance.md.

`bare` is the product beside a plain workflow, `core` the rules without Temporal, `rehearsal` a rehearsed year,
`letters` text, HTML and PDF, `profile` where a decision's milliseconds go,
`growth` ever more open and closed cases, `restart` a cold worker, `peers` what else one would pick.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

from bench import bare, core, growth, letters, profiling, rehearsing, report, restarting
from bench.environments import NoEnvironment
from bench.peers import compare as peers

REPORT = Path(__file__).resolve().parents[1] / "docs" / "performance.md"


async def of_bare(quick: bool) -> tuple[str, dict[str, object]]:
    """The product beside the plain workflow; void where the plain one beside itself strays too far."""
    figures, absolute = await bare.compare(2 if quick else bare.ROUNDS, quick)
    said: dict[str, object] = {figure.name: round(figure.median, 3) for figure in figures}
    said["bare_against_bare"] = {
        figure.name.rpartition(" ")[2]: round(figure.median, 3) for figure in figures if figure.name.startswith("bare")
    }
    said = {name: value for name, value in said.items() if not name.startswith("bare against")}
    low, high = bare.WANDERS
    said["void"] = any(not low <= figure.median <= high for figure in figures if figure.name.startswith("bare"))
    text = report.table(figures)
    if said["void"]:
        text = "**Void: plain against plain strayed out of 0.9 to 1.1; the machine was busy.**\n\n" + text
    return f"{text}\n\n{bare.absolute(absolute)}", said


async def of_core(quick: bool) -> tuple[str, dict[str, object]]:
    """The rules without Temporal: due dates beside libraries that count the same days (and explain none), decisions."""
    return await asyncio.to_thread(core.compare, quick)


async def of_letters(quick: bool) -> tuple[str, dict[str, object]]:
    """Letters on one core, and the same ones set by WeasyPrint: the same words, fonts and pages."""
    return await asyncio.to_thread(letters.compare, quick)


async def of_rehearsal(quick: bool) -> tuple[str, dict[str, object]]:
    """A rehearsal of twelve months, and a bare case of twelve months, on the test server that skips time."""
    return await rehearsing.compare(quick)


async def of_profile(quick: bool) -> tuple[str, dict[str, object]]:
    """One decision with five letters, confirmed by HTTP; answer and letters go their ways at once, on one machine."""
    return await profiling.profile(quick)


async def of_growth(quick: bool) -> tuple[str, dict[str, object]]:
    """More and more open cases in one engine; more and more closed ones in a register, as the pages show them."""
    sizes, closed = (growth.QUICK_SIZES, growth.QUICK_CLOSED) if quick else (growth.SIZES, growth.CLOSED)
    found = await growth.open_cases(sizes, 20 if quick else growth.DECISIONS)
    shown = await growth.closed_cases(closed)
    text = f"{growth.table_of_open(found)}\n\n{growth.table_of_closed(closed, shown)}"
    return text, growth.said(found, shown)


async def of_restart(quick: bool) -> tuple[str, dict[str, object]]:
    """A new worker, which has nothing in memory, in an engine with 10,000 open cases."""
    found = await restarting.restart(restarting.QUICK_CASES if quick else restarting.CASES)
    return restarting.table(found), restarting.said(found)


async def of_peers(quick: bool) -> tuple[str, dict[str, object]]:
    """The same story with what else one would pick (bench/peers/README.md says what is given up with each)."""
    found = await peers.compare(quick)
    tables = (peers.words(found), peers.table(found), report.table(peers.figures(found)), peers.table_of_losses(found))
    head = ["**Void: plain against plain strayed out of 0.9 to 1.1.**"] if peers.void(found) else []
    return "\n\n".join([*head, *tables]), peers.said(found)


BENCHMARKS: dict[str, tuple[str, Callable[[bool], Awaitable[tuple[str, dict[str, object]]]]]] = {
    "bare": ("The product beside a plain workflow", of_bare),
    "core": ("The rules without Temporal", of_core),
    "rehearsal": ("A rehearsal", of_rehearsal),
    "letters": ("Letters", of_letters),
    "profile": ("One decision, from the click to the outbox", of_profile),
    "growth": ("Growth", of_growth),
    "restart": ("A cold worker", of_restart),
    "peers": ("Against what else one would pick", of_peers),
}


async def main(names: list[str], as_json: bool, quick: bool) -> None:
    """Run benchmarks and print what they found."""
    found = {}
    for name in names:
        title, run = BENCHMARKS[name]
        try:
            text, said = await run(quick)
        except NoEnvironment as error:
            text, said = f"**Not measured:** {error}", {"not measured": str(error)}
        found[name] = said
        if not as_json:
            print(f"## {title}\n\n{text}\n", flush=True)
        if not quick:
            write_down(title, f"{run.__doc__}\n\nRun on {date.today()}.\n\n{text}\n")
    if as_json:
        print(json.dumps(found[names[0]] if len(names) == 1 else found, indent=2))


METHOD = """# Performance

Written by `./dev bench`: {machine} The engine's file has `journal_mode=WAL` and `synchronous=NORMAL`, which is
a benchmark's setting: for real cases `./dev up` leaves the safe ones.

A ratio is ours divided by what it is compared to, measured in the same run, one a round; what stands here is the median
and the range. Absolute times mean nothing on another machine.

{notes}
"""
NOTES = Path(__file__).with_name("notes.md")


def write_down(title: str, text: str) -> None:
    """Put a benchmark's section into docs/performance.md in place of the one before; the others stay."""
    known = REPORT.read_text(encoding="utf-8") if REPORT.exists() else ""
    parts = [part.partition("\n\n") for part in known.split("\n## ")[1:]]
    sections = {head.strip(): body.strip() for head, _, body in parts} | {title: text.strip()}
    head = METHOD.format(machine=report.machine(), notes=NOTES.read_text(encoding="utf-8").strip())
    kept = [f"## {name}\n\n{sections[name]}\n" for name, _ in BENCHMARKS.values() if name in sections]
    REPORT.write_text("\n".join([head, *kept]), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and cases; for trying, not for citing")
    given = parser.parse_args()
    if unknown := [name for name in given.names if name not in BENCHMARKS]:
        sys.exit(f"There is no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}.")
    asyncio.run(main(given.names or list(BENCHMARKS), given.json, given.quick))
