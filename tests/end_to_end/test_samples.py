"""The sample documents and the hard ones through all five assets, with the real stages, in Dagster."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pymupdf
import pytest

from docpipe.consistency import check
from docpipe.models import DocumentStatus, StageName, StageStatus
from docpipe.search import search
from docpipe.stage_run import StageResult
from resources.pipeline import _pipeline
from tests.installation import Installation, installation_at

SAMPLES = Path(__file__).parents[2] / "samples" / "documents"
CHOSEN = (
    "two-column-paper.pdf",
    "handbook.docx",
    "quarterly.pptx",
    "figures.xlsx",
    "article.html",
    "notes.md",
    "readme.txt",
    "prices.csv",
    "mail.eml",
)
ATTACHED = ("mail.eml!//01-vibration.csv", "mail.eml!//02-Offer 24-3051.pdf")
INDEXED = {*CHOSEN, *ATTACHED}
REFUSED = ("empty.pdf", "password.pdf", "unknown.bin")


@pytest.fixture(scope="module")
def processed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation that took some samples through a run, an unreadable one among them, and a mail's attachments through another."""
    with pytest.MonkeyPatch.context() as monkeypatch, installation_at(tmp_path_factory.mktemp("samples") / "home", monkeypatch) as made:
        monkeypatch.setenv("DOCPIPE_OCR", "false")
        bucket = Path(made.pipeline.settings.home) / "bucket"
        bucket.mkdir(exist_ok=True)
        for name in CHOSEN:
            shutil.copy(SAMPLES / name, bucket / name)
        for name in REFUSED:
            shutil.copy(SAMPLES / "bad" / name, bucket / name)
        (bucket / "middle.pdf").write_bytes(b"%PDF-1.7\n" + b"nothing that a reader could repair " * 50)
        (request,) = made.tick().requests
        assert not made.run(request).success
        (attachments,) = made.tick().requests
        assert made.run(attachments).success
        yield made


def test_every_sample_ends_in_a_clear_state(processed: Installation) -> None:
    documents = {document.object_key: document for document in processed.pipeline.ledger.all_documents()}
    assert {name for name, one in documents.items() if one.status is DocumentStatus.INDEXED} == INDEXED
    assert {name for name, one in documents.items() if one.status is DocumentStatus.REFUSED} == set(REFUSED)
    assert documents["middle.pdf"].status is DocumentStatus.FAILED
    assert all(documents[name].error for name in (*REFUSED, "middle.pdf"))
    for stage in StageName:
        assert processed.partitions(stage).materialized == {documents[name].key for name in INDEXED}
    assert processed.partitions(StageName.PARSED_PAGES).failed == {"middle.pdf"}


def test_all_four_agree(processed: Installation) -> None:
    found = check(processed.pipeline)
    assert found.inconsistencies == []
    assert found.points > len(CHOSEN)


def test_a_second_run_does_nothing(processed: Installation) -> None:
    assert processed.tick().requests == []
    before = {place: state.finished for place, state in processed.pipeline.ledger.stage_states(list(CHOSEN)).items()}
    for stage in StageName:
        results = list(processed.pipeline.run(stage, list(CHOSEN), "again"))
        assert {result.document.key for result in results if result.reused} == set(CHOSEN)
    assert {place: state.finished for place, state in processed.pipeline.ledger.stage_states(list(CHOSEN)).items()} == before


@pytest.mark.parametrize(
    ("question", "document", "page", "expected"),
    [
        ("On how many turbines and icing events does the comparison of ice detection methods rest?", "two-column-paper.pdf", 1, "214"),
        ("Why is the land cable at Lyngø Bakke late?", "quarterly.pptx", 6, "two months late"),
        ("With what torque are the M36 bolts between blade and pitch bearing tightened?", "handbook.docx", None, "2,450 Nm"),
        ("For how many months does Cantabria guarantee the main bearing?", "mail.eml!//02-Offer 24-3051.pdf", 1, "60 months"),
    ],
)
def test_search_finds_the_passage_and_its_page(
    processed: Installation, question: str, document: str, page: int | None, expected: str
) -> None:
    hits = [hit for hit in search(processed.pipeline.settings, question, limit=5) if expected in hit.text]
    assert [hit.object_key for hit in hits[:1]] == [document]
    assert page is None or page in hits[0].pages
    assert hits[0].parent == ("mail.eml" if document in ATTACHED else "")


def test_pages_are_shown_with_their_boxes(processed: Installation) -> None:
    *_, whole = (one for one in processed.observations(StageName.PARSED_PAGES) if one.partition is None)
    assert whole.metadata["first_page_of"].value == "two-column-paper.pdf"
    assert str(whole.metadata["first_page"].value).startswith("![picture](data:image/png;base64,")
    assert "pages_by_route" in whole.metadata


@pytest.fixture
def plain(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """An installation without OCR."""
    monkeypatch.setenv("DOCPIPE_OCR", "false")
    _pipeline.cache_clear()
    return installation


def through(installation: Installation, stages: tuple[StageName, ...] = tuple(StageName)) -> dict[StageName, StageResult]:
    """Take the one document of the bucket through stages, after a look at the bucket."""
    installation.tick()
    keys = [document.key for document in installation.pipeline.ledger.all_documents()]
    return {stage: result for stage in stages for result in installation.pipeline.run(stage, keys, "run")}


def test_a_document_of_five_thousand_pages(plain: Installation) -> None:
    with pymupdf.open() as pdf:
        for number in range(5_000):
            text = "An albatross nests on the roof" if number == 4_321 else f"Sheet {number}"
            pdf.new_page(width=300, height=200).insert_text((20, 40), text)
        plain.pipeline.bucket.write("long.pdf", pdf.tobytes())
    results = through(plain)
    assert not [result.error for result in results.values() if result.error]
    assert results[StageName.PARSED_PAGES].counts["pages"] == 5_000
    assert results[StageName.INDEXED_VECTORS].counts["points"] == results[StageName.CHUNKS].counts["chunks"] > 10
    assert any(4_322 in hit.pages for hit in search(plain.pipeline.settings, "Where does the albatross nest?", limit=3))


def test_a_document_without_a_page(plain: Installation) -> None:
    objects = b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    plain.pipeline.bucket.write("none.pdf", b"%PDF-1.4\n" + objects + b"trailer<</Root 1 0 R>>\n%%EOF")
    through(plain)
    document = plain.document("none.pdf")
    assert document.status is DocumentStatus.FAILED
    assert "page" in str(document.error)


def test_a_document_of_images_alone(plain: Installation) -> None:
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=595, height=842)
        page.insert_image(page.rect, filename=str(SAMPLES / "scan.png"))
        plain.pipeline.bucket.write("images.pdf", pdf.tobytes())
    results = through(plain)
    assert not [result.error for result in results.values() if result.error]
    # Without OCR there is nothing to read, which is not a failure, and the page says so.
    assert results[StageName.INDEXED_VECTORS].counts == {"points": 0}
    assert plain.document("images.pdf").status is DocumentStatus.INDEXED
    assert check(plain.pipeline).inconsistencies == []


def test_a_page_of_ten_megabytes_of_text(plain: Installation) -> None:
    plain.pipeline.bucket.write("huge.txt", b"The quick brown fox jumps over the lazy dog again. " * 200_000)
    # The later stages take what the chunks are, of which other tests see to.
    results = through(plain, (StageName.PARSED_PAGES, StageName.CHUNKS))
    for stage, result in results.items():
        state = plain.pipeline.ledger.stage_states(["huge.txt"])["huge.txt", stage]
        assert state.status is (StageStatus.FAILED if result.error else StageStatus.COMPLETE)
    assert results[StageName.PARSED_PAGES].counts["pages"] == 1
    # Spaces at the ends of paragraphs are all that may be missing.
    assert 10_100_000 < results[StageName.PARSED_PAGES].counts["characters"] <= 10_200_000
    assert results[StageName.CHUNKS].counts["tokens"] > 2_000_000
