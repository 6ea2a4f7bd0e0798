"""Decide about one object."""

from __future__ import annotations

from dataclasses import dataclass

from docpipe.admit import archive, compound, pdf, signature, text
from docpipe.admit.ranged import Read
from docpipe.admit.verdict import Refusal, Verdict
from docpipe.isolate import WorkerPool
from docpipe.models import ObjectInfo
from docpipe.parse import formats
from docpipe.settings import MEBIBYTE, Settings

_HEAD = 8 * 1024
# PDF: 27 KB a page over the 1,267 pages of 66 files from public test suites (median of the 14 with 5 pages or more: 29 KB).
# The others are assumed, not measured: 3,000 characters fill a page; markup and packed formats hold less or more of that.
_BYTES_A_PAGE = {
    formats.PDF: 28_000,
    formats.TEXT: 3_000,
    formats.MARKDOWN: 3_000,
    formats.ASCIIDOC: 3_000,
    formats.LATEX: 3_500,
    formats.VTT: 4_000,
    formats.CSV: 3_000,
    formats.TSV: 3_000,
    formats.HTML: 15_000,
    formats.JATS: 6_000,
    formats.EMAIL: 15_000,
    formats.OUTLOOK: 30_000,
    formats.EPUB: 10_000,
    formats.DOCX: 10_000,
    formats.DOC: 10_000,
    formats.RTF: 5_000,
    formats.ODT: 10_000,
    formats.PPTX: 50_000,
    formats.PPT: 50_000,
    formats.ODP: 50_000,
    formats.XLSX: 5_000,
    formats.XLS: 5_000,
    formats.ODS: 5_000,
    formats.TIFF: 200_000,
}


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether an object is admitted, and as what."""

    media_type: str
    """Found in the content; empty where that is none of the accepted formats."""
    refusal: str = ""
    """Why it is refused and what to do; empty where it is admitted."""
    pages_estimate: int = 1
    """From type and size, to cut batches by; never 0."""


def admit(info: ObjectInfo, read: Read, settings: Settings, pool: WorkerPool) -> Admission:
    """Accept or refuse the object before any work.

    Reads the head, and the tail or the directory where the type has one; the whole of it only for a PDF that says it
    is encrypted, which `pool` (see `password_pool`) opens. What `read` raises passes through.
    """
    if info.size == 0:
        return Admission("", "the file is empty: upload it again")
    if info.size > settings.max_document_bytes:
        allowed = settings.max_document_bytes / MEBIBYTE
        return Admission("", f"{info.size / MEBIBYTE:,.1f} MiB are more than the {allowed:,.1f} that DOCPIPE_MAX_DOCUMENT_BYTES allows")
    try:
        verdict = _verdict(info, read, settings, pool)
    except Refusal as refusal:
        return Admission(refusal.media_type, str(refusal))
    pages = verdict.pages or info.size // _BYTES_A_PAGE.get(verdict.media_type, info.size)
    return Admission(verdict.media_type, "", max(1, pages))


def _verdict(info: ObjectInfo, read: Read, settings: Settings, pool: WorkerPool) -> Verdict:
    head = read(0, min(_HEAD, info.size))
    kind = signature.kind_of(head)
    if kind == signature.PDF:
        return pdf.examine(head, info.size, read, settings, pool)
    if kind == signature.ZIP:
        return archive.examine(info.size, read)
    if kind == signature.OLE2:
        return compound.examine(info.size, read, settings, pool)
    if kind in formats.FORMATS:
        return Verdict(kind)
    claimed = _claim(info.key)
    if kind:
        raise Refusal(f"{claimed}{kind} is not accepted; accepted are {formats.ACCEPTED}")
    found = text.examine(head, info.key)
    if found is None:
        raise Refusal(f"{claimed}unknown binary content is not accepted; accepted are {formats.ACCEPTED}")
    return found


def _claim(key: str) -> str:
    """What the name promises, where the content does not keep it."""
    suffix = key.rsplit("/", 1)[-1].rpartition(".")[2].upper()
    names = {"PDF", "DOCX", "PPTX", "XLSX", "PNG", "JPG", "JPEG", "EPUB", "ODT", "ODS", "ODP"}
    return f"content is not a {suffix}, as the name says: " if suffix in names else ""
