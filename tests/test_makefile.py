"""What a person types and cannot take back."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[1] / "Makefile"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copy(MAKEFILE, tmp_path)
    (tmp_path / ".docpipe" / "bucket").mkdir(parents=True)
    (tmp_path / ".docpipe" / "bucket" / "only copy.pdf").write_bytes(b"%PDF")
    (tmp_path / "build").mkdir()
    return tmp_path


def make(project: Path, target: str, answer: str = "") -> int:
    return subprocess.run(["make", target], cwd=project, input=answer.encode(), capture_output=True, check=False).returncode


def test_clean_leaves_the_documents(project: Path) -> None:
    assert make(project, "clean") == 0
    assert [path.name for path in project.rglob("*.pdf")] == ["only copy.pdf"]
    assert not (project / "build").exists()


@pytest.mark.parametrize("answer", ["", "\n", "y\n", "no\n"])
def test_reset_leaves_the_documents_unless_it_is_told_yes(project: Path, answer: str) -> None:
    assert make(project, "reset", answer) != 0
    assert (project / ".docpipe" / "bucket" / "only copy.pdf").exists()


def test_reset_removes_all_that_the_embedded_default_keeps(project: Path) -> None:
    assert make(project, "reset", "yes\n") == 0
    assert not (project / ".docpipe").exists()
