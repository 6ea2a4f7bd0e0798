"""Markup and containers from an attacker: nothing is fetched, nothing grows without bound, nothing is executed."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pptx
import pytest

from docpipe.errors import LimitExceeded, ParseFailed, PermanentError
from docpipe.isolate import Result, Task, WorkerPool
from docpipe.models import ParsedDocument
from docpipe.parse import formats
from docpipe.parse.formats import FORMATS
from docpipe.parse.opening import Opening
from docpipe.parse.stage import _FUNCTIONS

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "files"
CANARY = "the key to the safe"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def read(pool: WorkerPool, path: Path, media_type: str, seconds: float = 60) -> Result:
    reader = FORMATS[media_type].reader
    arguments: tuple[object, ...] = (str(path), path.name, media_type)
    if reader in ("docling", "converted"):
        arguments = (*arguments, Opening())
    (result,) = pool.run([Task(path.name, _FUNCTIONS[reader], arguments, seconds)])
    return result


def archive(path: Path, members: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as container:
        for name, data in members.items():
            container.writestr(name, data)
    return path


def word(path: Path, document: str, relations: str = "", more: dict[str, str | bytes] | None = None) -> Path:
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
    )
    names = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
    root = f'<Relationships {names}><Relationship Id="r1" Type="{RELATIONS}/officeDocument" Target="word/document.xml"/></Relationships>'
    members: dict[str, str | bytes] = {
        "[Content_Types].xml": types,
        "_rels/.rels": root,
        "word/_rels/document.xml.rels": f"<Relationships {names}>{relations}</Relationships>",
        "word/document.xml": document,
    }
    return archive(path, members | (more or {}))


def open_document(path: Path, content: str) -> Path:
    manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    return archive(
        path,
        {
            "mimetype": formats.ODT,
            "META-INF/manifest.xml": f'<m:manifest xmlns:m="{manifest}"><m:file-entry m:full-path="/" m:media-type="{formats.ODT}"/>'
            '<m:file-entry m:full-path="content.xml" m:media-type="text/xml"/></m:manifest>',
            "content.xml": content,
        },
    )


def book(path: Path, chapter: str, package: str = "") -> Path:
    return archive(
        path,
        {
            "mimetype": formats.EPUB,
            "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>'
            '<rootfile full-path="a.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
            "a.opf": package
            or '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata/><manifest>'
            '<item id="c" href="c.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="c"/></spine></package>',
            "c.xhtml": chapter,
        },
    )


def _html(path: Path, url: str, secret: Path) -> Path:
    path.write_text(
        f'<html><head><base href="{url}/"><link rel="stylesheet" href="a.css"><meta http-equiv="refresh" content="0; {url}/r">'
        f'<script src="{url}/a.js"></script></head><body><p>Ship</p><img src="{url}/a.png"><img src="{secret.as_uri()}">'
        f'<img srcset="{url}/s 2x"><iframe src="{secret.as_uri()}"></iframe><object data="{secret}"></object><embed src="{url}/e">'
        f'<video poster="{url}/v"></video><picture><source srcset="{url}/p"></picture>'
        f'<a href="{url}/link">x</a><svg><image href="{url}/i"/></svg></body></html>'
    )
    return path


def _word_links(path: Path, url: str, secret: Path) -> Path:
    drawing = "http://schemas.openxmlformats.org/drawingml/2006"
    picture = (
        f'<w:drawing><wp:inline xmlns:wp="{drawing}/wordprocessingDrawing"><wp:extent cx="9" cy="9"/><wp:docPr id="1" name="a"/>'
        f'<a:graphic xmlns:a="{drawing}/main"><a:graphicData uri="{drawing}/picture"><pic:pic xmlns:pic="{drawing}/picture"><pic:blipFill>'
        '<a:blip r:link="%s"/></pic:blipFill></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing>'
    )
    document = (
        f'<w:document xmlns:w="{WORD}" xmlns:r="{RELATIONS}"><w:body><w:p><w:r><w:t>Ship</w:t></w:r><w:r>{picture % "l1"}</w:r>'
        f"<w:r>{picture % 'l2'}</w:r></w:p></w:body></w:document>"
    )
    relations = "".join(
        f'<Relationship Id="{name}" Type="{RELATIONS}/{kind}" Target="{target}" TargetMode="External"/>'
        for name, kind, target in (
            ("l1", "image", f"{url}/a.png"),
            ("l2", "image", secret.as_uri()),
            ("l3", "attachedTemplate", f"{url}/t.dotm"),
        )
    )
    return word(path, document, relations)


def _word_entities(path: Path, url: str, secret: Path) -> Path:
    return word(
        path,
        f'<?xml version="1.0"?><!DOCTYPE w:document [<!ENTITY x SYSTEM "{secret.as_uri()}"><!ENTITY y SYSTEM "{url}/y">'
        f'<!ENTITY % z SYSTEM "{url}/z.dtd"> %z;]><w:document xmlns:w="{WORD}"><w:body><w:p><w:r><w:t>Ship &x; &y;</w:t></w:r></w:p>'
        "</w:body></w:document>",
    )


def _odt(path: Path, url: str, secret: Path) -> Path:
    base = "urn:oasis:names:tc:opendocument:xmlns"
    return open_document(
        path,
        f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "{secret.as_uri()}"><!ENTITY y SYSTEM "{url}/y">]>'
        f'<office:document-content xmlns:office="{base}:office:1.0" xmlns:text="{base}:text:1.0" xmlns:draw="{base}:drawing:1.0" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink" office:version="1.2"><office:body><office:text><text:p>Ship &x;&y;</text:p>'
        f'<text:p><draw:frame><draw:image xlink:href="{url}/a.png"/></draw:frame><draw:frame><draw:image xlink:href="{secret.as_uri()}"/>'
        f'</draw:frame><draw:frame><draw:image xlink:href="../../../../../../../../..{secret}"/></draw:frame></text:p>'
        f'<text:section text:name="s"><text:section-source xlink:href="{secret.as_uri()}"/></text:section></office:text></office:body>'
        "</office:document-content>",
    )


def _epub(path: Path, url: str, secret: Path) -> Path:
    return book(
        path,
        f'<?xml version="1.0"?><!DOCTYPE html [<!ENTITY x SYSTEM "{secret.as_uri()}">]><html xmlns="http://www.w3.org/1999/xhtml"><body>'
        f'<p>Ship &x;</p><img src="{url}/a.png"/><img src="../../../../../../../..{secret}"/><img src="{secret.as_uri()}"/></body></html>',
    )


def _epub_paths(path: Path, url: str, secret: Path) -> Path:
    return book(
        path,
        "<html/>",
        f'<!DOCTYPE package [<!ENTITY x SYSTEM "{url}/x">]><package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata/>'
        f'<manifest><item id="c" href="../../../../../../../..{secret}" media-type="application/xhtml+xml"/>'
        f'<item id="d" href="{secret.as_uri()}" media-type="application/xhtml+xml"/>'
        f'<item id="e" href="{url}/e.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="c"/><itemref idref="d"/><itemref idref="e"/></spine></package>',
    )


HOSTILE: dict[str, tuple[str, Callable[[Path, str, Path], Path]]] = {
    "html": (formats.HTML, _html),
    "word, links": (formats.DOCX, _word_links),
    "word, entities": (formats.DOCX, _word_entities),
    "open document": (formats.ODT, _odt),
    "epub, chapters": (formats.EPUB, _epub),
    "epub, paths": (formats.EPUB, _epub_paths),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_nothing_is_fetched(worker_pool: WorkerPool, tmp_path: Path, server: tuple[str, list[str]], kind: str) -> None:
    url, asked = server
    secret = tmp_path / "secret.txt"
    secret.write_text(CANARY)
    media_type, write = HOSTILE[kind]
    result = read(worker_pool, write(tmp_path / "a", url, secret), media_type)
    assert asked == []
    if result.answer is not None:
        assert CANARY.encode() not in result.answer[1]
    else:
        assert isinstance(result.error, ParseFailed)


def laughs(levels: int = 9) -> str:
    return '<!ENTITY l0 "ha">' + "".join(f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' for level in range(1, levels + 1))


@pytest.mark.parametrize(
    "write",
    [
        lambda path: word(
            path,
            f'<?xml version="1.0"?><!DOCTYPE d [{laughs()}]><w:document xmlns:w="{WORD}"><w:body><w:p><w:r><w:t>&l9;</w:t></w:r></w:p>'
            "</w:body></w:document>",
        ),
        lambda path: book(path, f"<?xml version='1.0'?><!DOCTYPE html [{laughs()}]><html><body><p>&l9;</p></body></html>"),
        lambda path: open_document(path, f'<?xml version="1.0"?><!DOCTYPE d [{laughs()}]><d>&l9;</d>'),
    ],
    ids=["word", "epub", "open document"],
)
def test_entities_are_not_multiplied(worker_pool: WorkerPool, tmp_path: Path, write: Callable[[Path], Path]) -> None:
    path = write(tmp_path / "a")
    media_type = formats.DOCX if b"word/document.xml" in path.read_bytes() else formats.EPUB
    media_type = formats.ODT if formats.ODT.encode() in path.read_bytes() else media_type
    start = time.monotonic()
    result = read(worker_pool, path, media_type)
    assert time.monotonic() - start < 30
    assert result.answer is None or len(result.answer[1]) < 100_000


@pytest.mark.parametrize("tag", ["div", "span", "b", "blockquote", "ul><li", "table><tr><td", "x-unknown"])
def test_deep_nesting_ends_soon(worker_pool: WorkerPool, tmp_path: Path, tag: str) -> None:
    path = tmp_path / "a.html"
    path.write_text(f"<html><body>{f'<{tag}>' * 20_000}deep")
    start = time.monotonic()
    result = read(worker_pool, path, formats.HTML)
    assert time.monotonic() - start < 30
    assert result.answer is not None or isinstance(result.error, ParseFailed | LimitExceeded | PermanentError)


def test_deep_markdown_ends_soon(worker_pool: WorkerPool, tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    for text in ("> " * 5_000 + "deep", "[" * 20_000, "**a " * 20_000, "\n".join(f"{'  ' * depth}- item" for depth in range(400))):
        path.write_text(text)
        result = read(worker_pool, path, formats.MARKDOWN, seconds=40)
        assert result.answer is not None or isinstance(result.error, ParseFailed | LimitExceeded | PermanentError)


@pytest.mark.parametrize(
    ("media_type", "unit"),
    [
        (formats.LATEX, "\\href {"),
        (formats.LATEX, "\\["),
        (formats.LATEX, "\\begin{verbatim}"),
        (formats.LATEX, "$"),
        (formats.ASCIIDOC, "footnote:["),
        (formats.ASCIIDOC, "<<a,"),
        (formats.ASCIIDOC, "|===\n.9999+|x\n"),
        (formats.HTML, "<math>"),
        (formats.HTML, "<img mwe-math-fallback"),
        (formats.RTF, "{\\field{"),
    ],
)
def test_beginnings_without_end_take_no_longer_than_text(worker_pool: WorkerPool, tmp_path: Path, media_type: str, unit: str) -> None:
    path = tmp_path / "a"
    path.write_text("{\\rtf1 " * (media_type == formats.RTF) + unit * (100_000 // len(unit)))
    start = time.monotonic()
    result = read(worker_pool, path, media_type, seconds=40)
    assert time.monotonic() - start < 40
    assert result.answer is not None or isinstance(result.error, ParseFailed | PermanentError)


def test_names_with_control_characters(worker_pool: WorkerPool, tmp_path: Path) -> None:
    path = tmp_path / "a\x01\x1b[31m\u202egnp.html"
    path.write_text("<html><body><p>Ship</p></body></html>")
    result = read(worker_pool, path, formats.HTML)
    assert result.answer is not None, result.error
    assert "Ship" in ParsedDocument.from_bytes(result.answer[1]).document.export_to_text()


@pytest.mark.parametrize("media_type", [formats.XLSX, formats.ODT, formats.EPUB, formats.PPTX])
def test_what_unpacks_to_gigabytes_is_stopped(tmp_path: Path, media_type: str) -> None:
    part = {
        formats.XLSX: "xl/worksheets/sheet1.xml",
        formats.ODT: "content.xml",
        formats.EPUB: "c.xhtml",
        formats.PPTX: "ppt/presentation.xml",
    }[media_type]
    path = _writers(tmp_path / "written")[media_type]()
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(tmp_path / "a", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as container:
        for name in whole.namelist():
            if name != part:
                container.writestr(name, whole.read(name))
        with container.open(part, "w", force_zip64=True) as member:
            member.write(whole.read(part)[:-20])
            for _ in range(1_000):
                member.write(b"A" * 1_000_000)
    path = tmp_path / "a"
    with WorkerPool(1, seconds=60, memory_mb=1_536, output_mb=8, preload=["docpipe.parse.preload"]) as pool:
        assert isinstance(read(pool, path, media_type).error, ParseFailed | LimitExceeded | PermanentError)


def _writers(path: Path) -> dict[str, Callable[[], Path]]:
    def workbook() -> Path:
        openpyxl.Workbook().save(path)
        return path

    def slides() -> Path:
        pptx.Presentation().save(str(path))
        return path

    return {
        formats.XLSX: workbook,
        formats.PPTX: slides,
        formats.ODT: lambda: open_document(path, "<office:document-content/>" + " " * 30),
        formats.EPUB: lambda: book(path, "<html><body><p>Ship</p></body></html>" + " " * 30),
    }


def test_three_hundred_thousand_rows_of_a_workbook(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet("Ships")
    sheet.append(["Vessel", "Tons"])
    for number in range(300_000):
        sheet.append([f"Vessel {number}", number])
    workbook.save(tmp_path / "a.xlsx")
    with WorkerPool(1, seconds=120, memory_mb=3_072, output_mb=256, preload=["docpipe.parse.preload"]) as pool:
        result = read(pool, tmp_path / "a.xlsx", formats.XLSX, seconds=120)
    assert result.answer is not None, result.error
    found = ParsedDocument.from_bytes(result.answer[1])
    cells = [cell.text for cell in found.document.tables[-1].data.table_cells]
    assert cells[0] == "Vessel | Tons"
    assert cells[-1] == "Vessel 299999 | 299999"
    assert len(found.document.tables) == 1_500
    assert found.warnings


def test_two_hundred_thousand_rows_of_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("vessel,tons,harbour\n" + "".join(f"Vessel {number},{number},Riga\n" for number in range(200_000)))
    with WorkerPool(1, seconds=60, memory_mb=3_072, output_mb=256, preload=["docpipe.parse.preload"]) as pool:
        result = read(pool, path, formats.CSV)
    assert result.answer is not None, result.error
    assert len(ParsedDocument.from_bytes(result.answer[1]).document.tables) == 1_000


def test_a_sheet_that_claims_to_be_endless(worker_pool: WorkerPool, tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    workbook.active["A1"] = "near"
    workbook.active["XFD1048576"] = "far"
    workbook.save(tmp_path / "a.xlsx")
    start = time.monotonic()
    result = read(worker_pool, tmp_path / "a.xlsx", formats.XLSX)
    assert time.monotonic() - start < 30
    assert result.answer is not None, result.error
    text = ParsedDocument.from_bytes(result.answer[1]).document.export_to_markdown()
    assert "near" in text
    assert "far" in text


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus is not there")
@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("Strict.docx", formats.DOCX),
        ("equations.docx", formats.DOCX),
        ("test_emf_docx.docx", formats.DOCX),
        ("fake-power-point-many-pages.pptx", formats.PPTX),
        ("xlsx_emf.xlsx", formats.XLSX),
        ("main.tex", formats.LATEX),
        ("nested.md", formats.MARKDOWN),
        ("wiki_duck.html", formats.HTML),
        ("wiki.md", formats.MARKDOWN),
        ("fake-doc.rtf", formats.RTF),
    ],
)
def test_odd_files_of_the_corpus_are_read(worker_pool: WorkerPool, name: str, media_type: str) -> None:
    result = read(worker_pool, CORPUS / name, media_type)
    assert result.answer is not None, result.error
    assert ParsedDocument.from_bytes(result.answer[1]).counts["characters"] > 5
