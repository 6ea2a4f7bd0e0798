"""Which model was asked: spending by it, and its label on what is counted by provider."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BY_MODEL = ("docpipe_cost_usd_total", "docpipe_provider_requests_total", "docpipe_tokens_total")
# As labels are written: JSON with sorted keys. These metrics had one label.
_WITHOUT, _WITH = '{"provider": ', '{"model": "", "provider": '
_KEEP = "INSERT INTO spending_anew SELECT day, provider, '', stage, requests, tokens, usd FROM spending"
_ADD_UP = "INSERT INTO spending_anew SELECT day, provider, stage, sum(requests), sum(tokens), sum(usd) FROM spending GROUP BY 1, 2, 3"


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        # It cannot change a primary key.
        _remake(("day", "provider", "model", "stage"), _KEEP)
    else:
        # A table made anew would lack the rights that somebody has granted on this one.
        op.add_column("spending", sa.Column("model", sa.Text, nullable=False, server_default=""))
        op.alter_column("spending", "model", server_default=None)
        op.drop_constraint(str(sa.inspect(op.get_bind()).get_pk_constraint("spending")["name"]), "spending")
        op.create_primary_key("spending_pkey", "spending", ["day", "provider", "model", "stage"])
    _relabel(_WITHOUT, _WITH)


def downgrade() -> None:
    _remake(("day", "provider", "stage"), _ADD_UP)
    _relabel(_WITH, _WITHOUT)


def _remake(key: tuple[str, ...], fill: str) -> None:
    op.create_table(
        "spending_anew",
        *(sa.Column(name, sa.Text, primary_key=True) for name in key),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("usd", sa.Float, nullable=False),
    )
    op.execute(fill)
    op.drop_table("spending")
    op.rename_table("spending_anew", "spending")


def _relabel(old: str, new: str) -> None:
    """Give numbers of before the labels of now: else the first day would seem to have spent all that was ever spent."""
    for name in ("counters", "daily_metrics"):
        table = sa.table(name, sa.column("name", sa.Text), sa.column("labels", sa.Text))
        known = (table.c.name.in_(_BY_MODEL), table.c.labels.startswith(old, autoescape=True))
        op.execute(sa.update(table).where(*known).values(labels=sa.func.replace(table.c.labels, old, new)))
    readings = sa.table("readings", sa.column("samples", sa.JSON))
    for name in _BY_MODEL:
        before, after = (f'["{name}", {labels}' for labels in (old, new))
        text = sa.cast(readings.c.samples, sa.Text)
        changed: sa.ColumnElement[Any] = sa.func.replace(text, before, after)
        if op.get_context().dialect.name != "sqlite":
            # On SQLite it is text already, and such a cast would make a number of it.
            changed = sa.cast(changed, sa.JSON)
        op.execute(sa.update(readings).where(text.contains(before, autoescape=True)).values(samples=changed))
