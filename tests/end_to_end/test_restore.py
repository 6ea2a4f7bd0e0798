"""What docs/deploying.md promises of a restored ledger and of a lost index, tried."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from docpipe.consistency import check
from docpipe.models import DocumentStatus, StageName
from docpipe.pipeline import Pipeline
from docpipe.repair import repair
from tests.end_to_end.home import TEXTS, Contents, contents, look, opened, run

OLDER = {name: TEXTS[name] for name in ("bearing.md", "gate.txt", "words.txt")}
NEWER = {"gate.txt": "The gate of the service hall will be 6.10 metres wide.", "new.txt": "A second gate follows in May."}


@dataclass(frozen=True)
class Installation:
    """What lies on the disks."""

    home: Path
    bucket: Path

    def lose_the_ledger(self) -> None:
        for rest in self.home.glob("ledger.sqlite*"):
            rest.unlink()


@pytest.fixture(scope="module")
def yesterday(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bucket and the home that its documents were indexed in."""
    folder = tmp_path_factory.mktemp("yesterday")
    (folder / "bucket").mkdir()
    for name, text in OLDER.items():
        (folder / "bucket" / name).write_text(text)
    with opened(folder / "home", folder / "bucket") as pipeline:
        _process(pipeline)
    return folder


@pytest.fixture
def today(yesterday: Path, tmp_path: Path) -> Installation:
    """With the bucket itself, since a copied file counts as a changed one."""
    shutil.copytree(yesterday / "home", tmp_path / "home")
    return Installation(tmp_path / "home", yesterday / "bucket")


def test_a_ledger_from_yesterday_catches_up_with_the_bucket(today: Installation, yesterday: Path, tmp_path: Path) -> None:
    today = Installation(today.home, shutil.copytree(today.bucket, tmp_path / "bucket"))
    for name, text in NEWER.items():
        (today.bucket / name).write_text(text)
    (today.bucket / "words.txt").unlink()
    with opened(today.home, today.bucket) as pipeline:
        _process(pipeline)
        before = contents(pipeline)
    assert {row[0] for row in before.documents.values() if row[2] == DocumentStatus.INDEXED} == {"bearing.md", "gate.txt", "new.txt"}
    today.lose_the_ledger()
    shutil.copyfile(yesterday / "home" / "ledger.sqlite", today.home / "ledger.sqlite")
    with opened(today.home, today.bucket) as pipeline:
        _process(pipeline)
        _mend(pipeline)
        _assert_same_passages(contents(pipeline), before)


def test_no_ledger_at_all_is_made_again_from_the_bucket(today: Installation) -> None:
    with opened(today.home, today.bucket) as pipeline:
        before = contents(pipeline)
    today.lose_the_ledger()
    with opened(today.home, today.bucket) as pipeline:
        look(pipeline)
        made_again = [run(pipeline, [stage]) for stage in StageName if stage is not StageName.INDEXED_VECTORS]
        assert all(result.reused for results in made_again for result in results), "artifacts are found"
        _mend(pipeline)
        _assert_same_passages(contents(pipeline), before)


def test_a_lost_index_is_written_again_from_the_artifacts(today: Installation) -> None:
    with opened(today.home, today.bucket) as pipeline:
        before = contents(pipeline)
    shutil.rmtree(today.home / "index")
    with opened(today.home, today.bucket) as pipeline:
        assert not check(pipeline).agrees
        _mend(pipeline)
        contents(pipeline).assert_equals(before)


def _process(pipeline: Pipeline) -> None:
    """What the sensor and its runs do until nothing waits."""
    look(pipeline)
    run(pipeline)
    gone = [document.key for document in pipeline.ledger.list_documents(status=DocumentStatus.DELETING)]
    pipeline.remove(gone)


def _mend(pipeline: Pipeline) -> None:
    """`docpipe check --repair`, and the run after it."""
    repair(pipeline, check(pipeline))
    _process(pipeline)
    found = check(pipeline)
    assert found.agrees, found.inconsistencies


def _assert_same_passages(found: Contents, expected: Contents) -> None:
    """The same texts of the same documents; generations may have been counted anew."""

    def passages(held: Contents) -> list[tuple[str, str]]:
        return sorted((payload.get("document_id", ""), payload.get("text", "")) for payload in held.points.values())

    assert passages(found) == passages(expected)
