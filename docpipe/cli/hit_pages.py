"""Pages of hits as picture files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from docpipe.errors import DocpipeError
from docpipe.pipeline import Pipeline
from docpipe.render import Look
from docpipe.render.document_pictures import DocumentPictures
from docpipe.search import Hit

_UNSAFE = re.compile(r"[^\w.-]+")
_LONGEST_NAME = 60
"""Characters, of up to four bytes each: file systems take 255 bytes."""


def save_hit_pages(pipeline: Pipeline, hits: Sequence[Hit], folder: Path) -> Iterator[Path | str]:
    """Write the first page of each hit with the hit marked; yield for each hit its file, or why there is none."""
    documents = pipeline.ledger.documents({hit.key for hit in hits})
    with DocumentPictures(pipeline) as pictures:
        for rank, hit in enumerate(hits, 1):
            document = documents.get(hit.key)
            if document is None or document.generation != hit.generation:
                yield "the document has changed since it was indexed"
            elif not hit.pages:
                yield "this format has no pages"
            else:
                number = hit.pages[0]
                path = folder / f"{rank}-{picture_name(hit.object_key, number)}"
                try:
                    save_picture(path, pictures.page(document, number, Look(marked=hit.boxes)))
                except DocpipeError as error:
                    yield str(error)
                else:
                    yield path


def picture_name(object_key: str, number: int) -> str:
    """Of the file with a page's picture: a stranger named the document, and no terminal or file system has to bear that."""
    name = _UNSAFE.sub("_", Path(object_key).name)[:_LONGEST_NAME] or "document"
    return f"{name}-{number}.png"


def save_picture(path: Path, data: bytes) -> None:
    """Write a file that a person named; what keeps it from being written is wrong usage."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be written: {error.strerror}") from error
