from __future__ import annotations

from pathlib import Path

import pytest
from docling_core.types.doc.items.text import ListItem, SectionHeaderItem

from docpipe.errors import ParseFailed
from docpipe.models import ParsedDocument
from docpipe.parse.assemble.assembly import assemble
from docpipe.parse.formats import PDF
from docpipe.parse.page.element import Element, PageContent

BOX = (72.0, 100.0, 300.0, 112.0)


def page(number: int, *elements: Element, error: str = "") -> PageContent:
    return PageContent(number, 595.0, 842.0, "text", elements=elements, error=error)


def block(text: str, size: float = 11.0, *, bold: bool = False, top: float = 100.0) -> Element:
    return Element("block", text, (72.0, top, 300.0, top + 12), size, bold)


def join(tmp_path: Path, *pages: PageContent, failed: dict[int, str] | None = None) -> ParsedDocument:
    source = tmp_path / "a.pdf"
    source.write_bytes(b"content")
    _, data = assemble(str(source), "a.pdf", PDF, tuple(one.to_line() for one in pages), ("about the file",), failed or {})
    return ParsedDocument.from_bytes(data)


def headings(document: ParsedDocument) -> list[tuple[int, str]]:
    return [(item.level, item.text) for item in document.document.texts if isinstance(item, SectionHeaderItem)]


def test_headings_by_size_weight_and_number(tmp_path: Path) -> None:
    body = [block("The body of the text goes on and on. " * 5)]
    found = join(
        tmp_path,
        page(
            1,
            block("The whole", 20),
            block("First part", 14),
            *body,
            block("2.1.3 By its number", 14),
            block("Bold alone", bold=True),
            *body,
        ),
        page(2, block("Bold with a full stop.", bold=True), block("Second part", 14), block("Nearly the same", 13.8), *body),
    )
    assert headings(found) == [
        (1, "The whole"),
        (2, "First part"),
        (3, "2.1.3 By its number"),
        (3, "Bold alone"),
        (2, "Second part"),
        (2, "Nearly the same"),
    ]


def test_what_repeats_at_the_edge_is_furniture(tmp_path: Path) -> None:
    pages = [
        page(number, block("Annual report", 9, top=20), block(f"Text {number} of the body"), block(f"Page {number}", 9, top=810))
        for number in range(1, 5)
    ]
    found = join(tmp_path, *pages)
    assert [(item.label, item.text) for item in found.document.texts if item.content_layer == "furniture"][:2] == [
        ("page_header", "Annual report"),
        ("page_footer", "Page 1"),
    ]
    assert [item.text for item, _ in found.document.iterate_items()] == [f"Text {number} of the body" for number in range(1, 5)]  # type: ignore[attr-defined]


def test_only_the_first_title_is_the_title(tmp_path: Path) -> None:
    found = join(tmp_path, page(1, Element("title", "One", BOX, 20.0)), page(2, Element("title", "Two", BOX, 20.0)))
    assert [(item.label, item.text) for item in found.document.texts] == [("title", "One"), ("section_header", "Two")]


def test_captions_markers_and_tables(tmp_path: Path) -> None:
    found = join(
        tmp_path,
        page(
            1,
            Element("caption", "Table 1: Ships", BOX, caption_of=1),
            Element("table", "", BOX, rows=(("Name", "Tons"), ("Aurora", "420"))),
            Element("list_item", "1. first", BOX),
            Element("list_item", "b) second", BOX),
        ),
    )
    (table,) = found.document.tables
    assert table.caption_text(found.document) == "Table 1: Ships"
    assert [cell.column_header for cell in table.data.table_cells] == [True, True, False, False]
    items = [(item.marker, item.text) for item in found.document.texts if isinstance(item, ListItem)]
    assert items == [("1.", "first"), ("b)", "second")]


def test_every_item_has_a_page_and_a_box(tmp_path: Path) -> None:
    found = join(tmp_path, page(1, block("One.")), page(2, block("Two.")))
    places = [item.prov[0] for item in found.document.texts]
    assert [place.page_no for place in places] == [1, 2]
    assert places[0].bbox.to_top_left_origin(842).as_tuple() == (72, 100, 300, 112)


def test_a_lost_page_is_named_and_the_others_kept(tmp_path: Path) -> None:
    found = join(tmp_path, page(1, block("kept")), page(2, error="it burnt"), page(3), failed={1: "layout: slow", 3: "ocr: died"})
    assert [one.error for one in found.pages] == ["", "it burnt", "ocr: died"]
    assert found.warnings == ("about the file", "page 1: layout: slow; read again", "page 2: it burnt", "page 3: ocr: died")


def test_a_document_whose_pages_are_all_lost_has_failed(tmp_path: Path) -> None:
    with pytest.raises(ParseFailed, match="it burnt"):
        join(tmp_path, page(1, error="it burnt"), page(2, error="that too"))


def test_a_blank_document_is_no_failure(tmp_path: Path) -> None:
    found = join(tmp_path, page(1), page(2))
    assert (found.counts["pages"], found.counts["characters"]) == (2, 0)
    assert not found.document.texts


def test_indented_items_are_lists_inside_lists(tmp_path: Path) -> None:
    def item(text: str, left: float) -> Element:
        return Element("list_item", text, (left, 100.0, 300.0, 112.0))

    found = join(
        tmp_path, page(1, item("1. one", 80), item("inner", 100), item("deeper", 120), item("2. two", 81)), page(2, item("3. three", 60))
    )
    assert [(item.text, level) for item, level in found.document.iterate_items() if isinstance(item, ListItem)] == [
        ("one", 2), ("inner", 4), ("deeper", 6), ("two", 2), ("three", 2),
    ]  # fmt: skip


def test_what_goes_on_has_both_places_and_merged_cells_stand_once(tmp_path: Path) -> None:
    text = [Element("text", words, BOX, 10.0) for words in ("The ship en-", "tered the harbour.")]
    rows = (("Both", ""), ("Name", "Tons"), ("Aurora", "420"))
    table = Element("table", "", BOX, rows=rows, spans=((0, 0, 1, 2),), header_rows=2)
    found = join(tmp_path, page(1, text[0]), page(2, text[1], table), page(3, table))
    (whole,) = found.document.texts
    assert [(one.page_no, whole.text[slice(*one.charspan)]) for one in whole.prov] == [(1, "The ship en"), (2, "tered the harbour.")]
    (joined,) = found.document.tables
    assert [one.page_no for one in joined.prov] == [2, 3]
    cells = [(cell.text, cell.row_span, cell.col_span, cell.column_header) for cell in joined.data.table_cells]
    assert cells[:3] == [("Both", 1, 2, True), ("Name", 1, 1, True), ("Tons", 1, 1, True)]
    assert (joined.data.num_rows, joined.data.num_cols, len(cells)) == (4, 2, 7)


def test_fields_notes_and_code(tmp_path: Path) -> None:
    labels = ("field", "checkbox_selected", "note", "code", "formula", "footnote")
    found = join(tmp_path, page(1, block("Body text. " * 9), *(Element(label, f"the {label}", BOX, 11.0) for label in labels)))
    made = [(item.label, item.content_layer) for item in found.document.texts[1:]]
    assert made == [
        ("text", "body"), ("checkbox_selected", "body"), ("text", "notes"), ("code", "body"), ("formula", "body"), ("footnote", "body"),
    ]  # fmt: skip
