"""Runs migrations on the connection that `register.store` hands over; there is no alembic.ini."""

from alembic import context

from register.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
