"""MathML in a web page, as LaTeX in its text."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

_START = re.compile(rb"<math\b", re.IGNORECASE)
_END = re.compile(rb"</math\s*>", re.IGNORECASE)
_MAX_LENGTH = 100_000
_MAX_DEPTH = 100
_SCRIPTS = {"msup": "^", "mover": "^", "msub": "_", "munder": "_"}
_BOTH_SCRIPTS = {"msubsup", "munderover"}
_UNSEEN = {"annotation", "annotation-xml", "mspace", "mphantom"}


def as_latex(data: bytes) -> bytes:
    """The page with every `<math>` as `$…$`; one that cannot be read stays as it is. For encodings that contain ASCII."""
    pieces: list[bytes] = []
    position = 0
    while (start := _START.search(data, position)) and (end := _END.search(data, start.end())):
        formula = data[start.start() : end.end()]
        pieces += [data[position : start.start()], _formula(formula) if len(formula) <= _MAX_LENGTH else formula]
        position = end.end()
    return b"".join((*pieces, data[position:]))


def _formula(found: bytes) -> bytes:
    from lxml import etree

    # No entity is resolved and no network is used; what is damaged is mended as browsers do.
    parser = etree.HTMLParser(no_network=True, recover=True, huge_tree=False, encoding="utf-8")
    try:
        root = etree.fromstring(found, parser).find(".//math")
    except (etree.XMLSyntaxError, ValueError, AttributeError):
        return found
    if root is None:
        return found
    source = next((note.text for note in root.iter("annotation") if "tex" in (note.get("encoding") or "") and note.text), None)
    text = " ".join((source or root.get("alttext") or _written(root)).split())
    # Beyond ASCII as references, which mean the same in every encoding of the page.
    return f"${html.escape(text, quote=False)}$".encode("ascii", "xmlcharrefreplace") if text else found


def _written(node: _Element, depth: int = 0) -> str:
    """The formula on one line: fractions, roots and scripts in LaTeX's signs, all else as its characters."""
    name = str(node.tag).lower() if isinstance(node.tag, str) else "annotation"
    if name in _UNSEEN or depth > _MAX_DEPTH:
        return ""
    parts = [written for child in node if (written := _written(child, depth + 1))]
    if not len(node):
        return (node.text or "").strip()
    if name == "mfrac" and len(parts) == 2:
        return rf"\frac{{{parts[0]}}}{{{parts[1]}}}"
    if name == "msqrt":
        return rf"\sqrt{{{' '.join(parts)}}}"
    if name in _SCRIPTS and len(parts) > 1:
        return f"{parts[0]}{_SCRIPTS[name]}{{{' '.join(parts[1:])}}}"
    if name in _BOTH_SCRIPTS and len(parts) > 2:
        return f"{parts[0]}_{{{parts[1]}}}^{{{parts[2]}}}"
    return " ".join(parts)
