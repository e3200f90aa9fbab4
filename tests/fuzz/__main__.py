"""The long form: `python -m tests.fuzz --inputs N [--target NAME] [--seed S]` prints a table; exit 1 with faults."""

import argparse
import faulthandler
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # where the tests' own modules are

from fuzz.driver import Tried, run
from fuzz.targets import TARGETS, shared

HANGS = 3_600
"""Seconds after which what is being done is printed and the process ends."""


def table(found: Sequence[Tried]) -> str:
    """What became of the inputs, as Markdown."""
    head = ["| target | inputs | seconds | refused | taken | slowest, ms | faults |", "|---|--:|--:|--:|--:|--:|--:|"]
    rows = [
        (one.target, one.inputs, one.seconds, one.refused, one.taken, one.slowest, len(one.faults)) for one in found
    ]
    sums = [sum(column) for column in list(zip(*rows, strict=True))[1:]]
    rows.append(("all", *sums[:4], max(row[5] for row in rows), sums[5]))
    for name, inputs, seconds, refused, taken, slowest, faults in rows:
        numbers = f"{inputs:,} | {seconds:,.0f} | {refused:,} | {taken:,} | {1000 * slowest:,.0f} | {faults}"
        head.append(f"| {name} | {numbers} |")
    return "\n".join(head)


def main(arguments: list[str]) -> int:
    """Try inputs; print what is a fault, with the seed and the number that make it again, and the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--inputs", type=int, required=True, help="over all targets; with --target, for that one")
    parser.add_argument("--target", choices=sorted(TARGETS), help="this one alone")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first input, to try one again")
    asked = parser.parse_args(arguments)
    numbers = {asked.target: asked.inputs} if asked.target else shared(asked.inputs)
    last, found = Path(tempfile.gettempdir()) / f"fuzz-{asked.seed}-{asked.target or 'all'}.last", []
    for name, number in numbers.items():
        faulthandler.dump_traceback_later(HANGS + number, exit=True)
        tried = run(TARGETS[name](), number, asked.seed, last, asked.first)
        found.append(tried)
        print(f"{name}: {number:,} inputs, {tried.seconds:.0f} s, {len(tried.faults)} faults", file=sys.stderr)
        for fault in tried.faults.values():
            print(f"\n{name}, {fault.times} times at {fault.where}: {fault.words}")
            print(
                f"  again: --target '{name}' --seed {asked.seed} --first {fault.number} --inputs 1\n  {fault.shortest}"
            )
    faulthandler.cancel_dump_traceback_later()
    last.unlink(missing_ok=True)
    print(f"\n{table(found)}")
    return 1 if any(one.faults for one in found) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
