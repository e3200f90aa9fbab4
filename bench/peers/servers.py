"""The servers that peers keep their state in, each peer with one of its own, so that its cost is its own."""

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.engine import ROOT

CAREFUL = ("-c", "synchronous_commit=on", "-c", "listen_addresses=")
"""PostgreSQL as it comes: what was acknowledged is on the disk."""


class Server(NamedTuple):
    """A server that runs: its URL, its processes (none for a file in the data folder), and the bytes it keeps."""

    url: str
    processes: tuple[int, ...]
    size: Callable[[], int]


Start = Callable[[Path], AbstractContextManager[Server]]
"""Starts a server for a peer whose data folder is given."""


@contextmanager
def no_server(_: Path) -> Iterator[Server]:
    """For a peer whose state is in the SQLite file of its data folder, counted there."""
    yield Server("", (), lambda: 0)


@contextmanager
def postgresql(_: Path) -> Iterator[Server]:
    """A PostgreSQL with a database of its own."""
    tests = str(ROOT / "tests")
    if tests not in sys.path:
        sys.path.append(tests)
    from postgres import Server as PostgreSQL

    server = PostgreSQL(CAREFUL)
    try:
        with server.database() as url:
            yield Server(url, (server.process.pid,), lambda: _database_size(url))
    finally:
        server.close()


def _database_size(url: str) -> int:
    """The bytes of a database when all that can be left out is left out."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as db:
        db.execute("VACUUM FULL")
        db.execute("CHECKPOINT")
        found = db.execute("SELECT pg_database_size(current_database())").fetchone()
        assert found is not None
        return int(found[0])


def file_size(path: Path) -> int:
    """The bytes of a SQLite file when all that can be left out is left out; others may have it open."""
    if not path.exists():
        return 0
    compact = path.with_suffix(".compact")
    compact.unlink(missing_ok=True)
    with closing(sqlite3.connect(path, timeout=30)) as db:
        db.execute("VACUUM INTO ?", (str(compact),))
    size = compact.stat().st_size
    compact.unlink()
    return size
