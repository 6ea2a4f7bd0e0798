"""The metrics as they were at the end of each day, and as they are today so far."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import delete, func, select

from docpipe.ledger.database import LedgerPart, slices
from docpipe.ledger.schema import daily_metrics
from docpipe.metrics.sample import Sample


@dataclass(frozen=True, slots=True)
class DaySample:
    """One number of one day."""

    day: str
    """`2026-11-22`, in UTC."""
    sample: Sample


class Daily(LedgerPart):
    """One row for each day and series; written again as often as one likes."""

    def keep_day(self, day: str, samples: Iterable[Sample]) -> int:
        """Make these the numbers of a day; returns how many of them were not known, and writes nothing where there are none."""
        values = {(sample.name, json.dumps(dict(sample.labels), sort_keys=True)): sample.value for sample in samples}
        query = select(daily_metrics.c.name, daily_metrics.c.labels, daily_metrics.c.value).where(daily_metrics.c.day == day)
        with self._database.read() as connection:
            known = {(name, labels): value for name, labels, value in connection.execute(query)}
        rows = [
            {"day": day, "name": name, "labels": labels, "value": value}
            for (name, labels), value in sorted(values.items())
            if known.get((name, labels)) != value
        ]
        if not rows:
            return 0
        insert = self._database.insert(daily_metrics)
        statement = insert.on_conflict_do_update(index_elements=["day", "name", "labels"], set_={"value": insert.excluded.value})
        with self._database.write() as connection:
            for part in slices(rows):
                connection.execute(statement, list(part))
        return len(rows)

    def daily(self, since: str) -> list[DaySample]:
        """Return the numbers from this day on, and of the last day before it that has any, in order of the day."""
        before = select(func.max(daily_metrics.c.day)).where(daily_metrics.c.day < since).scalar_subquery()
        query = (
            select(daily_metrics.c.day, daily_metrics.c.name, daily_metrics.c.labels, daily_metrics.c.value)
            .where(daily_metrics.c.day >= func.coalesce(before, since))
            .order_by(daily_metrics.c.day, daily_metrics.c.name, daily_metrics.c.labels)
        )
        with self._database.read() as connection:
            return [DaySample(day, Sample(name, value, json.loads(labels))) for day, name, labels, value in connection.execute(query)]

    def forget_days(self, before: str) -> int:
        """Delete the numbers of the days before this one; returns how many."""
        with self._database.write() as connection:
            return connection.execute(delete(daily_metrics).where(daily_metrics.c.day < before)).rowcount
