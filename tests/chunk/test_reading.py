from __future__ import annotations

import pytest
from docling_core.types.doc.base import BoundingBox, CoordOrigin, Size
from docling_core.types.doc.common.content_layer import ContentLayer
from docling_core.types.doc.common.reference import ProvenanceItem, RefItem
from docling_core.types.doc.document import DoclingDocument
from docling_core.types.doc.items.table.table_data import RichTableCell, TableData
from docling_core.types.doc.labels import DocItemLabel, GroupLabel

from docpipe.chunk.passages import Content, Grid, Heading, Passage
from docpipe.chunk.reading import DocumentReader
from docpipe.errors import ArtifactDamaged
from docpipe.models import Box, Page, ParsedDocument
from tests.chunk.documents import chunk, paragraphs, report, table


def read(document: DoclingDocument, *pages: Page) -> list[Content]:
    return list(DocumentReader(ParsedDocument(document, pages)).contents())


def texts(document: DoclingDocument) -> list[str]:
    return [one.text for one in read(document) if isinstance(one, Passage | Heading)]


def test_reads_headings_passages_and_tables_in_order_without_furniture() -> None:
    document, pages = report()
    kinds = [type(one).__name__ for one in read(document, *pages)]
    assert kinds == ["Heading", "Heading", "Passage", "Passage", "Passage", "Grid", "Heading", "Passage", "Heading"]
    assert "Confidential" not in repr(read(document, *pages))


def test_a_caption_goes_with_its_table_wherever_it_stands() -> None:
    document, pages = report()
    grid = next(one for one in read(document, *pages) if isinstance(one, Grid))
    assert [caption.text for caption in grid.captions] == ["Table 1: Sales by region"]
    assert [place.box and place.box.top for place in grid.places] == [160, 175]


def test_pictures_give_their_captions_and_the_text_inside() -> None:
    document = DoclingDocument(name="picture")
    caption = document.add_text(DocItemLabel.CAPTION, "Figure 1")
    picture = document.add_picture(caption=caption)
    document.add_text(DocItemLabel.TEXT, "axis label", parent=picture)
    assert texts(document) == ["Figure 1", "axis label"]


def test_formatted_runs_are_one_passage() -> None:
    document = DoclingDocument(name="inline")
    group = document.add_inline_group()
    for text in ("Read the", "manual", ", (all of", "it", ") twice"):
        document.add_text(DocItemLabel.TEXT, text, parent=group)
    items = document.add_list_group()
    item = document.add_list_item("", parent=items, enumerated=True, marker="1.")
    runs = document.add_inline_group(parent=item)
    for text in ("bold", "and plain"):
        document.add_text(DocItemLabel.TEXT, text, parent=runs)
    document.add_list_item("nested", parent=document.add_list_group(parent=item))
    assert texts(document) == ["Read the manual, (all of it) twice", "1. bold and plain", "nested"]


def test_notes_are_content_and_hidden_text_is_not() -> None:
    document = paragraphs("shown")
    document.add_text(DocItemLabel.TEXT, "speaker note", content_layer=ContentLayer.NOTES)
    document.add_text(DocItemLabel.TEXT, "hidden", content_layer=ContentLayer.INVISIBLE)
    assert texts(document) == ["shown", "speaker note"]


def rich(document: DoclingDocument, columns: int) -> None:
    item = document.add_table(TableData(num_rows=1, num_cols=columns))
    for column in range(columns):
        group = document.add_group(parent=item)
        for text in ("first", "second"):
            document.add_text(DocItemLabel.TEXT, f"{text} {column}", parent=group)
        cell = RichTableCell(
            text="firstsecond",
            ref=group.get_ref(),
            start_row_offset_idx=0,
            end_row_offset_idx=1,
            start_col_offset_idx=column,
            end_col_offset_idx=column + 1,
        )
        document.add_table_cell(item, cell)


def test_a_cell_of_blocks_keeps_its_words_apart_and_stands_once() -> None:
    document = DoclingDocument(name="rich")
    rich(document, 2)
    assert [one.rows for one in read(document) if isinstance(one, Grid)] == [(("first 0 second 0", "first 1 second 1"),)]
    assert texts(document) == []


def test_a_frame_of_one_column_is_read_as_what_it_holds() -> None:
    document = DoclingDocument(name="frame")
    rich(document, 1)
    assert texts(document) == ["first 0", "second 0"]


def test_a_slide_does_not_stand_under_the_title_of_the_one_before() -> None:
    document = DoclingDocument(name="slides")
    for number, title in enumerate(["Welcome", "", ""]):
        slide = document.add_group(name=f"slide-{number}", label=GroupLabel.CHAPTER)
        if title:
            document.add_title(title, parent=slide)
        document.add_text(DocItemLabel.TEXT, f"text {number}", parent=slide)
    assert [(one.heading_path, one.text) for one in chunk(document).chunks] == [
        (("Welcome",), "text 0"),
        ((), "text 1"),
        ((), "text 2"),
    ]


def test_a_sheets_name_stands_above_its_content() -> None:
    document = DoclingDocument(name="sheets")
    for name, label in (("Sales", GroupLabel.SHEET), ("sheet: Costs", GroupLabel.SECTION), ("Empty", GroupLabel.SHEET)):
        sheet = document.add_group(name=name, label=label)
        if name != "Empty":
            document.add_heading("Region", level=1, parent=sheet)
            document.add_table(table([["A"], ["1"]]), parent=sheet)
    chunked = chunk(document)
    assert [one.heading_path for one in chunked.chunks] == [("Sales", "Region"), ("Costs", "Region")]
    assert chunked.title == "Region"


def test_boxes_are_points_from_the_top_left_whatever_the_document_counts_in() -> None:
    document = DoclingDocument(name="boxes")
    document.add_page(page_no=1, size=Size(width=12_700_000, height=6_350_000))
    box = BoundingBox(l=1_270_000, t=5_080_000, r=2_540_000, b=3_810_000, coord_origin=CoordOrigin.BOTTOMLEFT)
    document.add_text(DocItemLabel.TEXT, "slide", prov=ProvenanceItem(page_no=1, bbox=box, charspan=(0, 5)))
    slide, sheet = Page(number=1, width=1_000, height=500, route="docling"), Page(number=1, route="docling")
    assert chunk(document, pages=[slide]).chunks[0].boxes == (Box(page=1, left=100, top=100, right=200, bottom=200),)
    assert chunk(document, pages=[sheet]).chunks[0].boxes == ()
    assert chunk(document, pages=[sheet]).chunks[0].pages == (1,)


def test_a_passage_over_two_pages_gives_each_chunk_its_own() -> None:
    document, pages = report()
    outlook = [one.pages for one in chunk(document, 64, 10, pages).chunks if one.heading_path[-1] == "Outlook"]
    assert outlook[0] == (1,)
    assert outlook[-1] == (2,)


def test_a_reference_that_leads_nowhere_is_a_damaged_artifact() -> None:
    document = paragraphs("a")
    document.body.children.append(RefItem.model_validate({"$ref": "#/texts/99"}))
    with pytest.raises(ArtifactDamaged, match="#/texts/99"):
        read(document)


def test_a_cycle_ends_and_depth_is_no_matter() -> None:
    document = DoclingDocument(name="deep")
    parent = document.add_group()
    for _ in range(3_000):
        parent = document.add_group(parent=parent)
    document.add_text(DocItemLabel.TEXT, "bottom", parent=parent)
    parent.children.append(document.groups[0].get_ref())
    loop = document.add_inline_group()
    document.add_text(DocItemLabel.TEXT, "looped", parent=loop)
    loop.children.append(loop.get_ref())
    assert texts(document) == ["bottom", "looped"]


def test_control_characters_and_odd_blanks_are_cleaned() -> None:
    assert texts(paragraphs("a\x00b\u00a0\u2003c\r\nd \n\n e\x0cf")) == ["ab c\nd\ne f"]


def test_a_table_without_text_is_nothing() -> None:
    document = DoclingDocument(name="blank")
    document.add_table(table([["", " "], ["", ""]]))
    assert read(document) == []
