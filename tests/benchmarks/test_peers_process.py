import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks.peers.peer import CHUNKS, CHUNKS_FILE, Chunk, Job
from benchmarks.peers.process import PeerFailed, measure
from docpipe.embed.model import find_model
from docpipe.settings import load_settings

PYTHON = Path(sys.executable)
GIVEN = [Chunk("a", "a.pdf", 0, 1, "wind and storage"), Chunk("a", "a.pdf", 1, 2, "wind " * 300), Chunk("b", "b.pdf", 0, 1, "harbour")]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / CHUNKS_FILE).write_text("".join(json.dumps(asdict(chunk)) + "\n" for chunk in GIVEN))
    (tmp_path / "questions.json").write_text(json.dumps({"first": "wind", "second": "nothing"}))
    model = str(find_model(load_settings(home=tmp_path, _env_file=None)).folder)
    asked = str(tmp_path / "questions.json")
    return Job("tests.benchmarks.small_peer", "", CHUNKS, str(tmp_path), str(tmp_path), model, 254, 50, asked)


def with_variant(job: Job, variant: str) -> Job:
    return Job.from_json(json.dumps(asdict(job) | {"variant": variant}))


def test_the_answers_come_back_whatever_the_peer_prints(job: Job, tmp_path: Path) -> None:
    found = measure(PYTHON, job, tmp_path / "log")
    assert found.points == 3
    assert found.files == ("a.pdf", "b.pdf")
    assert found.found == {"first": [("a.pdf", 1), ("a.pdf", 2)], "second": []}
    assert "a peer's own words" in (tmp_path / "log").read_text()


def test_tokens_behind_the_window_do_not_count_and_their_chunk_is_named_as_cut(job: Job, tmp_path: Path) -> None:
    found = measure(PYTHON, job, tmp_path / "log")
    assert found.cut == 1
    # Three words, a full window and one word, with two special tokens each time.
    assert found.tokens == (3 + 2) + 256 + (1 + 2)


def test_processor_time_of_children_counts_and_that_of_loading_does_not(job: Job, tmp_path: Path) -> None:
    alone = measure(PYTHON, job, tmp_path / "log")
    with_child = measure(PYTHON, with_variant(job, "starts a child"), tmp_path / "log")
    assert alone.cpu_seconds < 0.4
    assert with_child.cpu_seconds >= 0.5


def test_a_peer_that_fails_is_quoted(job: Job, tmp_path: Path) -> None:
    with pytest.raises(PeerFailed, match="RuntimeError: the peer gave up"):
        measure(PYTHON, with_variant(job, "fails"), tmp_path / "log")


def test_a_peer_that_is_not_installed_is_quoted(job: Job, tmp_path: Path) -> None:
    missing = Job.from_json(json.dumps(asdict(job) | {"peer": "benchmarks.peers.nobody"}))
    with pytest.raises(PeerFailed, match=r"No module named .benchmarks\.peers\.nobody"):
        measure(PYTHON, missing, tmp_path / "log")


def test_a_peer_that_stores_nothing_has_failed_however_fast_it_was(job: Job, tmp_path: Path) -> None:
    (tmp_path / CHUNKS_FILE).write_text("")
    with pytest.raises(PeerFailed, match="nothing was stored"):
        measure(PYTHON, job, tmp_path / "log")
