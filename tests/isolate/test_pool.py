from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from docpipe.errors import (
    BucketFull,
    BucketUnavailable,
    ConfigurationError,
    DocpipeError,
    IndexUnavailable,
    LimitExceeded,
    ParseFailed,
    PermanentError,
    WorkerLost,
)
from docpipe.isolate import Dropped, Result, Task, WorkerPool
from docpipe.settings import load_settings


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(1, seconds=30, memory_mb=512, output_mb=4) as pool:
        yield pool


def task(name: str, *arguments: object, seconds: float | None = None) -> Task:
    return Task(key=name, function=f"tests.isolate.tasks:{name}", arguments=arguments, seconds=seconds)


def run_one(pool: WorkerPool, name: str, *arguments: object, seconds: float | None = None) -> Result:
    (result,) = pool.run([task(name, *arguments, seconds=seconds)])
    return result


def value(result: Result) -> object:
    assert result.error is None
    assert result.answer is not None
    return result.answer[0].get("value")


def gone(pid: int) -> bool:
    """The process has ended, reaped or not."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


def test_every_task_is_answered_once_and_workers_are_reused() -> None:
    with WorkerPool(2, seconds=30, memory_mb=512, output_mb=4) as pool:
        results = list(pool.run(task("double", number) for number in range(20)))
    assert sorted(result.answer[0]["value"] for result in results if result.answer) == [2 * number for number in range(20)]
    assert all(result.answer and len(result.answer[1]) == result.task.arguments[0] for result in results)
    assert len({result.answer[0]["pid"] for result in results if result.answer}) <= 2


def test_tasks_are_taken_lazily(pool: WorkerPool) -> None:
    taken = 0

    def tasks() -> Iterator[Task]:
        nonlocal taken
        for number in range(50):
            taken += 1
            yield task("double", number)

    results = pool.run(tasks())
    next(results)
    assert taken <= 2


def test_large_arguments_and_answers_pass_whole(pool: WorkerPool) -> None:
    data = os.urandom(3 * 1024 * 1024)
    result = run_one(pool, "digest", data)
    assert result.answer is not None
    assert result.answer[1] == data


@pytest.mark.parametrize("name", ["loop_in_python", "loop_in_c"])
def test_time_limit_ends_what_cannot_be_interrupted(pool: WorkerPool, name: str) -> None:
    result = run_one(pool, name, seconds=0.5)
    assert isinstance(result.error, LimitExceeded)
    assert "DOCPIPE_TASK_SECONDS" in str(result.error)
    assert value(run_one(pool, "double", 4)) == 8


def test_time_limit_holds_while_the_caller_is_busy() -> None:
    with WorkerPool(2, seconds=0.5, memory_mb=512, output_mb=4) as pool:
        results = pool.run([task("double", 1), task("loop_in_c"), task("large", 2 * 1024 * 1024)])
        first = next(results)
        time.sleep(2)
        rest = list(results)
    outcomes = {result.task.key: result.error for result in (first, *rest)}
    assert outcomes.pop("large") is None, "a finished task must not be charged for the caller's pause"
    assert outcomes.pop("double") is None
    assert isinstance(outcomes.pop("loop_in_c"), LimitExceeded)


@pytest.mark.parametrize(("name", "arguments"), [("allocate", (4096,)), ("fail_to_allocate_in_a_library", ())])
def test_memory_limit(pool: WorkerPool, name: str, arguments: tuple[object, ...]) -> None:
    result = run_one(pool, name, *arguments)
    assert isinstance(result.error, LimitExceeded)
    assert "DOCPIPE_WORKER_MEMORY_MB" in str(result.error)
    assert value(run_one(pool, "double", 4)) == 8


def test_a_worker_that_keeps_memory_is_replaced(pool: WorkerPool) -> None:
    first, second = run_one(pool, "keep", 300), run_one(pool, "sleep", 0.0)
    assert first.answer is not None
    assert second.answer is not None
    assert first.answer[0]["pid"] != second.answer[0]["pid"]


def test_a_crash_twice_is_the_files_fault(pool: WorkerPool) -> None:
    result = run_one(pool, "segfault")
    assert type(result.error) is PermanentError
    assert "SIGSEGV" in str(result.error)
    assert value(run_one(pool, "double", 4)) == 8


def test_a_crash_once_is_tried_again(pool: WorkerPool, tmp_path: Path) -> None:
    assert value(run_one(pool, "segfault_once", str(tmp_path / "marker"))) == 1


def test_leaving_without_an_answer_tells_what_was_said(pool: WorkerPool) -> None:
    result = run_one(pool, "leave", 3)
    assert type(result.error) is PermanentError
    assert "status 3: the library has had enough" in str(result.error)


def test_killed_from_outside_is_transient(pool: WorkerPool) -> None:
    result = run_one(pool, "be_killed", int(signal.SIGKILL))
    assert isinstance(result.error, WorkerLost)
    assert value(run_one(pool, "double", 4)) == 8


def test_an_idle_worker_killed_from_outside_is_replaced_unnoticed(pool: WorkerPool) -> None:
    answer = run_one(pool, "sleep", 0.0).answer
    assert answer is not None
    os.kill(answer[0]["pid"], signal.SIGKILL)
    assert gone(answer[0]["pid"])
    assert value(run_one(pool, "double", 4)) == 8


@pytest.mark.parametrize(("name", "arguments"), [("large", (8 * 1024 * 1024,)), ("lie_about_size", ())])
def test_output_limit(pool: WorkerPool, name: str, arguments: tuple[object, ...]) -> None:
    result = run_one(pool, name, *arguments)
    assert isinstance(result.error, LimitExceeded)
    assert "DOCPIPE_WORKER_OUTPUT_MB" in str(result.error)
    assert value(run_one(pool, "double", 4)) == 8


@pytest.mark.parametrize("name", ["send_rubbish", "close_everything", "not_json"])
def test_a_worker_that_breaks_the_protocol_costs_its_task_alone(pool: WorkerPool, name: str) -> None:
    assert type(run_one(pool, name).error) is PermanentError
    assert value(run_one(pool, "double", 4)) == 8


def test_noise_does_not_disturb_the_protocol(pool: WorkerPool) -> None:
    result = run_one(pool, "print_noise", 500)
    assert result.answer == ({"value": "heard"}, b"body")


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("raise_parse_failed", ParseFailed, "no reader could make sense of it"),
        ("raise_index_unavailable", IndexUnavailable, "busy"),
        ("raise_key_error", PermanentError, "KeyError: 'gone \\udc80'"),
    ],
)
def test_errors_keep_their_class(pool: WorkerPool, name: str, kind: type[DocpipeError], message: str) -> None:
    error = run_one(pool, name).error
    assert type(error) is kind
    assert str(error) == message


def test_retry_after_survives(pool: WorkerPool) -> None:
    error = run_one(pool, "raise_unavailable").error
    assert isinstance(error, BucketUnavailable)
    assert error.retry_after == 7.5


def test_credentials_do_not_reach_a_worker(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_SECRET_KEY", "hidden")
    answer = run_one(pool, "environment").answer
    assert answer is not None
    assert "PATH" in answer[0]["names"]
    assert "S3_SECRET_KEY" not in answer[0]["names"]


def test_a_preload_that_cannot_be_imported_is_a_configuration_error() -> None:
    with WorkerPool(1, seconds=30, memory_mb=512, output_mb=4, preload=["no_such_module_anywhere"]) as pool:
        error = run_one(pool, "double", 1).error
    assert isinstance(error, ConfigurationError)
    assert "no_such_module_anywhere" in str(error)


def test_leaving_the_results_early_ends_the_work(pool: WorkerPool) -> None:
    results = pool.run([task("double", 1), task("loop_in_c")])
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert value(run_one(pool, "double", 4)) == 8


def test_an_error_of_the_source_reaches_the_caller(pool: WorkerPool) -> None:
    def tasks() -> Iterator[Task]:
        yield task("double", 1)
        raise OSError("the bucket went away")

    with pytest.raises(OSError, match="went away"):
        list(pool.run(tasks()))


def test_arguments_that_cannot_travel_are_an_error_of_the_caller(pool: WorkerPool) -> None:
    with pytest.raises((AttributeError, TypeError), match="pickle"):
        run_one(pool, "double", lambda: 1)
    assert value(run_one(pool, "double", 4)) == 8


def test_closing_ends_busy_workers_and_what_they_started(tmp_path: Path) -> None:
    with WorkerPool(1, seconds=5, memory_mb=512, output_mb=4) as pool:
        assert isinstance(run_one(pool, "start_grandchild", str(tmp_path / "grandchild")).error, LimitExceeded)
        assert gone(int((tmp_path / "grandchild").read_text()))
    with pytest.raises(RuntimeError, match="closed"):
        run_one(pool, "double", 1)


def test_what_a_worker_leaves_in_its_temporary_folder_goes_with_it(pool: WorkerPool, tmp_path: Path) -> None:
    assert type(run_one(pool, "leave_files", str(tmp_path / "record")).error) is PermanentError
    folder = Path((tmp_path / "record").read_text())
    assert folder.name.startswith("docpipe-worker-")
    assert not folder.exists()


def test_no_room_for_a_workers_temporary_files_says_what_to_do(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    assert isinstance(run_one(pool, "double", 1).error, BucketFull)
    monkeypatch.undo()
    assert value(run_one(pool, "double", 4)) == 8


def test_a_dropped_task_is_passed_over_and_the_worker_of_one_under_way_ended(tmp_path: Path) -> None:
    dropped, began = threading.Event(), tmp_path / "began"
    tasks = [
        Task("busy", "tests.isolate.tasks:mark", (str(began), 60.0), dropped=dropped),
        Task("queued", "tests.isolate.tasks:mark", (str(tmp_path / "queued"), 0.0), dropped=dropped),
        task("double", 4),
    ]
    with WorkerPool(1, seconds=90, memory_mb=512, output_mb=4) as pool:
        threading.Thread(target=_set_once, args=(began, dropped)).start()
        start = time.monotonic()
        results = {result.task.key: result for result in pool.run(tasks)}
        assert time.monotonic() - start < 30
    assert gone(int(began.read_text()))
    assert isinstance(results["busy"].error, Dropped)
    assert isinstance(results["queued"].error, Dropped)
    assert not (tmp_path / "queued").exists()
    assert value(results["double"]) == 8


def _set_once(file: Path, event: threading.Event) -> None:
    """Set the event when somebody has written the file."""
    deadline = time.monotonic() + 60
    while not (file.exists() and file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    event.set()


def test_no_worker_outlives_a_killed_parent() -> None:
    script = """
import sys
from docpipe.isolate import Task, WorkerPool
pool = WorkerPool(2, seconds=600, memory_mb=512, output_mb=4)
tasks = [Task("a", "tests.isolate.tasks:sleep", (0.0,)), Task("b", "tests.isolate.tasks:loop_in_c")]
results = pool.run(tasks)
print(next(results).answer[0]["pid"], flush=True)
next(results)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        workers = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if _parent_of(path) == parent.pid]
        assert workers
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert all(gone(pid) for pid in workers)


def _parent_of(stat: Path) -> int:
    try:
        return int(stat.read_text().rsplit(")", 1)[1].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def test_settings_decide_the_limits() -> None:
    settings = load_settings(workers=1, task_seconds=0.5, worker_memory_mb=512, worker_output_mb=1)
    with WorkerPool.from_settings(settings) as pool:
        assert isinstance(run_one(pool, "loop_in_python").error, LimitExceeded)
        assert isinstance(run_one(pool, "allocate", 512).error, LimitExceeded)
        assert isinstance(run_one(pool, "large", 2 * 1024 * 1024).error, LimitExceeded)


def test_processor_time_is_that_of_the_worker_and_its_children(pool: WorkerPool) -> None:
    slept = run_one(pool, "sleep", 0.5)
    assert slept.seconds > slept.cpu_seconds
    assert slept.cpu_seconds < 0.3
    assert run_one(pool, "burn", 0.4).cpu_seconds >= 0.4
    assert run_one(pool, "burn_in_a_child", 0.4).cpu_seconds >= 0.4


def test_processor_time_of_a_worker_that_was_killed_is_known(pool: WorkerPool) -> None:
    result = run_one(pool, "loop_in_python", seconds=1.0)
    assert isinstance(result.error, LimitExceeded)
    assert result.cpu_seconds > 0.1
    # Crashed, and tried once more.
    crashed = run_one(pool, "burn_and_crash", 0.3)
    assert isinstance(crashed.error, PermanentError)
    assert crashed.cpu_seconds >= 0.55
