"""What was taken in from elsewhere, so that it is known again there and let go when it is there no more."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """One step forward."""
    op.execute(
        "CREATE TABLE taken (source TEXT NOT NULL, id TEXT NOT NULL, digest TEXT NOT NULL, made TEXT NOT NULL, "
        "PRIMARY KEY (source, id))"
    )
