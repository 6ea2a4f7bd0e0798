"""The contract of a model that looks at pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from docpipe.cost.usage import NO_USAGE, Usage
from docpipe.describe.prompt import Prompt


@dataclass(frozen=True, slots=True)
class Said:
    """An answer."""

    text: str
    """Empty where the model found nothing worth saying."""
    usage: Usage = NO_USAGE
    """None for an answer that was found."""


class VisionModel(Protocol):
    """A model behind a server; called by many threads at once."""

    name: str

    def ask(self, prompt: Prompt, picture: bytes, media_type: str) -> Said:
        """Answer about one picture.

        Raises `TransientError` where another try may succeed, `PermanentError` where this picture gets no answer,
        `ConfigurationError` where no picture does, `BudgetSpent` where there is no money for it today.
        """

    def close(self) -> None:
        """Let go of connections."""
