"""kill -9 in the middle of a long document: the next run reads the pages that are left, and the artifact is the same."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pymupdf
import pytest

from docpipe.models import DocumentStatus, ParsedDocument, StageName
from docpipe.pipeline import Pipeline
from tests.end_to_end.home import RUN, look, opened, run
from tests.environment import remaining_variables

ROOT = Path(__file__).parents[2]
PAGES = 60
KEY = "book.pdf"


def book(path: Path) -> None:
    with pymupdf.open() as document:
        for number in range(1, PAGES + 1):
            page = document.new_page()
            page.insert_text((72, 72), f"Chapter {number}", fontsize=20)
            page.insert_textbox((72, 120, 520, 700), f"The bolt of turbine {number} was tightened with {number * 11} Nm. " * 12)
        document.save(path)


def artifact(pipeline: Pipeline) -> ParsedDocument:
    """Without the seconds that each page took."""
    state = pipeline.ledger.stage_states([KEY])[KEY, StageName.PARSED_PAGES]
    found = ParsedDocument.from_bytes(pipeline.artifacts.load(StageName.PARSED_PAGES, KEY, state.fingerprint))
    return replace(found, pages=tuple(page.model_copy(update={"seconds": 0.0}) for page in found.pages))


def test_a_killed_run_goes_on_with_the_pages_that_are_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bucket, home = tmp_path / "bucket", tmp_path / "home"
    bucket.mkdir()
    book(bucket / KEY)
    with opened(tmp_path / "undisturbed", bucket) as pipeline:
        look(pipeline)
        (result,) = run(pipeline, [StageName.PARSED_PAGES])
        assert result.counts["pages"] == PAGES
        undisturbed = artifact(pipeline)
        assert len(list(pipeline.artifacts.list_document(KEY))) == 1, "it took too little time for a checkpoint"
    with opened(home, bucket) as pipeline:
        look(pipeline)
    environment = remaining_variables()
    environment |= {
        "DOCPIPE_HOME": str(home),
        "DOCPIPE_BUCKET": bucket.as_uri(),
        "DOCPIPE_OCR": "false",
        "DOCPIPE_WORKERS": "2",
        "DOCPIPE_CHECKPOINT_SECONDS": "0.001",
    }
    # It dies when it has stored five pieces of the artifact: more than four.
    command = [sys.executable, "-W", "ignore", "-m", "tests.end_to_end.killed_stage", StageName.PARSED_PAGES, "stored", "4"]
    died = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=200, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()[-2000:]
    with opened(home, bucket, checkpoint_seconds=0.001) as pipeline:
        assert len(list(pipeline.artifacts.list_document(KEY))) == 5
        assert list(pipeline.ledger.close_run(RUN, max_attempts=3)) == [KEY]
        with caplog.at_level(logging.INFO, "docpipe.parse.progress"):
            (result,) = run(pipeline, [StageName.PARSED_PAGES])
        assert result.error is None
        (told,) = [one.getMessage() for one in caplog.records if "goes on with" in one.getMessage()]
        read = int(told.split()[4])
        assert told == f"{KEY}: goes on with {read} of {PAGES} pages read"
        assert 20 < read < PAGES
        assert result.counts["kept_pages"] == read
        assert artifact(pipeline) == undisturbed
        # What was kept on the way is of no use any more.
        assert len(list(pipeline.artifacts.list_document(KEY))) == 1
        assert not [one.error for one in run(pipeline) if one.error]
        assert {one.status for one in pipeline.ledger.all_documents()} == {DocumentStatus.INDEXED}
