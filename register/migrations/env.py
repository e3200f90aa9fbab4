"""Runs migrations on the connection that `register.store` hands over; there is no alembic.ini."""

from alembic import context
from sqlalchemy import Connection

from register.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()


def sort_by_bytes(connection: Connection) -> None:
    """Have every text column sort and compare as SQLite does, not as the server's language would."""
    columns = connection.exec_driver_sql(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
        " AND data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C'"
    )
    for table, column in columns.all():
        if table in Base.metadata.tables:
            connection.exec_driver_sql(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE text COLLATE "C"')


if context.config.attributes["connection"].dialect.name == "postgresql":
    sort_by_bytes(context.config.attributes["connection"])
