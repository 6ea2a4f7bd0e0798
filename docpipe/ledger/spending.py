"""What providers are paid: reserved before a request, entered after it, by day, provider, model and stage."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, literal_column, select, text, update

from docpipe.ledger.audit import AuditEvent, note
from docpipe.ledger.database import LedgerPart, slices
from docpipe.ledger.schema import commitments, documents, spending, stage_states
from docpipe.models import DocumentStatus, StageName, StageStatus
from docpipe.waiting_line import HELD

_SAME_WORK = stage_states.c.fingerprint == literal_column("excluded.fingerprint")
# Written out, not given as a parameter: only so does SQLite see that the index of what rests will do.
_PENDING = documents.c.status == literal_column(f"'{DocumentStatus.PENDING.value}'")
_ROUNDING = 1e-9
"""US dollars by which sums of floats may be off."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What work on one document in one stage took, as columns of its state."""

    cpu_seconds: float | None = None
    gpu_seconds: float | None = None
    cost_usd: float | None = None
    """None where neither a provider nor our own machines have a price."""

    @property
    def columns(self) -> dict[str, float | None]:
        return asdict(self)


NO_COST = Cost()


@dataclass(frozen=True, slots=True)
class Spent:
    """What one stage had done by one model of a provider on one day."""

    day: str
    """UTC, as in `2026-11-22`."""
    provider: str
    model: str
    """Empty where none can be named: work of our own machines with no model or several, and what an earlier version entered."""
    stage: str
    requests: int
    tokens: int
    usd: float


@dataclass(frozen=True, slots=True)
class Commitment:
    """What of a provider's day is spent or reserved."""

    provider: str
    usd: float
    refused_at: float | None
    """The limit at which a request was last refused, that day; None where none was."""


class Spending(LedgerPart):
    """Money by days of the database's clock, in UTC, which all workers share."""

    def today(self) -> date:
        """Return the day; of this machine's clock on SQLite."""
        if self._database.is_sqlite:
            return datetime.now(UTC).date()
        with self._database.read() as connection:
            day: date = connection.scalar(text("SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date"))
            return day

    def reserve(self, provider: str, day: date, usd: float, limit: float) -> bool:
        """Set aside what a request may cost; False where the day's limit would be exceeded, and nothing is set aside.

        No two callers get the same money. What is entered on the day after counts too: a clock that is put back over midnight
        finds there what it spent on the same real day. Whoever dies between this and `spend` leaves the money set aside.
        """
        own = (commitments.c.provider == provider, commitments.c.day == day.isoformat())
        ahead = commitments.alias()
        after = select(func.coalesce(func.sum(ahead.c.usd), 0.0)).where(
            ahead.c.provider == provider, ahead.c.day == (day + timedelta(days=1)).isoformat()
        )
        fits = commitments.c.usd + literal(usd) + after.scalar_subquery() <= limit + _ROUNDING
        empty = self._database.insert(commitments).values(day=day.isoformat(), provider=provider, usd=0.0)
        with self._database.write() as connection:
            connection.execute(empty.on_conflict_do_nothing())
            # Who waits here for another's commit compares with what that leaves.
            taken = connection.execute(update(commitments).where(*own, fits).values(usd=commitments.c.usd + literal(usd)))
            if not taken.rowcount:
                connection.execute(update(commitments).where(*own).values(refused_at=limit))
            return bool(taken.rowcount)

    def spend(
        self,
        provider: str,
        day: date,
        stage: str,
        *,
        model: str = "",
        requests: int = 0,
        tokens: int = 0,
        usd: float = 0.0,
        reserved: float = 0.0,
    ) -> None:
        """Enter what was asked and paid, in the place of what was reserved for it; all zero gives the reservation back.

        Budgets are a provider's: `model` only says what the money went to, and is empty where none can be named.
        """
        amounts = {"requests": requests, "tokens": tokens, "usd": usd}
        row = {"day": day.isoformat(), "provider": provider}
        with self._database.write() as connection:
            if any(amounts.values()):
                entry = self._database.insert(spending).values(**row, model=model, stage=stage, **amounts)
                sums = {name: spending.c[name] + entry.excluded[name] for name in amounts}
                connection.execute(entry.on_conflict_do_update(index_elements=["day", "provider", "model", "stage"], set_=sums))
            if usd or reserved:
                difference = self._database.insert(commitments).values(**row, usd=usd - reserved)
                summed = {"usd": commitments.c.usd + difference.excluded.usd}
                connection.execute(difference.on_conflict_do_update(index_elements=["day", "provider"], set_=summed))

    def charge(self, stage: StageName, key: str, generation: int, cost: Cost) -> None:
        """Add to a stage of a document what an attempt without a verdict took."""
        values = {name: func.coalesce(stage_states.c[name], 0.0) + literal(one) for name, one in cost.columns.items() if one}
        if not values:
            return
        own = (stage_states.c.key == key, stage_states.c.stage == stage.value, stage_states.c.generation == generation)
        with self._database.write() as connection:
            connection.execute(update(stage_states).where(*own).values(values))

    def spending(self, first: date, last: date | None = None) -> list[Spent]:
        """Return what was paid from the first day to the last (the first alone without one), newest first."""
        days = spending.c.day.between(first.isoformat(), (last or first).isoformat())
        order = (spending.c.day.desc(), spending.c.provider, spending.c.model, spending.c.stage)
        with self._database.read() as connection:
            return [Spent(**row) for row in connection.execute(select(spending).where(days).order_by(*order)).mappings()]

    def commitments(self, day: date) -> list[Commitment]:
        """Return what of the day's budgets is gone, requests under way included."""
        columns = (commitments.c.provider, commitments.c.usd, commitments.c.refused_at)
        query = select(*columns).where(commitments.c.day == day.isoformat()).order_by(commitments.c.provider)
        with self._database.read() as connection:
            return [Commitment(*row) for row in connection.execute(query)]

    def free(self, provider: str, day: date, until: datetime) -> int:
        """Let the documents go on that wait until this very moment, since there is money again; returns how many."""
        own = (commitments.c.provider == provider, commitments.c.day == day.isoformat())
        with self._database.write() as connection:
            connection.execute(update(commitments).where(*own).values(refused_at=None))
        return self._wake(documents.c.not_before == until)

    def free_beyond(self, latest: datetime) -> int:
        """Let the documents go on that wait longer than anything may: a clock was ahead when they were told to. Not what is held."""
        late = and_(documents.c.not_before > latest, documents.c.not_before < HELD)
        with self._database.read() as connection:
            if connection.scalar(select(documents.c.key).where(_PENDING, late).limit(1)) is None:
                return 0
        return self._wake(late)

    def _wake(self, condition: ColumnElement[bool]) -> int:
        query = select(documents.c.key, documents.c.generation).where(_PENDING, condition).order_by(documents.c.key).with_for_update()
        with self._database.write() as connection:
            found = [row._asdict() for row in connection.execute(query)]
            for part in slices(found):
                keys = [row["key"] for row in part]
                connection.execute(update(documents).where(documents.c.key.in_(keys)).values(not_before=None, error=None))
                note(connection, AuditEvent.REQUEUED, [{**row, "status": DocumentStatus.PENDING.value} for row in part])
        return len(found)


def spent_before() -> dict[str, tuple[ColumnElement[Any], object]]:
    """What becomes of the cost of earlier attempts when a stage begins: kept where the same work was not ended, else forgotten."""
    unfinished = and_(_SAME_WORK, stage_states.c.status != StageStatus.COMPLETE)
    return {name: (case((unfinished, stage_states.c[name]), else_=None), None) for name in NO_COST.columns}


def spent_so_far(cost: Cost) -> dict[str, tuple[ColumnElement[Any], object]]:
    """The cost of earlier attempts at the same work and that of this one; an artifact that was found costs nothing more."""
    return {name: (_added(stage_states.c[name], new), new) for name, new in cost.columns.items()}


def _added(old: ColumnElement[Any], new: float | None) -> ColumnElement[Any]:
    more = old if new is None else func.coalesce(old, 0.0) + literal(new)
    return case((_SAME_WORK, more), else_=literal(new, old.type))
