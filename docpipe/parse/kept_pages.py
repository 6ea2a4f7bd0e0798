"""Pages of a long document that were read, as a checkpoint keeps them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class KeptPages:
    """Some of its pages, with what the first task said of all of them."""

    total: int
    """Pages of the document."""
    warnings: tuple[str, ...]
    lines: Mapping[int, bytes]
    """By the number of the page, from 1: what its reader answered."""

    def to_bytes(self) -> bytes:
        """A JSON object in the first line, then a line for each page."""
        head = {"total": self.total, "warnings": self.warnings, "numbers": list(self.lines)}
        return b"\n".join([json.dumps(head).encode(), *self.lines.values()])

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raises `ValueError` for anything else."""
        first, *lines = data.split(b"\n")
        try:
            head = json.loads(first)
            total, numbers = int(head["total"]), [int(one) for one in head["numbers"]]
            kept = cls(total, tuple(map(str, head["warnings"])), dict(zip(numbers, lines, strict=True)))
        except (KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"no pages: {error}") from error
        if not all(1 <= number <= total for number in numbers):
            raise ValueError("pages beyond the last one")
        return kept
