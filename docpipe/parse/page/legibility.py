"""Does a page's text say what the page shows? Fonts with a wrong or missing table of characters give other letters."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from operator import itemgetter

import numpy as np

_CID = re.compile(r"\(cid:\d+\)")
_BAD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff]")
_MIXED = re.compile(r"[0-9#$%&*+<=>@^|~](?<=[A-Za-z].)[0-9#$%&*+<=>@^|~]*[A-Za-z]")

_VOWELS = {
    "LATIN": frozenset("aeiouyæœøıəɛɔ"),
    "GREEK": frozenset("αεηιουω"),
    "CYRILLIC": frozenset("аеиоуыэюяіє"),
}
_ODD = re.compile(
    r"[A-Za-z][^\w\s'\u2019./&@,:()\u2013-]+[A-Za-z]|[a-z][0-9]+[a-z]|[a-z][A-Z]{2}|^[^\w\s(\"\u201c]+[A-Za-z]|[A-Za-z][*\u00ab\u00bb^~|\\_]+$"
)
"""Latin tokens as OCR leaves them when it misreads: a sign or digit inside a word or hanging on it."""
_SPACED = re.compile(r"(?<!\S)[A-Za-z](?:\s[A-Za-z]){2,}(?!\S)")
"""A word in single letters."""
_ENOUGH = 200
"""Letters of one script: with fewer, an honest text may look odd."""
_VOWEL_SHARE = (0.25, 0.62)
"""Share of the vowels among the letters; texts in European languages have 0.34 to 0.52."""
_COMMON = "eaiontsrld"
_COMMON_SHARE = 0.48
"""Of these ten letters among all Latin ones; texts in European languages have 0.56 to 0.75, a Caesar shift of them 0.38."""
_MOST_COMMON = 0.5
"""Share of one character among all; the letter e has 0.13 in English."""
_FEW_TOKENS = 30
_MIXED_WORDS = 50
"""Words of three letters or more; fewer are not judged."""
_MIXED_SHARE = 0.3
"""Of words of three letters or more: with a digit or sign between letters."""


def characters(text: str) -> int:
    """How many characters that are no white space the text has, each `(cid:…)` that a writer left counted as one."""
    return sum(_times(text).values())


def bad_share(text: str) -> float:
    """Share of the characters that no reader could make sense of: control characters, replacement characters and
    `(cid:…)`, private use, unassigned."""
    times = _times(text)
    return sum(times[one] for one in times if _is_bad(one)) / sum(times.values()) if times else 0.0


@lru_cache(maxsize=1)
def _times(text: str) -> Mapping[str, int]:
    """How often each character stands in the text; no white space, and one unreadable character for each `(cid:…)`.

    Kept for the text that is asked about several times. A `Counter` takes ten times as long.
    """
    if "cid:" in text:
        text = _CID.sub("\ufffd", "".join(text.split()))
    if text.isascii():
        times = np.bincount(np.frombuffer(text.encode(), np.uint8))
    else:
        encoded = text.encode("utf-16-le", "surrogatepass")
        if len(encoded) != 2 * len(text):
            return Counter("".join(text.split()))
        times = np.bincount(np.frombuffer(encoded, np.uint16))
    codes = np.flatnonzero(times)
    counted = zip(map(chr, codes.tolist()), times[codes].tolist(), strict=True)
    return {character: count for character, count in counted if not character.isspace()}


@lru_cache(maxsize=4_096)
def _is_bad(character: str) -> bool:
    return bool(_BAD.match(character)) or unicodedata.category(character) == "Cn"


@lru_cache(maxsize=4_096)
def _letters(character: str) -> tuple[tuple[str, str], ...]:
    """The lower case letters of a character without its accents, each with its script; nothing for what is no letter."""
    bare = unicodedata.normalize("NFD", character.lower()).replace("\u0301", "").replace("\u0300", "")
    return tuple((letter, _script(letter)) for letter in bare if letter.isalpha())


def _script(letter: str) -> str:
    name = unicodedata.name(letter, "")
    return next((script for script in _VOWELS if name.startswith(script)), "OTHER")


def suspicion(text: str) -> str:
    """Why text of readable characters may still not be what the page shows; empty where nothing speaks for it.

    Judges texts in Latin, Greek and Cyrillic letters with enough of them, and no others. What it suspects is to be
    compared with what OCR reads, since tables of codes look alike.
    """
    counted = _times(text)
    total = sum(counted.values())
    if total >= _ENOUGH:
        character, times = max(counted.items(), key=itemgetter(1))
        if times > _MOST_COMMON * total and character not in ".\u2026_-":
            return f"{times / total:.0%} of the characters are the same"
    scripts: dict[str, dict[str, int]] = {script: {} for script in (*_VOWELS, "OTHER")}
    for character, times in counted.items():
        for letter, script in _letters(character):
            own = scripts[script]
            own[letter] = own.get(letter, 0) + times
    letters = sum(sum(own.values()) for own in scripts.values())
    for script, vowels in _VOWELS.items():
        own = scripts[script]
        total = sum(own.values())
        if total < _ENOUGH or total < 0.8 * letters:
            continue
        share = sum(times for letter, times in own.items() if letter in vowels) / total
        if not _VOWEL_SHARE[0] <= share <= _VOWEL_SHARE[1]:
            return f"{share:.0%} of its letters are vowels, which no language has"
        usual = sum(own.get(letter, 0) for letter in _COMMON) / total
        if script == "LATIN" and usual < _COMMON_SHARE:
            return f"{usual:.0%} of its letters are common ones, which no language has"
    # A word counts once, however often it mixes: fewer places than the words it takes need no look at each word.
    if len(_MIXED.findall(text)) > _MIXED_SHARE * _MIXED_WORDS:
        words = [word for word in text.split() if len(word) > 2]
        if len(words) >= _MIXED_WORDS and sum(bool(_MIXED.search(word)) for word in words) > _MIXED_SHARE * len(words):
            return "most of its words mix letters with digits or signs"
    return ""


def mess(text: str) -> float:
    """Share of the Latin tokens that look misread: odd ones, and those in single letters; 0 for a text of fewer than 30.

    Sound documents have below 0.1, the poor text layer of one old scan 0.3.
    """
    tokens = [token for token in text.split() if any(letter.isascii() and letter.isalpha() for letter in token)]
    if len(tokens) < _FEW_TOKENS:
        return 0.0
    odd = sum(bool(_ODD.search(token)) for token in tokens if len(token) > 2)
    alone = sum(len(run[0].split()) for run in _SPACED.finditer(text))
    return (odd + alone) / len(tokens)
