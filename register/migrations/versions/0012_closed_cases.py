"""What keeps pages fast when closed cases are many: indexes for lists of cases, figures, closings, troubled letters.

Open steps are found by their open case now: those of closed cases, which stay as they were, are more and more.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes, and take away the one by state of steps."""
    unsettled, closing = sa.text("confirmed < last_seq"), sa.text("kind = 'closed'")
    op.create_index("ix_cases_board_state_reference", "cases", ["board", "state", "reference", "stage"])
    op.create_index("ix_cases_board_state_opened_at", "cases", ["board", "state", "opened_at"])
    op.create_index("ix_cases_unsettled", "cases", ["written_at"], sqlite_where=unsettled, postgresql_where=unsettled)
    op.create_index("ix_events_closings", "events", ["at"], sqlite_where=closing, postgresql_where=closing)
    op.create_index("ix_letters_state", "letters", ["state"])
    op.create_index("ix_deliveries_state_at", "deliveries", ["state", "at"])
    op.create_index("ix_cases_board_notified_on", "cases", ["board", "notified_on", "state"])
    op.drop_index("ix_steps_state_due", "steps")
