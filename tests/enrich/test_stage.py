from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from docpipe.embed.contract import BatchEmbedder, Embedder
from docpipe.embed.embedder import open_embedder
from docpipe.embed.local.sliced_embedder import SlicedEmbedder
from docpipe.embed.model import EmbeddingModel
from docpipe.enrich import stage as stage_module
from docpipe.enrich.stage import EnrichStage
from docpipe.errors import ArtifactDamaged, BucketUnavailable, ConfigurationError, EmbeddingInvalid, ModelMissing, TransientError
from docpipe.models import Chunk, ChunkedDocument, Document, DocumentStatus, EnrichedDocument, StageName
from docpipe.settings import Settings, load_settings
from docpipe.stage import Item, Lost, Made, Outcome
from tests.embedding_server import DIMENSION, embedding_server

INVOICE = """Invoice No. 2024-117, dated 12 March 2024. Bill to: ACME GmbH. Two consulting days at EUR 800.00 each.
VAT 19 % is EUR 304.00. The amount due is EUR 1,904.00, to be paid within 14 days to IBAN DE89 3704 0044 0532 0130 00."""
AGREEMENT = """Service agreement. This agreement is entered into by and between Alpha Ltd, the client, and Beta Inc, the contractor.
Either party may terminate this agreement upon thirty days written notice. The governing law is that of England."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def settings(home: Path) -> Settings:
    return load_settings(home=home, embed_backend="torch", workers=1)


def item(key: str, load: Callable[[], bytes]) -> Item:
    document = Document(key, f"{key}.pdf", 1, "application/pdf", 1, "etag", "", DocumentStatus.RUNNING)
    return Item(document, {StageName.CHUNKS: load})


def chunked(*texts: str) -> Callable[[], bytes]:
    chunks = tuple(Chunk(index=index, text=text, tokens=len(text.split())) for index, text in enumerate(texts))
    return ChunkedDocument(chunks=chunks).to_bytes


def fails() -> bytes:
    raise BucketUnavailable("no answer")


def enriched(outcome: Outcome) -> EnrichedDocument:
    assert isinstance(outcome, Made)
    return EnrichedDocument.from_bytes(outcome.data)


def test_enriches_and_loses_only_what_fails(settings: Settings) -> None:
    items = [
        item("invoice", chunked(INVOICE)),
        item("contract", chunked(AGREEMENT)),
        item("empty", chunked()),
        item("unreachable", fails),
        item("damaged", lambda: b"?"),
    ]
    outcomes = {outcome.key: outcome for outcome in EnrichStage(settings).process(items)}
    invoice = enriched(outcomes["invoice"])
    assert (invoice.document_class, invoice.language) == ("invoice", "en")
    assert set(invoice.class_scores) == set(settings.label_names)
    assert [one.kind for one in invoice.enrichments[0].findings] == ["date", "amount", "percentage", "amount", "amount", "iban"]
    assert enriched(outcomes["contract"]).document_class == "contract"
    assert enriched(outcomes["empty"]) == EnrichedDocument()
    made = outcomes["invoice"]
    assert isinstance(made, Made)
    assert made.counts == {"chunks": 1, "findings": 6}
    errors = {key: type(outcome.error) for key, outcome in outcomes.items() if isinstance(outcome, Lost)}
    assert errors == {"unreachable": BucketUnavailable, "damaged": ArtifactDamaged}


def test_documents_are_embedded_together(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counted(settings: Settings) -> BatchEmbedder:
        return SlicedEmbedder(Watched(open_embedder(settings), calls))

    monkeypatch.setattr(stage_module, "open_embedder", counted)
    items = [item(f"{number}", chunked(INVOICE)) for number in range(5)]
    assert len(list(EnrichStage(settings).process(items))) == 5
    assert calls == [len(settings.label_names), 5]


def test_labels_and_beginnings_are_compared_with_one_model(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[BatchEmbedder] = []

    def once_more(settings: Settings) -> BatchEmbedder:
        opened.append(open_embedder(settings))
        return opened[-1]

    monkeypatch.setattr(stage_module, "open_embedder", once_more)
    monkeypatch.setattr(stage_module, "_GROUP_DOCUMENTS", 1)
    assert len(list(EnrichStage(settings).process([item("a", chunked(INVOICE)), item("b", chunked(INVOICE))]))) == 2
    assert len(opened) == 1


def test_a_full_group_is_handed_on_before_the_rest_is_loaded(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_module, "_GROUP_DOCUMENTS", 2)
    loaded: list[str] = []

    def load(key: str) -> Callable[[], bytes]:
        def now() -> bytes:
            loaded.append(key)
            return chunked(INVOICE)()

        return now

    outcomes = EnrichStage(settings).process([item(f"{number}", load(f"{number}")) for number in range(12)])
    next(outcomes)
    assert len(loaded) < 12
    assert len(list(outcomes)) == 11


class Watched:
    """An embedder that notes its calls, refuses texts on request, and fails the calls whose number is given."""

    def __init__(self, inner: Embedder, calls: list[int], refused: str = "", failing: Sequence[int] = ()) -> None:
        self._inner = inner
        self._calls = calls
        self._refused = refused
        self._failing = failing

    @property
    def model(self) -> EmbeddingModel:
        return self._inner.model

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self._calls.append(len(texts))
        if len(self._calls) in self._failing:
            raise TransientError("no answer")
        if self._refused and any(self._refused in text for text in texts):
            raise EmbeddingInvalid("refused")
        return self._inner.embed(texts)


def test_a_beginning_that_cannot_be_embedded_costs_its_document_alone(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_module, "open_embedder", lambda settings: SlicedEmbedder(Watched(open_embedder(settings), [], "poison")))
    items = [item("good", chunked(INVOICE)), item("bad", chunked("A poison pill of a text, long enough."))]
    outcomes = {outcome.key: outcome for outcome in EnrichStage(settings).process(items)}
    assert enriched(outcomes["good"]).document_class == "invoice"
    bad = outcomes["bad"]
    assert isinstance(bad, Lost)
    assert isinstance(bad.error, EmbeddingInvalid)


@pytest.mark.parametrize("failing", [1, 2], ids=["labels", "beginnings"])
def test_an_embedder_that_does_not_answer_costs_its_group_alone(settings: Settings, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    monkeypatch.setattr(stage_module, "_GROUP_DOCUMENTS", 2)
    embedder = SlicedEmbedder(Watched(open_embedder(settings), [], failing=[failing]))
    monkeypatch.setattr(stage_module, "open_embedder", lambda settings: embedder)
    items = [item("first", chunked(INVOICE)), item("empty", chunked()), item("third", chunked(INVOICE))]
    outcomes = {outcome.key: outcome for outcome in EnrichStage(settings).process(items)}
    first = outcomes["first"]
    assert isinstance(first, Lost)
    assert isinstance(first.error, TransientError)
    assert enriched(outcomes["empty"]) == EnrichedDocument()
    assert enriched(outcomes["third"]).document_class == "invoice"


def test_what_a_provider_bills_for_beginnings_is_counted(tmp_path: Path) -> None:
    with embedding_server() as server:
        made = load_settings(
            home=tmp_path, workers=1, embedder="openai:tiny", embed_dimension=DIMENSION, embed_url=server.url, embed_key="secret-key"
        )
        items = [item("first", chunked(INVOICE)), item("second", chunked(AGREEMENT)), item("empty", chunked())]
        first = {outcome.key: outcome.counts for outcome in EnrichStage(made).process(items) if isinstance(outcome, Made)}
        again = {outcome.key: outcome.counts for outcome in EnrichStage(made).process(items) if isinstance(outcome, Made)}
    assert first["first"]["billed_tokens"] > 0
    assert first["second"]["billed_tokens"] > 0
    assert "billed_tokens" not in first["empty"]
    assert all("billed_tokens" not in counts for counts in again.values())
    assert all(text.strip() for text in server.texts)


def test_labels_too_long_for_the_model_are_a_matter_of_settings(home: Path) -> None:
    stage = EnrichStage(load_settings(home=home, embed_backend="torch", workers=1, labels="invoice," + "word " * 300))
    with pytest.raises(ConfigurationError, match="DOCPIPE_LABELS"):
        list(stage.process([item("a", chunked(INVOICE))]))


def test_without_labels_no_model_is_needed(home: Path, tmp_path: Path) -> None:
    stage = EnrichStage(load_settings(home=home, embed_backend="torch", workers=1, labels="", embedder=str(tmp_path / "absent")))
    outcome = next(iter(stage.process([item("a", chunked(INVOICE))])))
    assert (enriched(outcome).document_class, enriched(outcome).language) == ("", "en")
    assert stage.recipe(item("a", fails).document).models == {}


def test_a_missing_model_stops_the_stage(home: Path, tmp_path: Path) -> None:
    stage = EnrichStage(load_settings(home=home, embed_backend="torch", workers=1, embedder=str(tmp_path / "absent")))
    with pytest.raises(ModelMissing):
        list(stage.process([item("a", chunked(INVOICE))]))


def test_the_recipe_follows_what_decides_the_result(home: Path, settings: Settings) -> None:
    document = item("a", fails).document
    recipe = EnrichStage(settings).recipe(document)
    assert list(recipe.models) == ["all-MiniLM-L6-v2"]
    for change in ({"labels": "invoice"}, {"key_phrases": 3}):
        assert EnrichStage(load_settings(home=home, **change)).recipe(document).hash != recipe.hash
    assert EnrichStage(load_settings(home=home, workers=7)).recipe(document).hash == recipe.hash


def test_nothing_to_do_starts_nothing(settings: Settings) -> None:
    assert list(EnrichStage(settings).process([])) == []
