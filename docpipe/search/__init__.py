"""Asking the index."""

from docpipe.search.alias_searcher import AliasSearcher
from docpipe.search.context import Around, Context
from docpipe.search.excerpt import excerpt
from docpipe.search.hit import Duplicate, Hit
from docpipe.search.search import search
from docpipe.search.searcher import Searcher, open_searcher, settings_fusion

__all__ = ["AliasSearcher", "Around", "Context", "Duplicate", "Hit", "Searcher", "excerpt", "open_searcher", "search", "settings_fusion"]
