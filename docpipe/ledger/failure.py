"""Which failures say something about the document, and which only about its circumstances."""

from __future__ import annotations

from docpipe.errors import TransientError


def transient_kinds() -> frozenset[str]:
    """The error kinds of failures that another run may be spared: `TransientError` and all that derives from it.

    Runs that die on a document leave `WorkerLost` on the stage where they did.
    """
    return frozenset(_names(TransientError))


def _names(kind: type[Exception]) -> list[str]:
    return [kind.__name__, *(name for derived in kind.__subclasses__() for name in _names(derived))]
