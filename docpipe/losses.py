"""What becomes of a document that a stage could not do: the class of the error decides."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from traceback import format_exception

from docpipe.artifacts import ArtifactStore
from docpipe.cost.stage_costs import StageCosts
from docpipe.errors import (
    ArtifactDamaged,
    BucketUnavailable,
    BudgetSpent,
    ConfigurationError,
    EmbedderUnavailable,
    IndexUnavailable,
    Superseded,
    TransientError,
)
from docpipe.ledger import Ledger
from docpipe.ledger.spending import NO_COST, Cost
from docpipe.models import Document, StageName, StageStatus
from docpipe.settings import Settings
from docpipe.stage import NO_EFFORT, Lost

log = logging.getLogger(__name__)

OUTAGES = (BucketUnavailable, EmbedderUnavailable, IndexUnavailable)
"""What is away for everybody says nothing against the document."""
OUTAGE_ATTEMPTS = 100
"""Attempts of a stage after which an outage counts all the same; with the rests between runs that is more than a day."""
RESTS = (1, 5, 15, 60)
"""How many times `rest_seconds` a document rests after its first, second, third and any later run that ended in trouble."""

LONGEST_REST = 86_400.0
"""Seconds; less than `LONGEST_WAIT` of `docpipe.cost.budget`."""


class Losses:
    """Enters the losses of one stage of one run in the ledger."""

    def __init__(
        self, stage: StageName, ledger: Ledger, artifacts: ArtifactStore, costs: StageCosts, settings: Settings, run_id: str
    ) -> None:
        self._stage = stage
        self._ledger = ledger
        self._artifacts = artifacts
        self._costs = costs
        self._settings = settings
        self._run_id = run_id

    def enter(self, document: Document, fingerprint: str, recipe: str, lost: Lost) -> Cost:
        """Fail the document, or let it wait; returns what was spent on it. A `ConfigurationError` is raised: it concerns all."""
        error = lost.error
        if isinstance(error, ConfigurationError):
            raise error
        cost = self._costs.of(lost.effort) if lost.effort != NO_EFFORT else NO_COST
        self._costs.add(lost.effort)
        if isinstance(error, Superseded):
            self._ledger.supersede(document.key, document.generation)
        elif isinstance(error, BudgetSpent):
            self._charge(document, cost)
            # Nobody tried: no attempt is counted.
            self._give_back(document, error, error.not_before, count=False)
        elif isinstance(error, TransientError | ArtifactDamaged):
            self._charge(document, cost)
            if isinstance(error, ArtifactDamaged):
                self._take_away(document)
            # What is out of reach now may be back in a minute: the document waits for another run.
            attempts = self._attempts(document, fingerprint, recipe)
            count = not isinstance(error, OUTAGES) or attempts >= OUTAGE_ATTEMPTS
            self._give_back(document, error, self._rest(attempts), count=count)
            self._ledger.keep_traceback(self._stage, document.key, document.generation, "".join(format_exception(error)))
        else:
            self._ledger.fail(
                self._stage,
                document.key,
                document.generation,
                type(error).__name__,
                str(error) or repr(error),
                traceback="".join(format_exception(error)),
                fingerprint=fingerprint,
                recipe=recipe,
                seconds=lost.seconds,
                run_id=self._run_id,
                cost=cost,
            )
        return cost

    def _charge(self, document: Document, cost: Cost) -> None:
        """Keep what an attempt without a verdict took, for the next one to add to."""
        if cost != NO_COST:
            self._ledger.charge(self._stage, document.key, document.generation, cost)

    def _give_back(self, document: Document, error: Exception, not_before: datetime | None, *, count: bool) -> None:
        place, most = (document.key, document.generation), self._settings.max_attempts
        self._ledger.give_back(*place, most, str(error), not_before=not_before, count=count)

    def _attempts(self, document: Document, fingerprint: str, recipe: str) -> int:
        """How often this stage was tried on the document's present generation, this run's attempts among them.

        Counts one where the stage did not even begin, since its input was out of reach: else such a document would rest for the
        shortest time for ever. A stage that is complete keeps its state.
        """
        state = self._ledger.stage_states([document.key]).get((document.key, self._stage))
        tried = 0
        if state and state.generation == document.generation:
            if state.status is not StageStatus.FAILED:
                return state.attempts
            tried = state.attempts
        return tried + len(self._ledger.start(self._stage, {document.key: (document.generation, fingerprint, recipe)}, self._run_id))

    def _rest(self, attempts: int) -> datetime | None:
        """When the document may be tried again: runs must not spin while something is away."""
        runs = max(1, attempts // self._settings.max_attempts)
        # No longer than a day: what waits beyond that is taken for the work of a wrong clock, and let go at once.
        seconds = min(self._settings.rest_seconds * RESTS[min(runs, len(RESTS)) - 1], LONGEST_REST)
        return datetime.now(UTC) + timedelta(seconds=seconds) if seconds else None

    def _take_away(self, document: Document) -> None:
        """Remove all artifacts of a document that has a damaged one; which one does not matter, its next run makes all anew."""
        try:
            self._artifacts.delete_document(document.key)
        except TransientError as error:
            log.warning("the damaged artifacts of %s could not be removed: %s", document.key, error)
