from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pymupdf

from docpipe.parse.formats import PDF
from docpipe.parse.page.annotations import placed, take
from docpipe.parse.page.element import Element
from docpipe.parse.page.pages import Mode, Reading, read

# pymupdf.PDF_WIDGET_TYPE_TEXT and _CHECKBOX, which its type hints do not name.
TEXT, CHECKBOX = 7, 2


def widget(kind: int, name: str, value: object, top: float, label: str = "") -> Any:
    made = pymupdf.Widget()
    made.field_type, made.field_name, made.field_value, made.field_label = kind, name, value, label
    made.rect = pymupdf.Rect(200, top, 340, top + 16)
    return made


def form() -> Any:
    document = pymupdf.open()
    page = document.new_page()
    page.insert_text((60, 112), "Your full name")
    page.insert_text((60, 312), "Printed below the form")
    page.add_widget(widget(TEXT, "form1[0].full_name[0]", "Jane Doe", 100))
    page.add_widget(widget(TEXT, "city", "Bergen", 130, "City of birth"))
    page.add_widget(widget(TEXT, "empty", "", 160))
    page.add_widget(widget(CHECKBOX, "member", True, 190, "Is a member"))
    page.add_widget(widget(CHECKBOX, "guest", False, 220, "Is a guest"))
    page.add_widget(widget(CHECKBOX, "c1_07", False, 250))
    return pymupdf.open(stream=document.tobytes(), filetype="pdf")


def test_fields_have_names_and_values_and_stand_once() -> None:
    with form() as document:
        assert "Jane Doe" in document[0].get_text()
        page, found = take(document[0])
        assert [(one.label, one.text) for one in found] == [
            ("field", "full name: Jane Doe"),
            ("field", "City of birth: Bergen"),
            ("checkbox_selected", "Is a member"),
            ("checkbox_unselected", "Is a guest"),
        ]
        assert found[0].box == (200.0, 100.0, 340.0, 116.0)
        assert "Jane Doe" not in page.get_text()
        assert "Your full name" in page.get_text()


def test_notes_say_who_wrote_them_and_about_what() -> None:
    with pymupdf.open() as written:
        page = written.new_page()
        page.insert_text((60, 112), "Sales rose in every region.")
        marked = page.add_highlight_annot(page.search_for("every region")[0])
        marked.set_info(content="Really\nevery one?", title="Ann")
        marked.update()
        page.add_text_annot((300, 50), "Check the figures.")
        page.add_freetext_annot((60, 200, 300, 220), "Draft, not for sale")
        page.insert_link({"kind": pymupdf.LINK_URI, "from": pymupdf.Rect(0, 0, 9, 9), "uri": "https://example.org"})
        data = written.tobytes()
    with pymupdf.open(stream=data, filetype="pdf") as document:
        page, found = take(document[0])
        assert [(one.label, one.text) for one in found] == [
            ("note", "Ann on “every region.”: Really every one?"),
            ("note", "Check the figures."),
            ("text", "Draft, not for sale"),
        ]
        assert "Draft" not in page.get_text()
        assert page.get_links()


def test_a_page_without_fields_is_the_same_page() -> None:
    with pymupdf.open() as document:
        page = document.new_page()
        page.insert_link({"kind": pymupdf.LINK_URI, "from": pymupdf.Rect(0, 0, 9, 9), "uri": "https://example.org"})
        assert take(page) == (page, ())


def test_fields_take_their_place_among_the_text() -> None:
    def text(content: str, left: float, top: float) -> Element:
        return Element("text", content, (left, top, left + 200, top + 12))

    elements = (
        text("left above", 60, 100),
        Element("picture", "", (60, 150, 260, 250)),
        Element("caption", "Figure", (60, 260, 260, 272), caption_of=1),
        text("right", 320, 100),
    )
    fields = (text("in the right", 330, 130), text("in the left", 70, 120), text("before all", 70, 20))
    found = placed(elements, fields)
    assert [one.text for one in found] == ["before all", "left above", "in the left", "", "Figure", "right", "in the right"]
    assert found[4].caption_of == 3
    assert placed(elements, ()) == elements


def test_a_signature_stays_on_the_page() -> None:
    with pymupdf.open() as signed:
        page = signed.new_page()
        page.add_widget(widget(TEXT, "city", "Bergen", 100))
        signature = page.add_freetext_annot((60, 200, 300, 220), "Signed by Jane Doe")
        signed.xref_set_key(signature.xref, "Subtype", "/Widget")
        signed.xref_set_key(signature.xref, "FT", "/Sig")
        signed.xref_set_key(signature.xref, "T", "(signature)")
        signed.xref_set_key(signature.xref, "V", "<</Type/Sig/Name(Jane)>>")
        data = signed.tobytes()
    with pymupdf.open(stream=data, filetype="pdf") as document:
        page, found = take(document[0])
        assert [one.text for one in found] == ["city: Bergen"]
        assert page.get_text().split() == ["Signed", "by", "Jane", "Doe"]


def test_a_page_whose_reader_fails_keeps_its_fields(tmp_path: Path) -> None:
    with form() as document:
        document.save(tmp_path / "form.pdf")
    # A folder without models: the reader that the page is sent to cannot start.
    reading = Reading(PDF, layout=True, ocr=False, layout_max_pages=10, docling_models=str(tmp_path))
    _, line = read(str(tmp_path / "form.pdf"), reading, (1,), Mode.OCR)
    page = json.loads(line)
    assert "read as plain text" in page["warnings"][0]
    texts = [element["text"] for element in page["elements"]]
    assert texts.count("full name: Jane Doe") == 1
    assert "Your full name" in texts
