"""Text formats, made ready for docling: decoded, and rewritten where its readers would lose or garble something."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from docpipe.parse import formats
from docpipe.parse.markup import asciidoc, latex, mathml
from docpipe.parse.text.decoding import decode


@dataclass(frozen=True, slots=True)
class Prepared:
    """What docling is given."""

    data: bytes
    front: str = ""
    """Front matter of Markdown, which is no part of its text."""


def prepare(data: bytes, media_type: str) -> Prepared:
    """The file as docling reads it best; formats that are no text stay as they are."""
    if media_type == formats.HTML:
        return Prepared(_html(data))
    rewrite = _REWRITTEN.get(media_type)
    if rewrite is None:
        return Prepared(data)
    text, front = rewrite(decode(data).lstrip("\ufeff"))
    return Prepared(text.encode(), front)


_FRONT = re.compile(r"(?:---[ \t]*\n(.{0,20000}?)\n(?:---|\.\.\.)|\+\+\+[ \t]*\n(.{0,20000}?)\n\+\+\+)[ \t]*(?:\n|\Z)", re.DOTALL)
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_CHECKBOX = re.compile(r"^(\s*(?:[-*+]|\d{1,9}[.)])\s+)\[([ xX])\](?=\s)")


def _markdown(text: str) -> tuple[str, str]:
    """Front matter apart, which docling takes for a heading; check boxes as text, which it drops."""
    front = _FRONT.match(text)
    if front:
        text = text[front.end() :]
    fence = ""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if mark := _FENCE.match(line):
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        elif not fence:
            lines[number] = _CHECKBOX.sub(lambda box: box[1] + ("☐" if box[2] == " " else "☑"), line)
    return "\n".join(lines), (front[1] or front[2] or "").strip() if front else ""


_IMAGE = re.compile(rb"<img\b[^<>]*>", re.IGNORECASE)
_FALLBACK = b"mwe-math-fallback"
_ALT = re.compile(rb'\balt="([^"]+)"', re.IGNORECASE)


_DECLARED = re.compile(rb"""<meta[^>]{0,500}?charset\s*=|<\?xml[^>]{0,200}?encoding\s*=""", re.IGNORECASE)
_DECLARED_WITHIN = 4 * 1024


def _html(data: bytes) -> bytes:
    """Decoded by us where nothing declares the encoding, with formulas as LaTeX in place of MathML.

    Docling puts the letters of MathML into paragraphs of their own.
    """
    if not _DECLARED.search(data[:_DECLARED_WITHIN]):
        data = codecs.BOM_UTF8 + decode(data).lstrip("\ufeff").encode()
    if b"<math" in data or b"<MATH" in data:
        data = mathml.as_latex(data)
    return _IMAGE.sub(_fallback, data) if _FALLBACK in data else data


def _fallback(image: re.Match[bytes]) -> bytes:
    """MediaWiki hides the MathML and shows a picture, whose alternative text is the formula."""
    alternative = _ALT.search(image[0]) if _FALLBACK in image[0] else None
    return b"$" + alternative[1] + b"$" if alternative else image[0]


_VOICE = re.compile(r"<v(?:\.[\w.-]+)?[ \t]+([^<>\n]{1,200})>")


def _captions(text: str) -> str:
    """Who speaks, as text: docling leaves the name out."""
    return _VOICE.sub(r"\1: ", text)


def _plain(rewrite: Callable[[str], str]) -> Callable[[str], tuple[str, str]]:
    return lambda text: (rewrite(text), "")


_REWRITTEN: Mapping[str, Callable[[str], tuple[str, str]]] = {
    formats.MARKDOWN: _markdown,
    formats.ASCIIDOC: _plain(asciidoc.simplified),
    formats.LATEX: _plain(latex.simplified),
    formats.VTT: _plain(_captions),
}
