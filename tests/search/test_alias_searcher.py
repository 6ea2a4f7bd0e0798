from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from docpipe.errors import IndexUnavailable, ModelMissing
from docpipe.index import open_catalog, own_collection
from docpipe.search import AliasSearcher, alias_searcher
from docpipe.settings import Settings
from tests.end_to_end.tiny_model import build_tiny_model
from tests.search.passages import document, store

MakeSettings = Callable[..., Settings]


@pytest.fixture(scope="module")
def model_master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def model(model_master: Path, tmp_path: Path) -> Path:
    """A copy that the test may delete."""
    return Path(shutil.copytree(model_master, tmp_path / "tiny"))


@pytest.fixture
def old(settings: MakeSettings) -> Settings:
    made = settings()
    store(made, [document(made, "old", ["Bake it until the crust is brown."])])
    return made


@pytest.fixture
def new(settings: MakeSettings, old: Settings, model: Path) -> Settings:
    """The same index with another model, whose collection is not searched yet."""
    made = settings(embedder=str(model))
    store(made, [document(made, "new", ["Bake it until the crust is brown."])])
    return made


@pytest.fixture
def opened(old: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[AliasSearcher]:
    monkeypatch.setattr(alias_searcher, "LOOK_SECONDS", 0)
    with AliasSearcher(old) as made:
        yield made


def activate(settings: Settings) -> None:
    with open_catalog(settings) as catalog:
        catalog.activate(own_collection(settings).name)


def found(opened: AliasSearcher) -> list[str]:
    with opened.current() as searcher:
        return [hit.key for hit in searcher.search("crust")]


def test_it_follows_the_alias_to_another_model_and_back(opened: AliasSearcher, old: Settings, new: Settings) -> None:
    assert found(opened) == ["old"]
    activate(new)
    assert found(opened) == ["new"]
    activate(old)
    assert found(opened) == ["old"]


def test_it_looks_now_and_then_only(opened: AliasSearcher, new: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alias_searcher, "LOOK_SECONDS", 3_600)
    activate(new)
    assert found(opened) == ["old"]
    opened.look()
    assert found(opened) == ["new"]


def test_a_search_under_way_ends_where_it_began_and_then_lets_go(opened: AliasSearcher, new: Settings) -> None:
    with opened.current() as before:
        activate(new)
        assert found(opened) == ["new"]
        assert [hit.key for hit in before.search("crust")] == ["old"]
    with pytest.raises(IndexUnavailable, match="closed"):
        before.search("crust")


def test_it_stays_where_the_other_collection_cannot_be_searched(
    opened: AliasSearcher, new: Settings, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    activate(new)
    shutil.rmtree(model)
    assert found(opened) == ["old"]
    assert "put it back" in caplog.text
    with pytest.raises(ModelMissing):
        AliasSearcher(new)


def test_threads_keep_searching_while_the_alias_moves(opened: AliasSearcher, old: Settings, new: Settings) -> None:
    with ThreadPoolExecutor(4) as threads:
        answers = []
        for target in (new, old, new):
            activate(target)
            answers.append(list(threads.map(lambda _: found(opened), range(12))))
    assert all(answer in (["old"], ["new"]) for some in answers for answer in some)
    assert found(opened) == ["new"]


def test_closed_is_closed_once_the_last_search_has_ended(opened: AliasSearcher) -> None:
    with opened.current() as searcher:
        opened.close()
        opened.close()
        assert searcher.search("crust")
    with pytest.raises(IndexUnavailable, match="closed"):
        searcher.search("crust")
    with pytest.raises(IndexUnavailable, match="open another"):
        found(opened)
