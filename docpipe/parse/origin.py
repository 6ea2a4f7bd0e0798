"""Docling's note of the file a document came from."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from docpipe.parse.formats import DOC, DOCX, JATS, OUTLOOK, PPT, PPTX, RTF, WEBP, XLS, XLSX

if TYPE_CHECKING:
    from docling_core.types.doc.common.origin import DocumentOrigin

# Docling refuses media types that it does not know.
_KNOWN_TO_DOCLING = {JATS: "application/xml", OUTLOOK: "message/rfc822", WEBP: "image/png", RTF: DOCX, DOC: DOCX, PPT: PPTX, XLS: XLSX}


def origin(name: str, media_type: str, path: Path) -> DocumentOrigin:
    """The note; its hash is the head of the content's sha256."""
    from docling_core.types.doc.common.origin import DocumentOrigin

    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    known = _KNOWN_TO_DOCLING.get(media_type, media_type)
    return DocumentOrigin(mimetype=known, filename=name, binary_hash=int.from_bytes(digest[:8], "big"))
