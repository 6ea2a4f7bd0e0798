"""What a person sees of a run while it goes on."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from doc_assets.run_log import product_log
from docpipe.models import StageName
from docpipe.parse import work
from docpipe.parse.stage import ParseStage
from docpipe.pipeline import Pipeline
from tests.installation import Installation, use_small_stages
from tests.parse import samples


def test_a_run_tells_how_far_a_long_document_is(installation: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stages = use_small_stages(monkeypatch, {})
    parse = ParseStage(installation.pipeline.settings.model_copy(update={"layout": False, "ocr": False, "workers": 1}))
    monkeypatch.setattr(Pipeline, "stage", lambda self, name, run_id="": parse if name is StageName.PARSED_PAGES else stages[name])
    monkeypatch.setattr(work, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(work, "PROGRESS_SHARE", 1_000_000)
    book = samples.raw(tmp_path / "book.pdf", [samples.text_content(f"Page {number}.") for number in range(1, 601)])
    installation.pipeline.bucket.write("books/book.pdf", book.read_bytes())
    (result,) = installation.process_all()
    said = [entry.user_message for entry in installation.instance.all_logs(result.run_id) if entry.step_key == "parsed_pages"]
    assert "book.pdf: 8 of 600 pages" in said
    assert "book.pdf: 600 of 600 pages" in said


def test_the_products_loggers_are_left_as_they_were(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCPIPE_EMBED_KEY", "sk-known")
    product, run = logging.getLogger("docpipe"), logging.getLogger("a run")
    run.setLevel(logging.DEBUG)
    before = (product.level, list(product.handlers))
    with product_log(run):
        logging.getLogger("docpipe.anything").info("%d of %d for %s", 1, 2, "sk-known")
        logging.getLogger("docpipe.anything").debug("too much")
        logging.getLogger("elsewhere").warning("not ours")
    logging.getLogger("docpipe.anything").warning("afterwards")
    assert [record.getMessage() for record in caplog.records if record.name == "a run"] == ["1 of 2 for [hidden]"]
    assert (product.level, product.handlers) == before
