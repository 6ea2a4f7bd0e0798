"""What a judgement points at: a document, or one page of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

_PAGE = re.compile(r"(.+)#page=([1-9]\d{0,8})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Target:
    """A document of the bucket, or a page, slide or sheet of it."""

    object_key: str
    page: int | None = None
    """None: the whole document."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `reports/q1.pdf` or `reports/q1.pdf#page=13`, the fragment that browsers know too."""
        found = _PAGE.fullmatch(text)
        return cls(found[1], int(found[2])) if found else cls(text)

    def __str__(self) -> str:
        return self.object_key if self.page is None else f"{self.object_key}#page={self.page}"
