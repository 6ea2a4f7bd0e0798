"""Kinds of content that their first bytes give away."""

from __future__ import annotations

import re

from docpipe.parse import formats
from docpipe.parse.text.decoding import encoding_of

PDF = "PDF"
ZIP = "ZIP"
OLE2 = "OLE2"

_PDF_WITHIN = 1024
"""PDF readers accept other bytes before the header, this many by Adobe's implementation note."""
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE2),
    (b"\x89PNG\r\n\x1a\n", formats.PNG),
    (b"\xff\xd8\xff", formats.JPEG),
    (b"II*\x00", formats.TIFF),
    (b"MM\x00*", formats.TIFF),
    (b"GIF87a", formats.GIF),
    (b"GIF89a", formats.GIF),
    (b"{\\rtf", formats.RTF),
    (b"8BPS", "a Photoshop file (export it as PNG or TIFF)"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG 2000 (save it as JPEG or PNG)"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL (save it as JPEG or PNG)"),
    (b"%!PS", "PostScript (convert it to PDF)"),
    (b"AT&TFORM", "DjVu (convert it to PDF)"),
    (b"\x1f\x8b", "a gzip archive (unpack it)"),
    (b"BZh", "a bzip2 archive (unpack it)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive (unpack it)"),
    (b"Rar!\x1a\x07", "a RAR archive (unpack it)"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive (unpack it)"),
    (b"\xfd7zXZ\x00", "an xz archive (unpack it)"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"OggS", "audio or video"),
    (b"ID3", "audio"),
    (b"fLaC", "audio"),
    (b"\x1aE\xdf\xa3", "video"),
)

_PDF_START = re.compile(rb"\s*%PDF-")
_LETTERS = re.compile(rb"\w+")
"""Signatures that a text may begin with, too: MZ, ID3, GIF89a."""
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis"})


def kind_of(head: bytes) -> str:
    """`PDF`, `ZIP`, `OLE2`, the media type of an image, a name for people for what is never accepted, or nothing."""
    if _PDF_START.match(head) or (b"%PDF-" in head[:_PDF_WITHIN] and not _is_text(head)):
        return PDF
    for signature, kind in _SIGNATURES:
        if head.startswith(signature) and not (_LETTERS.fullmatch(signature) and _is_text(head)):
            return kind
    if head[:4] == b"RIFF" and not _is_text(head):
        return formats.WEBP if head[8:12] == b"WEBP" else "audio or video"
    if head[4:8] == b"ftyp":
        return "HEIC or AVIF (save it as JPEG or PNG)" if head[8:12] in _HEIF_BRANDS else "video"
    # "BM" alone begins many texts: the two reserved fields and the size of the second header decide.
    if head[:2] == b"BM" and head[6:10] == bytes(4) and head[14:18] in (b"\x0c\0\0\0", b"\x28\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0"):
        return formats.BMP
    return ""


def _is_text(head: bytes) -> bool:
    """Whether these bytes are text, which may well be about such files."""
    return encoding_of(head) is not None
