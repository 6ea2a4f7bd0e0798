"""What operations need: audit, quarantine, spending, metrics, alerts, priorities and rests."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from docpipe.ledger.migrations import triggers

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TIME = sa.DateTime(timezone=True)
_TABLES = ("readings", "notices", "alerts", "daily_metrics", "counters", "commitments", "spending", "totals", "quarantine", "audit")


def upgrade() -> None:
    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column)
    begun = sa.text("run_id IS NOT NULL")
    op.create_index("documents_by_run", "documents", ["run_id", "key"], sqlite_where=begun, postgresql_where=begun)
    waiting, resting = (sa.text(f"status = 'pending' AND not_before IS {state}") for state in ("NULL", "NOT NULL"))
    op.create_index(
        "documents_waiting", "documents", [sa.text("priority DESC"), "updated", "key"], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_index("documents_resting", "documents", ["not_before", "key"], sqlite_where=resting, postgresql_where=resting)
    op.create_table(
        "audit",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("key", _KEY, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("stage", sa.Text),
        sa.Column("attempt", sa.Integer),
        sa.Column("batch_id", sa.Text),
        sa.Column("run_id", sa.Text),
        sa.Column("error_kind", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("actor", sa.Text, nullable=False),
    )
    op.create_index("audit_by_document", "audit", ["key", "id"])
    op.create_table(
        "quarantine",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("key", _KEY, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("object_key", _KEY, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("held_as", _KEY),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("stage", sa.Text),
        sa.Column("error_kind", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("traceback", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("ended", _TIME),
    )
    still = sa.text("ended IS NULL")
    op.create_index("quarantine_held", "quarantine", ["key"], sqlite_where=still, postgresql_where=still)
    op.create_index("quarantine_places", "quarantine", ["held_as"], unique=True, sqlite_where=still, postgresql_where=still)
    op.create_index("quarantine_by_document", "quarantine", ["key", "id"])
    op.create_table(
        "totals",
        sa.Column("shard", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("stage", sa.Text, primary_key=True),
        sa.Column("status", sa.Text, primary_key=True),
        sa.Column("documents", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
    )
    op.create_table(
        "spending",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("day", "provider", "stage")),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("usd", sa.Float, nullable=False),
    )
    op.create_table(
        "commitments",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("day", "provider")),
        sa.Column("usd", sa.Float, nullable=False),
        sa.Column("refused_at", sa.Float),
    )
    _measured("counters", "name", "labels")
    _measured("daily_metrics", "day", "name", "labels")
    op.create_table(
        "alerts",
        sa.Column("rule", sa.Text, primary_key=True),
        sa.Column("labels", sa.Text, primary_key=True),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("seen", _TIME, nullable=False),
        sa.Column("held", sa.Float, nullable=False),
        sa.Column("quiet", sa.Float),
        sa.Column("told", sa.Boolean, nullable=False),
        sa.Column("value", sa.Float, nullable=False),
    )
    op.create_table(
        "notices",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("sink", "rule", "labels", "kind", "severity")),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("due", _TIME, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("delivered", _TIME),
    )
    unsent = sa.text("delivered IS NULL")
    op.create_index("notices_unsent", "notices", ["id"], sqlite_where=unsent, postgresql_where=unsent)
    op.create_table("readings", sa.Column("at", _TIME, primary_key=True), sa.Column("samples", sa.JSON, nullable=False))
    dialect = op.get_context().dialect.name
    for statement in (*triggers.fill(), *triggers.create(dialect)):
        op.execute(statement)


def downgrade() -> None:
    for statement in triggers.drop(op.get_context().dialect.name):
        op.execute(statement)
    for table in _TABLES:
        op.drop_table(table)
    op.drop_index("documents_resting", "documents")
    op.drop_index("documents_waiting", "documents")
    op.drop_index("documents_by_run", "documents")
    for table, columns in _columns().items():
        for column in columns:
            op.drop_column(table, column.name)


def _measured(table: str, *key: str) -> None:
    op.create_table(table, *(sa.Column(name, sa.Text, primary_key=True) for name in key), sa.Column("value", sa.Float, nullable=False))


def _columns() -> dict[str, tuple[sa.Column[Any], ...]]:
    # Made anew each time: a column can be put into one table only.
    return {
        "documents": (sa.Column("priority", sa.Integer, nullable=False, server_default="0"), sa.Column("not_before", _TIME)),
        "stage_states": (
            *(sa.Column(name, sa.Float) for name in ("cpu_seconds", "gpu_seconds", "cost_usd")),
            sa.Column("traceback", sa.Text),
        ),
        "batches": (sa.Column("priority", sa.Integer, nullable=False, server_default="0"), sa.Column("cancelled", _TIME)),
    }
