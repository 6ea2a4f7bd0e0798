"""`docpipe reprocess DOCUMENT...`: one document alone, and what is said where that cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from docpipe.cli.main import app
from docpipe.errors import DocumentUnknown
from docpipe.models import DocumentStatus, StageName
from docpipe.pipeline import Pipeline
from docpipe.settings import load_settings
from docpipe.stage import Stage
from tests.cli.test_commands import answer, invoke
from tests.environment import forget_variables
from tests.quarantine.site import Site
from tests.small_stages import small_stages
from tests.stages import LineStage


class Works(Site):
    """Four documents: two that are indexed, one that failed and one that was refused."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__(pipeline)
        self.made: dict[StageName, Stage] = small_stages({StageName.CHUNKS: self.trouble})

    def prepare(self) -> None:
        for name in ("a.txt", "b.txt", "bad"):
            self.put(name)
        self.put("empty", b"")
        self.look()
        self.run_all()

    def run_all(self) -> None:
        keys = [document.key for document in self.pipeline.ledger.list_documents(DocumentStatus.PENDING)]
        for stage in StageName:
            list(self.pipeline.run(stage, keys, "run"))

    def change_chunks(self) -> None:
        self.made[StageName.CHUNKS] = LineStage(words=7)

    @property
    def statuses(self) -> dict[str, DocumentStatus]:
        return {document.object_key: document.status for document in self.pipeline.ledger.all_documents()}


INDEXED, PENDING = DocumentStatus.INDEXED, DocumentStatus.PENDING
FAILED, REFUSED = DocumentStatus.FAILED, DocumentStatus.REFUSED
BEFORE = {"a.txt": INDEXED, "b.txt": INDEXED, "bad": FAILED, "empty": REFUSED}


@pytest.fixture
def works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Works]:
    forget_variables(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCPIPE_HOME", str(tmp_path / "home"))
    opened = Works(Pipeline(load_settings(_env_file=None)))
    monkeypatch.setattr(Pipeline, "stage", lambda self, name, run_id="": opened.made[name])
    opened.prepare()
    assert opened.statuses == BEFORE
    yield opened
    opened.pipeline.ledger.close()


def said(*arguments: str, exits: int = 0, typed: str = "") -> str:
    """What `docpipe reprocess` prints for people."""
    result = CliRunner().invoke(app, ["reprocess", *arguments], input=typed)
    assert result.exit_code == exits, (result.output, result.exception)
    return result.stdout


def test_only_the_named_document_is_planned_and_queued(works: Works) -> None:
    works.change_chunks()
    found = answer("reprocess", "a.txt", "--plan")
    assert (found["documents"], found["to_queue"], found["failed"], found["left_out"]) == (1, 1, 0, {})
    assert found["stages"]["chunks"]["stale"] == 1
    assert works.statuses == BEFORE
    assert "1 documents queued" in said("a.txt", "--yes")
    assert works.statuses == {**BEFORE, "a.txt": PENDING}
    works.run_all()
    assert answer("reprocess", "--plan")["documents"] == 1


def test_one_that_is_current_is_said_to_be(works: Works) -> None:
    told = said("a.txt", works.document("a.txt").key, "--yes")
    assert "nothing is stale" in told
    assert "1 documents are current: --force queues them all the same" in told
    assert "--failed" not in told
    assert works.statuses == BEFORE


def test_force_queues_one_that_is_current_and_a_run_finds_what_is_there(works: Works) -> None:
    assert answer("reprocess", "a.txt", "--force", "--plan")["to_queue"] == 1
    told = said("a.txt", "--force", "--yes")
    assert "1 documents queued" in told
    assert "are current" not in told
    assert works.statuses == {**BEFORE, "a.txt": PENDING}
    asked = {name: len(stage.asked) for name, stage in works.made.items()}  # type: ignore[attr-defined]
    works.run_all()
    assert works.statuses == BEFORE
    assert {name: len(stage.asked) for name, stage in works.made.items()} == asked  # type: ignore[attr-defined]


def test_force_makes_what_is_missing(works: Works) -> None:
    key, ledger, artifacts = works.document("a.txt").key, works.pipeline.ledger, works.pipeline.artifacts
    artifacts.delete_document(key)
    states = ledger.stage_states([key])
    assert not any(artifacts.exists(stage, key, states[key, stage].fingerprint) for stage in StageName)
    assert "nothing is stale" in said("a.txt", "--plan")
    said("a.txt", "--force", "--yes")
    works.run_all()
    assert all(artifacts.exists(stage, key, states[key, stage].fingerprint) for stage in StageName)


def test_force_needs_names(works: Works) -> None:
    said("--force", "--yes", exits=2)
    assert works.statuses == BEFORE


def test_one_that_failed_needs_no_option_when_it_is_named(works: Works) -> None:
    assert "1 documents failed or were refused: --failed tries them again" not in said("bad", "--plan")
    assert "they are tried again" in said("bad", "--yes")
    assert works.statuses == {**BEFORE, "bad": PENDING}


def test_one_that_was_refused_says_why_and_is_looked_at_again_when_asked(works: Works) -> None:
    found = answer("reprocess", "empty", "a.txt", "--force", "--yes", exits=1)
    assert found["left_out"].keys() == {"empty"}
    assert "empty was refused" in said("empty", "--plan", exits=1)
    assert "--failed has it looked at again" in said("empty", "--plan", exits=1)
    # What can be done is done all the same.
    assert works.statuses == {**BEFORE, "a.txt": PENDING}
    said("empty", "--failed", "--yes")
    assert works.statuses["empty"] is PENDING


def test_one_in_quarantine_is_released_and_not_queued(works: Works) -> None:
    works.sweep()
    told = said("bad", "--failed", "--force", "--yes", exits=1)
    assert "bad is in quarantine: `docpipe quarantine release` tries it again" in told
    assert works.document("bad").status is DocumentStatus.QUARANTINED


def test_one_that_is_deleted_stays_so(works: Works) -> None:
    works.pipeline.bucket.delete("a.txt")
    works.look()
    assert "a.txt is being deleted: upload it again" in said("a.txt", "--force", "--yes", exits=1)
    works.pipeline.remove([works.document("a.txt").key])
    assert "a.txt was deleted: upload it again" in said("a.txt", "--force", "--yes", exits=1)
    assert works.document("a.txt").status is DocumentStatus.DELETED


def test_one_that_waits_is_left_where_it_is(works: Works) -> None:
    works.put("new.txt")
    works.look()
    assert "1 documents are on their way already" in said("new.txt", "--yes")
    works.pipeline.ledger.hold_waiting()
    assert "new.txt is held: `docpipe resume` lets it go on" in said("new.txt", "--yes", exits=1)


def test_one_that_nobody_knows_keeps_the_others_from_being_queued(works: Works) -> None:
    works.change_chunks()
    result = invoke("reprocess", "a.txt", "nobody", "--yes")
    assert isinstance(result.exception, DocumentUnknown)
    assert "no document 'nobody'" in str(result.exception)
    assert works.statuses == BEFORE


def test_a_person_can_say_no(works: Works) -> None:
    works.change_chunks()
    told = said("a.txt", exits=1, typed="n\n")
    assert "Queue 1 documents?" in told
    assert works.statuses == BEFORE
