import json
import re
import sys
from pathlib import Path

import pytest

from benchmarks.peers import run
from benchmarks.peers.competitors import COMPETITORS
from benchmarks.peers.peer import CHUNKS, PDF_FOLDER, Job
from benchmarks.result import PROJECT


def test_a_missing_interpreter_is_said_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["run", "--python", str(tmp_path / "none")])
    with pytest.raises(SystemExit):
        run.main()
    assert "make bench-peers" in capsys.readouterr().err


def test_every_competitor_has_its_module() -> None:
    for competitors in COMPETITORS.values():
        for competitor in competitors:
            assert (PROJECT / f"{competitor.path.replace('.', '/')}.py").exists()


def test_all_requirements_are_pinned() -> None:
    lines = [line for line in run.REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line) for line in lines)
    assert sorted(lines[1:]) == lines[1:]


def test_the_product_does_not_depend_on_a_peer() -> None:
    constraints = (PROJECT / "constraints.txt").read_text()
    assert not re.search(r"^(llama-index|haystack|langchain|cocoindex)", constraints, re.MULTILINE)


def test_a_job_travels_as_json_and_lists_its_files(tmp_path: Path) -> None:
    (tmp_path / PDF_FOLDER).mkdir()
    for name in ("b.pdf", "a.pdf", "c.txt"):
        (tmp_path / PDF_FOLDER / name).touch()
    job = Job("benchmarks.peers.haystack", "batch 64", CHUNKS, str(tmp_path), str(tmp_path), "model", 254, 50)
    assert Job.from_json(job.to_json()) == job
    assert [path.name for path in job.pdfs] == ["a.pdf", "b.pdf"]
    assert job.batch == {"batch_size": 64}
    assert Job.from_json(json.dumps(json.loads(job.to_json()) | {"variant": "pymupdf"})).batch == {}
