"""Single sign-on: who is who at the provider, sign-ons under way, and which sessions came that way."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and have sessions say how they began."""
    op.create_table(
        "identities",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", "issuer", name="pk_identities"),
        sa.UniqueConstraint("subject_hash", name="uq_identities_subject_hash"),
        sa.ForeignKeyConstraint(["account"], ["accounts.name"], name="fk_identities_account"),
    )
    op.create_table(
        "sign_ons",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_sign_ons"),
    )
    op.add_column("sessions", sa.Column("single_sign_on", sa.Boolean(), nullable=False, server_default=sa.false()))
