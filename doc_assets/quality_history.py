"""What earlier evaluations of the retrieval check came to, as Dagster's event log keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.storage.asset_check_execution_record import COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES

KEPT = 100
"""Evaluations looked at."""
_NDCG, _ACCEPTED, _SHA256 = "ndcg_at_10", "accepted_ndcg_at_10", "golden_set_sha256"


@dataclass(frozen=True, slots=True)
class Measured:
    """One evaluation's result."""

    ndcg: float
    accepted: float
    """What later results are held against."""
    golden_sha256: str
    """Of the golden set: results of two sets are never compared."""

    @property
    def metadata(self) -> dict[str, Any]:
        """How an evaluation keeps it."""
        return {_NDCG: self.ndcg, _ACCEPTED: self.accepted, _SHA256: self.golden_sha256}


def quality_history(instance: dg.DagsterInstance, check: dg.AssetCheckKey, golden_sha256: str) -> list[Measured]:
    """The results of this golden set among the last evaluations, oldest first."""
    # Dagster's own way to the latest evaluation would find the one that is just being made.
    records = instance.event_log_storage.get_asset_check_execution_history(
        check, limit=KEPT, status=set(COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES)
    )
    found = (_measured(record.evaluation.metadata) for record in records if record.evaluation)
    return [one for one in found if one and one.golden_sha256 == golden_sha256][::-1]


def _measured(metadata: Mapping[str, dg.MetadataValue[Any]]) -> Measured | None:
    values = {name: entry.value for name, entry in metadata.items() if name in (_NDCG, _ACCEPTED, _SHA256)}
    return Measured(values[_NDCG], values[_ACCEPTED], values[_SHA256]) if len(values) == 3 else None
