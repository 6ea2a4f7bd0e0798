"""What the two models that may be behind a provider cost, and how much a day may be spent on them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from docpipe.cost.price_table import ModelPrice, price_table
from docpipe.cost.provider import is_own, provider_of
from docpipe.cost.usage import Usage
from docpipe.embed.model import API, api_name
from docpipe.settings import Settings


@dataclass(frozen=True, slots=True)
class Tariff:
    """One model of one provider."""

    provider: str
    model: str
    price: ModelPrice
    limit: float | None
    """US dollars a day for all models of the provider; None: as much as it takes."""

    def usage(self, *, requests: float = 1.0, input_tokens: int = 0, output_tokens: int = 0, pictures: int = 0) -> Usage:
        """What was asked, with what it costs."""
        asked = Usage(self.provider, self.model, requests, input_tokens, output_tokens, pictures)
        return replace(asked, usd=self.price.of(asked))


def embed_tariff(settings: Settings) -> Tariff | None:
    """Of the embedding model; None for a local one. Raises `PriceMissing`."""
    if not settings.embedder.startswith(API):
        return None
    return _tariff(settings, settings.embed_url, settings.embed_provider, api_name(settings))


def vision_tariff(settings: Settings) -> Tariff | None:
    """Of the vision model; None where there is none. Raises `PriceMissing`."""
    if not settings.vision_url:
        return None
    return _tariff(settings, settings.vision_url, settings.vision_provider, settings.vision_model)


def asked_models(settings: Settings) -> frozenset[tuple[str, str]]:
    """Provider and model of those that a stage asks, servers of our own included."""
    asked: set[tuple[str, str]] = set()
    if settings.embedder.startswith(API):
        asked.add((provider_of(settings.embed_url, settings.embed_provider), api_name(settings)))
    if settings.vision_url:
        asked.add((provider_of(settings.vision_url, settings.vision_provider), settings.vision_model))
    return frozenset(asked)


def _tariff(settings: Settings, url: str, chosen: str, model: str) -> Tariff:
    """Servers of our own are free unless the price table names them; all others are paid, and must stand there."""
    table, provider = price_table(settings), provider_of(url, chosen)
    is_free = provider not in table.models and not chosen and is_own(url)
    price = ModelPrice() if is_free else table.price(provider, model)
    return Tariff(provider, model, price, settings.budget_limits.get(provider))
