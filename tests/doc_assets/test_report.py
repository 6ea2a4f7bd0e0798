"""What Dagster is told of a stage's run."""

from __future__ import annotations

from doc_assets.report import StageReport
from docpipe.models import Document, DocumentStatus, StageName
from docpipe.stage_run import StageResult


def result(object_key: str, parent: str | None = None, **counts: int) -> StageResult:
    document = Document(object_key, object_key, 1, "text/plain", 1, "e", "", DocumentStatus.RUNNING, parent=parent)
    return StageResult(document, "f", counts=counts, seconds=1.0)


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
