"""PDF files: those that say they are encrypted are tried with every password."""

from __future__ import annotations

import re

from docpipe.admit.passwords import opened
from docpipe.admit.ranged import Read
from docpipe.admit.verdict import Verdict
from docpipe.isolate import WorkerPool
from docpipe.parse.formats import PDF
from docpipe.parse.page.pages import Mode, Reading
from docpipe.settings import Settings

_TAIL = 16 * 1024
_DICTIONARY = 2 * 1024
_LEAST_PAGE = 64
"""Bytes of the smallest page: a file that claims more pages than fit into it lies."""
_START = re.compile(rb"startxref\s+(\d{1,12})")
_LINEARIZED = re.compile(rb"/Linearized\b[^>]{0,200}/N\s+(\d{1,6})\b")


def examine(head: bytes, size: int, read: Read, settings: Settings, pool: WorkerPool) -> Verdict:
    """Whether the PDF can be opened. Raises `Refusal` for one that is encrypted with an unknown password."""
    start = max(0, size - _TAIL)
    tail = read(start, size - start)
    if b"/Encrypt" in head or b"/Encrypt" in tail or b"/Encrypt" in _trailer(tail, size, read):
        return _try_passwords(size, read, settings, pool)
    # A linearized file begins with the number of its pages.
    linearized = _LINEARIZED.search(head)
    return Verdict(PDF, min(int(linearized[1]), size // _LEAST_PAGE) if linearized else 0)


def _trailer(tail: bytes, size: int, read: Read) -> bytes:
    """The dictionary of a cross-reference stream, which may lie anywhere."""
    starts = _START.findall(tail)
    at = int(starts[-1]) if starts else size
    return read(at, min(_DICTIONARY, size - at)) if at < size else b""


def _try_passwords(size: int, read: Read, settings: Settings, pool: WorkerPool) -> Verdict:
    """Open the file in a worker: many are encrypted with an empty password, only to forbid printing."""
    reading = Reading(PDF, layout=False, ocr=False, layout_max_pages=0, passwords=settings.password_list)
    header = opened(size, read, pool, PDF, "docpipe.parse.page.pages:read", (reading, (), Mode.ROUTED.value))
    # Where it is damaged in other ways, the parser says how, with all that it can do about it.
    total = header.get("total") if header else None
    return Verdict(PDF, total if isinstance(total, int) else 0)
