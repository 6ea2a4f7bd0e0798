"""Pictures of the pages of documents that the ledger knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from docpipe.models import Document
from docpipe.partition_key import document_id
from docpipe.render.look import Look
from docpipe.render.page_pictures import PagePicture, PagePictures
from docpipe.render.picture_cache import picture_cache
from docpipe.working_folder import working_folder

if TYPE_CHECKING:
    from docpipe.pipeline import Pipeline


class DocumentPictures:
    """Page pictures of documents in the bucket; used as a context manager, at whose end the local copies go.

    Plain pictures are kept in a cache and found there without the document; those with boxes are drawn anew.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._cache = picture_cache(pipeline.settings)
        self._stack = ExitStack()
        self._sources: dict[tuple[str, int], Path] = {}

    def __enter__(self) -> Self:
        self._folder = self._stack.enter_context(working_folder("docpipe-pictures-"))
        self._pictures = self._stack.enter_context(PagePictures(self._pipeline.settings))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def page(self, document: Document, number: int, look: Look) -> bytes:
        """One page as a PNG; raises as `PagePictures.page` does, and `Superseded` where the document has changed meanwhile."""
        (picture,) = self.pages(document, [number], look)
        if picture.error is not None:
            raise picture.error
        return picture.data

    def pages(self, document: Document, numbers: Iterable[int], look: Look) -> Iterator[PagePicture]:
        """Pages with these numbers as they are done, those that are kept from before first."""
        missing = []
        for number in numbers:
            kept = None if look.outlined or look.marked else self._cache.get(document.key, _name(document, number, look))
            if kept is None:
                missing.append(number)
            else:
                yield PagePicture(number, kept)
        if not missing:
            return
        for picture in self._pictures.pages(self._source(document), document.media_type, missing, look):
            if picture.error is None and not (look.outlined or look.marked):
                self._cache.put(document.key, _name(document, picture.number, look), picture.data)
            yield picture

    def _source(self, document: Document) -> Path:
        """A local copy of the document as the ledger knows it."""
        place = (document.key, document.generation)
        if place not in self._sources:
            path = self._folder / f"{document_id(document.key)}-{document.generation}"
            self._pipeline.sources.copy(document, path)
            self._sources[place] = path
        return self._sources[place]


def _name(document: Document, number: int, look: Look) -> str:
    """Of a page's picture: the same content gives the same picture, whatever the generation."""
    content = document.content_sha256 or document_id("\n".join(map(str, document.identity)))
    return f"{content[:32]}-{number}-{look.name}"
