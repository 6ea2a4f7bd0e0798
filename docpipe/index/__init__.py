"""Where vectors are kept and found: Qdrant, embedded or on a server."""

from docpipe.index.contract import Entry, Index, IndexReader, IndexWriter, Match, Passage, Selection
from docpipe.index.opening import open_index, open_reader, open_writer

__all__ = ["Entry", "Index", "IndexReader", "IndexWriter", "Match", "Passage", "Selection", "open_index", "open_reader", "open_writer"]
