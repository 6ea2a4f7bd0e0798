"""What chunk sizes, overlaps, fusion and headings do to retrieval, on two golden sets over one collection.

    python -m benchmarks.retrieval [--home FOLDER] [--distractors 200] [--without DA-619p.pdf] [--only fusion]

The samples, the real documents beside the project where there are such, and generated ones are parsed once; every way of
chunking gets a collection of its own. A difference to the defaults counts where its 95% interval, over the queries of all
sets, leaves out zero.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.bootstrap import interval
from benchmarks.documents import make_tiny_documents
from benchmarks.result import PROJECT, publish
from docpipe.attachments import look_at_attachments
from docpipe.embed.embedder import open_embedder
from docpipe.golden import Evaluation, GoldenSet, evaluate
from docpipe.index import Entry, Fusion, Passage, open_reader, open_writer, own_collection
from docpipe.models import StageName
from docpipe.partition_key import partition_key
from docpipe.pipeline import Pipeline
from docpipe.reconcile import reconcile
from docpipe.search.searcher import settings_fusion
from docpipe.settings import Settings, load_settings

CORPUS = PROJECT.parent / "shared" / "corpus" / "files"
SLOW = (
    "TAMReview.pdf",
    "book-war-and-peace-1225p.txt",
    "chelsea_pdta.pdf",
    "Brotli-Prototype-FileA.pdf",
    "enormous.pdf",
    "habibi-rotated.pdf",
)
"""Left out: half of all seconds, and no question asks for them."""
CHUNKS = ((64, 0), (64, 25), (128, 0), (128, 25), (200, 0), (200, 25), (254, 0), (254, 25), (254, 50))
"""Tokens and overlap."""
DEFAULT_CHUNKS = (254, 50)
WEIGHTS = ((1, 0), (0, 1), (1, 1), (2, 1), (3, 1), (1, 2), (1, 3))
"""Of meaning and terms."""
RRF_K = (2, 4, 6, 10, 20, 60)
CANDIDATES = (20, 50, 100, 200)
HEADINGS = ((True, True), (True, False), (False, True), (False, False))
"""Whether the heading path stands before the text in what is embedded, and in what the terms are taken from."""

Sets = dict[str, GoldenSet]
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="kept, so that the next time nothing is parsed; by default a temporary one")
    parser.add_argument("--distractors", type=int, default=200, help="generated notes among the real documents")
    parser.add_argument("--without", nargs="*", default=[], help="documents left out where everything has to be embedded anew")
    parser.add_argument("--only", choices=["fusion", "chunks", "headings"], help="one of the three tables")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="docpipe-bench-") as scratch:
        settings = load_settings(home=options.home or Path(scratch), task_seconds=1_800)
        documents = fill(settings, options.distractors)
        index(settings, documents)
        sets = {"samples": GoldenSet.load(PROJECT / "samples" / "golden")}
        if CORPUS.exists():
            sets["corpus"] = GoldenSet.load(PROJECT / "benchmarks" / "golden_corpus")
        facts: Row = {"sets": {name: len(one.queries) for name, one in sets.items()}}
        fewer = [key for key in documents if key not in map(partition_key, options.without)]
        if options.only in (None, "fusion"):
            found = measure(settings, sets)
            facts |= {"documents": len(documents), "points": points(settings)}
            publish("retrieval_fusion", list(fusions(settings, sets, found)), **facts)
            publish("retrieval_kinds", list(kinds(sets, found)), **facts)
        if options.only in (None, "chunks"):
            publish("retrieval_chunks", list(chunkings(settings, sets, fewer)), **facts | {"documents": len(fewer)})
        if options.only in (None, "headings"):
            publish("retrieval_headings", list(headings(settings, sets, fewer)), **facts | {"documents": len(fewer)})


def fill(settings: Settings, distractors: int) -> list[str]:
    """Copy and make the documents, and parse them with their attachments; returns the partition keys."""
    bucket = settings.home / "bucket"
    if not bucket.exists():
        shutil.copytree(PROJECT / "samples" / "documents", bucket)
        if CORPUS.exists():
            shutil.copytree(CORPUS, bucket, ignore=shutil.ignore_patterns(*SLOW), dirs_exist_ok=True)
        make_tiny_documents(bucket / "generated", distractors)
    pipeline = Pipeline(settings)
    reconcile(pipeline.bucket, pipeline.ledger, settings)
    parsed: set[str] = set()
    while new := [document.key for document in pipeline.ledger.all_documents() if document.key not in parsed]:
        for _ in pipeline.run(StageName.PARSED_PAGES, new):
            pass
        parsed.update(new)
        look_at_attachments(pipeline.ledger, pipeline.artifacts, settings, time.monotonic() + 600)
    return sorted(parsed)


def index(settings: Settings, documents: Sequence[str]) -> None:
    """Take the parsed documents through the other stages; what is there already is found."""
    pipeline = Pipeline(settings)
    for stage in list(StageName)[1:]:
        for _ in pipeline.run(stage, documents):
            pass


def measure(settings: Settings, sets: Sets, fusion: Fusion | None = None) -> dict[str, Evaluation]:
    """Ask every set of the settings' own collection."""
    return {name: evaluate(settings, golden, own_collection(settings), fusion) for name, golden in sets.items()}


def fusions(settings: Settings, sets: Sets, base: dict[str, Evaluation]) -> Iterator[Row]:
    """Weights for each constant of the fusion, then the number of candidates."""
    for k in RRF_K:
        for dense, sparse in WEIGHTS:
            if k == RRF_K[0] or dense * sparse:
                named: Row = {"k": k, "meaning": dense, "terms": sparse, "candidates": 50}
                yield named | compared(measure(settings, sets, Fusion(k=k, dense=dense, sparse=sparse)), base)
    for candidates in CANDIDATES:
        fusion = replace(settings_fusion(settings), candidates=candidates)
        named = {"k": fusion.k, "meaning": fusion.dense, "terms": fusion.sparse, "candidates": candidates}
        yield named | compared(measure(settings, sets, fusion), base)


def chunkings(settings: Settings, sets: Sets, documents: Sequence[str]) -> Iterator[Row]:
    """Another size and overlap of the chunks, each in a collection of its own."""
    base = measure(chunked(settings, documents, *DEFAULT_CHUNKS), sets)
    for tokens, overlap in CHUNKS:
        made = chunked(settings, documents, tokens, overlap)
        yield {"tokens": tokens, "overlap": overlap, "points": points(made)} | compared(measure(made, sets), base)


def chunked(settings: Settings, documents: Sequence[str], tokens: int, overlap: int) -> Settings:
    """Index the documents in such chunks; returns the settings of their collection."""
    alias = f"chunks_{tokens}_{overlap}"
    made = settings.model_copy(update={"chunk_tokens": tokens, "chunk_overlap": overlap, "collection": alias})
    index(made, documents)
    return made


def headings(settings: Settings, sets: Sets, documents: Sequence[str]) -> Iterator[Row]:
    """With and without the heading path in what is embedded and in what is counted as terms."""
    written = chunked(settings, documents, *DEFAULT_CHUNKS)
    base = measure(written, sets)
    for embedded, counted in HEADINGS:
        changed = written.model_copy(update={"collection": f"headings_{int(embedded)}{int(counted)}"})
        rewrite(written, changed, embedded, counted)
        yield {"embedded": embedded, "terms": counted} | compared(measure(changed, sets), base)


def rewrite(settings: Settings, changed: Settings, embedded: bool, counted: bool) -> None:
    """Write all points anew into another collection, with or without their headings."""
    embedder = open_embedder(settings)
    with open_reader(settings, own_collection(settings)) as reader, open_writer(changed) as writer:
        for key, generation, number in reader.inventory():
            payloads = reader.passages([(key, generation, chunk) for chunk in range(number)])
            passages = [Passage(payload["chunk"], _text(payload, counted), payload) for payload in payloads]
            if passages:
                vectors = embedder.embed([_text(payload, embedded) for payload in payloads])
                writer.replace([Entry(key, generation, {}, passages, vectors)])


def _text(payload: Any, heading: bool) -> str:
    return "\n".join((*payload["heading_path"], payload["text"])) if heading else str(payload["text"])


def points(settings: Settings) -> int:
    """In the settings' own collection."""
    with open_reader(settings, own_collection(settings)) as reader:
        return sum(number for _, _, number in reader.inventory())


def compared(found: dict[str, Evaluation], base: dict[str, Evaluation]) -> Row:
    """The numbers of every set, and the difference of nDCG@10 to the defaults over the queries of all sets."""
    row: Row = {}
    for name, one in found.items():
        row |= {f"{name} nDCG@10": one.ndcg, f"{name} MRR@10": one.mrr, f"{name} recall@5": one.recall[5]}
    pairs = [zip(found[name].per_query, base[name].per_query, strict=True) for name in base]
    differences = [ours.ndcg - theirs.ndcg for pair in pairs for ours, theirs in pair]
    low, high = interval(differences)
    row["difference"] = fmean(differences)
    row["95%"] = f"{low:+.3f} to {high:+.3f}"
    row["verdict"] = "better" if low > 0 else "worse" if high < 0 else ""
    return row


def kinds(sets: Sets, base: dict[str, Evaluation]) -> Iterator[Row]:
    """The defaults' numbers by kind of question, which the project's sets name in the metadata of their queries."""
    for name, golden in sets.items():
        lines = map(json.loads, (golden.folder / "queries.jsonl").read_text().splitlines())
        kind_of = {line["_id"]: line["metadata"]["kind"] for line in lines}
        for kind in sorted(set(kind_of.values())):
            found = [one.ndcg for one in base[name].per_query if kind_of[one.query] == kind]
            low, high = interval(found)
            yield {"set": name, "kind": kind, "queries": len(found), "nDCG@10": fmean(found), "95%": f"{low:.2f} to {high:.2f}"}


if __name__ == "__main__":
    main()
