"""Runs migrations in one transaction of the store that `bot.store.migrate` hands in."""

from alembic import context

with context.config.attributes["store"].write() as connection:
    context.configure(connection=connection, transaction_per_migration=False)
    with context.begin_transaction():
        context.run_migrations()
