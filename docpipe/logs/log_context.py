"""Which document, stage, run and batch a line of the log is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from docpipe.innermost import Innermost

FIELDS = ("document", "stage", "run", "batch")

_context: Innermost[Mapping[str, str]] = Innermost("log_context")


@contextmanager
def log_context(**known: str) -> Iterator[None]:
    """Lines within the block are about these, and about what the blocks around it say; of `FIELDS`, and empty ones are left out."""
    with _context.block({**current(), **{name: known[name] for name in FIELDS if known.get(name)}}):
        yield


def current() -> Mapping[str, str]:
    return _context.get() or {}
