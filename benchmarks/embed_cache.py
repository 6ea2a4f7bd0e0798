"""What the cache of embeddings costs and saves: as it grows, beside the model, and when documents change.

python -m benchmarks.embed_cache [--entries 100000] [--documents 20]
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.result import publish
from benchmarks.vocabulary import TOPICS
from docpipe.embed.cache.embedding_cache import AT_ONCE, EmbeddingCache, cache_key
from docpipe.embed.embedder import open_local_embedder
from docpipe.embed.model import EmbeddingModel, find_model
from docpipe.embed.stage import EmbedStage
from docpipe.models import Chunk, ChunkedDocument, Document, DocumentStatus, StageName
from docpipe.settings import Settings, load_settings
from docpipe.stage import Item, Made

CHUNKS = 10
"""Of each document; one of them is the same in all."""
WORDS = 130
ROUNDS = 20
UNBOUNDED = 1 << 40
"""Bytes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--documents", type=int, default=20)
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="docpipe-bench-") as scratch:
        settings = load_settings(home=Path(scratch))
        model = find_model(settings)
        grown = growth(Path(scratch) / "grown.sqlite", arguments.entries, model)
        share = beside_the_model(settings, Path(scratch) / "grown.sqlite", model)
        publish("embed_cache", documents(settings, arguments.documents), growth=grown, beside_the_model=share)
    print(grown)
    print(share)


def growth(path: Path, entries: int, model: EmbeddingModel) -> dict[str, Any]:
    """Fill a cache, then read from it at random."""
    cache = EmbeddingCache(path, UNBOUNDED)
    stored = np.zeros(2)
    for start in range(0, entries, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, entries))
        vectors = random_vectors(len(numbers), model.dimension, start)
        stored += timed(partial(cache.keep, [number_key(number) for number in numbers], vectors))[0]
    random = np.random.default_rng(0)
    read = np.zeros(2)
    for _ in range(ROUNDS):
        wanted = [number_key(int(number)) for number in random.integers(0, entries, AT_ONCE)]
        spent, (_, found) = timed(partial(cache.find, wanted, model.dimension))
        assert found.sum() >= len(set(wanted))
        read += spent
    cache.close()
    return {
        "entries": entries,
        "inserts_per_second": round(entries / stored[0]),
        "inserts_per_cpu_second": round(entries / stored[1]),
        "reads_per_second": round(ROUNDS * AT_ONCE / read[0]),
        "reads_per_cpu_second": round(ROUNDS * AT_ONCE / read[1]),
        "bytes_per_entry": round(path.stat().st_size / entries),
    }


def beside_the_model(settings: Settings, path: Path, model: EmbeddingModel) -> dict[str, Any]:
    """Processor time of a lookup in vain and a store in the grown cache, and of embedding the same chunks."""
    texts = [text(number) for number in range(256)]
    embedder = open_local_embedder(settings)
    embedder.embed(texts[:16])
    began = time.process_time()
    vectors = embedder.embed(texts)
    embedding = time.process_time() - began
    cache = EmbeddingCache(path, UNBOUNDED)
    cache.find([number_key(0)], model.dimension)
    began = time.process_time()
    keys = [cache_key(model, one) for one in texts]
    cache.find(keys, model.dimension)
    cache.keep(keys, vectors)
    caching = time.process_time() - began
    cache.close()
    return {
        "embedding_cpu_ms_per_chunk": round(1_000 * embedding / len(texts), 3),
        "caching_cpu_ms_per_chunk": round(1_000 * caching / len(texts), 3),
        "share": round(caching / embedding, 4),
    }


def documents(settings: Settings, count: int) -> list[dict[str, Any]]:
    """The embedding stage over documents that share a chunk, the same again, and with one chunk of each changed."""
    rows = []
    for name, changed in (("new", 0), ("unchanged", 0), ("one chunk of ten changed", 500)):
        items = [item(f"d{number}", [text(0), *own_texts(number * 1_000, changed)]) for number in range(count)]
        began, cpu = time.perf_counter(), time.process_time()
        made = [outcome for outcome in EmbedStage(settings).process(items) if isinstance(outcome, Made)]
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        assert len(made) == count
        cached = sum(outcome.counts["cached"] for outcome in made)
        rows.append(
            {
                "documents": name,
                "chunks": count * CHUNKS,
                "hit_rate": round(cached / (count * CHUNKS), 3),
                "seconds": round(seconds, 3),
                "cpu_ms_per_chunk": round(1_000 * cpu / (count * CHUNKS), 3),
            }
        )
    return rows


def own_texts(first: int, changed: int) -> list[str]:
    """All of a document's chunks but the shared one; the first is another where `changed` is not 0."""
    return [text(first + 1 + changed), *(text(first + place) for place in range(2, CHUNKS))]


def item(key: str, texts: Sequence[str]) -> Item:
    document = Document(key, key, 1, "text/plain", 1, "e", "", DocumentStatus.RUNNING)
    data = ChunkedDocument(chunks=tuple(Chunk(index=place, text=one, tokens=WORDS) for place, one in enumerate(texts))).to_bytes()
    return Item(document, {StageName.CHUNKS: lambda: data})


def text(number: int) -> str:
    words = " ".join(TOPICS.values()).split()
    return " ".join(np.random.default_rng(number).choice(words, WORDS))


def number_key(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def random_vectors(count: int, dimension: int, seed: int) -> NDArray[np.float32]:
    made = np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


def timed(call: Callable[[], Any]) -> tuple[NDArray[np.float64], Any]:
    """Seconds and processor seconds of a call, and what it returned."""
    began, cpu = time.perf_counter(), time.process_time()
    answer = call()
    return np.array([time.perf_counter() - began, time.process_time() - cpu]), answer


if __name__ == "__main__":
    main()
