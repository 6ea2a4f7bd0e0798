from __future__ import annotations

from pathlib import Path

import pytest
from docling_core.types.doc.base import BoundingBox, Size
from docling_core.types.doc.common.reference import ProvenanceItem
from docling_core.types.doc.document import DoclingDocument
from docling_core.types.doc.labels import DocItemLabel

from docpipe.chunk.passages import Passage
from docpipe.chunk.reading import DocumentReader
from docpipe.describe.writing import write
from docpipe.models import Figure, Page, ParsedDocument


def document() -> ParsedDocument:
    """Three pages with a paragraph each; the second also has a captioned picture, and was hardly read."""
    made = DoclingDocument(name="d")
    for number in (1, 2, 3):
        made.add_page(page_no=number, size=Size(width=600, height=800))
        made.add_text(DocItemLabel.TEXT, f"text of page {number}", prov=place(number))
    caption = made.add_text(DocItemLabel.CAPTION, "Figure 1: cargo", prov=place(3))
    made.add_picture(caption=caption, prov=place(3))
    pages = [Page(number=number, width=600, height=800, route="ocr", reason="no text", characters=14) for number in (1, 2, 3)]
    return ParsedDocument(made, tuple(pages), figures=(Figure(reference="#/pictures/0", page=3, sha256="a" * 64),))


def place(number: int) -> ProvenanceItem:
    return ProvenanceItem(page_no=number, bbox=BoundingBox(l=0, t=10, r=10, b=0), charspan=(0, 1))


def written(path: Path, descriptions: dict[str, str], transcriptions: dict[int, str]) -> ParsedDocument:
    path.write_bytes(document().to_bytes())
    header, data = write(str(path), "eyes", descriptions, transcriptions)
    parsed = ParsedDocument.from_bytes(data)
    assert header["counts"] == parsed.counts
    return parsed


def passages(parsed: ParsedDocument) -> list[str]:
    return [one.text for one in DocumentReader(parsed).contents() if isinstance(one, Passage)]


def test_a_description_is_read_after_its_caption(tmp_path: Path) -> None:
    parsed = written(tmp_path / "d", {"#/pictures/0": "A bar chart of tons a year.", "#/pictures/7": "of nothing"}, {})
    assert parsed.figures[0].description == "A bar chart of tons a year."
    (picture,) = parsed.document.pictures
    assert picture.meta
    assert picture.meta.description
    assert (picture.meta.description.text, picture.meta.description.created_by) == ("A bar chart of tons a year.", "eyes")
    assert passages(parsed) == ["text of page 1", "text of page 2", "text of page 3", "Figure 1: cargo", "A bar chart of tons a year."]


def test_a_transcription_takes_the_place_of_what_was_read(tmp_path: Path) -> None:
    text = "# Notice\n\nThe lock is closed\nfrom May to June.\n- no boats\n- no rafts\n\nThe harbour master"
    parsed = written(tmp_path / "d", {}, {2: text})
    page = parsed.pages[1]
    assert (page.route, page.reason) == ("vision", "no text; transcribed by eyes")
    labels = [(one.label.value, one.text) for one in parsed.document.texts if one.prov[0].page_no == 2]
    assert labels == [
        ("section_header", "Notice"),
        ("text", "The lock is closed\nfrom May to June."),
        ("list_item", "no boats"),
        ("list_item", "no rafts"),
        ("text", "The harbour master"),
    ]
    assert page.characters == sum(len(one) for _, one in labels)
    read = passages(parsed)
    assert read.index("text of page 1") < read.index("The harbour master") < read.index("text of page 3")
    assert "text of page 2" not in read
    assert [one.route for one in parsed.pages] == ["ocr", "vision", "ocr"]


@pytest.mark.parametrize("number", [1, 3])
def test_the_first_and_the_last_page_keep_their_places(tmp_path: Path, number: int) -> None:
    read = passages(written(tmp_path / "d", {}, {number: "by hand"}))
    assert read.index("by hand") == {1: 0, 3: 2}[number]


def test_nothing_said_changes_nothing(tmp_path: Path) -> None:
    assert written(tmp_path / "d", {"#/pictures/0": ""}, {1: "", 9: "no such page"}) == document()
