"""Numbers that processes leave for others, since they are short-lived themselves: counters, which only rise, and a few that are set."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import select

from docpipe.errors import ConfigurationError
from docpipe.ledger.database import LedgerPart
from docpipe.ledger.schema import counters
from docpipe.metrics.sample import Sample


class Counters(LedgerPart):
    """One row a series; a histogram's buckets, sum and count are series too."""

    def count(self, samples: Iterable[Sample]) -> None:
        """Add these amounts, all of them or none, in one statement; samples of one series are added up first."""
        amounts: defaultdict[tuple[str, str], float] = defaultdict(float)
        for sample in samples:
            amounts[sample.name, _text(sample.labels)] += sample.value
        self._upsert(amounts, adds=True)

    def leave(self, samples: Iterable[Sample]) -> None:
        """Set these numbers to what they are now, for others to read among the counters."""
        self._upsert({(sample.name, _text(sample.labels)): sample.value for sample in samples}, adds=False)

    def _upsert(self, amounts: Mapping[tuple[str, str], float], *, adds: bool) -> None:
        # In one order, so that two processes never wait for each other's rows.
        rows = [{"name": name, "labels": labels, "value": value} for (name, labels), value in sorted(amounts.items())]
        if not rows:
            return
        insert = self._database.insert(counters).values(rows)
        value = counters.c.value + insert.excluded.value if adds else insert.excluded.value
        with self._database.write() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=["name", "labels"], set_={"value": value}))

    def counters(self) -> list[Sample]:
        """Return every counter as it stands, by name and labels."""
        query = select(counters.c.name, counters.c.labels, counters.c.value).order_by(counters.c.name, counters.c.labels)
        with self._database.read() as connection:
            return [Sample(name, value, _labels(name, text)) for name, text, value in connection.execute(query)]


def _text(labels: Mapping[str, str]) -> str:
    return json.dumps(dict(labels), sort_keys=True, ensure_ascii=False)


def _labels(name: str, text: str) -> Mapping[str, str]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ConfigurationError(f"The ledger's counter {name} has labels that are no JSON object: delete that row of the table counters")
    return {str(key): str(value) for key, value in found.items()}
