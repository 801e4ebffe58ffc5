"""The first schema."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
WORDS = {
    "sqlite": {"serial": "INTEGER", "time": "DATETIME"},
    "postgresql": {"serial": "BIGSERIAL", "time": "TIMESTAMP WITH TIME ZONE"},
}


def upgrade() -> None:
    """One step forward."""
    schema = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    words = WORDS[op.get_context().dialect.name]
    for statement in schema.format(**words).strip().removesuffix(";").split(";\n"):
        op.execute(statement)
