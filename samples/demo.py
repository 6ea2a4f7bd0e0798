"""`make demo`: the samples go into the bucket, Dagster takes them through the pipeline, three questions get answers, 120 a score."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from docpipe.bucket import Bucket
from docpipe.cli.dagster_process import daemon, prepare_instance
from docpipe.cli.output import complain, console, table
from docpipe.cli.query import print_hit
from docpipe.errors import DocpipeError, Superseded
from docpipe.golden import GoldenSet, evaluate
from docpipe.ledger import Ledger
from docpipe.models import DocumentStatus, StageName, StageStatus
from docpipe.pipeline import Pipeline
from docpipe.quarantine import PREFIX, documents_in
from docpipe.quarantine.sweep import is_due
from docpipe.reconcile import differences
from docpipe.reprocess import plan
from docpipe.search import search
from docpipe.settings import load_settings
from resources.runs import wait_for_runs

PROJECT = Path(__file__).resolve().parent.parent
DOCUMENTS = PROJECT / "samples" / "documents"
QUESTIONS = PROJECT / "samples" / "questions.json"
GOLDEN = PROJECT / "samples" / "golden"
SETTLED = (
    DocumentStatus.INDEXED,
    DocumentStatus.FAILED,
    DocumentStatus.REFUSED,
    DocumentStatus.QUARANTINED,
    DocumentStatus.DELETED,
)
LOST = (DocumentStatus.FAILED, DocumentStatus.REFUSED, DocumentStatus.QUARANTINED)
LONGEST = 1_200.0
"""Seconds after which the demo gives up and shows Dagster's log."""


def main() -> int:
    os.chdir(PROJECT)
    os.environ.setdefault("DOCPIPE_SENSOR_SECONDS", "2")
    os.environ.setdefault("DOCPIPE_QUARANTINE_SECONDS", "2")
    pipeline = Pipeline(load_settings())
    environment = prepare_instance(pipeline.settings, PROJECT)
    copied = put_samples(pipeline.bucket)
    console.print(f"[bold]1.[/] {copied} of {len(list(samples()))} sample documents put into {pipeline.settings.bucket_url}")
    if nothing_to_do(pipeline):
        console.print("[bold]2.[/] nothing to do: every document is as it was, no stage is stale, so no run was started")
    else:
        console.print("[bold]2.[/] Dagster's daemon starts; the sensor looks for documents, a run takes them through the five assets")
        log = pipeline.settings.home / "dagster" / "demo.log"
        with daemon(environment, PROJECT, log) as process:
            watch(pipeline, process, log)
            if not wait_for_runs(pipeline.settings.home / "dagster", LONGEST):
                raise DocpipeError(f"a run is still under way after {LONGEST:.0f} s: {log} may say why")
    console.print("[bold]3.[/] what became of each document")
    show_documents(pipeline.ledger)
    console.print("[bold]4.[/] three questions, answered from the index\n")
    questions = json.loads(QUESTIONS.read_text())[:3]
    for question in questions:
        console.print(f"[bold magenta]{escape(question['question'])}[/]", highlight=False)
        hits = search(pipeline.settings, question["question"], limit=1)
        for number, hit in enumerate(hits, 1):
            print_hit(number, hit, question["question"])
    show_quality(pipeline)
    console.print(
        "[dim]`make up` shows the runs, the assets and every document in the Dagster UI; `.venv/bin/docpipe query …` asks more[/]"
    )
    return 0


def samples() -> Iterator[Path]:
    return (path for path in sorted(DOCUMENTS.rglob("*")) if path.is_file())


def put_samples(bucket: Bucket) -> int:
    """Write the samples that are not in the bucket yet as they are; returns how many."""
    copied = 0
    for path in samples():
        key, data = path.relative_to(DOCUMENTS).as_posix(), path.read_bytes()
        # One that was refused lies in quarantine by now.
        if not any(_has(bucket, place, data) for place in (key, PREFIX + key)):
            bucket.write(key, data)
            copied += 1
    return copied


def _has(bucket: Bucket, key: str, data: bytes) -> bool:
    try:
        return bucket.stat(key).size == len(data) and hashlib.sha256(bucket.read(key)).digest() == hashlib.sha256(data).digest()
    except Superseded:
        return False


def nothing_to_do(pipeline: Pipeline) -> bool:
    """Whether bucket and ledger agree, no document is on its way and no stage is stale; stale ones are queued."""
    ledger = pipeline.ledger
    stale = plan(ledger, pipeline.stages).keys
    if stale:
        ledger.requeue(stale)
        console.print(f"   {len(stale)} documents have stages that the present code or settings would make differently")
    unsettled = [status for status in ledger.summary().documents if status not in SETTLED]
    return not unsettled and not differs(pipeline)


def differs(pipeline: Pipeline) -> bool:
    """Whether bucket or mails hold what the ledger does not know, the index what they no longer hold, or something is to be quarantined."""
    ledger = pipeline.ledger
    different = next(differences(documents_in(pipeline.bucket), ledger.known()), None) is not None
    return different or bool(ledger.outdated(1) or ledger.due(limit=1)) or is_due(pipeline)


def watch(pipeline: Pipeline, process: subprocess.Popen[bytes], log: Path) -> None:
    """Show how far the stages are until every document is settled and the bucket holds nothing new."""
    ledger = pipeline.ledger
    columns = (TextColumn("   {task.description:<16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    deadline = time.monotonic() + LONGEST
    with Progress(*columns, console=console) as progress:
        bars = {stage: progress.add_task(stage, total=None) for stage in StageName}
        while True:
            summary = ledger.summary()
            total = sum(summary.documents.values())
            lost = sum(summary.documents.get(status, 0) for status in LOST)
            for stage, bar in bars.items():
                row = summary.stages.get((stage, StageStatus.COMPLETE))
                done = row.documents if row else 0
                progress.update(bar, completed=done, total=max(total - lost, done) or None)
            if total and all(status in SETTLED for status in summary.documents) and not differs(pipeline):
                return
            if process.poll() is not None or time.monotonic() > deadline:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
                raise DocpipeError(f"Dagster's daemon did not finish; the end of {log}:\n{tail}")
            time.sleep(0.5)


def show_documents(ledger: Ledger) -> None:
    shown = table("document", "pages", "chunks", "vectors", "seconds", "status", "why", right=("pages", "chunks", "vectors", "seconds"))
    documents = sorted(ledger.all_documents(), key=lambda document: (document.status, document.object_key))
    states = ledger.stage_states([document.key for document in documents])
    for document in documents:
        mine = [state for stage in StageName if (state := states.get((document.key, stage)))]
        counts = {name: number for state in mine for name, number in state.counts.items()}
        seconds = sum(state.seconds or 0.0 for state in mine)
        color = {"indexed": "green", "quarantined": "yellow", "refused": "yellow", "failed": "red"}.get(document.status, "white")
        cells = [f"{counts[name]:,}" if name in counts else "" for name in ("pages", "chunks", "vectors")]
        shown.add_row(
            escape(document.object_key),
            *cells,
            f"{seconds:.2f}" if mine else "",
            f"[{color}]{document.status}[/]",
            escape(document.error or ""),
        )
    console.print(shown)


def show_quality(pipeline: Pipeline) -> None:
    found = evaluate(pipeline.settings, GoldenSet.load(GOLDEN))
    numbers = f"nDCG@10 {found.ndcg:.2f}, MRR@10 {found.mrr:.2f}, recall@5 {found.recall[5]:.2f}"
    console.print(f"[bold]5.[/] {found.queries} questions with known answers (`docpipe eval samples/golden` names the worst): {numbers}\n")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DocpipeError as error:
        complain(error)
        sys.exit(2)
