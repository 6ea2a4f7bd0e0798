"""The artifacts of the stages, one object each, found by what they were made of.

An artifact of document `key` lies at `{stage}/{id[:2]}/{id}/{fingerprint}.zst`, `id` being `document_id(key)`: the
same fingerprint is the same artifact, so nothing is ever overwritten by something else. Files that belong to it, such
as the figures of a document, are its parts: `{fingerprint}.{sha256}.part` beside it, stored before the artifact that names them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import zstandard

from docpipe.bucket.bucket import Bucket
from docpipe.errors import ArtifactDamaged, Superseded
from docpipe.models import StageName
from docpipe.partition_key import document_id

_LEVEL = 3
_NAME = re.compile(r"[^/]+/[0-9a-f]{2}/(?P<document>[0-9a-f]{32})/(?P<fingerprint>[^/.]+)(?:\.(?P<part>[0-9a-f]{64})\.part|\.zst)")


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """One artifact as the store lists it."""

    stage: StageName
    document_id: str
    fingerprint: str
    size: int
    """Bytes as stored."""
    part: str = ""
    """The sha256 of one of its parts; empty for the artifact itself."""
    modified: datetime | None = field(default=None, compare=False)
    """When it was stored, as the store says."""


class ArtifactStore:
    """Artifacts in a bucket, compressed with a checksum; safe for many threads."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def save(self, stage: StageName, key: str, fingerprint: str, data: bytes) -> None:
        """Store an artifact; one that is there already is replaced as a whole."""
        # A compressor serves one thread at a time, and making one is cheap.
        compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True, write_content_size=True)
        self._bucket.write(_name(stage, key, fingerprint), compressor.compress(data))

    def load(self, stage: StageName, key: str, fingerprint: str) -> bytes:
        """Return an artifact; `ArtifactDamaged` where it is missing, cut short or altered."""
        return self._load(_name(stage, key, fingerprint), stage, repr(key))

    def load_stored(self, stored: StoredArtifact) -> bytes:
        """Return an artifact as it was listed; `ArtifactDamaged` where it is missing by now, cut short or altered."""
        return self._load(_stored_name(stored), stored.stage, f"the document {stored.document_id}")

    def save_part(self, stage: StageName, key: str, fingerprint: str, data: bytes) -> str:
        """Store a file that belongs to an artifact, as it is, and return its sha256; before the artifact itself is saved."""
        sha256 = hashlib.sha256(data).hexdigest()
        self._bucket.write(_part_name(stage, key, fingerprint, sha256), data)
        return sha256

    def load_part(self, stage: StageName, key: str, fingerprint: str, sha256: str) -> bytes:
        """Return a part; `ArtifactDamaged` where it is missing or altered."""
        try:
            data = self._bucket.read(_part_name(stage, key, fingerprint, sha256))
        except Superseded:
            raise _missing_part(stage, key) from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise _damaged(stage, repr(key), "one of its parts was altered")
        return data

    def copy_part(self, stage: StageName, key: str, fingerprint: str, sha256: str, path: Path) -> None:
        """Copy a part to a file; `ArtifactDamaged` where it is missing or altered, and then nothing is left at `path`."""
        try:
            _, found = self._bucket.download(_part_name(stage, key, fingerprint, sha256), path)
        except Superseded:
            raise _missing_part(stage, key) from None
        if found != sha256:
            path.unlink()
            raise _damaged(stage, repr(key), "one of its parts was altered")

    def has_part(self, stage: StageName, key: str, fingerprint: str, sha256: str) -> bool:
        """Say whether a part is there; only `load_part` and `copy_part` say whether it is whole."""
        return self._has(_part_name(stage, key, fingerprint, sha256))

    def exists(self, stage: StageName, key: str, fingerprint: str) -> bool:
        """Say whether the artifact is there; only `load` says whether it is whole."""
        return self._has(_name(stage, key, fingerprint))

    def copy_to(self, stage: StageName, key: str, fingerprint: str, name: str) -> bool:
        """Copy an artifact as it is stored, without its parts, to a free object key of the store; False where there is no such artifact."""
        try:
            self._bucket.copy(self._bucket.stat(_name(stage, key, fingerprint)), name)
        except Superseded:
            return False
        return True

    def delete(self, stage: StageName, key: str, fingerprint: str) -> None:
        """Remove one artifact, but not its parts; one that is not there is fine."""
        self._bucket.delete(_name(stage, key, fingerprint))

    def delete_stored(self, stored: StoredArtifact) -> None:
        """Remove what was listed; one that is not there is fine."""
        self._bucket.delete(_stored_name(stored))

    def delete_document(self, key: str) -> None:
        """Remove every artifact of a document, each before its parts."""
        for artifact in sorted(self.list_document(key), key=lambda stored: bool(stored.part)):
            self.delete_stored(artifact)

    def list_document(self, key: str, stages: Iterable[StageName] = tuple(StageName)) -> Iterator[StoredArtifact]:
        """Yield the artifacts of one document and their parts, of all fingerprints."""
        document = document_id(key)
        for stage in stages:
            yield from self._list(stage, f"{document[:2]}/{document}/")

    def list_stage(self, stage: StageName) -> Iterator[StoredArtifact]:
        """Yield the artifacts of one stage and their parts, of all documents, in order of the document id."""
        yield from self._list(stage, "")

    def _load(self, name: str, stage: StageName, document: str) -> bytes:
        try:
            stored = self._bucket.read(name)
        except Superseded:
            raise ArtifactDamaged(f"The artifact {stage} of {document} is missing: run the stage again for this document") from None
        # Unlike the one-shot call, this one never reserves the size that a damaged header claims.
        decompressor = zstandard.ZstdDecompressor().decompressobj()
        try:
            data = decompressor.decompress(stored)
        except zstandard.ZstdError as error:
            raise _damaged(stage, document, str(error)) from error
        if not decompressor.eof or decompressor.unused_data:
            raise _damaged(stage, document, "it ends too early" if not decompressor.eof else "it goes on after its end")
        return data

    def _has(self, name: str) -> bool:
        try:
            self._bucket.stat(name)
        except Superseded:
            return False
        return True

    def _list(self, stage: StageName, prefix: str) -> Iterator[StoredArtifact]:
        for info in self._bucket.list(prefix=f"{stage}/{prefix}"):
            # What somebody else put there is neither an artifact nor ours to delete.
            if match := _NAME.fullmatch(info.key):
                yield StoredArtifact(stage, match["document"], match["fingerprint"], info.size, match["part"] or "", info.modified)


def _name(stage: StageName, key: str, fingerprint: str) -> str:
    return _stored_name(StoredArtifact(stage, document_id(key), fingerprint, 0))


def _part_name(stage: StageName, key: str, fingerprint: str, sha256: str) -> str:
    return _stored_name(StoredArtifact(stage, document_id(key), fingerprint, 0, sha256))


def _stored_name(stored: StoredArtifact) -> str:
    suffix = f"{stored.part}.part" if stored.part else "zst"
    return f"{stored.stage}/{stored.document_id[:2]}/{stored.document_id}/{stored.fingerprint}.{suffix}"


def _missing_part(stage: StageName, key: str) -> ArtifactDamaged:
    return ArtifactDamaged(f"A part of the artifact {stage} of {key!r} is missing: run the stage again for this document")


def _damaged(stage: StageName, document: str, reason: str) -> ArtifactDamaged:
    return ArtifactDamaged(f"The artifact {stage} of {document} is damaged ({reason}): run the stage again for this document")
