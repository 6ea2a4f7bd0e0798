"""Real PDFs with a reference: docling's own conversions, made with its full models, and a plain transcript.

A reference made by models is no truth: it merges rows of tables and has no levels of headings. It is compared all the
same, since nobody here made it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pymupdf

from benchmarks.parse_blocks import Block, Blocks, Case, Knowledge, of_document

_PARAGRAPH = re.compile(r"\n\s*\n")
_PARTS = {"2201.00069": ("tion to sources within 5", "6 Chibueze et al.")}
"""Beginning and end of what the file holds of its transcript: one page of a paper of fifteen."""


def reference_cases(corpus: Path) -> list[Case]:
    """One case for each file in `corpus/groundtruth`; none where the folder is not there."""
    cases = []
    for path in sorted((corpus / "groundtruth").glob("*.json")) + sorted((corpus / "groundtruth").glob("*.txt")):
        file = corpus / "files" / f"{path.stem}.pdf"
        transcript = path.suffix == ".txt"
        truth = _transcript(path) if transcript else _reference(path)
        knows = Knowledge.TEXT if transcript else Knowledge.NO_LEVELS
        with pymupdf.open(file) as document:
            cases.append(Case(path.stem, "references", file, document.page_count, truth, knows))
    return cases


def _reference(path: Path) -> Blocks:
    from docling_core.types.doc.document import DoclingDocument

    return of_document(DoclingDocument.load_from_json(path))


def _transcript(path: Path) -> Blocks:
    text = path.read_text(encoding="utf-8")
    if path.stem in _PARTS:
        start, end = _PARTS[path.stem]
        text = text[text.index(start) : text.index(end)]
    return tuple(Block("text", part) for part in _PARAGRAPH.split(text) if part.strip())
