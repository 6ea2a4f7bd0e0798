"""What it may take to open a file."""

from __future__ import annotations

from dataclasses import dataclass, field

from docpipe.parse.figure.figure_limits import NO_FIGURES, FigureLimits


@dataclass(frozen=True, slots=True)
class Opening:
    """Passed to the worker with each document that a reader of whole files takes."""

    passwords: tuple[str, ...] = field(default=(), repr=False)
    """To try on encrypted files, in this order."""
    libreoffice: str = ""
    """Path of the program; empty where there is none."""
    figures: FigureLimits = NO_FIGURES
    """How many pictures are kept."""
