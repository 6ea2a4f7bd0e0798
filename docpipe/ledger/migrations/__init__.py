"""Alembic's home: each file in `versions` takes the ledger from one schema to the next."""
