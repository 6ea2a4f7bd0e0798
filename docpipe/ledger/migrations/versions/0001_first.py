"""The first schema: documents, stage states, recipes, batches, leases."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    key_text = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "documents",
        sa.Column("key", key_text, primary_key=True),
        sa.Column("object_key", key_text, nullable=False, unique=True),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("modified", moment),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("content_sha256", sa.Text),
        sa.Column("batch_id", sa.Text),
        sa.Column("run_id", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("pages_estimate", sa.Integer, nullable=False),
        sa.Column("first_seen", moment, nullable=False),
        sa.Column("updated", moment, nullable=False),
    )
    op.create_index("documents_by_status", "documents", ["status", "key"])
    op.create_index("documents_by_batch", "documents", ["batch_id", "status"])
    op.create_index("documents_by_age", "documents", ["status", "updated", "key"])
    op.create_table(
        "stage_states",
        sa.Column("key", key_text, sa.ForeignKey("documents.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("stage", sa.Text, primary_key=True),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("recipe", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Float),
        sa.Column("counts", sa.JSON, nullable=False),
        sa.Column("error_kind", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("run_id", sa.Text),
        sa.Column("started", moment),
        sa.Column("finished", moment),
    )
    op.create_index("stage_states_by_status", "stage_states", ["stage", "status", "seconds"])
    op.create_table(
        "recipes",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_table(
        "batches",
        sa.Column("batch_id", sa.Text, primary_key=True),
        sa.Column("created", moment, nullable=False),
        sa.Column("documents", sa.Integer, nullable=False),
        sa.Column("range_start", sa.Text),
        sa.Column("range_end", sa.Text),
        sa.Column("closed", moment),
    )
    still_open = sa.text("closed IS NULL")
    op.create_index("batches_open", "batches", ["created"], sqlite_where=still_open, postgresql_where=still_open)
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("expires", moment, nullable=False),
    )


def downgrade() -> None:
    for table in ("leases", "batches", "recipes", "stage_states", "documents"):
        op.drop_table(table)
