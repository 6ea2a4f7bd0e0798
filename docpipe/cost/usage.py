"""What was asked of a provider, in the units that it bills."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one request, or of all that one document needed."""

    provider: str = ""
    """Empty where none was asked."""
    model: str = ""
    requests: float = 0.0
    """A document's share, where one request serves several."""
    input_tokens: int = 0
    output_tokens: int = 0
    pictures: int = 0
    usd: float = 0.0
    """By the price table: what the provider really charges is on its invoice."""

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        """Both together, under the name of the one that asked a provider."""
        return replace(
            self,
            provider=self.provider or other.provider,
            model=self.model or other.model,
            requests=self.requests + other.requests,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            pictures=self.pictures + other.pictures,
            usd=self.usd + other.usd,
        )


NO_USAGE = Usage()


def total(usages: Iterable[Usage]) -> Usage:
    """All of them together."""
    return sum(usages, NO_USAGE)
