"""What Dagster is told of a stage's run."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from doc_assets.report import StageReport
from docpipe.cost.budget import budget_spent
from docpipe.cost.usage import Usage
from docpipe.errors import EmbeddingInvalid
from docpipe.models import Document, DocumentStatus, StageName
from docpipe.stage import Effort
from docpipe.stage_run import StageResult


def result(object_key: str, parent: str | None = None, reused: bool = False, **counts: int) -> StageResult:
    document = Document(object_key, object_key, 1, "text/plain", 1, "e", "", DocumentStatus.RUNNING, parent=parent)
    return StageResult(document, "f", reused, counts, 1.0)


def test_documents_that_hold_different_things_stand_in_one_table() -> None:
    report = StageReport(StageName.PARSED_PAGES, total=2)
    report.add(result("mail.eml", pages=1, attachments=2))
    report.add(result("scan.pdf", pages=3))
    rows = report.metadata()["slowest_documents"].records
    assert [(row.data["document"], row.data["pages"], row.data["attachments"]) for row in rows] == [("mail.eml", 1, 2), ("scan.pdf", 3, 0)]


def test_an_attachment_names_its_parent() -> None:
    report = StageReport(StageName.PARSED_PAGES, total=2)
    assert report.document_metadata(result("mail.eml!//01-a.pdf", "mail.eml", pages=1))["parent"] == "mail.eml"
    assert "parent" not in report.document_metadata(result("mail.eml", pages=1))


def test_what_a_provider_bills_is_shown_in_dollars() -> None:
    report = StageReport(StageName.EMBEDDINGS, total=3)
    one = paid(result("a", vectors=10, tokens=1_000, billed_tokens=1_500), tokens=1_500)
    report.add(one)
    report.add(paid(result("b", vectors=5, tokens=500, billed_tokens=500), tokens=500))
    report.add(paid(replace(result("c"), error=EmbeddingInvalid("zero")), tokens=250))
    metadata = report.document_metadata(one)
    assert (metadata["cost_usd"], metadata["provider"], metadata["requests"]) == (0.00003, "openai", 0.5)
    # What was paid for a document that failed was paid, too.
    totals = report.metadata()
    assert (totals["total_billed_tokens"], totals["provider_tokens"], totals["cost_usd"]) == (2_000, 2_250, 0.000045)
    assert (totals["requests"], totals["cpu_seconds"]) == (1.5, 6.0)
    assert "2,000 billed tokens, 0.0000 US dollars" in report.progress()


def paid(one: StageResult, tokens: int) -> StageResult:
    usage = Usage("openai", "text-embedding-3-small", 0.5, tokens, usd=tokens * 0.02 / 1e6)
    return replace(one, effort=Effort(2.0, 0.0, usage), cost_usd=usage.usd)


def test_documents_that_wait_for_money_did_not_fail() -> None:
    report = StageReport(StageName.EMBEDDINGS, total=2)
    report.add(result("a", vectors=1))
    report.add(replace(result("b"), error=budget_spent("openai", 5.0, date(2026, 11, 22), 0.01)))
    assert "0 failed, 1 wait for money" in report.progress()
    (row,) = report.metadata()["failed_documents"].records
    assert row.data["message"] == "waits until 2026-11-23 00:00 UTC: the budget of openai (5.00 US dollars a day) is spent"


def test_a_run_that_only_waits_says_so() -> None:
    report = StageReport(StageName.EMBEDDINGS, total=1)
    report.add(replace(result("a"), error=budget_spent("openai", 5.0, date(2026, 11, 22), 0.01)))
    assert report.none_passed().startswith("none of 1 documents passed embeddings; each waits until 2026-11-23 00:00 UTC: ")
    report.add(replace(result("b"), error=EmbeddingInvalid("zero")))
    assert report.none_passed().endswith("see the observations above")


def test_what_costs_nothing_has_no_price() -> None:
    report = StageReport(StageName.EMBEDDINGS, total=1)
    local = result("a", vectors=10, tokens=1_000, cached=4)
    report.add(local)
    assert not {"cost_usd", "billed_tokens"} & (report.document_metadata(local).keys() | report.metadata().keys())
    assert "dollars" not in report.progress()


def test_the_hit_rate_is_of_the_chunks_that_were_looked_for() -> None:
    report = StageReport(StageName.EMBEDDINGS, total=3)
    found = result("c", reused=True, vectors=100, tokens=9, cached=70, billed_tokens=5)
    for one in (result("a", vectors=30, tokens=9, cached=0), result("b", vectors=10, tokens=9, cached=10), found):
        report.add(one)
    assert report.metadata()["cache_hit_rate"] == 0.25
    assert "140 vectors, 27 tokens, 10 cached (25%)" in report.progress()
    assert not {"cached", "billed_tokens", "cost_usd"} & report.document_metadata(found).keys()


def test_a_run_that_looked_nothing_up_has_no_hit_rate() -> None:
    report = StageReport(StageName.EMBEDDINGS, total=1)
    report.add(result("a", reused=True, vectors=100, cached=70))
    assert "cache_hit_rate" not in report.metadata()
