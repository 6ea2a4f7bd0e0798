from __future__ import annotations

import pytest

from docpipe.cost.provider import is_own, provider_of


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://API.OpenAI.com./v1", "openai"),
        ("https://ours.openai.azure.com/openai/v1", "azure"),
        ("https://api.mistral.ai/v1", "api.mistral.ai"),
        ("https://api.openai.com.evil.example/v1", "api.openai.com.evil.example"),
        ("http://user:password@gpu:8000/v1", "gpu"),
        ("http://[::1]:8000/v1", "::1"),
    ],
)
def test_a_provider_is_named_after_its_host(url: str, name: str) -> None:
    assert provider_of(url) == name
    assert provider_of(url, " Ours ") == "ours"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/v1",
        "http://localhost/v1",
        "http://gpu-box:8000/v1",
        "http://10.1.2.3/v1",
        "http://[fd00::1]/v1",
        "http://vllm.models.svc/v1",
        "http://vllm.models.svc.cluster.local/v1",
        "https://llm.corp.internal/v1",
    ],
)
def test_servers_of_our_own_are_known_by_their_addresses(url: str) -> None:
    assert is_own(url)


@pytest.mark.parametrize(
    "url", ["https://api.openai.com/v1", "http://8.8.8.8/v1", "https://local.example/v1", "https://svc.example.org/v1"]
)
def test_others_are_paid(url: str) -> None:
    assert not is_own(url)
