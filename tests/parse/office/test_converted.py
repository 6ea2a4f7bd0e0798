from __future__ import annotations

from io import BytesIO
from pathlib import Path

import docx
import openpyxl
import pptx
import pytest
from docling_core.types.doc.items.text import SectionHeaderItem

from docpipe.convert import convert, find_libreoffice
from docpipe.errors import DocumentRefused, ParseFailed
from docpipe.isolate import Result, Task, WorkerPool
from docpipe.models import ParsedDocument
from docpipe.parse import formats
from docpipe.parse.office.decryption import decrypted
from docpipe.parse.opening import Opening

OFFICE = find_libreoffice("")
needs_libreoffice = pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not there")
PROGRAM = OFFICE.program if OFFICE else ""
RTF = (
    r"{\rtf1\ansi\ansicpg1251{\stylesheet{\s1\outlinelevel0 heading 1;}}{\info{\title no text}}\pard\s1\outlinelevel0 Harbour\par\pard "
    r"\'ef\'f0\'e8\'e2\'e5\'f2 \u1087?\par\trowd\cellx1000\cellx2000\intbl Vessel\cell Tons\cell\row"
    r"\trowd\cellx1000\cellx2000\intbl Aurora\cell 420\cell\row\pard end\par}"
)


def read(pool: WorkerPool, path: Path, media_type: str, opening: Opening) -> Result:
    reader = "office.converted" if formats.FORMATS[media_type].reader == "converted" else "docling_formats"
    (result,) = pool.run([Task("a", f"docpipe.parse.{reader}:read", (str(path), path.name, media_type, opening), 60)])
    return result


def parsed(result: Result) -> ParsedDocument:
    assert result.answer is not None, result.error
    return ParsedDocument.from_bytes(result.answer[1])


def word(path: Path) -> Path:
    document = docx.Document()
    document.add_heading("Harbour", 1)
    document.add_paragraph("A ship came in.")
    document.save(str(path))
    return path


def sheet(path: Path) -> Path:
    book = openpyxl.Workbook()
    book.active.append(["Vessel", "Tons"])
    book.active.append(["Aurora", 420])
    book.save(path)
    return path


def slides(path: Path) -> Path:
    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = "Harbour"
    slide.placeholders[1].text = "A ship came in."
    show.save(str(path))
    return path


@needs_libreoffice
@pytest.mark.parametrize(
    ("write", "old", "media_type", "words"),
    [(word, "doc", formats.DOC, "A ship came in."), (sheet, "xls", formats.XLS, "Aurora"), (slides, "ppt", formats.PPT, "A ship came in.")],
)
def test_old_office_files(worker_pool: WorkerPool, tmp_path: Path, write: object, old: str, media_type: str, words: str) -> None:
    assert callable(write)
    source = convert(write(tmp_path / "new"), old, PROGRAM, tmp_path)
    before = set(tmp_path.iterdir())
    found = parsed(read(worker_pool, source, media_type, Opening((), PROGRAM)))
    assert words in found.document.export_to_markdown()
    assert found.document.origin is not None
    assert found.document.origin.filename == source.name
    assert set(tmp_path.iterdir()) == before
    if media_type == formats.PPT:
        assert found.pages[0].width > 700, "points, as with PPTX"
    refused = read(worker_pool, source, media_type, Opening())
    assert isinstance(refused.error, ParseFailed)
    assert "install it" in str(refused.error)


@needs_libreoffice
def test_rich_text_with_its_structure(worker_pool: WorkerPool, tmp_path: Path) -> None:
    (tmp_path / "a.rtf").write_text(RTF)
    found = parsed(read(worker_pool, tmp_path / "a.rtf", formats.RTF, Opening((), PROGRAM)))
    assert [text.text for text in found.document.texts if isinstance(text, SectionHeaderItem)] == ["Harbour"]
    assert [cell.text for cell in found.document.tables[0].data.table_cells] == ["Vessel", "Tons", "Aurora", "420"]


def test_rich_text_without_libreoffice(worker_pool: WorkerPool, tmp_path: Path) -> None:
    (tmp_path / "a.rtf").write_text(RTF)
    found = parsed(read(worker_pool, tmp_path / "a.rtf", formats.RTF, Opening()))
    assert [text.text for text in found.document.texts] == ["Harbour", "привет п", "end"]
    assert [cell.text for cell in found.document.tables[0].data.table_cells] == ["Vessel", "Tons", "Aurora", "420"]
    assert found.warnings == ()


@needs_libreoffice
def test_rich_text_that_only_libreoffice_refuses_is_kept_as_text(worker_pool: WorkerPool, tmp_path: Path) -> None:
    (tmp_path / "a.rtf").write_text(RTF)
    found = parsed(read(worker_pool, tmp_path / "a.rtf", formats.RTF, Opening((), "/bin/false")))
    assert "Harbour" in found.document.export_to_text()
    assert "without structure" in found.warnings[0]


def locked(path: Path, password: str) -> Path:
    from msoffcrypto.format.ooxml import OOXMLFile

    encrypted = BytesIO()
    with path.open("rb") as file:
        OOXMLFile(file).encrypt(password, encrypted)
    path.write_bytes(encrypted.getvalue())
    return path


@pytest.mark.parametrize(
    ("write", "media_type", "words"),
    [(word, formats.DOCX, "A ship came in."), (sheet, formats.XLSX, "Aurora"), (slides, formats.PPTX, "A ship came in.")],
)
def test_an_encrypted_file_opens_with_a_password_of_the_list(
    worker_pool: WorkerPool, tmp_path: Path, write: object, media_type: str, words: str
) -> None:
    assert callable(write)
    path = locked(write(tmp_path / "a"), "tide")
    assert words in parsed(read(worker_pool, path, media_type, Opening(("wrong", "tide")))).document.export_to_markdown()
    refused = read(worker_pool, path, media_type, Opening(("wrong",)))
    assert isinstance(refused.error, DocumentRefused)
    assert "DOCPIPE_PASSWORDS" in str(refused.error)
    assert "wrong" not in str(refused.error)


def test_what_excel_only_protects_from_changes_opens_without_a_password(tmp_path: Path) -> None:
    assert decrypted(locked(sheet(tmp_path / "a"), "VelvetSweatshop").read_bytes(), ()).startswith(b"PK")


def test_damaged_encryption_is_an_error(tmp_path: Path) -> None:
    data = locked(sheet(tmp_path / "a"), "tide").read_bytes()
    for old, new in ((b'spinCount="', b'spinCount="x'), (b"<keyData", b"<\0eyData"), (b"hashAlgorithm=", b"haskAlgorithm=")):
        broken = data.replace(old, new)
        assert broken != data
        with pytest.raises((ParseFailed, DocumentRefused), match="password"):
            decrypted(broken, ("tide",))


def test_plain_files_pass_unchanged() -> None:
    assert decrypted(b"PK\x03\x04", ("a",)) == b"PK\x03\x04"
    assert decrypted(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 damaged", ("a",)).endswith(b"damaged")
