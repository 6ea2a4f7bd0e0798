from __future__ import annotations

from datetime import UTC

import pytest

from docpipe.fingerprint import Recipe
from docpipe.ledger import Ledger
from docpipe.models import DocumentStatus, StageName, StageStatus
from tests.ledger.arrivals import arrival, index, register

PARSED, CHUNKS, LAST = StageName.PARSED_PAGES, StageName.CHUNKS, StageName.INDEXED_VECTORS


def _status(ledger: Ledger, key: str = "a") -> DocumentStatus:
    return ledger.documents([key])[key].status


def test_a_stage_that_starts_is_running(ledger: Ledger) -> None:
    register(ledger, "a", "b")
    assert ledger.start(PARSED, {"b": (1, "f", "r"), "a": (1, "f", "r"), "none": (1, "f", "r")}, "run") == ["a", "b"]
    state = ledger.stage_states(["a"])["a", PARSED]
    assert (state.generation, state.status, state.fingerprint, state.recipe) == (1, StageStatus.RUNNING, "f", "r")
    assert (state.attempts, state.seconds, state.counts, state.run_id) == (1, None, {}, "run")
    assert state.started is not None
    assert state.started.tzinfo is UTC
    assert state.finished is None
    assert _status(ledger) is DocumentStatus.RUNNING


def test_a_stage_that_completes_keeps_what_it_took(ledger: Ledger) -> None:
    register(ledger, "a")
    ledger.start(PARSED, {"a": (1, "f", "r")}, "run")
    assert ledger.complete(PARSED, "a", 1, "f", "r", {"pages": 3}, 1.5, "run")
    state = ledger.stage_states(["a"])["a", PARSED]
    assert (state.status, state.counts, state.seconds, state.attempts) == (StageStatus.COMPLETE, {"pages": 3}, 1.5, 1)
    assert state.started is not None
    assert state.finished is not None
    assert state.started <= state.finished
    assert _status(ledger) is DocumentStatus.RUNNING


def test_the_last_stage_makes_the_document_indexed(ledger: Ledger) -> None:
    register(ledger, "a")
    index(ledger, ["a"])
    assert _status(ledger) is DocumentStatus.INDEXED
    assert len(ledger.stage_states(["a"])) == len(StageName)


def test_an_artifact_that_was_found_counts_no_attempt(ledger: Ledger) -> None:
    register(ledger, "a")
    assert ledger.complete(PARSED, "a", 1, "f", "r", {"pages": 3}, None)
    state = ledger.stage_states(["a"])["a", PARSED]
    assert (state.attempts, state.started, state.seconds) == (0, None, None)


def test_a_failure_fails_the_document(ledger: Ledger) -> None:
    register(ledger, "a")
    ledger.start(PARSED, {"a": (1, "f", "r")}, "run")
    assert ledger.fail(PARSED, "a", 1, "ParseFailed", "no reader\0 \ud800" + "x" * 9_000, seconds=0.5)
    state = ledger.stage_states(["a"])["a", PARSED]
    assert (state.status, state.error_kind, state.fingerprint, state.recipe) == (StageStatus.FAILED, "ParseFailed", "f", "r")
    assert (state.attempts, state.seconds) == (1, 0.5)
    document = ledger.documents(["a"])["a"]
    assert document.status is DocumentStatus.FAILED
    assert document.error == state.error
    assert document.error is not None
    assert document.error.startswith("no reader \\ud800")
    assert len(document.error) == 4_000


def test_a_failure_before_the_start_is_the_first_attempt(ledger: Ledger) -> None:
    register(ledger, "a")
    assert ledger.fail(PARSED, "a", 1, "Superseded", "gone", fingerprint="f9", recipe="r9")
    state = ledger.stage_states(["a"])["a", PARSED]
    assert (state.attempts, state.fingerprint, state.recipe) == (1, "f9", "r9")


def test_attempts_are_counted_for_each_generation(ledger: Ledger) -> None:
    register(ledger, "a")
    for attempt in (1, 2, 3):
        ledger.start(PARSED, {"a": (1, "f", "r")}, f"run{attempt}")
        assert ledger.stage_states(["a"])["a", PARSED].attempts == attempt
    ledger.fail(PARSED, "a", 1, "ParseFailed", "no reader")
    register(ledger, "a", etag="e2")
    assert ledger.complete(PARSED, "a", 2, "f", "r", {}, None)
    assert ledger.stage_states(["a"])["a", PARSED].attempts == 0
    ledger.start(CHUNKS, {"a": (2, "f", "r")}, "run")
    assert ledger.stage_states(["a"])["a", CHUNKS].attempts == 1


def test_a_run_that_was_overtaken_changes_nothing(ledger: Ledger) -> None:
    register(ledger, "a")
    ledger.start(PARSED, {"a": (1, "f", "r")}, "old")
    ledger.fail(PARSED, "a", 1, "ParseFailed", "no reader")
    register(ledger, "a", etag="e2")
    before = ledger.documents(["a"]), ledger.stage_states(["a"])
    assert ledger.start(PARSED, {"a": (1, "f", "r")}, "old") == []
    assert not ledger.complete(LAST, "a", 1, "f", "r", {}, 1.0, "old")
    assert not ledger.fail(PARSED, "a", 1, "ParseFailed", "no reader")
    assert (ledger.documents(["a"]), ledger.stage_states(["a"])) == before


def test_nothing_runs_on_what_is_refused_or_gone(ledger: Ledger) -> None:
    ledger.register([arrival("refused", refusal="empty"), arrival("deleting"), arrival("deleted")])
    ledger.mark_gone(["deleting", "deleted"])
    ledger.tombstone(["deleted"])
    for key in ("refused", "deleting", "deleted", "none"):
        assert ledger.start(PARSED, {key: (1, "f", "r")}, "run") == []
        assert not ledger.complete(LAST, key, 1, "f", "r", {}, 1.0)
        assert not ledger.fail(PARSED, key, 1, "ParseFailed", "no reader")
    assert ledger.stage_states(["refused", "deleting", "deleted", "none"]) == {}


def test_what_one_branch_failed_stays_failed_while_the_other_goes_on(ledger: Ledger) -> None:
    register(ledger, "a")
    ledger.queue("b1", ["a"])
    ledger.start(StageName.ENRICHED_CHUNKS, {"a": (1, "f", "r")}, "run")
    ledger.fail(StageName.ENRICHED_CHUNKS, "a", 1, "PermanentError", "no language")
    assert ledger.start(StageName.EMBEDDINGS, {"a": (1, "f", "r")}, "run") == ["a"]
    assert ledger.complete(StageName.EMBEDDINGS, "a", 1, "f", "r", {}, 1.0, "run")
    document = ledger.documents(["a"])["a"]
    assert (document.status, document.error, document.batch_id) == (DocumentStatus.FAILED, "no language", "b1")
    ledger.start(StageName.ENRICHED_CHUNKS, {"a": (1, "f", "r")}, "another run")
    document = ledger.documents(["a"])["a"]
    assert (document.status, document.error) == (DocumentStatus.RUNNING, None)


@pytest.mark.parametrize("status", [DocumentStatus.PENDING, DocumentStatus.INDEXED, DocumentStatus.FAILED])
def test_the_ui_may_run_what_no_batch_holds(ledger: Ledger, status: DocumentStatus) -> None:
    register(ledger, "a")
    if status is DocumentStatus.INDEXED:
        index(ledger, ["a"])
    if status is DocumentStatus.FAILED:
        ledger.fail(PARSED, "a", 1, "ParseFailed", "no reader")
    assert _status(ledger) is status
    assert ledger.start(PARSED, {"a": (1, "f2", "r")}, "from-the-ui") == ["a"]
    assert _status(ledger) is DocumentStatus.RUNNING


def test_a_recipe_is_remembered_once(ledger: Ledger) -> None:
    recipe = Recipe("chunks", "1", {"max_tokens": 254, "name": "größe\0"})
    ledger.remember_recipe(recipe)
    ledger.remember_recipe(recipe)
    assert ledger.recipe_texts([recipe.hash, "none"]) == {recipe.hash: recipe.text}
