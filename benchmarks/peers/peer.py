"""What every competitor is given and what it gives back; standard library alone, since each runs in an interpreter of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, Self

CHUNKS, FILES = "chunks", "files"
CHUNKS_FILE, PDF_FOLDER, HOME = "chunks.jsonl", "bucket", "home"
"""What a prepared folder holds: the chunks; the PDFs; and our artifacts of both, which the chunks were taken from."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One passage, as our chunker cut it."""

    key: str
    """The document's partition key."""
    file: str
    number: int
    page: int
    """The first it stands on; 0 where the format has none."""
    text: str
    """What every competitor embeds."""


@dataclass(frozen=True, slots=True)
class Job:
    """What one process has to do."""

    peer: str
    """The module that does it, as Python imports it."""
    variant: str
    """Settings of the peer other than its defaults; each module says what it knows."""
    kind: str
    """`chunks`: from the same chunks to stored vectors; `files`: from the same PDFs to stored vectors."""
    source: str
    """The prepared folder; read only."""
    folder: str
    """An empty folder for everything that the peer keeps."""
    model: str
    """The folder of the sentence-transformers model."""
    tokens: int
    """A chunk's most, special tokens apart, as near as the peer's splitter comes to it."""
    overlap: int
    """Tokens that neighbours share."""
    questions: str = ""
    """A JSON file with texts by id; empty: nothing is asked."""
    passages: int = 50
    """Asked for with each question."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))

    @property
    def pdfs(self) -> list[Path]:
        return sorted((Path(self.source) / PDF_FOLDER).glob("*.pdf"))

    @property
    def store(self) -> Path:
        return Path(self.folder) / "store"

    @property
    def batch(self) -> dict[str, int]:
        """The argument that a variant like `batch 64` is about; empty for the peer's default."""
        name, _, size = self.variant.partition(" ")
        return {"batch_size": int(size)} if name == "batch" else {}

    def chunks(self) -> Iterator[Chunk]:
        with (Path(self.source) / CHUNKS_FILE).open(encoding="utf-8") as lines:
            for line in lines:
                yield Chunk(**json.loads(line))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a passage stands."""

    file: str
    page: int = 0
    """0 where the peer does not keep it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One point, as it lies in the store."""

    place: Place
    text: str
    """What its vector was made of."""


class Peer(Protocol):
    """One way to stored vectors; made by its module's `open_peer(job)`, which loads the model and is not timed."""

    def store(self) -> None:
        """Do the job, until every vector is where a search finds it."""

    def stored(self) -> Iterator[Stored]:
        """Yield every point."""

    def find(self, question: str, limit: int) -> list[Place]:
        """Ask as the peer's users do; best first."""


def place_of(metadata: dict[str, Any], page: int = 0) -> Place:
    """Read the file's name from what readers call it."""
    name = metadata.get("file_name") or metadata.get("file_path") or metadata.get("source") or ""
    return Place(Path(str(name)).name, page)
