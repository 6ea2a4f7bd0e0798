"""Triggers of the ledger's database, which no write can go round: what keeps the audit trail whole, and what counts.

Counting a million documents takes a second, so their number by status is kept up to date in `totals` instead. On Postgres each
connection counts in rows of its own (`shard` is the number of its server process): no two transactions wait for each other.
"""

from __future__ import annotations

_REFUSAL = "the audit trail is append-only"

_POSTGRES_COUNT = """
CREATE FUNCTION docpipe_count_{table}() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO totals AS t (shard, stage, status, documents, seconds) {gained} {add};
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO totals AS t (shard, stage, status, documents, seconds) {lost} {add};
  ELSE
    INSERT INTO totals AS t (shard, stage, status, documents, seconds) {moved} {add};
  END IF;
  RETURN NULL;
END $body$
"""
_POSTGRES_ADD = """
ON CONFLICT (shard, stage, status) DO UPDATE SET documents = t.documents + excluded.documents, seconds = t.seconds + excluded.seconds
"""
_SQLITE_ADD = """
INSERT INTO totals (shard, stage, status, documents, seconds) VALUES (0, {stage}, {row}.status, {sign}1, {sign}{seconds})
ON CONFLICT (shard, stage, status) DO UPDATE SET documents = documents + excluded.documents, seconds = seconds + excluded.seconds
"""
_COUNTED = {"documents": ("''", "0", "status"), "stage_states": ("{row}stage", "coalesce({row}seconds, 0)", "status, seconds")}


def create(dialect: str) -> list[str]:
    """The statements that make all triggers, for `sqlite` or `postgresql`."""
    return _sqlite() if dialect == "sqlite" else _postgres()


def drop(dialect: str) -> list[str]:
    """The statements that remove what is not removed with the tables."""
    if dialect == "sqlite":
        return [f"DROP TRIGGER {table}_count_{event}" for table in _COUNTED for event in ("insert", "update", "delete")]
    functions = ["docpipe_refuse_change", *(f"docpipe_count_{table}" for table in _COUNTED)]
    return [f"DROP FUNCTION {name}() CASCADE" for name in functions]


def fill() -> list[str]:
    """The statements that count what is there already."""
    counted = "SELECT 0, {stage}, status, count(*), coalesce(sum({seconds}), 0) FROM {table} GROUP BY 2, 3"
    return [
        "INSERT INTO totals (shard, stage, status, documents, seconds) "
        + counted.format(table=table, stage=stage.format(row=""), seconds=seconds.format(row=""))
        for table, (stage, seconds, _) in _COUNTED.items()
    ]


def _sqlite() -> list[str]:
    made = [
        f"CREATE TRIGGER audit_no_{event} BEFORE {event} ON audit BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        for event in ("update", "delete")
    ]
    for table, (stage, seconds, columns) in _COUNTED.items():

        def add(row: str, sign: str, stage: str = stage, seconds: str = seconds) -> str:
            return _SQLITE_ADD.format(row=row, sign=sign, stage=stage.format(row=f"{row}."), seconds=seconds.format(row=f"{row}.")) + ";"

        differ = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in columns.split(", "))
        made += [
            f"CREATE TRIGGER {table}_count_insert AFTER INSERT ON {table} BEGIN {add('NEW', '+')} END",
            f"CREATE TRIGGER {table}_count_delete AFTER DELETE ON {table} BEGIN {add('OLD', '-')} END",
            (
                f"CREATE TRIGGER {table}_count_update AFTER UPDATE OF {columns} ON {table} WHEN {differ} "
                f"BEGIN {add('OLD', '-')} {add('NEW', '+')} END"
            ),
        ]
    return made


def _postgres() -> list[str]:
    refuse = f"$body$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $body$"
    guard = "BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT"
    made = [
        f"CREATE FUNCTION docpipe_refuse_change() RETURNS trigger LANGUAGE plpgsql AS {refuse}",
        f"CREATE TRIGGER audit_no_change {guard} EXECUTE FUNCTION docpipe_refuse_change()",
    ]
    for table, (stage, seconds, _) in _COUNTED.items():
        changed = "SELECT {stage} AS stage, status, {seconds} AS seconds, {sign}1 AS n FROM {row}_rows"
        plain = {"stage": stage.format(row=""), "seconds": seconds.format(row="")}
        total = "SELECT pg_backend_pid(), stage, status, sum(n), sum(n * seconds) FROM ({rows}) AS changes GROUP BY stage, status"
        gained, lost = (changed.format(**plain, sign=sign, row=row) for sign, row in (("", "new"), ("-", "old")))
        moved = total.format(rows=f"{gained} UNION ALL {lost}") + " HAVING sum(n) <> 0 OR sum(n * seconds) <> 0"
        queries = {"gained": total.format(rows=gained), "lost": total.format(rows=lost), "moved": moved}
        made.append(_POSTGRES_COUNT.format(table=table, add=_POSTGRES_ADD, **queries))
        for event, rows in {"insert": ("NEW",), "update": ("NEW", "OLD"), "delete": ("OLD",)}.items():
            tables = " ".join(f"{row} TABLE AS {row.lower()}_rows" for row in rows)
            made.append(
                f"CREATE TRIGGER {table}_count_{event} AFTER {event} ON {table} REFERENCING {tables} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION docpipe_count_{table}()"
            )
    return made
