"""kill -9 in each stage: the next run ends with the same index, ledger and artifacts as if nothing had happened."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from docpipe.consistency import check
from docpipe.models import DocumentStatus, StageName, StageStatus
from tests.end_to_end.home import RUN, TEXTS, Contents, contents, look, opened, run
from tests.environment import remaining_variables

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Undisturbed:
    """A run that nobody killed."""

    bucket: Path
    before: dict[StageName, Path]
    """A copy of the home as it was before each stage."""
    contents: Contents


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    bucket, home = folder / "bucket", folder / "home"
    bucket.mkdir()
    for name, text in TEXTS.items():
        (bucket / name).write_text(text)
    before: dict[StageName, Path] = {}
    with opened(home, bucket) as pipeline:
        look(pipeline)
        for stage in StageName:
            pipeline.ledger.close()
            before[stage] = folder / f"before-{stage}"
            shutil.copytree(home, before[stage])
            assert not [result.error for result in run(pipeline, [stage]) if result.error]
        found = contents(pipeline)
    assert len(found.points) > len(TEXTS)
    assert {row[2] for row in found.documents.values()} == {DocumentStatus.INDEXED}
    return Undisturbed(bucket, before, found)


@pytest.mark.parametrize(
    ("stage", "point"), [*((stage, "made") for stage in StageName), (StageName.EMBEDDINGS, "stored"), (StageName.INDEXED_VECTORS, "stored")]
)
def test_a_killed_run_resumes_to_the_same_end(undisturbed: Undisturbed, tmp_path: Path, stage: StageName, point: str) -> None:
    home = tmp_path / "home"
    shutil.copytree(undisturbed.before[stage], home)
    environment = remaining_variables()
    environment |= {
        "DOCPIPE_HOME": str(home),
        "DOCPIPE_BUCKET": undisturbed.bucket.as_uri(),
        "DOCPIPE_OCR": "false",
        "DOCPIPE_WORKERS": "2",
    }
    command = [sys.executable, "-W", "ignore", "-m", "tests.end_to_end.killed_stage", stage, point, "2"]
    died = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=200, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()[-2000:]
    with opened(home, undisturbed.bucket) as pipeline:
        keys = list(TEXTS)
        done = [state for (_, name), state in pipeline.ledger.stage_states(keys).items() if name is stage]
        assert {state.status for state in done} == {StageStatus.RUNNING, StageStatus.COMPLETE}
        assert len([state for state in done if state.status is StageStatus.COMPLETE]) == 2
        # What the sensor does when it finds the run dead.
        finished = {state.key for state in done if state.status is StageStatus.COMPLETE and stage is StageName.INDEXED_VECTORS}
        assert set(pipeline.ledger.close_run(RUN, max_attempts=3)) == set(keys) - finished
        documents = pipeline.ledger.summary().documents
        assert documents.pop(DocumentStatus.INDEXED, 0) == len(finished)  # type: ignore[attr-defined]
        assert documents == {DocumentStatus.PENDING: len(TEXTS) - len(finished)}
        results = run(pipeline)
        assert not [result.error for result in results if result.error]
        reused = [result for result in results if result.reused and stage_of(result.fingerprint, undisturbed) is stage]
        assert len(reused) == (2 if point == "made" else 3)
        contents(pipeline).assert_equals(undisturbed.contents)
        found = check(pipeline)
        assert found.inconsistencies == []
        assert (found.objects, found.points) == (len(TEXTS), len(undisturbed.contents.points))


def stage_of(fingerprint: str, undisturbed: Undisturbed) -> StageName:
    (stage,) = {stage for stage, _, found in undisturbed.contents.artifacts if found == fingerprint}
    return stage
