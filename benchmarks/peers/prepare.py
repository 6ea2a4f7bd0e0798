"""What all competitors are given: chunks of our own pipeline, and folders of PDFs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks.documents import make_documents
from benchmarks.peers.our_settings import our_settings
from benchmarks.peers.peer import CHUNKS_FILE, HOME, PDF_FOLDER, Chunk
from docpipe.embed.embedder import open_embedder
from docpipe.models import ChunkedDocument, StageName
from docpipe.pipeline import Pipeline
from docpipe.reconcile import reconcile

BEFORE_VECTORS = (StageName.PARSED_PAGES, StageName.CHUNKS, StageName.ENRICHED_CHUNKS)
CHUNKS_A_DOCUMENT = 18
"""At least, of the generated PDFs on average."""


def prepare_model(home: Path) -> None:
    """Convert the model for the embedder's engine: work of the first run on a machine, not of every round."""
    home.mkdir(parents=True)
    open_embedder(our_settings(home, home))


def prepare_chunks(folder: Path, count: int, copied: Iterable[Path]) -> int:
    """Take generated PDFs and others as far as their chunks, and write down those of whole documents until there are `count`.

    The folder's home then holds these artifacts, and the chunks lie beside it as JSON lines. Returns how many.
    """
    bucket = folder / PDF_FOLDER
    settings = our_settings(folder / HOME, bucket)
    make_documents(bucket, count // CHUNKS_A_DOCUMENT)
    for path in copied:
        shutil.copy(path, bucket)
    pipeline = Pipeline(settings)
    reconcile(pipeline.bucket, pipeline.ledger, settings)
    keys = [document.key for document in pipeline.ledger.all_documents()]
    for stage in BEFORE_VECTORS:
        for result in pipeline.run(stage, keys, "prepare"):
            if result.error:
                raise result.error
    written = 0
    with (folder / CHUNKS_FILE).open("w", encoding="utf-8") as lines:
        for document in _documents(pipeline):
            if written >= count:
                break
            for chunk in document:
                lines.write(json.dumps(asdict(chunk)) + "\n")
            written += len(document)
    pipeline.ledger.close()
    return written


def prepare_files(folder: Path, generated: int, copied: Iterable[Path]) -> list[str]:
    """Make PDFs and copy others beside them; returns the names of all."""
    bucket = folder / PDF_FOLDER
    make_documents(bucket, generated)
    for path in copied:
        shutil.copy(path, bucket)
    return sorted(path.name for path in bucket.iterdir())


def _documents(pipeline: Pipeline) -> Iterator[list[Chunk]]:
    """The chunks of each document; in the order of their hashes, which mixes the generated ones with the others."""
    for document in sorted(pipeline.ledger.all_documents(), key=lambda document: document.content_sha256 or ""):
        state = pipeline.ledger.stage_states([document.key])[document.key, StageName.CHUNKS]
        chunked = ChunkedDocument.from_bytes(pipeline.artifacts.load(StageName.CHUNKS, document.key, state.fingerprint))
        yield [
            Chunk(document.key, document.object_key, chunk.index, next(iter(chunk.pages), 0), chunk.embedding_text)
            for chunk in chunked.chunks
        ]
