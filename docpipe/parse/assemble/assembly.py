"""Join the pages that the readers found into one docling document."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from docpipe.errors import ParseFailed
from docpipe.isolate import Answer
from docpipe.models import Page, ParsedDocument
from docpipe.parse.assemble.continuation import items
from docpipe.parse.assemble.docling_document import DocumentBuilder
from docpipe.parse.assemble.furniture import marked
from docpipe.parse.assemble.headings import with_levels
from docpipe.parse.assemble.kinds import with_kinds
from docpipe.parse.figure.figures import candidates
from docpipe.parse.page.element import PageContent


def assemble(path: str, name: str, media_type: str, lines: Iterable[bytes], warnings: tuple[str, ...], failed: dict[int, str]) -> Answer:
    """The bytes of a `ParsedDocument` from one line for each page, in order; the dict holds its counts.

    `failed` says which pages a better reader failed on, and how. Raises `ParseFailed` where every page was lost.
    """
    pages = [_with_failure(PageContent.from_line(line), failed) for line in lines]
    if pages and all(page.error and not page.elements for page in pages):
        raise ParseFailed(f"no page could be read; the first: {pages[0].error}")
    pages = with_levels(marked(with_kinds(pages)))
    document = DocumentBuilder(pages, name, media_type, Path(path)).build(items(pages))
    told = [*warnings, *(warning for page in pages for warning in page.warnings)]
    told += [f"page {page.number}: {page.error}" for page in pages if page.error]
    parsed = ParsedDocument(document, tuple(map(_page, pages)), tuple(told), candidates(document))
    return {"counts": parsed.counts}, parsed.to_bytes()


def _with_failure(page: PageContent, failed: dict[int, str]) -> PageContent:
    """A page that lost its content says so; one that was read after all by another reader warns."""
    if page.error or page.number not in failed:
        return page
    if not page.elements:
        return replace(page, error=failed[page.number])
    return replace(page, warnings=(*page.warnings, f"page {page.number}: {failed[page.number]}; read again"))


def _page(content: PageContent) -> Page:
    return Page(
        number=content.number,
        width=content.width,
        height=content.height,
        route=content.route,
        reason=content.reason,
        characters=content.characters,
        seconds=content.seconds,
        confidence=content.confidence,
        unread=content.unread,
        error=content.error,
    )
