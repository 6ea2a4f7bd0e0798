"""Words that carry no subject, by language."""

from __future__ import annotations

from functools import lru_cache

import stopwordsiso

_CODES = {"nb": "no", "nn": "no"}
"""The lists' own codes where they are not what the language detector says."""


@lru_cache(maxsize=64)
def stopwords(language: str) -> frozenset[str]:
    """Lower-case words; none for a language without a list."""
    code = _CODES.get(language, language)
    return frozenset(stopwordsiso.stopwords(code)) if stopwordsiso.has_lang(code) else frozenset()
