"""What the modules of patterns have in common: a pattern proposes, a reader disposes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """A match that is what it looked like."""

    start: int
    end: int
    value: str = ""
    """Normalised; empty where that is not possible."""
    masked: str = ""
    """Shown instead of the text itself, where that is a secret."""


@dataclass(frozen=True, slots=True)
class Recognizer:
    """One kind of finding.

    Patterns must take time linear in the text, whatever the text: repetitions are bounded, and a look-behind keeps
    a search from starting inside a run that it has already tried.
    """

    kind: str
    pattern: re.Pattern[str]
    read: Callable[[re.Match[str]], Found | None]
    """None for a match that is no such thing."""
    cue: re.Pattern[str] = re.compile("[0-9]")
    """Found in every text that holds a match, and quicker to look for."""


def whole(match: re.Match[str], value: str = "") -> Found:
    """The match itself is the finding."""
    return Found(match.start(), match.end(), value)
