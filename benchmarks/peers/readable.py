"""Which PDFs of a folder the peers' readers get text from, asked in their interpreter.

    python -m benchmarks.peers.readable FOLDER

Prints a name a line. Each file is read in a process of its own, since some of the world's PDFs hang a reader or fill the memory.
"""

from __future__ import annotations

import logging
import multiprocessing
import resource
import sys
from pathlib import Path

CPU_SECONDS = 60
"""Processor time: a busy machine must not change the answer."""
LONGEST = 600.0
MEMORY = 4 << 30
FEWEST, MOST = 200, 1_000_000
"""Characters: less is no text to be found again, more would outweigh all other files together."""


def main() -> None:
    forking = multiprocessing.get_context("fork")
    for path in sorted(Path(sys.argv[1]).glob("*.pdf")):
        reading = forking.Process(target=_read, args=(path,))
        reading.start()
        reading.join(LONGEST)
        if reading.is_alive():
            reading.kill()
            reading.join()
        elif reading.exitcode == 0:
            print(path.name, flush=True)


def _read(path: Path) -> None:
    """Exit with 0 where both readers find a fair amount of text; whatever goes wrong is an answer too."""
    import pymupdf
    from pypdf import PdfReader

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    logging.disable()
    pypdf = sum(len(page.extract_text()) for page in PdfReader(path).pages)
    with pymupdf.open(path) as document:
        mupdf = sum(len(page.get_text()) for page in document)
    sys.exit(min(pypdf, mupdf) < FEWEST or max(pypdf, mupdf) > MOST)


if __name__ == "__main__":
    main()
