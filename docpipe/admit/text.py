"""Kinds of text: by their marks, and by the name where they have none."""

from __future__ import annotations

import re

from docpipe.admit.verdict import Refusal, Verdict
from docpipe.parse import formats
from docpipe.parse.text.decoding import encoding_of

_NAMES = {
    "md": formats.MARKDOWN,
    "markdown": formats.MARKDOWN,
    "csv": formats.CSV,
    "tsv": formats.TSV,
    "html": formats.HTML,
    "htm": formats.HTML,
    "xhtml": formats.HTML,
    "adoc": formats.ASCIIDOC,
    "asciidoc": formats.ASCIIDOC,
    "tex": formats.LATEX,
    "eml": formats.EMAIL,
}
_HTML = re.compile(r"<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>]", re.IGNORECASE)
_JATS = re.compile(
    r"<!DOCTYPE\s+article\b[^>]{0,200}(?:JATS|NLM//DTD)|<article\s[^>]{0,2000}\b(?:article-type|dtd-version)=", re.IGNORECASE
)
_XML = re.compile(r"\s*<(?:\?xml\b|!DOCTYPE\b|!ENTITY\b)", re.IGNORECASE)
_LATEX = re.compile(r"\\documentclass|\\begin\{document\}")
_LATEX_START = re.compile(rf"\A(?:\s|%[^\n]*\n){{0,1000}}(?:{_LATEX.pattern})")
_OPEN = (formats.TEXT, formats.HTML, formats.EMAIL)
"""What a name promises that a page of HTML may have as well."""
_HEADER = re.compile(
    r"^(received|from|to|cc|subject|date|message-id|mime-version|return-path|delivered-to|reply-to|sender|content-type|x-[\w-]+):",
    re.IGNORECASE | re.MULTILINE,
)
_BLANK_LINE = re.compile(r"\r?\n\r?\n")
_MAIL_NEEDS = 3
"""Distinct mail headers at the top; fewer also begin letters and notes."""


def examine(head: bytes, key: str) -> Verdict | None:
    """The kind of a text by its head; None where it is no text. Raises `Refusal` for XML of a kind that is not read."""
    encoding = encoding_of(head)
    if encoding is None:
        return None
    text = head.decode(encoding, errors="replace").lstrip("\ufeff")
    suffix = key.rsplit("/", 1)[-1].rpartition(".")[2].lower()
    if text.startswith("WEBVTT"):
        return Verdict(formats.VTT)
    # Before HTML, which many mails hold, and before all else that a mail may be about.
    if _HEADER.match(text) and len({name.lower() for name in _HEADER.findall(_BLANK_LINE.split(text, 1)[0])}) >= _MAIL_NEEDS:
        return Verdict(formats.EMAIL)
    if _JATS.search(text):
        return Verdict(formats.JATS)
    named = _NAMES.get(suffix, formats.TEXT)
    # A text whose name says what it is may well be about HTML or LaTeX, and show some.
    if named is not formats.MARKDOWN and (_HTML.search(text) if named in _OPEN else _HTML.match(text.lstrip())):
        return Verdict(formats.HTML)
    if _XML.match(text):
        raise Refusal(f"XML that is neither HTML nor JATS is not accepted; accepted are {formats.ACCEPTED}")
    if (_LATEX_START if suffix in _NAMES else _LATEX).search(text):
        return Verdict(formats.LATEX)
    return Verdict(named)
