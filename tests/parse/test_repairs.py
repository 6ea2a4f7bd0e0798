"""What users would miss of Office documents, had docling's readers the last word."""

from __future__ import annotations

import zipfile
from datetime import date
from io import BytesIO
from pathlib import Path

import docx
import openpyxl
import pptx
import pytest
from docling_core.types.doc.common.content_layer import ContentLayer
from docling_core.types.doc.labels import DocItemLabel
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from openpyxl.comments import Comment
from PIL import Image
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE

from docpipe.chunk.reading import DocumentReader
from docpipe.isolate import Task, WorkerPool
from docpipe.models import ParsedDocument
from docpipe.parse import formats
from docpipe.parse.docling_formats import convert
from docpipe.parse.office import alternative_texts, large_sheets
from docpipe.parse.opening import Opening


def read(pool: WorkerPool, path: Path, media_type: str) -> ParsedDocument:
    (result,) = pool.run([Task("a", "docpipe.parse.docling_formats:read", (str(path), path.name, media_type, Opening()), 60)])
    assert result.answer is not None, result.error
    return ParsedDocument.from_bytes(result.answer[1])


def searched(parsed: ParsedDocument) -> str:
    """What the chunks are made of."""
    return "\n".join(map(str, DocumentReader(parsed).contents()))


@pytest.fixture
def picture() -> BytesIO:
    data = BytesIO()
    Image.new("RGB", (40, 40), "red").save(data, "PNG")
    return data


def word(path: Path, picture: BytesIO) -> Path:
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "HEADER"
    document.sections[0].footer.paragraphs[0].text = "FOOTER"
    paragraph = document.add_paragraph("A ship ")
    run = paragraph.add_run("came in")
    document.add_comment(run, text="COMMENT", author="Ann")
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink"
    target = document.part.relate_to("https://example.org/x", kind, is_external=True)
    paragraph._p.append(parse_xml(f'<w:hyperlink {nsdecls("w", "r")} r:id="{target}"><w:r><w:t>LINK</w:t></w:r></w:hyperlink>'))
    paragraph._p.append(parse_xml(f'<w:r {nsdecls("w")}><w:footnoteReference w:id="2"/></w:r>'))
    document.add_picture(picture)._inline.docPr.set("descr", "ALTERNATIVE")
    document.add_picture(picture)
    table = document.add_table(2, 2)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "MERGED"
    table.cell(1, 1).add_table(1, 1).cell(0, 0).text = "NESTED"
    paragraph = document.add_paragraph("Tracked ")
    paragraph._p.append(parse_xml(f'<w:ins {nsdecls("w")} w:id="1" w:author="a"><w:r><w:t>INSERTED</w:t></w:r></w:ins>'))
    paragraph._p.append(parse_xml(f'<w:del {nsdecls("w")} w:id="2" w:author="a"><w:r><w:delText>DELETED</w:delText></w:r></w:del>'))
    written = BytesIO()
    document.save(written)
    notes = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
    added = {
        "[Content_Types].xml": ("</Types>", f'<Override PartName="/word/footnotes.xml" ContentType="{notes}"/></Types>'),
        "word/_rels/document.xml.rels": (
            "</Relationships>",
            f'<Relationship Id="n" Type="{relation}" Target="footnotes.xml"/></Relationships>',
        ),
    }
    with zipfile.ZipFile(written) as before, zipfile.ZipFile(path, "w") as after:
        for name in before.namelist():
            data = before.read(name)
            if name in added:
                old, new = added[name]
                data = data.replace(old.encode(), new.encode())
            after.writestr(name, data)
        after.writestr(
            "word/footnotes.xml",
            f'<w:footnotes {nsdecls("w")}><w:footnote w:id="2"><w:p><w:r><w:t>FOOTNOTE</w:t></w:r></w:p></w:footnote></w:footnotes>',
        )
    return path


def test_word(worker_pool: WorkerPool, tmp_path: Path, picture: BytesIO) -> None:
    parsed = read(worker_pool, word(tmp_path / "a.docx", picture), formats.DOCX)
    found = searched(parsed)
    for kept in ("COMMENT", "LINK", "FOOTNOTE", "ALTERNATIVE", "MERGED", "NESTED", "INSERTED"):
        assert found.count(kept) == 1, kept
    for furniture in ("HEADER", "FOOTER", "DELETED"):
        assert furniture not in found
    layers = {item.text: item.content_layer for item in parsed.document.texts}
    assert layers["HEADER"] is layers["FOOTER"] is ContentLayer.FURNITURE
    assert [picture.caption_text(parsed.document) for picture in parsed.document.pictures] == ["ALTERNATIVE", ""]


def test_an_alternative_text_that_cannot_be_read_costs_only_itself(
    tmp_path: Path, picture: BytesIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: zipfile.ZipFile, name: str) -> bytes:
        raise zipfile.BadZipFile("bad sum")

    data = word(tmp_path / "a.docx", picture).read_bytes()
    document, warnings = convert(data, "a.docx", formats.DOCX)
    assert warnings == ()
    monkeypatch.setattr(zipfile.ZipFile, "read", broken)
    assert alternative_texts.add(document, formats.DOCX, data) == ("alternative texts of pictures may be missing: BadZipFile: bad sum",)


def test_slides(worker_pool: WorkerPool, tmp_path: Path, picture: BytesIO) -> None:
    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = "Harbour"
    slide.notes_slide.notes_text_frame.text = "SPOKEN"
    slide.shapes.add_picture(picture, 2_000_000, 3_000_000)._element.nvPicPr.cNvPr.set("descr", "ALTERNATIVE")
    data = CategoryChartData()
    data.categories = ["East", "West"]
    data.add_series("TONS", (1.5, 2.5))
    slide.shapes.add_chart(XL_CHART_TYPE.BAR_CLUSTERED, 4_000_000, 100_000, 3_000_000, 3_000_000, data)
    hidden = show.slides.add_slide(show.slide_layouts[5])
    hidden.shapes.title.text = "HIDDEN"
    hidden._element.set("show", "0")
    show.save(str(tmp_path / "a.pptx"))
    parsed = read(worker_pool, tmp_path / "a.pptx", formats.PPTX)
    found = searched(parsed)
    for kept in ("Harbour", "SPOKEN", "ALTERNATIVE", "TONS", "West", "HIDDEN"):
        assert kept in found, kept
    chart = parsed.document.tables[0]
    assert [[cell.text for cell in row] for row in chart.data.grid] == [["", "TONS"], ["East", "1.5"], ["West", "2.5"]]
    assert chart.prov[0].page_no == 1
    assert chart.prov[0].bbox.r < 720, "points"
    assert "hidden in the program" in parsed.warnings[0]


def test_workbook(worker_pool: WorkerPool, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Ships"
    sheet.append(["Name", "Built", "Twice"])
    sheet.append(["Aurora", date(2024, 5, 3), "=B2*2"])
    sheet["A2"].comment = Comment("COMMENT", "Ann")
    book.create_sheet("Secret").append(["HIDDEN"])
    book["Secret"].sheet_state = "hidden"
    book.save(tmp_path / "a.xlsx")
    parsed = read(worker_pool, tmp_path / "a.xlsx", formats.XLSX)
    found = searched(parsed)
    assert "COMMENT" in found
    assert "HIDDEN" in found
    assert "2024-05-03" in [cell.text for cell in parsed.document.tables[0].data.table_cells]
    assert any("Secret" in warning for warning in parsed.warnings)
    assert any("1 formulas hold no computed value" in warning for warning in parsed.warnings)


def test_values_of_formulas_are_kept_and_nothing_is_warned_of(worker_pool: WorkerPool, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Tons", "=A1"])
    written = BytesIO()
    book.save(written)
    with zipfile.ZipFile(written) as before, zipfile.ZipFile(tmp_path / "a.xlsx", "w") as after:
        for name in before.namelist():
            after.writestr(
                name, before.read(name).replace(b"<f>A1</f><v/>", b"<f>A1</f><v>42</v>").replace(b"<f>A1</f><v></v>", b"<f>A1</f><v>42</v>")
            )
    parsed = read(worker_pool, tmp_path / "a.xlsx", formats.XLSX)
    assert "42" in searched(parsed)
    assert parsed.warnings == ()


def test_a_large_workbook_keeps_its_sheets(worker_pool: WorkerPool, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Name", "Built"])
    book.active.append(["Aurora", date(2024, 5, 3)])
    book.active.append([None, None])
    book.create_sheet("Second").append(["Borealis"])
    book["Second"]["A1048576"] = "far"
    book["Second"]["Z1"] = "wide"
    book.save(tmp_path / "a.xlsx")
    data = (tmp_path / "a.xlsx").read_bytes()
    assert large_sheets.are_large(data)
    parsed = read(worker_pool, tmp_path / "a.xlsx", formats.XLSX)
    assert [page.number for page in parsed.pages] == [1, 2]
    assert [page.characters for page in parsed.pages] == [25, 15]
    assert [cell.text for cell in parsed.document.tables[0].data.table_cells] == ["Name", "Built", "Aurora", "2024-05-03"]
    assert "far" in searched(parsed)
    assert "Second" in searched(parsed)


def test_damaged_workbooks_are_not_large() -> None:
    assert not large_sheets.are_large(b"PK\x03\x04 damaged")


def test_a_footnote_of_a_page_is_a_footnote(worker_pool: WorkerPool, tmp_path: Path, picture: BytesIO) -> None:
    parsed = read(worker_pool, word(tmp_path / "a.docx", picture), formats.DOCX)
    (note,) = [item for item in parsed.document.texts if item.label is DocItemLabel.FOOTNOTE]
    assert (note.text, note.content_layer) == ("FOOTNOTE", ContentLayer.NOTES)
