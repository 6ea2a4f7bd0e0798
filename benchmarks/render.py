"""Page pictures: milliseconds a page at 150 dpi, by the number of workers.

    python -m benchmarks.render [--pages 10] [--repeat 5] [--corpus ../shared/corpus/files]

Each worker keeps the document open; the processes are warm, as they are from the second document on. The first row
opens the document anew for every page in one process, which is what a pool without memory of its document would do.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pymupdf

from benchmarks.result import publish
from docpipe.cores import usable_cores
from docpipe.parse.formats import PDF
from docpipe.render import Look, PagePictures
from docpipe.settings import load_settings

LOOK = Look(dpi=150)
PROJECT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=10)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--corpus", type=Path, default=PROJECT.parent / "shared" / "corpus" / "files")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="docpipe-bench-") as scratch:
        source = mixed_document(Path(scratch) / "mixed.pdf", arguments.corpus, arguments.pages)
        publish("render", list(measure(source, arguments.pages, arguments.repeat, Path(scratch))), pages=arguments.pages, dpi=LOOK.dpi)


def mixed_document(path: Path, corpus: Path, pages: int) -> Path:
    """Real pages with text, tables, formulas and pictures where the corpus is there, else those of the samples."""
    folder = corpus if corpus.is_dir() else PROJECT / "samples" / "documents"
    with pymupdf.open() as mixed:
        for source in sorted(folder.glob("*.pdf")):
            try:
                with pymupdf.open(source) as document:
                    if not document.needs_pass and document.page_count and max(document[0].rect.br) < 1_500:
                        mixed.insert_pdf(document, from_page=0, to_page=0)
            except (RuntimeError, ValueError):
                continue
            if mixed.page_count >= pages:
                break
        if mixed.page_count < pages:
            raise SystemExit(f"{folder} has only {mixed.page_count} PDFs that open: ask for fewer --pages")
        mixed.save(path)
    return path


def measure(source: Path, pages: int, repeat: int, home: Path) -> Iterator[dict[str, Any]]:
    numbers = range(1, pages + 1)
    baseline = timed(lambda: reopened(source, numbers), repeat)
    yield row("one process, opened for every page", 1, baseline, pages, baseline)
    for workers in sorted({1, 2, usable_cores()}):
        with PagePictures(load_settings(home=home, render_workers=workers)) as pictures:

            def render(pictures: PagePictures = pictures) -> None:
                assert all(one.error is None for one in pictures.pages(source, PDF, numbers, LOOK))

            render()
            yield row("pool", workers, timed(render, repeat), pages, baseline)


def reopened(source: Path, numbers: range) -> None:
    for number in numbers:
        with pymupdf.open(source) as document:
            document[number - 1].get_pixmap(dpi=int(LOOK.dpi), alpha=False).tobytes("png")


def timed(call: Callable[[], None], repeat: int) -> float:
    """Median seconds."""
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def row(name: str, workers: int, seconds: float, pages: int, baseline: float) -> dict[str, Any]:
    return {
        "how": name,
        "workers": workers,
        "seconds": round(seconds, 3),
        "ms_a_page": round(seconds / pages * 1_000, 1),
        "pages_per_s": round(pages / seconds, 1),
        "speedup": round(baseline / seconds, 2),
    }


if __name__ == "__main__":
    main()
