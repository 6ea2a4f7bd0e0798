"""Which failures say something about the document, and which only about its circumstances."""

from __future__ import annotations

from collections.abc import Mapping

from docpipe.errors import TransientError
from docpipe.models import Document, StageName, StageState, StageStatus


def transient_kinds() -> frozenset[str]:
    """The error kinds of failures that another run may be spared: `TransientError` and all that derives from it.

    Runs that die on a document leave `WorkerLost` on the stage where they did.
    """
    return frozenset(_names(TransientError))


def failed_for_good(document: Document, states: Mapping[tuple[str, StageName], StageState]) -> bool:
    """Whether one of the stages failed in the document's present generation, by an error that another run would meet again."""
    kinds = [
        state.error_kind
        for stage in StageName
        if (state := states.get((document.key, stage))) and state.status is StageStatus.FAILED and state.generation == document.generation
    ]
    return any(kind not in transient_kinds() for kind in kinds)


def _names(kind: type[Exception]) -> list[str]:
    return [kind.__name__, *(name for derived in kind.__subclasses__() for name in _names(derived))]
