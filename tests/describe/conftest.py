from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from docpipe.settings import Settings, load_settings
from tests.openai_server import OpenAIServer, openai_server

VisionSettings = Callable[..., Settings]


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with openai_server() as state:
        yield state


@pytest.fixture
def vision_settings(server: OpenAIServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VisionSettings:
    """Settings with the server as the vision model; pauses between attempts are short."""
    monkeypatch.setattr("docpipe.retry.LONGEST_PAUSE", 0.02)

    def make(**overrides: object) -> Settings:
        chosen = {"home": tmp_path / "home", "workers": 1, "vision_url": server.url, "vision_model": "eyes", "vision_key": "secret-key"}
        return load_settings(**(chosen | overrides))

    return make
