"""Alerts: how each stands, what is still to be told, and the counters of a while ago."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, delete, func, insert, or_, select, update

from docpipe.alerts.notice import Notice
from docpipe.alerts.rule import Severity
from docpipe.alerts.state import AlertState, NoticeKind, Phase
from docpipe.ledger.database import LedgerPart
from docpipe.ledger.schema import alerts, notices, readings
from docpipe.ledger.stored_text import stored_error, stored_text
from docpipe.metrics.sample import Sample

KEPT = timedelta(days=30)
"""How long a notice is remembered after it arrived."""


class Alerts(LedgerPart):
    """Written by whoever holds the lease of the alerts."""

    def alert_states(self) -> list[AlertState]:
        """Return every alert that is not quiet."""
        with self._database.read() as connection:
            rows = connection.execute(select(alerts).order_by(alerts.c.rule, alerts.c.labels)).mappings()
            return [AlertState(**{**row, "labels": json.loads(row["labels"]), "phase": Phase(row["phase"])}) for row in rows]

    def enter_alerts(self, states: Sequence[AlertState], new: Sequence[Notice], now: datetime) -> None:
        """Make these the only states, and enter what is to be told, all or nothing."""
        rows = [
            {
                "rule": one.rule,
                "labels": _text(one.labels),
                "phase": one.phase.value,
                "since": one.since,
                "seen": one.seen,
                "held": one.held,
                "quiet": one.quiet,
                "told": one.told,
                "value": one.value,
            }
            for one in states
        ]
        with self._database.write() as connection:
            connection.execute(delete(alerts))
            if rows:
                connection.execute(insert(alerts), rows)
            if new:
                connection.execute(insert(notices), [_row(notice) for notice in new])
            connection.execute(delete(notices).where(notices.c.delivered < now - KEPT))

    def add_notice(self, notice: Notice) -> int:
        """Enter one that no change of an alert stands behind, and return its number."""
        with self._database.write() as connection:
            (number,) = connection.execute(insert(notices).values(_row(notice))).inserted_primary_key or (0,)
        return int(number)

    def notice_sinks(self) -> list[str]:
        """The ways for which something is still to be told."""
        with self._database.read() as connection:
            return list(connection.scalars(select(notices.c.sink).where(notices.c.delivered.is_(None)).distinct()))

    def due_notices(self, sink: str, now: datetime, longest_pause: float, limit: int) -> list[Notice]:
        """Return what is to be told by one way now, oldest first.

        What is due later than after the longest pause was entered by a clock that has jumped back since: it is due as well.
        """
        due = or_(notices.c.due <= now, notices.c.due > now + timedelta(seconds=longest_pause))
        query = select(notices).where(notices.c.delivered.is_(None), notices.c.sink == sink, due).order_by(notices.c.id).limit(limit)
        with self._database.read() as connection:
            return [_notice(row) for row in connection.execute(query).mappings()]

    def end_notice(self, number: int, error: str | None = None) -> None:
        """Note that a notice arrived, or, with an error, that it is given up."""
        values = {"delivered": datetime.now(UTC), "error": stored_error(error) if error else None}
        with self._database.write() as connection:
            connection.execute(update(notices).where(notices.c.id == number).values(values))

    def postpone_notice(self, number: int, seconds: float, error: str) -> None:
        """Note that a notice did not arrive, and is tried again after `seconds`."""
        values = {"attempts": notices.c.attempts + 1, "due": datetime.now(UTC) + timedelta(seconds=seconds), "error": stored_error(error)}
        with self._database.write() as connection:
            connection.execute(update(notices).where(notices.c.id == number).values(values))

    def unsent_notices(self) -> list[tuple[Notice, str]]:
        """Return what has not arrived yet, each with why it did not at the last try; empty before the first."""
        query = select(notices).where(notices.c.delivered.is_(None)).order_by(notices.c.id).limit(1_000)
        with self._database.read() as connection:
            return [(_notice(row), row["error"] or "") for row in connection.execute(query).mappings()]

    def reading(self, at: datetime, now: datetime) -> list[Sample] | None:
        """Return the counters as they were at a moment, or at the first one after it that is known; None where none is before `now`."""
        known = readings.c.at < now
        latest = select(func.max(readings.c.at)).where(known, readings.c.at <= at).scalar_subquery()
        first = select(func.min(readings.c.at)).where(known).scalar_subquery()
        query = select(readings.c.samples).where(readings.c.at == func.coalesce(latest, first))
        with self._database.read() as connection:
            found = connection.scalar(query)
        return None if found is None else [Sample(name, value, labels) for name, labels, value in found]

    def keep_reading(self, at: datetime, samples: Sequence[Sample], since: datetime) -> None:
        """Keep the counters of this moment, and forget those from before `since`, but for one, and those of a clock that was ahead."""
        row = {"at": at, "samples": [[sample.name, dict(sample.labels), sample.value] for sample in samples]}
        oldest = select(func.max(readings.c.at)).where(readings.c.at <= since)
        with self._database.write() as connection:
            kept = connection.scalar(oldest)
            connection.execute(delete(readings).where(or_(readings.c.at < kept if kept else readings.c.at < since, readings.c.at >= at)))
            connection.execute(insert(readings).values(row))


def _row(notice: Notice) -> dict[str, Any]:
    return {
        "sink": notice.sink,
        "rule": notice.rule,
        "labels": _text(notice.labels),
        "kind": notice.kind.value,
        "severity": notice.severity.value,
        "value": notice.value,
        "message": stored_text(notice.message),
        "at": notice.at,
        "due": notice.at,
    }


def _notice(row: RowMapping) -> Notice:
    return Notice(
        sink=row["sink"],
        rule=row["rule"],
        labels=json.loads(row["labels"]),
        kind=NoticeKind(row["kind"]),
        severity=Severity(row["severity"]),
        value=row["value"],
        message=row["message"],
        at=row["at"],
        number=row["id"],
        attempts=row["attempts"],
    )


def _text(labels: Mapping[str, str]) -> str:
    return json.dumps(dict(labels), sort_keys=True, ensure_ascii=True)
