"""The tables of the ledger, as of the newest migration."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    and_,
    false,
)
from sqlalchemy.dialects import postgresql

REVISION = "0005"
"""The newest migration: what this code reads and writes."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware when it goes in, in UTC when it comes out, on every engine."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# Compared and sorted by its UTF-8 bytes, as S3 sorts keys, whatever the language of the database.
KeyText = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

UNKNOWN_SIZE = -1
"""The size of a superseded document: no object has it, so the next look at the bucket sees a change."""

metadata = MetaData()

documents = Table(
    "documents",
    metadata,
    Column("key", KeyText, primary_key=True),
    Column("object_key", KeyText, nullable=False, unique=True),
    Column("generation", Integer, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("etag", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("modified", UtcDateTime),
    Column("status", Text, nullable=False),
    Column("content_sha256", Text),
    Column("batch_id", Text),
    Column("run_id", Text),
    Column("attempts", Integer, nullable=False),
    Column("error", Text),
    Column("pages_estimate", Integer, nullable=False),
    Column("first_seen", UtcDateTime, nullable=False),
    Column("updated", UtcDateTime, nullable=False),
    Column("parent", KeyText),
    Column("parent_fingerprint", Text),
    Column("attachments_due", Boolean, nullable=False, server_default=false()),
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("not_before", UtcDateTime),
)
Index("documents_by_status", documents.c.status, documents.c.key)
Index("documents_by_batch", documents.c.batch_id, documents.c.status)
Index("documents_by_age", documents.c.status, documents.c.updated, documents.c.key)
_begun = documents.c.run_id.is_not(None)
Index("documents_by_run", documents.c.run_id, documents.c.key, sqlite_where=_begun, postgresql_where=_begun)
_waiting = and_(documents.c.status == "pending", documents.c.not_before.is_(None))
_resting = and_(documents.c.status == "pending", documents.c.not_before.is_not(None))
Index(
    "documents_waiting",
    documents.c.priority.desc(),
    documents.c.updated,
    documents.c.key,
    sqlite_where=_waiting,
    postgresql_where=_waiting,
)
Index("documents_resting", documents.c.not_before, documents.c.key, sqlite_where=_resting, postgresql_where=_resting)
# Small beside the table: most documents have no attachments, and these are looked at once.
_due, _inside = documents.c.attachments_due, documents.c.parent.is_not(None)
_unknown = and_(_inside, documents.c.size == UNKNOWN_SIZE)
Index("documents_due", documents.c.key, sqlite_where=_due, postgresql_where=_due)
Index("documents_by_parent", documents.c.parent, documents.c.object_key, sqlite_where=_inside, postgresql_where=_inside)
Index("attachments_superseded", documents.c.parent, sqlite_where=_unknown, postgresql_where=_unknown)

stage_states = Table(
    "stage_states",
    metadata,
    Column("key", KeyText, ForeignKey("documents.key", ondelete="CASCADE"), primary_key=True),
    Column("stage", Text, primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("recipe", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("seconds", Float),
    Column("cpu_seconds", Float),
    Column("gpu_seconds", Float),
    Column("cost_usd", Float),
    Column("counts", JSON, nullable=False),
    Column("error_kind", Text),
    Column("error", Text),
    Column("traceback", Text),
    Column("run_id", Text),
    Column("started", UtcDateTime),
    Column("finished", UtcDateTime),
)
# Holds the seconds too, so that a summary reads the index alone.
Index("stage_states_by_status", stage_states.c.stage, stage_states.c.status, stage_states.c.seconds)

recipes = Table(
    "recipes",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("stage", Text, nullable=False),
    Column("text", Text, nullable=False),
)

batches = Table(
    "batches",
    metadata,
    Column("batch_id", Text, primary_key=True),
    Column("created", UtcDateTime, nullable=False),
    Column("documents", Integer, nullable=False),
    Column("range_start", Text),
    Column("range_end", Text),
    Column("closed", UtcDateTime),
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("cancelled", UtcDateTime),
)
Index("batches_open", batches.c.created, sqlite_where=batches.c.closed.is_(None), postgresql_where=batches.c.closed.is_(None))

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("expires", UtcDateTime, nullable=False),
)

allowances = Table(
    "allowances",
    metadata,
    Column("name", Text, primary_key=True),
    Column("due", Float, nullable=False),
)
"""What a provider allows a minute, used up to `due`: seconds since 1970 at which the next unit falls due."""

switches = Table(
    "switches",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("alias", Text, nullable=False),
    Column("collection", Text, nullable=False),
    Column("previous", Text),
    Column("at", UtcDateTime, nullable=False),
    Column("accepted", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("quality", JSON, nullable=False),
)
"""Which collection was searched since when, and which was refused its place, and why."""
Index("switches_by_alias", switches.c.alias, switches.c.id)

# SQLite numbers rows by itself in a column of exactly this type alone.
RowNumber = BigInteger().with_variant(Integer, "sqlite")

audit = Table(
    "audit",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    Column("key", KeyText, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("event", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("stage", Text),
    Column("attempt", Integer),
    Column("batch_id", Text),
    Column("run_id", Text),
    Column("error_kind", Text),
    Column("error", Text),
    Column("actor", Text, nullable=False),
)
"""Every change of every document, never changed or deleted: triggers of the database see to it."""
Index("audit_by_document", audit.c.key, audit.c.id)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    Column("key", KeyText, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("object_key", KeyText, nullable=False),
    Column("etag", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("version", Text, nullable=False),
    Column("held_as", KeyText),
    Column("state", Text, nullable=False),
    Column("stage", Text),
    Column("error_kind", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("traceback", Text, nullable=False),
    Column("run_id", Text),
    Column("at", UtcDateTime, nullable=False),
    Column("ended", UtcDateTime),
)
"""What was taken out of the bucket, where it lies now, and what became of it; `docpipe.ledger.quarantine` has the states."""
_open = quarantine.c.ended.is_(None)
Index("quarantine_held", quarantine.c.key, sqlite_where=_open, postgresql_where=_open)
Index("quarantine_places", quarantine.c.held_as, unique=True, sqlite_where=_open, postgresql_where=_open)
Index("quarantine_by_document", quarantine.c.key, quarantine.c.id)

totals = Table(
    "totals",
    metadata,
    Column("shard", BigInteger, primary_key=True, autoincrement=False),
    Column("stage", Text, primary_key=True),
    Column("status", Text, primary_key=True),
    Column("documents", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
)
"""How many documents (stage empty) and stage states there are by status: the sum over the shards, kept by triggers of the database."""

spending = Table(
    "spending",
    metadata,
    Column("day", Text, primary_key=True),
    Column("provider", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("stage", Text, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("usd", Float, nullable=False),
)
"""What was paid on which day (UTC), that of failed documents too; `model` is empty where none can be named."""

commitments = Table(
    "commitments",
    metadata,
    Column("day", Text, primary_key=True),
    Column("provider", Text, primary_key=True),
    Column("usd", Float, nullable=False),
    Column("refused_at", Float),
)
"""What of a day's budget (UTC) is spent or reserved by requests under way; `refused_at`: the limit at which one was last refused."""

counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("labels", Text, primary_key=True),
    Column("value", Float, nullable=False),
)
"""Numbers that only rise; `labels` is JSON with sorted keys."""

daily_metrics = Table(
    "daily_metrics",
    metadata,
    Column("day", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("labels", Text, primary_key=True),
    Column("value", Float, nullable=False),
)
"""What the metrics were at the end of a day (UTC), or are so far today."""

alerts = Table(
    "alerts",
    metadata,
    Column("rule", Text, primary_key=True),
    Column("labels", Text, primary_key=True),
    Column("phase", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("seen", UtcDateTime, nullable=False),
    Column("held", Float, nullable=False),
    Column("quiet", Float),
    Column("told", Boolean, nullable=False),
    Column("value", Float, nullable=False),
)
"""Alert rules whose condition holds now, or held a moment ago; times are counted in seconds, since clocks jump."""

notices = Table(
    "notices",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    Column("sink", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("value", Float, nullable=False),
    Column("message", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due", UtcDateTime, nullable=False),
    Column("error", Text),
    Column("delivered", UtcDateTime),
)
"""What people are to be told, and by which way; entered with the change of the alert, so that a kill loses none."""
_unsent = notices.c.delivered.is_(None)
Index("notices_unsent", notices.c.id, sqlite_where=_unsent, postgresql_where=_unsent)

readings = Table(
    "readings",
    metadata,
    Column("at", UtcDateTime, primary_key=True),
    Column("samples", JSON, nullable=False),
)
"""The counters that alert rules compare with the present, kept as long as the longest of their windows."""
