"""How much a chunk is worth reading: a score from 0 to 1, and why it is below 1."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from docpipe.enrich.language import NO_LANGUAGE
from docpipe.enrich.letters import MARKS
from docpipe.enrich.stopwords import stopwords
from docpipe.models import Chunk

_SHORT_TOKENS = 10
_WORD = re.compile(rf"[^\W\d_](?:[^\W\d_]|[{MARKS}])*")
_UNSPACED = frozenset({"zh", "ja", "th", "lo", "km", "my"})
"""Languages that write words without blanks between them."""

_LEAST_WORDS = 30
"""Fewer words say nothing about their mixture."""

_LEAST_LINE = 8
"""Shorter lines may well be alike: numbers of a column, signs of vertical writing."""


def score(chunk: Chunk, language: str) -> tuple[float, tuple[str, ...]]:
    """The score, two decimals, and its reasons; `language` is what was detected in the chunk.

    Every defect multiplies the score by a factor of its own: 0.5 for what makes a passage weak, less for what makes it
    unreadable. Limits and factors are judgement, checked by eye on the text of a dozen PDFs in six languages; they
    were not fitted to anything.
    """
    factors = list(_defects(chunk, language))
    value = 1.0
    for factor, _ in factors:
        value *= factor
    return round(value, 2), tuple(reason for _, reason in factors)


def _defects(chunk: Chunk, language: str) -> Iterator[tuple[float, str]]:
    text = chunk.text
    signs = [sign for sign in text if not sign.isspace()]
    words = _WORD.findall(text.lower())
    if chunk.tokens < _SHORT_TOKENS:
        yield 0.5, "too short"
    broken = sum(map(_is_broken, signs)) / max(1, len(signs))
    if broken > 0.01:
        yield max(0.1, 1 - 5 * broken), "broken characters"
    letters = sum(map(_is_letter, signs)) / max(1, len(signs))
    # Numbers are what a table is for; a table of nothing else still says little.
    if letters < (0.1 if chunk.kind == "table" else 0.4):
        yield 0.5, "mostly digits or symbols"
    if language == NO_LANGUAGE:
        yield 0.3, "no words of a language"
    elif len(words) >= _LEAST_WORDS and language not in _UNSPACED:
        common = stopwords(language)
        if chunk.kind != "table" and common and not any(word in common for word in words):
            yield 0.5, "no common words of its language"
        if sum(len(word) == 1 for word in words) > 0.4 * len(words):
            yield 0.4, "words torn into letters"
        if len(set(words)) < 0.1 * len(words):
            yield 0.5, "repeated words"
    lines = [line for line in map(str.strip, text.split("\n")) if len(line) >= _LEAST_LINE]
    if len(lines) >= 4 and len(set(lines)) <= len(lines) / 2:
        yield 0.5, "repeated lines"


def _is_letter(sign: str) -> bool:
    # Vowel signs of Indic scripts are marks, and part of their words.
    return sign.isalpha() or unicodedata.category(sign)[0] == "M"


def _is_broken(sign: str) -> bool:
    return sign == "\ufffd" or (not sign.isprintable() and unicodedata.category(sign) in {"Cc", "Cn", "Co"})
