"""Every command on an embedded installation: what it prints for programs, and how it exits."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from docpipe.cli.main import app, main
from docpipe.consistency import check
from docpipe.errors import BucketUnavailable
from docpipe.index import open_writer
from docpipe.models import DocumentStatus
from docpipe.pipeline import Pipeline
from docpipe.reconcile import reconcile
from docpipe.settings import load_settings
from tests.end_to_end.home import TEXTS, run
from tests.environment import forget_variables

NAMES = ("bearing.md", "gate.txt", "words.txt")


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def answer(*arguments: str, exits: int = 0) -> Any:
    """What a command prints with --json."""
    result = invoke(*arguments, "--json")
    assert result.exit_code == exits, (result.output, result.exception)
    return json.loads(result.stdout)


def process() -> None:
    """What the sensor and a run do."""
    pipeline = Pipeline(load_settings())
    reconcile(pipeline.bucket, pipeline.ledger, pipeline.settings)
    run(pipeline)
    gone = [document.key for document in pipeline.ledger.list_documents(status=DocumentStatus.DELETING)]
    pipeline.remove(gone)
    pipeline.ledger.close()


@pytest.fixture
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and a folder with files."""
    forget_variables(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DOCPIPE_OCR", "false")
    folder = tmp_path / "files"
    (folder / "deeper").mkdir(parents=True)
    for name in NAMES:
        (folder / name).write_text(TEXTS[name])
    (folder / "deeper" / "empty.txt").write_text("")
    return folder


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home in which three documents are indexed and one is refused."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = clean.__wrapped__(tmp_path_factory.mktemp("cli"), monkeypatch)  # type: ignore[attr-defined]
        added = answer("add", str(folder))
        assert {row["object"] for row in added} == {*NAMES, "deeper/empty.txt"}
        process()
        yield


def test_add_copies_files_under_their_names(clean: Path) -> None:
    (row,) = answer("add", str(clean / "gate.txt"), "--prefix", "/in box/")
    assert row == {"object": "in box/gate.txt", "document": "in box/gate.txt", "bytes": len(TEXTS["gate.txt"])}
    pipeline = Pipeline(load_settings())
    assert pipeline.bucket.read("in box/gate.txt").decode() == TEXTS["gate.txt"]
    assert "2 files added" in invoke("add", str(clean / "gate.txt"), str(clean / "words.txt")).stdout
    assert invoke("add", str(clean / "missing.txt")).exit_code == 2
    (clean.parent / "nothing").mkdir()
    assert invoke("add", str(clean.parent / "nothing")).exit_code == 2


def test_add_writes_nothing_when_two_files_would_have_one_name(clean: Path) -> None:
    (clean / "deeper" / "gate.txt").write_text("another gate")
    assert invoke("add", str(clean / "words.txt"), str(clean / "gate.txt"), str(clean / "deeper")).exit_code == 2
    assert list(Pipeline(load_settings()).bucket.list()) == []


@pytest.mark.usefixtures("indexed")
class TestIndexed:
    """Commands that look at documents that are there."""

    def test_status_of_all(self) -> None:
        found = answer("status")
        assert found["documents"] == {"indexed": 3, "refused": 1}
        rows = {(row["stage"], row["status"]): row["documents"] for row in found["stages"]}
        assert rows["indexed_vectors", "complete"] == 3
        assert "indexed" in invoke("status").stdout

    def test_status_of_one(self) -> None:
        found = answer("status", "gate.txt")
        assert found["document"]["status"] == "indexed"
        assert [row["stage"] for row in found["stages"]] == ["parsed_pages", "chunks", "enriched_chunks", "embeddings", "indexed_vectors"]
        assert "indexed_vectors" in invoke("status", "gate.txt").stdout

    def test_status_of_a_refused_one_says_why_and_exits_with_1(self) -> None:
        assert "empty" in answer("status", "deeper/empty.txt", exits=1)["document"]["error"]

    def test_status_of_an_unknown_one_is_wrong_usage(self) -> None:
        assert invoke("status", "no such").exit_code == 2

    def test_lists(self) -> None:
        assert [row["object_key"] for row in answer("status", "--only", "indexed")] == sorted(NAMES)
        assert [row["object_key"] for row in answer("status", "--only", "indexed", "--limit", "1")] == ["bearing.md"]
        assert "--limit shows more" in invoke("status", "--only", "indexed", "--limit", "1").stdout

    def test_query(self) -> None:
        found = answer("query", "How wide is the gate of the service hall?", "--limit", "2")
        assert found[0]["object_key"] == "gate.txt"
        assert "5.20 metres" in found[0]["text"]
        assert "gate.txt" in invoke("query", "How wide is the gate?").stdout

    def test_check(self) -> None:
        found = answer("check")
        assert (found["objects"], found["inconsistencies"]) == (4, [])
        assert "all agree" in invoke("check").stdout

    def test_a_plan_without_work(self) -> None:
        found = answer("reprocess", "--plan")
        assert (found["documents"], found["failed"], found["waiting"]) == (0, 1, 0)
        assert {row["current"] for row in found["stages"].values()} == {3}
        assert "nothing is stale" in invoke("reprocess", "--plan").stdout

    def test_a_plan_after_a_change_does_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOCPIPE_KEY_PHRASES", "3")
        found = answer("reprocess", "--plan")
        assert {name: row["stale"] for name, row in found["stages"].items() if row["stale"]} == {"enriched_chunks": 3, "indexed_vectors": 3}
        assert found["stages"]["enriched_chunks"]["reasons"] == {"key_phrases 8 -> 3": 3}
        assert answer("status")["documents"] == {"indexed": 3, "refused": 1}
        assert "key_phrases" in invoke("reprocess", "--plan").stdout


def test_reprocess_queues_what_is_stale(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer("add", str(clean))
    process()
    monkeypatch.setenv("DOCPIPE_KEY_PHRASES", "3")
    assert CliRunner().invoke(app, ["reprocess"], input="n\n").exit_code == 1
    asked = CliRunner().invoke(app, ["reprocess", "--json"], input="y\n")
    assert (asked.exit_code, asked.stdout) == (2, "")
    assert answer("status")["documents"] == {"indexed": 3, "refused": 1}
    assert answer("reprocess", "--yes", "--failed")["documents"] == 3
    assert answer("status")["documents"] == {"pending": 4}
    process()
    assert answer("reprocess", "--plan")["documents"] == 0


def test_removing_a_document(clean: Path) -> None:
    answer("add", str(clean / "gate.txt"), str(clean / "words.txt"))
    process()
    assert invoke("remove", "gate.txt", "no such").exit_code == 2
    assert check(Pipeline(load_settings())).agrees
    assert answer("remove", "gate.txt") == [{"object": "gate.txt", "removed": True}]
    (found,) = answer("check", exits=1)["inconsistencies"]
    assert (found["kind"], found["name"]) == ("vanished", "gate.txt")
    process()
    assert answer("check")["documents"] == {"deleted": 1, "indexed": 1}
    assert all(hit["object_key"] != "gate.txt" for hit in answer("query", "gate"))


def test_check_repairs_what_it_is_told_to(clean: Path) -> None:
    answer("add", str(clean / "gate.txt"))
    process()
    with open_writer(load_settings()) as index:
        index.delete(["gate.txt"])
    assert answer("check", exits=1)["repaired"] == []
    assert answer("check", "--repair", exits=1)["repaired"] == ["gate.txt"]
    process()
    assert answer("check")["agrees"] is True


def test_an_index_without_documents_finds_nothing_and_says_so(clean: Path) -> None:
    assert answer("query", "anything", exits=1) == []
    assert "docpipe status" in invoke("query", "anything").stdout
    assert "docpipe add" in invoke("status").stdout


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["docpipe", *arguments])
    with pytest.raises(SystemExit) as raised:
        main()
    return raised.value.code


def test_wrong_settings_are_one_line_that_names_the_variable(
    clean: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCPIPE_WORKERS", "hush")
    for command in (["status"], ["query", "x"], ["check"], ["reprocess", "--plan"], ["add", str(clean)]):
        assert run_main(monkeypatch, *command) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert len(said.err.strip().splitlines()) == 1
        assert "DOCPIPE_WORKERS" in said.err
        assert "hush" not in said.err


def test_exit_codes(clean: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main(monkeypatch, "status") == 0
    assert run_main(monkeypatch, "query", "x") == 1
    assert run_main(monkeypatch, "query", "  ") == 2
    assert run_main(monkeypatch, "no-such-command") == 2
    capsys.readouterr()

    def busy(settings: object) -> None:
        raise BucketUnavailable("the store does not answer: try again")

    monkeypatch.setattr("docpipe.cli.check.compare", busy)
    assert run_main(monkeypatch, "check") == 3
    assert capsys.readouterr().err == "BucketUnavailable: the store does not answer: try again\n"


def test_no_secret_is_ever_shown(clean: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    # Nothing listens on port 9, so that every one of these fails with the secret in hand.
    monkeypatch.setenv("DOCPIPE_LEDGER", "postgresql://hush-user:hush-word@127.0.0.1:9/db")
    monkeypatch.setenv("DOCPIPE_PASSWORDS", "hush")
    assert run_main(monkeypatch, "status") == 3
    said = capsys.readouterr()
    assert "DOCPIPE_LEDGER" in said.err
    assert "hush" not in said.err + said.out
    monkeypatch.setenv("DOCPIPE_LEDGER", "nonsense://hush-word@")
    assert run_main(monkeypatch, "status") == 2
    said = capsys.readouterr()
    assert "DOCPIPE_LEDGER" in said.err
    assert "hush" not in said.err + said.out
