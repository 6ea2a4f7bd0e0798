"""Quarantines whatever waits for it, many at once, and makes good what was interrupted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from docpipe.errors import BucketDenied, ConfigurationError, DocpipeError, QuarantineRefused, TransientError
from docpipe.ledger.actor import act_as, actor
from docpipe.ledger.quarantine import Confinement
from docpipe.models import Document, StageName
from docpipe.pipeline import Pipeline

log = logging.getLogger(__name__)

PAGE = 500
MOVED_TOGETHER = 16
MOST = 10_000
"""Documents of one sweep: the log of its run stays one that can be read. The sensor asks for the next while there are more."""
_NEEDS = "quarantine reads, writes, copies and deletes in the bucket: allow that, or set DOCPIPE_QUARANTINE=false"


def is_due(pipeline: Pipeline) -> bool:
    """Whether a sweep would find anything to do."""
    on = pipeline.settings.quarantine
    if pipeline.ledger.confined_in_transit(limit=1, inwards=on):
        return True
    return on and bool(pipeline.ledger.to_quarantine(limit=1))


def sweep(pipeline: Pipeline) -> Iterator[Confinement]:
    """Yield every document that was quarantined, or taken on from where it was interrupted; at most about `MOST`.

    One that cannot be moved now is left to the next sweep, with a line in the log, and makes this one raise `TransientError` in the
    end; at once where not one of many could be moved. A `ConfigurationError` ends it at once.
    """
    ledger, quarantine, on, left = pipeline.ledger, pipeline.quarantine, pipeline.settings.quarantine, _Left()
    with ThreadPoolExecutor(MOVED_TOGETHER, initializer=act_as, initargs=(actor(),)) as threads:
        number, seen = 0, 0
        while seen < MOST and (begun := ledger.confined_in_transit(number, PAGE, inwards=on)):
            number, seen = begun[-1].number, seen + len(begun)
            yield from filter(None, threads.map(lambda one: left.attempt(one.object_key, lambda: quarantine.resume(one)), begun))
            left.give_up_after(begun)
        after = ""
        while on and seen < MOST and (page := ledger.to_quarantine(after, PAGE)):
            after, seen = page[-1].key, seen + len(page)
            ready = _take_out(pipeline, page, left)
            yield from filter(None, threads.map(lambda one: left.attempt(one.object_key, lambda: quarantine.take(one)), ready))
            left.give_up_after(page)
    left.tell()


@dataclass(slots=True)
class _Left:
    """What this sweep could not move, and why."""

    reasons: list[str] = field(default_factory=list)
    told: int = 0
    """So many of them belong to earlier pages."""

    def attempt(self, name: str, step: Callable[[], Confinement | None]) -> Confinement | None:
        try:
            return step()
        except BucketDenied:
            log.warning("%s stays where it is: %s", name, _NEEDS)
            raise
        except ConfigurationError:
            raise
        except QuarantineRefused as error:
            # A way out that is refused has ended.
            log.warning("%s stays in quarantine: %s", name, error)
        except DocpipeError as error:
            self.note(name, error)
        except Exception as error:
            log.exception("%s could not be quarantined", name)
            self.note(name, error)
        return None

    def note(self, name: str, error: Exception) -> None:
        log.warning("%s stays where it is until the next sweep: %s", name, error)
        self.reasons.append(f"{name}: {error}")

    def give_up_after(self, page: Sequence[object]) -> None:
        """End the sweep where nothing of a full page could be moved: neither can what is behind it, and each try may take long."""
        if len(self.reasons) - self.told >= PAGE == len(page):
            self.tell()
        self.told = len(self.reasons)

    def tell(self) -> None:
        if self.reasons:
            raise TransientError(f"{len(self.reasons)} documents stay where they are until the next sweep; {self.reasons[0]}")


def _take_out(pipeline: Pipeline, documents: Sequence[Document], left: _Left) -> list[Document]:
    """Take those out of the index of which it may hold this very version; returns the documents that may be moved now."""
    states = pipeline.ledger.stage_states([document.key for document in documents])
    written = {
        document.key: document.generation + 1
        for document in documents
        if (state := states.get((document.key, StageName.INDEXED_VECTORS))) and state.generation == document.generation
    }
    try:
        if written:
            pipeline.take_out(list(written), keep=written)
    except TransientError as error:
        for document in documents:
            if document.key in written:
                left.note(document.object_key, error)
        return [document for document in documents if document.key not in written]
    return list(documents)
