"""Pages of a long document that were read, as a checkpoint keeps them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from docpipe.parse.page.element import Bookmark, Element, PageContent

LINE_FIELDS = [*PageContent.__slots__, *Element.__slots__, *Bookmark.__slots__]
"""What a line may name; a version that names anything else reads the pages again."""


@dataclass(frozen=True, slots=True)
class KeptPages:
    """Some of its pages, with what the first task said of all of them."""

    total: int
    """Pages of the document."""
    warnings: tuple[str, ...]
    seconds: float
    """Work on the document until then, that of earlier attempts included."""
    lines: Mapping[int, bytes]
    """By the number of the page, from 1: what its reader answered."""

    def to_bytes(self) -> bytes:
        """A JSON object in the first line, then a line for each page."""
        head = {"fields": LINE_FIELDS, "total": self.total, "warnings": self.warnings, "seconds": self.seconds}
        head["numbers"] = list(self.lines)
        return b"\n".join([json.dumps(head).encode(), *self.lines.values()])

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raises `ValueError` for anything else."""
        first, *lines = data.split(b"\n")
        try:
            head = json.loads(first)
            if head["fields"] != LINE_FIELDS:
                raise ValueError("pages as another version writes them")
            total, numbers = int(head["total"]), [int(one) for one in head["numbers"]]
            warnings, seconds = tuple(map(str, head["warnings"])), float(head["seconds"])
            kept = cls(total, warnings, seconds, dict(zip(numbers, lines, strict=True)))
        except (KeyError, TypeError, OverflowError, RecursionError) as error:
            raise ValueError(f"no pages: {error}") from error
        if total < 1 or not all(1 <= number <= total for number in numbers) or len(kept.lines) < len(numbers):
            raise ValueError("no pages, pages beyond the last one, or one of them twice")
        if not 0 <= seconds < math.inf:
            raise ValueError(f"{seconds} seconds of work")
        return kept
