"""Where the bytes of a document lie: an object in the bucket, an attachment in the artifact of the document that it came in."""

from __future__ import annotations

from pathlib import Path

from docpipe.artifacts import ArtifactStore
from docpipe.bucket import Bucket
from docpipe.errors import ArtifactDamaged, Superseded
from docpipe.models import Document, StageName


class Sources:
    """Copies documents to local files; safe for many threads."""

    def __init__(self, bucket: Bucket, artifacts: ArtifactStore) -> None:
        self._bucket = bucket
        self._artifacts = artifacts

    def copy(self, document: Document, path: Path) -> str:
        """Copy the bytes of this generation to `path` and return their sha256.

        Raises `Superseded` where they are there no more: the next look at the bucket, or at the attachments, decides.
        """
        if document.parent is None:
            info, sha256 = self._bucket.download(document.object_key, path)
            if info.identity != document.identity:
                raise superseded(document)
            return sha256
        sha256 = document.etag
        try:
            self._artifacts.copy_part(StageName.PARSED_PAGES, document.parent, document.parent_fingerprint or "", sha256, path)
        except ArtifactDamaged as error:
            raise superseded(document) from error
        return sha256


def superseded(document: Document) -> Superseded:
    """For a document whose bytes are no longer those that the ledger knows."""
    return Superseded(f"{document.object_key} was replaced or deleted since it was listed; the next sensor tick takes what is there then")
