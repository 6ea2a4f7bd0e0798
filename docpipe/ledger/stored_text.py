"""Text that every database takes."""

from __future__ import annotations

LONGEST_ERROR = 4_000
LONGEST_TRACEBACK = 20_000


def stored_text(text: str) -> str:
    """Escape lone surrogates, which have no UTF-8, and drop NUL, which Postgres refuses."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "")


def stored_error(message: str) -> str:
    """Make an error's message fit to store: a document can make a parser repeat megabytes of it."""
    return stored_text(message[:LONGEST_ERROR])[:LONGEST_ERROR]


def stored_traceback(traceback: str) -> str:
    """Make a traceback fit to store: its end, which is nearest to the error."""
    return stored_text(traceback[-LONGEST_TRACEBACK:])[-LONGEST_TRACEBACK:]
