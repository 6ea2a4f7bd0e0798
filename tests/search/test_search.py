from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from docpipe.embed.embedder import open_embedder
from docpipe.errors import ConfigurationError, QueryInvalid
from docpipe.index import Entry, Passage, open_writer
from docpipe.models import Box
from docpipe.search import Hit, search
from docpipe.settings import Settings

MakeSettings = Callable[..., Settings]

DOCUMENTS = {
    "pump": ["Switch the pump off before the cover is opened.", "The valve K-4711 is closed by hand."],
    "bread": ["Let the dough rise for two hours in a warm place.", "Bake it until the crust is brown."],
    "law": ["Die Mieter haben drei Monate Kündigungsfrist."],
}
BOX = Box(page=3, left=1, top=2, right=3, bottom=4)


@pytest.fixture
def filled(settings: MakeSettings) -> Settings:
    made = settings()
    entries = []
    for key, texts in DOCUMENTS.items():
        common = {
            "object_key": f"{key}.pdf",
            "media_type": "application/pdf",
            "document_class": "manual" if key == "pump" else "book",
            "run_id": "",
        }
        passages = [
            Passage(
                number,
                text,
                {
                    "text": text,
                    "heading_path": ["Chapter"],
                    "pages": [3],
                    "boxes": [BOX.model_dump()],
                    "kind": "text",
                    "language": "de" if key == "law" else "en",
                    "quality": 0.5,
                },
            )
            for number, text in enumerate(texts)
        ]
        entries.append(Entry(key, 2, common, passages, open_embedder(made).embed(texts)))
    with open_writer(made) as index:
        index.replace(entries)
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
    )
    assert len(others) == 4
    assert [one.score for one in others] == sorted((one.score for one in others), reverse=True)


def test_a_part_number_finds_its_passage(filled: Settings) -> None:
    assert search(filled, "K-4711", limit=1)[0].chunk == 1


def test_selections_restrict_the_documents(filled: Settings) -> None:
    assert {hit.key for hit in search(filled, "dough", document_classes=["manual"])} == {"pump"}
    assert {hit.key for hit in search(filled, "dough", languages=["de"])} == {"law"}
    assert {hit.key for hit in search(filled, "dough", keys=["law", "pump"])} == {"law", "pump"}


@pytest.mark.parametrize("text", ["the of and", "😀", "?", "caf\udce9", "[SEP] [CLS]", "' OR 1=1 --"])
def test_odd_queries_get_an_answer(filled: Settings, text: str) -> None:
    hits = search(filled, text)
    assert len(hits) == 5
    assert not any(hit.query_cut for hit in hits)
    assert all(np.isfinite(hit.score) for hit in hits)


def test_a_query_over_the_window_is_answered_and_says_so(filled: Settings) -> None:
    hits = search(filled, "How long should the dough rest? " * 200, limit=1)
    assert [(hit.key, hit.query_cut) for hit in hits] == [("bread", True)]


def test_an_empty_index_has_no_answer(settings: MakeSettings) -> None:
    assert search(settings(), "anything") == []


def test_an_empty_query_is_an_error_before_anything_is_opened(settings: MakeSettings) -> None:
    with pytest.raises(QueryInvalid):
        search(settings(), "  ")
    assert not settings().home.exists()


@pytest.mark.parametrize("limit", [0, -1, 1_001])
def test_a_limit_has_its_limits(filled: Settings, limit: int) -> None:
    with pytest.raises(QueryInvalid, match="1 to 1000"):
        search(filled, "dough", limit)


def test_points_of_someone_else_are_named(settings: MakeSettings) -> None:
    made = settings()
    with open_writer(made) as index:
        index.replace([Entry("a", 1, {}, [Passage(0, "dough", {})], open_embedder(made).embed(["dough"]))])
    with pytest.raises(ConfigurationError, match="DOCPIPE_COLLECTION"):
        search(made, "dough")
