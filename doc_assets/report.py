"""What one stage did in one run, as Dagster shows it: a line of progress, tables, and metadata for each document."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import dagster as dg

from docpipe.attachment_key import parent_object_key
from docpipe.models import StageName
from docpipe.stage import WORK_COUNTS
from docpipe.stage_run import StageResult

SLOWEST = 10


class StageReport:
    """Collects the results of a stage run; small whatever the size of the batch."""

    def __init__(self, stage: StageName, total: int, token_price: float = 0.0) -> None:
        """`token_price`: US dollars for a million tokens that a provider bills."""
        self.stage = stage
        self.total = total
        self.fingerprints: dict[str, str] = {}
        self.made: list[str] = []
        """Partition keys whose artifact this run made, in order of completion."""
        self._failed: list[StageResult] = []
        self._counts: Counter[str] = Counter()
        self._slowest: list[StageResult] = []
        self._started = time.monotonic()
        self._token_price = token_price
        self._looked_up = 0

    def add(self, result: StageResult) -> None:
        if result.error:
            self._failed.append(result)
            return
        self.fingerprints[result.document.key] = result.fingerprint
        counts = _counts(result)
        self._counts.update(counts)
        if "cached" in counts:
            self._looked_up += counts["vectors"]
        if not result.reused:
            self.made.append(result.document.key)
            self._slowest = sorted([*self._slowest, result], key=lambda one: -one.seconds)[:SLOWEST]

    def progress(self) -> str:
        done = len(self.fingerprints) + len(self._failed)
        found = len(self.fingerprints) - len(self.made)
        shares = {"cached": f" ({self._hit_rate:.0%})"}
        counts = ", ".join(f"{number:,} {name.replace('_', ' ')}{shares.get(name, '')}" for name, number in self._counts.items())
        seconds = time.monotonic() - self._started
        state = f"{found} already there, {len(self._failed)} failed"
        cost = "".join(f", {dollars:.4f} US dollars" for dollars in self._cost(self._counts).values())
        return f"{self.stage}: {done} of {self.total} documents in {seconds:.1f} s ({state}); {counts or 'nothing yet'}{cost}"

    def document_metadata(self, result: StageResult) -> dict[str, Any]:
        """Metadata of one document's materialization."""
        parent = parent_object_key(result.document.object_key)
        return {
            "fingerprint": result.fingerprint,
            "generation": result.document.generation,
            "object": result.document.object_key,
            **({"parent": parent} if parent else {}),
            "seconds": round(result.seconds, 3),
            "already_there": result.reused,
            **_counts(result),
            **self._cost(_counts(result)),
        }

    def metadata(self) -> dict[str, Any]:
        """Metadata of the run's observation: totals, the slowest documents, the failed ones."""
        metadata: dict[str, Any] = {
            "documents": self.total,
            "made": len(self.made),
            "already_there": len(self.fingerprints) - len(self.made),
            "failed": len(self._failed),
            "seconds": round(time.monotonic() - self._started, 2),
            **{f"total_{name}": number for name, number in self._counts.items()},
            **self._cost(self._counts),
        }
        if self._looked_up:
            metadata["cache_hit_rate"] = round(self._hit_rate, 4)
        if self._slowest:
            # Dagster wants the same columns in all rows, and not every document holds everything.
            counted = dict.fromkeys(name for one in self._slowest for name in one.counts)
            metadata["slowest_documents"] = dg.MetadataValue.table(
                [
                    dg.TableRecord(
                        {
                            "document": one.document.key,
                            "seconds": round(one.seconds, 2),
                            **{name: one.counts.get(name, 0) for name in counted},
                        }
                    )
                    for one in self._slowest
                ]
            )
        if self._failed:
            metadata["failed_documents"] = dg.MetadataValue.table(
                [
                    dg.TableRecord({"document": one.document.key, "error": type(one.error).__name__, "message": str(one.error)})
                    for one in self._failed
                ]
            )
        return metadata

    @property
    def _hit_rate(self) -> float:
        """Share of this run's chunks that were not embedded again; artifacts that were already there looked nothing up."""
        return self._counts["cached"] / max(1, self._looked_up)

    def _cost(self, counts: Mapping[str, int]) -> dict[str, float]:
        return {"cost_usd": round(counts["billed_tokens"] * self._token_price / 1e6, 6)} if "billed_tokens" in counts else {}


def _counts(result: StageResult) -> dict[str, int]:
    """What the document holds, and what it took where this run made it."""
    return {name: number for name, number in result.counts.items() if not (result.reused and name in WORK_COUNTS)}
