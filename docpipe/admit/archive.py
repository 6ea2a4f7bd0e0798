"""ZIP containers: Office Open XML, OpenDocument, EPUB; bombs and ciphers are found before anything is unpacked."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib

from docpipe.admit.ranged import RangedFile, Read
from docpipe.admit.verdict import Refusal, Verdict
from docpipe.parse import formats

_END = struct.Struct("<4s4H2LH")
_END_MARK = b"PK\x05\x06"
_LOCATOR = struct.Struct("<4sLQL")
_LOCATOR_MARK = b"PK\x06\x07"
_END_64 = struct.Struct("<4sQ2H2L4Q")
_END_64_MARK = b"PK\x06\x06"
_END_WITHIN = _END_64.size + _LOCATOR.size + _END.size + 0xFFFF
_ENTRY_MARK = b"PK\x01\x02"
_LEAST_ENTRY = 46
_MAX_ENTRIES = 20_000
_MAX_DIRECTORY = 16 * 1024 * 1024
_MAX_MEMBER = 200 * 1024 * 1024
_MAX_TOTAL = 1024 * 1024 * 1024
_MAX_NOTE = 4 * 1024 * 1024
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_OFFICE = {"word/document": formats.DOCX, "ppt/presentation": formats.PPTX, "xl/workbook": formats.XLSX}
_BY_MIMETYPE = {media_type: media_type for media_type in (formats.ODT, formats.ODS, formats.ODP, formats.EPUB)}
_KNOWN = (
    (re.compile(r"FixedDoc(?:ument)?Seq(?:uence)?\.fdseq$", re.IGNORECASE), "XPS (convert it to PDF)"),
    (re.compile(r"^xl/workbook\.bin$"), "XLSB (save it as XLSX)"),
    (re.compile(r"\.iwa$"), "Apple iWork (export it as PDF or DOCX)"),
    (re.compile(r"^classes\.dex$|^META-INF/MANIFEST\.MF$"), "a program"),
)
_IMAGE = re.compile(r"\.(?:jpe?g|png|gif|webp|bmp)$", re.IGNORECASE)
# Fonts scrambled by these two methods are no obstacle to reading the text.
_FONT_SCRAMBLING = (b"http://www.idpf.org/2008/embedding", b"http://ns.adobe.com/pdf/enc#RC")


def examine(size: int, read: Read) -> Verdict:
    """The kind of a ZIP container. Raises `Refusal`."""
    _check_end(size, read)
    try:
        with zipfile.ZipFile(RangedFile(read, size)) as container:
            _check_sizes(container)
            return _kind(container)
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, OverflowError, RuntimeError, ValueError) as error:
        # zipfile reports damage by whichever of these its arithmetic runs into; what the bucket raises is none of them.
        raise Refusal(f"a damaged ZIP container: upload it again ({type(error).__name__}: {error})") from error


def _check_end(size: int, read: Read) -> None:
    """Look at the size of the directory before `zipfile` makes an object of every entry in it."""
    start = max(0, size - _END_WITHIN)
    tail = read(start, size - start)
    at = tail.rfind(_END_MARK)
    if at < 0 or at + _END.size > len(tail):
        raise Refusal("a ZIP container without its end, cut off perhaps: upload it again")
    entries, directory = _END.unpack_from(tail, at)[4:6]
    before = at - _LOCATOR.size
    if before >= 0 and tail.startswith(_LOCATOR_MARK, before):
        # zipfile obeys the ZIP64 record wherever there is one, so the classic fields may say anything.
        at = before - _END_64.size
        if at < 0 or not tail.startswith(_END_64_MARK, at) or _LOCATOR.unpack_from(tail, before)[2] != start + at:
            raise Refusal("a ZIP container whose ZIP64 end is not where it should be: save it again")
        entries, directory = _END_64.unpack_from(tail, at)[7:9]
    if entries <= _MAX_ENTRIES and _LEAST_ENTRY * _MAX_ENTRIES < directory <= _MAX_DIRECTORY:
        # The number is only a claim: zipfile reads the directory to its end.
        first = max(0, start + at - directory)
        entries = max(entries, read(first, start + at - first).count(_ENTRY_MARK))
    if entries > _MAX_ENTRIES or directory > _MAX_DIRECTORY:
        raise Refusal(f"a ZIP container with {entries:,} entries in a directory of {directory:,} bytes is too large to look into")


def _check_sizes(container: zipfile.ZipFile) -> None:
    entries = container.infolist()
    largest = max(entries, key=lambda entry: entry.file_size, default=None)
    total = sum(entry.file_size for entry in entries)
    if largest is not None and (largest.file_size > _MAX_MEMBER or total > _MAX_TOTAL):
        raise Refusal(
            f"unpacks to {total:,} bytes, {largest.file_size:,} in one part; at most {_MAX_TOTAL:,} and {_MAX_MEMBER:,} are accepted"
        )
    if any(entry.flag_bits & 1 for entry in entries):
        raise Refusal("an encrypted ZIP container: save it without a password")


def _kind(container: zipfile.ZipFile) -> Verdict:
    names = container.namelist()
    held = set(names)
    mimetype = _note(container, "mimetype").strip().decode("ascii", errors="replace") if "mimetype" in held else ""
    if mimetype in _BY_MIMETYPE:
        _check_cipher(container, held, mimetype)
        return Verdict(mimetype)
    for pattern, name in _KNOWN:
        if any(pattern.search(entry) for entry in names):
            raise Refusal(f"{name} is not accepted; accepted are {formats.ACCEPTED}")
    if "[Content_Types].xml" in held:
        for part, media_type in _OFFICE.items():
            if any(re.fullmatch(rf"{part}\d*\.xml", entry) for entry in names):
                return Verdict(media_type)
    if names and all(_IMAGE.search(entry) or entry.endswith(("/", ".xml", ".txt", ".nfo")) for entry in names):
        raise Refusal(f"a ZIP of images, such as CBZ, is not accepted; accepted are {formats.ACCEPTED}")
    what = f"a ZIP container of type {mimetype[:80]!r}" if mimetype else "a ZIP archive"
    raise Refusal(f"{what} is not accepted: upload the documents in it one by one; accepted are {formats.ACCEPTED}")


def _check_cipher(container: zipfile.ZipFile, held: set[str], media_type: str) -> None:
    if "META-INF/manifest.xml" in held and b"encryption-data" in _note(container, "META-INF/manifest.xml"):
        raise Refusal("an encrypted OpenDocument file: save it without a password", media_type)
    if media_type == formats.EPUB and "META-INF/encryption.xml" in held:
        ciphers = re.findall(
            rb'EncryptionMethod[^>]{0,200}?Algorithm\s*=\s*["\']([^"\']{0,200})', _note(container, "META-INF/encryption.xml")
        )
        if any(cipher not in _FONT_SCRAMBLING for cipher in ciphers):
            raise Refusal("an EPUB with copy protection (DRM): upload one without", media_type)


def _note(container: zipfile.ZipFile, name: str) -> bytes:
    """A small member; more than `_MAX_NOTE` of it is never unpacked."""
    if container.getinfo(name).compress_type not in _METHODS:
        # LZMA would take a dictionary of up to 4 GiB at the file's word.
        raise Refusal(f"a ZIP container whose {name} is packed by a method that no document format uses: save it again")
    with container.open(name) as member:
        return member.read(_MAX_NOTE)
