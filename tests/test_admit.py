from __future__ import annotations

import contextlib
import io
import random
import resource
import struct
import threading
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openpyxl
import pymupdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msoffcrypto.format.ooxml import OOXMLFile

from docpipe.admit import Admission, admit, password_pool
from docpipe.admit.ranged import RangedFile
from docpipe.convert import LibreOffice, find_libreoffice
from docpipe.errors import BucketFull, BucketUnavailable
from docpipe.isolate import Result, Task, WorkerPool
from docpipe.models import ObjectInfo
from docpipe.parse import formats
from docpipe.settings import Settings, load_settings
from tests.parse import samples

CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "files"
DEFAULTS = load_settings(workers=1)


class Reads:
    """A ranged read over bytes, which counts what was asked of it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.ranges: list[tuple[int, int]] = []

    def __call__(self, start: int, length: int) -> bytes:
        assert start >= 0
        assert length > 0
        self.ranges.append((start, length))
        return self.data[start : start + length]

    @property
    def total(self) -> int:
        return sum(length for _, length in self.ranges)


def decide(data: bytes, key: str = "inbox/file", config: Settings = DEFAULTS, reads: Reads | None = None) -> Admission:
    with password_pool(config) as pool:
        return admit(ObjectInfo(key, len(data), "etag"), reads or Reads(data), config, pool)


def archive(members: Mapping[str, bytes | str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as container:
        for name, data in members.items():
            container.writestr(name, data)
    return buffer.getvalue()


def office(part: str) -> bytes:
    return archive({"[Content_Types].xml": "<Types/>", "_rels/.rels": "<r/>", part: "<x/>"})


def pdf(tmp_path: Path, write: Callable[[Path], Path]) -> bytes:
    return write(tmp_path / "written.pdf").read_bytes()


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n", formats.PDF),
        (b"\x00\x01 printer noise %PDF-1.4\n", formats.PDF),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), formats.PNG),
        (b"\xff\xd8\xff\xe0" + bytes(30), formats.JPEG),
        (b"II*\x00" + bytes(30), formats.TIFF),
        (b"GIF89a" + bytes(30), formats.GIF),
        (b"{\\rtf1 hello}", formats.RTF),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(30), formats.WEBP),
        (b"BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00" + bytes(30), formats.BMP),
        (office("word/document.xml"), formats.DOCX),
        (office("word/document2.xml"), formats.DOCX),
        (office("ppt/presentation.xml"), formats.PPTX),
        (office("xl/workbook.xml"), formats.XLSX),
        (archive({"mimetype": formats.ODT, "content.xml": "<x/>"}), formats.ODT),
        (archive({"mimetype": formats.EPUB, "META-INF/container.xml": "<x/>"}), formats.EPUB),
        (b"<!DOCTYPE html><html><body>x</body></html>", formats.HTML),
        ("\ufeff<html><p>x".encode("utf-16"), formats.HTML),
        (b'<?xml version="1.0"?><!DOCTYPE article PUBLIC "-//NLM//DTD JATS v1.2//EN" "x.dtd"><article/>', formats.JATS),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\nhello\n", formats.VTT),
        (b"% comment\n\\documentclass{article}\n", formats.LATEX),
        (b"From: a@b.c\r\nTo: d@e.f\r\nSubject: hello\r\n\r\nbody\r\n", formats.EMAIL),
        (b"BM is how the note begins, and it goes on as text.", formats.TEXT),
        (b"Subject: a letter\n\nDear Sir or Madam", formats.TEXT),
        ("Größe und Übermaß".encode("cp1252"), formats.TEXT),
        ("морской порт".encode("utf-16"), formats.TEXT),
        ("морской порт закрыт".encode("utf-16-le"), formats.TEXT),
        ("морской порт закрыт".encode("koi8-r"), formats.TEXT),
        ("港の事務所は記録を保管する。".encode("iso2022_jp"), formats.TEXT),
    ],
)
@pytest.mark.parametrize("key", ["inbox/no-name", "inbox/wrong.xyz"])
def test_content_decides(data: bytes, media_type: str, key: str) -> None:
    assert decide(data, key) == Admission(media_type, "", 1)


@pytest.mark.parametrize(
    ("key", "media_type"),
    [
        ("a.md", formats.MARKDOWN),
        ("A.CSV", formats.CSV),
        ("b.tsv", formats.TSV),
        ("x/c.adoc", formats.ASCIIDOC),
        ("d.tex", formats.LATEX),
        ("e.log", formats.TEXT),
    ],
)
def test_the_name_decides_between_texts(key: str, media_type: str) -> None:
    assert decide(b"one,two\n1,2\n", key).media_type == media_type


@pytest.mark.parametrize(
    ("data", "key", "media_type"),
    [
        (b"= Title\n\n----\n<html>\n<body>x</body>\n----\n", "a.adoc", formats.ASCIIDOC),
        (b"id,code\n1,<body >x\n", "a.csv", formats.CSV),
        (b"# Typesetting\n\nA file begins with `\\documentclass{article}`.\n", "a.md", formats.MARKDOWN),
        (b"<p>Write \\begin{document} first.</p>", "a.html", formats.HTML),
        (b"\\documentclass{a}\n\\begin{lstlisting}<html></html>\\end{lstlisting}", "a.tex", formats.LATEX),
        (b"# PDF\n\nA file begins with %PDF-1.7 and ends with %%EOF.\n", "a.md", formats.MARKDOWN),
        (b"MZ is what a program begins with, and this note.\n", "a.txt", formats.TEXT),
        (b"ID3 tags tell the title of a song.\n", "a.txt", formats.TEXT),
        (b"GIF89a,1989\nGIF87a,1987\n", "a.csv", formats.CSV),
        (b"RIFFs of rock music\n", "a.txt", formats.TEXT),
    ],
)
def test_a_text_may_be_about_other_formats(data: bytes, key: str, media_type: str) -> None:
    assert decide(data, key) == Admission(media_type, "", 1)


def test_the_name_never_overrules_the_content() -> None:
    assert decide(b"\x89PNG\r\n\x1a\n" + bytes(30), "report.pdf") == Admission(formats.PNG, "", 1)
    assert decide(b"<html><body>x", "report.pdf").media_type == formats.HTML
    refused = decide(b"\x07\x01\x02\x00rubbish", "report.pdf")
    assert refused.refusal.startswith("content is not a PDF")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"%!PS-Adobe-3.0", "PostScript"),
        (b"\x1f\x8b\x08" + bytes(20), "unpack"),
        (b"\x7fELF" + bytes(20), "program"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(20), "HEIC"),
        (b"\x00\x00\x00\x18ftyphevc" + bytes(20), "HEIC"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(20), "JPEG 2000"),
        (b"8BPS\x00\x01" + bytes(20), "Photoshop"),
        (b"\x00\x00\x00\x18ftypisom" + bytes(20), "video"),
        (bytes(range(256)), "unknown binary"),
        (b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha">]><lolz>&a;</lolz>', "XML"),
        (b"<?xml version='1.0'?><svg/>", "XML"),
        (b"PK\x03\x04" + bytes(100), "without its end"),
        (office("word/document.xml")[:-30], "without its end"),
        (archive({"FixedDocSeq.fdseq": "x", "[Content_Types].xml": "x"}), "XPS"),
        (archive({"Index/Document.iwa": "x"}), "iWork"),
        (archive({"xl/workbook.bin": "x", "[Content_Types].xml": "x"}), "XLSB"),
        (archive({"1.jpg": "x", "2.png": "x"}), "CBZ"),
        (archive({"mimetype": "application/hwp+zip"}), "hwp"),
        (archive({"a.txt": "x", "b.bin": "y"}), "one by one"),
        (archive({"mimetype": formats.ODT, "META-INF/manifest.xml": "<m:encryption-data/>"}), "encrypted"),
        (
            archive(
                {
                    "mimetype": formats.EPUB,
                    "META-INF/encryption.xml": '<e:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/>',
                }
            ),
            "DRM",
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "OLE2"),
    ],
)
def test_refused_with_a_reason(data: bytes, words: str) -> None:
    assert words in decide(data).refusal


def locked(tmp_path: Path, password: str, plain: bytes = b"") -> bytes:
    path = tmp_path / "plain"
    if not plain:
        openpyxl.Workbook().save(path)
        plain = path.read_bytes()
    encrypted = io.BytesIO()
    OOXMLFile(io.BytesIO(plain)).encrypt(password, encrypted)
    return encrypted.getvalue()


def test_office_passwords(tmp_path: Path) -> None:
    data = locked(tmp_path, "tide")
    refused = decide(data, "inbox/a.xlsx")
    assert "DOCPIPE_PASSWORDS" in refused.refusal
    admission = decide(data, config=load_settings(passwords="wrong,tide"))
    assert (admission.media_type, admission.refusal) == (formats.XLSX, "")
    assert "DOCPIPE_PASSWORDS" in decide(data, config=load_settings(passwords="wrong")).refusal


def test_what_is_within_the_encryption_is_looked_at_too(tmp_path: Path) -> None:
    types = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
    odd = archive({"[Content_Types].xml": types, "FixedDocSeq.fdseq": random.Random(1).randbytes(8_000)})
    assert "XPS" in decide(locked(tmp_path, "tide", odd), config=load_settings(passwords="tide")).refusal


def test_damaged_encryption_is_a_refusal(tmp_path: Path) -> None:
    data = bytearray(locked(tmp_path, "tide"))
    at = data.index(b"<encryption")
    data[at : at + 200] = bytes(200)
    refused = decide(bytes(data), config=load_settings(passwords="tide"))
    assert refused.refusal


def ole2(stream: str) -> bytes:
    """A compound file of version 3 with one stream of 4,096 bytes."""
    sector = 512
    free, end, table = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    header = struct.pack("<8s16x5H6xL", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6, 0)
    header += struct.pack("<9L", 1, 1, 0, 4_096, end, 0, end, 0, 0) + struct.pack("<108L", *[free] * 108)

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        encoded = name.encode("utf-16-le") + b"\0\0"
        return struct.pack("<64sHBB3L36xLQ", encoded, len(encoded), kind, 1, free, free, child, start, size)

    directory = entry("Root Entry", 5, 1, end, 0) + entry(stream, 2, free, 2, 4_096) + bytes(2 * 128)
    chain = [table, end, *range(3, 10), end]
    return header[:sector] + struct.pack("<128L", *chain, *[free] * (128 - len(chain))) + directory + bytes(4_096)


@pytest.mark.parametrize(
    ("stream", "media_type", "advice"),
    [
        ("WordDocument", formats.DOC, "DOCX"),
        ("PowerPoint Document", formats.PPT, "PPTX"),
        ("Workbook", formats.XLS, "XLSX"),
        ("Book", formats.XLS, "XLSX"),
    ],
)
def test_old_office_files_need_libreoffice(monkeypatch: pytest.MonkeyPatch, stream: str, media_type: str, advice: str) -> None:
    refused = decide(ole2(stream), "inbox/a.pdf", load_settings(libreoffice="off"))
    assert refused.media_type == media_type
    assert "DOCPIPE_LIBREOFFICE" in refused.refusal
    assert advice in refused.refusal
    monkeypatch.setattr("docpipe.admit.compound.find_libreoffice", lambda named: LibreOffice("/usr/bin/soffice", "7"))
    assert decide(ole2(stream)) == Admission(media_type, "", 1)


def test_other_compound_files_are_refused() -> None:
    assert "HWP" in decide(ole2("FileHeader")).refusal
    assert "unknown kind" in decide(ole2("Contents")).refusal


WRITTEN = {
    formats.DOCX: office("word/document.xml"),
    formats.PPTX: office("ppt/presentation.xml"),
    formats.XLSX: office("xl/workbook.xml"),
    **{kind: archive({"mimetype": kind, "content.xml": "<x/>"}) for kind in (formats.ODT, formats.ODS, formats.ODP, formats.EPUB)},
    formats.PDF: b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
    formats.PNG: b"\x89PNG\r\n\x1a\n" + bytes(30),
    formats.JPEG: b"\xff\xd8\xff\xe0" + bytes(30),
    formats.TIFF: b"MM\x00*" + bytes(30),
    formats.GIF: b"GIF87a" + bytes(30),
    formats.BMP: b"BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00" + bytes(30),
    formats.WEBP: b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(30),
    formats.RTF: b"{\\rtf1 hello}",
    formats.OUTLOOK: ole2("__properties_version1.0"),
    formats.HTML: b"<!DOCTYPE html><html><body>x</body></html>",
    formats.JATS: b'<article article-type="research-article" dtd-version="1.2"><front/></article>',
    formats.VTT: b"WEBVTT\n\n00:01.000 --> 00:02.000\nhello\n",
    formats.LATEX: b"\\documentclass{article}\n",
    formats.EMAIL: b"From: a@b.c\r\nTo: d@e.f\r\nSubject: hello\r\n\r\nbody\r\n",
}


@pytest.mark.parametrize("suffix", ["", "pdf", "docx", "xls", "png", "csv", "exe"])
@pytest.mark.parametrize("media_type", WRITTEN)
def test_no_name_makes_a_format_another(media_type: str, suffix: str) -> None:
    assert decide(WRITTEN[media_type], f"inbox/a.{suffix}".rstrip(".")).media_type == media_type


def test_scrambled_fonts_are_no_copy_protection() -> None:
    method = '<e:EncryptionMethod Algorithm="http://www.idpf.org/2008/embedding"/>'
    assert not decide(archive({"mimetype": formats.EPUB, "META-INF/encryption.xml": method})).refusal


def test_too_large_is_refused_unread() -> None:
    reads = Reads(b"")
    config = load_settings(max_document_bytes=1_000_000)
    with password_pool(config) as pool:
        admission = admit(ObjectInfo("k", 2_000_000, "e"), reads, config, pool)
    assert "DOCPIPE_MAX_DOCUMENT_BYTES" in admission.refusal
    assert not reads.ranges


def test_a_bomb_is_refused_by_its_declared_size(tmp_path: Path) -> None:
    path = tmp_path / "bomb.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as container:
        container.writestr("[Content_Types].xml", "<x/>")
        with container.open("word/document.xml", "w") as part:
            for _ in range(210):
                part.write(bytes(1024 * 1024))
    data = path.read_bytes()
    reads = Reads(data)
    assert "unpacks to" in decide(data, reads=reads).refusal


def test_a_directory_that_claims_to_be_huge_is_not_read() -> None:
    data = bytearray(archive({"word/document.xml": "x"}) + bytes(100_000))
    at = data.rindex(b"PK\x05\x06")
    for field, value in ((10, 60_000), (8, 60_000)):
        struct.pack_into("<H", data, at + field, value)
    data = data[: at + 22]
    assert "too large to look into" in decide(bytes(data)).refusal


def zip64(entries: int, *, claimed: int = 1, offset: int | None = None) -> bytes:
    """A ZIP of empty members whose classic end record says one entry, whatever its ZIP64 record says."""
    directory = b"".join(
        struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) for _ in range(entries)
    )
    start = b"PK\x03\x04" + bytes(26)
    place = len(start) + len(directory)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, claimed, claimed, len(directory), len(start))
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, place if offset is None else offset, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 46, 0, 0)
    return start + directory + record + locator + end


def test_a_zip64_directory_has_the_same_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: object) -> None:
        raise AssertionError("the directory was read")

    monkeypatch.setattr("docpipe.admit.archive.zipfile.ZipFile", never)
    assert "with 30,000 entries" in decide(zip64(30_000)).refusal
    assert "with 30,000 entries" in decide(zip64(30_000, claimed=30_000)).refusal
    assert "too large to look into" in decide(zip64(1, claimed=10**15)).refusal
    assert "not where it should be" in decide(zip64(1, offset=0)).refusal


def test_a_classic_directory_with_more_entries_than_it_says_is_not_looked_into() -> None:
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    directory = entry * 30_000
    data = b"PK\x03\x04" + bytes(26) + directory + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), 30, 0)
    assert "with 30,000 entries" in decide(data).refusal


def test_an_honest_zip64_container_is_admitted() -> None:
    data = office("word/document.xml")
    at = data.rindex(b"PK\x05\x06")
    entries, length, start = struct.unpack("<HLL", data[at + 10 : at + 20])
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, length, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    assert decide(data[:at] + record + locator + data[at:]) == Admission(formats.DOCX, "", 1)


@pytest.mark.parametrize(
    ("method", "words"), [(zipfile.ZIP_DEFLATED, "damaged ZIP"), (zipfile.ZIP_BZIP2, "packed by"), (zipfile.ZIP_LZMA, "packed by")]
)
def test_a_member_that_cannot_be_unpacked_is_a_refusal(method: int, words: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as container:
        container.writestr("mimetype", formats.ODT, method)
    data = bytearray(buffer.getvalue())
    assert (decide(bytes(data)).media_type == formats.ODT) is (method == zipfile.ZIP_DEFLATED)
    # The compressed bytes; for LZMA, those after the nine that describe them.
    start = 30 + len("mimetype") + (9 if method == zipfile.ZIP_LZMA else 0)
    data[start : start + 20] = b"\xff" * 20
    assert words in decide(bytes(data)).refusal


@pytest.mark.parametrize("error", [OSError("Invalid data stream"), RuntimeError("no module"), OverflowError("too large")])
def test_whatever_zipfile_makes_of_damage_is_a_refusal(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fails(*arguments: object) -> None:
        raise error

    data = office("word/document.xml")
    monkeypatch.setattr("docpipe.admit.archive.zipfile.ZipFile", fails)
    assert "damaged ZIP" in decide(data).refusal


def test_an_error_of_the_bucket_within_a_container_passes_through() -> None:
    data = office("word/document.xml")
    reads = Reads(data)

    def read(start: int, length: int) -> bytes:
        # The head and the end are there; what zipfile asks for itself is not.
        if len(reads.ranges) == 2:
            raise BucketUnavailable("timeout")
        return reads(start, length)

    with password_pool(DEFAULTS) as pool, pytest.raises(BucketUnavailable):
        admit(ObjectInfo("k", len(data), "e"), read, DEFAULTS, pool)


def test_an_encrypted_member_is_noticed() -> None:
    data = bytearray(office("word/document.xml"))
    entry = data.index(b"PK\x01\x02")
    data[entry + 8] |= 1
    assert "encrypted" in decide(bytes(data)).refusal


def test_pdf_passwords(tmp_path: Path) -> None:
    locked = pdf(tmp_path, lambda path: samples.encrypted(path, "owner", "secret"))
    refused = decide(locked)
    assert refused.media_type == formats.PDF
    assert "DOCPIPE_PASSWORDS" in refused.refusal
    assert "secret" not in refused.refusal
    assert decide(locked, config=load_settings(passwords="wrong,secret")) == Admission(formats.PDF, "", 1)
    assert decide(pdf(tmp_path, lambda path: samples.encrypted(path, "owner", ""))) == Admission(formats.PDF, "", 1)


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The kernel refuses to let any file of this process grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_no_room_for_a_copy_is_told_as_such(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with largest_file(1_000), pytest.raises(BucketFull, match="Free space"):
        decide(b"%PDF-1.7\n/Encrypt" + bytes(50_000))
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    with pytest.raises(BucketUnavailable, match="TMPDIR"):
        decide(b"%PDF-1.7\n/Encrypt" + bytes(50_000))


def test_few_encrypted_files_are_copied_and_tried_at_a_time() -> None:
    three = threading.Barrier(3)
    met: list[int] = []

    class Meeting(WorkerPool):
        """Where three tasks would meet, if three came at a time."""

        def run(self, tasks: Iterable[Task]) -> Iterator[Result]:
            for task in tasks:
                with contextlib.suppress(threading.BrokenBarrierError):
                    met.append(three.wait(timeout=0.5))
                yield Result(task, ({"total": 7}, b""), None, 0.0)

    data = b"%PDF-1.7\n/Encrypt" + bytes(500)
    with Meeting(1, seconds=1, memory_mb=512, output_mb=1) as pool, ThreadPoolExecutor(6) as threads:
        admissions = list(threads.map(lambda key: admit(ObjectInfo(key, len(data), "e"), Reads(data), DEFAULTS, pool), "abcdef"))
    assert admissions == [Admission(formats.PDF, "", 7)] * 6
    assert met == []


def test_a_password_in_a_cross_reference_stream_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    aes_256 = 5
    texts = [samples.LOREM] * 30
    with pymupdf.open(samples.plain(tmp_path / "b.pdf", texts)) as document:
        document.save(path, use_objstms=1, encryption=aes_256, owner_pw="o", user_pw="u")
    assert "encrypted" in decide(path.read_bytes()).refusal


def test_text_that_only_mentions_encryption_is_admitted(tmp_path: Path) -> None:
    data = pdf(tmp_path, lambda path: samples.raw(path, [samples.text_content("hello"), b""]))
    assert decide(data.replace(b"%PDF-1.7\n", b"%PDF-1.7\n% /Encrypt\n")) == Admission(formats.PDF, "", 2)


def test_pages_are_estimated() -> None:
    assert decide(b"x" * 30_000).pages_estimate == 10
    assert decide(b"%PDF-1.7\n" + b"x" * 280_000).pages_estimate == 10
    assert decide(b"%PDF-1.7\n1 0 obj\n<</Linearized 1/L 9/N 24/T 5>>\nendobj\n" + b"x" * 90_000).pages_estimate == 24
    assert decide(b"%PDF-1.7\n1 0 obj\n<</Linearized 1/N 900000>>\nendobj\n" + b"x" * 6_400).pages_estimate <= 101


def test_little_is_read_of_a_large_object() -> None:
    reads = Reads(b"%PDF-1.7\n" + bytes(50_000_000))
    decide(reads.data, reads=reads)
    assert reads.total < 64 * 1024
    padded = archive({"media/film": bytes(1), "[Content_Types].xml": "x", "word/document.xml": "x"})
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_STORED) as container:
        container.writestr("[Content_Types].xml", "x")
        container.writestr("word/document.xml", "x")
        container.writestr("word/media/film", bytes(20_000_000))
    reads = Reads(stored.getvalue())
    assert decide(reads.data, reads=reads).media_type == formats.DOCX
    assert reads.total < 512 * 1024
    assert decide(padded).media_type == formats.DOCX


def test_errors_of_the_bucket_pass_through() -> None:
    def read(start: int, length: int) -> bytes:
        raise BucketUnavailable("timeout")

    with password_pool(DEFAULTS) as pool, pytest.raises(BucketUnavailable):
        admit(ObjectInfo("k", 100, "e"), read, DEFAULTS, pool)


@given(
    st.binary(max_size=3_000),
    st.sampled_from([b"", b"%PDF-1.7", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"BM", b"RIFF", b"<?xml"]),
)
def test_any_bytes_get_a_verdict(data: bytes, start: bytes) -> None:
    # An encrypted PDF starts a worker, which belongs into a test of its own.
    admission = decide((start + data).replace(b"/Encrypt", b"") or b"x")
    assert bool(admission.refusal) != (admission.media_type in formats.FORMATS and not admission.refusal)
    assert admission.pages_estimate >= 1


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=20))
def test_a_damaged_container_gets_a_verdict(changes: list[tuple[int, int]]) -> None:
    data = bytearray(office("word/document.xml"))
    for at, value in changes:
        data[at % len(data)] = value
    assert isinstance(decide(bytes(data)), Admission)


@given(st.binary(min_size=1, max_size=300), st.lists(st.tuples(st.integers(0, 320), st.integers(-1, 320)), max_size=10))
def test_a_ranged_file_reads_as_a_file_does(data: bytes, steps: list[tuple[int, int]]) -> None:
    ranged, plain = RangedFile(Reads(data), len(data)), io.BytesIO(data)
    for position, size in steps:
        ranged.seek(position)
        plain.seek(position)
        assert ranged.read(size) == plain.read(size)
        assert ranged.tell() == max(position, plain.tell())


def test_a_ranged_file_keeps_few_blocks() -> None:
    data = bytes(range(256)) * 256 * 100
    reads = Reads(data)
    ranged = RangedFile(reads, len(data))
    for _ in range(1_000):
        ranged.seek(5)
        assert ranged.read(3) == data[5:8]
    assert len(reads.ranges) == 1
    ranged.seek(0)
    assert ranged.read() == data


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus is not there")
def test_the_corpus_gets_verdicts() -> None:
    refused = set()
    for path in sorted(CORPUS.iterdir()):
        data = path.read_bytes()
        admission = decide(data, path.name)
        if admission.refusal:
            refused.add(path.name)
        assert admission.refusal or admission.media_type in formats.FORMATS
    legacy = {"legacy_sample.doc", "legacy_sample.ppt", "legacy_sample.xls"}
    assert (legacy & refused) == (set() if find_libreoffice("") else legacy)
    assert {"bomb_docx_8Mpar.docx", "billion_laughs.xml", "password.pdf", "empty.pdf"} <= refused
    assert (
        not {"fake-doc.rtf", "word_sample.docx", "fake-email-attachment.msg", "copy-protected.pdf", "main.tex", "email-with-image.eml"}
        & refused
    )
