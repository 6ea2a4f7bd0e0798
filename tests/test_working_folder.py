from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from docpipe.working_folder import working_folder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def made_long_ago(folder: Path) -> None:
    hour_ago = time.time() - 3_600
    os.utime(folder, (hour_ago, hour_ago))


def test_a_working_folder_goes_with_what_is_in_it(temporary: Path) -> None:
    with working_folder("ours-") as folder:
        (folder / "deep" / "deeper").mkdir(parents=True)
        (folder / "deep" / "file").write_bytes(b"x")
    assert list(temporary.iterdir()) == []


def test_a_folder_of_a_killed_process_is_removed_by_the_next(temporary: Path) -> None:
    script = """
import sys, time
from docpipe.working_folder import working_folder
with working_folder("ours-") as folder:
    (folder / "file").write_bytes(b"x")
    print(folder, flush=True)
    time.sleep(600)
"""
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        made_long_ago(left)
        with working_folder("ours-"):
            assert left.exists(), "its process lives"
        process.send_signal(signal.SIGKILL)
    made_long_ago(left)
    with working_folder("others-"):
        assert left.exists()
    with working_folder("ours-"):
        assert not left.exists()


def test_a_folder_that_was_made_a_moment_ago_is_left_alone(temporary: Path) -> None:
    (temporary / "ours-new").mkdir()
    (temporary / "ours-file").write_bytes(b"x")
    (temporary / "ours-link").symlink_to(temporary / "ours-new")
    with working_folder("ours-"):
        assert sorted(path.name for path in temporary.iterdir())[0:3] != []
    assert sorted(path.name for path in temporary.iterdir()) == ["ours-file", "ours-link", "ours-new"]
