"""What a round breaks, and when: all of it follows from the round's seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal

Kind = Literal["kill", "stop", "restart", "cut", "stall", "slow", "full", "lock", "crash", "refuse", "drop", "catch"]
REGISTERS = ("sqlite", "sqlite", "postgresql")
MAILS = ("outbox", "smtp", "notify")
CASES = 4
SECONDS = 12.0
"""How long a round breaks things, by default; it lasts until everything has come to rest after that."""


@dataclass(frozen=True)
class Fault:
    """One thing done to one part: `at` seconds after the round begins, for `lasting` seconds.

    `amount` is what the kind makes of it: bytes that still fit on a full disk, seconds by which a slow line delays.
    "catch" kills or stops when something has just been written to the register, and perhaps to nothing else.
    """

    at: float
    kind: Kind
    part: str
    lasting: float = 0.0
    amount: float = 0.0


@dataclass(frozen=True)
class Plan:
    """A round: its parts, and its faults in the order of their moments. `renew_after` as in `CaseInput`."""

    seed: int
    seconds: float
    register: str
    mail: str
    workers: int
    renew_after: int | None
    faults: tuple[Fault, ...]


def plan(seed: int, seconds: float = SECONDS) -> Plan:
    """The round of a seed: the same for ever."""
    chance = Random(f"setting {seed}")
    register, mail = chance.choice(REGISTERS), chance.choice(MAILS)
    workers, renew = chance.choice((1, 2)), chance.choice((None, None, 25))
    workshop = [f"worker-{number}" for number in range(workers)]
    streams = [
        _stream(seed, seconds, "engine", 2.5, ("kill", "stop", "stop", "restart", "full")),
        *(
            _stream(seed, seconds, part, 1.5, ("kill", "catch", "catch", "stop", "stop", "restart", "full"))
            for part in workshop
        ),
        *(_stream(seed, seconds, f"engine line of {part}", 1.0, ("cut", "stall", "slow")) for part in workshop),
        _stream(seed, seconds, "engine line of people", 1.5, ("cut", "stall", "slow")),
        _stream(seed, seconds, "register", 0.8, ("lock",) if register == "sqlite" else ("lock", "cut", "crash", "cut")),
    ]
    if register == "postgresql":
        streams.append(_stream(seed, seconds, "register line", 1.0, ("cut", "stall", "slow")))
    if mail != "outbox":
        streams.append(_stream(seed, seconds, "mail line", 0.8, ("cut", "stall", "slow")))
        own: tuple[Kind, ...] = ("kill", "stop", "restart", "refuse") if mail == "smtp" else ("refuse", "drop")
        streams.append(_stream(seed, seconds, "mail", 0.8, own))
    faults = sorted((fault for stream in streams for fault in stream), key=lambda fault: fault.at)
    return Plan(seed, seconds, register, mail, workers, renew, tuple(faults))


def _stream(seed: int, seconds: float, part: str, every: float, kinds: tuple[Kind, ...]) -> Iterator[Fault]:
    """Faults of one part, `every` so many seconds on the average, until two thirds of a second before the end."""
    chance = Random(f"{part} {seed}")
    at = chance.expovariate(1 / every)
    while at < seconds:
        kind = chance.choice(kinds)
        lasting = min(chance.expovariate(1 / MEAN.get(kind, 0.4)), LONGEST)
        amount = chance.choice((0, 0, chance.uniform(0, 60_000))) if kind == "full" else chance.uniform(0.01, 0.2)
        yield Fault(round(at, 3), kind, part, round(lasting, 3), round(amount, 3))
        at += chance.expovariate(1 / every)


TO_A_WORKER: tuple[Kind, ...] = ("kill", "catch", "catch", "stop", "stop", "restart", "full")
MEAN = {"stop": 0.9, "lock": 0.7, "stall": 0.9, "full": 0.7}
"""How long a fault of a kind lasts on the average, in seconds, where that is not 0.4."""
LONGEST = 3.5
"""Seconds: longer than a case waits for the register, and than a workflow task may take here."""
