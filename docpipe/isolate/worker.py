"""The worker process: `python -m docpipe.isolate.worker <requests> <answers> <parent> <memory> <output> [module …]`.

Reads one task after the other from the first descriptor and writes its answer to the second. Both limits are bytes.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import pickle
import re
import resource
import signal
import sys
from collections.abc import Sequence
from typing import Any

from docpipe.errors import DocpipeError, LimitExceeded, TransientError
from docpipe.isolate.wire import ANSWER_PREFIX, MAX_HEADER_BYTES, REQUEST_PREFIX, answer_frame, read_exactly, write_all

_PR_SET_PDEATHSIG = 1
_MAX_MESSAGE = 2_000
# C and C++ libraries report a refused allocation each in their own words.
_OUT_OF_MEMORY = re.compile(
    r"bad[_ ]alloc|[cm]alloc .*failed|cannot allocate|failed to allocate|out of memory|not enough memory", re.IGNORECASE
)


def main(arguments: Sequence[str]) -> int:
    """Serve until the parent closes the pipe or dies."""
    requests, answers, parent, memory, output = map(int, arguments[:5])
    _die_with(parent)
    _limit(memory)
    for descriptor in (requests, answers):
        os.set_inheritable(descriptor, False)
    try:
        for module in arguments[5:]:
            importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - whatever stops an import is told to the parent
        _send(answers, _failure(error), b"", output)
        return 1
    _send(answers, {"ready": True}, b"", output)
    while (prefix := read_exactly(requests, REQUEST_PREFIX.size)) is not None:
        request = read_exactly(requests, *REQUEST_PREFIX.unpack(prefix))
        if request is None:
            break
        try:
            header, body = _call(request)
            _send(answers, {"answer": header}, body, output)
        except Exception as error:  # noqa: BLE001 - every failure of the function is the answer
            _send(answers, _failure(error), b"", output)
    return 0


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # The parent may have died before the line above.
    if os.getppid() != parent:
        os._exit(1)


def _limit(memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE):
        _, hard = resource.getrlimit(kind)
        value = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        resource.setrlimit(kind, (value, value))


def _call(request: bytes) -> tuple[dict[str, Any], bytes]:
    function, arguments = pickle.loads(request)  # noqa: S301 - from the parent, which we trust
    module, _, name = function.partition(":")
    header, body = getattr(importlib.import_module(module), name)(*arguments)
    return header, body


def _send(descriptor: int, header: dict[str, Any], body: bytes, limit: int) -> None:
    head = answer_frame(header)
    if len(head) + len(body) > limit or len(head) > MAX_HEADER_BYTES:
        raise LimitExceeded(f"the result has {len(head) + len(body):,} bytes, more than DOCPIPE_WORKER_OUTPUT_MB allows")
    write_all(descriptor, ANSWER_PREFIX.pack(len(head), len(body)), head, body)


def _failure(error: Exception) -> dict[str, Any]:
    message = str(error)[:_MAX_MESSAGE]
    if isinstance(error, DocpipeError):
        retry_after = error.retry_after if isinstance(error, TransientError) else None
        return {"error": type(error).__name__, "message": message, "retry_after": retry_after}
    if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(message):
        return {"error": "MemoryError", "message": message}
    return {"error": "", "message": f"{type(error).__name__}: {message}"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
