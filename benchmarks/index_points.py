"""Made-up documents for the vector index: chunks with text, payload and vectors like real ones, as many as wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmarks.documents import paragraph, short_title
from benchmarks.vocabulary import vocabularies
from docpipe.index import Entry, Passage
from docpipe.index.collection import Collection

DIMENSION = 384
CHUNKS = 20
"""Of one document."""
GROUP_DOCUMENTS = 64
"""Written together, as the stage does."""

_TOPICS = 10
_THEMES = 500
_PARAGRAPHS = 400
"""Of each topic; a chunk's text is two of them, so hardly any two chunks of a million are alike."""
_CLASSES = (
    "report",
    "report",
    "report",
    "scientific paper",
    "scientific paper",
    "manual",
    "letter or e-mail",
    "invoice",
    "contract",
    "book",
)
_LANGUAGES = ("en", "en", "en", "en", "en", "en", "de", "de", "fr", "es")


def made_collection(quantization: str = "none") -> Collection:
    """A collection for these points."""
    return Collection("benchmark", "made up", "0" * 64, "none", DIMENSION, quantization)


@dataclass(frozen=True)
class MadePoints:
    """The same documents for the same seed; each depends on its own number alone."""

    seed: int = 7

    def entry(self, number: int, generation: int = 1) -> Entry:
        """Document `number`."""
        random = np.random.default_rng((self.seed, number, generation))
        theme, vectors = self._placed(random)
        topic = theme % _TOPICS
        folder = f"{_CLASSES[topic].split()[0]}s"
        date = datetime(2016, 1, 1, tzinfo=UTC) + timedelta(hours=int(random.integers(10 * 365 * 24)))
        payload = {
            "object_key": f"{folder}/{date.year}/document-{number:07d}.pdf",
            "media_type": "application/pdf",
            "document_class": _CLASSES[topic],
            "run_id": f"{number // 100:036d}",
            "date": date.isoformat(),
            "tags": [folder, f"{folder}/{date.year}"],
        }
        title = self.titles[topic][int(random.integers(len(self.titles[topic])))]
        passages = []
        for chunk in range(CHUNKS):
            text = "\n\n".join(self.paragraphs[topic][place] for place in random.integers(_PARAGRAPHS, size=2))
            passages.append(Passage(chunk, f"{title}\n{text}", self._payload(chunk, title, text, topic)))
        return Entry(f"{number:032x}", generation, payload, passages, vectors)

    def vectors(self, number: int, generation: int = 1) -> NDArray[np.float32]:
        """(CHUNKS, DIMENSION) of document `number`, without the rest of it."""
        return self._placed(np.random.default_rng((self.seed, number, generation)))[1]

    def groups(self, documents: range) -> Iterator[list[Entry]]:
        for start in range(documents.start, documents.stop, GROUP_DOCUMENTS):
            yield [self.entry(number) for number in range(start, min(start + GROUP_DOCUMENTS, documents.stop))]

    def questions(self, count: int) -> list[tuple[NDArray[np.float32], str]]:
        """Vectors of chunks that no document has, and three to six words of their topic."""
        random = np.random.default_rng((self.seed, 1))
        made = []
        for _ in range(count):
            theme, vectors = self._placed(random)
            words = self.paragraphs[theme % _TOPICS][int(random.integers(_PARAGRAPHS))].split()
            start = int(random.integers(len(words) - 6))
            made.append((vectors[0], " ".join(words[start : start + int(random.integers(3, 7))])))
        return made

    @cached_property
    def paragraphs(self) -> list[list[str]]:
        random = np.random.default_rng((self.seed, 2))
        return [[paragraph(random, words, int(random.integers(60, 91))) for _ in range(_PARAGRAPHS)] for words in vocabularies(self.seed)]

    @cached_property
    def titles(self) -> list[list[str]]:
        random = np.random.default_rng((self.seed, 3))
        return [[short_title(random, words) for _ in range(50)] for words in vocabularies(self.seed)]

    @cached_property
    def _centres(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Of topics and themes, and how far vectors spread in each direction: slowly falling, as embeddings do."""
        random = np.random.default_rng((self.seed, 4))
        spread = (1 / np.sqrt(1 + np.arange(DIMENSION) / 20)).astype(np.float32)
        topics, themes = (random.standard_normal((count, DIMENSION)).astype(np.float32) * spread for count in (_TOPICS, _THEMES))
        return topics, themes, spread

    def _placed(self, random: np.random.Generator) -> tuple[int, NDArray[np.float32]]:
        """A theme and vectors of it. Chunks lie around their document, documents around their theme, themes around their topic."""
        topics, themes, spread = self._centres
        theme = int(random.integers(_THEMES))
        noise = random.standard_normal((CHUNKS + 1, DIMENSION)).astype(np.float32) * spread
        made = 0.6 * topics[theme % _TOPICS] + 0.7 * themes[theme] + 0.8 * noise[0] + 0.9 * noise[1:]
        return theme, np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)

    @staticmethod
    def _payload(chunk: int, title: str, text: str, topic: int) -> dict[str, object]:
        box = {"page": chunk // 4 + 1, "left": 64.0, "top": 76.0, "right": 531.0, "bottom": 380.5}
        return {
            "text": text,
            "heading_path": [title, f"Section {chunk // 5 + 1}"],
            "pages": [chunk // 4 + 1],
            "boxes": [box, box | {"top": 391.0, "bottom": 702.25}],
            "kind": "text",
            "language": _LANGUAGES[topic],
            "quality": 0.97,
            "overlap": 0,
        }
