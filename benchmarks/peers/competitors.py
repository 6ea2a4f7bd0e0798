"""Who is compared."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.peers.peer import CHUNKS, FILES

OURS = "docpipe"


@dataclass(frozen=True, slots=True)
class Competitor:
    """One row of the tables."""

    name: str
    module: str
    variant: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether it runs in the project's own environment; peers have another."""
        return self.name.startswith(OURS)

    @property
    def path(self) -> str:
        return f"benchmarks.peers.{self.module}"


COMPETITORS: dict[str, tuple[Competitor, ...]] = {
    CHUNKS: (
        Competitor(OURS, "ours"),
        Competitor(f"{OURS}, qdrant-client", "ours_local"),
        Competitor("LlamaIndex", "llama_index"),
        Competitor("LlamaIndex, batch 64", "llama_index", "batch 64"),
        Competitor("Haystack", "haystack"),
        Competitor("Haystack, batch 64", "haystack", "batch 64"),
        Competitor("LangChain", "langchain"),
        Competitor("LangChain, batch 64", "langchain", "batch 64"),
        Competitor("CocoIndex", "cocoindex"),
    ),
    FILES: (
        Competitor(OURS, "ours"),
        Competitor(f"{OURS}, no OCR", "ours", "no ocr"),
        Competitor(f"{OURS}, Dagster", "ours_dagster"),
        Competitor("LlamaIndex", "llama_index"),
        Competitor("Haystack", "haystack"),
        Competitor("LangChain, pypdf", "langchain"),
        Competitor("LangChain, PyMuPDF", "langchain", "pymupdf"),
        Competitor("CocoIndex, pypdf", "cocoindex"),
    ),
}
"""By kind of job; the first one is what the others are compared with."""
