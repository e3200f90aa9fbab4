"""Run benchmarks: `./dev bench [NAME …] [--json] [--quick]`. Without names all are run, into docs/performance.md.

`bare` is the product beside a plain workflow, `core` the rules without Temporal, `letters` text, HTML and PDF.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

from bench import bare, core, letters, report

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
    """The rules without Temporal."""
    rows = core.measure(0.3 if quick else 2.0)
    return report.plain_table(("what", "a second"), rows), dict(rows)


async def of_letters(quick: bool) -> tuple[str, dict[str, object]]:
    """Letters on one core."""
    rows = letters.measure(0.5 if quick else 5.0)
    return report.plain_table(("what", "a second, one core"), rows), dict(rows)


BENCHMARKS: dict[str, tuple[str, Callable[[bool], Awaitable[tuple[str, dict[str, object]]]]]] = {
    "bare": ("The product beside a plain workflow", of_bare),
    "core": ("The rules without Temporal", of_core),
    "letters": ("Letters", of_letters),
}


async def main(names: list[str], as_json: bool, quick: bool) -> None:
    """Run benchmarks and print what they found."""
    found = {}
    for name in names:
        title, run = BENCHMARKS[name]
        text, said = await run(quick)
        found[name] = said
        if not as_json:
            print(f"## {title}\n\n{text}\n", flush=True)
        PARTS.append(f"## {title}\n\n{run.__doc__}\n\n{text}\n")
    if as_json:
        print(json.dumps(found[names[0]] if len(names) == 1 else found, indent=2))


PARTS: list[str] = []
METHOD = """# Performance

Written by `./dev bench` on {day}: {machine} The engine's file has `journal_mode=WAL` and `synchronous=NORMAL`, which is
a benchmark's setting: for real cases `./dev up` leaves the safe ones.

A ratio is ours divided by what it is compared to, measured in the same run, one a round; what stands here is the median
and the range. Absolute times mean nothing on another machine.

{notes}
"""
NOTES = Path(__file__).with_name("notes.md")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and cases; for trying, not for citing")
    given = parser.parse_args()
    if unknown := [name for name in given.names if name not in BENCHMARKS]:
        sys.exit(f"There is no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}.")
    asyncio.run(main(given.names or list(BENCHMARKS), given.json, given.quick))
    if not given.names and not given.quick:
        head = METHOD.format(
            day=date.today(), machine=report.machine(), notes=NOTES.read_text(encoding="utf-8").strip()
        )
        REPORT.write_text("\n".join([head, *PARTS]), encoding="utf-8")
