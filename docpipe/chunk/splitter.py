"""Cuts text that is too long for one chunk: at sentences, then at words, then at tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from docpipe.chunk.tokens import CHARACTERS_PER_TOKEN, TokenCounter

# A search looks at each character a bounded number of times: no match is tried from inside a run of dots.
_SENTENCE_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]{0,3}\s+|[。！？।؟۔]+\s*|\n\s*")
_LINE_END = re.compile(r"\n")
_WORD = re.compile(r"\S+\s*|\s+")


class Piece(NamedTuple):
    """A part of a text with the blanks that follow it, and its weight in tokens."""

    text: str
    weight: int


class Splitter:
    """Cuts texts into pieces of at most a given weight; the pieces of a text, joined, are the text."""

    def __init__(self, counter: TokenCounter) -> None:
        self._counter = counter

    def split(self, text: str, room: int, *, verbatim: bool = False) -> list[Piece]:
        """Cut at sentences (`verbatim`: at lines); one that is too long at words; a word that is too long at tokens."""
        parts = list(cut(text, _LINE_END if verbatim else _SENTENCE_END))
        pieces: list[Piece] = []
        for part, weight in zip(parts, self._counter.weigh(parts), strict=True):
            if weight <= room:
                pieces.append(Piece(part, weight))
            else:
                pieces += self._words(part, room)
        return pieces

    def tail(self, text: str, room: int) -> str:
        """The end of a text, of at most `room`: from the start of a sentence where one starts in its first half, else of a word."""
        if room < 1:
            return ""
        end = text[-room * CHARACTERS_PER_TOKEN :]
        start, weight = len(end), 0
        words = [match.group() for match in _WORD.finditer(end)]
        for word, more in zip(reversed(words), reversed(self._counter.weigh(words)), strict=True):
            if weight + more > room:
                break
            start -= len(word)
            weight += more
        if start == len(end):
            return self._counter.last(words[-1], room).lstrip() if words else ""
        if start == 0 and len(end) < len(text) and not text[-len(end) - 1].isspace():
            start = len(words[0])
        sentences = [match.end() for match in _SENTENCE_END.finditer(end, start, (start + len(end)) // 2)]
        return end[sentences[0] if sentences and not _starts_sentence(text, end, start) else start :].lstrip()

    def halves(self, text: str) -> Sequence[str]:
        """A text cut in two near its middle, at a blank where there is one near, else at a token; each part has a token.

        One part where it cannot be cut like that.
        """
        middle = len(text) // 2
        blank = max(text.rfind(sign, middle // 2, middle + 1) for sign in (" ", "\n")) + 1
        parts = [text[:blank], text[blank:]]
        return parts if all(self._counter.exact(parts)) else self._counter.halves(text)

    def _words(self, text: str, room: int) -> Iterator[Piece]:
        # Quarters fill chunks better than pieces that need one each.
        quarter = max(1, room // 4)
        words = _WORD.findall(text)
        held: list[str] = []
        held_weight = 0
        for word, weight in zip(words, self._counter.weigh(words), strict=True):
            if held and held_weight + weight > quarter:
                yield Piece("".join(held), held_weight)
                held, held_weight = [], 0
            if weight > room:
                windows = list(self._counter.windows(word, room))
                yield from map(Piece, windows, self._counter.weigh(windows))
            else:
                held.append(word)
                held_weight += weight
        if held:
            yield Piece("".join(held), held_weight)


def cut(text: str, end: re.Pattern[str]) -> Iterator[str]:
    """The parts of a text, each up to and with a match of `end`."""
    start = 0
    for match in end.finditer(text):
        yield text[start : match.end()]
        start = match.end()
    if start < len(text):
        yield text[start:]


def _starts_sentence(text: str, end: str, start: int) -> bool:
    before = text[: len(text) - len(end) + start].rstrip()[-1:]
    return not before or before in ".!?…。！？।؟۔"
