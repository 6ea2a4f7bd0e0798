"""Where in the bucket quarantined objects lie: beside the documents, and never among them."""

from __future__ import annotations

from collections.abc import Iterator

from docpipe.bucket import Bucket
from docpipe.models import Document, ObjectInfo
from docpipe.partition_key import document_id

PREFIX = "_quarantine/"
"""No object under this prefix is a document, whoever put it there."""
_BEHIND = PREFIX + "\U0010ffff"
_LONGEST = 1024


def places(document: Document) -> Iterator[str]:
    """Yield where its object may lie, best first: under its own name, unless an older version lies there, or none that is so long can."""
    named = PREFIX + document.object_key
    for place in (named, f"{named}~{document.generation}"):
        if len(place.encode()) <= _LONGEST:
            yield place
    yield any_place(document.key, document.generation)


def any_place(key: str, generation: int) -> str:
    """The place that every store has for a document, whatever its name is."""
    return f"{PREFIX}~{document_id(key)}/{generation}"


def documents_in(bucket: Bucket, after: str = "") -> Iterator[ObjectInfo]:
    """Yield the objects of the bucket as `Bucket.list` does, without those in quarantine, which are not even listed."""
    for info in bucket.list(after=after):
        if info.key.startswith(PREFIX):
            break
        yield info
    else:
        return
    yield from (info for info in bucket.list(after=_BEHIND) if not info.key.startswith(PREFIX))
