"""Opening the database: where it is, how SQLite is set to keep what it was given, and bringing it up to date."""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import OperationalError
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url

WRITES = "register_writes"
"""Execution option of connections that write: their transaction takes the write lock when it begins."""
_BUSY_SECONDS = 30
_MIGRATING = threading.Lock()  # Alembic keeps the migration that runs in a global
_MIGRATIONS = Path(__file__).parent / "migrations"


def url_of(where: str | Path) -> URL:
    """The database URL of a URL or of the path of a SQLite file."""
    if isinstance(where, str) and "://" in where:
        return make_url(where)
    return URL.create("sqlite", database=str(Path(where).absolute()))


def connect(url: URL) -> Engine:
    """An engine for the register; its connections are made when they are needed."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url)
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS})
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def upgrade(engine: Engine) -> None:
    """Bring the tables up to date, making the database first where there is none.

    Processes that do this at once take turns, and all but the first find nothing to do.
    """
    if engine.dialect.name != "sqlite":
        _migrate(engine)
        return
    path = Path(engine.url.database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path.parent):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite's own files beside it take over the mode
        _migrate(engine)


def _migrate(engine: Engine) -> None:
    with _MIGRATING, engine.execution_options(**{WRITES: True}).begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def purge(engine: Engine) -> bool:
    """Rewrite the database without what was deleted, and empty the log beside it; False where others keep it from it.

    Deleted content stays in free places of a SQLite file, and its earlier pages in the log, until this is done.
    Raises OSError where it cannot be done, for want of room for example.
    """
    if engine.dialect.name != "sqlite":
        return True
    connection = engine.raw_connection()  # neither can be done inside a transaction
    try:
        cursor = connection.cursor()
        cursor.execute("VACUUM")
        busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        cursor.close()
    except OperationalError as error:
        if error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return False
        raise OSError(f"The register cannot be written anew: {error}.") from error
    finally:
        connection.close()
    return not busy


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder: SQLite cannot be put into WAL mode by two processes at once."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)  # and with it the lock


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, not guessed by the driver
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # a power failure must not lose what was acknowledged
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
