"""Where vectors are kept and found: Qdrant, embedded or on a server."""

from docpipe.index.collection import Collection
from docpipe.index.contract import Catalog, Entry, Fusion, IndexReader, IndexWriter, Listed, Match, Part, Passage, Selection
from docpipe.index.opening import (
    open_catalog,
    open_reader,
    open_writer,
    own_collection,
    searched_collection,
    searched_model,
)

__all__ = [
    "Catalog",
    "Collection",
    "Entry",
    "Fusion",
    "IndexReader",
    "IndexWriter",
    "Listed",
    "Match",
    "Part",
    "Passage",
    "Selection",
    "open_catalog",
    "open_reader",
    "open_writer",
    "own_collection",
    "searched_collection",
    "searched_model",
]
