"""Who has tried to sign in of late."""

from alembic import op

revision = "0004"
down_revision = "0003"
WORDS = {"sqlite": ("INTEGER", "DATETIME"), "postgresql": ("BIGSERIAL", "TIMESTAMP WITH TIME ZONE")}


def upgrade() -> None:
    """One step forward."""
    serial, time = WORDS[op.get_context().dialect.name]
    op.execute(f"CREATE TABLE login_try (seq {serial} NOT NULL PRIMARY KEY, who TEXT NOT NULL, at {time} NOT NULL)")
    op.execute("CREATE INDEX ix_login_try_who ON login_try (who)")
