"""One search from the settings alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from docpipe.index import Selection
from docpipe.search.context import Around
from docpipe.search.hit import Hit
from docpipe.search.query import cleaned
from docpipe.search.searcher import check, open_searcher
from docpipe.settings import Settings


def search(
    settings: Settings,
    text: str,
    limit: int = 5,
    *,
    keys: Sequence[str] = (),
    document_classes: Sequence[str] = (),
    languages: Sequence[str] = (),
    tags: Sequence[str] = (),
    since: datetime | None = None,
    before: datetime | None = None,
    around: Around | None = None,
    duplicates: bool = False,
    rerank: bool | None = None,
) -> list[Hit]:
    """Find the passages nearest to a text, best first; an empty index has none. For many queries open a `Searcher`.

    The sequences restrict the search to documents with these partition keys, classes, languages (ISO 639-1) or tags (folders
    of the bucket), the dates to objects last modified `since` then or `before`. A query longer than the model's window is
    cut, and every hit says so. The rest is explained at `Searcher.search`. Raises `QueryInvalid` before anything is opened.
    """
    selection = Selection(tuple(keys), tuple(document_classes), tuple(languages), tuple(tags), since, before)
    cleaned(text)
    check(limit, selection)
    with open_searcher(settings, rerank=rerank) as searcher:
        return searcher.search(text, limit, selection, around=around, duplicates=duplicates, rerank=rerank)
