"""Everything that patterns recognise in a text."""

from __future__ import annotations

from collections.abc import Sequence

from docpipe.enrich.amounts import AMOUNTS
from docpipe.enrich.dates import DATES
from docpipe.enrich.identifiers import IDENTIFIERS, PHONES
from docpipe.enrich.recognizer import Recognizer
from docpipe.models import Finding

RECOGNIZERS: Sequence[Recognizer] = (*IDENTIFIERS, *DATES, *AMOUNTS, *PHONES)
"""The surest first: what one has claimed, no later one may."""


def find(text: str, start: int = 0) -> tuple[Finding, ...]:
    """The findings of a text that end after `start`, in the order of the text; none overlaps another."""
    claimed = bytearray(len(text))
    found: list[Finding] = []
    for recognizer in RECOGNIZERS:
        if not recognizer.cue.search(text):
            continue
        for match in recognizer.pattern.finditer(text):
            one = recognizer.read(match)
            if one is None or any(claimed[one.start : one.end]):
                continue
            claimed[one.start : one.end] = b"\x01" * (one.end - one.start)
            if one.end > start:
                shown = one.masked or text[one.start : one.end]
                found.append(Finding(kind=recognizer.kind, text=shown, value=one.value, start=one.start))
    return tuple(sorted(found, key=lambda finding: finding.start))
