from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from docpipe.embed.stage import EmbedStage
from docpipe.errors import BudgetSpent, IndexUnavailable, ParseFailed, RunStopped, Superseded, TransientError
from docpipe.ledger import Ledger
from docpipe.metrics.sample import Sample
from docpipe.metrics.tally import Tally, counted
from docpipe.models import Document, DocumentStatus, StageName
from docpipe.settings import Settings
from docpipe.stage import Effort
from docpipe.stage_run import StageResult
from tests.ledger.arrivals import register

DOCUMENT = Document("a", "a", 1, "text/plain", 1, "e", "", DocumentStatus.RUNNING)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as opened:
        yield opened


def values(stage: StageName, result: StageResult) -> dict[str, float]:
    """Without the histogram, and with one label in the name."""
    return {
        " ".join(
            [sample.name.removeprefix("docpipe_"), *(sample.labels[name] for name in sorted(sample.labels) if name != "stage")]
        ): sample.value
        for sample in counted(stage, result, "tiny")
        if "stage_seconds" not in sample.name
    }


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "made"),
        (ParseFailed("no"), "failed"),
        (IndexUnavailable("away"), "retried"),
        (Superseded("newer"), "retried"),
        (RunStopped("out of time"), "postponed"),
        (BudgetSpent("none left", datetime(2026, 11, 23, tzinfo=UTC)), "postponed"),
        (ValueError("a bug"), "failed"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_became_of_a_document(error: Exception | None, outcome: str) -> None:
    assert values(StageName.ENRICHED_CHUNKS, StageResult(DOCUMENT, error=error)) == {f"stage_results_total {outcome}": 1}


def test_what_was_found_is_no_work() -> None:
    result = StageResult(DOCUMENT, "f", reused=True, counts={"pages": 3}, seconds=2)
    assert values(StageName.PARSED_PAGES, result) == {"stage_results_total reused": 1}
    assert not [sample for sample in counted(StageName.PARSED_PAGES, result) if "seconds" in sample.name]


def test_pages_and_chunks() -> None:
    assert values(StageName.PARSED_PAGES, StageResult(DOCUMENT, "f", counts={"pages": 3, "characters": 9}))["pages_total"] == 3
    assert values(StageName.CHUNKS, StageResult(DOCUMENT, "f", counts={"chunks": 5}))["chunks_total"] == 5


def test_what_all_attempts_took_is_counted_even_of_what_failed() -> None:
    result = StageResult(DOCUMENT, error=ParseFailed("no"), effort=Effort(cpu_seconds=2.5, gpu_seconds=0.5), attempts=3)
    assert values(StageName.EMBEDDINGS, result) == {
        "stage_results_total failed": 1,
        "retries_total": 2,
        "cpu_seconds_total": 2.5,
        "gpu_seconds_total": 0.5,
    }


def test_tokens_of_our_own_model_and_the_cache() -> None:
    half_known = StageResult(DOCUMENT, "f", counts={"vectors": 4, "tokens": 100, "cached": 2})
    assert values(StageName.EMBEDDINGS, half_known) == {
        "stage_results_total made": 1,
        "cache_hits_total embeddings": 2,
        "cache_misses_total embeddings": 2,
        "tokens_total tiny local": 50,
    }
    # What a provider bills is counted where it is paid.
    billed = StageResult(DOCUMENT, "f", counts={"vectors": 4, "tokens": 100, "billed_tokens": 90})
    assert values(StageName.EMBEDDINGS, billed) == {"stage_results_total made": 1}
    assert "tokens_total tiny local" not in values(StageName.EMBEDDINGS, StageResult(DOCUMENT, "f", counts={"vectors": 0, "tokens": 0}))


def test_all_is_in_the_ledger_at_the_end_even_after_an_error(ledger: Ledger) -> None:
    def work() -> None:
        with Tally(ledger, StageName.CHUNKS) as tally:
            for _ in range(3):
                tally.add(StageResult(DOCUMENT, "f", counts={"chunks": 2}, seconds=0.3))
            assert ledger.counters() == []
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        work()
    found = {(sample.name, sample.labels.get("le", "")): sample.value for sample in ledger.counters()}
    assert found["docpipe_chunks_total", ""] == 6
    assert found["docpipe_stage_seconds_count", ""] == 3
    assert found["docpipe_stage_seconds_bucket", "0.5"] == 3
    assert ("docpipe_stage_seconds_bucket", "0.25") not in found


def test_tokens_go_by_the_model_that_the_recipe_names(
    ledger: Ledger, settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    (key,) = register(ledger, "a")
    recipe = EmbedStage(settings()).recipe(DOCUMENT)
    ledger.remember_recipe(recipe)
    ledger.start(StageName.EMBEDDINGS, {key: (1, "f", recipe.hash)}, "run")
    made = StageResult(replace(DOCUMENT, key=key), "f", counts={"vectors": 4, "tokens": 100})
    with Tally(ledger, StageName.EMBEDDINGS) as tally:
        tally.add(replace(made, document=DOCUMENT, error=ParseFailed("no")))
        with monkeypatch.context() as away:

            def stage_states(keys: object) -> None:
                raise TransientError("the database does not answer")

            away.setattr(ledger, "stage_states", stage_states)
            tally.add(made)
        tally.add(made)
        # Asked once: all documents of a run have one recipe.
        tally.add(replace(made, document=replace(DOCUMENT, key="gone")))
    found = {one.labels["model"]: one.value for one in ledger.counters() if one.name == "docpipe_tokens_total"}
    assert found == {"all-MiniLM-L6-v2": 200, "": 100}


def test_nothing_is_lost_or_doubled_while_the_ledger_is_away(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    tally = Tally(ledger, StageName.CHUNKS)
    tally.add(StageResult(DOCUMENT, "f", counts={"chunks": 2}))
    with monkeypatch.context() as away:

        def count(samples: object) -> None:
            raise TransientError("the database does not answer")

        away.setattr(ledger, "count", count)
        tally.flush()
    tally.flush()
    tally.flush()
    assert Sample("docpipe_chunks_total", 2) in ledger.counters()
