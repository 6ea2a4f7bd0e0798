from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import docx
import pymupdf
import pytest
from PIL import Image

from docpipe.convert import LibreOffice, convert, find_libreoffice, libreoffice
from docpipe.errors import ConfigurationError, ParseFailed

OFFICE = find_libreoffice("")
needs_libreoffice = pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not there")


@pytest.fixture
def office() -> LibreOffice:
    assert OFFICE is not None
    return OFFICE


def test_it_can_be_switched_off() -> None:
    assert find_libreoffice("off") is None


@pytest.mark.parametrize("named", ["/nowhere/soffice", "/bin/ls"])
def test_a_wrong_program_is_named(named: str) -> None:
    with pytest.raises(ConfigurationError, match=f"DOCPIPE_LIBREOFFICE: {named}"):
        find_libreoffice(named)


@needs_libreoffice
@pytest.mark.parametrize("to", ["pdf", "odt", "doc", "rtf"])
def test_a_document_becomes_another(office: LibreOffice, tmp_path: Path, to: str) -> None:
    document = docx.Document()
    document.add_heading("Harbour", 1)
    document.save(str(tmp_path / "-o name.docx"))
    made = convert(tmp_path / "-o name.docx", to, office.program, tmp_path)
    assert made.suffix == f".{to}"
    assert made.parent == tmp_path
    assert {path.name for path in tmp_path.iterdir()} == {"-o name.docx", made.name}, "nothing else is left behind"
    if to == "pdf":
        with pymupdf.open(made) as pages:
            assert "Harbour" in pages[0].get_text()


@needs_libreoffice
def test_what_it_cannot_read_is_an_error(office: LibreOffice, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(range(256)) * 20)
    with pytest.raises(ParseFailed, match="save it as DOCX"):
        convert(tmp_path / "a", "docx", office.program, tmp_path, "MS Word 97")


def linking_odt(path: Path, links: list[str]) -> Path:
    base = "urn:oasis:names:tc:opendocument:xmlns"
    frames = "".join(
        '<text:p><draw:frame svg:width="3cm" svg:height="3cm" text:anchor-type="as-char">'
        f'<draw:image xlink:href="{link}" xlink:type="simple"/></draw:frame></text:p>'
        f'<text:section text:name="{number}"><text:section-source xlink:href="{link}"/></text:section>'
        for number, link in enumerate(links)
    )
    with zipfile.ZipFile(path, "w") as container:
        container.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        container.writestr(
            "META-INF/manifest.xml",
            f'<m:manifest xmlns:m="{base}:manifest:1.0">'
            '<m:file-entry m:full-path="/" m:media-type="application/vnd.oasis.opendocument.text"/>'
            '<m:file-entry m:full-path="content.xml" m:media-type="text/xml"/></m:manifest>',
        )
        container.writestr(
            "content.xml",
            f'<office:document-content xmlns:office="{base}:office:1.0" xmlns:text="{base}:text:1.0" xmlns:draw="{base}:drawing:1.0" '
            f'xmlns:svg="{base}:svg-compatible:1.0" xmlns:xlink="http://www.w3.org/1999/xlink" office:version="1.2"><office:body>'
            f"<office:text><text:p>Visible</text:p>{frames}</office:text></office:body></office:document-content>",
        )
    return path


@needs_libreoffice
@pytest.mark.parametrize("confined", [True, False])
def test_it_fetches_nothing_from_the_network_or_the_disk(
    office: LibreOffice, tmp_path: Path, server: tuple[str, list[str]], confined: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, asked = server
    if not confined:
        monkeypatch.setattr(libreoffice, "_confine", lambda: None)
    Image.new("RGB", (50, 50), "blue").save(tmp_path / "secret.png")
    (tmp_path / "secret.txt").write_text("the key to the safe")
    secrets = [(tmp_path / name).as_uri() for name in ("secret.png", "secret.txt")]
    odt = linking_odt(tmp_path / "a.odt", [f"{url}/a.png", *secrets])
    rtf = tmp_path / "a.rtf"
    fields = "".join(
        rf'{{\field{{\*\fldinst {kind} "{target}" \\d}}{{\fldrslt old}}}}\par '
        for kind, target in (
            ("INCLUDEPICTURE", tmp_path / "secret.png"),
            ("IncludePicture", f"{url}/r.png"),
            ("INCLUDETEXT", tmp_path / "secret.txt"),
        )
    )
    rtf.write_text(rf"{{\rtf1\ansi Visible\par {fields}}}")
    for source in (odt, rtf):
        with pymupdf.open(convert(source, "pdf", office.program, tmp_path)) as pages:
            text = "".join(page.get_text() for page in pages)
            assert "Visible" in text
            assert "key" not in text
            assert [image for page in pages for image in page.get_images()] == []
    assert asked == []


def test_it_has_no_network_and_dies_with_its_worker(tmp_path: Path) -> None:
    confine = libreoffice._confine()
    if confine is None:
        pytest.skip("only Linux confines processes")
    done = subprocess.run(
        ["/bin/sh", "-c", "cat /proc/net/dev; grep -c . /proc/self/status"], capture_output=True, preexec_fn=confine, check=True, text=True
    )
    devices = {line.split(":")[0].strip() for line in done.stdout.splitlines() if ":" in line}
    if devices - {"lo"}:
        pytest.skip("the kernel allows no network namespaces here")
    assert devices == {"lo"}
