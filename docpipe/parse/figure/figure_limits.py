"""How much is kept of a document's figures."""

from __future__ import annotations

from dataclasses import dataclass

from docpipe.settings import MEBIBYTE, Settings


@dataclass(frozen=True, slots=True)
class FigureLimits:
    """The most that is kept of one document."""

    count: int
    size: int
    """Bytes."""

    @classmethod
    def from_settings(cls, settings: Settings) -> FigureLimits:
        return cls(settings.figures, settings.figures_mb * MEBIBYTE)


NO_FIGURES = FigureLimits(0, 0)
