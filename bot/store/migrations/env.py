"""Runs migrations in one transaction of the store that `bot.store.migrate` hands in."""

from alembic import context

from bot.store.statements import Lock, one_at_a_time

with context.config.attributes["store"].write() as connection:
    if not connection.in_transaction():  # the driver's, which alembic would not see, and end with the first migration
        connection.begin()
    one_at_a_time(connection, Lock.SCHEMA)
    context.configure(connection=connection, transaction_per_migration=False)
    with context.begin_transaction():
        context.run_migrations()
