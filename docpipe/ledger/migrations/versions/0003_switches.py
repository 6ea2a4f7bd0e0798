"""Which collection is searched since when, and what providers allow all workers together."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("allowances", sa.Column("name", sa.Text, primary_key=True), sa.Column("due", sa.Float, nullable=False))
    op.create_table(
        "switches",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("alias", sa.Text, nullable=False),
        sa.Column("collection", sa.Text, nullable=False),
        sa.Column("previous", sa.Text),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("quality", sa.JSON, nullable=False),
    )
    op.create_index("switches_by_alias", "switches", ["alias", "id"])


def downgrade() -> None:
    op.drop_table("switches")
    op.drop_table("allowances")
