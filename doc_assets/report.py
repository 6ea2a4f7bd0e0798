"""What one stage did in one run, as Dagster shows it: a line of progress, tables, and metadata for each document."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import dagster as dg

from docpipe.attachment_key import parent_object_key
from docpipe.errors import BudgetSpent
from docpipe.models import StageName
from docpipe.stage import NO_EFFORT, WORK_COUNTS, Effort
from docpipe.stage_run import StageResult

SLOWEST = 10


class StageReport:
    """Collects the results of a stage run; small whatever the size of the batch."""

    def __init__(self, stage: StageName, total: int) -> None:
        self.stage = stage
        self.total = total
        self.fingerprints: dict[str, str] = {}
        self.made: list[str] = []
        """Partition keys whose artifact this run made, in order of completion."""
        self._failed: list[StageResult] = []
        self._counts: Counter[str] = Counter()
        self._slowest: list[StageResult] = []
        self._started = time.monotonic()
        self._looked_up = 0
        self._effort = NO_EFFORT
        self._cost: float | None = None
        """US dollars, of failed documents too; None where nothing has a price."""

    def add(self, result: StageResult) -> None:
        self._effort += result.effort
        if result.cost_usd is not None:
            self._cost = (self._cost or 0.0) + result.cost_usd
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
        postponed = sum(isinstance(one.error, BudgetSpent) for one in self._failed)
        waiting = f", {postponed} wait for money" if postponed else ""
        state = f"{found} already there, {len(self._failed) - postponed} failed{waiting}"
        cost = f", {self._cost:.4f} US dollars" if self._cost is not None else ""
        return f"{self.stage}: {done} of {self.total} documents in {seconds:.1f} s ({state}); {counts or 'nothing yet'}{cost}"

    @property
    def all_wait_for_money(self) -> bool:
        """Whether the next day's budget is all that any document lacks which the stage could not do."""
        return bool(self._failed) and all(isinstance(one.error, BudgetSpent) for one in self._failed)

    def none_passed(self) -> str:
        """Why there is nothing to materialize."""
        none = f"none of {self.total} documents passed {self.stage}"
        if self.all_wait_for_money:
            return f"{none}; each {self._failed[0].error}"
        return f"{none}: see the observations above"

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
            **_cost(result.effort, result.cost_usd),
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
            **_cost(self._effort, self._cost),
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


def _counts(result: StageResult) -> dict[str, int]:
    """What the document holds, and what it took where this run made it."""
    return {name: number for name, number in result.counts.items() if not (result.reused and name in WORK_COUNTS)}


def _cost(effort: Effort, usd: float | None) -> dict[str, Any]:
    """What it took, where it took anything: processor time, cards, and what providers were asked and paid."""
    usage = effort.usage
    took: dict[str, Any] = {}
    if effort.cpu_seconds:
        took["cpu_seconds"] = round(effort.cpu_seconds, 3)
    if effort.gpu_seconds:
        took["gpu_seconds"] = round(effort.gpu_seconds, 3)
    if usage.provider:
        took |= {"provider": usage.provider, "model": usage.model, "requests": round(usage.requests, 3), "provider_tokens": usage.tokens}
    return took | ({"cost_usd": round(usd, 6)} if usd is not None else {})
