"""Letters' wording that boards edit in the browser: versions that are only ever added."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SQLITE_APPEND_ONLY = (
    """CREATE TRIGGER wordings_no_update BEFORE UPDATE ON wordings
    BEGIN SELECT RAISE(ABORT, 'wordings are append-only: add a version instead'); END""",
    """CREATE TRIGGER wordings_no_delete BEFORE DELETE ON wordings
    BEGIN SELECT RAISE(ABORT, 'wordings are append-only: add a version instead'); END""",
    # INSERT OR REPLACE would delete without firing the trigger above
    """CREATE TRIGGER wordings_no_replace BEFORE INSERT ON wordings
    WHEN EXISTS (SELECT 1 FROM wordings WHERE board = NEW.board AND letter = NEW.letter AND version = NEW.version)
    BEGIN SELECT RAISE(ABORT, 'wordings are append-only: this version is there'); END""",
)

POSTGRESQL_APPEND_ONLY = (
    """CREATE FUNCTION wordings_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'wordings are append-only: add a version instead'; END $$""",
    """CREATE TRIGGER wordings_no_change BEFORE UPDATE OR DELETE ON wordings
    FOR EACH ROW EXECUTE FUNCTION wordings_append_only()""",
    """CREATE TRIGGER wordings_no_truncate BEFORE TRUNCATE ON wordings
    FOR EACH STATEMENT EXECUTE FUNCTION wordings_append_only()""",
)


def upgrade() -> None:
    """Make the table, and make it append-only in the database itself."""
    op.create_table(
        "wordings",
        sa.Column("board", sa.Text(), nullable=False),
        sa.Column("letter", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("source", sa.Text()),
        sa.PrimaryKeyConstraint("board", "letter", "version", name="pk_wordings"),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_APPEND_ONLY if sqlite else POSTGRESQL_APPEND_ONLY:
        op.execute(sa.text(statement))
