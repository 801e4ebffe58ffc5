"""The words of an audit entry stand beside the chain, so that they can be forgotten."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """One step forward."""
    for column in ("words", "salt"):
        op.execute(f"ALTER TABLE audit ADD COLUMN {column} TEXT NOT NULL DEFAULT ''")
