"""The register: events that can only be added, what is read from them, referrals, proclaimed days."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SQLITE_APPEND_ONLY = (
    """CREATE TRIGGER events_no_update BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only: write a correction instead'); END""",
    """CREATE TRIGGER events_no_delete BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only: write a correction instead'); END""",
    # INSERT OR REPLACE would delete without firing the trigger above
    """CREATE TRIGGER events_no_replace BEFORE INSERT ON events
    WHEN EXISTS (SELECT 1 FROM events WHERE reference = NEW.reference AND seq = NEW.seq)
    BEGIN SELECT RAISE(ABORT, 'events are append-only: this number is taken'); END""",
)

POSTGRESQL_APPEND_ONLY = (
    """CREATE FUNCTION events_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'events are append-only: write a correction instead'; END $$""",
    """CREATE TRIGGER events_no_change BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION events_append_only()""",
    """CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_append_only()""",
)


def upgrade() -> None:
    """Make the tables, and make `events` append-only in the database itself."""
    _cases()
    _events()
    _steps()
    _letters()
    _referrals()
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_APPEND_ONLY if sqlite else POSTGRESQL_APPEND_ONLY:
        op.execute(sa.text(statement))


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("board", sa.Text(), nullable=False),
        sa.Column("procedure", sa.Text(), nullable=False),
        sa.Column("procedure_title", sa.Text(), nullable=False),
        sa.Column("outline", sa.JSON(), nullable=False),
        sa.Column("stage", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("how", sa.Text()),
        sa.Column("notified_on", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("waiting_for", sa.JSON(), nullable=False),
        sa.Column("next_due", sa.Date()),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("reference", name="pk_cases"),
    )
    op.create_index("ix_cases_state_next_due", "cases", ["state", "next_due"])


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("on", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("step", sa.Text()),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("reference", "seq", name="pk_events"),
        sa.ForeignKeyConstraint(["reference"], ["cases.reference"], name="fk_events_reference"),
    )


def _steps() -> None:
    op.create_table(
        "steps",
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("item", sa.Text()),
        sa.Column("row", sa.Text()),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("since", sa.Text(), nullable=False),
        sa.Column("due", sa.Date()),
        sa.Column("act_by", sa.Date()),
        sa.Column("expires", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.Text()),
        sa.Column("met_on", sa.Text()),
        sa.Column("late_by", sa.Integer()),
        sa.PrimaryKeyConstraint("reference", "key", name="pk_steps"),
        sa.ForeignKeyConstraint(["reference"], ["cases.reference"], name="fk_steps_reference"),
    )
    op.create_index("ix_steps_state_due", "steps", ["state", "due"])


def _letters() -> None:
    op.create_table(
        "letters",
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("letter", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("step", sa.Text()),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text()),
        sa.Column("because", sa.Text()),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("reference", "letter", name="pk_letters"),
        sa.ForeignKeyConstraint(["reference"], ["cases.reference"], name="fk_letters_reference"),
    )


def _referrals() -> None:
    op.create_table(
        "referrals",
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("board", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("reference", name="pk_referrals"),
        sa.UniqueConstraint("series", "number", name="uq_referrals_series"),
        sa.UniqueConstraint("board", "content_hash", name="uq_referrals_board"),
    )
    op.create_table(
        "proclaimed",
        sa.Column("calendar", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("calendar", "day", name="pk_proclaimed"),
    )
