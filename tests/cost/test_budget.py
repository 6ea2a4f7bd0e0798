"""Documents whose money is spent wait for the next day, and go on as soon as there is more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from docpipe.cost.budget import budget_spent, free_postponed, midnight_after
from docpipe.embed.embedder import close_embedders
from docpipe.errors import BudgetSpent, EmbedderUnavailable
from docpipe.ledger import Ledger
from docpipe.models import DocumentStatus, StageName, StageStatus
from docpipe.pipeline import Pipeline
from docpipe.reconcile import reconcile
from docpipe.settings import Settings
from docpipe.stage_run import StageResult, StageRun
from tests.cost.paid_settings import MakeSettings, paid_settings, server
from tests.embedding_server import EmbeddingServer
from tests.scripted_server import failure
from tests.stages import LineStage, TextStage

__all__ = ["paid_settings", "server"]

TEXTS = {"known": "the cached text", "new": "a text that nobody has seen", "newer": "another one of them"}


def embed(settings: Settings, run_id: str = "run") -> dict[str, StageResult]:
    """Take all documents that wait through parsing, chunking and embedding, as the sensor and a run do."""
    pipeline = Pipeline(settings)
    reconcile(pipeline.bucket, pipeline.ledger, settings)
    keys = pipeline.ledger.queue(run_id, [document.key for document in pipeline.ledger.pending(100)])
    results: dict[str, StageResult] = {}
    for stage in (TextStage(), LineStage(), pipeline.stage(StageName.EMBEDDINGS)):
        run = StageRun(stage, pipeline.ledger, pipeline.artifacts, pipeline.bucket, settings, run_id)
        results = {result.document.key.partition("-")[0]: result for result in run.run(keys)}
    pipeline.ledger.close()
    # The next settings have embedders of their own.
    close_embedders()
    return results


def put(settings: Settings, *names: str) -> None:
    bucket = Pipeline(settings).bucket
    for name in names:
        bucket.write(name, TEXTS[name].encode())


@pytest.fixture
def ledger(paid_settings: MakeSettings) -> Iterator[Ledger]:
    with Ledger.open(paid_settings().ledger_url) as opened:
        yield opened


def statuses(ledger: Ledger) -> dict[str, DocumentStatus]:
    return {document.object_key: document.status for document in ledger.all_documents()}


def test_what_needs_no_money_goes_on_and_the_rest_waits_for_tomorrow(
    paid_settings: MakeSettings, server: EmbeddingServer, ledger: Ledger
) -> None:
    settings = paid_settings(embed_cache_mb=10)
    put(settings, "known")
    assert not embed(settings)["known"].error
    for document in ledger.all_documents():
        ledger.fail(StageName.EMBEDDINGS, document.key, 1, "Error", "to be done again")
        Pipeline(settings).artifacts.delete_document(document.key)
    ledger.requeue([document.key for document in ledger.all_documents()])
    put(settings, "new", "newer")
    asked = len(server.asked)
    results = embed(paid_settings(embed_cache_mb=10, budgets="shop=0"), "second")
    assert not results["known"].error
    assert isinstance(results["new"].error, BudgetSpent)
    assert len(server.asked) == asked
    midnight = midnight_after(ledger.today())
    for document in ledger.all_documents():
        if document.object_key == "known":
            continue
        assert (document.status, document.attempts, document.not_before) == (DocumentStatus.PENDING, 0, midnight)
        assert document.error
        assert document.error.startswith(f"waits until {midnight:%Y-%m-%d} 00:00 UTC: ")
    assert ledger.pending(10) == [], "no batch takes them before"


def test_a_budget_that_is_raised_or_taken_away_frees_them_at_once(
    paid_settings: MakeSettings, server: EmbeddingServer, ledger: Ledger
) -> None:
    small = paid_settings(budgets="shop=0.001")
    put(small, "new", "newer")
    for turn, enough in enumerate(({"budgets": "shop=5"}, {})):
        results = embed(small, f"small {turn}")
        assert {type(result.error) for result in results.values()} == {BudgetSpent}
        assert free_postponed(Pipeline(small)) == 0
        assert free_postponed(Pipeline(paid_settings(budgets="shop=0.001,openai=3"))) == 0, "that is another's"
        assert free_postponed(Pipeline(paid_settings(**enough))) == 2
        assert len(ledger.pending(10)) == 2
        assert free_postponed(Pipeline(paid_settings(**enough))) == 0
    assert not any(result.error for result in embed(paid_settings(), "enough").values())


def test_a_wait_that_a_wrong_clock_made_ends(paid_settings: MakeSettings, ledger: Ledger) -> None:
    settings = paid_settings()
    put(settings, "new", "newer")
    reconcile(Pipeline(settings).bucket, ledger, settings)
    keys = ledger.queue("b", [document.key for document in ledger.pending(10)])
    now = datetime.now(UTC)
    for key, ahead in zip(keys, (timedelta(days=400), timedelta(hours=20)), strict=True):
        ledger.give_back(key, 1, 99, "waits", not_before=now + ahead, count=False)
    assert free_postponed(Pipeline(settings)) == 1
    assert [document.key for document in ledger.pending(10)] == keys[:1]


def test_a_provider_that_is_away_is_not_asked_all_the_time(paid_settings: MakeSettings, server: EmbeddingServer, ledger: Ledger) -> None:
    settings = paid_settings(max_attempts=5, rest_seconds=3_600)
    put(settings, "new")
    server.always = failure(503)
    rests = []
    for turn in range(4):
        began = datetime.now(UTC)
        (result,) = embed(settings, f"run {turn}").values()
        assert isinstance(result.error, EmbedderUnavailable)
        (document,) = ledger.all_documents()
        assert document.not_before
        rests.append(document.not_before - began)
        assert free_postponed(Pipeline(settings)) == 0, "that rest is no wrong clock's"
        # Its rest is over.
        ledger.free("shop", ledger.today(), document.not_before)
    assert [rest >= timedelta(hours=least) for rest, least in zip(rests, (1, 5, 15, 24), strict=True)] == [True] * 4
    assert document.attempts == 0, "an outage says nothing against the document"


def test_an_outage_that_never_ends_for_a_document_counts_in_the_end(
    paid_settings: MakeSettings, server: EmbeddingServer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docpipe.losses.OUTAGE_ATTEMPTS", 4)
    settings = paid_settings(max_attempts=2)
    put(settings, "new")
    server.always = failure(503)
    attempts = []
    for turn in range(3):
        embed(settings, f"run {turn}")
        (document,) = ledger.all_documents()
        attempts.append(document.attempts)
        if document.not_before:
            ledger.free("shop", ledger.today(), document.not_before)
    assert attempts == [0, 1, 2]
    assert document.status is DocumentStatus.FAILED


def test_what_an_attempt_in_vain_cost_stands_on_the_document(paid_settings: MakeSettings, server: EmbeddingServer, ledger: Ledger) -> None:
    settings = paid_settings(embed_cache_mb=10)
    put(settings, "new")
    server.change = lambda fields: fields | {"data": [item | {"embedding": [0.0] * 16} for item in fields["data"]]}
    (result,) = embed(settings).values()
    assert result.error
    assert result.cost_usd == pytest.approx(0.006)
    (document,) = ledger.all_documents()
    state = ledger.stage_states([document.key])[document.key, StageName.EMBEDDINGS]
    assert state.status is StageStatus.FAILED
    assert state.cost_usd == pytest.approx(0.006)
    assert state.cpu_seconds


@pytest.mark.parametrize(
    ("limit", "asked", "said"),
    [
        (5.0, 0.1, "waits until 2026-11-23 00:00 UTC: the budget of openai (5.00 US dollars a day) is spent"),
        (0.001, 0.0005, "waits until 2026-11-23 00:00 UTC: the budget of openai (0.001000 US dollars a day) is spent"),
        (0.0, 0.1, "(0.00 US dollars a day): raise DOCPIPE_BUDGETS"),
    ],
    ids=["dollars", "less than a cent", "nothing"],
)
def test_the_message_says_until_when_and_why(limit: float, asked: float, said: str) -> None:
    error = budget_spent("openai", limit, date(2026, 11, 22), asked)
    assert said in str(error)
    assert error.not_before == datetime(2026, 11, 23, tzinfo=UTC)
