"""Which artifacts are needed: a snapshot of the ledger in eight bytes for each, so that millions fit into memory."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from docpipe.artifacts import StoredArtifact
from docpipe.ledger import Ledger
from docpipe.models import IN_FLIGHT, DocumentStatus, StageName
from docpipe.partition_key import document_id

PAGE = 1_000
_MOVING = (*IN_FLIGHT, DocumentStatus.PENDING)


class Needed:
    """Two hashes that agree by chance, one pair in millions of millions, keep an artifact that might go: the harmless side."""

    def __init__(self, artifacts: Iterable[int], documents: Iterable[int]) -> None:
        self._artifacts = _sorted(artifacts)
        self._documents = _sorted(documents)

    @classmethod
    def of(cls, ledger: Ledger, changed_since: datetime) -> Needed:
        """Read the ledger: what each stage state names, what attachments lie in, and all of documents that moved since a moment."""
        artifacts, moving = array("Q"), array("Q")
        documents = ledger.all_documents()
        while page := list(islice(documents, PAGE)):
            for document in page:
                if document.status in _MOVING or (document.updated and document.updated >= changed_since):
                    moving.append(document_hash(document_id(document.key)))
                if document.parent and document.parent_fingerprint:
                    artifacts.append(artifact_hash(StageName.PARSED_PAGES, document_id(document.parent), document.parent_fingerprint))
            for (key, stage), state in ledger.stage_states([document.key for document in page]).items():
                if state.fingerprint:
                    # Of any generation and status: the old version is found until the new one is there, a failed one is tried again.
                    artifacts.append(artifact_hash(stage, document_id(key), state.fingerprint))
        return cls(artifacts, moving)

    def surplus(self, stored: Sequence[StoredArtifact]) -> list[StoredArtifact]:
        """Return those of the artifacts, and of their parts, that nothing in the snapshot needs."""
        artifacts = np.array([artifact_hash(one.stage, one.document_id, one.fingerprint) for one in stored], dtype=np.uint64)
        documents = np.array([document_hash(one.document_id) for one in stored], dtype=np.uint64)
        kept = _within(self._artifacts, artifacts) | _within(self._documents, documents)
        return [one for one, keep in zip(stored, kept, strict=True) if not keep]


def artifact_hash(stage: StageName, document: str, fingerprint: str) -> int:
    return _hash(f"{stage}/{document}/{fingerprint}")


def document_hash(document: str) -> int:
    return _hash(document)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def _sorted(hashes: Iterable[int]) -> NDArray[np.uint64]:
    return np.unique(np.array(hashes if isinstance(hashes, array) else list(hashes), dtype=np.uint64))


def _within(ordered: NDArray[np.uint64], values: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which of the values occur; unlike `np.isin` it goes through none of the millions but those it meets on its way."""
    if not ordered.size:
        return np.zeros(values.shape, dtype=np.bool_)
    places = np.minimum(np.searchsorted(ordered, values), ordered.size - 1)
    return np.asarray(ordered[places] == values, dtype=np.bool_)
