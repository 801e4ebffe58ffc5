"""Runs migrations in one transaction of the store that `bot.store.migrate` hands in."""

from alembic import context

from bot.store.statements import Lock, one_at_a_time

with context.config.attributes["store"].write() as connection:
    connection.begin()  # else alembic, which does not see the driver's, would begin and end one for each migration
    one_at_a_time(connection, Lock.SCHEMA)
    context.configure(connection=connection, transaction_per_migration=False)
    with context.begin_transaction():
        context.run_migrations()
