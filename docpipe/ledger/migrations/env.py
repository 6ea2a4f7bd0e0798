"""Runs migrations in the transaction that `docpipe.ledger.migration` has open."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
