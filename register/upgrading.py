"""Migrations of the register's tables, by Alembic. Apart, for it takes long to import and is rarely needed."""

import os
import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from register.database import MIGRATIONS, WRITES
from register.sealed import alone

_MIGRATING = threading.Lock()  # Alembic keeps the migration that runs in a global


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the tables up to a revision, by default up to date; the file of SQLite is made where there is none.

    Processes that do this at once take turns, and all but the first find nothing to do.
    """
    if engine.dialect.name != "sqlite":
        _migrate(engine, revision)
        return
    path = Path(engine.url.database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone(path.parent):  # SQLite cannot be put into WAL mode by two processes at once
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite's own files beside it take over the mode
        _migrate(engine, revision)


def _migrate(engine: Engine, revision: str) -> None:
    with _MIGRATING, engine.execution_options(**{WRITES: True}).begin() as connection:
        if engine.dialect.name != "sqlite":
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")  # a large table takes as long as it takes
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
