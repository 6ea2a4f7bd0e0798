from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType

import numpy as np
import pytest

from docpipe.errors import ArtifactDamaged, BucketUnavailable, EmbeddingInvalid, IndexFull, IndexLocked, IndexUnavailable, PermanentError
from docpipe.index import Entry, IndexWriter, Selection, open_reader, open_writer, own_collection
from docpipe.index import stage as stage_module
from docpipe.index.stage import IndexStage
from docpipe.models import (
    Box,
    Chunk,
    ChunkedDocument,
    EmbeddedDocument,
    EnrichedDocument,
    Enrichment,
    IndexedDocument,
    StageName,
)
from docpipe.settings import Settings
from docpipe.stage import Item, Lost, Made, Outcome
from tests.documents import chunked, document, item
from tests.index.http_server import QdrantServer

MakeSettings = Callable[..., Settings]

DIMENSION = 384


def vectors(count: int) -> EmbeddedDocument:
    return EmbeddedDocument("all-MiniLM-L6-v2", np.random.default_rng(count).standard_normal((count, DIMENSION)).astype(np.float32))


def enriched(count: int) -> EnrichedDocument:
    return EnrichedDocument(
        document_class="report", language="en", enrichments=tuple(Enrichment(chunk=n, quality=0.5) for n in range(count))
    )


def ready(key: str, count: int, generation: int = 1, changed: Mapping[str, bytes | Exception] = MappingProxyType({})) -> Item:
    inputs: dict[StageName, bytes | Exception] = {
        StageName.CHUNKS: chunked([f"text {number} of {key}" for number in range(count)]).to_bytes(),
        StageName.ENRICHED_CHUNKS: enriched(count).to_bytes(),
        StageName.EMBEDDINGS: vectors(count).to_bytes(),
    }
    return item(key, inputs | {StageName(name): data for name, data in changed.items()}, generation)


def run(settings: Settings, items: Sequence[Item]) -> dict[str, Outcome]:
    outcomes = list(IndexStage(settings, "run-7").process(items))
    found = {outcome.key: outcome for outcome in outcomes}
    assert len(found) == len(outcomes) == len(items)
    return found


def stored(settings: Settings) -> dict[tuple[str, int], int]:
    with open_reader(settings) as index:
        return {(key, generation): points for key, generation, points in index.inventory()}


def lost(outcome: Outcome) -> Exception:
    assert isinstance(outcome, Lost)
    return outcome.error


@contextmanager
def writer(replace: Callable[[Sequence[Entry]], None]) -> Iterator[IndexWriter]:
    class Writer:
        def replace(self, entries: Sequence[Entry]) -> None:
            replace(entries)

        def delete(self, keys: Sequence[str], keep: Mapping[str, int] | None = None) -> None: ...

        def close(self) -> None: ...

    yield Writer()


def test_documents_become_points_and_a_receipt(settings: MakeSettings) -> None:
    outcomes = run(settings(), [ready("a", 3), ready("b", 2, generation=4), ready("empty", 0)])
    assert stored(settings()) == {("a", 1): 3, ("b", 4): 2}
    made = outcomes["b"]
    assert isinstance(made, Made)
    assert made.counts == {"points": 2}
    assert made.seconds > 0
    assert IndexedDocument.from_bytes(made.data) == IndexedDocument(collection=own_collection(settings()).name, generation=4, points=2)
    assert isinstance(outcomes["empty"], Made)


def test_a_document_that_has_no_chunks_any_more_loses_its_points(settings: MakeSettings) -> None:
    run(settings(), [ready("a", 3)])
    (outcome,) = run(settings(), [ready("a", 0, generation=2)]).values()
    assert isinstance(outcome, Made)
    assert outcome.counts == {"points": 0}
    assert stored(settings()) == {}


def test_everything_that_is_known_of_a_chunk_is_stored(settings: MakeSettings) -> None:
    box = Box(page=2, left=1, top=2, right=3, bottom=4)
    chunks = ChunkedDocument(
        chunks=(Chunk(index=0, text="body", heading_path=("One", "Two"), boxes=(box,), pages=(2,), tokens=3, kind="table", overlap=2),)
    )
    learnt = EnrichedDocument(document_class="manual", language="fr", enrichments=(Enrichment(chunk=0, quality=0.25, language="de"),))
    one = ready("a", 1, changed={"chunks": chunks.to_bytes(), "enriched_chunks": learnt.to_bytes()})
    modified = datetime(2024, 5, 1, 2, tzinfo=timezone(timedelta(hours=3)))
    run(settings(), [replace(one, document=replace(one.document, modified=modified, object_key="reports/2024/a.pdf"))])
    with open_reader(settings()) as index:
        (match,) = index.search(np.ones(DIMENSION, dtype=np.float32), "body", 1, Selection())
    assert match.payload == {
        "key": "a",
        "object_key": "reports/2024/a.pdf",
        "tags": ["reports", "reports/2024"],
        "date": "2024-04-30T23:00:00+00:00",
        "generation": 1,
        "chunk": 0,
        "text": "body",
        "overlap": 2,
        "heading_path": ["One", "Two"],
        "pages": [2],
        "boxes": [box.model_dump()],
        "kind": "table",
        "language": "de",
        "quality": 0.25,
        "document_class": "manual",
        "media_type": "application/pdf",
        "run_id": "run-7",
    }


def test_a_document_without_a_date_of_its_own_has_that_of_its_arrival(settings: MakeSettings) -> None:
    arrived, undated = ready("a", 1), ready("b", 1)
    run(settings(), [replace(arrived, document=replace(arrived.document, first_seen=datetime(2024, 5, 1, tzinfo=UTC))), undated])
    with open_reader(settings()) as index:
        ours = index.passages([("a", 1, 0), ("b", 1, 0)])
        dated = index.search(np.ones(DIMENSION, dtype=np.float32), "text", 5, Selection(since=datetime(2024, 5, 1, tzinfo=UTC)))
    assert [one.get("date") for one in ours] == ["2024-05-01T00:00:00+00:00", None]
    assert [match.payload["key"] for match in dated] == ["a"]


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")
@pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning")
def test_documents_are_indexed_on_a_server(settings: MakeSettings) -> None:
    with QdrantServer().running() as server:
        made = settings(qdrant_url=server.url)
        assert isinstance(run(made, [ready("a", 300)])["a"], Made)
        server.fault = lambda method, path: (503, {}, b"busy") if (method, path.rpartition("/")[2]) == ("PUT", "points") else None
        assert isinstance(lost(run(made, [ready("a", 2, generation=2)])["a"]), IndexUnavailable)
        assert stored(made) == {("a", 1): 300}
        server.fault = lambda _method, _path: None
        (outcome,) = run(made, [ready("a", 2, generation=2)]).values()
        assert isinstance(outcome, Made)
        assert outcome.counts == {"points": 2}
        assert stored(made) == {("a", 2): 2}


def test_a_document_is_made_only_when_its_points_are_durable(settings: MakeSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_module, "GROUP_DOCUMENTS", 2)
    written: list[str] = []
    monkeypatch.setattr(stage_module, "open_writer", lambda _: writer(lambda entries: written.extend(entry.key for entry in entries)))
    for number, outcome in enumerate(IndexStage(settings()).process([ready(f"d{n}", 1) for n in range(5)])):
        assert outcome.key in written
        assert len(written) == min(5, number // 2 * 2 + 2)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"chunks": b"{"}, ArtifactDamaged),
        ({"enriched_chunks": b"[]"}, ArtifactDamaged),
        ({"embeddings": b"no header"}, ArtifactDamaged),
        ({"embeddings": vectors(2).to_bytes()}, ArtifactDamaged),
        ({"enriched_chunks": enriched(2).to_bytes()}, ArtifactDamaged),
        ({"embeddings": EmbeddedDocument("m", np.ones((3, 4), dtype=np.float32)).to_bytes()}, EmbeddingInvalid),
        ({"embeddings": EmbeddedDocument("m", np.full((3, DIMENSION), np.nan, dtype=np.float32)).to_bytes()}, EmbeddingInvalid),
        ({"chunks": BucketUnavailable("no answer")}, BucketUnavailable),
        ({"chunks": KeyError("a mistake")}, KeyError),
    ],
)
def test_a_document_with_a_bad_input_is_lost_alone(
    settings: MakeSettings, changed: dict[str, bytes | Exception], error: type[Exception]
) -> None:
    outcomes = run(settings(), [ready("a", 1), ready("bad", 3, changed=changed), ready("z", 2)])
    assert isinstance(lost(outcomes["bad"]), error)
    assert stored(settings()) == {("a", 1): 1, ("z", 1): 2}


def test_one_document_that_the_index_refuses_is_found(settings: MakeSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    def refuse(entries: Sequence[Entry]) -> None:
        if any(entry.key == "bad" for entry in entries):
            raise PermanentError("not this one")
        written.extend(entry.key for entry in entries)

    monkeypatch.setattr(stage_module, "open_writer", lambda _: writer(refuse))
    outcomes = run(settings(), [ready("a", 1), ready("bad", 1), ready("z", 1)])
    assert str(lost(outcomes["bad"])) == "not this one"
    assert written == ["a", "z"]


def test_an_index_that_is_away_is_transient_for_every_document_of_the_group(
    settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = IndexUnavailable("away", retry_after=3)

    def fail(_: Sequence[Entry]) -> None:
        raise away

    monkeypatch.setattr(stage_module, "open_writer", lambda _: writer(fail))
    assert [lost(outcome) for outcome in run(settings(), [ready("a", 1), ready("b", 1)]).values()] == [away, away]


def test_an_index_in_use_loses_every_document_for_now(settings: MakeSettings) -> None:
    made = settings(index_lock_seconds=0.1)
    with open_writer(made):
        outcomes = run(made, [ready("a", 1), ready("b", 1)])
    assert all(isinstance(lost(outcome), IndexLocked) for outcome in outcomes.values())
    assert all(isinstance(outcome, Made) for outcome in run(made, [ready("a", 1), ready("b", 1)]).values())


def test_a_full_disk_stops_the_stage(settings: MakeSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Sequence[Entry]) -> None:
        raise IndexFull("no room")

    monkeypatch.setattr(stage_module, "open_writer", lambda _: writer(full))
    with pytest.raises(IndexFull):
        list(IndexStage(settings()).process([ready("a", 1)]))


def test_the_index_is_not_opened_for_nothing_and_closed_when_abandoned(settings: MakeSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(IndexStage(settings()).process([])) == []
    assert not (settings().home / "index").exists()
    monkeypatch.setattr(stage_module, "GROUP_DOCUMENTS", 1)
    outcomes = IndexStage(settings()).process([ready("a", 1), ready("b", 1)])
    next(iter(outcomes))
    outcomes.close()  # type: ignore[attr-defined]
    assert stored(settings()) == {("a", 1): 1}


def test_the_recipe_follows_generation_and_place_but_no_secret(settings: MakeSettings) -> None:
    base = IndexStage(settings()).recipe(document("a"))
    server = settings(qdrant_url="https://user:hidden@qdrant:6333", qdrant_api_key="hidden")
    others = [
        IndexStage(settings()).recipe(document("a", generation=2)),
        IndexStage(server).recipe(document("a")),
        IndexStage(settings(collection="else")).recipe(document("a")),
    ]
    assert len({base.hash, *(other.hash for other in others)}) == 4
    assert base.hash == IndexStage(settings(), "another run").recipe(document("b")).hash
    assert "hidden" not in others[1].text
