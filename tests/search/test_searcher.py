from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from docpipe.embed.embedder import open_embedder
from docpipe.errors import ConfigurationError, ModelMissing, QueryInvalid
from docpipe.index import Fusion, Selection, open_reader
from docpipe.search import Around, Hit, Searcher, open_searcher
from docpipe.search.reranker import open_reranker
from docpipe.settings import Settings
from tests.search.passages import document, entry, passage, store

MakeSettings = Callable[..., Settings]

RISE = "Let the dough rise for two hours in a warm place until it has doubled in size."
BAKE = "Bake it until the crust is brown and sounds hollow."
LETTER = "Dear customer, please keep this letter about bread dough with your records, and call us whenever anything is unclear."
SCRIPTS = [
    "bread", "хлеб", "ψωμί", "לחם", "خبز", "نان", "रोटी", "রুটি", "ਰੋਟੀ", "રોટલી", "ரொட்டி", "రొట్టె", "ಬ್ರೆಡ್", "റൊട്ടി", "ขนมปัง",
    "ເຂົ້າຈີ່", "ပေါင်မုန့်", "პური", "հաց", "面包", "パン", "빵", "ዳቦ", "😀🥖", "\u0378\U000e0fff", "[SEP]", "' OR 1=1 --",
]  # fmt: skip


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Thirty copies of a letter, and what there is to know about bread."""
    made = Settings(home=tmp_path_factory.mktemp("searcher"), _env_file=None)  # type: ignore[call-arg]
    letters = [document(made, f"letter{number:02}", [f"{LETTER}\n"], tags=["post"]) for number in range(30)]
    bread = document(made, "bread", [RISE, BAKE], document_class="manual", tags=["food", "food/bread"], date="2024-05-01T12:00:00+00:00")
    copied = document(made, "copy", ["The valve is closed by hand.", RISE.upper()], date="2023-01-01T00:00:00Z", tags=["food"])
    store(made, [*letters, bread, copied])
    return made


def said(hits: Sequence[Hit]) -> list[str]:
    """The texts of hits; which of two equal ones comes first is the engine's to choose."""
    return [hit.text.casefold() for hit in hits]


@pytest.fixture
def searcher(filled: Settings) -> Iterator[Searcher]:
    with open_searcher(filled) as opened:
        yield opened


def test_what_says_the_same_is_one_hit_that_names_the_others(searcher: Searcher) -> None:
    hits = searcher.search("bread dough letter for a customer", limit=4)
    assert len({hit.text.casefold() for hit in hits}) == len(hits) == 4
    (letter,) = [hit for hit in hits if hit.text == f"{LETTER}\n"]
    assert len(letter.duplicates) == 29
    assert {one.similarity for one in letter.duplicates} == {1.0}
    (rise,) = [hit for hit in hits if hit.text.casefold() == RISE.casefold()]
    assert {rise.key, *(one.key for one in rise.duplicates)} == {"bread", "copy"}


def test_as_many_different_hits_as_there_are(searcher: Searcher) -> None:
    assert len(searcher.search("bread dough letter", limit=50)) == 4


def test_the_same_again_on_demand(searcher: Searcher) -> None:
    hits = searcher.search("bread dough letter for a customer", limit=20, duplicates=True)
    assert [hit.text for hit in hits] == [f"{LETTER}\n"] * 20
    assert not any(hit.duplicates for hit in hits)


def test_every_hit_says_what_each_search_thought_of_it(searcher: Searcher) -> None:
    hits = searcher.search("dough rise warm", limit=3, duplicates=True)
    assert min(hit.dense.rank for hit in hits if hit.dense) == 1
    assert hits[0].sparse
    assert hits[0].dense
    assert hits[0].sparse.score > 0
    assert 0.3 < hits[0].dense.score <= 1
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(hit.rerank is None for hit in hits)


def test_selections_restrict_the_documents(searcher: Searcher) -> None:
    def keys(**selected: object) -> set[str]:
        hits = searcher.search("dough", 50, Selection(**selected), duplicates=True)  # type: ignore[arg-type]
        return {hit.key.rstrip("0123456789") for hit in hits}

    assert keys(keys=("bread", "copy")) == {"bread", "copy"}
    assert keys(document_classes=("manual",)) == {"bread"}
    assert keys(languages=("de",)) == set()
    assert keys(tags=("food",)) == {"bread", "copy"}
    assert keys(tags=("food/bread", "post")) == {"bread", "letter"}
    assert keys(since=datetime(2024, 1, 1, tzinfo=UTC)) == {"bread"}
    assert keys(before=datetime(2024, 1, 1, tzinfo=UTC)) == {"copy"}
    assert keys(since=datetime(2023, 1, 1, tzinfo=UTC), before=datetime(2024, 5, 1, 12, tzinfo=UTC)) == {"copy"}
    assert keys(tags=("nowhere",)) == keys(keys=("gone",)) == keys(languages=("'; --",)) == set()


def test_a_hit_knows_its_date_and_folders(searcher: Searcher) -> None:
    (bread,) = searcher.search("brown crust", 1, Selection(document_classes=("manual",)))
    assert (bread.date, bread.tags) == (datetime(2024, 5, 1, 12, tzinfo=UTC), ("food", "food/bread"))
    (letter,) = searcher.search("customer", 1, Selection(tags=("post",)))
    assert letter.date is None


def test_what_stands_around_a_hit(searcher: Searcher) -> None:
    bread = Selection(keys=("bread",))
    (hit,) = searcher.search("brown crust", 1, bread, around=Around(section=True))
    assert hit.context
    assert hit.context.text == f"{RISE}\n{BAKE}"
    (bare,) = searcher.search("brown crust", 1, bread)
    assert bare == replace(hit, context=None)
    assert searcher.search("brown crust", 1, bread, around=Around()) == [bare]


@pytest.mark.parametrize("text", SCRIPTS)
def test_odd_queries_get_an_answer(searcher: Searcher, text: str) -> None:
    hits = searcher.search(text, limit=3)
    assert len(hits) == 3
    assert all(np.isfinite(hit.score) for hit in hits)
    assert not any(hit.query_cut for hit in hits)


@pytest.mark.parametrize("text", ["dough " * 100_000, "x" * 1_000_000, " ".join(SCRIPTS * 50)], ids=["words", "a letter", "every script"])
def test_a_query_over_the_window_is_answered_and_says_so(searcher: Searcher, text: str) -> None:
    assert [hit.query_cut for hit in searcher.search(text, limit=1)] == [True]


@pytest.mark.parametrize("text", ["", " \n", "\0"])
def test_an_empty_query_is_an_error(searcher: Searcher, text: str) -> None:
    with pytest.raises(QueryInvalid, match="ask a question"):
        searcher.search(text)


@pytest.mark.parametrize("limit", [0, -1, 1_001])
def test_a_limit_has_its_limits(searcher: Searcher, limit: int) -> None:
    with pytest.raises(QueryInvalid, match="1 to 1000"):
        searcher.search("dough", limit)


def test_dates_that_cannot_be_meant(searcher: Searcher) -> None:
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    with pytest.raises(QueryInvalid, match="time zone"):
        searcher.search("dough", 1, Selection(since=moment.replace(tzinfo=None)))
    with pytest.raises(QueryInvalid, match="earlier"):
        searcher.search("dough", 1, Selection(since=moment, before=moment))


def test_many_queries_are_the_same_as_one_by_one(searcher: Searcher) -> None:
    texts = ["brown crust", "valve", "dough"] * 100
    one_by_one = [said(searcher.search(text, 2)) for text in texts[:3]]
    assert [said(hits) for hits in searcher.search_all(texts, 2)] == one_by_one * 100
    assert list(searcher.search_all([])) == []


def test_threads_share_a_searcher(filled: Settings, cross_encoder_master: Path) -> None:
    reranked = filled.model_copy(update={"reranker": str(cross_encoder_master)})
    with open_searcher(reranked) as opened, ThreadPoolExecutor(4) as threads:
        wanted = opened.search("dough", around=Around(neighbours=1))
        found = list(threads.map(lambda _: opened.search("dough", around=Around(neighbours=1)), range(40)))
    assert [said(hits) for hits in found] == [said(wanted)] * 40
    assert all(hit.context for hits in found for hit in hits)


class TestReranked:
    """With a cross-encoder."""

    @pytest.fixture
    def reranked(self, filled: Settings, cross_encoder_master: Path) -> Settings:
        return filled.model_copy(update={"reranker": str(cross_encoder_master)})

    def test_the_order_is_the_cross_encoders(self, reranked: Settings) -> None:
        judge = open_reranker(reranked)
        assert judge
        with open_searcher(reranked) as searcher:
            hits = searcher.search("dough rise", 20, duplicates=True)
            fused = searcher.search("dough rise", 20, duplicates=True, rerank=False)
        scores = [hit.rerank for hit in hits if hit.rerank is not None]
        assert scores == sorted(scores, reverse=True)
        assert len(scores) == len(hits) == 20
        np.testing.assert_allclose(judge.judge("dough rise", [hit.reading_text for hit in hits]).scores, scores, atol=0.1)
        assert all(hit.rerank is None for hit in fused)
        assert hits[0].reading_text.startswith("Chapter\n")

    def test_those_behind_the_candidates_keep_their_order(self, reranked: Settings) -> None:
        few = reranked.model_copy(update={"rerank_candidates": 2})
        with open_searcher(few) as searcher:
            hits = searcher.search("dough", 4)
            fused = searcher.search("dough", 4, rerank=False)
        assert set(said(hits[:2])) == set(said(fused[:2]))
        assert said(hits[2:]) == said(fused[2:])
        assert [hit.rerank is None for hit in hits] == [False, False, True, True]

    def test_a_passage_from_behind_the_limit_may_win(self, reranked: Settings) -> None:
        with open_searcher(reranked) as searcher:
            every = searcher.search("dough", 4)
            assert said(searcher.search("dough", 1)) == said(every[:1])

    def test_what_was_read_in_part_says_so(self, settings: MakeSettings, cross_encoder_master: Path) -> None:
        made = settings(reranker=str(cross_encoder_master))
        store(made, [document(made, "a", ["dough", "dough " * 100])])
        with open_searcher(made) as searcher:
            assert {hit.chunk: hit.rerank_cut for hit in searcher.search("dough", duplicates=True)} == {0: False, 1: True}

    def test_an_empty_index_has_nothing_to_judge(self, settings: MakeSettings, cross_encoder_master: Path) -> None:
        with open_searcher(settings(reranker=str(cross_encoder_master))) as searcher:
            assert searcher.search("dough") == []

    def test_none_to_ask_is_said(self, filled: Settings) -> None:
        with open_searcher(filled, rerank=True) as searcher, pytest.raises(ModelMissing, match="DOCPIPE_RERANKER"):
            searcher.search("dough", rerank=True)

    def test_it_is_not_loaded_where_it_is_not_wanted(self, filled: Settings) -> None:
        broken = filled.model_copy(update={"reranker": "/no such folder"})
        with open_searcher(broken, rerank=False) as searcher:
            assert searcher.search("dough")
        with pytest.raises(ModelMissing, match="no such folder"), open_searcher(broken):
            pass


@pytest.mark.parametrize(("k", "dense", "sparse"), [(6, 2.0, 1.0), (60, 1.0, 1.0), (2, 0.5, 3.0), (6, 0.0, 1.0)])
def test_the_fused_score_is_the_engines(settings: MakeSettings, k: int, dense: float, sparse: float) -> None:
    made, fusion = settings(), Fusion(k=k, dense=dense, sparse=sparse)
    store(made, [document(made, "a", [RISE, BAKE, LETTER, "The valve is closed by hand."])])
    embedder = open_embedder(made)
    with open_reader(made) as index:
        vector = embedder.embed(["brown dough"])[0]
        engine = [match for match in index.search(vector, "brown dough", 4, Selection(), fusion) if match.score > 0]
        hits = Searcher(index, embedder, fusion).search("brown dough", 4)
    assert [hit.chunk for hit in hits] == [match.payload["chunk"] for match in engine]
    np.testing.assert_allclose([hit.score for hit in hits], [match.score for match in engine], rtol=1e-5)
    assert len(hits) == (4 if dense else 3)


def test_weights_decide_the_fusion(filled: Settings) -> None:
    def parts(dense: float, sparse: float) -> list[tuple[bool, bool]]:
        weighted = filled.model_copy(update={"search_dense_weight": dense, "search_sparse_weight": sparse})
        with open_searcher(weighted) as searcher:
            hits = searcher.search("valve", 2, duplicates=True)
        return [(hit.sparse is not None and hit.sparse.rank == 1, hit.dense is not None and hit.dense.rank == 1) for hit in hits]

    assert parts(0.0, 1.0)[0][0]
    assert parts(1.0, 0.0)[0][1]
    with pytest.raises(ConfigurationError, match="both 0"):
        parts(0.0, 0.0)


def test_a_collection_of_another_model_is_refused(settings: MakeSettings, filled: Settings, tiny: Path) -> None:
    with open_reader(filled) as index, pytest.raises(ConfigurationError, match="set DOCPIPE_EMBEDDER to minilm"):
        Searcher(index, open_embedder(settings(embedder=str(tiny))))


def test_a_query_is_embedded_with_the_model_of_the_searched_collection(filled: Settings, tiny: Path) -> None:
    with open_searcher(filled.model_copy(update={"embedder": str(tiny)})) as searcher:
        assert searcher.collection.model == "all-MiniLM-L6-v2"
        assert searcher.search("brown crust", 1)[0].key == "bread"


def test_a_replaced_document_is_found_in_its_new_generation(settings: MakeSettings) -> None:
    made = settings()
    store(made, [document(made, "a", [RISE, BAKE])])
    with open_searcher(made) as searcher:
        assert searcher.search("dough", around=Around(neighbours=1))[0].context
    store(made, [entry(made, "a", [passage(RISE, 0)], generation=3)])
    with open_searcher(made) as searcher:
        (hit,) = searcher.search("dough", around=Around(neighbours=1))
    assert hit.context
    assert (hit.generation, hit.context.text) == (3, RISE)
