"""Which events of a case the engine has for certain: those never change, what comes after them may be made again."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SQLITE = (
    "DROP TRIGGER events_no_delete",
    """CREATE TRIGGER events_no_delete BEFORE DELETE ON events
    WHEN OLD.seq <= (SELECT confirmed FROM cases WHERE reference = OLD.reference)
    BEGIN SELECT RAISE(ABORT, 'events are append-only: write a correction instead'); END""",
    """CREATE TRIGGER cases_confirmed_only_grows BEFORE UPDATE OF confirmed ON cases
    WHEN NEW.confirmed < OLD.confirmed
    BEGIN SELECT RAISE(ABORT, 'what is confirmed stays so'); END""",
    """CREATE TRIGGER cases_no_delete BEFORE DELETE ON cases
    WHEN OLD.confirmed > 0
    BEGIN SELECT RAISE(ABORT, 'a case is never deleted'); END""",
)
POSTGRESQL = (
    """CREATE OR REPLACE FUNCTION events_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'DELETE' AND OLD.seq > (SELECT confirmed FROM cases WHERE reference = OLD.reference) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'events are append-only: write a correction instead'; END $$""",
    """CREATE FUNCTION cases_confirmed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'DELETE' AND OLD.confirmed = 0 THEN
        RETURN OLD;
    ELSIF TG_OP = 'UPDATE' AND NEW.confirmed >= OLD.confirmed THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'what is confirmed stays so'; END $$""",
    """CREATE TRIGGER cases_confirmed_only_grows BEFORE UPDATE OF confirmed OR DELETE ON cases
    FOR EACH ROW EXECUTE FUNCTION cases_confirmed()""",
)


def upgrade() -> None:
    """Add the mark; everything that is there is confirmed."""
    with op.batch_alter_table("cases") as cases:
        cases.add_column(sa.Column("confirmed", sa.Integer(), nullable=False, server_default="0"))
        cases.add_column(sa.Column("written_at", sa.DateTime(timezone=True)))
    op.execute(sa.text("UPDATE cases SET confirmed = last_seq"))
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE if sqlite else POSTGRESQL:
        op.execute(sa.text(statement))
