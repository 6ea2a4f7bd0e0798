"""LaTeX, rewritten where docling's reader garbles it."""

from __future__ import annotations

import re

_VERBATIM = re.compile(
    r"(\\begin\{(verbatim\*?|lstlisting|minted|Verbatim|equation\*?|align\*?|displaymath|math)\}.{0,3000}?\\end\{\2\}"
    r"|\\verb\*?([^\w\s])[^\n]{0,2000}?\3|(?<!\\)%[^\n]*|(?<!\\)\$\$.{0,3000}?\$\$|(?<!\\)\$[^$\n]*(?<!\\)\$|\\\[.{0,3000}?\\\])",
    re.DOTALL,
)
# Bounded, so that braces that are never closed cost no more than a look at what follows.
_GROUP = r"\{((?:[^{}]|\{[^{}]{0,500}\}){0,2000})\}"
_HREF = re.compile(rf"\\href\s*{_GROUP}\s*{_GROUP}")
_MULTICOLUMN = re.compile(rf"\\multicolumn\s*\{{\s*(\d{{1,2}})\s*\}}\s*{_GROUP}\s*{_GROUP}")
_OPTION = r"(?:\[[^\]]{0,100}\])?"
_MULTIROW = re.compile(rf"\\multirow\s*{_OPTION}\s*{_GROUP}\s*{_OPTION}\s*{_GROUP}\s*{_OPTION}\s*{_GROUP}")
_DASHES = (("---", "—"), ("--", "–"))


def simplified(text: str) -> str:
    """The text without links (their words stay), spans (as empty cells) and dashes of two or three hyphens."""
    pieces: list[str] = []
    end = 0
    for kept in _VERBATIM.finditer(text):
        pieces += [_plain(text[end : kept.start()]), kept[0]]
        end = kept.end()
    return "".join((*pieces, _plain(text[end:])))


def _plain(text: str) -> str:
    text = _HREF.sub(r"\2", text)
    text = _MULTICOLUMN.sub(lambda span: span[3] + " &" * (int(span[1]) - 1), text)
    text = _MULTIROW.sub(r"\3", text)
    for dash, character in _DASHES:
        text = text.replace(dash, character)
    return text
