"""Pairs of entries that people settle, and how far entries have been compared."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """One step forward."""
    op.execute("ALTER TABLE proposal ADD COLUMN clash TEXT NOT NULL DEFAULT ''")
    op.execute("ALTER TABLE proposal ADD COLUMN rival TEXT NOT NULL DEFAULT ''")
    op.execute("CREATE INDEX ix_proposal_clash_state ON proposal (clash, state)")
    op.execute("CREATE TABLE followed (name TEXT NOT NULL PRIMARY KEY, seq INTEGER NOT NULL)")
