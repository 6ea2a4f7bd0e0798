"""The pool's side of one worker process."""

from __future__ import annotations

import json
import os
import pickle
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docpipe import errors
from docpipe.errors import ConfigurationError, DocpipeError, LimitExceeded, PermanentError, TransientError
from docpipe.isolate.task import Answer, Task
from docpipe.isolate.wire import ANSWER_PREFIX, MAX_HEADER_BYTES, REQUEST_PREFIX
from docpipe.working_folder import working_folder

_START_SECONDS = 180.0
_POLL_SECONDS = 0.2
_NOISE_BYTES = 2_000
# Anything else, credentials above all, stays out of reach of a worker that a hostile file has taken over.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "RAYON_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one worker may use."""

    memory: int
    """Bytes of address space."""
    output: int
    """Bytes of one answer."""


class WorkerDied(Exception):
    """The process ended without an answer."""

    def __init__(self, description: str, *, from_outside: bool) -> None:
        super().__init__(description)
        self.from_outside = from_outside


class Cancelled(Exception):
    """Nobody waits for the answer any more."""


class WorkerProcess:
    """One process that answers one task at a time; used by one thread.

    After any call, `usable` says whether the process can take another.
    """

    def __init__(self, limits: Limits, preload: Sequence[str]) -> None:
        self.usable = False
        self._limits = limits
        self._cancelled: Callable[[], bool] = bool
        self._noise = b""
        self._cpu_before = self._cpu_last = 0.0
        self._folder = ExitStack()
        folder = self._folder.enter_context(working_folder("docpipe-worker-"))
        requests, self._requests = os.pipe()
        self._answers, answers = os.pipe()
        numbers = (requests, answers, os.getpid(), limits.memory, limits.output)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-P", "-m", "docpipe.isolate.worker", *map(str, numbers), *preload],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=_environment(folder),
                pass_fds=(requests, answers),
                start_new_session=True,
            )
        except OSError:
            os.close(self._requests)
            os.close(self._answers)
            self._folder.close()
            raise
        finally:
            os.close(requests)
            os.close(answers)
        assert self._process.stdout is not None
        self._output = self._process.stdout
        for descriptor in (self._requests, self._answers, self._output.fileno()):
            os.set_blocking(descriptor, False)

    def start(self, cancelled: Callable[[], bool]) -> None:
        """Wait until the process has imported what it needs; raises `ConfigurationError`, `WorkerDied` or `Cancelled`."""
        self._cancelled = cancelled
        try:
            self._receive(time.monotonic() + _START_SECONDS)
        except TimeoutError:
            raise WorkerDied(f"not ready after {_START_SECONDS:g} s", from_outside=True) from None
        except LimitExceeded as error:
            raise ConfigurationError(f"a worker cannot start: {error}") from error
        except DocpipeError as error:
            raise ConfigurationError(f"a worker cannot start: {error}") from error

    def call(self, task: Task, seconds: float, cancelled: Callable[[], bool]) -> Answer:
        """Run the task; raises its error, `LimitExceeded`, `WorkerDied` or `Cancelled`."""
        self._cancelled = cancelled
        self.usable = False
        self._cpu_before = self._cpu_now()
        deadline = time.monotonic() + seconds
        request = pickle.dumps((task.function, task.arguments))
        try:
            self._write(REQUEST_PREFIX.pack(len(request)) + request, deadline)
            return self._receive(deadline)
        except TimeoutError:
            raise LimitExceeded(f"not done after {seconds:g} s; raise DOCPIPE_TASK_SECONDS if it is worth the wait") from None

    @property
    def call_cpu_seconds(self) -> float:
        """Processor time since the last call began, with that of programs which the worker started and saw the end of."""
        return max(0.0, self._cpu_now() - self._cpu_before)

    @property
    def resident_bytes(self) -> int:
        """Memory in use now; 0 where the system does not tell."""
        try:
            pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def kill(self) -> None:
        """End the process and everything that it started, and remove its temporary files."""
        self.usable = False
        if self._output.closed:
            return
        self._reap()
        self._output.close()
        os.close(self._requests)
        os.close(self._answers)
        self._folder.close()

    def _reap(self) -> int:
        if self._process.returncode is None:
            self._cpu_now()
            # Before it is reaped, so that its group id cannot belong to anyone else.
            os.killpg(self._process.pid, signal.SIGKILL)
        return self._process.wait()

    def _receive(self, deadline: float) -> Answer:
        head_length, body_length = ANSWER_PREFIX.unpack(self._read(ANSWER_PREFIX.size, deadline))
        if head_length > MAX_HEADER_BYTES or head_length + body_length > self._limits.output:
            raise LimitExceeded(f"the result announces {head_length + body_length:,} bytes, more than DOCPIPE_WORKER_OUTPUT_MB allows")
        head, body = self._read(head_length, deadline), self._read(body_length, deadline)
        try:
            header = json.loads(head)
        except (ValueError, RecursionError):
            header = None
        if not isinstance(header, dict):
            raise PermanentError("the worker sent something that is no answer")
        self.usable = True
        if "error" in header:
            raise _error(str(header["error"]), str(header.get("message")), header.get("retry_after"))
        answer = header.get("answer")
        return (answer if isinstance(answer, dict) else {}), body

    def _read(self, length: int, deadline: float) -> bytes:
        buffer = bytearray()
        while len(buffer) < length:
            self._wait(self._answers, select.POLLIN, deadline)
            data = os.read(self._answers, min(length - len(buffer), 1 << 20))
            if not data:
                raise self._death()
            buffer += data
        return bytes(buffer)

    def _write(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            self._wait(self._requests, select.POLLOUT, deadline)
            try:
                view = view[os.write(self._requests, view[: 1 << 20]) :]
            except BrokenPipeError:
                raise self._death() from None
            except BlockingIOError:
                continue

    def _wait(self, descriptor: int, event: int, deadline: float) -> None:
        poller = select.poll()
        poller.register(descriptor, event)
        poller.register(self._output.fileno(), select.POLLIN)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            ready = dict(poller.poll(min(left, _POLL_SECONDS) * 1000))
            if self._output.fileno() in ready and not self._keep_noise():
                poller.unregister(self._output.fileno())
            if descriptor in ready:
                return
            if self._cancelled():
                raise Cancelled

    def _keep_noise(self) -> bool:
        """Take what the worker printed; False once it has closed its output."""
        try:
            data = os.read(self._output.fileno(), 1 << 16)
        except BlockingIOError:
            return True
        self._noise = (self._noise + data)[-_NOISE_BYTES:]
        return bool(data)

    def _death(self) -> WorkerDied:
        # Closing the pipe is not yet dying: a worker that only did that is ended here.
        patience = time.monotonic() + 1.0
        while not (ended := self._has_ended()) and time.monotonic() < patience:
            time.sleep(0.01)
        code = self._reap()
        while self._noise_left():
            continue
        said = " / ".join(self._noise.decode(errors="replace").strip().splitlines()[-3:])[-500:]
        how = f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        outside = ended and code in (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)
        return WorkerDied(f"{how}: {said}" if said else how, from_outside=outside)

    def _cpu_now(self) -> float:
        """What the process has used since it began; the last that was known, once it is gone."""
        if self._process.returncode is None:
            with suppress(OSError, ValueError):
                self._cpu_last = _cpu_seconds(self._process.pid)
        return self._cpu_last

    def _has_ended(self) -> bool:
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _noise_left(self) -> bool:
        before = self._noise
        return self._keep_noise() and self._noise != before


def _cpu_seconds(process_id: int) -> float:
    """Processor time of a process and of its children that have ended; raises `OSError` or `ValueError` where nobody tells.

    Asked of the system and not of the worker, which may lie.
    """
    # Behind the name, which may hold anything: user and system time in ticks, of the process and of its children.
    fields = Path(f"/proc/{process_id}/stat").read_bytes().rpartition(b")")[2].split()
    user, system, child_user, child_system = (int(ticks) / os.sysconf("SC_CLK_TCK") for ticks in fields[11:15])
    own = user + system
    with suppress(OSError):
        # Ticks are too coarse for tasks of milliseconds; the process's own clock, as clock_getcpuclockid(3) numbers it, is not.
        own = max(own, time.clock_gettime((~process_id << 3) | 2))
    return own + child_user + child_system


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    ours = {"PYTHONPATH": path, "TMPDIR": str(folder), "MALLOC_ARENA_MAX": "2", "TOKENIZERS_PARALLELISM": "false"}
    return kept | dict.fromkeys(_ONE_THREAD, "1") | ours


def _error(name: str, message: str, retry_after: Any) -> DocpipeError:
    if name == "MemoryError":
        return LimitExceeded(f"needs more memory than DOCPIPE_WORKER_MEMORY_MB allows: {message}".rstrip(": "))
    kind = getattr(errors, name, None) if name else None
    if isinstance(kind, type) and issubclass(kind, TransientError):
        return kind(message, float(retry_after) if isinstance(retry_after, int | float) else None)
    if isinstance(kind, type) and issubclass(kind, DocpipeError):
        return kind(message)
    return PermanentError(message)
