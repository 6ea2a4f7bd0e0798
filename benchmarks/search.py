"""How long a search takes in the embedded index, and which part of it takes how long.

    python -m benchmarks.search [--points 200000] [--folder FOLDER]

The made-up documents of `index_load` with questions of their kind. The query is really embedded by the default model, but
then replaced by the question's own vector, since words of a made-up language have no place among made-up vectors. The
cross-encoders have random weights, which cost what trained ones do: a tiny one, which shows what stands around it, and one of
the size of ms-marco-MiniLM-L-6. One question at a time, in one process.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.index_load import load
from benchmarks.index_points import MadePoints, made_collection
from benchmarks.result import publish, show
from docpipe.embed.contract import Embedder
from docpipe.embed.embedder import open_embedder
from docpipe.embed.model import EmbeddingModel, find_model
from docpipe.index import Collection, Fusion, IndexReader, Match, Selection
from docpipe.index.edge import EdgeReader
from docpipe.search import Around, Searcher
from docpipe.search.reranker import Judged, Reranker
from docpipe.settings import load_settings

QUESTIONS = 500
RERANKED = 6
WARM = 50
"""Questions of each kind that are not counted; two where they are reranked."""
LIMIT = 5
KEPT = 100_000
"""Points from which a result is written."""
CROSS_ENCODERS = {
    "tiny": {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64},
    "MiniLM-sized": {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1_536},
}


class Clock:
    """Milliseconds that each part of one search took: by the wall, and of processor time, which other work cannot stretch."""

    def __init__(self) -> None:
        self.spent: dict[str, NDArray[np.float64]] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        began = _now()
        yield
        self.spent[name] = self.spent.get(name, 0.0) + _now() - began


class TimedIndex:
    """A reader under the clock."""

    def __init__(self, index: IndexReader, clock: Clock) -> None:
        self._index = index
        self._clock = clock

    @property
    def collection(self) -> Collection:
        return self._index.collection

    def search(self, vector: NDArray[np.float32], text: str, limit: int, selection: Selection, fusion: Fusion | None = None) -> list[Match]:
        with self._clock.part("engine"):
            return self._index.search(vector, text, limit, selection, fusion or Fusion())

    def passages(self, wanted: Sequence[tuple[str, int, int]]) -> list[Mapping[str, Any]]:
        with self._clock.part("passages"):
            return self._index.passages(wanted)

    def inventory(self) -> Iterator[tuple[str, int, int]]:
        return self._index.inventory()

    def close(self) -> None:
        self._index.close()


class PlacedEmbedder:
    """Embeds a question under the clock, and answers with the vector that was made for it."""

    def __init__(self, embedder: Embedder, model: EmbeddingModel, vectors: Mapping[str, NDArray[np.float32]], clock: Clock) -> None:
        self.model = model
        self._embedder = embedder
        self._vectors = vectors
        self._clock = clock

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        with self._clock.part("embedding"):
            self._embedder.embed(texts)
        return np.stack([self._vectors[text] for text in texts])


class TimedReranker(Reranker):
    """A cross-encoder under the clock."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        super().__init__(folder)
        self._clock = clock

    def judge(self, query: str, passages: Sequence[str]) -> Judged:
        with self._clock.part("reranker"):
            return super().judge(query, passages)


def main() -> None:
    parser = argparse.ArgumentParser(description="How long a search takes in the embedded index, and which part of it takes how long.")
    parser.add_argument("--points", type=int, default=200_000)
    parser.add_argument("--folder", type=Path, help="an index that `index_load` filled; else one is filled in a temporary folder")
    arguments = parser.parse_args()
    made, collection = MadePoints(), made_collection()
    with tempfile.TemporaryDirectory(prefix="docpipe-bench-") as scratch:
        folder = arguments.folder or Path(scratch) / collection.name
        if not arguments.folder:
            load(folder, collection, made, arguments.points)
        with closing(EdgeReader(folder, collection)) as index:
            points = sum(count for _, _, count in index.inventory())
            found = []
            for some in measured(index, made, Path(scratch)):
                show(str(some[0]["search"]), some)
                found += some
    # Development runs print and keep nothing.
    if points >= KEPT:
        print(publish("search", found, points=points, load_average=os.getloadavg()[0]))


def measured(index: IndexReader, made: MadePoints, scratch: Path) -> Iterator[list[dict[str, Any]]]:
    clock = Clock()
    settings = load_settings(home=scratch, _env_file=None)
    questions = {text: vector for vector, text in made.questions(QUESTIONS * 6)}
    # The collection was made by no model; whoever asks it has to say the same.
    model = replace(find_model(settings), sha256=index.collection.model_sha256)
    embedder = PlacedEmbedder(open_embedder(settings), model, questions, clock)
    timed = TimedIndex(index, clock)
    plain = Searcher(timed, embedder)
    classes = Selection(document_classes=("manual", "invoice"))
    searches: dict[str, Callable[[str], object]] = {
        "hybrid": lambda text: plain.search(text, LIMIT),
        "with duplicates": lambda text: plain.search(text, LIMIT, duplicates=True),
        "of two classes": lambda text: plain.search(text, LIMIT, classes),
        "with neighbours": lambda text: plain.search(text, LIMIT, around=Around(neighbours=1)),
        "with sections": lambda text: plain.search(text, LIMIT, around=Around(section=True)),
        "50 passages": lambda text: plain.search(text, 50),
    }
    texts = list(questions)
    for place, (name, search) in enumerate(searches.items()):
        # No text twice: the embedder remembers what it embedded.
        yield rows(name, clock, search, texts[place :: len(searches)], WARM)
    for name, sizes in CROSS_ENCODERS.items():
        reranked = Searcher(timed, embedder, reranker=TimedReranker(cross_encoder(scratch / name, sizes), clock))
        yield rows(f"reranked, {name}", clock, partial(reranked.search, limit=LIMIT), texts[: RERANKED + 2], 2)


def rows(name: str, clock: Clock, search: Callable[[str], object], texts: Sequence[str], warm: int) -> list[dict[str, Any]]:
    for text in texts[:warm]:
        search(text)
    spent: dict[str, list[NDArray[np.float64]]] = {}
    for text in texts[warm:]:
        clock.spent = {}
        began = _now()
        search(text)
        whole = _now() - began
        parts = {"whole": whole, **clock.spent, "the rest": whole - sum(clock.spent.values())}
        for part, milliseconds in parts.items():
            spent.setdefault(part, []).append(milliseconds)
    made = []
    for part, each in spent.items():
        (p50, cpu_p50), (p99, cpu_p99) = np.percentile(each, (50, 99), axis=0).tolist()
        common = {"search": name, "part": part, "queries": len(each)}
        made.append(common | {"p50_ms": p50, "p99_ms": p99, "cpu_p50_ms": cpu_p50, "cpu_p99_ms": cpu_p99})
    return made


def _now() -> NDArray[np.float64]:
    return 1_000 * np.array([time.perf_counter(), time.process_time()])


def cross_encoder(folder: Path, sizes: Mapping[str, int]) -> Path:
    """Save one with random weights and the default model's tokenizer."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    BertForSequenceClassification(BertConfig(id2label={0: "relevance"}, max_position_embeddings=512, **sizes)).save_pretrained(folder)  # type: ignore[arg-type]
    shutil.copy(find_model(load_settings(_env_file=None)).tokenizer_file, folder / "tokenizer.json")
    return folder


if __name__ == "__main__":
    main()
