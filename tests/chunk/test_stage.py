from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from docpipe.chunk import stage as stage_module
from docpipe.chunk.stage import ChunkStage
from docpipe.embed.model import find_model
from docpipe.errors import ArtifactDamaged, BucketUnavailable, LimitExceeded, ModelMissing, PermanentError
from docpipe.models import ChunkedDocument, Document, DocumentStatus, ParsedDocument, StageName
from docpipe.pooled import Answered
from docpipe.settings import Settings, load_settings
from docpipe.stage import Item, Lost, Made
from tests.chunk.documents import paragraphs, report, tokenizer


def settings(tmp_path: Path, **changes: object) -> Settings:
    return load_settings(home=tmp_path, workers=1, **changes)


def item(key: str, load: Callable[[], bytes]) -> Item:
    document = Document(key, f"{key}.pdf", 1, "application/pdf", 1, "etag", "", DocumentStatus.RUNNING)
    return Item(document, {StageName.PARSED_PAGES: load})


def good() -> bytes:
    return ParsedDocument(*report()).to_bytes()


def fails() -> bytes:
    raise BucketUnavailable("no answer")


def test_makes_chunks_and_loses_only_what_fails(tmp_path: Path) -> None:
    empty = ParsedDocument(paragraphs(), ()).to_bytes()
    items = [item("good", good), item("unreachable", fails), item("damaged", lambda: b"{}"), item("empty", lambda: empty)]
    outcomes = {outcome.key: outcome for outcome in ChunkStage(settings(tmp_path)).process(items)}
    made = outcomes["good"]
    assert isinstance(made, Made)
    assert made.counts == ChunkedDocument.from_bytes(made.data).counts
    assert made.counts["chunks"] == 5
    assert isinstance(outcomes["empty"], Made)
    assert outcomes["empty"].counts == {"chunks": 0, "tokens": 0}
    errors = {key: type(outcome.error) for key, outcome in outcomes.items() if isinstance(outcome, Lost)}
    assert errors == {"unreachable": BucketUnavailable, "damaged": ArtifactDamaged}


def test_a_document_over_its_time_is_lost_alone(tmp_path: Path) -> None:
    endless = ParsedDocument(paragraphs("漢字" * 2_000_000), ()).to_bytes()
    stage = ChunkStage(settings(tmp_path, task_seconds=2.0))
    outcomes = {outcome.key: outcome for outcome in stage.process([item("endless", lambda: endless), item("good", good)])}
    lost = outcomes["endless"]
    assert isinstance(lost, Lost)
    assert isinstance(lost.error, LimitExceeded)
    assert isinstance(outcomes["good"], Made)


@pytest.mark.parametrize("header", [{}, {"chunks": "many", "tokens": 1}, {"chunks": None, "tokens": 1}, {"chunks": math.inf, "tokens": 1}])
def test_a_worker_that_lies_costs_its_document_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, header: dict[str, object]) -> None:
    answers = [Answered("lie", header, b"", 1.0), Answered("good", {"chunks": 1, "tokens": 2}, b"data", 1.0)]
    monkeypatch.setattr(stage_module, "run_items", lambda pool, items, task: iter(answers))
    lost, made = ChunkStage(settings(tmp_path)).process([item("lie", good), item("good", good)])
    assert isinstance(lost, Lost)
    assert type(lost.error) is PermanentError
    assert made == Made("good", b"data", {"chunks": 1, "tokens": 2}, 1.0)


def test_nothing_to_do_starts_nothing(tmp_path: Path) -> None:
    assert list(ChunkStage(settings(tmp_path, embedder=str(tmp_path / "absent"))).process([])) == []


def test_a_missing_model_stops_the_stage(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        list(ChunkStage(settings(tmp_path, embedder=str(tmp_path / "absent"))).process([item("good", good)]))


def test_the_recipe_tells_what_is_really_used(tmp_path: Path) -> None:
    document = item("a", good).document
    wanted = ChunkStage(settings(tmp_path)).recipe(document)
    assert wanted.parameters["chunk_tokens"] == 254
    assert wanted.parameters["chunk_overlap"] == 50
    assert ChunkStage(settings(tmp_path, chunk_tokens=300)).recipe(document).hash == wanted.hash
    assert ChunkStage(settings(tmp_path, chunk_tokens=128)).recipe(document).hash != wanted.hash
    assert ChunkStage(settings(tmp_path, chunk_overlap=20)).recipe(document).hash != wanted.hash
    assert set(wanted.models) == {"all-MiniLM-L6-v2 tokenizer"}


def test_chunks_are_measured_with_the_models_own_tokenizer(tmp_path: Path) -> None:
    made = next(iter(ChunkStage(settings(tmp_path, chunk_tokens=64, chunk_overlap=10)).process([item("good", good)])))
    assert isinstance(made, Made)
    for chunk in ChunkedDocument.from_bytes(made.data).chunks:
        assert chunk.tokens == len(tokenizer().encode(chunk.embedding_text, add_special_tokens=False).ids) <= 64
    model = find_model(settings(tmp_path))
    assert max(len(model.tokenizer().encode(chunk.embedding_text).ids) for chunk in ChunkedDocument.from_bytes(made.data).chunks) <= 66
