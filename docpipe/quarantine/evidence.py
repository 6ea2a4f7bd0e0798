"""What tells why a document was quarantined: `errors/{document id}/{generation}/` beside the artifacts."""

from __future__ import annotations

import json
from collections.abc import Mapping

from docpipe.artifacts import ArtifactStore
from docpipe.bucket import Bucket
from docpipe.ledger.quarantine import Confinement
from docpipe.models import StageName, StageState, StageStatus
from docpipe.partition_key import document_id

ERROR, TRACEBACK, ARTIFACT = "error.json", "traceback.txt", "artifact"


class Evidence:
    """Kept from the moment a document is quarantined until it is dropped or deleted; safe for many threads."""

    def __init__(self, bucket: Bucket, artifacts: ArtifactStore) -> None:
        self._bucket = bucket
        self._artifacts = artifacts

    def keep(self, confinement: Confinement, states: Mapping[tuple[str, StageName], StageState]) -> None:
        """Store the error, its traceback and, as it is stored, the artifact of the last stage that the document passed."""
        folder = _folder(confinement.key, confinement.generation)
        good = _last_good(confinement, states)
        kept = bool(good and self._artifacts.copy_to(good.stage, good.key, good.fingerprint, folder + ARTIFACT))
        told = {
            "document": confinement.key,
            "object": confinement.object_key,
            "generation": confinement.generation,
            "held_as": confinement.held_as,
            "stage": confinement.stage,
            "error_kind": confinement.error_kind,
            "error": confinement.error,
            "run": confinement.run_id,
            "at": confinement.at.isoformat(),
            "artifact_of": good.stage if good and kept else None,
            "fingerprint": good.fingerprint if good and kept else None,
        }
        if confinement.traceback:
            self._bucket.write(folder + TRACEBACK, confinement.traceback.encode())
        # Last, so that whoever finds it finds all that it names.
        self._bucket.write(folder + ERROR, json.dumps(told, indent=1, ensure_ascii=False).encode())

    def files(self, key: str, generation: int) -> list[str]:
        """Return the object keys of what is kept, in the store of the artifacts."""
        return [info.key for info in self._bucket.list(prefix=_folder(key, generation))]

    def delete(self, key: str, generation: int | None = None) -> None:
        """Remove what is kept of one generation, or of all."""
        folder = f"errors/{document_id(key)}/" if generation is None else _folder(key, generation)
        for name in [info.key for info in self._bucket.list(prefix=folder)]:
            self._bucket.delete(name)


def _folder(key: str, generation: int) -> str:
    return f"errors/{document_id(key)}/{generation}/"


def _last_good(confinement: Confinement, states: Mapping[tuple[str, StageName], StageState]) -> StageState | None:
    """The last stage that is complete in this generation, and has an artifact that says more than a receipt does."""
    mine = [states.get((confinement.key, stage)) for stage in StageName]
    return next(
        (
            state
            for state in reversed(mine)
            if state and state.status is StageStatus.COMPLETE and state.generation == confinement.generation and state.fingerprint
        ),
        None,
    )
