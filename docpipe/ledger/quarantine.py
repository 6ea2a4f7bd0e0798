"""What was taken out of the bucket because it failed for good, and how far that, or the way back, has come.

    moving ─▶ held ─▶ releasing ─▶ released
       └─▶ overtaken    └─▶ dropping ─▶ dropped

Every step is one transaction, conditional on the state before it and on the generation, so that two who do the same do it once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, exists, insert, select, update

from docpipe.ledger.attachments import have_attachments_looked_at
from docpipe.ledger.audit import AuditEvent, note_as_stands
from docpipe.ledger.database import LedgerPart, slices
from docpipe.ledger.rows import document_of
from docpipe.ledger.schema import UNKNOWN_SIZE, batches, documents, quarantine, stage_states
from docpipe.models import Document, DocumentStatus, ObjectInfo, StageName, StageStatus

REFUSAL = "DocumentRefused"
_PAGE = 1_000
_FALLEN = (DocumentStatus.FAILED, DocumentStatus.REFUSED)


class ConfinementState(StrEnum):
    """How far a document is on its way into quarantine, or out of it."""

    MOVING = "moving"
    HELD = "held"
    RELEASING = "releasing"
    RELEASED = "released"
    DROPPING = "dropping"
    DROPPED = "dropped"
    OVERTAKEN = "overtaken"  # the object was replaced or deleted before it was moved: there is nothing to hold


IN_TRANSIT = (ConfinementState.MOVING, ConfinementState.RELEASING, ConfinementState.RELEASED, ConfinementState.DROPPING)
"""Of these an interrupted step is to be done again, unless they have ended."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """One generation of one document in quarantine."""

    number: int
    key: str
    generation: int
    object_key: str
    etag: str
    size: int
    version: str
    held_as: str | None
    """Where its object lies now; None for an attachment, which has none."""
    state: ConfinementState
    stage: StageName | None
    """Where it failed; None where it was refused, or no stage had begun."""
    error_kind: str
    error: str
    traceback: str
    run_id: str | None
    at: datetime
    ended: datetime | None

    @property
    def original(self) -> ObjectInfo:
        return ObjectInfo(self.object_key, self.size, self.etag, self.version)


class Quarantine(LedgerPart):
    """Confinements of documents; the objects and files themselves are moved by `docpipe.quarantine`."""

    def to_quarantine(self, after: str = "", limit: int = 100) -> list[Document]:
        """Return settled documents that failed or were refused, from behind `after`, in order of the partition key.

        Not those whose batch is still under way, nor those whose present version is in the index all the same: they failed when
        they were done again, and moving their objects away would take them out of the search.
        """
        under_way = exists().where(batches.c.batch_id == documents.c.batch_id, batches.c.closed.is_(None))
        begun = exists().where(
            quarantine.c.key == documents.c.key, quarantine.c.generation == documents.c.generation, quarantine.c.ended.is_(None)
        )
        searchable = exists().where(
            stage_states.c.key == documents.c.key,
            stage_states.c.stage == StageName.INDEXED_VECTORS,
            stage_states.c.generation == documents.c.generation,
            stage_states.c.status == StageStatus.COMPLETE,
        )
        fallen = (documents.c.status.in_(_FALLEN), documents.c.key > after, documents.c.size != UNKNOWN_SIZE)
        query = select(documents).where(*fallen, ~under_way, ~begun, ~searchable).order_by(documents.c.key).limit(limit)
        with self._database.read() as connection:
            return [document_of(row) for row in connection.execute(query).mappings()]

    def confine(self, key: str, generation: int, held_as: str | None) -> Confinement | None:
        """Note that a document is about to be moved to `held_as`; None where that is no longer due, or somebody has begun."""
        with self._database.write() as connection:
            document = _locked(connection, key, generation, _FALLEN)
            open_rows = (quarantine.c.key == key, quarantine.c.generation == generation, quarantine.c.ended.is_(None))
            if document is None or connection.scalar(select(quarantine.c.id).where(*open_rows)):
                return None
            values = {name: document[name] for name in ("key", "generation", "object_key", "etag", "size", "version")}
            values |= _verdict(connection, document)
            values |= {"held_as": held_as, "state": ConfinementState.MOVING.value, "at": datetime.now(UTC)}
            made = connection.execute(insert(quarantine).values(values).returning(quarantine)).mappings().one()
        return _confinement_of(made)

    def enter_quarantine(self, confinement: Confinement) -> bool:
        """Make the document quarantined, whose object has been copied to where the confinement says.

        False where it has gone on to another generation or away, or somebody has chosen another place or gone further meanwhile.
        """
        mine = (quarantine.c.held_as.is_not_distinct_from(confinement.held_as), *_is_moving(confinement))
        with self._database.write() as connection:
            document = _locked(connection, confinement.key, confinement.generation, (*_FALLEN, DocumentStatus.QUARANTINED))
            if document is None or connection.scalar(select(quarantine.c.id).where(*mine)) is None:
                return False
            if document["status"] != DocumentStatus.QUARANTINED:
                values = {"status": DocumentStatus.QUARANTINED.value, "updated": datetime.now(UTC)}
                connection.execute(update(documents).where(documents.c.key == confinement.key).values(values))
                have_attachments_looked_at(connection, [confinement.key])
                known = {"error_kind": confinement.error_kind, "error": confinement.error, "run_id": confinement.run_id}
                note_as_stands(connection, AuditEvent.QUARANTINED, [confinement.key], confinement.stage, **known)
        return True

    def begin_release(self, confinement: Confinement) -> bool:
        """Note that a held document goes back; False where it is not held any more, or another generation has come.

        Once begun it is True again: what was put back may have been registered as a new generation by a look at the bucket.
        """
        with self._database.write() as connection:
            quarantined = _locked(connection, confinement.key, confinement.generation, (DocumentStatus.QUARANTINED,)) is not None
            if quarantined and _step(connection, confinement, (ConfinementState.HELD,), ConfinementState.RELEASING):
                return True
            return _step(connection, confinement, (ConfinementState.RELEASING,), ConfinementState.RELEASING)

    def enter_release(self, confinement: Confinement, info: ObjectInfo | None) -> bool:
        """Let the released document wait for a batch as a new generation; `info` is its object, None for an attachment.

        One that was refused goes back without an identity, so that the next look at the bucket admits or refuses it anew, and makes
        the generation. A look that came first has made it already. False where nobody is releasing it.
        """
        values: dict[str, Any] = {"status": DocumentStatus.PENDING.value, "batch_id": None, "run_id": None, "attempts": 0}
        values |= {"error": None, "not_before": None, "updated": datetime.now(UTC)}
        if confinement.error_kind == REFUSAL:
            values |= {"etag": "", "version": "", "size": UNKNOWN_SIZE}
        else:
            values["generation"] = confinement.generation + 1
            if info:
                values |= {"etag": info.etag, "version": info.version, "size": info.size, "modified": info.modified}
        with self._database.write() as connection:
            document = _locked(connection, confinement.key, confinement.generation, (DocumentStatus.QUARANTINED,))
            if not _step(
                connection, confinement, (ConfinementState.RELEASING,), ConfinementState.RELEASED, end=confinement.held_as is None
            ):
                return False
            if document is not None:
                connection.execute(update(documents).where(documents.c.key == confinement.key).values(values))
            note_as_stands(connection, AuditEvent.RELEASED, [confinement.key])
        return True

    def begin_drop(self, confinement: Confinement) -> bool:
        """Note that what is held will be deleted, and mark its document for removal unless it has a newer generation."""
        with self._database.write() as connection:
            document = _locked(connection, confinement.key, confinement.generation, (DocumentStatus.QUARANTINED,))
            if not _step(connection, confinement, (ConfinementState.HELD, ConfinementState.DROPPING), ConfinementState.DROPPING):
                return False
            if document is not None:
                values = {"status": DocumentStatus.DELETING.value, "updated": datetime.now(UTC)}
                connection.execute(update(documents).where(documents.c.key == confinement.key).values(values))
                have_attachments_looked_at(connection, [confinement.key])
                note_as_stands(connection, AuditEvent.DROPPED, [confinement.key])
        return True

    def step_confinement(self, confinement: Confinement, state: ConfinementState, *, end: bool = False) -> bool:
        """Take a confinement one step on; False where it no longer is where `confinement` says."""
        with self._database.write() as connection:
            return _step(connection, confinement, (confinement.state,), state, end=end)

    def abandon(self, confinement: Confinement) -> Confinement | None:
        """End a way in that leads nowhere, and return it; None where it has led somewhere: what is quarantined stays so."""
        values = {"state": ConfinementState.OVERTAKEN.value, "ended": datetime.now(UTC)}
        with self._database.write() as connection:
            if _locked(connection, confinement.key, confinement.generation, (DocumentStatus.QUARANTINED,)):
                return None
            ended = update(quarantine).where(*_is_moving(confinement)).values(values).returning(quarantine)
            row = connection.execute(ended).mappings().first()
        return _confinement_of(row) if row else None

    def place_elsewhere(self, confinement: Confinement, held_as: str) -> Confinement:
        """Choose another place for an object whose document is not quarantined yet; returns the confinement as it is then."""
        with self._database.write() as connection:
            if not _locked(connection, confinement.key, confinement.generation, _FALLEN):
                return confinement
            moved = update(quarantine).where(*_is_moving(confinement)).values(held_as=held_as).returning(quarantine)
            row = connection.execute(moved).mappings().first()
        return _confinement_of(row) if row else confinement

    def confinement(self, number: int) -> Confinement | None:
        """Return one confinement as it stands now."""
        return next(iter(self._confined(quarantine.c.id == number, limit=1)), None)

    def confinements_of(self, key: str, limit: int = 100) -> list[Confinement]:
        """Return the confinements of the document with this partition key, ended ones too, newest first."""
        query = select(quarantine).where(quarantine.c.key == key).order_by(quarantine.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [_confinement_of(row) for row in connection.execute(query).mappings()]

    def confined(self, after: int = 0, limit: int = 100, kind: str | None = None) -> list[Confinement]:
        """Return what is held, oldest first, from behind the confinement of number `after`; of one class of errors, or of all."""
        wanted = quarantine.c.state == ConfinementState.HELD
        return self._confined(wanted if kind is None else and_(wanted, quarantine.c.error_kind == kind), after, limit)

    def confined_in_transit(self, after: int = 0, limit: int = 100, *, inwards: bool = True) -> list[Confinement]:
        """Return those on whose way in or out somebody is, or was when he was killed; without `inwards` those on the way out alone."""
        states = IN_TRANSIT if inwards else [state for state in IN_TRANSIT if state is not ConfinementState.MOVING]
        return self._confined(quarantine.c.state.in_(states), after, limit)

    def held_places(self) -> Iterator[tuple[str, str]]:
        """Yield the place of every object that is held, with the partition key of its document, in the order of `Bucket.list`."""
        after = ""
        while True:
            mine = (quarantine.c.ended.is_(None), quarantine.c.state == ConfinementState.HELD, quarantine.c.held_as > after)
            query = select(quarantine.c.held_as, quarantine.c.key).where(*mine).order_by(quarantine.c.held_as).limit(_PAGE)
            with self._database.read() as connection:
                page = [(str(row.held_as), str(row.key)) for row in connection.execute(query)]
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1][0]

    def state_at(self, held_as: str) -> ConfinementState | None:
        """How far that is which lies, or will lie, under this object key; None where nothing in quarantine does."""
        query = select(quarantine.c.state).where(quarantine.c.held_as == held_as, quarantine.c.ended.is_(None))
        with self._database.read() as connection:
            state = connection.scalar(query)
        return ConfinementState(state) if state else None

    def _confined(self, wanted: ColumnElement[bool], after: int = 0, limit: int = 100) -> list[Confinement]:
        query = select(quarantine).where(wanted, quarantine.c.ended.is_(None), quarantine.c.id > after)
        with self._database.read() as connection:
            return [_confinement_of(row) for row in connection.execute(query.order_by(quarantine.c.id).limit(limit)).mappings()]


def end_unheld(connection: Connection, keys: Sequence[str]) -> None:
    """End the confinements of attachments that changed or went: there is no object that would still be held."""
    for part in slices(keys):
        unheld = (quarantine.c.key.in_(part), quarantine.c.ended.is_(None), quarantine.c.held_as.is_(None))
        connection.execute(update(quarantine).where(*unheld).values(state=ConfinementState.OVERTAKEN.value, ended=datetime.now(UTC)))


def _locked(connection: Connection, key: str, generation: int, statuses: Sequence[DocumentStatus]) -> RowMapping | None:
    """Lock the document, and return it where it still is of this generation and stands so."""
    row = connection.execute(select(documents).where(documents.c.key == key).with_for_update()).mappings().first()
    return row if row and row["generation"] == generation and row["status"] in statuses else None


def _is_moving(confinement: Confinement) -> tuple[ColumnElement[bool], ...]:
    return quarantine.c.id == confinement.number, quarantine.c.state == ConfinementState.MOVING, quarantine.c.ended.is_(None)


def _step(
    connection: Connection, confinement: Confinement, expected: Sequence[ConfinementState], state: ConfinementState, *, end: bool = False
) -> bool:
    mine = (quarantine.c.id == confinement.number, quarantine.c.state.in_(expected), quarantine.c.ended.is_(None))
    values = {"state": state.value} | ({"ended": datetime.now(UTC)} if end else {})
    return connection.execute(update(quarantine).where(*mine).values(values)).rowcount == 1


def _verdict(connection: Connection, document: RowMapping) -> dict[str, Any]:
    """Why the document fell, and where, as the stage says where one fell last."""
    if document["status"] == DocumentStatus.REFUSED:
        return {"stage": None, "error_kind": REFUSAL, "error": document["error"] or "", "traceback": "", "run_id": None}
    mine = (stage_states.c.key == document["key"], stage_states.c.generation == document["generation"])
    query = select(stage_states).where(*mine, stage_states.c.status == StageStatus.FAILED).order_by(stage_states.c.finished.desc()).limit(1)
    fell: Mapping[str, Any] = dict(connection.execute(query).mappings().first() or {})
    return {
        "stage": fell.get("stage"),
        "error_kind": fell.get("error_kind") or "WorkerLost",
        # That of a document which has used up its runs says so; its last stage only knows of the last.
        "error": document["error"] or fell.get("error") or "",
        "traceback": fell.get("traceback") or "",
        "run_id": fell.get("run_id"),
    }


def _confinement_of(row: RowMapping) -> Confinement:
    fields = dict(row)
    number = fields.pop("id")
    stage = StageName(fields["stage"]) if fields["stage"] else None
    return Confinement(number=number, **(fields | {"state": ConfinementState(fields["state"]), "stage": stage}))
