"""Files that an attacker or a broken disk could make: small to write, large or endless to read."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

MEBIBYTE = 1024 * 1024
FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"


def pdf(path: Path, objects: Sequence[bytes]) -> Path:
    """A PDF with these objects, numbered from 1; the first is the catalog. Nothing is checked."""
    output, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(output))
        output += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(output)
    output += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    output += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    output += b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    path.write_bytes(output)
    return path


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<<%b/Length %d>>stream\n%b\nendstream" % (entries, len(data), data)


def page(contents: int, resources: bytes = b"<</Font<</F 3 0 R>>>>", entries: bytes = b"") -> bytes:
    return b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources%b/Contents %d 0 R%b>>" % (resources, contents, entries)


def deflated(unit: bytes, times: int) -> bytes:
    """`times` MiB of the repeated unit, deflated; made quickly, whatever their number."""
    packer = zlib.compressobj(9)
    first = packer.compress(unit * (MEBIBYTE // len(unit))) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(unit * (MEBIBYTE // len(unit))) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + again * (times - 1) + b"\x01\x00\x00\xff\xff" + bytes(4)


def two_pages(path: Path, second: bytes, entries: bytes = b"/Filter/FlateDecode") -> Path:
    """A page with the words `first page`, and one with this content."""
    first = stream(b"BT /F 12 Tf 72 700 Td (first page) Tj ET")
    pages = b"<</Type/Pages/Count 2/Kids[4 0 R 6 0 R]>>"
    return pdf(path, [b"<</Type/Catalog/Pages 2 0 R>>", pages, FONT, page(5), first, page(7), stream(second, entries)])


def forms_in_forms(path: Path, depth: int = 12, times: int = 10) -> Path:
    """Two pages; the second draws a form that draws another ten times, and so on."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 2/Kids[4 0 R 6 0 R]>>",
        FONT,
        page(5),
        stream(b"BT /F 12 Tf 72 700 Td (first page) Tj ET"),
        page(7, b"<</XObject<</X 8 0 R>>>>"),
        stream(b"/X Do"),
    ]
    for level in range(depth):
        last = level == depth - 1
        inner = b"<</Font<</F 3 0 R>>>>" if last else b"<</XObject<</X %d 0 R>>>>" % (9 + level)
        content = b"BT /F 9 Tf (deep) Tj ET" if last else b"/X Do " * times
        objects.append(stream(content, b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources%b" % inner))
    return pdf(path, objects)


def slow(path: Path) -> Path:
    """Three pages; the second is within every limit on size, and takes a minute or so to read."""
    pages = b"<</Type/Pages/Count 3/Kids[4 0 R 6 0 R 9 0 R]>>"
    form = stream(deflated(b"q Q\n", 1), b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Filter/FlateDecode")
    first, third = (stream(b"BT /F 12 Tf 72 700 Td (%b page) Tj ET" % word) for word in (b"first", b"third"))
    second = [page(7, b"<</XObject<</X 8 0 R>>>>"), stream(b"/X Do " * 250), form]
    return pdf(path, [b"<</Type/Catalog/Pages 2 0 R>>", pages, FONT, page(5), first, *second, page(10), third])


def pdf_with_image(path: Path, side: int) -> Path:
    """One page that shows a square image of one bit a pixel, `side` pixels wide."""
    data = deflated(bytes(64), max(1, side * side // 8 // MEBIBYTE))
    image = b"/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/FlateDecode" % (side, side)
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[4 0 R]>>", FONT]
    objects += [page(5, b"<</XObject<</I 6 0 R>>>>"), stream(b"q 500 0 0 800 20 20 cm /I Do Q"), stream(data, image)]
    return pdf(path, objects)


def png(path: Path, side: int) -> Path:
    """A black square of one bit a pixel."""
    body = deflated(bytes(64), max(1, side * (1 + side // 8) // MEBIBYTE + 1))
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b""))
    return path


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
