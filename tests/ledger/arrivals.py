"""Objects that arrive in a bucket, for tests."""

from __future__ import annotations

from collections.abc import Iterable

from docpipe.ledger import Arrival, Ledger
from docpipe.models import ObjectInfo, StageName
from docpipe.partition_key import partition_key


def arrival(object_key: str, etag: str = "e1", *, size: int = 10, refusal: str | None = None) -> Arrival:
    info = ObjectInfo(object_key, size, etag)
    return Arrival(info, partition_key(object_key), "" if refusal else "application/pdf", refusal, 3)


def register(ledger: Ledger, *object_keys: str, etag: str = "e1") -> list[str]:
    """Register objects and return the partition keys of those that are pending now."""
    return [document.key for document in ledger.register([arrival(key, etag) for key in object_keys])]


def index(ledger: Ledger, keys: Iterable[str], generation: int = 1, run_id: str = "run") -> None:
    """Take documents through all stages."""
    for stage in StageName:
        for key in ledger.start(stage, dict.fromkeys(keys, (generation, f"{stage}-f", "r")), run_id):
            assert ledger.complete(stage, key, generation, f"{stage}-f", "r", {"n": 1}, 0.5, run_id)
