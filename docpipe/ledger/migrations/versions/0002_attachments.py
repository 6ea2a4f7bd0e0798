"""Attachments: documents that lie in another document."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Columns, and the condition on SQLite and on Postgres, in the words of the queries: else no query uses the index.
_INDEXES = {
    "documents_due": (["key"], "attachments_due = 1", "attachments_due"),
    "documents_by_parent": (["parent", "object_key"], "parent IS NOT NULL", "parent IS NOT NULL"),
    "attachments_superseded": (["parent"], "parent IS NOT NULL AND size = -1", "parent IS NOT NULL AND size = -1"),
}


def upgrade() -> None:
    op.add_column("documents", sa.Column("parent", sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")))
    op.add_column("documents", sa.Column("parent_fingerprint", sa.Text))
    op.add_column("documents", sa.Column("attachments_due", sa.Boolean, nullable=False, server_default=sa.false()))
    for name, (columns, sqlite, postgres) in _INDEXES.items():
        op.create_index(name, "documents", columns, sqlite_where=sa.text(sqlite), postgresql_where=sa.text(postgres))


def downgrade() -> None:
    for name in _INDEXES:
        op.drop_index(name, "documents")
    for column in ("attachments_due", "parent_fingerprint", "parent"):
        op.drop_column("documents", column)
