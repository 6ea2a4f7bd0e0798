"""How each stage of each document stands.

Every write is conditional on the generation: a run that was overtaken by a newer one cannot speak for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, not_, select, update

from docpipe.fingerprint import Recipe
from docpipe.ledger.attachments import ATTACHMENTS, have_attachments_looked_at
from docpipe.ledger.audit import AuditEvent, note_as_stands
from docpipe.ledger.database import LedgerPart, slices
from docpipe.ledger.rows import stage_state_of
from docpipe.ledger.schema import UNKNOWN_SIZE, documents, recipes, stage_states
from docpipe.ledger.spending import NO_COST, Cost, spent_before, spent_so_far
from docpipe.ledger.stored_text import stored_error, stored_text, stored_traceback
from docpipe.models import DocumentStatus, StageName, StageState, StageStatus

_FIRST, *_, _LAST = StageName
_CLOSED = (DocumentStatus.REFUSED, DocumentStatus.QUARANTINED, DocumentStatus.DELETING, DocumentStatus.DELETED)
_IN_BATCH = (DocumentStatus.QUEUED, DocumentStatus.RUNNING)


class Stages(LedgerPart):
    """Stage states and the recipes behind them."""

    def stage_states(self, keys: Iterable[str]) -> dict[tuple[str, StageName], StageState]:
        """Return what is known of the stages of these documents; a state's generation may be an older one."""
        states: dict[tuple[str, StageName], StageState] = {}
        with self._database.read() as connection:
            for part in slices(keys):
                rows = connection.execute(select(stage_states).where(stage_states.c.key.in_(part))).mappings()
                states.update(((state.key, state.stage), state) for state in map(stage_state_of, rows))
        return states

    def start(self, stage: StageName, work: Mapping[str, tuple[int, str, str]], run_id: str) -> list[str]:
        """Note that a run begins a stage; `work` is generation, fingerprint and recipe hash by key. Counts an attempt.

        Returns the documents that may be worked on: not those of another generation by now, superseded, refused or gone.
        """
        now = datetime.now(UTC)
        started: list[str] = []
        with self._database.write() as connection:
            for part in slices(sorted(work)):
                current = _current(connection, {key: work[key][0] for key in part})
                if not current:
                    continue
                # A document started outside of its batch belongs to that run alone from then on.
                batch_id = case((documents.c.status.in_(_IN_BATCH), documents.c.batch_id), else_=None)
                values = {"status": DocumentStatus.RUNNING.value, "batch_id": batch_id, "run_id": run_id, "error": None, "updated": now}
                # Stages side by side: what one of them failed is failed, even if the same run goes on with the other.
                failed_here = and_(documents.c.status == DocumentStatus.FAILED, documents.c.run_id.is_not_distinct_from(run_id))
                connection.execute(update(documents).where(documents.c.key.in_(current), not_(failed_here)).values(values))
                rows = [
                    _state(key, stage, work[key][0], StageStatus.RUNNING, fingerprint=work[key][1], recipe=work[key][2])
                    | {"attempts": 1, "run_id": run_id, "started": now}
                    for key in current
                ]
                self._put(connection, rows, {"attempts": (stage_states.c.attempts + 1, 1), **spent_before()})
                note_as_stands(connection, AuditEvent.STARTED, current, stage)
                started.extend(current)
        return started

    def complete(
        self,
        stage: StageName,
        key: str,
        generation: int,
        fingerprint: str,
        recipe: str,
        counts: Mapping[str, int],
        seconds: float | None,
        run_id: str | None = None,
        cost: Cost = NO_COST,
    ) -> bool:
        """Note that the artifact is stored; the last stage makes the document indexed, and forgets the runs that died on it.

        The first stage makes the document due for a look at its attachments, in the same transaction.

        Serves as well for an artifact that was found and not made: without `start`, no attempt is counted. False where the
        document has gone on to another generation or away: then nothing is noted.
        """
        now = datetime.now(UTC)
        row = _state(key, stage, generation, StageStatus.COMPLETE, fingerprint=fingerprint, recipe=recipe)
        row |= {"counts": dict(counts), "seconds": seconds, "run_id": run_id, "finished": now}
        row |= cost.columns
        with self._database.write() as connection:
            if not _current(connection, {key: generation}):
                return False
            kept = {"attempts": (stage_states.c.attempts, 0), "started": (stage_states.c.started, None)}
            self._put(connection, [row], {**kept, **spent_so_far(cost)})
            if stage is _FIRST:
                have_attachments_looked_at(connection, [key], new=bool(counts.get(ATTACHMENTS)))
            if stage is _LAST:
                values = {"status": DocumentStatus.INDEXED.value, "attempts": 0, "error": None, "updated": now}
                connection.execute(update(documents).where(documents.c.key == key).values(values))
            note_as_stands(connection, AuditEvent.COMPLETED, [key], stage)
        return True

    def fail(
        self,
        stage: StageName,
        key: str,
        generation: int,
        error_kind: str,
        error: str,
        *,
        traceback: str = "",
        fingerprint: str = "",
        recipe: str = "",
        seconds: float | None = None,
        run_id: str | None = None,
        cost: Cost = NO_COST,
    ) -> bool:
        """Note that a stage failed for good, which makes the document failed.

        `error_kind` is the class of the exception; of the `traceback` the end is kept. False as for `complete`.
        """
        now = datetime.now(UTC)
        message = stored_error(error)
        row = _state(key, stage, generation, StageStatus.FAILED, fingerprint=fingerprint, recipe=recipe)
        row |= {
            "attempts": 1,
            "seconds": seconds,
            "error_kind": stored_error(error_kind),
            "error": message,
            "traceback": stored_traceback(traceback),
            "run_id": run_id,
            "finished": now,
            **cost.columns,
        }
        with self._database.write() as connection:
            if not _current(connection, {key: generation}):
                return False
            kept = {name: (stage_states.c[name], row[name]) for name in ("attempts", "started")}
            if not fingerprint:
                kept |= {name: (stage_states.c[name], "") for name in ("fingerprint", "recipe")}
            self._put(connection, [row], {**kept, **spent_so_far(cost)})
            values = {"status": DocumentStatus.FAILED.value, "error": message, "updated": now}
            connection.execute(update(documents).where(documents.c.key == key).values(values))
            have_attachments_looked_at(connection, [key])
            note_as_stands(connection, AuditEvent.FAILED, [key], stage)
        return True

    def keep_traceback(self, stage: StageName, key: str, generation: int, traceback: str) -> None:
        """Keep the end of the traceback of an error that may pass, in case the document has no further try."""
        of_stage = (stage_states.c.key == key, stage_states.c.stage == stage, stage_states.c.generation == generation)
        with self._database.write() as connection:
            connection.execute(update(stage_states).where(*of_stage).values(traceback=stored_traceback(traceback)))

    def remember_recipe(self, recipe: Recipe) -> None:
        """Keep the text of a recipe, so that it can be told later what changed."""
        row = {"hash": recipe.hash, "stage": recipe.stage, "text": stored_text(recipe.text)}
        with self._database.write() as connection:
            connection.execute(self._database.insert(recipes).values(row).on_conflict_do_nothing())

    def recipe_hashes(self, stage: StageName) -> list[str]:
        """Return the hashes of all recipes that a stage ever had: a few, however many documents there are."""
        with self._database.read() as connection:
            return list(connection.scalars(select(recipes.c.hash).where(recipes.c.stage == stage).order_by(recipes.c.hash)))

    def recipe_texts(self, hashes: Iterable[str]) -> dict[str, str]:
        """Return the texts of recipes by their hashes; unknown ones are left out."""
        texts: dict[str, str] = {}
        with self._database.read() as connection:
            for part in slices(hashes):
                query = select(recipes.c.hash, recipes.c.text).where(recipes.c.hash.in_(part))
                texts.update((found, text) for found, text in connection.execute(query))
        return texts

    def _put(self, connection: Connection, rows: list[dict[str, Any]], kept: Mapping[str, tuple[ColumnElement[Any], object]]) -> None:
        """Insert stage states or overwrite those that are there.

        `kept` has, by column, what becomes of an old value of the same generation, and the value for any other.
        """
        insert = self._database.insert(stage_states)
        same = stage_states.c.generation == insert.excluded.generation
        values: dict[str, Any] = {column.name: insert.excluded[column.name] for column in stage_states.c if not column.primary_key}
        values |= {name: case((same, old), else_=new) for name, (old, new) in kept.items()}
        connection.execute(insert.on_conflict_do_update(index_elements=["key", "stage"], set_=values), rows)


def _current(connection: Connection, generations: Mapping[str, int]) -> list[str]:
    """Lock the documents and return the keys of those that still are of these generations, in order."""
    condition = (documents.c.key.in_(list(generations)), documents.c.status.not_in(_CLOSED), documents.c.size != UNKNOWN_SIZE)
    query = select(documents.c.key, documents.c.generation).where(*condition).order_by(documents.c.key).with_for_update()
    return [key for key, generation in connection.execute(query) if generations[key] == generation]


def _state(key: str, stage: StageName, generation: int, status: StageStatus, *, fingerprint: str, recipe: str) -> dict[str, Any]:
    return {
        "key": key,
        "stage": stage.value,
        "generation": generation,
        "status": status.value,
        "fingerprint": fingerprint,
        "recipe": recipe,
        "attempts": 0,
        "seconds": None,
        "counts": {},
        "error_kind": None,
        "error": None,
        "traceback": None,
        "run_id": None,
        "started": None,
        "finished": None,
    }
