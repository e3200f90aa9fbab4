"""What lists of one's own work ask first: the open steps of a case by whom they are owed, the cases of a person."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes."""
    op.create_index("ix_steps_reference_state_owner", "steps", ["reference", "state", "owner"])
    op.create_index("ix_members_person", "members", ["person"])
