"""Letters as people type them: what fonts draw as one sign, or in two pieces, is put right for search."""

from __future__ import annotations

import re
import unicodedata

# Latin and Armenian ligatures, and the shapes that Hebrew and Arabic letters take in a word. The honorifics and other
# signs from U+FDF0 on stand for whole phrases: they stay as they are.
_SHAPES = re.compile("[\ufb00-\ufb06\ufb13-\ufb17\ufb1d-\ufb4f\ufb50-\ufbb1\ufbd3-\ufd3d\ufd50-\ufdc7\ufe70-\ufefc]+")
# TeX's older fonts have no accented letters: the accent comes as a sign of its own, just before its letter.
_ACCENTED = re.compile("([\u00a8\u00b8\u02c6\u02c7\u02d8-\u02da\u02dc\u02dd])([A-Za-z\u0131\u0237])")
_MARKS = {
    "\u00a8": "\u0308",
    "\u00b8": "\u0327",
    "\u02c6": "\u0302",
    "\u02c7": "\u030c",
    "\u02d8": "\u0306",
    "\u02d9": "\u0307",
    "\u02da": "\u030a",
    "\u02dc": "\u0303",
    "\u02dd": "\u030b",
}
_DOTLESS = {"\u0131": "i", "\u0237": "j"}
_SOFT_HYPHEN = re.compile("\u00ad(?=.)", re.DOTALL)
_SPACELESS = re.compile("[\u2e80-\u2fdf\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")


def repaired(line: str) -> str:
    """The line with ligatures as letters, accents on their letters and no soft hyphen but at its end.

    Not for code, in which every sign means itself.
    """
    if line.isascii():
        return line
    line = _SHAPES.sub(lambda match: unicodedata.normalize("NFKC", match.group()), line)
    return _SOFT_HYPHEN.sub("", _ACCENTED.sub(_composed, line))


def is_spaceless(sign: str) -> bool:
    """Whether the sign belongs to a script that puts no blanks between words: Chinese and Japanese, but not Korean."""
    return sign >= "\u2e80" and bool(_SPACELESS.match(sign))


def _composed(match: re.Match[str]) -> str:
    accent, letter = match.groups()
    whole = unicodedata.normalize("NFC", _DOTLESS.get(letter, letter) + _MARKS[accent])
    return whole if len(whole) == 1 else match.group()
