"""Opening the database: where it is, how SQLite and PostgreSQL are set to keep what they are given, its migrations.

Whoever writes holds one lock from the beginning of the transaction to its end, on either: what a transaction has read
stays true until it commits, and none is ever done twice (one that disposes of records deletes files too). Writes are
few and short, so that one lock for all of them costs nothing that could be felt.
"""

import os
import sqlite3
import time
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, LargeBinary, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from register.errors import RegisterError
from register.tables import Base

WRITES = "register_writes"
"""Execution option of connections that write: their transaction takes the write lock when it begins."""
_BUSY_SECONDS = 30
_CONNECT_SECONDS = 10
_STATEMENT_SECONDS = 120
_PAUSE_SECONDS = 0.05
_WRITE_LOCK = 0x534352  # "SCR"; the key of an advisory lock, which is one database's own
_POSTGRESQL = ("postgresql", "postgresql+psycopg")
_LOCK_NOT_AVAILABLE = "55P03"  # what PostgreSQL calls it; its driver is not there to ask where there is SQLite
MIGRATIONS = Path(__file__).parent / "migrations"


def where(folder: Path) -> str | Path:
    """Where the register of a data folder is: the database that `SCR_REGISTER` names, else a SQLite file there.

    Raises RegisterError where `SCR_REGISTER` is no URL of a database.
    """
    named = os.environ.get("SCR_REGISTER")
    if not named:
        return folder / "register.db"
    if "://" not in named:
        raise RegisterError(_NO_URL)
    url_of(named)
    return named


def url_of(where: str | Path) -> URL:
    """The database URL of a URL or of the path of a SQLite file. Raises RegisterError, which repeats no password."""
    if not isinstance(where, str) or "://" not in where:
        return URL.create("sqlite", database=str(Path(where).absolute()))
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        raise RegisterError(_NO_URL) from None  # what they say may hold a piece of the password
    if "@" in f"{url.host}{url.database}":
        raise RegisterError("SCR_REGISTER holds an @ too many: write @ as %40 and / as %2F in its password.")
    if url.drivername in _POSTGRESQL and url.database:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database:
        return url
    raise RegisterError(_NO_URL)


_NO_URL = (
    "SCR_REGISTER is not the URL of a database: write it like postgresql://USER:PASSWORD@HOST/DATABASE, "
    "or leave it out for a file in the data folder."
)


def unusable(where: str | Path, error: DBAPIError) -> str:
    """That a register cannot be used and why, in one sentence, without who connects to it and with which password."""
    return f"The register {_name(url_of(where))} cannot be used: {_reason(error)}."


def _reason(error: DBAPIError) -> str:
    return str(error.orig).partition("\n")[0].strip().rstrip(".")


def _name(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return f"in the PostgreSQL database {url.database}"


def connect(url: URL) -> Engine:
    """An engine for the register; its connections are made when they are needed."""
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY_SECONDS})
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
        return engine
    # READ COMMITTED, whatever the server's default: a write must see all that was committed before it got the lock
    settings = {"isolation_level": "READ COMMITTED", "connect_args": _connecting(url)}
    engine = create_engine(url, hide_parameters=True, pool_pre_ping=True, **settings)
    event.listen(engine, "begin", _on_begin_postgresql)
    return engine


def _connecting(url: URL) -> dict[str, Any]:
    """How to connect to PostgreSQL; what the URL says itself stands."""
    own = str(url.query.get("options", ""))
    limits = {
        "lock_timeout": f"{_BUSY_SECONDS}s",
        "statement_timeout": f"{_STATEMENT_SECONDS}s",
        "idle_in_transaction_session_timeout": f"{_STATEMENT_SECONDS}s",
        "DateStyle": "ISO",
    }
    options = " ".join([*(f"-c {name}={value}" for name, value in limits.items()), own]).strip()
    asked = {"connect_timeout": _CONNECT_SECONDS, "application_name": "serious-case-review"}
    return {name: value for name, value in asked.items() if name not in url.query} | {"options": options}


def upgrade(engine: Engine) -> None:
    """Bring the tables up to date; the file of SQLite is made where there is none."""
    if not _is_up_to_date(engine):
        from register import upgrading  # a tenth of a second that hardly any command has to wait for

        upgrading.upgrade(engine)


def _is_up_to_date(engine: Engine) -> bool:
    """Whether a SQLite file is; False where it is not known. Nothing is made, changed or waited for."""
    if engine.dialect.name != "sqlite" or engine.url.database is None:
        return False
    try:
        with closing(sqlite3.connect(f"{Path(engine.url.database).as_uri()}?mode=ro", timeout=0, uri=True)) as db:
            return bool(db.execute(_VERSION).fetchone() == (_newest(),))
    except sqlite3.Error:
        return False


def at_head(db: Connection) -> bool:
    """Whether the tables are at the last migration that this version knows."""
    return inspect(db).has_table("alembic_version") and db.exec_driver_sql(_VERSION).scalar() == _newest()


_VERSION = "SELECT version_num FROM alembic_version"


@cache
def _newest() -> str:
    """The last migration: their files are named by number."""
    return max(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def size(db: Connection) -> int:
    """The bytes that the database takes."""
    own = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
    query = own if db.dialect.name == "sqlite" else "SELECT pg_database_size(current_database())"
    return int(db.exec_driver_sql(query).scalar_one())


def purge(engine: Engine) -> bool:
    """Rewrite the database without what was deleted, and empty the log beside it; False where others keep it from it.

    Deleted content stays in free places of a SQLite file, and its earlier pages in the log, until this is done. On
    PostgreSQL the tables that hold what is under seal are written anew; its log and its copies are its operator's.
    Raises OSError where it cannot be done, for want of room for example.
    """
    if engine.dialect.name != "sqlite":
        return _purge_postgresql(engine)
    connection = engine.raw_connection()  # neither can be done inside a transaction
    try:
        cursor = connection.cursor()
        cursor.execute("VACUUM")
        busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        cursor.close()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return False
        raise OSError(f"The register cannot be written anew: {error}.") from error
    finally:
        connection.close()
    return not busy


def _purge_postgresql(engine: Engine) -> bool:
    tables = [t.name for t in Base.metadata.sorted_tables if any(isinstance(c.type, LargeBinary) for c in t.columns)]
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            if not _others_have_ended(db):
                return False
            db.exec_driver_sql(f"VACUUM (FULL) {', '.join(tables)}")
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            return False
        raise OSError(f"The register cannot be written anew: {_reason(error)}.") from error
    return True


def _others_have_ended(db: Connection) -> bool:
    """Wait for every transaction that is older than this: what it may still see would be written anew with the rest."""
    older = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend' AND xact_start <= %(begun)s"
    )
    begun, end = db.exec_driver_sql("SELECT clock_timestamp()").scalar_one(), time.monotonic() + _BUSY_SECONDS
    while db.exec_driver_sql(older, {"begun": begun}).scalar_one():
        if time.monotonic() >= end:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True


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


def _on_begin_postgresql(connection: Connection) -> None:
    if connection.get_isolation_level() == "AUTOCOMMIT":
        return
    if connection.get_execution_options().get(WRITES, False):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})")
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
