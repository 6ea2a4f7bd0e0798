from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from docpipe.embed.embedder import open_embedder
from docpipe.errors import ConfigurationError, IndexUnavailable, QueryInvalid
from docpipe.index import Entry, Passage, open_reader
from docpipe.index.edge import EdgeReader
from docpipe.search import Around, Hit, Searcher, search
from docpipe.settings import Settings
from tests.search.passages import BOX, document, store

MakeSettings = Callable[..., Settings]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = Settings(home=tmp_path_factory.mktemp("search"), _env_file=None)  # type: ignore[call-arg]
    pump = ["Switch the pump off before the cover is opened.", "The valve K-4711 is closed by hand."]
    bread = ["Let the dough rise for two hours in a warm place.", "Bake it until the crust is brown."]
    dated = {"date": "2024-05-01T12:00:00+00:00", "tags": ["food"]}
    store(made, [document(made, "pump", pump, document_class="manual"), document(made, "bread", bread, **dated)])
    return made


def test_a_question_finds_its_passage_with_the_way_back(filled: Settings) -> None:
    hit, *others = search(filled, "How long should the dough rest?")
    assert hit == Hit(
        key="bread",
        object_key="bread.pdf",
        generation=2,
        chunk=0,
        score=hit.score,
        text="Let the dough rise for two hours in a warm place.",
        heading_path=("Chapter",),
        pages=(3,),
        boxes=(BOX,),
        kind="text",
        language="en",
        document_class="book",
        media_type="application/pdf",
        quality=0.5,
        date=datetime(2024, 5, 1, 12, tzinfo=UTC),
        tags=("food",),
        dense=hit.dense,
        sparse=hit.sparse,
    )
    assert len(others) == 3
    assert [one.score for one in others] == sorted((one.score for one in others), reverse=True)


def test_a_part_number_finds_its_passage(filled: Settings) -> None:
    assert search(filled, "K-4711", limit=1)[0].chunk == 1


def test_all_that_a_search_can_be_told(filled: Settings) -> None:
    told = {"keys": ["bread", "pump"], "document_classes": ["book"], "languages": ["en"], "tags": ["food"]}
    dates = {"since": datetime(2024, 1, 1, tzinfo=UTC), "before": datetime(2025, 1, 1, tzinfo=UTC)}
    hits = search(filled, "pump", **told, **dates, around=Around(neighbours=1), duplicates=True, rerank=False)  # type: ignore[arg-type]
    assert {hit.key for hit in hits} == {"bread"}
    assert all(hit.context and hit.context.first == 0 and hit.context.last == 1 for hit in hits)


def test_an_empty_index_has_no_answer(settings: MakeSettings) -> None:
    assert search(settings(), "anything") == []


@pytest.mark.parametrize(("text", "limit"), [("  ", 5), ("dough", 0)], ids=["nothing", "none"])
def test_what_cannot_be_answered_is_an_error_before_anything_is_opened(settings: MakeSettings, text: str, limit: int) -> None:
    with pytest.raises(QueryInvalid):
        search(settings(), text, limit)
    assert not settings().home.exists()


def test_points_of_someone_else_are_named(settings: MakeSettings) -> None:
    made = settings()
    store(made, [Entry("a", 1, {}, [Passage(0, "dough", {})], open_embedder(made).embed(["dough"]))])
    with pytest.raises(ConfigurationError, match="DOCPIPE_COLLECTION"):
        search(made, "dough")


def test_a_collection_that_someone_deleted_is_said_while_it_is_open_and_empty_then(filled: Settings, tmp_path: Path) -> None:
    copied = filled.model_copy(update={"home": tmp_path / "home"})
    shutil.copytree(filled.home / "index", copied.home / "index")
    with open_reader(copied) as index:
        searcher = Searcher(index, open_embedder(copied))
        assert searcher.search("dough")
        shutil.rmtree(copied.home / "index" / searcher.collection.name)
        assert isinstance(index, EdgeReader)
        with pytest.raises(IndexUnavailable, match="deleted"):
            index.refresh()
    assert search(copied, "dough") == []
