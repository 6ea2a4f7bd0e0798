from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from docpipe.embed.embedder import CACHE_FILE, choose_backend, close_embedders, open_embedder, open_local_embedder
from docpipe.embed.local.graph import ensure_graph
from docpipe.embed.model import find_model
from docpipe.errors import ConfigurationError
from docpipe.settings import Settings
from tests.embed.conftest import convert_quickly

MakeSettings = Callable[..., Settings]


def test_a_worker_keeps_its_model(settings: MakeSettings) -> None:
    assert open_local_embedder(settings()) is open_local_embedder(settings(embed_cache_mb=1))


def test_the_cache_stands_before_the_model(settings: MakeSettings) -> None:
    made = settings()
    first = open_embedder(made).embed(["something to remember"])
    with sqlite3.connect(made.home / CACHE_FILE) as file:
        assert file.execute("SELECT count(*) FROM vectors").fetchone() == (1,)
    file.close()
    assert np.sum(first * open_embedder(made).embed(["something to remember"])) > 0.9999
    close_embedders()
    assert np.sum(first * open_embedder(made).embed(["something to remember"])) > 0.9999
    close_embedders()


def test_without_room_for_it_there_is_no_cache(settings: MakeSettings) -> None:
    made = settings(embed_cache_mb=0)
    open_embedder(made).embed(["nothing to remember"])
    assert not (made.home / CACHE_FILE).exists()


def test_an_unknown_backend_says_what_can_be_chosen() -> None:
    with pytest.raises(ConfigurationError, match="openvino or torch"):
        choose_backend("abacus")


def test_homes_may_share_the_converted_models(
    settings: MakeSettings, tmp_path: Path, tiny_master: Path, tiny_graph: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = str(tmp_path / "shared")
    first, second = (settings(home=tmp_path / name, embedder=str(tiny_master), models=shared) for name in ("first", "second"))
    assert first.models_folder == second.models_folder == tmp_path / "shared"
    assert settings(models="").models_folder == settings().home / "models"
    convert_quickly(monkeypatch, tiny_graph)
    made = ensure_graph(find_model(first), first.models_folder)
    monkeypatch.setattr("docpipe.embed.local.graph._convert", lambda *_: pytest.fail("converted twice"))
    assert ensure_graph(find_model(second), second.models_folder) == made


def test_a_warm_home_needs_no_torch(settings: MakeSettings, tiny_master: Path, tiny_graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = settings(embedder=str(tiny_master))
    convert_quickly(monkeypatch, tiny_graph)
    ensure_graph(find_model(made), made.models_folder)
    program = (
        "import sys; from docpipe.settings import load_settings; from docpipe.embed.embedder import open_embedder\n"
        "embedder = open_embedder(load_settings(home=sys.argv[1], embedder=sys.argv[2], embed_backend='openvino', _env_file=None))\n"
        "assert embedder.embed(['one', 'two words']).shape == (2, 32)\n"
        "print('torch' in sys.modules, any(name.startswith('openvino_telemetry.') for name in sys.modules))"
    )
    command = [sys.executable, "-c", program, str(made.home), str(tiny_master)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False False\n"
