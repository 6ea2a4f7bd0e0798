"""Requests and tokens a minute of a provider, shared by all workers through the ledger."""

from __future__ import annotations

from docpipe.embed.model import EmbeddingModel
from docpipe.ledger import Ledger
from docpipe.openai_api import shown_url
from docpipe.settings import Settings

BURST_SECONDS = 10.0
"""What is allowed in so long may be asked for at once, since providers look at less than a minute too."""


class RateLimits:
    """What one provider allows for one model."""

    def __init__(self, ledger: Ledger, name: str, requests_per_minute: int, tokens_per_minute: int) -> None:
        """A limit of 0 is none."""
        self._ledger = ledger
        self._name = name
        self._requests = requests_per_minute
        self._tokens = tokens_per_minute

    def take(self, tokens: int) -> float:
        """Reserve one request of so many tokens; returns the seconds to wait before it may be sent.

        Raises `TransientError` where the ledger does not answer.
        """
        wait = 0.0
        if self._requests:
            wait = self._ledger.take(f"{self._name} requests", 1, self._requests, max(1.0, self._requests * BURST_SECONDS / 60))
        if self._tokens:
            wait = max(wait, self._ledger.take(f"{self._name} tokens", tokens, self._tokens, self._tokens * BURST_SECONDS / 60))
        return wait

    def settle(self, reserved: int, billed: int) -> None:
        """Correct a reservation by what the provider counted."""
        if self._tokens and billed and billed != reserved:
            self._ledger.take(f"{self._name} tokens", billed - reserved, self._tokens, 0)

    def close(self) -> None:
        """Let go of the ledger."""
        self._ledger.close()


def open_rate_limits(settings: Settings, model: EmbeddingModel) -> RateLimits | None:
    """The limits that the settings name; None where they name none, and no ledger is opened."""
    if not settings.embed_requests_per_minute and not settings.embed_tokens_per_minute:
        return None
    name = f"embeddings {shown_url(settings.embed_url)} {model.name}"
    return RateLimits(Ledger.open(settings.ledger_url), name, settings.embed_requests_per_minute, settings.embed_tokens_per_minute)
