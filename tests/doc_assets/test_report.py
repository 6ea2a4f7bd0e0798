"""What Dagster is told of a stage's run."""

from __future__ import annotations

from doc_assets.report import StageReport
from docpipe.models import Document, DocumentStatus, StageName
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
    report = StageReport(StageName.EMBEDDINGS, total=2, token_price=0.02)
    one = result("a", vectors=10, tokens=1_000, billed_tokens=1_500)
    report.add(one)
    report.add(result("b", vectors=5, tokens=500, billed_tokens=500))
    assert report.document_metadata(one)["cost_usd"] == 0.00003
    assert (report.metadata()["total_billed_tokens"], report.metadata()["cost_usd"]) == (2_000, 0.00004)
    assert "2,000 billed tokens, 0.0000 US dollars" in report.progress()


def test_what_costs_nothing_has_no_price() -> None:
    report = StageReport(StageName.EMBEDDINGS, total=1, token_price=0.02)
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
