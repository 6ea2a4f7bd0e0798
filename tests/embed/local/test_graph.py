from __future__ import annotations

import os
import resource
import shutil
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from docpipe.embed.local import graph as graph_module
from docpipe.embed.local.conversion import convert
from docpipe.embed.local.graph import GRAPH_FILE, ensure_graph, graph_folder
from docpipe.embed.local.openvino_encoder import OpenvinoEncoder
from docpipe.embed.model import EmbeddingModel, find_model
from docpipe.errors import ModelMissing
from docpipe.settings import Settings, load_settings
from tests.embed.conftest import convert_quickly

MakeSettings = Callable[..., Settings]


@pytest.fixture(scope="module")
def model(tiny_master: Path) -> EmbeddingModel:
    return find_model(load_settings(embedder=str(tiny_master), _env_file=None))


def test_of_two_that_convert_at_once_the_first_ones_stays(
    model: EmbeddingModel, tiny_graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2)

    def together(_: EmbeddingModel, target: Path) -> None:
        shutil.copytree(tiny_graph, target, dirs_exist_ok=True)
        both.wait(60)

    monkeypatch.setattr(graph_module, "_convert", together)
    with ThreadPoolExecutor(2) as threads:
        made = list(threads.map(lambda _: ensure_graph(model, tmp_path), range(2)))
    assert made == [graph_folder(model, tmp_path) / GRAPH_FILE] * 2
    assert [path.name for path in tmp_path.iterdir()] == [graph_folder(model, tmp_path).name]


def test_a_network_has_one_graph_whatever_its_prompts_and_dimension(settings: MakeSettings, tiny: Path, tmp_path: Path) -> None:
    own = graph_folder(find_model(settings(embedder=str(tiny))), tmp_path)
    other = find_model(settings(embedder=str(tiny), embed_dimension=8, embed_passage_prompt="passage: "))
    assert graph_folder(other, tmp_path) == own
    assert graph_folder(find_model(settings(embedder=str(tiny), embed_pooling="cls")), tmp_path) != own


@pytest.mark.parametrize("damage", ["weights", "graph", "half", "no digest"])
def test_a_damaged_graph_says_what_to_delete(
    model: EmbeddingModel, tiny_graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    convert_quickly(monkeypatch, tiny_graph)
    folder = graph_folder(model, tmp_path)
    assert ensure_graph(model, tmp_path) == folder / GRAPH_FILE
    weights = folder / "model.bin"
    if damage == "weights":
        weights.write_bytes(b"\1" + weights.read_bytes()[1:])
    elif damage == "graph":
        (folder / GRAPH_FILE).write_text("<net")
    elif damage == "half":
        weights.write_bytes(weights.read_bytes()[:1_000])
    else:
        (folder / "sha256").unlink()
    with pytest.raises(ModelMissing, match=f"delete {folder}"):
        OpenvinoEncoder(model, tmp_path)


def test_a_conversion_that_fails_leaves_nothing_behind(
    settings: MakeSettings, model: EmbeddingModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    # In the place of the interpreter: its last argument is the folder to write to.
    program.write_text('#!/bin/sh\nfor target; do :; done\necho half > "$target/model.bin"\necho first >&2\necho "no room" >&2\nexit 3\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    models = settings().home / "models"
    with pytest.raises(ModelMissing, match=r"\(no room; \d+ MiB free on the disk\): set DOCPIPE_EMBED_BACKEND=torch"):
        ensure_graph(model, models)
    assert list(models.iterdir()) == []


@pytest.mark.filterwarnings("ignore")
def test_a_disk_that_is_full_while_converting_is_noticed(model: EmbeddingModel, tmp_path: Path) -> None:
    assert model.folder is not None
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
    try:
        with pytest.raises(Exception):  # noqa: B017 - any ends the process that converts
            convert(model.folder, model.pooling, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_killed_conversions_left_is_removed(
    model: EmbeddingModel, tiny_graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert_quickly(monkeypatch, tiny_graph)
    for name in ("old", "new"):
        (tmp_path / f".converting-{name}" / "graph").mkdir(parents=True)
    os.utime(tmp_path / ".converting-old", (1, 1))
    ensure_graph(model, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".converting-new", graph_folder(model, tmp_path).name}


def test_a_folder_that_cannot_be_written_is_named(settings: MakeSettings, tiny: Path) -> None:
    models = settings().home / "models"
    models.parent.mkdir()
    models.write_text("a file where the folder should be")
    with pytest.raises(ModelMissing, match="cannot be written"):
        OpenvinoEncoder(find_model(settings(embedder=str(tiny))), models)
