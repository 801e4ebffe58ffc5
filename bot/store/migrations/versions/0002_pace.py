"""How fast each helpdesk is called."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """One step forward."""
    time = "TIMESTAMP WITH TIME ZONE" if op.get_context().dialect.name == "postgresql" else "DATETIME"
    op.execute(f"CREATE TABLE pace (connector TEXT NOT NULL PRIMARY KEY, until {time} NOT NULL, why TEXT NOT NULL)")
    op.execute(f"CREATE TABLE spent (connector TEXT NOT NULL PRIMARY KEY, until {time} NOT NULL)")
