"""The asset check `retrieval_quality`: against what it holds a result, and what it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from docpipe.index import open_writer
from docpipe.partition_key import partition_key
from tests.golden.indexed import fill, golden_set
from tests.installation import Installation

GOLDEN = {
    "dough": ("How long should the dough rise?", {"bread.md": 1}),
    "valve": ("valve K-4711", {"pump.pdf#page=2": 1}),
    "offer": ("What does the main bearing cost?", {"a mail!//01-offer.pdf": 1}),
}


def evaluated(installation: Installation, **config: Any) -> dg.AssetCheckEvaluation:
    """What the check says, run as the job runs it."""
    job = installation.definitions.resolve_job_def("check_consistency")
    run_config = {"ops": {"indexed_vectors_retrieval_quality": {"config": config}}} if config else None
    result = job.execute_in_process(instance=installation.instance, run_config=run_config, raise_on_error=False)
    (found,) = (one for one in result.get_asset_check_evaluations() if one.check_name == "retrieval_quality")
    return found


def value(found: dg.AssetCheckEvaluation, name: str) -> Any:
    return found.metadata[name].value


@pytest.fixture
def golden(installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three documents in the index and a question for each."""
    folder = golden_set(tmp_path / "golden", **GOLDEN).folder
    monkeypatch.setenv("DOCPIPE_GOLDEN_SET", str(folder))
    fill(installation.pipeline.settings)
    return folder


@pytest.fixture
def tolerant(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read with the other settings, so it has to be set before them."""
    monkeypatch.setenv("DOCPIPE_GOLDEN_TOLERANCE", "0.4")


def remove(installation: Installation, name: str) -> None:
    with open_writer(installation.pipeline.settings) as index:
        index.delete([partition_key(name)])


def test_without_a_golden_set_there_is_nothing_to_fail(installation: Installation) -> None:
    found = evaluated(installation)
    assert found.passed
    assert "DOCPIPE_GOLDEN_SET" in (found.description or "")


def test_a_result_is_held_against_the_accepted_one(installation: Installation, golden: Path) -> None:
    first = evaluated(installation)
    assert first.passed
    assert value(first, "ndcg_at_10") == value(first, "accepted_ndcg_at_10") == 1
    assert value(first, "queries") == 3
    assert "the first result" in (first.description or "")
    assert "over_time" not in first.metadata

    again = evaluated(installation)
    assert again.passed
    assert value(again, "over_time").startswith("![picture](data:image/png;base64,")

    remove(installation, "bread.md")
    worse = evaluated(installation)
    assert not worse.passed
    assert value(worse, "ndcg_at_10") == pytest.approx(2 / 3)
    assert value(worse, "accepted_ndcg_at_10") == 1
    assert value(worse, "unknown_documents") == 1
    table = worse.metadata["worst_queries"]
    assert isinstance(table, dg.TableMetadataValue)
    (row,) = table.records
    assert row.data["missed"] == "bread.md"
    # A failure does not become what the next one is held against.
    assert not evaluated(installation).passed

    accepted = evaluated(installation, accept=True)
    assert accepted.passed
    assert value(accepted, "accepted_ndcg_at_10") == pytest.approx(2 / 3)
    assert evaluated(installation).passed


@pytest.mark.usefixtures("tolerant", "golden")
def test_small_losses_do_not_add_up_unnoticed(installation: Installation) -> None:
    assert evaluated(installation).passed
    remove(installation, "bread.md")
    within = evaluated(installation)
    assert within.passed
    assert value(within, "accepted_ndcg_at_10") == 1
    remove(installation, "a mail!//01-offer.pdf")
    assert not evaluated(installation).passed


def test_another_golden_set_begins_anew(installation: Installation, golden: Path) -> None:
    assert evaluated(installation).passed
    golden_set(golden, **GOLDEN | {"late": ("How long should the dough rise?", {"pump.pdf": 1})})
    changed = evaluated(installation)
    assert changed.passed
    assert value(changed, "ndcg_at_10") < 1
    assert "the first result" in (changed.description or "")


def test_a_broken_golden_set_fails_with_its_line(installation: Installation, golden: Path) -> None:
    (golden / "qrels.tsv").write_text("nonsense\n")
    broken = evaluated(installation)
    assert not broken.passed
    assert "qrels.tsv, line 1" in (broken.description or "")
