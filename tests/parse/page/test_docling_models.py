from __future__ import annotations

from pathlib import Path

import pytest
from docling_core.types.doc.base import BoundingBox, CoordOrigin, Size
from docling_core.types.doc.common.content_layer import ContentLayer
from docling_core.types.doc.common.reference import ProvenanceItem
from docling_core.types.doc.document import DoclingDocument
from docling_core.types.doc.labels import DocItemLabel

from docpipe.errors import ConfigurationError
from docpipe.parse import formats
from docpipe.parse.assemble.table import table_data
from docpipe.parse.page import docling_models
from docpipe.parse.page.element import Element
from docpipe.parse.stage import ParseStage
from docpipe.settings import load_settings
from tests.parse import samples
from tests.parse.conftest import item


def place(top: float) -> ProvenanceItem:
    """In docling's own coordinates, which rise from the bottom of the page."""
    box = BoundingBox(l=50, t=800 - top, r=250, b=800 - top - 20, coord_origin=CoordOrigin.BOTTOMLEFT)
    return ProvenanceItem(page_no=1, bbox=box, charspan=(0, 0))


def test_what_docling_finds_becomes_elements() -> None:
    document = DoclingDocument(name="page")
    document.add_page(page_no=1, size=Size(width=600, height=800))
    document.add_text(DocItemLabel.PAGE_HEADER, "Harbour report", prov=place(10), content_layer=ContentLayer.FURNITURE)
    document.add_heading("Arrivals", level=2, prov=place(50))
    document.add_text(DocItemLabel.TEXT, "The pilot boards.", prov=place(80))
    group = document.add_list_group()
    document.add_list_item("first", parent=group, prov=place(110))
    caption = document.add_text(DocItemLabel.CAPTION, "Table 1", prov=place(140))
    table = document.add_table(data=table_data((("Vessel", "Tons"), ("Aurora", "420"))), prov=place(170), caption=caption)
    assert table.captions
    document.add_picture(prov=place(300))
    found = docling_models.of_document(document)
    assert [(one.label, one.text) for one in found] == [
        ("page_header", "Harbour report"),
        ("section_header", "Arrivals"),
        ("text", "The pilot boards."),
        ("list_item", "first"),
        ("caption", "Table 1"),
        ("table", ""),
        ("picture", ""),
    ]
    assert found[1].box == (50, 50, 250, 70)
    assert found[1].level == 2
    assert found[4].caption_of == 5
    assert found[5].rows == (("Vessel", "Tons"), ("Aurora", "420"))
    assert isinstance(found[5], Element)


def test_missing_weights_stop_the_run_and_are_named(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, docling_models=str(tmp_path / "models"))
    path = samples.plain(tmp_path / "a.pdf", ["word"])
    with pytest.raises(ConfigurationError, match=r"docling-layout-heron/model.safetensors.*docling-tools models download"):
        list(ParseStage(settings).process([item(path, formats.PDF)]))


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for layout_and_tables in (
        "docling-project--docling-layout-heron/config.json",
        "docling-project--docling-layout-heron/model.safetensors",
        "docling-project--docling-layout-heron/preprocessor_config.json",
        "docling-project--docling-models/model_artifacts/tableformer/accurate/tableformer_accurate.safetensors",
        "docling-project--docling-models/model_artifacts/tableformer/accurate/tm_config.json",
    ):
        (tmp_path / layout_and_tables).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / layout_and_tables).touch()
    monkeypatch.setattr(docling_models, "find_spec", lambda name: None if name == "torchvision" else object())
    with pytest.raises(ConfigurationError, match=r"\(torchvision\).*docpipe\[full-docling\]"):
        docling_models.check(str(tmp_path))
    monkeypatch.setattr(docling_models, "find_spec", lambda name: object())
    docling_models.check(str(tmp_path))


def test_the_models_are_part_of_the_recipe(tmp_path: Path) -> None:
    document = item(samples.plain(tmp_path / "a.pdf", ["word"]), formats.PDF).document
    texts = {ParseStage(load_settings(home=tmp_path, docling_models=folder)).recipe(document).text for folder in ("", "models")}
    assert len(texts) == 2
