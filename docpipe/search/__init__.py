"""Asking the index."""

from docpipe.search.excerpt import excerpt
from docpipe.search.hit import Hit
from docpipe.search.search import search, search_index

__all__ = ["Hit", "excerpt", "search", "search_index"]
