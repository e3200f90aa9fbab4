"""What the pages need: who is a member of which case, accounts, sessions, and who has read what."""

import sqlalchemy as sa
from alembic import op

from register.members import fill

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SQLITE_APPEND_ONLY = (
    """CREATE TRIGGER reads_no_update BEFORE UPDATE ON reads
    BEGIN SELECT RAISE(ABORT, 'reads are append-only'); END""",
    """CREATE TRIGGER reads_no_delete BEFORE DELETE ON reads
    BEGIN SELECT RAISE(ABORT, 'reads are append-only'); END""",
)
POSTGRESQL_APPEND_ONLY = (
    """CREATE FUNCTION reads_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'reads are append-only'; END $$""",
    """CREATE TRIGGER reads_no_change BEFORE UPDATE OR DELETE ON reads
    FOR EACH ROW EXECUTE FUNCTION reads_append_only()""",
    """CREATE TRIGGER reads_no_truncate BEFORE TRUNCATE ON reads
    FOR EACH STATEMENT EXECUTE FUNCTION reads_append_only()""",
)


def upgrade() -> None:
    """Make the tables, and read the members of the cases that are there from their events."""
    op.create_table(
        "members",
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("reference", "person", "role", name="pk_members"),
    )
    op.create_table(
        "accounts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("board", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("administrator", sa.Boolean(), nullable=False),
        sa.Column("password_hash", sa.Text()),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("name", name="pk_accounts"),
    )
    for table, extra in (
        ("invitations", [sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False)]),
        (
            "sessions",
            [
                sa.Column("csrf", sa.Text(), nullable=False),
                sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
            ],
        ),
    ):
        op.create_table(
            table,
            sa.Column("token_hash", sa.Text(), nullable=False),
            sa.Column("account", sa.Text(), nullable=False),
            *extra,
            sa.PrimaryKeyConstraint("token_hash", name=f"pk_{table}"),
            sa.ForeignKeyConstraint(["account"], ["accounts.name"], name=f"fk_{table}_account"),
        )
    op.create_table(
        "reads",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("because", sa.Text()),
        sa.PrimaryKeyConstraint("number", name="pk_reads"),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_APPEND_ONLY if sqlite else POSTGRESQL_APPEND_ONLY:
        op.execute(sa.text(statement))
    fill(op.get_bind())
