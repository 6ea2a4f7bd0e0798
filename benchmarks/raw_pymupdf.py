"""PyMuPDF alone, in a process that holds nothing else: reads `<kind> <path>` lines, answers with CPU-seconds.

Our own process holds docling's classes, and Python's collector looks through them while PyMuPDF makes its dictionaries:
beside them PyMuPDF would look slower than it is.
"""

from __future__ import annotations

import sys
import time

import pymupdf

FLAGS = pymupdf.TEXTFLAGS_DICT & ~pymupdf.TEXT_PRESERVE_IMAGES & ~pymupdf.TEXT_CID_FOR_UNKNOWN_UNICODE
"""Those of `docpipe.parse.page.page_text`."""


def seconds(kind: str, path: str) -> float:
    """CPU time to open the file and read every page; `kind` is PyMuPDF's: text, blocks or dict."""
    started = time.process_time()
    with pymupdf.open(path) as document:
        for page in document:
            page.get_text(kind, flags=FLAGS)
    return time.process_time() - started


def main() -> None:
    for line in sys.stdin:
        kind, _, path = line.rstrip("\n").partition(" ")
        print(seconds(kind, path), flush=True)


if __name__ == "__main__":
    main()
