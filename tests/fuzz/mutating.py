"""Sound input made unsound: bytes, texts and trees of JSON, changed at a few places."""

import copy
import re
import string
from collections.abc import Sequence
from random import Random
from typing import Any

ODD = (
    "", " ", "0", "1", "-1", "9" * 30, "9" * 5_000, "1e400", "NaN", "inf", "0x10", "½", "٣", "１０", "true", "null",
    "[", "{", "}", "]]", '"', "'", '"""', "\\", "\n", "\r\n", "\t", "\0", "\x1b[31m", "\ufeff", "\u202e", "\u200b", "é",
    "é", "ſ", "İ", "ß", "🧒", "../../etc/passwd", "a" * 3_000, "[" * 2_000, "(" * 2_000, "{{7*7}}", "{% for %}",
    "<script>", "%00", "%s%n",
    "' OR 1=1 --", "=cmd|'/c calc'!A0", "2013-02-30", "9999-12-31", "0001-01-01", "10000-01-01",
    "2013", "2013-13", "2013-08", "2013-07-08T09:00:00Z", "2013-07-08 24:00", "1 week", "0 days", "9999 months",
    "immediately",
)  # fmt: skip
"""Texts at which readers stumble."""
VALUES: tuple[Any, ...] = (None, True, False, 0, -1, 1, 10**20, 1.5, float("inf"), [], {}, [[]], {"": {}}, *ODD[:40])
_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")


def a_word(random: Random) -> str:
    """A few signs that mean nothing."""
    return "".join(random.choices(string.printable, k=random.randint(1, 12)))


def text_of(random: Random, samples: Sequence[str], words: Sequence[str] = ODD) -> str:
    """One of the samples with a few of its words or lines changed."""
    by_line = random.random() < 0.3
    sample = random.choice(samples)
    tokens = sample.splitlines(keepends=True) if by_line else _TOKEN.findall(sample)
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        at = random.randrange(len(tokens) + 1)
        match random.randrange(7):
            case 0:
                tokens[at : at + 1] = [random.choice(words)]
            case 1:
                tokens.insert(at, random.choice(words))
            case 2:
                del tokens[at : at + random.choice((1, 1, 2, 8))]
            case 3:
                tokens.insert(at, "".join(tokens[max(0, at - random.randint(1, 12)) : at]))
            case 4 if tokens:
                tokens[at:at] = [random.choice(tokens)]
            case 5:
                tokens.insert(at, a_word(random))
            case 6 if len(tokens) > 1:
                one, other = random.randrange(len(tokens)), random.randrange(len(tokens))
                tokens[one], tokens[other] = tokens[other], tokens[one]
    return "".join(tokens)


def bytes_of(random: Random, samples: Sequence[bytes]) -> bytes:
    """One of the samples with a few of its bytes changed, or cut, or with a piece of another."""
    made = bytearray(random.choice(samples))
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        at = random.randrange(len(made) + 1)
        match random.randrange(6):
            case 0 if made:
                made[at % len(made)] = random.randrange(256)
            case 1 if made:
                made[at % len(made)] ^= 1 << random.randrange(8)
            case 2:
                del made[at : at + random.choice((1, 4, 64))]
            case 3:
                made[at:at] = random.randbytes(random.choice((1, 2, 8)))
            case 4:
                other = random.choice(samples)
                there = random.randrange(len(other) + 1)
                made[at : at + 32] = other[there : there + random.choice((4, 32, 256))]
            case 5:
                made[at:at] = random.choice(ODD).encode()
    return bytes(made[: random.randrange(len(made) + 1)] if random.random() < 0.05 else made)


def tree_of(random: Random, samples: Sequence[Any], more: Sequence[Any] = ()) -> Any:
    """One of the samples, a tree of JSON, with a few of its branches changed; `more` are words that fit somewhere."""
    tree = {"": copy.deepcopy(random.choice(samples))}
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        branches = list(_branches(tree))
        branch, key = random.choice(branches)
        match random.randrange(5):
            case 0 | 1:
                branch[key] = random.choice(more) if more and random.random() < 0.6 else random.choice(VALUES)
            case 2 if branch is not tree:
                del branch[key]
            case 3:
                other, there = random.choice(branches)
                branch[key] = copy.deepcopy(other[there])
            case 4 if isinstance(branch, dict):
                branch[random.choice(ODD[:30])] = random.choice(VALUES)
    return tree[""]


def _branches(tree: Any) -> Any:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in list(items):
        yield tree, key
        if isinstance(value, dict | list):
            yield from _branches(value)
