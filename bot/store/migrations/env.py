"""Runs migrations on the engine that `bot.store.migrate` hands in."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import TypeDecorator

from bot.store.tables import meta


def render(kind: str, item: object, _context: Any) -> str | Literal[False]:
    """Our own column types as what they are in the database, so that a migration never imports today's code."""
    if kind != "type" or not isinstance(item, TypeDecorator):
        return False
    return "sa.DateTime(timezone=True)" if type(item).__name__ == "Utc" else "sa.Text()"


engine = context.config.attributes["engine"]
with engine.connect().execution_options(write=True) as connection:
    context.configure(connection=connection, target_metadata=meta, render_item=render, transaction_per_migration=False)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
