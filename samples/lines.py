"""Text to lines: emphasis, footnote marks, greedy line breaking and hyphenation from a word list."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pymupdf

_MARK = re.compile(r"(\*\*.+?\*\*|\*.+?\*|\^\w+\^)")

_SYLLABLES = """tem-per-a-ture tem-per-a-tures mea-sure-ment mea-sure-ments avail-abil-ity pro-duc-tion con-di-tions me-te-o-ro-log-i-cal
ac-cu-mu-la-tion ac-cre-tion aero-dy-namic in-stru-mented de-tec-tion sys-tem-atic per-for-mance main-te-nance eval-u-ated
com-par-i-son dis-tri-bu-tion op-er-a-tion op-er-a-tional hu-mid-ity thresh-old re-li-able es-ti-mated ro-ta-tional fre-quency
clas-si-fier nu-mer-i-cal un-cer-tainty con-trol-ler gen-er-a-tor in-ter-val in-stal-la-tion ob-ser-va-tion ob-ser-va-tions
be-tween dur-ing tur-bine tur-bines ref-er-ence sen-sors col-umn thick-ness pre-dic-tion neg-a-tive pos-i-tive"""
HYPHENATION = {word.replace("-", ""): word.split("-") for word in _SYLLABLES.split()}


@dataclass(frozen=True, slots=True)
class Face:
    """Three of the fonts that come with MuPDF, by their short names."""

    regular: str
    bold: str
    italic: str


SANS = Face("helv", "hebo", "heit")
SERIF = Face("tiro", "tibo", "tiit")
TYPEWRITER = Face("cour", "cobo", "coit")


@dataclass(frozen=True, slots=True)
class Run:
    """Letters in one font; `rise` lifts them above the baseline, in points."""

    text: str
    font: str
    size: float
    rise: float = 0.0

    @property
    def width(self) -> float:
        return float(font(self.font).text_length(self.text, fontsize=self.size))


Word = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Line:
    words: tuple[Word, ...]
    width: float
    """Of the words alone, without the spaces between them."""
    marks: tuple[str, ...]
    """Footnotes called in this line."""
    last: bool


@cache
def font(name: str) -> Any:
    return pymupdf.Font(name)


def words(text: str, face: Face, size: float) -> Iterator[Word]:
    """Split at spaces; `**bold**`, `*italic*` and `^1^` (a footnote's number) change the font."""
    current: list[Run] = []
    for part in _MARK.split(text):
        if part.startswith("**"):
            name, body, scale, rise = face.bold, part[2:-2], 1.0, 0.0
        elif part.startswith("*") and len(part) > 1:
            name, body, scale, rise = face.italic, part[1:-1], 1.0, 0.0
        elif part.startswith("^") and len(part) > 1:
            name, body, scale, rise = face.regular, part[1:-1], 0.65, 0.35
        else:
            name, body, scale, rise = face.regular, part, 1.0, 0.0
        for piece in re.split(r"( +)", body):
            if piece.startswith(" "):
                if current:
                    yield tuple(current)
                current = []
            elif piece:
                current.append(Run(piece, name, size * scale, size * rise))
    if current:
        yield tuple(current)


def break_lines(text: str, face: Face, size: float, width: float, hyphenate: bool = False) -> list[Line]:
    """Fill each line as far as it goes; a word wider than the line stands alone."""
    space = float(font(face.regular).text_length(" ", fontsize=size))
    lines: list[Line] = []
    current: list[Word] = []
    filled = 0.0
    for word in words(text, face, size):
        rest = word
        needed = _width(word)
        if current and filled + space * len(current) + needed > width:
            room = width - filled - space * len(current)
            if hyphenate and (halves := _hyphenated(word, room)):
                current.append(halves[0])
                filled += _width(halves[0])
                rest = halves[1]
                needed = _width(rest)
            lines.append(_line(current, filled))
            current, filled = [], 0.0
        current.append(rest)
        filled += needed
    lines.append(_line(current, filled, last=True))
    return lines


def _line(current: list[Word], filled: float, last: bool = False) -> Line:
    marks = tuple(run.text for word in current for run in word if run.rise)
    return Line(tuple(current), filled, marks, last)


def _width(word: Word) -> float:
    return sum(run.width for run in word)


def _hyphenated(word: Word, room: float) -> tuple[Word, Word] | None:
    """The word in two parts of which the first, with a hyphen, fits in `room`."""
    first = word[0]
    letters = re.match(r"\w+", first.text)
    syllables = HYPHENATION.get(letters[0]) if letters else None
    if syllables is None:
        return None
    for count in range(len(syllables) - 1, 0, -1):
        head = "".join(syllables[:count])
        start = Run(head + "-", first.font, first.size)
        if start.width <= room:
            return (start,), (Run(first.text[len(head) :], first.font, first.size), *word[1:])
    return None
