"""Three small documents in an index, and golden sets that ask for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docpipe.embed.embedder import open_embedder
from docpipe.golden import GoldenSet
from docpipe.index import Entry, Passage, open_writer
from docpipe.partition_key import partition_key
from docpipe.settings import Settings, load_settings
from tests.environment import forget_variables

DOCUMENTS = {
    "pump.pdf": ["Switch the pump off before the cover is opened.", "The valve K-4711 is closed by hand."],
    "bread.md": ["Let the dough rise for two hours in a warm place.", "Bake it until the crust is brown."],
    "a mail!//01-offer.pdf": ["We offer one main bearing for EUR 214,000."],
}
PAYLOAD = {"heading_path": [], "boxes": [], "kind": "text", "language": "en", "quality": 1.0, "overlap": 0}
HEADER = "query-id\tcorpus-id\tscore\n"


def lines(**texts: str) -> str:
    """The content of queries.jsonl."""
    return "".join(json.dumps({"_id": query, "text": text}) + "\n" for query, text in texts.items())


def written(folder: Path, queries: str, qrels: str, name: str = "qrels.tsv") -> Path:
    """A golden set of two files with this content."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / "queries.jsonl").write_text(queries, encoding="utf-8")
    (folder / name).write_text(qrels, encoding="utf-8")
    return folder


def fill(settings: Settings) -> None:
    """Index them: passage n of a PDF stands on page n + 1, the other file has no pages."""
    entries = []
    for name, texts in DOCUMENTS.items():
        passages = [
            Passage(number, text, {"text": text, "pages": [number + 1] if name.endswith("pdf") else []} | PAYLOAD)
            for number, text in enumerate(texts)
        ]
        common = {"object_key": name, "media_type": "application/pdf", "document_class": "manual", "run_id": "", "tags": []}
        entries.append(Entry(partition_key(name), 1, common, passages, open_embedder(settings).embed(texts)))
    with open_writer(settings) as index:
        index.replace(entries)


def golden_set(folder: Path, **judged: tuple[str, dict[str, int]]) -> GoldenSet:
    """Text and grades by query id."""
    rows = "".join(f"{query}\t{target}\t{grade}\n" for query, (_, grades) in judged.items() for target, grade in grades.items())
    return GoldenSet.load(written(folder, lines(**{query: text for query, (text, _) in judged.items()}), HEADER + rows))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Filled once, with the model in the form that its backend wants."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        forget_variables(patch)
        fill(load_settings(home=folder, _env_file=None))
    return folder
