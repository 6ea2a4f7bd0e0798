from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from docpipe.chunk import stage as stage_module
from docpipe.chunk.stage import ChunkStage
from docpipe.embed.model import find_model
from docpipe.errors import ArtifactDamaged, BucketUnavailable, ConfigurationError, LimitExceeded, ModelMissing, PermanentError
from docpipe.models import ChunkedDocument, Document, DocumentStatus, ParsedDocument, StageName
from docpipe.pooled import Answered
from docpipe.settings import Settings, load_settings
from docpipe.stage import Item, Lost, Made
from tests.chunk.documents import paragraphs, report, tokenizer
from tests.chunk.scripts import TWENTY_SCRIPTS


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


def test_a_passage_prompt_takes_its_room_and_is_part_of_the_recipe(tmp_path: Path) -> None:
    document = item("a", good).document
    plain = ChunkStage(settings(tmp_path)).recipe(document)
    prompted = ChunkStage(settings(tmp_path, embed_passage_prompt="passage: ")).recipe(document)
    assert (plain.parameters["chunk_tokens"], "passage_prompt" in plain.parameters) == (254, False)
    assert (prompted.parameters["chunk_tokens"], prompted.parameters["passage_prompt"]) == (252, "passage: ")
    wide = ChunkStage(settings(tmp_path, embed_window=512, chunk_tokens=1_000)).recipe(document)
    assert wide.parameters["chunk_tokens"] == 510


def test_a_prompt_that_leaves_no_room_for_a_chunk_says_what_to_shorten(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="DOCPIPE_EMBED_PASSAGE_PROMPT"):
        ChunkStage(settings(tmp_path, embed_passage_prompt="word " * 240)).recipe(item("a", good).document)


@pytest.mark.parametrize("prompt", ["", "passage: ", "Represent this:"])
def test_every_chunk_fits_the_window_behind_its_prompt(tmp_path: Path, prompt: str) -> None:
    hard = [*TWENTY_SCRIPTS, "x" * 100_000, "語" * 100_000, "." * 100_000, "😀🚒👩‍👩‍👧" * 500, "\u0378\U000e0fff\ufdd0 " * 500, "ﷺ" * 300]
    texts = [*hard, *(text * 40 for text in TWENTY_SCRIPTS), " ".join(TWENTY_SCRIPTS) * 10, "", " "]
    data = ParsedDocument(paragraphs(*texts), ()).to_bytes()
    chosen = settings(tmp_path, embed_passage_prompt=prompt)
    model = find_model(chosen)
    (made,) = ChunkStage(chosen).process([item("hard", lambda: data)])
    assert isinstance(made, Made)
    chunks = ChunkedDocument.from_bytes(made.data).chunks
    lengths = [len(one.ids) for one in model.tokenizer().encode_batch_fast([prompt + chunk.embedding_text for chunk in chunks])]
    assert model.window - 40 < max(lengths) <= model.window
    assert len(chunks) > 300
