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

REVISION = "0003"
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
)
Index("documents_by_status", documents.c.status, documents.c.key)
Index("documents_by_batch", documents.c.batch_id, documents.c.status)
Index("documents_by_age", documents.c.status, documents.c.updated, documents.c.key)
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
    Column("counts", JSON, nullable=False),
    Column("error_kind", Text),
    Column("error", Text),
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
