"""What stands in the ledger at this moment, in numbers; every query reads an index or few rows, however many documents there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select

from docpipe.lane import LaneName
from docpipe.ledger.database import LedgerPart
from docpipe.ledger.schema import batches, documents, leases, quarantine, spending, stage_states, totals
from docpipe.ledger.waiting import oldest, resting
from docpipe.models import DocumentStatus, StageName, StageStatus

_IN_FLIGHT = (DocumentStatus.QUEUED, DocumentStatus.RUNNING)
_FIRST = next(iter(StageName))
_RUN_LEASES = ("run/", "run0")
"""Names from the first on and before the second begin with `run/`: see `docpipe.heartbeat`."""

# Counted by the database's triggers: there may be a million.
_WAITING = select(func.coalesce(func.sum(totals.c.documents), 0)).where(totals.c.stage == "", totals.c.status == DocumentStatus.PENDING)


def _next_stages() -> Select[Any]:
    """Documents in batches by the first stage that is not complete in their generation, or by the last, which enters them as indexed."""
    # Looked up first and alone: Postgres overrates the second step, and would read the whole table to share it among processes.
    flying = (
        select(documents.c.key, documents.c.generation, documents.c.updated)
        .where(documents.c.status.in_(_IN_FLIGHT))
        .cte("flying")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    complete = and_(
        stage_states.c.key == flying.c.key,
        stage_states.c.generation == flying.c.generation,
        stage_states.c.status == StageStatus.COMPLETE,
    )

    def lacks(stage: StageName) -> ColumnElement[bool]:
        return func.max(case((stage_states.c.stage == stage.value, 1), else_=0)) == 0

    *earlier, last = StageName
    stage = case(*((lacks(name), name.value) for name in earlier), else_=last.value).label("stage")
    each = (
        select(stage, flying.c.updated)
        .select_from(flying.outerjoin(stage_states, complete))
        .group_by(flying.c.key, flying.c.updated)
        .subquery()
    )
    return select(each.c.stage, func.count(), func.min(each.c.updated)).group_by(each.c.stage)


_NEXT_STAGES = _next_stages()


@dataclass(frozen=True, slots=True)
class Queue:
    """The documents whose next stage is on one lane."""

    lane: LaneName
    documents: int
    oldest: datetime | None
    """When the one that has not moved for longest last did, or was free to; None where there are none."""


@dataclass(frozen=True, slots=True)
class Paid:
    """What one model of a provider was asked and paid."""

    provider: str
    model: str
    """Empty where none can be named."""
    requests: int
    tokens: int
    usd: float


class Gauges(LedgerPart):
    """Read only."""

    def queues(self, lanes: Mapping[StageName, LaneName]) -> list[Queue]:
        """Return the documents that wait or are worked on, by the lane of their next stage, as `lanes` has it.

        Those without a batch begin with the first stage, which also finds what is already there. One that may not go yet, since
        a budget is spent or somebody holds it, counts nowhere: no worker could take it, and nobody is to be woken for it.
        """
        now = datetime.now(UTC)
        with self._database.read() as connection:
            # Counted one after the other: documents may have moved in between.
            waiting = max(0, int(connection.scalar(_WAITING) or 0) - resting(connection, now))
            since = oldest(connection, now)
            found: list[tuple[LaneName, int, datetime | None]] = [(lanes[_FIRST], waiting, since)]
            for name, number, longest in connection.execute(_NEXT_STAGES):
                found.append((lanes[StageName(name)], int(number), longest))
        return [
            Queue(
                lane,
                sum(number for of, number, _ in found if of is lane),
                min((moment for of, _, moment in found if of is lane and moment), default=None),
            )
            for lane in LaneName
        ]

    def held_count(self) -> int:
        """How many documents are in quarantine."""
        return self._number(select(func.count()).select_from(quarantine).where(quarantine.c.ended.is_(None)))

    def ever_held_count(self) -> int:
        """How many times a document was quarantined, those that were released since included."""
        return self._number(select(func.count()).select_from(quarantine))

    def open_batch_count(self) -> int:
        """How many batches are open."""
        return self._number(select(func.count()).select_from(batches).where(batches.c.closed.is_(None)))

    def living_runs(self) -> int:
        """How many runs gave a sign of life lately."""
        first, behind = _RUN_LEASES
        living = and_(leases.c.name >= first, leases.c.name < behind, leases.c.expires > datetime.now(UTC))
        return self._number(select(func.count()).select_from(leases).where(living))

    def paid(self) -> list[Paid]:
        """Return what each model of each provider was asked and paid since the ledger was made."""
        totals = [func.sum(column) for column in (spending.c.requests, spending.c.tokens, spending.c.usd)]
        names = (spending.c.provider, spending.c.model)
        query = select(*names, *totals).group_by(*names).order_by(*names)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [Paid(provider, model, int(requests), int(tokens), float(usd)) for provider, model, requests, tokens, usd in rows]

    def _number(self, query: Select[Any]) -> int:
        with self._database.read() as connection:
            return int(connection.scalar(query) or 0)
