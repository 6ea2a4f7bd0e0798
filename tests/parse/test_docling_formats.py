from __future__ import annotations

import zipfile
from email.message import EmailMessage
from pathlib import Path

import docx
import openpyxl
import pptx
import pytest
from docling_core.types.doc.items.text import SectionHeaderItem

from docpipe.errors import LimitExceeded, ParseFailed, PermanentError
from docpipe.isolate import Result, Task, WorkerPool
from docpipe.models import ParsedDocument
from docpipe.parse import formats
from docpipe.parse.formats import FORMATS
from docpipe.parse.opening import Opening


def read(pool: WorkerPool, path: Path, media_type: str, seconds: float = 60) -> Result:
    task = Task(path.name, "docpipe.parse.docling_formats:read", (str(path), path.name, media_type, Opening()), seconds)
    (result,) = pool.run([task])
    return result


def parsed(pool: WorkerPool, path: Path, media_type: str) -> ParsedDocument:
    result = read(pool, path, media_type)
    assert result.answer is not None, result.error
    header, data = result.answer
    found = ParsedDocument.from_bytes(data)
    assert header == {"counts": found.counts}
    assert found.document.origin is not None
    assert found.document.origin.filename == path.name
    return found


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


TEXTS = {
    formats.HTML: "<!doctype html><html><body><h1>Harbour</h1><p>A ship came in.</p>"
    "<table><tr><td>a</td><td>b</td></tr></table></body></html>",
    formats.MARKDOWN: "# Harbour\n\nA ship came in.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
    formats.ASCIIDOC: "= Harbour\n\n== Arrivals\n\nA ship came in.\n",
    formats.LATEX: "\\documentclass{article}\\begin{document}\\section{Harbour}A ship came in.\\end{document}",
    formats.VTT: "WEBVTT\n\n00:01.000 --> 00:02.000\nA ship came in.\n",
    formats.JATS: '<?xml version="1.0"?><!DOCTYPE article PUBLIC "-//NLM//DTD JATS (Z39.96) Archiving and Interchange DTD v1.2//EN" '
    '"JATS-archivearticle1.dtd"><article article-type="research-article"><front><article-meta>'
    "<title-group><article-title>Harbour</article-title>"
    "</title-group></article-meta></front><body><sec><title>Arrivals</title><p>A ship came in.</p></sec></body></article>",
}


@pytest.mark.parametrize("media_type", TEXTS)
def test_markup(worker_pool: WorkerPool, tmp_path: Path, media_type: str) -> None:
    found = parsed(worker_pool, write(tmp_path / "a", TEXTS[media_type]), media_type)
    assert "A ship came in." in found.document.export_to_text()
    assert [(page.number, page.route, page.width) for page in found.pages] == [(1, "docling", 0.0)]
    assert found.pages[0].characters > 10


def test_word(worker_pool: WorkerPool, tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("Harbour", 1)
    document.add_paragraph("A ship came in.")
    table = document.add_table(2, 2)
    table.cell(1, 1).text = "420 tons"
    document.save(str(tmp_path / "a.docx"))
    found = parsed(worker_pool, tmp_path / "a.docx", formats.DOCX)
    assert [text.text for text in found.document.texts if isinstance(text, SectionHeaderItem)] == ["Harbour"]
    assert "420 tons" in [cell.text for cell in found.document.tables[0].data.table_cells]


def test_slides_are_pages_measured_in_points(worker_pool: WorkerPool, tmp_path: Path) -> None:
    slides = pptx.Presentation()
    for title in ("Arrivals", "Departures"):
        slide = slides.slides.add_slide(slides.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = f"{title} of the day"
    slides.save(str(tmp_path / "a.pptx"))
    found = parsed(worker_pool, tmp_path / "a.pptx", formats.PPTX)
    assert [(page.number, page.width, page.height) for page in found.pages] == [(1, 720, 540), (2, 720, 540)]
    assert all(page.characters > 10 for page in found.pages)
    places = [place for text in found.document.texts for place in text.prov]
    assert {place.page_no for place in places} == {1, 2}
    assert all(0 <= place.bbox.l < place.bbox.r <= 720 for place in places)


def test_sheets_are_pages(worker_pool: WorkerPool, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Vessel", "Tons"])
    book.active.append(["Aurora", 420])
    book.create_sheet("Second").append(["Borealis", 1310])
    book.save(tmp_path / "a.xlsx")
    found = parsed(worker_pool, tmp_path / "a.xlsx", formats.XLSX)
    assert [(page.number, page.width) for page in found.pages] == [(1, 0.0), (2, 0.0)]
    assert "Aurora" in found.document.export_to_markdown()


def test_mail(worker_pool: WorkerPool, tmp_path: Path) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "pilot@example.org", "office@example.org", "Aurora"
    mail.set_content("A ship came in.")
    (tmp_path / "a.eml").write_bytes(bytes(mail))
    text = parsed(worker_pool, tmp_path / "a.eml", formats.EMAIL).document.export_to_text()
    assert "Aurora" in text
    assert "A ship came in." in text


def test_odt(worker_pool: WorkerPool, tmp_path: Path) -> None:
    names = 'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    with zipfile.ZipFile(tmp_path / "a.odt", "w") as container:
        container.writestr("mimetype", formats.ODT)
        manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
        container.writestr(
            "META-INF/manifest.xml",
            f'<m:manifest xmlns:m="{manifest}"><m:file-entry m:full-path="/" m:media-type="{formats.ODT}"/>'
            '<m:file-entry m:full-path="content.xml" m:media-type="text/xml"/></m:manifest>',
        )
        container.writestr(
            "content.xml",
            f'<office:document-content {names} office:version="1.2"><office:body><office:text><text:p>A ship came in.</text:p>'
            "</office:text></office:body></office:document-content>",
        )
    assert "A ship came in." in parsed(worker_pool, tmp_path / "a.odt", formats.ODT).document.export_to_text()


@pytest.mark.parametrize("media_type", [formats.HTML, formats.MARKDOWN, formats.ASCIIDOC, formats.LATEX, formats.JATS])
def test_nothing_is_fetched_from_the_network_or_the_disk(
    worker_pool: WorkerPool, tmp_path: Path, server: tuple[str, list[str]], media_type: str
) -> None:
    url, asked = server
    secret = write(tmp_path / "secret.txt", "the key to the safe")
    write(tmp_path / "secret.tex", "the key to the safe")
    hostile = {
        formats.HTML: f'<html><head><link rel="stylesheet" href="{url}/a.css"><base href="{url}"></head><body><img src="{url}/a.png">'
        f'<iframe src="{secret.as_uri()}"></iframe><img src="{secret}"><p>A ship.</p></body></html>',
        formats.MARKDOWN: f"# Ship\n\n![a]({url}/a.png) ![b]({secret})\n\n<img src='{url}/b.png'>\n",
        formats.ASCIIDOC: f"= Ship\n\nimage::{url}/a.png[]\n\ninclude::{secret}[]\n\ninclude::{url}/b.adoc[]\n",
        formats.LATEX: f"\\documentclass{{article}}\\begin{{document}}Ship \\input{{secret}}"
        f"\\input{{{secret}}}\\includegraphics{{{secret}}}\\end{{document}}",
        formats.JATS: f'<?xml version="1.0"?><!DOCTYPE article SYSTEM "{url}/a.dtd" '
        f'[<!ENTITY x SYSTEM "{secret.as_uri()}"><!ENTITY y SYSTEM "{url}/y">]>'
        "<article article-type='x'><body><sec><p>Ship &x; &y;</p></sec></body></article>",
    }
    result = read(worker_pool, write(tmp_path / "a", hostile[media_type]), media_type)
    assert asked == []
    if result.answer is not None:
        assert b"the key to the safe" not in result.answer[1]
    else:
        assert isinstance(result.error, ParseFailed)


def test_billion_laughs_are_not_expanded(worker_pool: WorkerPool, tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' for level in range(1, 10))
    text = (
        f'<?xml version="1.0"?><!DOCTYPE article [<!ENTITY l0 "ha">{entities}]><article article-type="x"><body><p>&l9;</p></body></article>'
    )
    result = read(worker_pool, write(tmp_path / "a.xml", text), formats.JATS)
    assert result.answer is None or len(result.answer[1]) < 100_000


def test_deep_nesting_is_refused_at_once(worker_pool: WorkerPool, tmp_path: Path) -> None:
    path = write(tmp_path / "a.html", "<html><body>" + "<div>" * 50_000 + "x" + "</div>" * 50_000)
    error = read(worker_pool, path, formats.HTML).error
    assert isinstance(error, ParseFailed)
    assert "nested" in str(error)


def test_many_elements_side_by_side_are_no_nesting(worker_pool: WorkerPool, tmp_path: Path) -> None:
    path = write(tmp_path / "a.html", "<html><body>" + "<p><li><div>x</div>" * 700)
    assert "x" in parsed(worker_pool, path, formats.HTML).document.export_to_text()


@pytest.mark.parametrize("media_type", [media_type for media_type, form in FORMATS.items() if form.reader == "docling"])
def test_rubbish_is_an_error_or_empty_but_never_ends_the_worker(worker_pool: WorkerPool, tmp_path: Path, media_type: str) -> None:
    (tmp_path / "a").write_bytes(b"PK\x03\x04" + bytes(range(256)) * 8)
    result = read(worker_pool, tmp_path / "a", media_type)
    assert result.answer is not None or isinstance(result.error, ParseFailed)


def test_a_document_that_unpacks_to_gigabytes_is_stopped(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.docx", "w", zipfile.ZIP_DEFLATED) as container, container.open("word/document.xml", "w") as part:
        for _ in range(1_000):
            part.write(bytes(1_000_000))
    with WorkerPool(1, seconds=60, memory_mb=1_536, output_mb=8, preload=["docpipe.parse.preload"]) as pool:
        assert isinstance(read(pool, tmp_path / "a.docx", formats.DOCX).error, ParseFailed | LimitExceeded | PermanentError)
