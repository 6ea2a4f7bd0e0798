from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from docpipe.cost.tariff import embed_tariff, vision_tariff
from docpipe.errors import PriceMissing
from docpipe.settings import Settings

MakeSettings = Callable[..., Settings]


def test_local_models_have_no_tariff(settings: MakeSettings) -> None:
    assert embed_tariff(settings()) is None
    assert vision_tariff(settings()) is None


def test_a_paid_model_has_its_price_and_its_providers_budget(settings: MakeSettings) -> None:
    tariff = embed_tariff(settings(embedder="openai:text-embedding-3-large", budgets="openai=5"))
    assert tariff
    assert (tariff.provider, tariff.limit) == ("openai", 5.0)
    assert tariff.usage(input_tokens=1_000_000).usd == pytest.approx(0.13)


def test_a_server_of_ones_own_is_free_until_it_has_a_price(settings: MakeSettings, tmp_path: Path) -> None:
    free = {"embedder": "openai:bge", "embed_url": "http://gpu:8000/v1", "embed_dimension": 8}
    tariff = embed_tariff(settings(**free))
    assert tariff
    assert (tariff.provider, tariff.usage(input_tokens=10**9).usd, tariff.limit) == ("gpu", 0.0, None)
    prices = tmp_path / "prices.yaml"
    prices.write_text("date: 2026-11-22\nproviders: {gpu: {'*': {input: 1}}}")
    priced = embed_tariff(settings(**free, prices=str(prices)))
    assert priced
    assert priced.usage(input_tokens=10**6).usd == 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"embedder": "openai:text-embedding-9"},
        {"embedder": "openai:mistral-embed", "embed_url": "https://api.mistral.ai/v1"},
        {"embedder": "openai:bge", "embed_url": "http://gpu:8000/v1", "embed_provider": "openai"},
    ],
    ids=["a model of OpenAI's", "a provider", "a server that is said to be OpenAI's"],
)
def test_what_is_paid_and_has_no_price_is_no_tariff(settings: MakeSettings, wrong: dict[str, str]) -> None:
    with pytest.raises(PriceMissing, match="DOCPIPE_PRICES"):
        embed_tariff(settings(**wrong))
    seen = {"vision_url": "https://vision.example/v1", "vision_model": "eyes"}
    with pytest.raises(PriceMissing, match=r"eyes of vision\.example"):
        vision_tariff(settings(**seen))
