"""A desk for tests of the command line: `scr` in this process, with all that it prints caught."""

import errno
import fcntl
import json
import os
import pty
import sqlite3
import struct
import subprocess
import sys
import termios
import time
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from engine import BESIDE, ROOT

import cli
from commands.cases import today

REFERRAL = (ROOT / "examples" / "referral.toml").read_text(encoding="utf-8")


class Said(NamedTuple):
    """What a command ended with, and what it wrote to stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Desk:
    """`scr` with a data folder and an engine's address; stdout and stderr are caught where the process writes them."""

    def __init__(
        self,
        patch: pytest.MonkeyPatch,
        caught: pytest.CaptureFixture[str],
        data: Path,
        address: str = "127.0.0.1:1",
    ) -> None:
        self.data = data
        self._patch = patch
        self._caught = caught
        patch.setenv("SCR_DATA", str(data))
        patch.setenv("TEMPORAL_ADDRESS", address)

    def __call__(self, *words: object) -> Said:
        self._patch.setattr(sys, "argv", ["scr", *map(str, words)])
        self._caught.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Said(int(ended.value.code or 0), *self._caught.readouterr())

    def give(self, reference: str, words: str, by: str, *more: object) -> Said:
        """Give a decision that is taken in."""
        kind, *rest = words.split()
        said = self(kind, reference, *rest, *more, "--by", by, "--because", "It is so.")
        assert (said.code, said.err) == (0, ""), said
        return said

    def settle(self, reference: str) -> Any:
        """The case as JSON, when its letters have gone or failed and that is written down."""

        def quiet() -> Any:
            letters = self("letters", reference, "--json")
            if letters.code == 0 and letters.json and all(letter["state"] != "owed" for letter in letters.json):
                return self("case", reference, "--json").json
            return None

        return until(quiet, f"the letters of {reference} go")

    def kept(self, reference: str = "") -> list[str]:
        """What the register keeps, as SQL: referrals and proclaimed days, and of one case everything."""
        with sqlite3.connect(f"file:{self.data / 'register.db'}?mode=ro", uri=True) as db:
            rows = list(db.iterdump())
        db.close()
        tables = ('INSERT INTO "referrals"', 'INSERT INTO "proclaimed"')
        return [row for row in rows if row.startswith(tables) or (reference and f"'{reference}'" in row)]


def referral(child: str, **changes: str) -> str:
    """The example's referral for another child, received today; `changes` are lines of its head."""
    parsed = tomllib.loads(REFERRAL)
    lines = {"board": '"demo"', "received": f"{today()}", "why": '"Invented."', "agencies": '["health", "police"]'}
    head = "\n".join(f"{key} = {value}" for key, value in (lines | changes).items())
    people = "\n".join(
        f"[{who}]\n" + "\n".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items())
        for who, fields in (parsed | {"child": parsed["child"] | {"name": child}}).items()
        if who in ("child", "referrer", "family")
    )
    return f"{head}\n[stated]\ntell-designated-person = {today()}\n{people}\n"


def refused(said: Said, *words: str) -> None:
    """One line on stderr that says so, nothing on stdout, exit code 2."""
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1), said
    assert [word for word in words if word not in said.err] == [], said.err


def until(probe: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """Ask again and again until the answer is true; fail after a deadline."""
    deadline = time.monotonic() + seconds
    while not (answer := probe()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} seconds"
        time.sleep(0.05)
    return answer


def on_a_terminal(width: int, *words: str, env: Mapping[str, str] | None = None) -> str:
    """What a command prints on a terminal of a width."""
    own, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    plain = {key: value for key, value in {**os.environ, **(env or {})}.items() if key not in ("COLUMNS", "LINES")}
    command = subprocess.Popen([BESIDE / "scr", *words], stdout=its, env=plain | {"TERM": "dumb"})
    os.close(its)
    found = b""
    try:
        while piece := os.read(own, 65536):
            found += piece
    except OSError as error:  # this is how Linux says that nobody writes any more
        if error.errno != errno.EIO:
            raise
    finally:
        os.close(own)
    assert command.wait() == 0
    return found.decode().replace("\r\n", "\n")
