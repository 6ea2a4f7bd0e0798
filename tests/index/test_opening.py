"""Which collection is written, which is searched, and which model its queries need."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from docpipe.errors import ModelMissing
from docpipe.index import open_catalog, open_reader, open_writer, own_collection, searched_collection, searched_model
from docpipe.settings import Settings
from tests.end_to_end.tiny_model import build_tiny_model
from tests.receipted import points_of

MakeSettings = Callable[..., Settings]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def fill(settings: Settings) -> None:
    with open_writer(settings) as index:
        index.replace([points_of("gate", 1, ["one"], own_collection(settings))])


def test_the_first_collection_is_searched_and_later_ones_are_not(settings: MakeSettings, model: Path) -> None:
    first, second = settings(), settings(embedder=str(model))
    assert searched_collection(second) == own_collection(second) != own_collection(first)
    fill(first)
    fill(second)
    assert searched_collection(first) == searched_collection(second) == own_collection(first)
    with open_reader(second) as index:
        assert (index.collection, list(index.inventory())) == (own_collection(first), [("gate", 1, 1)])
    with open_reader(first, own_collection(second)) as index:
        assert index.collection == own_collection(second)
    with open_catalog(first) as catalog:
        catalog.activate(own_collection(second).name)
    assert searched_collection(first) == own_collection(second)


def test_what_is_searched_needs_no_model_to_be_found(settings: MakeSettings) -> None:
    fill(settings())
    assert searched_collection(settings(embedder="/no/such/folder")) == own_collection(settings())


def test_queries_are_embedded_with_the_model_of_the_collection(settings: MakeSettings, model: Path) -> None:
    first, second = settings(), settings(embedder=str(model))
    assert searched_model(first, own_collection(first)) is first
    assert own_collection(searched_model(second, own_collection(first))) == own_collection(first)
    # What was said of one model says nothing of another.
    spoken = settings(embedder=str(model), embed_query_prompt="query: ", embed_window=40)
    found = searched_model(spoken, own_collection(first))
    assert (found.embedder, found.embed_query_prompt, found.embed_window) == (first.embedder, None, 0)


def test_a_model_that_moved_is_found_where_the_settings_say(settings: MakeSettings, model: Path, tmp_path: Path) -> None:
    before = own_collection(settings(embedder=str(model)))
    moved = settings(embedder=str(shutil.copytree(model, tmp_path / "elsewhere" / "tiny")))
    assert searched_model(moved, replace(before, embedder="/no/such/folder")) is moved


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_model_that_is_not_there_any_more_is_named(settings: MakeSettings, model: Path, tmp_path: Path, damage: str) -> None:
    copy = Path(shutil.copytree(model, tmp_path / "tiny"))
    collection = own_collection(settings(embedder=str(copy)))
    if damage == "gone":
        shutil.rmtree(copy)
    else:
        collection = replace(collection, model_sha256="0" * 64)
    with pytest.raises(ModelMissing, match="docpipe index activate") as raised:
        searched_model(settings(), collection)
    assert str(copy) in str(raised.value)
