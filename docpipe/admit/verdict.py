"""What the examination of one kind of content finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """A type that is accepted."""

    media_type: str
    pages: int = 0
    """0 where only the size tells."""


class Refusal(Exception):
    """The object is refused; the message says why and what to do."""

    def __init__(self, message: str, media_type: str = "") -> None:
        super().__init__(message)
        self.media_type = media_type
