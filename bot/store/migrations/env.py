"""Runs migrations in one transaction of the store that `bot.store.migrate` hands in."""

from alembic import context

from bot.store.statements import one_at_a_time

SCHEMA = 5  # the number of the lock on the schema: two processes may start at once on an empty database

with context.config.attributes["store"].write() as connection:
    one_at_a_time(connection, SCHEMA)
    context.configure(connection=connection, transaction_per_migration=False)
    with context.begin_transaction():
        context.run_migrations()
