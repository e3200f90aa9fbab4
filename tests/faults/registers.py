"""The register of a round, and how it is broken: its write lock is held, its connections end, its server crashes."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import psycopg
from postgres import Server
from sqlalchemy import make_url

from faults.plan import Fault
from register.database import _WRITE_LOCK


class Database(Protocol):
    """Where a register is, and what can be done to it from outside; `do` takes as long as the fault lasts."""

    where: str | Path

    def do(self, fault: Fault) -> None: ...

    def wait_for_write(self) -> None:
        """Return when something has been written, or when nothing was for some time."""


class SqliteFile:
    def __init__(self, where: Path) -> None:
        self.where: str | Path = where

    def do(self, fault: Fault) -> None:
        """Hold the write lock."""
        db = sqlite3.connect(self.where, timeout=30, isolation_level=None)
        try:
            db.execute("BEGIN IMMEDIATE")
            time.sleep(fault.lasting)
            db.execute("ROLLBACK")
        finally:
            db.close()

    def wait_for_write(self) -> None:
        log = Path(f"{self.where}-wal")
        _changed(lambda: log.stat().st_mtime_ns if log.exists() else 0)


class PostgreSQL:
    def __init__(self, server: Server, where: str) -> None:
        self.where: str | Path = where
        self.name = str(make_url(where).database)
        self._server = server

    def do(self, fault: Fault) -> None:
        """Hold the write lock, end every connection, or kill a process of the server, which is a crash of all of it."""
        with suppress(psycopg.OperationalError):  # another fault has ended this connection, or the server
            if fault.kind == "lock":
                self._server.sql(f"SELECT pg_advisory_lock({_WRITE_LOCK}), pg_sleep({fault.lasting})", self.name)
            elif fault.kind == "cut":
                self._server.sql(f"SELECT pg_terminate_backend(pid) {OTHERS}", self.name)
            else:
                self._crash()

    def wait_for_write(self) -> None:
        here = f"host={self._server.folder} user=postgres dbname={self.name}"
        with suppress(psycopg.OperationalError), psycopg.connect(here, autocommit=True) as db:
            _changed(lambda: db.execute("SELECT pg_current_wal_insert_lsn()").fetchone())

    def _crash(self) -> None:
        with psycopg.connect(host=str(self._server.folder), user="postgres", dbname=self.name) as db:
            found = db.execute(f"SELECT pid {OTHERS} LIMIT 1".encode()).fetchone()
        if found is not None:
            with suppress(ProcessLookupError):
                os.kill(found[0], signal.SIGKILL)


def _changed(state: Callable[[], object]) -> None:
    before, deadline = state(), time.monotonic() + WAIT
    while state() == before and time.monotonic() < deadline:
        time.sleep(0.0005)


WAIT = 1.5
"""For how many seconds a write is waited for."""
OTHERS = """FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND backend_type = 'client backend'"""


@contextmanager
def database(server: Server) -> Iterator[PostgreSQL]:
    """A database of a server that keeps what it has acknowledged when it crashes."""
    server.sql("ALTER ROLE postgres SET synchronous_commit = on")
    with server.database() as url:
        try:
            yield PostgreSQL(server, url)
        finally:
            server.sql("ALTER ROLE postgres RESET synchronous_commit")
