"""Which quarantined documents somebody means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from docpipe.errors import DocumentUnknown
from docpipe.ledger import Ledger
from docpipe.ledger.quarantine import Confinement
from docpipe.models import Document

_PAGE = 500


def known(ledger: Ledger, name: str) -> Document:
    """Return the document of this name in the bucket or this partition key; `DocumentUnknown` where there never was one."""
    document = ledger.find(name)
    if document is None:
        raise DocumentUnknown(f"no document {name!r}: `docpipe status --only quarantined` lists those in quarantine")
    return document


def chosen(ledger: Ledger, names: Iterable[str]) -> Iterator[tuple[str, Confinement | None]]:
    """Yield for each name what was quarantined of that document last; None where nothing ever was.

    An open one goes before those that have ended. Every name is looked up before the first is yielded.
    """
    documents = {name: known(ledger, name) for name in dict.fromkeys(names)}
    for name, document in documents.items():
        confinements = ledger.confinements_of(document.key)
        yield name, next((one for one in confinements if one.ended is None), next(iter(confinements), None))


def all_held(ledger: Ledger, kind: str | None = None) -> Iterator[tuple[str, Confinement | None]]:
    """Yield everything that is held, or all that failed by one class of errors."""
    after = 0
    while page := ledger.confined(after=after, limit=_PAGE, kind=kind):
        after = page[-1].number
        yield from ((one.object_key, one) for one in page)
