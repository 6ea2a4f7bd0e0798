"""What the ledger's questions and writes cost with a million documents in it, and what the audit trail adds to a batch.

python -m benchmarks.ledger [--documents 1000000] [--postgres postgresql://…/empty_database] [--only sqlite|postgres]
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Column, Integer, MetaData, Table, create_engine, insert, make_url, text

from benchmarks.result import publish, show
from docpipe.lane import STAGE_LANES
from docpipe.ledger import Arrival, Ledger, audit, stages
from docpipe.ledger.database import Database
from docpipe.ledger.schema import UtcDateTime
from docpipe.models import DocumentStatus, ObjectInfo, StageName

SLICE = 20_000
BATCH = 100
"""Documents queued, started and completed at a time."""
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)

Measured = dict[str, list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--postgres", default="", help="URL of a server's database; without it one is started")
    parser.add_argument("--only", choices=("sqlite", "postgres"))
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    facts: dict[str, Any] = {"documents": arguments.documents}
    for engine in ("sqlite", "postgres"):
        if arguments.only in (None, engine):
            with address(engine, arguments.postgres) as url, Ledger.open(url) as ledger:
                facts[f"{engine}_fill_s"] = round(fill(Database(url, 600.0), arguments.documents), 1)
                measured = measure(ledger, arguments.documents)
                rows += [row(engine, name, seconds) for name, seconds in measured.items()]
                facts[f"{engine}_audit"] = audit_share(ledger)
                show(f"ledger, {engine}", [one for one in rows if one["engine"] == engine])
    publish("ledger", rows, **facts)


@contextmanager
def address(engine: str, postgres: str) -> Iterator[str]:
    """The URL of a database without tables."""
    with ExitStack() as stack:
        if engine == "sqlite":
            yield f"sqlite:///{Path(stack.enter_context(TemporaryDirectory(prefix='docpipe-bench-'))) / 'ledger.sqlite'}"
        else:
            from tests import servers

            yield stack.enter_context(_database(postgres or stack.enter_context(servers.postgres())))


@contextmanager
def _database(server: str) -> Iterator[str]:
    url, name = make_url(server), f"docpipe_{uuid.uuid4().hex}"
    engine = create_engine(url.set(drivername="postgresql+psycopg2"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield url.set(database=name).render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def fill(database: Database, number: int) -> float:
    """Insert documents with five stage states and three audit entries each, by SQL and not by the methods; returns the seconds it took."""
    began = time.perf_counter()
    with database.write() as connection:
        numbers.create(connection)
        for start in range(0, number, SLICE):
            page = range(start, min(start + SLICE, number))
            connection.execute(insert(numbers), [{"n": one, "at": BEGAN + timedelta(seconds=one)} for one in page])
        for statement in (_DOCUMENTS, *(_STATES.format(stage=stage) for stage in StageName), *[_ENTRIES] * 3):
            connection.execute(text(statement.format(key=_KEY, status=_STATUS)))
        numbers.drop(connection)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE" if database.is_sqlite else "VACUUM ANALYZE"))
    return time.perf_counter() - began


numbers = Table("numbers", MetaData(), Column("n", Integer, primary_key=True), Column("at", UtcDateTime))
_KEY = "'folder-' || (1000 + n % 1000) || '/document-' || (10000000 + n) || '.pdf'"
# Spread, but not at random: the same ledger each time.
_STATUS = """CASE WHEN n * 7 % 100 < 95 THEN 'indexed' WHEN n * 7 % 100 < 97 THEN 'pending'
  WHEN n * 7 % 100 = 97 THEN 'failed' WHEN n * 7 % 100 = 98 THEN 'refused' ELSE 'quarantined' END"""
_DOCUMENTS = """INSERT INTO documents (key, object_key, generation, media_type, size, etag, version, modified, status, batch_id, attempts,
    pages_estimate, first_seen, updated)
  SELECT {key}, {key}, 1, 'application/pdf', 100000, 'etag-' || n, '', at, {status},
    CASE WHEN {status} = 'indexed' THEN 'batch-' || (n / 100) END, 0, 10, at, at FROM numbers"""
_STATES = """INSERT INTO stage_states (key, stage, generation, status, fingerprint, recipe, attempts, seconds, counts, run_id, started)
  SELECT {{key}}, '{stage}', 1, CASE WHEN {{status}} = 'indexed' OR '{stage}' = 'parsed_pages' THEN 'complete' ELSE 'failed' END,
    'fingerprint-' || n, 'recipe', 1, 0.5, '{{{{"pages": 10}}}}', 'run-' || (n / 100), at FROM numbers"""
_ENTRIES = """INSERT INTO audit (key, at, generation, event, status, attempt, actor)
  SELECT {key}, at, 1, 'completed', 'running', 1, 'run' FROM numbers"""


def _key(number: int) -> str:
    return f"folder-{1_000 + number % 1_000}/document-{10_000_000 + number}.pdf"


def measure(ledger: Ledger, number: int) -> Measured:
    """Time every question and write, as often as it takes to have a 99th percentile of the fast ones."""
    picked = random.Random(0)  # noqa: S311 - not a secret
    known = [_key(picked.randrange(number)) for _ in range(1_000)]
    keys = itertools.cycle(known)
    measured: Measured = {}

    def timed(name: str, times: int, ask: Callable[[], object]) -> None:
        ask()
        measured[name] = [_seconds(ask) for _ in range(times)]

    timed("summary", 200, ledger.summary)
    timed("find one document", 500, lambda: ledger.find(next(keys)))
    timed("stages of one document", 500, lambda: ledger.stage_states([next(keys)]))
    timed("audit trail of one document", 500, lambda: ledger.audit_trail(next(keys)))
    timed("list 100 failed", 200, lambda: ledger.list_documents(DocumentStatus.FAILED, limit=100))
    timed("list 100 failed, from the middle", 200, lambda: ledger.list_documents(DocumentStatus.FAILED, after=next(keys), limit=100))
    timed("pending, first 5,000", 20, lambda: ledger.pending(5_000))
    timed("to quarantine, first", 100, lambda: ledger.to_quarantine(limit=1))
    timed("known, first page of 5,000", 20, lambda: next(ledger.known(after=next(keys))))
    timed("documents due", 100, lambda: ledger.due(limit=100))
    timed("outdated, first", 20, lambda: ledger.outdated(limit=1))
    timed("metrics: queues", 20, lambda: ledger.queues(STAGE_LANES))
    timed("open batches", 100, ledger.open_batches)
    batches = [[one.key for one in ledger.pending(5_000)][start : start + BATCH] for start in range(0, 500, BATCH)]
    measured |= _writes(ledger, [batch for batch in batches if batch])
    return measured


def _writes(ledger: Ledger, batches: Sequence[Sequence[str]]) -> Measured:
    """Queue, start and complete batches one after the other."""
    measured: Measured = {"queue 100": [], "start 100": [], "complete one": [], "last stage of one": []}
    for number, keys in enumerate(batches):
        work: Mapping[str, tuple[int, str, str]] = dict.fromkeys(keys, (1, "f", "r"))
        measured["queue 100"].append(_seconds(lambda: ledger.queue(f"new-{number}", keys)))  # noqa: B023 - called at once
        for stage in (StageName.PARSED_PAGES, StageName.INDEXED_VECTORS):
            measured["start 100"].append(_seconds(lambda: ledger.start(stage, work, "new")))  # noqa: B023
            name = "complete one" if stage is StageName.PARSED_PAGES else "last stage of one"
            measured[name] += [_seconds(lambda: ledger.complete(stage, key, 1, "f", "r", {"pages": 1}, 0.1, "new")) for key in keys]  # noqa: B023
    return measured


def audit_share(ledger: Ledger, number: int = 200, rounds: int = 3) -> dict[str, float]:
    """What the entries add to the ledger's writes for the batch of a run: with and without in turn, the best of each."""
    stock = audit.note_as_stands
    best = {"with_s": math.inf, "without_s": math.inf}
    keys = [f"share/{one}" for one in range(number)]
    ledger.register([Arrival(ObjectInfo(key, 100_000, "etag"), key, "application/pdf") for key in keys])
    try:
        for _ in range(rounds):
            for name, note in (("with_s", stock), ("without_s", _no_note)):
                setattr(stages, "note_as_stands", note)  # noqa: B010 - the name is not exported
                best[name] = min(best[name], _seconds(lambda: _take_through(ledger, keys)))
    finally:
        setattr(stages, "note_as_stands", stock)  # noqa: B010
    return {name: round(seconds, 3) for name, seconds in best.items()} | {"ratio": round(best["with_s"] / best["without_s"], 3)}


def _take_through(ledger: Ledger, keys: Sequence[str]) -> None:
    work = dict.fromkeys(keys, (1, "f", "r"))
    for stage in StageName:
        ledger.start(stage, work, "run")
        for key in keys:
            ledger.complete(stage, key, 1, "f", "r", {"pages": 1}, 0.1, "run")


def _no_note(*_: object, **__: object) -> None:
    """Enter nothing."""


def _seconds(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began


def row(engine: str, name: str, seconds: Sequence[float]) -> dict[str, Any]:
    ordered = sorted(seconds)
    p50, p99 = (ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))] for share in (0.5, 0.99))
    return {"engine": engine, "what": name, "times": len(ordered), "p50_ms": round(p50 * 1e3, 2), "p99_ms": round(p99 * 1e3, 2)}


if __name__ == "__main__":
    main()
