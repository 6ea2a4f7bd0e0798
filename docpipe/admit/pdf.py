"""PDF files: those that say they are encrypted are tried with every password."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from docpipe.admit.ranged import Read
from docpipe.admit.verdict import Refusal, Verdict
from docpipe.bucket.disk import disk_errors
from docpipe.errors import ConfigurationError, DocumentRefused, TransientError
from docpipe.isolate import Task, WorkerPool
from docpipe.parse.formats import PDF
from docpipe.parse.pages import Mode, Reading
from docpipe.settings import Settings

_TAIL = 16 * 1024
_DICTIONARY = 2 * 1024
_PIECE = 8 * 1024 * 1024
_SECONDS = 5.0
"""Opening a file to try a password takes milliseconds; the parser has more patience, and says why a file needs it."""
_TOGETHER = 2
"""Encrypted files that lie on the disk and are tried at a time, each as large as a document may be."""
_TURN = threading.BoundedSemaphore(_TOGETHER)
_LEAST_PAGE = 64
"""Bytes of the smallest page: a file that claims more pages than fit into it lies."""
_START = re.compile(rb"startxref\s+(\d{1,12})")
_LINEARIZED = re.compile(rb"/Linearized\b[^>]{0,200}/N\s+(\d{1,6})\b")


def password_pool(settings: Settings) -> WorkerPool:
    """Workers that try passwords; none is started before the first encrypted PDF."""
    return WorkerPool(_TOGETHER, seconds=_SECONDS, memory_mb=settings.worker_memory_mb, output_mb=1, preload=["docpipe.parse.preload"])


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
    with _TURN, _temporary_folder() as folder:
        path = Path(folder) / "encrypted.pdf"
        with disk_errors(path), path.open("wb") as file:
            for start in range(0, size, _PIECE):
                file.write(read(start, min(_PIECE, size - start)))
        reading = Reading(PDF, layout=False, ocr=False, layout_max_pages=0, passwords=settings.password_list)
        task = Task("admit", "docpipe.parse.pages:read", (str(path), reading, (), Mode.ROUTED.value))
        (result,) = pool.run([task])
    if isinstance(result.error, DocumentRefused):
        raise Refusal(str(result.error), PDF) from result.error
    if isinstance(result.error, TransientError | ConfigurationError):
        raise result.error
    if result.answer is None:
        # Damaged in other ways: the parser says how, with all that it can do about it.
        return Verdict(PDF)
    total = result.answer[0].get("total")
    return Verdict(PDF, total if isinstance(total, int) else 0)


def _temporary_folder() -> TemporaryDirectory[str]:
    with disk_errors(Path("$TMPDIR")):
        return TemporaryDirectory(prefix="docpipe-")
