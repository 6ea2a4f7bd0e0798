"""What a stage has done of one document before its artifact is whole, kept for the attempt that follows a killed one."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from docpipe.artifacts import ArtifactStore
from docpipe.errors import ArtifactDamaged, DocpipeError
from docpipe.fingerprint import Recipe, fingerprint
from docpipe.models import StageName

log = logging.getLogger(__name__)


class Checkpoint:
    """Numbered pieces among the artifacts of the document, so that they go when it goes.

    A piece is found by the fingerprint of the artifact that it is to become a part of: other content, other settings or other
    code never meet it. It holds what the stage makes of it, and no piece needs another one.
    """

    def __init__(self, artifacts: ArtifactStore, stage: StageName, key: str, of: str, *, begun: bool) -> None:
        """`of` is the artifact's fingerprint; `begun` says that an earlier attempt at it did not come to its end.

        Without that nothing is looked for: a document that is new costs no request.
        """
        self._artifacts = artifacts
        self._stage = stage
        self._key = key
        self._of = of
        self._begun = begun
        self._number = 0

    def pieces(self) -> Iterator[bytes]:
        """Yield what earlier attempts kept, before anything is added; raises what `Bucket.read` does."""
        if not self._begun:
            return
        while self._artifacts.exists(self._stage, self._key, name := self._name(self._number)):
            self._number += 1
            try:
                yield self._artifacts.load(self._stage, self._key, name)
            except ArtifactDamaged as error:
                log.warning("a piece of an earlier attempt is of no use, and is made again: %s", error)

    def add(self, piece: bytes) -> None:
        """Keep one more; raises what `Bucket.write` does."""
        self._artifacts.save(self._stage, self._key, self._name(self._number), piece)
        self._number += 1

    def remove(self) -> None:
        """Delete all pieces, once nothing more is to come of them. Those that the store keeps hold of, cleaning finds when they are old."""
        # The last one first, so that a kill in between leaves no gap before those that are left.
        while self._number:
            try:
                self._artifacts.delete(self._stage, self._key, self._name(self._number - 1))
            except DocpipeError as error:
                # Even where nothing may be deleted: the document is done, and the next thing that is stored tells more.
                log.warning("%d pieces of a checkpoint are left for `docpipe clean`: %s", self._number, error)
                return
            self._number -= 1

    def _name(self, number: int) -> str:
        return fingerprint(Recipe(self._stage, "checkpoint 1", {"number": number}), [self._of])
