"""Encrypted files, opened in a worker with every password before they are admitted."""

from __future__ import annotations

import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from docpipe.admit.ranged import Read
from docpipe.admit.verdict import Refusal
from docpipe.bucket.disk import disk_errors
from docpipe.errors import ConfigurationError, DocumentRefused, TransientError
from docpipe.isolate import Task, WorkerPool
from docpipe.settings import Settings

_PIECE = 8 * 1024 * 1024
_SECONDS = 5.0
"""Opening a file to try a password takes milliseconds; the parser has more patience, and says why a file needs it."""
_TOGETHER = 2
"""Encrypted files that lie on the disk and are tried at a time, each as large as a document may be."""
_TURN = threading.BoundedSemaphore(_TOGETHER)


def password_pool(settings: Settings) -> WorkerPool:
    """Workers that try passwords; none is started before the first encrypted file."""
    return WorkerPool(_TOGETHER, seconds=_SECONDS, memory_mb=settings.worker_memory_mb, output_mb=1, preload=["docpipe.parse.preload"])


def opened(
    size: int, read: Read, pool: WorkerPool, media_type: str, function: str, arguments: tuple[object, ...], seconds: float = _SECONDS
) -> dict[str, Any] | None:
    """What the task function tells about a copy of the object; None where it could not tell.

    The function gets the path of the copy and the arguments. Raises `Refusal`, with the media type, where no password fits.
    """
    with _TURN, _temporary_folder() as folder:
        path = Path(folder) / "encrypted"
        with disk_errors(path), path.open("wb") as file:
            for start in range(0, size, _PIECE):
                file.write(read(start, min(_PIECE, size - start)))
        (result,) = pool.run([Task("admit", function, (str(path), *arguments), seconds)])
    if isinstance(result.error, DocumentRefused):
        raise Refusal(str(result.error), media_type) from result.error
    if isinstance(result.error, TransientError | ConfigurationError):
        raise result.error
    return result.answer[0] if result.answer else None


def _temporary_folder() -> TemporaryDirectory[str]:
    with disk_errors(Path("$TMPDIR")):
        return TemporaryDirectory(prefix="docpipe-")
