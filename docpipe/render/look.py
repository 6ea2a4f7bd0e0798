"""How a page's picture is to look."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from docpipe.models import Box

THUMBNAIL_WIDTH = 240


@dataclass(frozen=True, slots=True)
class Look:
    """Its size, and what is drawn on it."""

    dpi: float = 150.0
    width: int = 0
    """Pixels, instead of the resolution; 0: by resolution."""
    colours: int = 0
    """A picture of so many colours, which makes a page of text three times smaller; 0: all there are."""
    outlined: tuple[Box, ...] = ()
    """Boxes with a thin line around them; those of other pages are left out."""
    marked: tuple[Box, ...] = ()
    """Boxes marked as with a highlighter."""

    @property
    def name(self) -> str:
        """The same look is the same name."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]
