"""The embedded engine: Qdrant Edge, in this process."""

from docpipe.index.edge.catalog import EdgeCatalog
from docpipe.index.edge.reader import EdgeReader
from docpipe.index.edge.writer import EdgeWriter

__all__ = ["EdgeCatalog", "EdgeReader", "EdgeWriter"]
