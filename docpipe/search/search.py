"""Hybrid search: by meaning and by terms, fused in the engine."""

from __future__ import annotations

from collections.abc import Sequence

from docpipe.embed.embedder import Embedder, open_embedder
from docpipe.embed.model import find_model
from docpipe.errors import QueryInvalid
from docpipe.index import IndexReader, Selection, open_reader
from docpipe.search.hit import Hit, hit_of
from docpipe.search.query import prepare
from docpipe.settings import Settings

MOST_HITS = 1_000


def search(
    settings: Settings,
    text: str,
    limit: int = 5,
    *,
    keys: Sequence[str] = (),
    document_classes: Sequence[str] = (),
    languages: Sequence[str] = (),
) -> list[Hit]:
    """Find the passages nearest to a text, best first; an empty index has none.

    The sequences restrict the search to documents with these partition keys, classes or languages (ISO 639-1). A query
    longer than the model's window is cut, and every hit says so. Raises `QueryInvalid` for an empty query.
    """
    prepare(text, find_model(settings))
    selection = Selection(tuple(keys), tuple(document_classes), tuple(languages))
    # The embedder first: loading it takes longer than anything else, and the embedded index has one owner at a time.
    embedder = open_embedder(settings)
    with open_reader(settings) as index:
        return search_index(index, embedder, text, limit, selection)


def search_index(index: IndexReader, embedder: Embedder, text: str, limit: int = 5, selection: Selection | None = None) -> list[Hit]:
    """Search an index that is already open; for many queries in a row."""
    if not 1 <= limit <= MOST_HITS:
        raise QueryInvalid(f"{limit} passages were asked for: ask for 1 to {MOST_HITS}")
    query = prepare(text, embedder.model)
    vector = embedder.embed([query.prompt + query.text])[0]
    return [hit_of(match, query.cut) for match in index.search(vector, query.text, limit, selection or Selection())]
